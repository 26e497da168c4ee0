"""Rater lags: how much later or earlier than the others each rater reacts, found from the ratings.

Nothing but the ratings is used. Each rater's traces are shifted against the mean of the other
raters, all shifted by what is known so far, to where the correlation is highest; this is repeated
until no lag changes. A lag that all raters share cannot be found in this way: lags are relative,
with mean zero, and the common rest is the delay of the annotations.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from softaer import cli, tables
from softaer.corpus import Recording, rated, read_recordings
from softaer.grid import RATE, index
from softaer.schema import RATER_LAGS

SMOOTHING = 1.0
"""Standard deviation of the kernel that smooths traces before they are compared [s].

Raters disagree quickly and follow what they see slowly. Unsmoothed, a rater's disagreement, which
is part of the mean that the others disagree from, pushes lags apart.
"""

MAX_ROUNDS = 20
"""Rounds after which lags that still change are taken as they are."""


def shift(trace: np.ndarray, steps: int) -> np.ndarray:
    """Move a trace earlier by some grid points (later if negative); what moves in is NaN.

    Examples
    --------
    >>> shift(np.array([1.0, 2.0, 3.0]), 1)
    array([ 2.,  3., nan])
    """
    moved = np.full_like(trace, np.nan)
    if abs(steps) < len(trace):
        if steps >= 0:
            moved[: len(trace) - steps] = trace[steps:]
        else:
            moved[-steps:] = trace[:steps]
    return moved


def varies(series: np.ndarray) -> bool:
    """Whether a series changes by more than the rounding of its own computation."""
    return np.ptp(series) > 1e-9 * np.abs(series).max()


def smooth(trace: np.ndarray) -> np.ndarray:
    """Gaussian smoothing over the frames that are there; NaN stays NaN."""
    present = ~np.isnan(trace)
    sums = gaussian_filter1d(np.where(present, trace, 0.0), SMOOTHING * RATE, mode="constant")
    shares = gaussian_filter1d(present.astype(float), SMOOTHING * RATE, mode="constant")
    return np.where(present, sums / np.maximum(shares, 1e-12), np.nan)


def pooled_correlation(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Pearson correlation over several recordings, each centred on its own means.

    Parameters
    ----------
    pairs
        Two series of equal length per recording; frames with NaN in either are left out.

    Returns
    -------
    The correlation; -inf if it is not defined.
    """
    xy = xx = yy = 0.0
    for x, y in pairs:
        known = ~(np.isnan(x) | np.isnan(y))
        if known.sum() > 1 and varies(x[known]) and varies(y[known]):
            dx, dy = x[known] - x[known].mean(), y[known] - y[known].mean()
            xy, xx, yy = xy + dx @ dy, xx + dx @ dx, yy + dy @ dy
    return xy / np.sqrt(xx * yy) if xx > 0 and yy > 0 else -np.inf


def standardise_raters(recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Give all raters mean zero in each recording and one spread over all, shapes (K, T_i).

    A rater with wide gestures then weighs no more in the mean of the others than one with small.
    """
    centred = []
    for ratings in recordings:
        present = ~np.isnan(ratings)
        count = np.maximum(present.sum(axis=1, keepdims=True), 1)
        mean = np.where(present, ratings, 0.0).sum(axis=1, keepdims=True) / count
        size = 1e-9 * np.nanmax(np.abs(ratings), axis=1, keepdims=True, initial=0.0)
        deviation = ratings - mean
        centred.append(np.where(np.abs(deviation) > size, deviation, 0.0 * deviation))
    everything = np.concatenate(centred, axis=1)
    squares = np.where(np.isnan(everything), 0.0, everything**2).sum(axis=1, keepdims=True)
    count = np.maximum((~np.isnan(everything)).sum(axis=1, keepdims=True), 1)
    scale = np.sqrt(squares / count)
    return [deviation / np.where(scale > 0, scale, 1.0) for deviation in centred]


def estimate_lags(recordings: Sequence[np.ndarray], max_lag: float = 3.0) -> np.ndarray:
    """Relative lags of a panel of raters.

    Parameters
    ----------
    recordings
        Ratings on the grid, shape (K, T_i) each, the same K raters in all; NaN where a rater is
        absent.
    max_lag
        Largest lag against the others that is looked for [s].

    Returns
    -------
    float64 array of shape (K,), seconds, multiples of the grid's step up to the common offset that
    makes their mean zero; 0 for a rater without common frames with others.
    """
    raters = len(recordings[0])
    recordings = standardise_raters([np.stack([smooth(t) for t in r]) for r in recordings])
    reach = round(max_lag * RATE)
    steps = np.zeros(raters, dtype=int)
    for _ in range(MAX_ROUNDS):
        before = steps.copy()
        for k in range(raters):
            others = [
                _mean([shift(r[j], steps[j]) for j in range(raters) if j != k]) for r in recordings
            ]
            scores = [
                pooled_correlation(
                    [(shift(r[k], s), o) for r, o in zip(recordings, others, strict=True)]
                )
                for s in range(-reach, reach + 1)
            ]
            steps[k] = int(np.argmax(scores)) - reach if np.isfinite(max(scores)) else 0
        steps -= round(steps.mean())
        if np.array_equal(steps, before):
            break
    return (steps - steps.mean()) / RATE


def _mean(traces: Sequence[np.ndarray]) -> np.ndarray:
    present = ~np.isnan(traces)
    with np.errstate(invalid="ignore"):
        return np.where(present, traces, 0.0).sum(axis=0) / present.sum(axis=0)


def panel(ratings: pd.DataFrame) -> tuple[list[str], list[np.ndarray]]:
    """Traces of one dimension as arrays.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``.

    Returns
    -------
    raters
        All raters, sorted.
    recordings
        For each recording the ratings, shape (K, T_i), NaN where a rater is absent.
    """
    raters = sorted(ratings["rater"].unique())
    recordings = []
    for _, rows in ratings.groupby("recording", sort=False):
        frames = index(rows["time"].to_numpy())
        traces = np.full((len(raters), frames.max() + 1), np.nan)
        traces[np.searchsorted(raters, rows["rater"]), frames] = rows["value"]
        recordings.append(traces)
    return raters, recordings


def align(ratings: pd.DataFrame, lags: pd.DataFrame) -> pd.DataFrame:
    """Move every rater's traces earlier by the rater's lag.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``dimension``, ``rater`` and other columns.
    lags
        ``dimension``, ``rater``, ``lag`` [s].

    Returns
    -------
    The ratings with other times, on the grid; those before the start are dropped.
    """
    merged = ratings.merge(lags[["dimension", "rater", "lag"]], on=["dimension", "rater"])
    # Half steps go up for all raters, so that whole steps between them stay.
    steps = np.floor(merged["lag"] * RATE + 0.5 + 1e-6).astype(int)
    frames = index(merged["time"].to_numpy()) - steps
    merged["time"] = frames / RATE
    return merged.loc[frames >= 0, ratings.columns].reset_index(drop=True)


def aligned_ratings(
    folder: Path, recordings: Iterable[Recording], lags: Path | None
) -> pd.DataFrame:
    """Ratings of some recordings, with lags taken out where there is a table of them."""
    ratings = tables.read_batches(folder, recordings)
    return ratings if lags is None else align(ratings, tables.read(lags))


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--max-lag", type=float, default=3.0, help="seconds")
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = tables.read_batches(options.ratings, recordings)
    with tables.writer(options.output, RATER_LAGS) as sink:
        for dimension, rows in ratings.groupby("dimension", sort=False):
            raters, traces = panel(rows)
            lags = estimate_lags(traces, options.max_lag)
            table = pd.DataFrame({"dimension": dimension, "rater": raters, "lag": lags})
            sink.append(table)
            print(table.to_string(index=False))


if __name__ == "__main__":
    cli.run(main)
