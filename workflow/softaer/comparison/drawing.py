"""Figures of a comparison: learning curves and traces of experiments over each other."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from softaer.comparison.finished import Finished
from softaer.core import tables
from softaer.core.experiment import System
from softaer.core.places import final_prediction
from softaer.core.targets import read_targets
from softaer.core.tasks import networks
from softaer.figures import (
    COLOURS,
    SYMBOLS,
    blocks_of_panels,
    legend,
    style,
    to_svg,
)
from softaer.figures.learning_curves import read_curves, read_selections

OF_EXPERIMENTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours of experiments in turn (Okabe & Ito, 2008); with more of them, lines are dashed."""

LABEL: dict[str, Any] = {"color": COLOURS["label"], "linewidth": 2.0}
"""Line of the label."""

DASHES = ("-", "--", ":", "-.")

WIDTH = 6.4
"""Of a figure [inch], so that its letters can be read on a narrow screen."""


def look_of(place: int) -> dict[str, Any]:
    """Colour and line of an experiment, by its place."""
    turn, colour = divmod(place, len(OF_EXPERIMENTS))
    return {"color": OF_EXPERIMENTS[colour], "linestyle": DASHES[turn % len(DASHES)]}


def read_dev_curves(run: Finished) -> pd.DataFrame:
    """Learning curves of an experiment's last task, of the networks that were chosen.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``seed``, ``step``, ``dev_ccc``, ``best``.
    """
    experiment = run.experiment
    curves = read_curves(run.results, read_selections(experiment, run.results), experiment.seeds)
    task = experiment.tasks[-1]
    own = {
        pair
        for dimension in experiment.dimensions
        for pair in networks(task, dimension, experiment.dimensions, experiment.targets)
    }
    pairs = pd.Series(list(zip(curves["scope"], curves["objective"], strict=True)), curves.index)
    some = curves[pairs.isin(own)]
    named = some["output"].str.rpartition("_")
    return some.assign(dimension=named[0], target=named[2])


def draw_curves(
    curves: Mapping[str, pd.DataFrame], dimensions: Sequence[str], targets: Sequence[str]
) -> plt.Figure:
    """CCC on dev over the steps of training; one colour per experiment, one line per seed.

    Parameters
    ----------
    curves
        Of each experiment, see :func:`read_dev_curves`.
    dimensions, targets
        Panels of each modality of the experiments.
    """
    modalities = list(dict.fromkeys(m for table in curves.values() for m in table["modality"]))
    panels = list(itertools.product(dimensions, targets))
    with style():
        figure, blocks = blocks_of_panels(
            *(len(modalities), len(panels), WIDTH, 1.5, 2.0), above=0.5, sharey=True
        )
        for block, modality in zip(blocks, modalities, strict=True):
            for axis, (dimension, target) in zip(block, panels, strict=True):
                for place, table in enumerate(curves.values()):
                    some = table[
                        (table["dimension"] == dimension)
                        & (table["target"] == target)
                        & (table["modality"] == modality)
                    ]
                    _draw_seeds(axis, some, look_of(place))
                axis.set_title(f"{dimension} {SYMBOLS[target]}, {modality}", fontsize=9)
                axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        names = list(curves)
        handles = [Line2D([], [], **look_of(place)) for place in range(len(names))]
        legend(figure, handles, names)
        figure.supxlabel("step of training", fontsize=9)
        figure.supylabel("CCC on dev", fontsize=9)
        return figure


def _draw_seeds(axis: Axes, curves: pd.DataFrame, look: Mapping[str, Any]) -> None:
    for _, curve in curves.groupby("seed"):
        axis.plot(curve["step"], curve["dev_ccc"], **look, linewidth=1.0)
        kept = curve[curve["best"]]
        axis.plot(kept["step"], kept["dev_ccc"], "o", color=look["color"], ms=4)


def read_traces(
    runs: Sequence[Finished],
    best: Sequence[Mapping[tuple[str, str], System]],
    recording: str,
    dimension: str,
    target: str,
) -> dict[str, pd.DataFrame]:
    """Label and predictions of a recording on the time of the ratings.

    Parameters
    ----------
    runs
        Experiments with the dimension and target.
    best
        Their best models; those of the first seed are read.
    recording, dimension, target
        What to read.

    Returns
    -------
    ``time`` [s] and ``value`` of ``label``, and of each experiment that predicts the recording.
    """
    found: dict[str, pd.DataFrame] = {}
    for run, models in zip(runs, best, strict=True):
        some = [r for r in run.scored if r.recording == recording]
        system = models.get((dimension, target))
        if not some or system is None:
            continue
        delay, experiment = run.delays[dimension], run.experiment
        labels = read_targets(run.dataset, some, dimension)
        label = pd.DataFrame({"time": labels["time"] + delay, "value": labels[target]})
        longest = found.get("label", label)
        found["label"] = label if len(label) > len(longest) else longest
        model = (dimension, system.modality, system.task, experiment.seeds[0])
        table = tables.read(final_prediction(run.results, *model, experiment.whole))
        own = table[table["recording"] == recording]
        found[run.name] = pd.DataFrame(
            {"time": own["time"] + delay, "value": own[system.column(target)]}
        )
    return found


def draw_traces(
    panels: Mapping[tuple[str, str], Mapping[str, pd.DataFrame]], names: Sequence[str]
) -> plt.Figure:
    """Label and predictions over time, one panel per dimension and target.

    Parameters
    ----------
    panels
        By dimension and target, see :func:`read_traces`.
    names
        Of the experiments, in order.
    """
    with style():
        figure, axes = plt.subplots(
            *(len(panels), 1),
            figsize=(WIDTH, 0.5 + 1.7 * len(panels)),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for axis, ((dimension, target), series) in zip(axes[:, 0], panels.items(), strict=True):
            for name, table in series.items():
                look = LABEL if name == "label" else look_of(names.index(name))
                axis.plot(table["time"], table["value"], **look, label=name)
            axis.set_ylabel(f"{dimension} {SYMBOLS[target]}")
        axes[-1, 0].set_xlabel("time of the ratings [s]")
        legend(figure, *axes[0, 0].get_legend_handles_labels())
        return figure


def svg(figure: plt.Figure) -> str:
    """A figure as an ``<svg>`` element."""
    with style():
        return to_svg(figure)
