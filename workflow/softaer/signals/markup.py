"""The 49 facial points: their iBUG numbers, their FaceMesh vertices, and the reference face.

Point numbers are those of the 68-point iBUG markup, counted from 1; "left" and "right" are the
picture's. Brows 18-27, nose 28-36, eyes 37-48, outer lips 49-60, inner lips 62-64 and 66-68.
"""

from collections.abc import Iterable

import numpy as np

VERTEX_OF_POINT = {
    # brows, from left to right
    18: 70, 19: 63, 20: 105, 21: 66, 22: 107,
    23: 336, 24: 296, 25: 334, 26: 293, 27: 300,
    # bridge of the nose downwards, then its base from left to right
    28: 168, 29: 197, 30: 5, 31: 4,
    32: 75, 33: 97, 34: 2, 35: 326, 36: 305,
    # eyes, clockwise from their left corner
    37: 33, 38: 160, 39: 158, 40: 133, 41: 153, 42: 144,
    43: 362, 44: 385, 45: 387, 46: 263, 47: 373, 48: 380,
    # outer lips, clockwise from the left corner
    49: 61, 50: 39, 51: 37, 52: 0, 53: 267, 54: 269, 55: 291,
    56: 405, 57: 314, 58: 17, 59: 84, 60: 181,
    # inner lips without the corners 61 and 65
    62: 82, 63: 13, 64: 312,
    66: 317, 67: 14, 68: 87,
}  # fmt: skip
"""FaceMesh vertex of each iBUG point."""

POINTS = tuple(VERTEX_OF_POINT)
"""The 49 point numbers, in the order of all tables."""

VERTICES = tuple(VERTEX_OF_POINT.values())

EYES = (range(37, 43), range(43, 49))
"""Points of the left and of the right eye; the distance of their centres is the unit of length."""

LIPS = range(49, 61)
"""Points of the outer lips."""

REFERENCE = {
    28: (0.000, -0.038),
    29: (0.000, 0.192),
    30: (0.000, 0.412),
    31: (0.000, 0.547),
    32: (-0.232, 0.642),
    33: (-0.140, 0.696),
    34: (0.000, 0.711),
    35: (0.140, 0.696),
    36: (0.232, 0.642),
    37: (-0.700, 0.001),
    40: (-0.268, 0.032),
    43: (0.268, 0.032),
    46: (0.700, 0.001),
}
"""Stable points of the reference face (corners of the eyes, nose), x to the right and y downwards.

Origin half way between the centres of the eyes, unit their distance. Generalised Procrustes mean of
FaceMesh's points on two public-domain portraits (``skimage.data.astronaut`` and matplotlib's
``grace_hopper.jpg``) and their mirror images, made symmetric.
"""


WIDTH_OF_FACE = 2.1
"""Width of a face in units of the distance between the eyes, or from the eyes to the mouth. In
adults, the width is about 140 mm between the cheekbones, compared with 63 mm and 70 mm (Farkas,
1994). The larger result is used, because one distance shrinks when the head turns and the other
when it nods."""


def place_and_width(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions and widths of faces.

    Parameters
    ----------
    points
        The 49 points, shape (..., 49, 2), pixels.

    Returns
    -------
    place, width
        Centre between eyes and mouth, shape (..., 2), and width of the face, shape (...), pixels.
    """
    eyes = [points[..., positions(eye), :].mean(axis=-2) for eye in EYES]
    between = (eyes[0] + eyes[1]) / 2
    mouth = points[..., positions(LIPS), :].mean(axis=-2)
    size = np.maximum(
        np.linalg.norm(eyes[1] - eyes[0], axis=-1), np.linalg.norm(mouth - between, axis=-1)
    )
    return (between + mouth) / 2, WIDTH_OF_FACE * size


def columns() -> list[str]:
    """Names of the 98 coordinates: ``x_18, y_18, ..., x_68, y_68``."""
    return [f"{axis}_{point}" for point in POINTS for axis in "xy"]


def positions(points: Iterable[int]) -> np.ndarray:
    """Places of some iBUG points among the 49 (int64, shape (len(points),))."""
    return np.array([POINTS.index(point) for point in points])
