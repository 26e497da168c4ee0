"""Functionals: mean and variance of a series in windows centred on the grid points."""

from collections.abc import Sequence

import numpy as np

from softaer.core.grid import TOLERANCE

WINDOWS_AT_ONCE = 32
"""Number of windows that are processed in one array; limits memory."""


def functional_names(names: Sequence[str]) -> list[str]:
    """Names of the functionals of some series: all means, then all variances."""
    return [f"{name}_{functional}" for functional in ("mean", "variance") for name in names]


def windowed_functionals(
    time: np.ndarray, values: np.ndarray, at: np.ndarray, window: float
) -> np.ndarray:
    """Mean and population variance in the closed windows [t - window/2, t + window/2].

    Both are computed in two passes over each window in float64. Unlike differences of cumulative
    sums, this loses no digits if a series is large compared with its variance.

    Parameters
    ----------
    time
        Sample times [s], increasing, shape (n,).
    values
        Samples, shape (n, d).
    at
        Centres of the windows [s], increasing, shape (m,). At the edges of a recording, a window
        contains only the part inside.
    window
        Length [s].

    Returns
    -------
    float64 array of shape (m, 2 d): means, then variances; NaN where a window is empty.
    """
    samples = np.asarray(values, dtype=np.float64)
    first = np.searchsorted(time, at - window / 2 - TOLERANCE, side="left")
    count = np.searchsorted(time, at + window / 2 + TOLERANCE, side="right") - first
    width = samples.shape[1]
    out = np.full((len(at), 2 * width), np.nan)
    for size in np.unique(count[count > 0]):
        # Windows with the same number of samples, which are nearly all, are processed together.
        same = np.flatnonzero(count == size)
        views = np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)
        for start in range(0, len(same), WINDOWS_AT_ONCE):
            some = same[start : start + WINDOWS_AT_ONCE]
            gathered = views[first[some]]
            out[some, :width] = gathered.mean(axis=-1)
            out[some, width:] = gathered.var(axis=-1)
    return out
