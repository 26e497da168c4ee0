"""What each modality adds: its score alone, and that of the fusion with it and without it."""

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import tables
from softaer.core.cli import run
from softaer.figures import FUSION_COLOUR, SYMBOLS, colour_of, parser, save, say, style


def draw(table: pd.DataFrame) -> plt.Figure:
    """One panel for each dimension and target, one row for each modality.

    Parameters
    ----------
    table
        Table of the stage ``contributions``. Scores of the last task are shown, on test or, without
        it, on dev; mean over seeds.
    """
    if table.empty:
        return say("No fusion of three modalities or more.")
    partition = "test" if (table["partition"] == "test").any() else "dev"
    task = table["task"].iloc[-1]
    some = table[(table["partition"] == partition) & (table["task"] == task)]
    keys = ["dimension", "target", "modality"]
    mean = some.groupby(keys, sort=False)[["alone", "fused", "without"]].mean()
    panels = list(some[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    modalities = list(some["modality"].drop_duplicates())
    with style():
        figure, axes = plt.subplots(
            1,
            len(panels),
            figsize=(2.4 * len(panels) + 1, 0.3 * len(modalities) + 1.2),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, (dimension, target) in zip(axes[0], panels, strict=True):
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
        axes[0, 0].set_yticks(range(len(modalities)), modalities)
        axes[0, 0].invert_yaxis()
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure


def main() -> None:
    options = parser(__doc__, "contributions").parse_args()
    save(draw(tables.read(options.contributions)), options.output)


if __name__ == "__main__":
    run(main)
