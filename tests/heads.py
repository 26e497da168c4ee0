"""Heads of known pose: a portrait of the simulated corpus on FaceMesh's own depth, turned and drawn.

The face is the mesh of the portrait. Around it, the head goes on backwards; what is farther away
stays where it is, out of focus.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Vertices of FaceMesh around the face."""

MESH = 468
"""Vertices of FaceMesh without the irises."""

FINE = 3
"""Points along a pixel of the portrait; enough for surfaces that turn towards the camera."""

SHARP = 2
"""Pixels along a pixel of the picture before it is made smaller."""


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Rotation of a head: first roll, then pitch, then yaw.

    Parameters
    ----------
    yaw, pitch, roll
        Degrees; the nose moves to the picture's right, upwards, and clockwise.

    Returns
    -------
    float64, shape (3, 3), for x to the right, y downwards, z away from the camera.
    """
    return Rotation.from_euler("YXZ", (-yaw, -pitch, roll), degrees=True).as_matrix()


@dataclass
class Head:
    """A portrait with the depth of its landmarks.

    Attributes
    ----------
    portrait
        RGB, uint8, shape (n, n, 3).
    landmarks
        FaceMesh's points [pixel], shape (478, 3).
    depth
        Factor on FaceMesh's depth.
    """

    portrait: np.ndarray
    landmarks: np.ndarray
    depth: float = 1.0

    def __post_init__(self) -> None:
        size = len(self.portrait)
        face = self.landmarks[:MESH].astype(np.float64)
        nodes = (np.arange(size * FINE) + 0.5) / FINE - 0.5
        x, y = (axis.ravel() for axis in np.meshgrid(nodes, nodes))
        z = LinearNDInterpolator(face[:, :2], face[:, 2])(x, y)
        corners = face[[*OVAL, OVAL[0]]]
        steps = np.linspace(0, len(OVAL), 50 * len(OVAL), endpoint=False)
        around = np.stack([np.interp(steps, range(len(corners)), axis) for axis in corners.T], -1)
        away, nearest = cKDTree(around[:, :2]).query(np.stack([x, y], axis=-1))
        outside = np.isnan(z)
        z[outside] = around[nearest[outside], 2] + 0.9 * away[outside]
        # Hair above reaches farther than the skull at the sides; the neck is no part of it.
        above = np.clip((face[:, 1].mean() - y) / np.ptp(face[:, 1]), 0, 0.5)
        reach = (0.12 + 0.4 * above) * np.ptp(face[:, 0])
        head = ~outside | (away < reach)
        self._points = np.stack([x[head], y[head], self.depth * z[head]], axis=-1)
        outer = face[[234, 454]]
        self._centre = outer.mean(axis=0) * (1, 1, self.depth)
        self._behind = cv2.GaussianBlur(self.portrait, (0, 0), 25)

    def draw(
        self,
        rotation: np.ndarray,
        picture: np.ndarray | None = None,
        distance: float = np.inf,
        zoom: float = 1.0,
    ) -> np.ndarray:
        """The head turned about the middle between its temples.

        Parameters
        ----------
        rotation
            Shape (3, 3), see :func:`turn`.
        picture
            Drawn instead of the portrait, on the same head.
        distance
            Of the camera from that middle, in widths of the face.
        zoom
            Factor on the size of the head.

        Returns
        -------
        RGB, uint8, as large as the portrait.
        """
        picture = self.portrait if picture is None else picture
        size = len(picture)
        turned = (self._points - self._centre) @ rotation.T
        width = np.linalg.norm(self.landmarks[234, :2] - self.landmarks[454, :2])
        far = zoom / (1 + turned[:, 2] / (distance * width))
        place = turned[:, :2] * far[:, None] + self._centre[:2]
        column, row = (np.floor((place.T + 0.5) * SHARP)).astype(int)
        seen = (column >= 0) & (row >= 0) & (column < SHARP * size) & (row < SHARP * size)
        order = np.flatnonzero(seen)[np.argsort(-turned[seen, 2], kind="stable")]
        source = np.full((SHARP * size, SHARP * size, 2), np.nan, dtype=np.float32)
        source[row[order], column[order]] = self._points[order, :2]
        head = cv2.remap(
            picture,
            *np.moveaxis(np.nan_to_num(source), -1, 0),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        large = cv2.resize(self._behind, (SHARP * size, SHARP * size))
        there = ~np.isnan(source[..., :1])
        drawn = np.where(there, head, large).astype(np.uint8)
        return cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA)
