"""Packed model: the trained model of one task, in a folder that works without the workflow.

``model.json`` describes the extraction of features, the networks, the processing of their
predictions, and the spread of another rater's ratings about them; ``weights.safetensors`` contains
the weights and the standardisation.
:class:`softaer.predictor.Predictor` reads the folder.
"""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save

from softaer import __version__
from softaer.core import cli, tables
from softaer.core.experiment import Experiment
from softaer.core.files import complete
from softaer.core.grid import RATE
from softaer.core.places import (
    DESCRIPTION,
    PREDICTIVE_FIT,
    SELECTION,
    STANDARDISATION,
    WEIGHTS,
    beside_prediction,
    within,
)
from softaer.core.tasks import all_networks_of
from softaer.corpus import rated, read_recordings
from softaer.modalities import BUILT_IN
from softaer.predictive import percent
from softaer.predictor import BAND, FORMAT


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    cli.add_settings(arguments, Experiment)
    cli.add_delays(arguments)
    arguments.add_argument("--extraction", type=json.loads, required=True, help="as JSON")
    arguments.add_argument("--software", nargs="+", required=True, help="package==version")
    cli.add_output(arguments)
    cli.add_output(arguments, "--weights-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    (task,) = experiment.tasks
    pairs = all_networks_of([task], experiment.dimensions, experiment.targets)
    tensors: dict[str, torch.Tensor] = {}
    entries = []
    for (scope, objective), modality, seed in itertools.product(
        pairs, experiment.single, experiment.seeds
    ):
        name = f"{scope}/{modality}/{objective}/seed{seed}"
        network: dict[str, Any] = {"scope": scope, "modality": modality, "objective": objective}
        selection = tables.read(within(options.results, SELECTION, **network))
        instance = selection.loc[selection["chosen"], "instance"].item()
        network |= {"instance": instance, "seed": seed}
        description = json.loads(within(options.results, DESCRIPTION, **network).read_text())
        entries.append(
            {
                "name": name,
                "modality": modality,
                "seed": seed,
                "instance": instance,
                "architecture": description["architecture"],
            }
        )
        weights = load_file(within(options.results, WEIGHTS, **network))
        tensors |= {f"{name}/{key}": value for key, value in weights.items()}
    features = {}
    for modality in experiment.single:
        table = tables.read(within(options.results, STANDARDISATION, modality=modality))
        features[modality] = list(table["feature"])
        for column in ("mean", "scale"):
            tensors[f"standardisation/{modality}/{column}"] = torch.from_numpy(
                table[column].to_numpy(dtype="float64", copy=True)
            )
    fusions = {name: _fusion(experiment, options.results, name) for name in experiment.fused}
    partitions = Counter(r.partition for r in rated(read_recordings(options.recordings)))
    content = {
        "format": FORMAT,
        "softaer": __version__,
        "software": dict(pin.split("==") for pin in options.software),
        "trained_on": {name: partitions[name] for name in ("train", "dev")},
        "rate": RATE,
        "dimensions": experiment.dimensions,
        "targets": experiment.targets,
        "task": task,
        "seeds": experiment.seeds,
        "delay": cli.delays(options),
        **{name: options.extraction[name] for name in experiment.single if name in BUILT_IN},
        **_sources(experiment, options.extraction),
        "features": features,
        "networks": entries,
        "postprocessing": _postprocessing(experiment, options.results),
        "fusion": fusions[experiment.fused[-1]] if fusions else None,
        "fusion_method": experiment.fusion if experiment.fused else None,
        **({"fusions": fusions} if len(fusions) > 1 else {}),
        "predictive": {
            dimension: _distributions(experiment, options.results, dimension)
            for dimension in experiment.dimensions
        },
    }
    with complete(options.weights_output) as partial:
        partial.write_bytes(save(tensors))
    with complete(options.output) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _distributions(experiment: Experiment, results: Path, dimension: str) -> dict:
    """What turns E and sigma of each modality and fusion into a distribution and a band."""
    (task,) = experiment.tasks
    table = tables.read(within(results, PREDICTIVE_FIT, dimension=dimension, task=task))
    found = {}
    for row in table.to_dict("records"):
        quantile = row[f"quantile_{percent(BAND)}"]
        found[row["modality"]] = {
            "a": row["a"],
            "constant": row["constant"],
            "quantile": None if np.isnan(quantile) else quantile,
            "units": row["units"],
        }
    return found


def _sources(experiment: Experiment, extraction: dict) -> dict:
    """Settings of the modalities that are not built in, if there are any."""
    others = {name: extraction[name] for name in experiment.single if name not in BUILT_IN}
    return {"sources": others} if others else {}


def _postprocessing(experiment: Experiment, results: Path) -> dict:
    """Steps and their values by dimension, target, seed and modality."""
    (task,) = experiment.tasks
    steps: dict = {}
    for dimension, seed, modality in itertools.product(
        experiment.dimensions, experiment.seeds, experiment.single
    ):
        table = tables.read(beside_prediction(results, dimension, modality, task, seed))
        for target in experiment.targets:
            kept = table[(table["target"] == target) & table["kept"]]
            by_seed = steps.setdefault(dimension, {}).setdefault(target, {})
            by_seed.setdefault(str(seed), {})[modality] = [
                [row.step, [row.value] if row.about != row.about else [row.about, row.value]]
                for row in kept.itertuples()
            ]
    return steps


def _fusion(experiment: Experiment, results: Path, fused: str) -> dict:
    """Coefficients of a fusion by dimension, target, seed and term."""
    (task,) = experiment.tasks
    coefficients: dict = {}
    for dimension, seed in itertools.product(experiment.dimensions, experiment.seeds):
        model = (dimension, fused, task, seed)
        table = tables.read(beside_prediction(results, *model, experiment.whole))
        for target in experiment.targets:
            some = table[table["target"] == target]
            by_seed = coefficients.setdefault(dimension, {}).setdefault(target, {})
            by_seed[str(seed)] = dict(zip(some["term"], some["coefficient"], strict=True))
    return coefficients


if __name__ == "__main__":
    cli.run(main)
