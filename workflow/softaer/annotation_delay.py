"""Annotation delay: how late the labels follow the recording, estimated on train.

For every candidate delay, a ridge regression predicts E at t + delay from the features at t. It is
evaluated by its correlation on recordings of unseen subjects (leave one subject out). The delay
with the highest correlation is chosen. All candidates are compared on the same frames.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.chance import chance_level
from softaer.core.concordance import varies
from softaer.core.errors import InputError
from softaer.core.grid import RATE, index
from softaer.core.schema import ANNOTATION_DELAY
from softaer.corpus import Recording, folds, rated, read_recordings
from softaer.rater_lags import pooled_correlation
from softaer.standardisation import standardise

LEAD = 1.0
"""Range of negative delays that are tried if 0 is the best delay [s]."""


def delay_curve(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    groups: Sequence[str],
    max_delay: float,
    penalty: float = 0.1,
) -> np.ndarray:
    """Out-of-fold correlation of a ridge regression at every delay of the grid.

    Parameters
    ----------
    features
        Standardised features of each recording, shape (T_i, d), NaN where missing.
    labels
        E of each recording on the same grid, shape (T_i,), NaN where there is none.
    groups
        Subject of each recording; with a single one, recordings are left out instead.
    max_delay
        Largest delay [s].
    penalty
        Ridge penalty per frame, on standardised features.

    Returns
    -------
    float64 array of shape (n,): correlation at 0.0, 0.1, ..., ``max_delay`` s; NaN where it is
    not defined, as with a single recording.

    Raises
    ------
    InputError
        If every recording is shorter than ``max_delay``.
    """
    out, y, _ = predict_labels(features, labels, groups, max_delay, penalty)
    return _correlations(out, y)


def _correlations(out: np.ndarray, y: np.ndarray) -> np.ndarray:
    dx, dy = out - out.mean(axis=0), y - y.mean(axis=0)
    with np.errstate(invalid="ignore"):
        return (dx * dy).sum(axis=0) / np.sqrt((dx**2).sum(axis=0) * (dy**2).sum(axis=0))


def predict_labels(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    groups: Sequence[str],
    max_delay: float,
    penalty: float = 0.1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Out-of-fold predictions of a ridge regression at every delay, with the labels.

    Parameters and errors are those of :func:`delay_curve`.

    Returns
    -------
    predictions, labels
        Shape (frames, delays) each; predictions are NaN if there is no other subject to learn from.
    owner
        Number of each frame's recording, shape (frames,).
    """
    count = round(max_delay * RATE) + 1
    if len(set(groups)) < 2:
        groups = [str(i) for i in range(len(features))]
    inputs, targets, owners = [], [], []
    for recording, (f, e) in enumerate(zip(features, labels, strict=True)):
        frames = len(e) - count + 1
        if frames < 1:
            continue
        shifted = np.lib.stride_tricks.sliding_window_view(e, count)[: min(frames, len(f))]
        known = ~np.isnan(shifted).any(axis=1) & ~np.isnan(f[: len(shifted)]).any(axis=1)
        inputs.append(f[: len(shifted)][known])
        targets.append(shifted[known])
        owners += [recording] * int(known.sum())
    if not owners:
        raise InputError(
            f"no recording of train is longer than {max_delay:g} s; expected longer recordings"
        )
    x, y, owner = np.concatenate(inputs), np.concatenate(targets), np.array(owners)
    group = np.array(groups)[owner]
    out = np.full_like(y, np.nan)
    for left_out in dict.fromkeys(groups):
        test = group == left_out
        if test.all() or not test.any():
            continue
        a, b = x[~test], y[~test]
        mean = a.mean(axis=0), b.mean(axis=0)
        a = a - mean[0]
        gram = a.T @ a + penalty * len(a) * np.eye(a.shape[1])
        out[test] = (x[test] - mean[0]) @ np.linalg.solve(gram, a.T @ (b - mean[1])) + mean[1]
    return out, y, owner


def choose_delay(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    groups: Sequence[str],
    max_delay: float,
) -> tuple[np.ndarray, int]:
    """Delay with the highest correlation, if it is reliable.

    Parameters
    ----------
    features, labels, groups, max_delay
        See :func:`delay_curve`.

    Returns
    -------
    curve
        See :func:`delay_curve`.
    chosen
        Index of the delay in the curve [grid points].

    Raises
    ------
    InputError
        If labels never change, no correlation is defined, the correlation may be due to chance, or
        the best delay is at the end of the search.
    """
    known = [e[~np.isnan(e)] for e in labels]
    if not any(len(e) and varies(e) for e in known):
        raise InputError(
            "the labels are constant in every recording of train; expected labels that change"
        )
    out, y, owner = predict_labels(features, labels, groups, max_delay)
    curve = _correlations(out, y)
    if np.isnan(curve).all():
        raise InputError(
            f"cannot be estimated from {len(features)} recordings of train; expected at least two "
            "with features and labels that change"
        )
    best = int(np.nanargmax(curve))
    if best == len(curve) - 1:
        raise InputError(
            f"the best delay is at the end of the search, from 0 to {best / RATE:.1f} s "
            f"(correlation {curve[0]:.2f} at 0 s, {curve[-1]:.2f} at the end); expected a larger "
            "'max_delay'"
        )
    if best == 0:
        _look_below_zero(features, labels, groups, curve)
    pairs = [(out[owner == i, best], y[owner == i, best]) for i in np.unique(owner)]
    level = chance_level([(a - a.mean(), b - b.mean()) for a, b in pairs], len(pairs), len(curve))
    within = pooled_correlation(pairs)
    if not within > level:
        raise InputError(
            f"the features predict the labels too poorly: within recordings of train r = "
            f"{within:.2f} at best, at {best / RATE:.1f} s; expected more than {level:.2f}, which "
            "chance reaches"
        )
    return curve, best


def _look_below_zero(
    features: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    groups: Sequence[str],
    curve: np.ndarray,
) -> None:
    """Refuse a delay of 0 if labels precede the events they describe."""
    lead = round(LEAD * RATE)
    # Without their first frames, features meet earlier labels.
    around = delay_curve([f[lead:] for f in features], labels, groups, 2 * LEAD)
    best = int(np.nanargmax(around)) - lead
    if best < 0:
        raise InputError(
            f"the best delay of 0 to {(len(curve) - 1) / RATE:.1f} s is at the start of the "
            f"search, and below 0 the correlation is higher ({around[best + lead]:.2f} at "
            f"{best / RATE:.1f} s, {around[lead]:.2f} at 0 s): the labels precede the events they "
            "describe; expected labels that follow them"
        )


def on_grid(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Put rows on the full grid from t = 0, with NaN in between.

    Parameters
    ----------
    time
        Grid points [s], shape (n,).
    values
        Shape (n,) or (n, d).
    """
    frames = index(time)
    out = np.full((frames.max(initial=-1) + 1, *values.shape[1:]), np.nan)
    out[frames] = values
    return out


def read_features(
    recording: Recording, folders: Sequence[Path], standardisations: Sequence[Path]
) -> np.ndarray:
    """Standardised features of all modalities of a recording, shape (T, d), NaN where missing."""
    parts = []
    for folder, path in zip(folders, standardisations, strict=True):
        standardisation = tables.read(path)
        rows = tables.read(folder / f"{recording.batch}.parquet")
        rows = rows[rows["recording"] == recording.recording]
        values = standardise(rows[list(standardisation["feature"])].to_numpy(), standardisation)
        parts.append(on_grid(rows["time"].to_numpy(), values))
    length = min(map(len, parts))
    return np.concatenate([part[:length] for part in parts], axis=1)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--labels", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--features", type=Path, nargs="+", required=True, help="folders")
    arguments.add_argument("--standardisations", type=Path, nargs="+", required=True)
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--max-delay", type=float, required=True, help="[s]")
    cli.add_output(arguments)
    options = arguments.parse_args()

    train = [r for r in rated(read_recordings(options.recordings)) if r.partition == "train"]
    fold_of = folds(train)
    features = [read_features(r, options.features, options.standardisations) for r in train]
    labels = tables.read_batches(options.labels, train)
    with tables.writer(options.output, ANNOTATION_DELAY) as sink:
        for dimension in options.dimensions:
            rows = labels[labels["dimension"] == dimension].set_index("recording")
            some = [rows.loc[rows.index == r.recording] for r in train]
            emotion = [on_grid(own["time"].to_numpy(), own["E"].to_numpy()) for own in some]
            try:
                curve, best = choose_delay(
                    features, emotion, [fold_of[r.recording] for r in train], options.max_delay
                )
            except InputError as error:
                raise InputError(
                    f"delay of {dimension!r}: {error}, or a fixed delay (config key 'delay': "
                    "seconds, or seconds for each dimension)"
                ) from error
            delay = np.arange(len(curve)) / RATE
            chosen = np.arange(len(curve)) == best
            table = {"delay": delay, "correlation": curve, "chosen": chosen}
            sink.append(pd.DataFrame({"dimension": dimension, **table}))
            print(f"{dimension}: {delay[best]:.1f} s, r = {curve[best]:.2f}")


if __name__ == "__main__":
    cli.run(main)
