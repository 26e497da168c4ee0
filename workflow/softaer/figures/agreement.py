"""Correlation of every pair of raters, and reliability of the labels against their number."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.figures import COLOURS, FUSION_COLOUR, SYMBOLS, parser, save, say, style

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


def draw(pairs: pd.DataFrame, curve: pd.DataFrame) -> plt.Figure:
    """One matrix per dimension, and below it the reliability of E and sigma.

    Parameters
    ----------
    pairs
        ``dimension``, ``rater``, ``other``, ``correlation``.
    curve
        ``dimension``, ``target``, ``rule``, ``raters``, ``reliability``, ``low``, ``high``,
        ``measured``.
    """
    matrices = {d: matrix(rows) for d, rows in pairs.groupby("dimension", sort=False)}
    if not matrices:
        return say("There are no two raters.")
    most = max(map(len, matrices.values()))
    shown = most <= MOST_RATERS
    side = max(0.38 * most + 1.2 if shown else 0.0, 3.4)
    size = side * len(matrices) + 0.6, (side if shown else 0.6) + 2.6
    with style():
        figure = plt.figure(figsize=size, layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[size[1] - 2.6, 2.6])
        above, below = parts[:, 0]
        if shown:
            axes = above.subplots(1, len(matrices), squeeze=False)[0]
            for axis, (dimension, table) in zip(axes, matrices.items(), strict=True):
                _draw_matrix(axis, dimension, table)
        else:
            words = f"{most} raters are too many for a matrix. All pairs are in results/agreement."
            above.text(0.02, 0.5, words, va="center")
        axes = below.subplots(1, len(matrices), squeeze=False)[0]
        for axis, dimension in zip(axes, matrices, strict=True):
            _draw_curves(axis, dimension, curve[curve["dimension"] == dimension])
        return figure


def _draw_matrix(axis: plt.Axes, dimension: str, table: pd.DataFrame) -> None:
    axis.grid(False)
    axis.pcolormesh(table, vmin=-1, vmax=1, cmap="PuOr_r", edgecolors="white")
    axis.set_xticks(np.arange(len(table)) + 0.5, table.columns, rotation=90)
    axis.set_yticks(np.arange(len(table)) + 0.5, table.index)
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set_title(dimension, fontsize=9)
    _write_values(axis, table.to_numpy())


def _draw_curves(axis: plt.Axes, dimension: str, curve: pd.DataFrame) -> None:
    for (target, rule), line in curve.groupby(["target", "rule"], sort=False):
        colour = COLOURS["label"] if target == "E" else FUSION_COLOUR
        dash = "-" if rule == "K" else "--"
        name = SYMBOLS[target] + ("" if rule == "K" else f", by {rule}")
        axis.plot(line["raters"], line["reliability"], dash, color=colour, label=name)
        axis.fill_between(line["raters"], line["low"], line["high"], color=colour, alpha=0.12, lw=0)
        axis.plot(line["raters"], line["measured"], "o", color=colour, markersize=3)
    axis.set_ylim(min(0.0, curve["reliability"].min(skipna=True)) if len(curve) else 0, 1)
    axis.set_title(dimension, loc="left", fontsize=9)
    axis.set_xlabel("raters")
    axis.set_ylabel("reliability")
    if len(curve):
        axis.legend(fontsize=7, loc="lower right")


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
    options = parser(__doc__, "pairs", "curve").parse_args()
    save(draw(tables.read(options.pairs), tables.read(options.curve)), options.output)


if __name__ == "__main__":
    cli.run(main)
