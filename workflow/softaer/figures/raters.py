"""Lag, gain, bias and noise of each rater, with their intervals."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.figures import COLOURS, FUSION_COLOUR, parser, save, say, style

MOST_RATERS = 100
"""Maximum number of raters for a readable figure."""

SHOWN = (
    ("lag", "lag [s]", 0.0),
    ("gain", "gain", 1.0),
    ("bias", "bias [rating]", 0.0),
    ("noise", "noise [rating]", None),
)
"""Columns, their names, and the value of a rater like all others."""


def draw(raters: pd.DataFrame) -> plt.Figure:
    """One row of panels per dimension, one line per rater; raters not in agreement are hollow.

    Parameters
    ----------
    raters
        Table of the stage ``raters``.
    """
    groups = dict(iter(raters.groupby("dimension", sort=False)))
    if raters[[name for name, _, _ in SHOWN]].isna().all(axis=None):
        return say("No two raters can be compared.")
    most = max(map(len, groups.values()))
    if most > MOST_RATERS:
        return say(f"{most} raters are too many for a figure. All are in results/raters.parquet.")
    heights = [0.2 * len(own) + 0.8 for own in groups.values()]
    with style():
        figure, axes = plt.subplots(
            *(len(groups), len(SHOWN)),
            figsize=(9, sum(heights)),
            squeeze=False,
            sharey="row",
            height_ratios=heights,
            layout="constrained",
        )
        for row, (dimension, own) in zip(axes, groups.items(), strict=True):
            _draw_row(row, dimension, own)
        return figure


def _draw_row(axes: np.ndarray, dimension: str, own: pd.DataFrame) -> None:
    place = np.arange(len(own))
    agrees = (own["verdict"] == "agrees").to_numpy()
    for axis, (name, words, usual) in zip(axes, SHOWN, strict=True):
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
    axes[0].set_yticks(place, own["rater"])
    axes[0].invert_yaxis()
    axes[0].set_title(dimension, loc="left", fontsize=9)


def main() -> None:
    options = parser(__doc__, "raters").parse_args()
    save(draw(tables.read(options.raters)), options.output)


if __name__ == "__main__":
    cli.run(main)
