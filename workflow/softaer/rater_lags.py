"""Rater lags: how much later or earlier than the others each rater reacts, estimated from ratings.

Only the ratings are used. Each rater's traces are shifted relative to the mean of the other raters,
who are shifted by their current lags, to the highest correlation. This is repeated until no lag
changes. A lag common to all raters cannot be found in this way: lags are relative, with median zero
(or half a step above, if the number of raters is even), and the common part is the annotation
delay.

A lag is trusted if the rater agrees with the others: if the correlation is higher than what
unrelated traces reach by chance at the best of as many lags (see :mod:`softaer.core.chance`), and
if the best lag is not at the edge of the search, beyond which there may be a better one. A rater
who fails gets lag 0 and a note, and is excluded from the mean of the others and from the median.
The worse half of those who fail is left out, and the search starts again without them, until nobody
fails. Then those who were left out are compared once more with the remaining panel.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from softaer.core import cli, tables
from softaer.core.chance import chance_level
from softaer.core.concordance import varies
from softaer.core.errors import InputError
from softaer.core.experiment import Labels
from softaer.core.grid import RATE, TOLERANCE, index
from softaer.core.schema import RATER_LAGS
from softaer.corpus import rated, read_recordings

SMOOTHING = 1.0
"""Standard deviation of the kernel that smooths traces before they are compared [s].

Disagreement between raters changes quickly; their reaction to the recording changes slowly. Without
smoothing, a rater's deviation, which is part of the mean for the others, would push lags apart.
"""

MAX_ROUNDS = 20
"""Maximum number of rounds; lags that still change after that are used as they are."""

ROUNDING = 1e-12
"""Sums of squares about the mean below this share of those about zero are rounding errors."""


def shift(trace: np.ndarray, steps: int) -> np.ndarray:
    """Shift a trace to earlier by some grid points (later if negative); gaps become NaN.

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


def smooth(trace: np.ndarray) -> np.ndarray:
    """Gaussian smoothing over the frames with values; NaN stays NaN."""
    present = ~np.isnan(trace)
    sums = gaussian_filter1d(np.where(present, trace, 0.0), SMOOTHING * RATE, mode="constant")
    shares = gaussian_filter1d(present.astype(float), SMOOTHING * RATE, mode="constant")
    return np.where(present, sums / np.maximum(shares, 1e-12), np.nan)


def pooled_correlation(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Pearson correlation over several recordings, each centred on its own mean.

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
        x, y = x[known], y[known]
        if len(x) > 1 and varies(x) and varies(y):
            dx, dy = x - x.mean(), y - y.mean()
            xy, xx, yy = xy + dx @ dy, xx + dx @ dx, yy + dy @ dy
    return xy / np.sqrt(xx * yy) if xx > 0 and yy > 0 else -np.inf


def standardise_raters(recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Scale all raters to mean zero in each recording and one overall spread, shapes (K, T_i).

    A rater with a wide range then has no more weight in the mean of the others than one with a
    narrow range.
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


class Finding(NamedTuple):
    """Estimate of a rater's lag.

    Attributes
    ----------
    steps
        Lag with the highest correlation with the mean of the others [grid points].
    highest, unmoved
        That correlation, and the one without a lag of this rater; -inf if undefined.
    note
        The reason why the lag is not trusted, or None.
    """

    steps: int
    highest: float
    unmoved: float
    note: str | None


def estimate_lags(
    recordings: Sequence[np.ndarray], max_lag: float = Labels.max_lag
) -> pd.DataFrame:
    """Relative lags of a panel of raters.

    Parameters
    ----------
    recordings
        Ratings on the grid, shape (K, T_i) each, the same K raters in all; NaN where a rater is
        absent.
    max_lag
        Largest lag relative to the others that is searched [s].

    Returns
    -------
    One row per rater: ``lag`` [s], a multiple of the grid's step, between ``-max_lag`` and
    ``max_lag``; ``agreement``, the correlation with the mean of the others at this lag, NaN if
    undefined; ``note``, None or the reason why the lag is not trusted and is 0.
    """
    raters = len(recordings[0])
    recordings = standardise_raters([np.stack([smooth(t) for t in r]) for r in recordings])
    reach = int(max_lag * RATE + TOLERANCE)
    findings: dict[int, Finding] = {}
    trusted, steps = list(range(raters)), {}
    while trusted:
        steps = bring_in_step(recordings, trusted, reach)
        findings |= {k: _find(recordings, k, steps, reach) for k in trusted}
        doubted = [k for k in trusted if findings[k].note]
        if not doubted:
            break
        # Half of them at a time, because the reference for the others improves without these.
        doubted.sort(key=lambda k: findings[k].highest)
        dropped = doubted[: -(-len(doubted) // 2)]
        if len(trusted) - len(dropped) < 2:
            dropped = trusted
        trusted = [k for k in trusted if k not in dropped]
        steps = {k: steps[k] for k in trusted}
    if trusted:
        left_out = [k for k in range(raters) if k not in trusted]
        findings |= {k: _find(recordings, k, steps, reach) for k in left_out}
        steps |= {k: findings[k].steps for k in left_out if not findings[k].note}
    rows = []
    for k in range(raters):
        note = findings[k].note
        if k not in steps and note is None:
            note = "nobody whose lag can be trusted is left to compare with"
        agreement = findings[k].highest if k in steps else findings[k].unmoved
        rows.append((steps.get(k, 0) / RATE, agreement if np.isfinite(agreement) else np.nan, note))
    return pd.DataFrame(rows, columns=["lag", "agreement", "note"])


def bring_in_step(
    recordings: Sequence[np.ndarray], raters: Sequence[int], reach: int
) -> dict[int, int]:
    """Lags of some raters relative to each other [grid points], with median zero.

    The median of an even number is rounded down, so that lags stay whole.
    """
    steps = dict.fromkeys(raters, 0)
    for _ in range(MAX_ROUNDS):
        before = dict(steps)
        for k in raters:
            scores = _scores(recordings, k, steps, reach)
            steps[k] = int(np.argmax(scores)) - reach if np.isfinite(max(scores)) else 0
        centre = int(np.floor(np.median(list(steps.values()))))
        steps = {k: step - centre for k, step in steps.items()}
        if steps == before:
            break
    return steps


def pairs_with_others(
    recordings: Sequence[np.ndarray], rater: int, steps: Mapping[int, int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """A rater's traces and the mean of the others in ``steps``, where both exist."""
    others = [k for k in steps if k != rater]
    if not others:
        return []
    pairs = [
        (traces[rater], _mean([shift(traces[k], steps[k]) for k in others]))
        for traces in recordings
        if not np.isnan(traces[rater]).all()
    ]
    return [(own, mean) for own, mean in pairs if not np.isnan(mean).all()]


def _scores(
    recordings: Sequence[np.ndarray], rater: int, steps: Mapping[int, int], reach: int
) -> list[float]:
    """Correlation of a rater with the mean of the others at every lag up to ``reach``."""
    sums = np.zeros((3, 2 * reach + 1))
    for own, others in pairs_with_others(recordings, rater, steps):
        sums += moments_by_lag(own, others, reach)
    xy, xx, yy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return list(np.where((xx > 0) & (yy > 0), xy / np.sqrt(xx * yy), -np.inf))


def moments_by_lag(own: np.ndarray, others: np.ndarray, reach: int) -> np.ndarray:
    """Centred moments of a trace, shifted by each lag, with another series.

    Parameters
    ----------
    own, others
        Shape (T,), NaN where absent. ``own`` is shifted.
    reach
        Largest lag, to earlier and to later [grid points].

    Returns
    -------
    Sums of products, of squares of ``own`` and of squares of ``others``, each about its mean over
    the frames that both have, shape (3, 2 reach + 1), from the lag ``-reach`` on; 0 where one of
    them does not vary.
    """
    edge = np.full(reach, np.nan)
    x, y = np.concatenate([edge, own, edge]), others
    ones, known = ((~np.isnan(series)).astype(float) for series in (x, y))
    x, y = np.where(ones, x, 0.0), np.where(known, y, 0.0)
    # "valid" gives a sum of products for each lag.
    count = np.maximum(np.correlate(ones, known), 1.0)
    sum_x, squares_x = np.correlate(x, known), np.correlate(x**2, known)
    sum_y, squares_y = np.correlate(ones, y), np.correlate(ones, y**2)
    xx, yy = squares_x - sum_x**2 / count, squares_y - sum_y**2 / count
    moments = np.stack([np.correlate(x, y) - sum_x * sum_y / count, xx, yy])
    vary = (xx > ROUNDING * squares_x) & (yy > ROUNDING * squares_y)
    return np.where(vary, moments, 0.0)


class Comparison(NamedTuple):
    """A rater against the mean of the others.

    Attributes
    ----------
    steps
        Lag with the highest correlation [grid points].
    highest, lowest, unmoved
        That correlation, the lowest one over lags, and the one without a lag of this rater; -inf if
        undefined.
    as_drawn
        The correlation without a lag of anybody.
    chance
        Correlation that unrelated traces reach by chance, see :mod:`softaer.core.chance`.
    """

    steps: int
    highest: float
    lowest: float
    unmoved: float
    as_drawn: float
    chance: float


def compare(
    recordings: Sequence[np.ndarray], rater: int, steps: Mapping[int, int], reach: int
) -> Comparison | None:
    """Compare a rater with the mean of the others in ``steps``; None if they share no frames.

    Parameters
    ----------
    recordings
        Smoothed traces of comparable raters, shape (K, T_i) each.
    rater
        Number of the rater.
    steps
        Lags of the others [grid points]; the rater may be among them.
    reach
        Largest lag that is searched [grid points].
    """
    scores = np.array(_scores(recordings, rater, steps, reach))
    if not np.isfinite(scores).any():
        return None
    best = int(np.argmax(scores)) - reach
    pairs = [(shift(x, best), y) for x, y in pairs_with_others(recordings, rater, steps)]
    pairs = [tuple(both) for both in map(_centred, pairs)]
    # The lags of the others were chosen too, and they depend on this rater if it took part.
    choices = len(steps) - 1 if rater in steps else 1
    return Comparison(
        best,
        scores.max(),
        scores[np.isfinite(scores)].min(),
        scores[reach],
        pooled_correlation(pairs_with_others(recordings, rater, dict.fromkeys(steps, 0))),
        chance_level(pairs, len(pairs), len(scores), choices),
    )


def _find(
    recordings: Sequence[np.ndarray], rater: int, steps: Mapping[int, int], reach: int
) -> Finding:
    """Lag of a rater relative to the others in ``steps``, and whether it is trusted."""
    seen = compare(recordings, rater, steps, reach)
    if seen is None:
        own = [t[rater][~np.isnan(t[rater])] for t in recordings]
        flat = any(map(len, own)) and not any(len(trace) and varies(trace) for trace in own)
        why = "never changes" if flat else "no frames in common with others who change"
        return Finding(0, -np.inf, -np.inf, why)
    note: str | None = None
    # Shifted far enough, even an inverted slow trace may agree; without a shift it does not.
    against = -np.inf < seen.as_drawn < -seen.chance
    if against or (seen.highest <= seen.chance and seen.lowest < -seen.chance):
        note = f"runs against the others: r = {min(seen.as_drawn, seen.lowest):.2f}"
    elif seen.highest <= seen.chance:
        note = (
            f"does not agree with the others: r = {seen.highest:.2f} at most, and chance reaches "
            f"{seen.chance:.2f}"
        )
    elif reach and max(abs(seen.steps), abs(steps.get(rater, 0))) >= reach:
        note = f"the best lag, {seen.steps / RATE:g} s, is at the edge of the search"
    return Finding(seen.steps, seen.highest, seen.unmoved, note)


def _centred(pair: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Two series, centred over the frames that both have, NaN elsewhere, shape (2, T)."""
    both = np.where(np.isnan(pair).any(axis=0), np.nan, pair)
    known = ~np.isnan(both[0])
    return both - both[:, known].mean(axis=1, keepdims=True) if known.any() else both


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
    """Shift every rater's traces to earlier by the rater's lag.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``dimension``, ``rater`` and other columns.
    lags
        ``dimension``, ``rater``, ``lag`` [s].

    Returns
    -------
    The ratings with shifted times, on the grid; those before the start are dropped.
    """
    merged = ratings.merge(lags[["dimension", "rater", "lag"]], on=["dimension", "rater"])
    # Half steps are rounded up for all raters, so that whole steps between them are kept.
    steps = np.floor(merged["lag"] * RATE + 0.5 + 1e-6).astype(int)
    frames = index(merged["time"].to_numpy()) - steps
    merged["time"] = frames / RATE
    return merged.loc[frames >= 0, ratings.columns].reset_index(drop=True)


def without_excluded(ratings: pd.DataFrame, screen: pd.DataFrame) -> pd.DataFrame:
    """Ratings without those of raters whom the screen leaves out.

    Parameters
    ----------
    ratings
        ``recording``, ``dimension``, ``rater`` and other columns.
    screen
        Table of the stage ``rater_screen``.

    Raises
    ------
    InputError
        If nobody is left in a recording.
    """
    out = screen.loc[screen["excluded"], ["dimension", "rater", "verdict"]]
    merged = ratings.merge(out, on=["dimension", "rater"], how="left")
    kept = merged.loc[merged["verdict"].isna(), ratings.columns].reset_index(drop=True)
    panels = ["recording", "dimension"]
    before, after = (pd.MultiIndex.from_frame(t[panels].drop_duplicates()) for t in (merged, kept))
    empty = before.difference(after, sort=False)
    if len(empty):
        recording, dimension = empty[0]
        own = out[out["dimension"] == dimension]
        here = merged.loc[(merged[panels] == [recording, dimension]).all(axis=1), "rater"].unique()
        who = ", ".join(f"{r!r} ({v})" for _, r, v in own.itertuples(index=False) if r in here)
        raise InputError(
            f"recording {recording!r}, {dimension}: 'labels: screen' leaves out all raters: {who}; "
            "expected one at least (another rule or threshold, or other raters)"
        )
    return kept


def add_preparation(arguments: argparse.ArgumentParser) -> None:
    """Add the tables that :func:`prepared` needs."""
    arguments.add_argument("--rater-screen", type=Path, help="raters to leave out")
    arguments.add_argument("--rater-lags", type=Path, help="lags to take out of the traces")


def prepared(ratings: pd.DataFrame, options: argparse.Namespace) -> pd.DataFrame:
    """Ratings as the labels see them: without the raters left out, and without their lags.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``rater``, ``value``.
    options
        Arguments of :func:`add_preparation`.
    """
    if options.rater_screen is not None:
        ratings = without_excluded(ratings, tables.read(options.rater_screen))
    if options.rater_lags is not None:
        ratings = align(ratings, tables.read(options.rater_lags))
    return ratings


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--rater-screen", type=Path, help="raters to leave out")
    cli.add_settings(arguments, Labels, "max_lag")
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = tables.read_batches(options.ratings, recordings)
    if options.rater_screen is not None:
        ratings = without_excluded(ratings, tables.read(options.rater_screen))
    max_lag = cli.settings(options, Labels).max_lag
    with tables.writer(options.output, RATER_LAGS) as sink:
        for dimension, rows in ratings.groupby("dimension", sort=False):
            raters, traces = panel(rows)
            table = estimate_lags(traces, max_lag)
            table.insert(0, "rater", raters)
            table.insert(0, "dimension", dimension)
            sink.append(table)
            print(table.to_string(index=False, na_rep=""))


if __name__ == "__main__":
    cli.run(main)
