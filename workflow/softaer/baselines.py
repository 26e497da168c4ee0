"""Baselines: what a prediction without a network reaches on the same features.

A ridge regression on the standardised features sees each frame in a symmetric context, as a
bidirectional network does: the means of every feature over three windows of equal length, from
t - c to t + c. The context c and the penalty are chosen by the CCC on dev, for E and sigma
separately. The mean of train is the same for every frame.

As for the network, missing features are 0, the mean of train; such frames are not fitted to, but
predicted. Nothing is drawn at random.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.core.grid import RATE
from softaer.core.schema import PREDICTIONS, RIDGE
from softaer.core.tasks import TARGETS, output_name
from softaer.corpus import rated, read_recordings
from softaer.networks.sequences import RecordingSequence, load_sequences

CONTEXTS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Contexts that are tried [s]; with 0, a frame alone."""

PENALTIES = (10.0, 1.0, 0.1, 0.01, 0.001)
"""Penalties that are tried, per frame, on standardised features."""


class Ridge(NamedTuple):
    """A ridge regression: its context [s], and a linear function of the inputs."""

    context: float
    intercept: float
    weights: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Prediction of one recording, from standardised features, shape (T, d), to (T,)."""
        return self.intercept + inputs(features, self.context) @ self.weights


def inputs(features: np.ndarray, context: float) -> np.ndarray:
    """Means of the features over three windows around each frame.

    Parameters
    ----------
    features
        Of one recording, shape (T, d).
    context
        Reach of the outer windows [s]; 0 for the frame alone.

    Returns
    -------
    float64 array of shape (T, 3 d): windows before, around and after the frame; (T, d) with
    context 0. Means are over the part of a window inside the recording; 0 if there is none.
    """
    values = np.asarray(features, dtype=np.float64)
    reach = round(context * RATE)
    if reach == 0:
        return values
    inner = round(reach / 3)
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=sums[1:])
    frames = np.arange(len(values))
    windows = []
    for first, last in ((-reach, -inner - 1), (-inner, inner), (inner + 1, reach)):
        start = np.clip(frames + first, 0, len(values))
        end = np.clip(frames + last + 1, 0, len(values))
        windows.append((sums[end] - sums[start]) / np.maximum(end - start, 1)[:, None])
    return np.concatenate(windows, axis=1)


class _Normal(NamedTuple):
    """Means and second moments of inputs and labels."""

    x: np.ndarray
    y: float
    xx: np.ndarray
    xy: np.ndarray


def _frames(sequence: RecordingSequence, column: int) -> np.ndarray:
    """Frames that count: those with features and a label."""
    return sequence.present & ~np.isnan(sequence.targets[:, column])


def _normal(train: Iterable[RecordingSequence], context: float, columns: int) -> list[_Normal]:
    """Normal equations of each target, about the means."""
    sums: list[list[np.ndarray]] = [[] for _ in range(columns)]
    for sequence in train:
        x = inputs(sequence.features, context)
        counted: dict[bytes, np.ndarray] = {}
        for column in range(columns):
            known = _frames(sequence, column)
            some, y = x[known], sequence.targets[known, column].astype(np.float64)
            # E and sigma usually have the same frames.
            if known.tobytes() not in counted:
                counted[known.tobytes()] = some.T @ some
            gram = counted[known.tobytes()]
            parts = [np.float64(len(y)), some.sum(axis=0), y.sum(), gram, some.T @ y]
            known_so_far = sums[column]
            sums[column] = (
                [a + b for a, b in zip(known_so_far, parts, strict=True)] if known_so_far else parts
            )
    found = []
    for n, x, y, xx, xy in sums:
        n = np.maximum(n, 1)
        found.append(_Normal(x / n, y / n, xx / n - np.outer(x, x) / n**2, xy / n - x * y / n**2))
    return found


def fit_ridge(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    contexts: Sequence[float] = CONTEXTS,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[list[Ridge], pd.DataFrame]:
    """Fit a ridge regression for every target, context and penalty, and choose on dev.

    Parameters
    ----------
    train, dev
        Recordings of the two partitions, with the same targets.
    contexts, penalties
        Values to try.

    Returns
    -------
    chosen
        For each target, the one with the highest CCC on dev; the first one in case of a tie, or if
        dev has no frame.
    tried
        ``column`` (number of the target), ``context`` [s], ``penalty``, ``dev_ccc``, ``chosen``.
    """
    columns = train[0].targets.shape[1]
    rows, models = [], []
    for context in contexts:
        seen = [inputs(sequence.features, context) for sequence in dev]
        for column, normal in enumerate(_normal(train, context, columns)):
            known = [_frames(sequence, column) for sequence in dev]
            values = [s.targets[k, column] for s, k in zip(dev, known, strict=True)]
            truth = np.concatenate(values) if values else np.zeros(0)
            eigenvalues, vectors = np.linalg.eigh(normal.xx)
            projected = vectors.T @ normal.xy
            for penalty in penalties:
                weights = vectors @ (projected / (np.maximum(eigenvalues, 0) + penalty))
                intercept = float(normal.y - normal.x @ weights)
                parts = [intercept + x[k] @ weights for x, k in zip(seen, known, strict=True)]
                score = ccc(truth, np.concatenate(parts)) if parts else np.nan
                models.append(Ridge(context, intercept, weights))
                rows.append((column, context, penalty, score))
    tried = pd.DataFrame(rows, columns=["column", "context", "penalty", "dev_ccc"])
    best = tried["dev_ccc"].fillna(-np.inf).groupby(tried["column"]).idxmax()
    return [models[i] for i in best], tried.assign(chosen=tried.index.isin(best))


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--dimension", required=True)
    cli.add_targets(arguments)
    cli.add_output(arguments, "--ridge-output")
    cli.add_output(arguments, "--constant-output")
    cli.add_output(arguments, "--choice-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    outputs = [output_name(options.dimension, target) for target in options.targets]
    partitions: dict[str, list[RecordingSequence]] = {"train": [], "dev": []}
    for sequence in load_sequences(
        options.dataset, [r for r in recordings if r.partition in partitions], outputs
    ):
        partitions[str(sequence.partition)].append(sequence)
    train, dev = partitions["train"], partitions["dev"]
    if not any(_frames(s, 0).any() for s in train):
        raise InputError(
            f"{options.dataset}: no labelled frame of the training partition has features"
        )
    models, tried = fit_ridge(train, dev)
    labels = np.concatenate([s.targets for s in train]).astype(np.float64)
    means = np.nanmean(labels, axis=0)
    with (
        tables.writer(options.ridge_output, PREDICTIONS) as ridge,
        tables.writer(options.constant_output, PREDICTIONS) as constant,
    ):
        for sequence in load_sequences(options.dataset, recordings, []):
            table = pd.DataFrame(
                {"recording": sequence.recording, "time": sequence.time[sequence.labelled]}
            ).assign(**dict.fromkeys(TARGETS, np.float32(np.nan)))
            for target, model in zip(options.targets, models, strict=True):
                predicted = model.predict(sequence.features)[sequence.labelled]
                table[target] = predicted.astype(np.float32)
            ridge.append(table)
            constant.append(
                table.assign(**dict(zip(options.targets, means.astype(np.float32), strict=True)))
            )
    tried["target"] = [options.targets[column] for column in tried["column"]]
    tables.write(tried[RIDGE.names], RIDGE, options.choice_output)


if __name__ == "__main__":
    cli.run(main)
