"""Functionals: statistics of a series in windows centred on the grid points.

:data:`FUNCTIONALS` lists them by name. ``mean`` and ``variance`` are what audio features consist of
by default; the others can be chosen in the configuration.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from softaer.core.grid import TOLERANCE

WINDOWS_AT_ONCE = 32
"""Number of windows that are processed in one array; limits memory."""


@dataclass(frozen=True)
class Windows:
    """Windows that contain the same number of samples, at least one, none of them NaN.

    Attributes
    ----------
    time
        Times of the samples [s], shape (k, n).
    samples
        float64, shape (k, d, n).
    """

    time: np.ndarray
    samples: np.ndarray

    @cached_property
    def ordered(self) -> np.ndarray:
        """The samples of each window by size."""
        return np.sort(self.samples, axis=-1)


Functional = Callable[[Windows], np.ndarray]
"""Takes windows; returns an array of shape (k, d)."""


def _percentile(windows: Windows, percent: float) -> np.ndarray:
    """Percentile by linear interpolation, numpy's default.

    All percentiles share one sort, so that five of them take a third of the time that
    ``np.percentile`` takes.
    """
    place = percent / 100 * (windows.samples.shape[-1] - 1)
    below, above = (windows.ordered[..., int(bound(place))] for bound in (np.floor, np.ceil))
    return below + (place - np.floor(place)) * (above - below)


def _slope(windows: Windows) -> np.ndarray:
    """Slope of the least-squares line [1/s]; NaN if the window has a single sample."""
    time = (windows.time - windows.time.mean(axis=-1, keepdims=True))[:, np.newaxis]
    values = windows.samples - windows.samples.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (time * values).sum(axis=-1) / (time**2).sum(axis=-1)


FUNCTIONALS: dict[str, Functional] = {
    "mean": lambda windows: windows.samples.mean(axis=-1),
    "variance": lambda windows: windows.samples.var(axis=-1),
    "sd": lambda windows: windows.samples.std(axis=-1),
    "min": lambda windows: windows.samples.min(axis=-1),
    "max": lambda windows: windows.samples.max(axis=-1),
    "range": lambda windows: np.ptp(windows.samples, axis=-1),
    **{f"p{percent}": partial(_percentile, percent=percent) for percent in (10, 25, 50, 75, 90)},
    "slope": _slope,
    "voiced": lambda windows: (windows.samples > 0).mean(axis=-1),
}
"""Functionals by name. Variance and standard deviation (``sd``) are those of the population.
``voiced`` is the share of samples above 0, which is meant for F0."""

DEFAULT = ("mean", "variance")


def functional_names(names: Sequence[str], functionals: Sequence[str] = DEFAULT) -> list[str]:
    """Names of the functionals of some series, functional by functional: first all means."""
    return [f"{name}_{functional}" for functional in functionals for name in names]


def functional_units(units: Sequence[str], functionals: Sequence[str] = DEFAULT) -> list[str]:
    """Units of the functionals of some series, in the order of :func:`functional_names`.

    Examples
    --------
    >>> functional_units(["degree", "1"], ["mean", "variance", "slope"])
    ['degree', '1', '(degree)^2', '1', 'degree/s', '1/s']
    """

    def of(functional: str, unit: str) -> str:
        if functional == "variance" and unit != "1":
            return f"({unit})^2"
        if functional == "voiced":
            return "1"
        return f"{unit}/s" if functional == "slope" else unit

    return [of(functional, unit) for functional in functionals for unit in units]


def windowed_functionals(
    time: np.ndarray,
    values: np.ndarray,
    at: np.ndarray,
    window: float,
    functionals: Sequence[str] = DEFAULT,
) -> np.ndarray:
    """Functionals in the closed windows [t - window/2, t + window/2].

    Each window is processed by itself in float64. Unlike differences of cumulative sums, this
    loses no digits if a series is large compared with its variance.

    Parameters
    ----------
    time
        Sample times [s], increasing, shape (n,).
    values
        Samples, shape (n, d). NaN are left out, in each column by itself.
    at
        Centres of the windows [s], increasing, shape (m,). At the edges of a recording, a window
        contains only the part inside.
    window
        Length [s].
    functionals
        Keys of :data:`FUNCTIONALS`.

    Returns
    -------
    float64 array of shape (m, len(functionals) d), functional by functional as in
    :func:`functional_names`; NaN where a window has no sample, and where the slope has only one.
    """
    samples = np.asarray(values, dtype=np.float64)
    out = np.full((len(at), len(functionals), samples.shape[1]), np.nan)
    for columns, own_time, own_samples in _without_gaps(time, samples):
        for some, windows in _windows(own_time, own_samples, at, window):
            for place, functional in enumerate(functionals):
                out[some[:, np.newaxis], place, columns] = FUNCTIONALS[functional](windows)
    return out.reshape(len(at), len(functionals) * samples.shape[1])


def _without_gaps(
    time: np.ndarray, samples: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Groups of columns with the same gaps, which are series without gaps at fewer times.

    Yields
    ------
    Positions of the columns, times, and samples without NaN.
    """
    missing = np.isnan(samples)
    if not missing.any():
        yield np.arange(samples.shape[1]), time, samples
        return
    patterns, pattern_of = np.unique(missing, axis=1, return_inverse=True)
    for number, there in enumerate(~patterns.T):
        columns = np.flatnonzero(pattern_of == number)
        yield columns, time[there], samples[np.ix_(there, columns)]


def _windows(
    time: np.ndarray, samples: np.ndarray, at: np.ndarray, window: float
) -> Iterator[tuple[np.ndarray, Windows]]:
    """Positions of some windows, and their samples; all windows that have any."""
    first = np.searchsorted(time, at - window / 2 - TOLERANCE, side="left")
    count = np.searchsorted(time, at + window / 2 + TOLERANCE, side="right") - first
    for size in np.unique(count[count > 0]):
        # Windows with the same number of samples, which are nearly all, are processed together.
        same = np.flatnonzero(count == size)
        views = np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)
        times = np.lib.stride_tricks.sliding_window_view(time, size)
        for start in range(0, len(same), WINDOWS_AT_ONCE):
            some = same[start : start + WINDOWS_AT_ONCE]
            yield some, Windows(times[first[some]], views[first[some]])
