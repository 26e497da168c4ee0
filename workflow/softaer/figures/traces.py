"""Predictions and labels over time, for a typical recording of test and the worst."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from softaer.core import cli, tables
from softaer.core.experiment import Experiment
from softaer.core.places import final_prediction
from softaer.core.targets import read_targets
from softaer.core.tasks import JOIN
from softaer.corpus import Recording, rated, read_recordings
from softaer.figures import (
    SYMBOLS,
    WIDTH,
    beside,
    colour_of,
    is_single,
    legend,
    parser,
    rows_of,
    save,
    style,
    width_of,
)
from softaer.page.trouble import typical_and_worst

DASHES = ("--", ":", "-.")
"""Lines of fusions besides the last one, in turn."""

Panel = tuple[str, str, Mapping[str, pd.DataFrame]]
"""Dimension, target, and for each series (``label``, modalities) a table with ``time`` [s] and the
target's column."""


def draw(recordings: Mapping[str, Sequence[Panel]], width: float = WIDTH) -> plt.Figure:
    """Predictions and labels over time, one panel per dimension and target.

    Parameters
    ----------
    recordings
        Panels of each recording, which become a column, by its title. A panel is a dimension, a
        target, and for each series (``label``, modalities) a table with ``time`` [s] and the
        target's column.
    width
        Width of the figure [inch]. Recordings that do not fit beside each other are below.
    """
    panels = len(next(iter(recordings.values())))
    columns = beside(len(recordings), width, 3.0)
    rows = rows_of(len(recordings), columns)
    with style():
        figure, axes = plt.subplots(
            rows * panels,
            columns,
            figsize=(width, 0.3 + 1.6 * rows * panels),
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        # For each recording, its panels from top to bottom.
        blocks = axes.reshape(rows, panels, columns).swapaxes(1, 2).reshape(-1, panels)
        for place, (block, (title, own)) in enumerate(zip(blocks, recordings.items(), strict=True)):
            for axis, panel in zip(block, own, strict=True):
                _draw_panel(axis, panel)
                axis.sharex(block[-1])
                if place % columns == 0:
                    axis.set_ylabel(f"{panel[0]} {SYMBOLS[panel[1]]}")
            for axis in block[:-1]:
                axis.tick_params(labelbottom=False)
            block[0].set_title(title, loc="right", fontsize=9)
            block[-1].set_xlabel("time [s]")
        for axis, letter in zip(axes.flat, ascii_lowercase, strict=False):
            axis.set_title(f"({letter})", loc="left", fontsize=9)
        legend(figure, *axes[0, 0].get_legend_handles_labels())
        return figure


def _draw_panel(axis: Axes, panel: Panel) -> None:
    _, target, series = panel
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
    arguments.add_argument("--each", type=Path, required=True, help="scores of every recording")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    recordings = {r.recording: r for r in rated(read_recordings(options.recordings))}
    columns = {
        f"{name}: {why}": read_panels(
            experiment, options.results, options.dataset, recordings[name]
        )
        for name, why in typical_and_worst(tables.read(options.each), options.each).items()
    }
    save(draw(columns, width_of(options)), options.output)


if __name__ == "__main__":
    cli.run(main)
