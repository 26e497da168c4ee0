"""Filters of single traces on the grid: smoothing, and change in place of level.

A gap in a trace stays a gap: each run of frames between gaps is filtered by itself.
"""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import savgol_filter

from softaer.core.grid import RATE

ORDER = 3
"""Order of the polynomial of the Savitzky-Golay filter, as in the MuSe-Toolbox."""

STEP = 1.0
"""Time over which a change is measured [s]."""


def window_frames(window: float) -> int:
    """Frames of a window given in seconds: the odd number next to it.

    Examples
    --------
    >>> window_frames(0.5), window_frames(1.0), window_frames(1.2)
    (5, 11, 13)
    """
    return 2 * int(window * RATE / 2 + 1e-9) + 1


def by_runs(filtered: Callable[[np.ndarray], np.ndarray], trace: np.ndarray) -> np.ndarray:
    """Apply a filter to each run of frames between gaps; shape (T,), NaN stays NaN."""
    present = np.concatenate([[False], ~np.isnan(trace), [False]])
    edges = np.flatnonzero(present[1:] != present[:-1])
    smooth = np.full_like(trace, np.nan)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        smooth[start:end] = filtered(trace[start:end])
    return smooth


def median(trace: np.ndarray, window: float) -> np.ndarray:
    """Running median, which keeps steps and removes short spikes.

    Parameters
    ----------
    trace
        Shape (T,), NaN where the rater is absent. Ends are continued by their last value.
    window
        [s], see :func:`window_frames`.
    """
    size = window_frames(window)
    return by_runs(lambda run: median_filter(run, size, mode="nearest"), trace)


def savitzky_golay(trace: np.ndarray, window: float) -> np.ndarray:
    """Value of a cubic polynomial fitted to each window, which keeps the height of peaks.

    Parameters as for :func:`median`. At the ends, the polynomial of the first or last whole window
    is used; a run that is shorter than the window stays as it is.
    """
    size = window_frames(window)
    return by_runs(
        lambda run: savgol_filter(run, size, ORDER) if len(run) >= size else run.copy(), trace
    )


def moving_average(trace: np.ndarray, window: float) -> np.ndarray:
    """Mean over a window, over the part of it with values; parameters as for :func:`median`."""
    size = window_frames(window)

    def mean(run: np.ndarray) -> np.ndarray:
        inside = uniform_filter1d(np.ones_like(run), size, mode="constant")
        return uniform_filter1d(run, size, mode="constant") / inside

    return by_runs(mean, trace)


def changes(trace: np.ndarray) -> np.ndarray:
    """Change per second over :data:`STEP`, centred on each frame.

    Parameters
    ----------
    trace
        Shape (T,), NaN where the rater is absent.

    Returns
    -------
    Shape (T,), in units of the trace per second; NaN where either end of the step has no value.

    Examples
    --------
    >>> changes(np.arange(12) / 10.0).round(6)[4:8]
    array([nan,  1.,  1., nan])
    """
    half = round(STEP * RATE / 2)
    slope = np.full_like(trace, np.nan)
    slope[half:-half] = (trace[2 * half :] - trace[: -2 * half]) / (2 * half / RATE)
    return slope
