"""Prediction: E and sigma of every labelled frame of every recording, by one trained network."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from softaer import cli, tables
from softaer.corpus import rated, read_recordings
from softaer.model import Blstm, load_model, make_deterministic, pick_device
from softaer.schema import PREDICTIONS
from softaer.sequences import RecordingSequence, load_sequences
from softaer.tasks import TARGETS


def predict(model: Blstm, sequence: RecordingSequence) -> pd.DataFrame:
    """Predictions for one recording.

    Returns
    -------
    ``time`` [s], ``E``, ``sigma`` (float32, in the units of the labels; NaN for what the network
    was not trained for), one row per frame of the dataset.
    """
    outputs = model.predict([sequence.features])[0][sequence.labelled]
    table = pd.DataFrame({"time": sequence.time[sequence.labelled]})
    for name in TARGETS:
        known = name in model.architecture.outputs
        column = model.architecture.outputs.index(name) if known else None
        table[name] = outputs[:, column] if known else np.float32(np.nan)
    return table


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--weights", type=Path, required=True)
    arguments.add_argument("--description", type=Path, required=True)
    arguments.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    cli.add_output(arguments)
    options = arguments.parse_args()

    torch.set_num_threads(options.threads)
    make_deterministic(0)
    model = load_model(options.weights, options.description).to(pick_device())
    recordings = rated(read_recordings(options.recordings))
    with tables.writer(options.output, PREDICTIONS) as sink:
        for sequence in load_sequences(options.dataset, recordings, options.dimension):
            table = predict(model, sequence)
            table.insert(0, "recording", sequence.recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
