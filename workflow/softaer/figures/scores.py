"""CCC on test with its intervals or ranges, and one more rater against the others (no bound)."""

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import tables
from softaer.core.cli import run
from softaer.core.tasks import HUMAN
from softaer.figures import SYMBOLS, colour_of, parser, save, say, style
from softaer.page.score_table import SYSTEM, keyed, name_of, systems

MARKERS = {"single": "o", "multi": "s", "joint": "D", "ridge": "^", "constant": "x"}
"""Marker of each task and baseline."""

LINES = {"interval": "-", "range": ":"}
"""Line of each kind of bounds."""


def draw(scores: pd.DataFrame, intervals: pd.DataFrame, ceiling: pd.DataFrame) -> plt.Figure:
    """One panel for each dimension and target, one row for each modality and task.

    Parameters
    ----------
    scores, intervals, ceiling
        Tables of the stages ``score``, ``evaluate`` and ``ceiling``.
    """
    keys = ["dimension", "target", *SYSTEM]
    scores, intervals = map(keyed, (scores, intervals))
    on_test = scores[scores["partition"] == "test"]
    if on_test.empty:
        return say("No recordings in test.")
    mean = on_test.groupby(keys, sort=False)["ccc"].mean()
    bounds = intervals[intervals["partition"] == "test"].set_index(keys)[["low", "high", "kind"]]
    people = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    people = people.set_index(["dimension", "target"])["ccc"].dropna()
    panels = list(on_test[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    models = systems(on_test)
    modalities = list(dict.fromkeys(modality for modality, _, _ in models))
    with style():
        figure, axes = plt.subplots(
            1,
            len(panels),
            figsize=(2.4 * len(panels) + 1, 0.28 * len(models) + 0.9),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, (dimension, target) in zip(axes[0], panels, strict=True):
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
        names = [f"{name_of(*system)}, {system[1]}" for system in models]
        axes[0, 0].set_yticks(range(len(models)), names)
        axes[0, 0].invert_yaxis()
        return figure


def main() -> None:
    names = ("scores", "intervals", "ceiling")
    options = parser(__doc__, *names).parse_args()
    figure = draw(*(tables.read(getattr(options, name)) for name in names))
    save(figure, options.output)


if __name__ == "__main__":
    run(main)
