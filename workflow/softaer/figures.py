"""Figures of the report, as SVG that is the same every time."""

import io
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import pandas as pd

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


def learning_curves(curves: pd.DataFrame, dimensions: Sequence[str]) -> str:
    """CCC on dev after each epoch; the epoch that was kept is marked.

    Parameters
    ----------
    curves
        ``dimension``, ``modality``, ``objective``, ``seed``, ``epoch``, ``target``, ``dev_ccc``,
        ``best``.
    dimensions
        One row of panels for each; single-task and multi-task share a panel per target.
    """
    modalities = list(dict.fromkeys(curves["modality"]))
    targets = list(SYMBOLS)
    columns = [(modality, target) for modality in modalities for target in targets]
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
        for row, dimension in zip(axes, dimensions, strict=True):
            for axis, (modality, target) in zip(row, columns, strict=True):
                here = curves[
                    (curves["dimension"] == dimension)
                    & (curves["modality"] == modality)
                    & (curves["target"] == target)
                ]
                for (objective, _), curve in here.groupby(["objective", "seed"]):
                    multi = objective == "E+sigma"
                    axis.plot(
                        curve["epoch"],
                        curve["dev_ccc"],
                        color=COLOURS[modality],
                        linestyle="--" if multi else "-",
                        linewidth=1.2,
                        label="multi-task" if multi else "single-task",
                    )
                    kept = curve[curve["best"]]
                    axis.plot(kept["epoch"], kept["dev_ccc"], "o", color=COLOURS[modality], ms=4)
                axis.set_title(f"{dimension} {SYMBOLS[target]}, {modality}", fontsize=9)
        handles = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=False))
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2)
        figure.supxlabel("epoch", fontsize=9)
        figure.supylabel("CCC on dev", fontsize=9)
        return to_svg(figure)
