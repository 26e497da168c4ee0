"""Correlation of every pair of raters, one matrix per dimension."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.figures import parser, save, say, style

MOST_RATERS = 30
"""Maximum number of raters for a readable matrix."""


def matrix(pairs: pd.DataFrame) -> pd.DataFrame:
    """Symmetric matrix of the correlations of one dimension, NaN on the diagonal.

    Parameters
    ----------
    pairs
        ``rater``, ``other``, ``correlation``.
    """
    turned = pairs.rename(columns={"rater": "other", "other": "rater"})
    both = pd.concat([pairs, turned], ignore_index=True)
    return both.pivot(index="rater", columns="other", values="correlation")


def draw(pairs: pd.DataFrame) -> plt.Figure:
    """One matrix per dimension.

    Parameters
    ----------
    pairs
        ``dimension``, ``rater``, ``other``, ``correlation``.
    """
    matrices = {d: matrix(rows) for d, rows in pairs.groupby("dimension", sort=False)}
    if not matrices:
        return say("There are no two raters.")
    most = max(map(len, matrices.values()))
    if most > MOST_RATERS:
        return say(f"{most} raters are too many for a matrix. All pairs are in results/agreement.")
    with style(), plt.rc_context({"axes.grid": False}):
        side = 0.38 * most + 1.2
        figure, axes = plt.subplots(
            1, len(matrices), figsize=(side * len(matrices) + 0.6, side), squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axis, (dimension, table) in zip(axes[0], matrices.items(), strict=True):
            axis.pcolormesh(table, vmin=-1, vmax=1, cmap="PuOr_r", edgecolors="white")
            axis.set_xticks(np.arange(len(table)) + 0.5, table.columns, rotation=90)
            axis.set_yticks(np.arange(len(table)) + 0.5, table.index)
            axis.invert_yaxis()
            axis.set_aspect("equal")
            axis.set_title(dimension, fontsize=9)
            _write_values(axis, table.to_numpy())
        return figure


def _write_values(axis: plt.Axes, values: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "white" if abs(value) > 0.6 else "black"
            axis.text(
                column + 0.5,
                row + 0.5,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
            )


def main() -> None:
    options = parser(__doc__, "pairs").parse_args()
    save(draw(tables.read(options.pairs)), options.output)


if __name__ == "__main__":
    cli.run(main)
