"""CCC on test with its intervals or ranges, and one more rater against the others (no bound)."""

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import tables
from softaer.core.cli import run
from softaer.core.tasks import HUMAN
from softaer.figures import (
    SYMBOLS,
    WIDTH,
    colour_of,
    parser,
    row_panels,
    save,
    say,
    style,
    width_of,
)
from softaer.page.score_table import SYSTEM, keyed, name_of, systems

MARKERS = {"single": "o", "multi": "s", "joint": "D", "ridge": "^", "constant": "x"}
"""Marker of each task and baseline."""

LINES = {"interval": "-", "range": ":"}
"""Line of each kind of bounds."""


def draw(
    scores: pd.DataFrame, intervals: pd.DataFrame, ceiling: pd.DataFrame, width: float = WIDTH
) -> plt.Figure:
    """One panel for each dimension and target, one row for each modality and task.

    Parameters
    ----------
    scores, intervals, ceiling
        Tables of the stages ``score``, ``evaluate`` and ``ceiling``.
    width
        Width of the figure [inch].
    """
    keys = ["dimension", "target", *SYSTEM]
    scores, intervals = map(keyed, (scores, intervals))
    on_test = scores[scores["partition"] == "test"]
    if on_test.empty:
        return say("No recordings in test.", width)
    mean = on_test.groupby(keys, sort=False)["ccc"].mean()
    bounds = intervals[intervals["partition"] == "test"].set_index(keys)[["low", "high", "kind"]]
    people = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    people = people.set_index(["dimension", "target"])["ccc"].dropna()
    panels = list(on_test[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    models = systems(on_test)
    modalities = list(dict.fromkeys(modality for modality, _, _ in models))
    with style():
        names = [f"{name_of(*system)}, {system[1]}" for system in models]
        figure, axes = row_panels(len(panels), names, width, 0.28)
        for axis, (dimension, target) in zip(axes, panels, strict=True):
            for place, (modality, task, fusion) in enumerate(models):
                key = (dimension, target, modality, task, fusion)
                colour = colour_of(modality, modalities)
                if key in bounds.index:
                    low, high, kind = bounds.loc[key]
                    axis.plot([low, high], [place] * 2, LINES[kind], color=colour, linewidth=1.5)
                axis.plot(mean.get(key), place, MARKERS[task], color=colour, markersize=5)
            if (dimension, target) in people.index:
                axis.axvline(people[dimension, target], color="#222222", linestyle="--", lw=1)
            axis.set_title(f"{dimension} {SYMBOLS[target]}", fontsize=9)
            axis.set_xlabel("CCC on test")
        return figure


def main() -> None:
    options = parser(__doc__, "scores", "intervals", "ceiling").parse_args()
    scores, intervals, ceiling = map(
        tables.read, (options.scores, options.intervals, options.ceiling)
    )
    save(draw(scores, intervals, ceiling, width_of(options)), options.output)


if __name__ == "__main__":
    run(main)
