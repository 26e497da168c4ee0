"""From the frames of a video to the grid: features of a face, without bridging gaps or jumps."""

from collections.abc import Sequence

import numpy as np

from softaer.core.grid import grid, interpolate
from softaer.signals.functionals import DEFAULT, windowed_functionals
from softaer.signals.markup import place_and_width


def on_grid(
    time: np.ndarray,
    values: np.ndarray,
    shapes: np.ndarray,
    max_gap: float,
    window: float,
    functionals: Sequence[str] = DEFAULT,
) -> tuple[np.ndarray, np.ndarray]:
    """Features of a face on the grid.

    Parameters
    ----------
    time
        Times of the video frames [s], strictly increasing, shape (n,).
    values
        Features, shape (n, d); NaN for frames without a face.
    shapes
        The 49 points in pixels, shape (n, 49, 2).
    max_gap
        Longest time between two frames with a face that is interpolated [s], unless the face has
        jumped by more than its width.
    window
        Length of the window for the functionals [s]; 0: the features are interpolated.
    functionals
        Over the frames in the window, see :mod:`softaer.signals.functionals`.

    Returns
    -------
    at, values
        Grid points [s] up to the last frame, shape (m,), and float64 features, shape (m, d), or
        (m, len(functionals) d) with a window; NaN where the face was lost for longer than
        ``max_gap``.
    """
    face = ~np.isnan(values).any(axis=1)
    at = grid(time[-1]) if len(time) else grid(-1)
    found = np.full((len(at), values.shape[1]), np.nan)
    for part in unbroken(shapes[face]):
        own = interpolate(time[face][part], values[face][part], at, max_gap)
        found = np.where(np.isnan(found), own, found)
    if window:
        here = ~np.isnan(found[:, 0])
        found = windowed_functionals(time[face], values[face], at, window, functionals)
        found[~here] = np.nan
    return at, found


def unbroken(shapes: np.ndarray) -> list[np.ndarray]:
    """Segments of frames in which the face does not jump by more than its own width.

    Parameters
    ----------
    shapes
        The 49 points in pixels, shape (n, 49, 2), without NaN.
    """
    if not len(shapes):
        return []
    place, width = place_and_width(shapes)
    jump = np.linalg.norm(np.diff(place, axis=0), axis=-1) > np.maximum(width[1:], width[:-1])
    return np.split(np.arange(len(shapes)), np.flatnonzero(jump) + 1)
