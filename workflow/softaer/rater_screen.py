"""Screen of raters: whose traces are flat, inverted, or unrelated to those of the others.

Only the ratings are used, before lags and labels, and over all recordings of the corpus:

* **flat**: the standard deviation about the mean of each recording is zero, or below a share of
  the panel's median.
* **inverted**: each pair of raters has the correlation, over lags, that is farthest from zero. The
  signs of the leading eigenvector of their matrix (the first principal component of the traces)
  divide the panel in two; a rater of the smaller part is inverted if the negative of the trace
  agrees with the larger part.
* **unrelated**: the highest correlation over lags with the mean of the others, who are shifted by
  their own lags, is below a threshold and no higher than what unrelated traces reach by chance (see
  :mod:`softaer.core.chance`). The worst such rater is set aside, and the others are compared anew,
  until everybody agrees: has a correlation above the threshold, or above chance.

With fewer than three raters who share recordings, or if as many are on one side as on the other,
nobody can say who is wrong: the verdict is ``unknown``. A constant trace is flat in any case.

Nobody is left out unless the configuration names the rule, and no trace is ever turned round.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from softaer.core import cli, tables
from softaer.core.experiment import Labels
from softaer.core.grid import RATE, TOLERANCE
from softaer.core.schema import RATER_SCREEN
from softaer.corpus import rated, read_recordings
from softaer.rater_lags import (
    ROUNDING,
    Comparison,
    bring_in_step,
    compare,
    panel,
    smooth,
    standardise_raters,
)

LEAST_RATERS = 3
"""Smallest number of raters among whom one can be found to be wrong."""

LEAST_SHARED = 5.0
"""Shortest time that two raters must share for their correlation to count [s]; our choice."""

STEP = 3
"""Grid points between the lags at which pairs are compared: traces are smoothed over 1 s."""

AGREES, FLAT, INVERTED, UNRELATED, UNKNOWN = "agrees", "flat", "inverted", "unrelated", "unknown"
"""Verdicts."""


def spreads(recordings: Sequence[np.ndarray]) -> np.ndarray:
    """Standard deviation of each rater about the mean of each recording, shape (K,).

    Parameters
    ----------
    recordings
        Ratings, shape (K, T_i) each; NaN where a rater is absent.

    Returns
    -------
    In units of the ratings; 0 where it is a rounding error, NaN for a rater who is never present.
    """
    squares = count = largest = np.zeros(len(recordings[0]))
    for ratings in recordings:
        present = ~np.isnan(ratings)
        values, frames = np.where(present, ratings, 0.0), present.sum(axis=1)
        mean = values.sum(axis=1) / np.maximum(frames, 1)
        deviation = np.where(present, ratings - mean[:, None], 0.0)
        squares, count = squares + (deviation**2).sum(axis=1), count + frames
        largest = np.maximum(largest, np.abs(values).max(axis=1))
    with np.errstate(invalid="ignore"):
        found = np.sqrt(squares / count)
    return np.where(found <= 1e-9 * largest, 0.0 * found, found)


def flat(spread: np.ndarray, below: float) -> np.ndarray:
    """Who hardly moves: spread 0, or below a share of the median of those who move.

    Examples
    --------
    >>> flat(np.array([0.0, 0.3, 0.2, 0.25, 0.001]), 0.01)
    array([ True, False, False, False,  True])
    """
    moving = spread[spread > 0]
    least = below * np.median(moving) if len(moving) >= LEAST_RATERS else 0.0
    return (spread == 0) | (spread < least)


def best_correlations(recordings: Sequence[np.ndarray], reach: int) -> np.ndarray:
    """Correlation of each pair of raters at the lag at which it is farthest from zero.

    Parameters
    ----------
    recordings
        Smoothed traces, shape (K, T_i) each, NaN where a rater is absent. Each recording is centred
        on its own mean.
    reach
        Largest lag [grid points].

    Returns
    -------
    Shape (K, K), symmetric; NaN on the diagonal, for pairs who share less than
    :data:`LEAST_SHARED`, and where one of them does not vary.
    """
    raters = len(recordings[0])
    there = [np.flatnonzero(~np.isnan(traces).all(axis=1)) for traces in recordings]
    own = [traces[who] for who, traces in zip(there, recordings, strict=True)]
    best = np.full((raters, raters), np.nan)
    for lag in range(0, reach + 1, STEP):
        sums = np.zeros((4, raters, raters))
        for who, traces in zip(there, own, strict=True):
            length = traces.shape[1] - lag
            if length > 1:
                sums[:, who[:, None], who] += _moments_of_pairs(traces[:, :length], traces[:, lag:])
        count, xy, xx, yy = sums
        with np.errstate(invalid="ignore", divide="ignore"):
            found = xy / np.sqrt(xx * yy)
        known = (xx > 0) & (yy > 0) & (count >= LEAST_SHARED * RATE)
        # One rater early and the other late, or the other way round.
        for turned in (np.where(known, found, np.nan), np.where(known, found, np.nan).T):
            farther = ~(np.abs(turned) <= np.abs(best)) & ~np.isnan(turned)
            best = np.where(farther, turned, best)
    np.fill_diagonal(best, np.nan)
    return best


def _moments_of_pairs(early: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Common frames and centred moments (xy, xx, yy) of every pair of rows, shape (4, K, K)."""
    mask_x, mask_y = (~np.isnan(early)).astype(float), (~np.isnan(late)).astype(float)
    x, y = np.where(mask_x > 0, early, 0.0), np.where(mask_y > 0, late, 0.0)
    count = mask_x @ mask_y.T
    divisor = np.maximum(count, 1.0)
    sum_x, sum_y = x @ mask_y.T, mask_x @ y.T
    squares_x, squares_y = x**2 @ mask_y.T, mask_x @ (y**2).T
    xx, yy = squares_x - sum_x**2 / divisor, squares_y - sum_y**2 / divisor
    vary = (xx > ROUNDING * squares_x) & (yy > ROUNDING * squares_y)
    return np.stack([count, x @ y.T - sum_x * sum_y / divisor, xx, yy]) * np.stack(
        [np.ones_like(vary), vary, vary, vary]
    )


def sides(correlations: np.ndarray) -> np.ndarray:
    """Sides of raters in their leading eigenvector: 1 for the larger one, -1 for the other.

    Parameters
    ----------
    correlations
        Of each pair, shape (K, K); NaN counts as 0.

    Returns
    -------
    Shape (K,); all 0 if as many raters are on one side as on the other.

    Examples
    --------
    >>> sides(np.array([[1, 0.8, -0.7], [0.8, 1, -0.9], [-0.7, -0.9, 1]]))
    array([ 1,  1, -1])
    """
    matrix = np.where(np.isnan(correlations), 0.0, correlations)
    np.fill_diagonal(matrix, 1.0)
    side = np.where(np.linalg.eigh(matrix)[1][:, -1] >= 0, 1, -1)
    return side * np.sign(side.sum())


def screen(
    recordings: Sequence[np.ndarray],
    max_lag: float = Labels.max_lag,
    flat_below: float = Labels.flat_below,
    unrelated_below: float = Labels.unrelated_below,
) -> pd.DataFrame:
    """What each rater's traces are like.

    Parameters
    ----------
    recordings
        Ratings on the grid, shape (K, T_i) each, the same K raters in all; NaN where a rater is
        absent.
    max_lag
        Largest lag that is searched [s].
    flat_below, unrelated_below
        Thresholds, see :class:`softaer.core.experiment.Labels`.

    Returns
    -------
    One row per rater: ``spread``, ``agreement``, ``opposite``, ``chance``, ``verdict``, ``reason``,
    as in :data:`softaer.core.schema.RATER_SCREEN`.
    """
    reach = int(max_lag * RATE + TOLERANCE)
    spread = spreads(recordings)
    still = flat(spread, flat_below)
    rows: list[dict] = [{"spread": value} for value in spread]
    for k in np.flatnonzero(still).tolist():
        rows[k] |= {"verdict": FLAT, "reason": "never moves" if spread[k] == 0 else "hardly moves"}
    smoothed = [np.stack([smooth(trace) for trace in traces]) for traces in recordings]
    comparable = standardise_raters(smoothed)
    comparable = [np.where(still[:, None], np.nan, traces) for traces in comparable]
    correlations = best_correlations(comparable, reach)
    _, group = connected_components(~np.isnan(correlations), directed=False)
    for number in np.unique(group[~still]):
        own = np.flatnonzero((group == number) & ~still)
        for k, judged in _judge(comparable, own, correlations, reach, unrelated_below).items():
            rows[k] |= judged
    columns = ["spread", "agreement", "opposite", "chance", "verdict", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"agreement": float, "opposite": float})


def _judge(
    recordings: Sequence[np.ndarray],
    raters: np.ndarray,
    correlations: np.ndarray,
    reach: int,
    threshold: float,
) -> dict[int, dict]:
    """Verdicts on raters who share recordings, directly or through others."""
    if len(raters) < LEAST_RATERS:
        why = f"{len(raters)} of the raters who move share recordings; {LEAST_RATERS} are needed"
        return {int(k): {"verdict": UNKNOWN, "reason": why} for k in raters}
    side = sides(correlations[np.ix_(raters, raters)])
    if not side.any():
        why = f"{len(raters) // 2} raters run against the other {len(raters) // 2}"
        return {int(k): {"verdict": UNKNOWN, "reason": why} for k in raters}
    kept = [int(k) for k in raters[side > 0]]
    while True:
        steps = bring_in_step(recordings, kept, reach)
        found = {k: compare(recordings, k, steps, reach) for k in kept}
        weak = [k for k in kept if not _agrees(found[k], threshold)]
        if not weak or len(kept) < LEAST_RATERS:
            break
        kept.remove(min(weak, key=lambda k: _highest(found[k])))
    if weak:
        why = "no two raters agree"
        return {int(k): {"verdict": UNKNOWN, "reason": why} for k in raters}
    others = set(raters.tolist()) - set(kept)
    found |= {other: compare(recordings, other, steps, reach) for other in others}
    return {int(k): _verdict(found[int(k)], threshold) for k in raters}


def _highest(seen: Comparison | None) -> float:
    return -np.inf if seen is None else seen.highest


def _agrees(seen: Comparison | None, threshold: float) -> bool:
    return seen is not None and seen.highest > min(seen.chance, threshold)


def _verdict(seen: Comparison | None, threshold: float) -> dict:
    if seen is None:
        return {"verdict": UNKNOWN, "reason": "no frames in common with those who agree"}
    row = {"agreement": seen.highest, "opposite": seen.lowest, "chance": seen.chance}
    # Shifted far enough, a slow inverted trace may agree as well, but less than its negative.
    if -seen.lowest > max(seen.chance, seen.highest):
        why = f"r = {seen.lowest:.2f} with the others"
        return row | {"verdict": INVERTED, "reason": why}
    if not _agrees(seen, threshold):
        why = f"r = {seen.highest:.2f} with the others at most; chance reaches {seen.chance:.2f}"
        return row | {"verdict": UNRELATED, "reason": why}
    return row | {"verdict": AGREES, "reason": None}


def screen_corpus(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Rows of :data:`softaer.core.schema.RATER_SCREEN` for all dimensions.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``rater``, ``value``.
    labels
        The section ``labels`` of the configuration.
    """
    parts = []
    for dimension, rows in ratings.groupby("dimension", sort=False):
        raters, recordings = panel(rows)
        found = screen(recordings, labels.max_lag, labels.flat_below, labels.unrelated_below)
        found["excluded"] = found["verdict"].isin(labels.screen or ())
        found.insert(0, "rater", raters)
        found.insert(0, "dimension", dimension)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def told(table: pd.DataFrame) -> Iterable[str]:
    """A line for each rater who is not in agreement with the others, and what was done."""
    for row in table[table["verdict"] != AGREES].itertuples(index=False):
        done = "left out of E and sigma" if row.excluded else "kept"
        what = "cannot be judged" if row.verdict == UNKNOWN else f"is {row.verdict}"
        yield f"{row.dimension}: rater {row.rater!r} {what} ({row.reason}): {done}"


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    keys = ("screen", "flat_below", "unrelated_below", "max_lag")
    cli.add_settings(arguments, Labels, *keys)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = tables.read_batches(options.ratings, recordings)
    table = screen_corpus(ratings, cli.settings(options, Labels))
    for line in told(table):
        print(line)
    tables.write(table, RATER_SCREEN, options.output)


if __name__ == "__main__":
    cli.run(main)
