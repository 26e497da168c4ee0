"""Figures for the report and for papers, in one style and with reproducible bytes.

Each module of this package draws one figure and is its own stage, which writes PDF and SVG. Colours
are those of Okabe and Ito (2008), which remain distinct in colour blindness; lines in one panel
also differ in width or dash.
"""

import argparse
import io
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
from matplotlib.typing import RcKeyType

from softaer import modalities
from softaer.core import cli
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


def say(words: str) -> plt.Figure:
    """A figure that states why there is nothing to draw."""
    figure, axis = plt.subplots(figsize=(6, 1.2))
    axis.axis("off")
    axis.text(0, 0.5, words, va="center")
    return figure


def save(figure: plt.Figure, paths: Iterable[Path]) -> None:
    """Write a figure without a date, as PDF or SVG by the suffix of each path, and close it."""
    with style():
        for path in paths:
            kind = Path(path).suffix[1:]
            with complete(path) as partial:
                figure.savefig(partial, format=kind, metadata=UNDATED[kind], bbox_inches="tight")
    plt.close(figure)


def to_svg(figure: plt.Figure) -> str:
    """Return a figure as an ``<svg>`` element without a date, and close it."""
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata=UNDATED["svg"], bbox_inches="tight")
    plt.close(figure)
    return element(sink.getvalue())


def element(svg: str) -> str:
    """The ``<svg>`` element in the text of a file."""
    return svg[svg.index("<svg") :]


def parser(doc: str, *tables: str) -> argparse.ArgumentParser:
    """Argument parser of a figure's stage: the tables to draw, and the files to write."""
    arguments = cli.parser(doc)
    for table in tables:
        arguments.add_argument(f"--{table}", type=Path, required=True, help=f"table of {table}")
    arguments.add_argument(
        "--output", type=Path, nargs="+", required=True, help="files to write, .pdf or .svg"
    )
    return arguments
