"""Predictions of recordings without ratings: a figure per recording, and a strip for a video."""

import io
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from softaer.figures import COLOURS, FUSION_COLOUR, WIDTH, legend, style, to_svg

RATER_COLOUR = "#b3b3b3"
"""Colour of the raters' own traces."""


def _draw_predictions(axes: np.ndarray, table: pd.DataFrame) -> None:
    """E of each dimension with a band of one sigma on either side, if sigma is predicted."""
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


def _draw_ratings(axis: Axes, series: Mapping[str, pd.DataFrame]) -> None:
    """The raters' traces, and the label over them."""
    for name, trace in sorted(series.items(), key=lambda item: item[0] == "label"):
        label = name == "label"
        axis.plot(
            trace["time"],
            trace["value"],
            color=COLOURS["label"] if label else RATER_COLOUR,
            linewidth=1.5 if label else 0.7,
        )


def predictions(table: pd.DataFrame, title: str) -> str:
    """Predictions of one recording over time, one panel per dimension.

    Parameters
    ----------
    table
        ``time`` [s], ``<dimension>_E`` and, if predicted, ``<dimension>_sigma``.
    title
        Name of the recording.
    """
    panels = max(sum(name.endswith("_E") for name in table.columns), 1)
    with style():
        figure, axes = plt.subplots(
            panels,
            1,
            figsize=(WIDTH, 0.6 + 1.8 * panels),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        if len(table):
            _draw_predictions(axes[:, 0], table)
            legend(figure, *axes[0, 0].get_legend_handles_labels())
        else:
            axes[0, 0].text(0.5, 0.5, "no sound and no face", ha="center", va="center")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        return to_svg(figure)


def prediction_strip(
    table: pd.DataFrame,
    end: float,
    width: int,
    beside: Mapping[str, Mapping[str, pd.DataFrame]] | None = None,
) -> tuple[bytes, tuple[float, float]]:
    """Predictions as an image of fixed width, and the position of its time axis.

    Parameters
    ----------
    table
        See :func:`predictions`.
    end
        End of the time axis [s].
    width
        Width of the image [pixel].
    beside
        For each dimension, series to draw as well: ``label``, and any number of raters by their
        names; tables with ``time`` [s] and ``value``.

    Returns
    -------
    png, (left, right)
        Columns of the image where the time axis starts and ends.
    """
    panels = sum(name.endswith("_E") for name in table.columns)
    resolution = 100
    with style():
        figure = Figure(figsize=(width / resolution, 0.4 + 1.1 * panels), dpi=resolution)
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)
        figure.subplots_adjust(left=0.12, right=0.97, bottom=0.5 / (0.4 + 1.1 * panels), top=0.97)
        for axis, series in zip(axes[:, 0], (beside or {}).values(), strict=False):
            _draw_ratings(axis, series)
        _draw_predictions(axes[:, 0], table)
        axes[-1, 0].set_xlim(0, max(end, 0.1))
        canvas.draw()
        box = axes[-1, 0].get_window_extent()
        sink = io.BytesIO()
        canvas.print_png(sink, metadata={"Software": None})
    return sink.getvalue(), (box.x0, box.x1)
