"""Lag, gain, bias and noise of each rater, with their intervals."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.figures import (
    COLOURS,
    FUSION_COLOUR,
    WIDTH,
    beside,
    longest,
    parser,
    rows_of,
    save,
    say,
    style,
    width_of,
    without_surplus,
)

MOST_RATERS = 100
"""Maximum number of raters for a readable figure."""

SHOWN = (
    ("lag", "lag [s]", 0.0),
    ("gain", "gain", 1.0),
    ("bias", "bias [rating]", 0.0),
    ("noise", "noise [rating]", None),
)
"""Columns, their names, and the value of a rater like all others."""


def draw(raters: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """Four panels per dimension, one line per rater; raters not in agreement are hollow.

    Parameters
    ----------
    raters
        Table of the stage ``raters``.
    width
        Width of the figure [inch].
    """
    groups = dict(iter(raters.groupby("dimension", sort=False)))
    if raters[[name for name, _, _ in SHOWN]].isna().all(axis=None):
        return say("No two raters can be compared.", width)
    most = max(map(len, groups.values()))
    if most > MOST_RATERS:
        words = f"{most} raters are too many for a figure. All are in results/raters.parquet."
        return say(words, width)
    columns = beside(len(SHOWN), width - longest(raters["rater"]), 1.1)
    rows = rows_of(len(SHOWN), columns)
    heights = [0.2 * len(own) + 0.8 for own in groups.values() for _ in range(rows)]
    with style():
        figure, axes = plt.subplots(
            *(len(groups) * rows, columns),
            figsize=(width, sum(heights)),
            squeeze=False,
            sharey="row",
            height_ratios=heights,
            layout="constrained",
        )
        blocks = axes.reshape(len(groups), rows, columns)
        for block, (dimension, own) in zip(blocks, groups.items(), strict=True):
            _draw_rows(block, dimension, own)
        return figure


def _draw_rows(axes: np.ndarray, dimension: str, own: pd.DataFrame) -> None:
    place = np.arange(len(own))
    agrees = (own["verdict"] == "agrees").to_numpy()
    shown = without_surplus(axes.flat, len(SHOWN))
    for axis, (name, words, usual) in zip(shown, SHOWN, strict=True):
        if usual is not None:
            axis.axvline(usual, color=COLOURS["label"], linewidth=0.8, linestyle=":")
        axis.hlines(place, own[f"{name}_low"], own[f"{name}_high"], color=FUSION_COLOUR)
        for some, face in ((agrees, FUSION_COLOUR), (~agrees, "white")):
            axis.plot(
                *(own[name][some], place[some], "o"),
                markersize=4,
                color=FUSION_COLOUR,
                markerfacecolor=face,
            )
        axis.set_xlabel(words)
    for axis in axes[:, 0]:
        axis.set_yticks(place, own["rater"])
        axis.invert_yaxis()
    axes[0, 0].set_title(dimension, loc="left", fontsize=9)


def main() -> None:
    options = parser(__doc__, "raters").parse_args()
    save(draw(tables.read(options.raters), width_of(options)), options.output)


if __name__ == "__main__":
    cli.run(main)
