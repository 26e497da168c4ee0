"""What each modality adds: its score alone, and that of the fusion with it and without it."""

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import tables
from softaer.core.cli import run
from softaer.figures import (
    FUSION_COLOUR,
    SYMBOLS,
    WIDTH,
    colour_of,
    legend,
    parser,
    row_panels,
    save,
    say,
    style,
    width_of,
)


def draw(table: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """One panel for each dimension and target, one row for each modality.

    Parameters
    ----------
    table
        Table of the stage ``contributions``. Scores of the last task are shown, on test or, without
        it, on dev; mean over seeds.
    width
        Width of the figure [inch].
    """
    if table.empty:
        return say("No fusion of three modalities or more.", width)
    partition = "test" if (table["partition"] == "test").any() else "dev"
    task = table["task"].iloc[-1]
    some = table[(table["partition"] == partition) & (table["task"] == task)]
    keys = ["dimension", "target", "modality"]
    mean = some.groupby(keys, sort=False)[["alone", "fused", "without"]].mean()
    panels = list(some[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    modalities = list(some["modality"].drop_duplicates())
    with style():
        figure, axes = row_panels(len(panels), modalities, width, 0.3)
        for axis, (dimension, target) in zip(axes, panels, strict=True):
            own = mean.loc[(dimension, target)]
            axis.axvline(own["fused"].iloc[0], color=FUSION_COLOUR, lw=1.5, label="all")
            for place, modality in enumerate(modalities):
                alone, _, without = own.loc[modality]
                colour = colour_of(modality, modalities)
                label = "alone" if place == 0 else None
                axis.plot(alone, place, "o", color=colour, ms=5, label=label)
                label = "all but it" if place == 0 else None
                axis.plot(without, place, "x", color=colour, ms=6, mew=1.5, label=label)
            axis.set_title(f"{dimension} {SYMBOLS[target]}", fontsize=9)
            axis.set_xlabel(f"CCC on {partition}")
        legend(figure, *axes[0].get_legend_handles_labels())
        return figure


def main() -> None:
    options = parser(__doc__, "contributions").parse_args()
    save(draw(tables.read(options.contributions), width_of(options)), options.output)


if __name__ == "__main__":
    run(main)
