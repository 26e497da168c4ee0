"""Heads of known pose: portraits of the simulated corpus on FaceMesh's own depth, turned and drawn.

The face is the mesh of the portrait. Around it, the head goes on backwards; what is farther away
stays where it is, out of focus. Expressions are those of :mod:`softaer.simulate.face`; irises can
be moved as well. :meth:`Head.planted` gives the vertices that an expression has moved.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from softaer.signals.face_geometry import IRISES
from softaer.simulate.face import (
    EYELIDS,
    FIELDS,
    FRAME_SIZE,
    LOWER_LIP,
    PORTRAIT_SIZE,
    Face,
    Pose,
    displacement_fields,
    jaw,
)

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""Vertices of FaceMesh around the face."""

UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
"""Vertices of the edge of the upper lip between the corners."""

MESH = 468
"""Vertices of FaceMesh without the irises."""

FINE = 3
"""Points along a pixel of the portrait; enough for surfaces that turn towards the camera."""


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
        y, x = np.mgrid[:size, :size].astype(np.float64)
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
        head = (~outside | (away < reach)).astype(np.float64)
        fine = [cv2.resize(plane, (FINE * size, FINE * size)) for plane in (x, y, z, head)]
        self._points = np.stack([*fine[:2], self.depth * fine[2]], axis=-1)[fine[3] > 0.5]
        outer = face[[234, 454]]
        self._centre = outer.mean(axis=0) * (1, 1, self.depth)
        self._behind = cv2.GaussianBlur(self.portrait, (0, 0), 25)

    def draw(
        self,
        rotation: np.ndarray,
        picture: np.ndarray | None = None,
        distance: float = np.inf,
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

        Returns
        -------
        RGB, uint8, as large as the portrait.
        """
        picture = self.portrait if picture is None else picture
        size = len(picture)
        turned = (self._points - self._centre) @ rotation.T
        width = np.linalg.norm(self.landmarks[234, :2] - self.landmarks[454, :2])
        far = 1 / (1 + turned[:, 2] / (distance * width))
        place = turned[:, :2] * far[:, None] + self._centre[:2]
        column, row = np.rint(place.T).astype(int)
        seen = (column >= 0) & (row >= 0) & (column < size) & (row < size)
        # The nearest is drawn last. Integers are sorted much faster.
        near = -turned[seen, 2]
        steps = ((near - near.min()) * (65_535 / np.ptp(near))).astype(np.uint16)
        order = np.flatnonzero(seen)[np.argsort(steps, kind="stable")]
        source = np.full((size, size, 2), np.nan, dtype=np.float32)
        source[row[order], column[order]] = self._points[order, :2]
        drawn = cv2.remap(
            picture,
            *np.moveaxis(np.nan_to_num(source), -1, 0),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.where(np.isnan(source[..., :1]), self._behind, drawn)

    def expression(self, pose: Pose, gaze: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """The portrait with an expression and with irises moved by some pixels, RGB, uint8."""
        picture = self.portrait.copy()
        edge = (PORTRAIT_SIZE - FRAME_SIZE) // 2
        inner = slice(edge, edge + FRAME_SIZE)
        picture[inner, inner] = Face(self._with_gaze(gaze), self.landmarks).render(pose)
        return picture

    def planted(self, pose: Pose, gaze: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """The vertices with that expression [pixel], shape (478, 3); the depth stays.

        A pixel x shows what was at x - D(x). So what was at p is at q = p + D(q).
        """
        moved = self.landmarks.astype(np.float64)
        start = moved.copy()
        amounts = np.array(pose[: len(FIELDS)], dtype=np.float32)
        field = np.tensordot(amounts, displacement_fields(self.landmarks), axes=1)
        field = cv2.resize(field, (PORTRAIT_SIZE, PORTRAIT_SIZE), interpolation=cv2.INTER_LINEAR)
        opening = jaw(self.landmarks)
        box, lip = opening.box, start[list(LOWER_LIP)]
        lip = lip[np.argsort(lip[:, 0])]
        below = start[:, 1] >= np.interp(start[:, 0], lip[:, 0], lip[:, 1]) - 0.01
        below[list(UPPER_LIP)] = False  # of a closed mouth, it may be on the line
        below &= (start[:, 0] > box.left) & (start[:, 0] < box.right) & (start[:, 1] < box.bottom)
        # From below, because the lips part: above the line there is a second solution.
        moved[below, 1] += pose.jaw * opening.drop.max()
        for _ in range(50):
            at = moved[:, 1::-1].T.copy()
            for axis in range(2):
                moved[:, axis] = start[:, axis] + _at(field[..., axis], at)
            inside = at - np.array([[box.top], [box.left]])
            moved[below, 1] += pose.jaw * _at(opening.drop, inside)[below]
        for upper, lower in EYELIDS:
            edge = moved[list(lower)]
            line = np.interp(moved[list(upper), 0], *edge[np.argsort(edge[:, 0])].T[:2])
            moved[list(upper), 1] += pose.lids * (line - moved[list(upper), 1])
        moved[list(IRISES), :2] += gaze
        return moved

    def _with_gaze(self, gaze: tuple[float, float]) -> np.ndarray:
        """The irises moved between lids that stay."""
        if not any(gaze):
            return self.portrait
        y, x = np.mgrid[:PORTRAIT_SIZE, :PORTRAIT_SIZE].astype(np.float32)
        source_x, source_y = x.copy(), y.copy()
        for iris, lids in zip(IRISES, EYELIDS, strict=True):
            ring = self.landmarks[iris + 1 : iris + 5, :2]
            centre = self.landmarks[iris, :2]
            radius = np.linalg.norm(ring - centre, axis=1).mean()
            away = np.hypot(x - centre[0] - gaze[0], y - centre[1] - gaze[1])
            outline = self.landmarks[[*lids[0], *lids[1][::-1]], :2]
            opening = np.zeros(x.shape, dtype=np.float32)
            cv2.fillPoly(opening, [np.rint(outline).astype(np.int32)], 1.0)
            weight = np.clip(2 - away / (1.1 * radius), 0, 1) * opening
            source_x -= gaze[0] * weight
            source_y -= gaze[1] * weight
        return cv2.remap(self.portrait, source_x, source_y, cv2.INTER_LINEAR)


def _at(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of an image at rows and columns, by linear interpolation; 0 outside."""
    return map_coordinates(image, places, order=1, mode="constant")
