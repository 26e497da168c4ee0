"""Figures of the report, as SVG that is the same every time."""

import io
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from softaer.tasks import JOIN

COLOURS = {"label": "#222222", "audio": "#1f6fb4", "video": "#d9730d"}
"""One colour per series, told apart with any colour vision."""

FUSION_COLOUR = "#15803d"
"""Colour of any fusion of modalities."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "softaer",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
}

SYMBOLS = {"E": "E", "sigma": "σ"}


def to_svg(figure: plt.Figure) -> str:
    """A figure as an ``<svg>`` element without date, and close it."""
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return sink.getvalue()[sink.getvalue().index("<svg") :]


def traces(panels: Sequence[tuple[str, str, Mapping[str, pd.DataFrame]]]) -> str:
    """Predictions against labels over time, one panel for each dimension and target.

    Parameters
    ----------
    panels
        Dimension, target, and for each series (``label``, modalities) a table with ``time`` [s] and
        the target's column.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(panels),
            1,
            figsize=(9, 1.9 * len(panels)),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for number, (axis, panel) in enumerate(zip(axes.flat, panels, strict=True)):
            dimension, target, series = panel
            for name, table in series.items():
                strong = name not in ("audio", "video")
                axis.plot(
                    table["time"],
                    table[target],
                    color=COLOURS.get(name, FUSION_COLOUR),
                    linewidth=2.0 if strong else 1.0,
                    alpha=1.0 if strong else 0.7,
                    label=name,
                )
            axis.set_ylabel(f"{dimension} {SYMBOLS[target]}")
            if number < len(ascii_lowercase):
                axis.set_title(f"({ascii_lowercase[number]})", loc="left", fontsize=9)
        figure.axes[-1].set_xlabel("time [s]")
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4
        )
        return to_svg(figure)


def learning_curves(curves: pd.DataFrame) -> str:
    """CCC on dev after each epoch; the epoch that was kept is marked.

    Parameters
    ----------
    curves
        ``scope``, ``modality``, ``objective``, ``seed``, ``epoch``, ``output``, ``dev_ccc``,
        ``best``. One row of panels for each dimension; all networks that predict an output from a
        modality share a panel.
    """
    outputs = sorted(set(curves["output"]))
    dimensions = list(dict.fromkeys(output.rpartition("_")[0] for output in outputs))
    modalities = list(dict.fromkeys(curves["modality"]))
    columns = [(modality, target) for modality in modalities for target in SYMBOLS]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(dimensions),
            len(columns),
            figsize=(2.4 * len(columns), 2.0 * len(dimensions)),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        handles = {}
        for row, dimension in zip(axes, dimensions, strict=True):
            for axis, (modality, target) in zip(row, columns, strict=True):
                here = curves[
                    (curves["output"] == f"{dimension}_{target}") & (curves["modality"] == modality)
                ]
                for (scope, objective, _), curve in here.groupby(["scope", "objective", "seed"]):
                    name = _task(scope, objective)
                    (line,) = axis.plot(
                        curve["epoch"],
                        curve["dev_ccc"],
                        color=COLOURS[modality],
                        linestyle=LINES[name],
                        linewidth=1.2,
                    )
                    handles.setdefault(name, line)
                    kept = curve[curve["best"]]
                    axis.plot(kept["epoch"], kept["dev_ccc"], "o", color=COLOURS[modality], ms=4)
                axis.set_title(f"{dimension} {SYMBOLS[target]}, {modality}", fontsize=9)
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
        figure.supxlabel("epoch", fontsize=9)
        figure.supylabel("CCC on dev", fontsize=9)
        return to_svg(figure)


LINES = {"single-task": "-", "multi-task": "--", "joint": ":"}
"""Line of each approach."""


def _task(scope: str, objective: str) -> str:
    if JOIN in scope:
        return "joint"
    return "multi-task" if JOIN in objective else "single-task"


UNCERTAINTY_FIGURES = {
    "coverage": ("nominal share", "share of ratings in the interval"),
    "selective": ("share of frames kept", "mean absolute error of E"),
    "reliability": ("predicted σ", "σ of the label"),
}
"""Axes of the figures on the uncertainty."""

UNCERTAINTY_COLOURS = ("#15803d", "#d9730d", "#222222", "#9ca3af")


def uncertainty(table: pd.DataFrame) -> str:
    """Coverage, selective prediction and reliability, one row of panels per dimension and task.

    Parameters
    ----------
    table
        ``dimension``, ``task``, ``figure``, ``series``, ``x``, ``y``.
    """
    rows = list(dict.fromkeys(zip(table["dimension"], table["task"], strict=True)))
    with plt.rc_context(STYLE):
        shape = len(rows), len(UNCERTAINTY_FIGURES)
        figure, axes = plt.subplots(
            *shape, figsize=(9.5, 2.6 * len(rows)), squeeze=False, layout="constrained"
        )
        for row, (dimension, task) in zip(axes, rows, strict=True):
            here = table[(table["dimension"] == dimension) & (table["task"] == task)]
            for axis, (name, (x_label, y_label)) in zip(
                row, UNCERTAINTY_FIGURES.items(), strict=True
            ):
                some = here[here["figure"] == name]
                if name != "selective":
                    ends = [some[["x", "y"]].min().min(), some[["x", "y"]].max().max()]
                    axis.plot(ends, ends, color="#bbbbbb", linewidth=0.8, linestyle="--")
                for (series, line), colour in zip(
                    some.groupby("series", sort=False), UNCERTAINTY_COLOURS, strict=False
                ):
                    axis.plot(line["x"], line["y"], marker=".", color=colour, label=series)
                axis.set_xlabel(x_label)
                axis.set_ylabel(y_label)
                axis.set_title(f"{dimension}, {task}", loc="left", fontsize=9)
                if name != "reliability":
                    axis.legend(fontsize=7)
        return to_svg(figure)


def _draw_predictions(axes, table: pd.DataFrame) -> None:
    """E of each dimension with a band of one sigma to either side, where it is predicted."""
    dimensions = [name.removesuffix("_E") for name in table.columns if name.endswith("_E")]
    for axis, dimension in zip(axes, dimensions, strict=True):
        estimate = table[f"{dimension}_E"]
        if f"{dimension}_sigma" in table:
            sigma = table[f"{dimension}_sigma"]
            axis.fill_between(
                table["time"],
                estimate - sigma,
                estimate + sigma,
                color=FUSION_COLOUR,
                alpha=0.2,
                linewidth=0,
                label="E ± σ",
            )
        axis.plot(table["time"], estimate, color=FUSION_COLOUR, linewidth=1.5, label="E")
        axis.set_ylabel(dimension)
    axes[-1].set_xlabel("time [s]")


def predictions(table: pd.DataFrame, title: str) -> str:
    """Predictions of one recording over time, one panel for each dimension.

    Parameters
    ----------
    table
        ``time`` [s], ``<dimension>_E`` and, where it is predicted, ``<dimension>_sigma``.
    title
        Name of the recording.
    """
    panels = max(sum(name.endswith("_E") for name in table.columns), 1)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            panels,
            1,
            figsize=(9, 0.6 + 2.0 * panels),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        if len(table):
            _draw_predictions(axes[:, 0], table)
            figure.legend(
                *axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2
            )
        else:
            axes[0, 0].text(0.5, 0.5, "neither sound nor a face", ha="center", va="center")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        return to_svg(figure)


def prediction_strip(
    table: pd.DataFrame, end: float, width: int
) -> tuple[bytes, tuple[float, float]]:
    """Predictions as a picture of fixed width, and where its time axis lies.

    Parameters
    ----------
    table
        See :func:`predictions`.
    end
        Where the time axis ends [s].
    width
        Of the picture [pixel].

    Returns
    -------
    png, (left, right)
        Columns of the picture at which the time axis starts and ends.
    """
    panels = sum(name.endswith("_E") for name in table.columns)
    resolution = 100
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(width / resolution, 0.4 + 1.1 * panels), dpi=resolution)
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)
        figure.subplots_adjust(left=0.12, right=0.97, bottom=0.5 / (0.4 + 1.1 * panels), top=0.97)
        _draw_predictions(axes[:, 0], table)
        axes[-1, 0].set_xlim(0, max(end, 0.1))
        canvas.draw()
        box = axes[-1, 0].get_window_extent()
        sink = io.BytesIO()
        canvas.print_png(sink, metadata={"Software": None})
    return sink.getvalue(), (box.x0, box.x1)
