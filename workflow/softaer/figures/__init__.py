"""Figures for the report and for papers, in one style and with reproducible bytes.

Each module of this package draws one figure and is its own stage, which writes PDF and SVG. Colours
are those of Okabe and Ito (2008), which remain distinct in colour blindness; lines in one panel
also differ in width or dash.
"""

import argparse
import io
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.typing import RcKeyType

from softaer import modalities
from softaer.core import cli
from softaer.core.experiment import Drawing
from softaer.core.files import complete
from softaer.core.tasks import JOIN

COLOURS = {"label": "#222222"} | {name: light for name, (light, _) in modalities.COLOURS.items()}
"""Colours of the label and of the built-in modalities."""

FUSION_COLOUR = "#009E73"
"""Colour of any fusion of modalities."""

STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "softaer",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
}

SYMBOLS = {"E": "E", "sigma": "σ"}

LETTER = 0.075
"""Width of a letter of the usual size, with some room [inch]."""

ENTRY = 0.65
"""Width of an entry of a legend besides its letters [inch]."""


def inches(centimetres: float) -> float:
    """A length in the unit of matplotlib [inch]."""
    return centimetres / 2.54


WIDTH = inches(Drawing().figure_width)
"""Default width of a figure [inch]."""

UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Metadata without a date, by format."""


def style() -> AbstractContextManager[None]:
    """Context in which all figures are drawn and saved."""
    return plt.rc_context(STYLE)


def colour_of(series: str, names: Iterable[str] = ()) -> str:
    """Colour of a series: the label, a modality, or any fusion of modalities.

    Parameters
    ----------
    series
        Its name.
    names
        All modalities of the experiment, by whose order those that are not built in have colours.
    """
    single = modalities.colours(filter(is_single, names))
    known = COLOURS | {name: light for name, (light, _) in single.items()}
    return known.get(series, FUSION_COLOUR)


def is_single(series: str) -> bool:
    """Whether a series is a single modality, neither the label nor a fusion."""
    return series != "label" and JOIN not in series


def beside(count: int, width: float, least: float) -> int:
    """Number of panels in a row: one at least, and no more than fit, in rows as even as possible.

    Parameters
    ----------
    count
        Number of panels.
    width
        Width for all panels of a row [inch].
    least
        Smallest width of a panel [inch].
    """
    fitting = max(1, int(width / least))
    return rows_of(count, rows_of(count, fitting))


def rows_of(count: int, columns: int) -> int:
    """Number of rows of panels."""
    return -(-count // columns)


def longest(names: Iterable[object]) -> float:
    """Width of the longest line of some names [inch]."""
    return LETTER * max((len(line) for name in names for line in str(name).split("\n")), default=0)


def without_surplus(axes: Iterable[Axes], count: int) -> list[Axes]:
    """The first panels of a grid; the others are taken off the figure."""
    panels = list(axes)
    for axis in panels[count:]:
        axis.remove()
    return panels[:count]


def row_panels(
    panels: int, names: Sequence[str], width: float, row: float
) -> tuple[plt.Figure, list[Axes]]:
    """Panels with the same rows, whose names stand left of the panels.

    Parameters
    ----------
    panels
        Number of panels.
    names
        Of the rows, from top to bottom. They are broken after commas where they would take more
        than 40 % of the width.
    width
        Width of the figure [inch].
    row
        Height of a row [inch].
    """
    if longest(names) > 0.4 * width:
        names = [name.replace(", ", ",\n") for name in names]
    columns = beside(panels, width - longest(names), 1.2)
    height = sum(max(row, 0.18 * (1 + name.count("\n"))) for name in names)
    rows = rows_of(panels, columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(width, rows * (height + 0.7) + 0.3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure, without_surplus(axes.flat, panels)


def blocks_of_panels(
    blocks: int, panels: int, width: float, least: float, height: float, **more: Any
) -> tuple[plt.Figure, list[list[Axes]]]:
    """Blocks of panels below each other; those of a block are beside each other as far as they fit.

    Parameters
    ----------
    blocks, panels
        Number of blocks, and of the panels of each.
    width, least, height
        Width of the figure, smallest width of a panel, and height of a row [inch].
    **more
        For ``plt.subplots``; ``above`` is room for what stands around the panels [inch].
    """
    columns = beside(panels, width, least)
    rows = rows_of(panels, columns) * blocks
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(width, height * rows + more.pop("above", 0.0)),
        squeeze=False,
        layout="constrained",
        **more,
    )
    return figure, [without_surplus(block, panels) for block in axes.reshape(blocks, -1)]


def legend(figure: plt.Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """A legend above all panels, with as many entries in a row as fit."""
    columns = beside(len(names), figure.get_figwidth(), longest(names) + ENTRY)
    figure.legend(handles, names, loc="outside upper center", ncols=columns)


def say(words: str, width: float = WIDTH) -> plt.Figure:
    """A figure of some width [inch] that states why there is nothing to draw."""
    lines = textwrap.wrap(words, int(width / LETTER))
    with style():
        figure, axis = plt.subplots(figsize=(width, 0.3 + 0.2 * len(lines)), layout="constrained")
        axis.axis("off")
        axis.text(0, 0.5, "\n".join(lines), va="center")
    return figure


def save(figure: plt.Figure, paths: Iterable[Path]) -> None:
    """Write a figure without a date, as PDF or SVG by the suffix of each path, and close it."""
    with style():
        for path in paths:
            kind = Path(path).suffix[1:]
            with complete(path) as partial:
                figure.savefig(partial, format=kind, metadata=UNDATED[kind])
    plt.close(figure)


def to_svg(figure: plt.Figure) -> str:
    """Return a figure as an ``<svg>`` element without a date, and close it."""
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata=UNDATED["svg"])
    plt.close(figure)
    return element(sink.getvalue())


def element(svg: str) -> str:
    """The ``<svg>`` element in the text of a file."""
    return svg[svg.index("<svg") :]


def width_of(options: argparse.Namespace) -> float:
    """Width of a stage's figure [inch]."""
    return inches(cli.settings(options, Drawing).figure_width)


def parser(doc: str, *tables: str) -> argparse.ArgumentParser:
    """Argument parser of a figure's stage: tables to draw, files to write, width [cm]."""
    arguments = cli.parser(doc)
    for table in tables:
        arguments.add_argument(f"--{table}", type=Path, required=True, help=f"table of {table}")
    arguments.add_argument(
        "--output", type=Path, nargs="+", required=True, help="files to write, .pdf or .svg"
    )
    cli.add_settings(arguments, Drawing)
    return arguments
