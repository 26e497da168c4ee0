"""Predictions and labels over time, for one recording of the test partition."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

import matplotlib.pyplot as plt
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment
from softaer.core.places import final_prediction
from softaer.core.targets import read_targets
from softaer.core.tasks import JOIN
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored
from softaer.figures import SYMBOLS, colour_of, is_single, parser, save, style

DASHES = ("--", ":", "-.")
"""Lines of fusions besides the last one, in turn."""

Panel = tuple[str, str, Mapping[str, pd.DataFrame]]
"""Dimension, target, and for each series (``label``, modalities) a table with ``time`` [s] and the
target's column."""


def shown(recordings: Sequence[Recording], where: object) -> Recording:
    """The recording whose traces are drawn: the first of test, so that it is not hand-picked.

    Without a test partition, it is the first of dev.

    Parameters
    ----------
    recordings
        In the order of the corpus table.
    where
        Names the corpus in errors.

    Raises
    ------
    InputError
        If there is none in both.
    """
    for partition in ("test", "dev"):
        for recording in recordings:
            if recording.partition == partition:
                return recording
    raise InputError(f"{where}: no rated recording in partitions test and dev")


def draw(panels: Sequence[Panel]) -> plt.Figure:
    """Predictions and labels over time, one panel per dimension and target.

    Parameters
    ----------
    panels
        Dimension, target, and for each series (``label``, modalities) a table with ``time`` [s] and
        the target's column.
    """
    with style():
        figure, axes = plt.subplots(
            len(panels),
            1,
            figsize=(9, 1.9 * len(panels)),
            sharex=True,
            squeeze=False,
            layout="constrained",
        )
        for number, (axis, panel) in enumerate(zip(axes.flat, panels, strict=True)):
            dimension, target, series = panel
            # Of several fusions, the last one is drawn through.
            others = [name for name in series if JOIN in name][:-1]
            dashes = dict(zip(others, itertools.cycle(DASHES), strict=False))
            for name, table in series.items():
                strong = not is_single(name)
                axis.plot(
                    table["time"],
                    table[target],
                    color=colour_of(name, series),
                    linestyle=dashes.get(name, "-"),
                    linewidth=2.0 if strong else 1.0,
                    alpha=1.0 if strong else 0.7,
                    label=name,
                )
            axis.set_ylabel(f"{dimension} {SYMBOLS[target]}")
            if number < len(ascii_lowercase):
                axis.set_title(f"({ascii_lowercase[number]})", loc="left", fontsize=9)
        figure.axes[-1].set_xlabel("time [s]")
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4
        )
        return figure


def read_panels(
    experiment: Experiment, results: Path, dataset: Path, recording: Recording
) -> list[Panel]:
    """Labels of a recording, and its predictions by the last task and the first seed."""
    panels: list[Panel] = []
    for dimension in experiment.dimensions:
        series = {"label": read_targets(dataset, [recording], dimension)}
        for modality in experiment.modalities:
            model = (dimension, modality, experiment.tasks[-1], experiment.seeds[0])
            table = tables.read(final_prediction(results, *model, experiment.whole))
            series[modality] = table[table["recording"] == recording.recording]
        panels += [(dimension, target, series) for target in experiment.targets]
    return panels


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    cli.add_settings(arguments, Experiment)
    cli.add_coverage(arguments)
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    recording = shown(recordings, options.recordings)
    save(draw(read_panels(experiment, options.results, options.dataset, recording)), options.output)


if __name__ == "__main__":
    cli.run(main)
