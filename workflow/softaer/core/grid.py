"""The common time grid: ten points a second from the start of the recording, t = 0.0, 0.1, ..."""

import numpy as np

RATE = 10
"""Grid points per second [Hz]."""

TOLERANCE = 1e-6
"""Time stamps closer than this are equal [s]; media is coarser, and float64 much finer."""


def grid(end: float) -> np.ndarray:
    """Grid points from 0 to ``end`` inclusive.

    Parameters
    ----------
    end
        Upper limit of the grid [s]; a negative value gives an empty grid.

    Returns
    -------
    float64 array of shape (n,), seconds. ``k / 10`` exactly, so that equal points compare equal.

    Examples
    --------
    >>> grid(0.3)
    array([0. , 0.1, 0.2, 0.3])
    """
    count = int(np.floor((end + TOLERANCE) * RATE)) + 1
    return np.arange(max(count, 0)) / RATE


def index(time: np.ndarray) -> np.ndarray:
    """Integer position of grid points.

    Parameters
    ----------
    time
        Grid points [s], shape (n,).

    Returns
    -------
    int64 array of shape (n,)

    Raises
    ------
    ValueError
        If a time is not on the grid.
    """
    position = np.rint(np.asarray(time, dtype=np.float64) * RATE)
    if not np.all(np.abs(position / RATE - time) <= TOLERANCE):
        raise ValueError(f"times are not multiples of {1 / RATE:g} s")
    return position.astype(np.int64)


def interpolate(
    time: np.ndarray,
    values: np.ndarray,
    at: np.ndarray,
    max_gap: float,
    previous: bool = False,
) -> np.ndarray:
    """Interpolate an irregular series at other times, without bridging long gaps.

    A point gets a value only between two samples that are at most ``max_gap`` apart, or exactly
    at a sample. Nothing is extrapolated.

    Parameters
    ----------
    time
        Strictly increasing sample times [s], shape (n,).
    values
        Samples, shape (n,) or (n, d), without NaN.
    at
        Requested times [s], shape (m,).
    max_gap
        Longest distance between neighbouring samples that is interpolated [s].
    previous
        Hold the last sample instead of interpolating linearly.

    Returns
    -------
    float64 array of shape (m,) or (m, d); NaN where there is no value.
    """
    values = np.asarray(values, dtype=np.float64)
    out = np.full((len(at), *values.shape[1:]), np.nan)
    if len(time) == 0:
        return out
    right = np.clip(np.searchsorted(time, at, side="left"), 0, len(time) - 1)
    left = np.maximum(right - 1, 0)
    on_sample = np.abs(time[right] - at) <= TOLERANCE
    on_left = np.abs(time[left] - at) <= TOLERANCE
    left = np.where(on_sample, right, left)
    right = np.where(on_left & ~on_sample, left, right)
    span = time[right] - time[left]
    known = on_sample | on_left
    known |= (at > time[left]) & (at < time[right]) & (span <= max_gap + TOLERANCE)
    weight = np.zeros(len(at))
    inside = known & (span > 0)
    if not previous:
        weight[inside] = (at[inside] - time[left[inside]]) / span[inside]
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    blend = (1 - weight) * values[left] + weight * values[right]
    out[known] = blend[known]
    return out


def gaps(time: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Stretches without features.

    Parameters
    ----------
    time, present
        Times of labelled frames [s], in order, and whether they have features; shape (T,).

    Returns
    -------
    Start of the first frame and end of the last one of each stretch [s], shape (gaps, 2), float64.
    Frames without a label interrupt a stretch.

    Examples
    --------
    >>> gaps(np.array([0.0, 0.1, 0.2, 0.3]), np.array([True, False, False, True])).tolist()
    [[0.1, 0.3]]
    """
    frames = index(time)[~present]
    new = np.diff(frames, prepend=-2) > 1
    last = np.append(new[1:], True)[: len(frames)]
    return np.stack([frames[new], frames[last] + 1], axis=1) / RATE
