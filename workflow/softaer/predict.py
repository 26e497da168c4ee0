"""Prediction: E and sigma of every labelled frame of every recording, by the selected networks."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from softaer.core import cli, tables
from softaer.core.places import DESCRIPTION, SELECTION, WEIGHTS, within
from softaer.core.schema import PREDICTIONS
from softaer.core.tasks import TARGETS, output_name
from softaer.corpus import rated, read_recordings
from softaer.networks.architectures import load_model, make_deterministic, pick_device, register
from softaer.networks.network import Network
from softaer.networks.sequences import RecordingSequence, load_sequences


def predict(model: Network, sequence: RecordingSequence) -> pd.DataFrame:
    """Predictions of one network for one recording.

    Returns
    -------
    ``time`` [s] and one float32 column per output of the network, such as ``arousal_E``, in the
    units of the labels; one row per frame of the dataset.
    """
    values = model.predict([sequence.features])[0][sequence.labelled]
    table = pd.DataFrame(values, columns=list(model.architecture.outputs))
    table.insert(0, "time", sequence.time[sequence.labelled])
    return table


def combine(parts: list[pd.DataFrame], dimension: str) -> pd.DataFrame:
    """Put the outputs of several networks for one dimension side by side.

    Returns
    -------
    ``time``, ``E``, ``sigma``.
    """
    table = parts[0][["time"]].copy()
    for target in TARGETS:
        name = output_name(dimension, target)
        owner = next((part for part in parts if name in part.columns), None)
        table[target] = np.float32(np.nan) if owner is None else owner[name]
    return table


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--modality", required=True)
    arguments.add_argument("--seed", type=int, required=True)
    arguments.add_argument(
        "--network",
        dest="networks",
        action="append",
        nargs=2,
        metavar=("SCOPE", "OBJECTIVE"),
        required=True,
        help="a network; once per network",
    )
    arguments.add_argument("--threads", type=int, default=1, help="on the CPU; up to 2 are used")
    arguments.add_argument("--network-file", type=Path, help="Python file with their class")
    cli.add_output(arguments)
    options = arguments.parse_args()

    if options.network_file is not None:
        register(options.network_file)
    # Sums over frames depend on the number of threads; those of the recurrent layers do not.
    torch.set_num_threads(1)
    make_deterministic(options.seed)
    models = []
    for scope, objective in options.networks:
        network = {"scope": scope, "modality": options.modality, "objective": objective}
        table = tables.read(within(options.results, SELECTION, **network))
        network |= {"instance": table.loc[table["chosen"], "instance"].item(), "seed": options.seed}
        model = load_model(
            within(options.results, WEIGHTS, **network),
            within(options.results, DESCRIPTION, **network),
        )
        model.threads = options.threads
        models.append(model.to(pick_device()))
    recordings = rated(read_recordings(options.recordings))
    with tables.writer(options.output, PREDICTIONS) as sink:
        for sequence in load_sequences(options.dataset, recordings, []):
            table = combine([predict(model, sequence) for model in models], options.dimension)
            table.insert(0, "recording", sequence.recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
