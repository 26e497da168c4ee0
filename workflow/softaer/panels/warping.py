"""Elastic alignment of a panel: delays that change in the course of a recording.

Each rater k gets a path p_k(t), which says at which of the rater's frames the label's frame t is.
Paths are found on traces with mean 0 and standard deviation 1, so that level and range of a rater
do not matter. They are applied to the traces themselves. The reference is the mean of the aligned
traces, and is refined in turn with the paths. A delay common to all raters cannot be seen in
ratings: as with lags, deviations p_k(t) - t have mean zero over the raters.

``dtw``: dynamic time warping to the barycentre of the panel (DBA; Petitjean, Ketterlin & Gancarski,
2011), within a band (Sakoe & Chiba, 1978). The aligned value is the mean over the frames that
match. ``ctw``: generalised canonical time warping (Zhou & De la Torre, 2016) of series of one
dimension, whose canonical projection is the standardisation. A path is a sum of monotone basis
functions, found by Gauss-Newton steps, so it is smooth and cannot follow fast noise.

Alignment makes any traces more alike, also unrelated ones: agreement after it proves nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline
from scipy.optimize import lsq_linear
from scipy.sparse import csr_array

from softaer.core.grid import RATE, TOLERANCE
from softaer.panels.scaling import levels, standardised

ROUNDS = 10
"""Number of refinements of the reference, as in the MuSe-Toolbox."""

KNOTS = 20.0
"""Distance of the knots of a smooth path [s]."""

STEEPEST = 2.0
"""Steepest smooth path; the flattest is its reciprocal."""

STIFFNESS = 10.0
"""Weight of a smooth path's deviation from even time: a squared change of the delay by 1 s from one
knot to the next costs as much as an error of one standard deviation for this number of seconds."""

STEPS = 5
"""Gauss-Newton steps per refinement of the reference."""


def warp_paths(
    traces: np.ndarray, reference: np.ndarray, reach: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Paths of least squared distance between traces and a reference, within a band.

    Parameters
    ----------
    traces
        Shape (K, T), without NaN.
    reference
        Shape (T,), without NaN.
    reach
        Largest distance of matched frames.

    Returns
    -------
    For each trace the matched frames of the trace and of the reference, int64, shape (n,) each:
    from (0, 0) to (T - 1, T - 1) in steps of at most one frame in each.

    Notes
    -----
    Memory is K T (2 reach + 1) numbers, not K T^2.
    """
    count, width = len(reference), 2 * reach + 1
    # In row i of the band, column c is the match with frame i + c - reach of the reference.
    padded = np.pad(reference, reach, constant_values=np.nan)
    band = np.lib.stride_tricks.sliding_window_view(padded, width)
    total = np.full((len(traces), count, width + 1), np.inf)
    for i in range(count):
        first, last = max(reach - i, 0), min(reach + count - i, width)
        cost = (traces[:, i, None] - band[i, first:last]) ** 2
        if i == 0:
            before = np.full_like(cost, np.inf)
            before[:, 0] = 0.0
        else:
            last_row = total[:, i - 1]
            before = np.minimum(last_row[:, first:last], last_row[:, first + 1 : last + 1])
        # The cheapest way into this row, and from there along it.
        along = np.cumsum(cost, axis=1)
        entry = np.minimum.accumulate(before - along + cost, axis=1)
        total[:, i, first:last] = along + entry
    return [_walk_back(own, reach) for own in total]


def _walk_back(total: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Matched frames, from the summed distances in the band, shape (T, width + 1)."""
    never = np.full((1, total.shape[1]), np.inf)
    diagonal = np.concatenate([never, total[:-1]])
    above = np.concatenate([diagonal[:, 1:], never[:, :1].repeat(len(total), axis=0)], axis=1)
    beside = np.concatenate([never[:, :1].repeat(len(total), axis=0), total[:, :-1]], axis=1)
    ways = np.argmin([diagonal, above, beside], axis=0).tolist()
    i, c = len(total) - 1, reach
    own, other = [i], [i]
    while i > 0 or c > reach - i:
        way = ways[i][c]
        i, c = i - (way < 2), c + (way == 1) - (way == 2)
        own.append(i)
        other.append(i + c - reach)
    return np.array(own[::-1]), np.array(other[::-1])


def _filled(trace: np.ndarray) -> np.ndarray:
    """A trace with gaps interpolated and ends continued, for paths only."""
    known = np.flatnonzero(~np.isnan(trace))
    return np.interp(np.arange(len(trace)), known, trace[known])


def _matched_mean(trace: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean of the trace's values that match each frame of the reference; NaN without any."""
    values = trace[own]
    known = ~np.isnan(values)
    sums = np.bincount(other[known], values[known], minlength=len(trace))
    counts = np.bincount(other[known], minlength=len(trace))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _mean_place(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean frame of the trace that matches each frame of the reference, shape (T,)."""
    return np.bincount(other, own) / np.bincount(other)


def _at(trace: np.ndarray, path: np.ndarray) -> np.ndarray:
    """A trace at fractional frames, linear in between; NaN beside a gap or outside."""
    low = np.floor(path + 1e-9).astype(int)
    part = np.clip(path - low, 0.0, 1.0)
    inside = (low >= 0) & (low < len(trace))
    low = np.clip(low, 0, len(trace) - 1)
    high = np.minimum(low + (part > 1e-9), len(trace) - 1)
    return np.where(inside, (1 - part) * trace[low] + part * trace[high], np.nan)


def dynamic_time_warping(panel: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Align a panel to its barycentre.

    Parameters
    ----------
    panel
        Shape (K, T), K at least 2, NaN where a rater is absent; nobody is absent throughout.
    reach
        Largest deviation of a path [frames].

    Returns
    -------
    aligned, paths
        Both of shape (K, T): the traces, and the rater's frame at each frame of the label.
    """
    shapes = np.stack([_filled(standardised_trace(trace)) for trace in panel])
    reference = shapes.mean(axis=0)
    for _ in range(ROUNDS):
        pairs = warp_paths(shapes, reference, reach)
        before = reference
        reference = np.mean(
            [_matched_mean(s, *p) for s, p in zip(shapes, pairs, strict=True)], axis=0
        )
        if np.allclose(reference, before, rtol=0, atol=1e-6):
            break
    paths = np.stack([_mean_place(*pair) for pair in pairs])
    aligned = np.stack([_matched_mean(t, *pair) for t, pair in zip(panel, pairs, strict=True)])
    # Time of the label is the mean time of the raters, not that of the barycentre.
    frames = np.arange(panel.shape[1], dtype=float)
    places = np.interp(frames, paths.mean(axis=0), frames)
    return (
        np.stack([_at(trace, places) for trace in aligned]),
        np.stack([np.interp(places, frames, path) for path in paths]),
    )


class Basis(NamedTuple):
    """Quadratic B-splines, of which a path is a sum.

    Attributes
    ----------
    splines
        Sparse, shape (T, n); rows sum to 1: coefficients that increase give a path that increases.
    even
        Coefficients of the path p(t) = t (Greville abscissae), shape (n,) [frames].
    """

    splines: csr_array
    even: np.ndarray


def monotone_basis(count: int) -> Basis:
    """The basis for a recording of some frames, with a knot every :data:`KNOTS` seconds."""
    degree, parts = 2, max(int(count / (KNOTS * RATE)), 4)
    inner = np.linspace(0, count - 1, parts + 1)
    knots = np.concatenate([[inner[0]] * degree, inner, [inner[-1]] * degree])
    splines = BSpline.design_matrix(np.arange(count, dtype=float), knots, degree)
    places = range(splines.shape[1])
    return Basis(splines, np.array([knots[j + 1 : j + 1 + degree].mean() for j in places]))


def _smooth_path(
    shape: np.ndarray, reference: np.ndarray, start: np.ndarray, basis: Basis, reach: int
) -> np.ndarray:
    """Coefficients of the smooth path that brings a trace to the reference.

    Parameters
    ----------
    shape, reference
        Shape (T,), without NaN.
    start
        Coefficients to start from, shape (n,).
    basis
        See :func:`monotone_basis`.
    reach
        Largest deviation from even time [frames].
    """
    splines, even = basis
    frames = np.arange(len(shape), dtype=float)
    slope = np.gradient(shape)
    # Unknown are the first coefficient and the increments, with bounds on each.
    running = np.tril(np.ones((len(even), len(even))))
    evenly = np.diff(even, prepend=0.0)
    lower, upper = evenly / STEEPEST, evenly * STEEPEST
    lower[0], upper[0] = -reach - TOLERANCE, reach + TOLERANCE
    stiffness = STIFFNESS / RATE
    found = start
    for _ in range(STEPS):
        path = splines @ found
        value, change = np.interp(path, frames, shape), np.interp(path, frames, slope)
        weighted = splines.multiply(change[:, None]).tocsr()
        # Normal equations of the linearised error and of the deviations from even time.
        normal = running.T @ (weighted.T @ weighted).toarray() @ running
        normal += stiffness * np.eye(len(even))
        goal = running.T @ (weighted.T @ (reference - value + weighted @ found))
        goal += stiffness * evenly
        root = np.linalg.cholesky(normal)
        pieces = lsq_linear(root.T, np.linalg.solve(root, goal), (lower, upper)).x
        moved = np.clip(np.cumsum(pieces), even - reach, even + reach)
        done = np.allclose(moved, found, rtol=0, atol=1e-3)
        found = moved
        if done:
            break
    return found


def canonical_time_warping(panel: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Align a panel by smooth monotone paths to its mean.

    Parameters and result as for :func:`dynamic_time_warping`.
    """
    count = panel.shape[1]
    shapes = np.stack([_filled(standardised_trace(trace)) for trace in panel])
    moves = np.array([np.ptp(shape) > 0 for shape in shapes])
    basis = monotone_basis(count)
    splines, even = basis
    coefficients = np.tile(even, (len(panel), 1))
    frames = np.arange(count, dtype=float)
    for _ in range(ROUNDS):
        before = coefficients.copy()
        warped = [
            np.interp(splines @ own, frames, s) for own, s in zip(coefficients, shapes, strict=True)
        ]
        reference = np.mean([standardised_trace(trace) for trace in warped], axis=0)
        for k in np.flatnonzero(moves):
            coefficients[k] = _smooth_path(shapes[k], reference, coefficients[k], basis, reach)
        # A change of time that all have in common is none of the panel's.
        coefficients[moves] -= (coefficients[moves] - even).mean(axis=0)
        if np.allclose(coefficients, before, atol=0.05):
            break
    paths = np.clip((splines @ coefficients.T).T, 0, count - 1)
    return np.stack([_at(t, path) for t, path in zip(panel, paths, strict=True)]), paths


def standardised_trace(trace: np.ndarray) -> np.ndarray:
    """A trace with mean 0 and standard deviation 1 over its frames, NaN where it has none."""
    known = ~np.isnan(trace)
    return np.where(known, standardised(trace, levels(trace[known])), np.nan)


Warping = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Aligns a panel, as :func:`dynamic_time_warping` does."""


def warped(panel: np.ndarray, warping: Warping, max_lag: float) -> np.ndarray:
    """Traces of a panel after elastic alignment.

    Parameters
    ----------
    panel
        Shape (K, T), NaN where a rater is absent.
    warping
        One of the functions of this module.
    max_lag
        Largest deviation of a path [s].

    Returns
    -------
    Shape (K, T). A rater is present in the same frames or fewer; a single rater stays as it is.
    """
    if len(panel) < 2 or panel.shape[1] < 2 * RATE:
        return panel
    aligned, _ = warping(panel, int(max_lag * RATE + 1e-6))
    return np.where(np.isnan(panel), np.nan, aligned)
