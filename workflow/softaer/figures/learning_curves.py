"""CCC on dev over the steps of training, of the networks that were chosen."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from softaer.core import cli, tables
from softaer.core.experiment import Experiment
from softaer.core.places import CURVE, SELECTION, within
from softaer.core.tasks import JOIN, all_networks_of
from softaer.figures import (
    SYMBOLS,
    WIDTH,
    blocks_of_panels,
    colour_of,
    legend,
    parser,
    save,
    style,
    width_of,
)


def draw(curves: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """CCC on dev over the steps of training; the step that was kept is marked.

    Parameters
    ----------
    curves
        ``scope``, ``modality``, ``objective``, ``seed``, ``step``, ``output``, ``dev_ccc``,
        ``best``. Each dimension starts a row of panels; all networks that predict an output from a
        modality share a panel.
    width
        Width of the figure [inch].
    """
    outputs = sorted(set(curves["output"]))
    dimensions = list(dict.fromkeys(output.rpartition("_")[0] for output in outputs))
    modalities = list(dict.fromkeys(curves["modality"]))
    panels = [(modality, target) for modality in modalities for target in SYMBOLS]
    with style():
        figure, blocks = blocks_of_panels(
            *(len(dimensions), len(panels), width, 1.6, 1.9), above=0.5, sharex=True, sharey=True
        )
        handles: dict[str, Line2D] = {}
        for block, dimension in zip(blocks, dimensions, strict=True):
            for axis, (modality, target) in zip(block, panels, strict=True):
                colour = colour_of(modality, modalities)
                here = curves[
                    (curves["output"] == f"{dimension}_{target}") & (curves["modality"] == modality)
                ]
                for (scope, objective, _), curve in here.groupby(["scope", "objective", "seed"]):
                    name = _task(scope, objective)
                    (line,) = axis.plot(
                        curve["step"],
                        curve["dev_ccc"],
                        color=colour,
                        linestyle=LINES[name],
                        linewidth=1.2,
                    )
                    handles.setdefault(name, line)
                    kept = curve[curve["best"]]
                    axis.plot(kept["step"], kept["dev_ccc"], "o", color=colour, ms=4)
                axis.set_title(f"{dimension} {SYMBOLS[target]}, {modality}", fontsize=9)
                axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        legend(figure, list(handles.values()), list(handles))
        figure.supxlabel("step of training", fontsize=9)
        figure.supylabel("CCC on dev", fontsize=9)
        return figure


LINES = {"single-task": "-", "multi-task": "--", "joint": ":"}
"""Line of each approach."""


def _task(scope: str, objective: str) -> str:
    if JOIN in scope:
        return "joint"
    return "multi-task" if JOIN in objective else "single-task"


def read_selections(experiment: Experiment, results: Path) -> pd.DataFrame:
    """Scores on dev of all instances of the grid, and which were chosen."""
    pairs = all_networks_of(experiment.tasks, experiment.dimensions, experiment.targets)
    parts = [
        tables.read(within(results, SELECTION, **network)).assign(**network)
        for (scope, objective), modality in itertools.product(pairs, experiment.single)
        for network in [{"scope": scope, "modality": modality, "objective": objective}]
    ]
    first = ["scope", "modality", "objective"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *(name for name in table.columns if name not in first)]]


def read_curves(results: Path, selections: pd.DataFrame, seeds: Sequence[int]) -> pd.DataFrame:
    """Learning curves of the networks that were chosen."""
    parts = []
    chosen = selections[selections["chosen"]].itertuples(index=False)
    for row, seed in itertools.product(chosen, seeds):
        network = {"scope": row.scope, "modality": row.modality, "objective": row.objective}
        path = within(results, CURVE, **network, instance=row.instance, seed=seed)
        parts.append(tables.read(path).assign(**network, seed=seed))
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    cli.add_settings(arguments, Experiment)
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    selections = read_selections(experiment, options.results)
    curves = read_curves(options.results, selections, experiment.seeds)
    save(draw(curves, width_of(options)), options.output)


if __name__ == "__main__":
    cli.run(main)
