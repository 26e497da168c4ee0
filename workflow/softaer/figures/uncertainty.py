"""What a predicted sigma is worth: coverage of ratings, selective prediction and reliability."""

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import cli, tables
from softaer.figures import (
    COLOURS,
    FUSION_COLOUR,
    WIDTH,
    blocks_of_panels,
    parser,
    save,
    say,
    style,
    width_of,
)
from softaer.uncertainty import ALONE, CONSTANT, EXACT, LABEL, PREDICTED

PANELS = {
    "coverage": ("nominal share", "share of ratings in the interval"),
    "selective": ("share of frames kept", "mean absolute error of E"),
    "reliability": ("predicted σ", "σ of the label"),
}
"""Axes of the figures on the uncertainty."""

LOOKS = {
    PREDICTED: (FUSION_COLOUR, "-"),
    ALONE: (FUSION_COLOUR, ":"),
    CONSTANT: (COLOURS["video"], "-"),
    LABEL: (COLOURS["label"], "-"),
    EXACT: ("#999999", "--"),
    "predicted sigma": (FUSION_COLOUR, "-"),
    "label sigma": (COLOURS["label"], "-"),
    "error itself": (COLOURS["video"], "-"),
    "no selection": ("#999999", "--"),
}
"""Colour and dash of every series that is drawn."""


def draw(table: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """Coverage, selective prediction and reliability of each dimension and task.

    Parameters
    ----------
    table
        ``dimension``, ``task``, ``figure``, ``series``, ``x``, ``y``.
    width
        Width of the figure [inch].
    """
    models = list(dict.fromkeys(zip(table["dimension"], table["task"], strict=True)))
    with style():
        figure, blocks = blocks_of_panels(len(models), len(PANELS), width, 2.2, 2.5)
        for block, (dimension, task) in zip(blocks, models, strict=True):
            here = table[(table["dimension"] == dimension) & (table["task"] == task)]
            for axis, (name, (x_label, y_label)) in zip(block, PANELS.items(), strict=True):
                some = here[here["figure"] == name]
                if name != "selective":
                    ends = [some[["x", "y"]].min().min(), some[["x", "y"]].max().max()]
                    axis.plot(ends, ends, color="#bbbbbb", linewidth=0.8, linestyle="--")
                for series, line in some.groupby("series", sort=False):
                    if series in LOOKS:
                        colour, dash = LOOKS[series]
                        axis.plot(
                            line["x"], line["y"], dash, marker=".", color=colour, label=series
                        )
                axis.set_xlabel(x_label)
                axis.set_ylabel(y_label)
                axis.set_title(f"{dimension}, {task}", loc="left", fontsize=9)
                if name != "reliability":
                    axis.legend(fontsize=7)
        return figure


def main() -> None:
    options = parser(__doc__, "uncertainty").parse_args()
    table = tables.read(options.uncertainty)
    width = width_of(options)
    figure = draw(table, width) if len(table) else say("No predicted sigma on test.", width)
    save(figure, options.output)


if __name__ == "__main__":
    cli.run(main)
