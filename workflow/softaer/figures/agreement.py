"""Correlation of every pair of raters, and reliability of the labels against their number."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.collections import QuadMesh

from softaer.core import cli, tables
from softaer.figures import (
    COLOURS,
    FUSION_COLOUR,
    SYMBOLS,
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

CELL = 0.15, 0.31, 0.45
"""Smallest side of a cell of a matrix, smallest one with a number, and largest one [inch]."""


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


def draw(pairs: pd.DataFrame, curve: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """One matrix per dimension, and below it the reliability of E and sigma.

    Parameters
    ----------
    pairs
        ``dimension``, ``rater``, ``other``, ``correlation``.
    curve
        ``dimension``, ``target``, ``rule``, ``raters``, ``reliability``, ``low``, ``high``,
        ``measured``.
    width
        Width of the figure [inch].
    """
    matrices = {d: matrix(rows) for d, rows in pairs.groupby("dimension", sort=False)}
    if not matrices:
        return say("There are no two raters.", width)
    most = max(map(len, matrices.values()))
    names = longest(name for table in matrices.values() for name in table.columns) + 0.2
    smallest, numbered, largest = CELL
    across = beside(len(matrices), width, names + numbered * most)
    cell = min((width / across - names) / most, largest)
    shown = cell >= smallest
    down = rows_of(len(matrices), across)
    high = down * (cell * most + names + 0.4) if shown else 0.5
    curves = beside(len(matrices), width, 2.2)
    low = 2.6 * rows_of(len(matrices), curves)
    with style():
        figure = plt.figure(figsize=(width, high + low), layout="constrained")
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[high, low])
        above, below = parts[:, 0]
        if shown:
            grid = above.subplots(down, across, squeeze=False)
            axes = without_surplus(grid.flat, len(matrices))
            for axis, (dimension, table) in zip(axes, matrices.items(), strict=True):
                mesh = _draw_matrix(axis, dimension, table)
                if cell >= numbered:
                    _write_values(axis, table.to_numpy())
            if cell < numbered:
                above.colorbar(mesh, ax=list(axes), label="correlation", shrink=0.6)
        else:
            words = f"{most} raters are too many for a matrix.\nAll pairs are in results/agreement."
            above.text(0.02, 0.5, words, va="center")
        grid = below.subplots(rows_of(len(matrices), curves), curves, squeeze=False)
        axes = without_surplus(grid.flat, len(matrices))
        for axis, dimension in zip(axes, matrices, strict=True):
            _draw_curves(axis, dimension, curve[curve["dimension"] == dimension])
        return figure


def _draw_matrix(axis: plt.Axes, dimension: str, table: pd.DataFrame) -> QuadMesh:
    axis.grid(False)
    mesh = axis.pcolormesh(table, vmin=-1, vmax=1, cmap="PuOr_r", edgecolors="white")
    axis.set_xticks(np.arange(len(table)) + 0.5, table.columns, rotation=90)
    axis.set_yticks(np.arange(len(table)) + 0.5, table.index)
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.set_title(dimension, fontsize=9)
    return mesh


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
    pairs, curve = tables.read(options.pairs), tables.read(options.curve)
    save(draw(pairs, curve, width_of(options)), options.output)


if __name__ == "__main__":
    cli.run(main)
