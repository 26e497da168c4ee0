"""Geometry of a face: head pose, gaze, eyes, mouth and brows from the vertices of FaceMesh.

FaceMesh gives each vertex a depth, on the scale of the picture's width (Kartynnik et al., 2019). So
the head's rotation, position and size follow from a similarity transform in space between a
reference head and the vertices that expressions hardly move, by least squares (Umeyama, 1991).
With its inverse, all vertices are seen in the coordinates of the head, where gaze and expressions
are measured. What a turn of the head does to them is removed as far as FaceMesh's depth is right;
docs/face.md says how far that is.

Axes are x to the picture's right, y downwards, and z away from the camera; of the head, the same
while it faces the camera. The unit of length is the distance between the centres of the eyes.
"left" and "right" are the picture's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from softaer.core.experiment import FaceGroup
from softaer.signals.markup import POINTS, VERTICES

MIDDLE = {
    10: (-0.753, -0.136),
    168: (-0.081, -0.256),
    6: (0.025, -0.335),
    197: (0.124, -0.423),
    195: (0.216, -0.515),
    5: (0.317, -0.613),
    4: (0.447, -0.663),
    1: (0.551, -0.640),
    2: (0.658, -0.395),
}
"""Stable vertices of the reference head in its plane of symmetry, y and z: hairline, nose."""

SIDES = {
    (98, 327): (0.304, 0.612, -0.264),
    (133, 362): (0.269, 0.033, 0.001),
    (33, 263): (0.698, 0.013, 0.084),
    (143, 372): (0.963, 0.114, 0.294),
    (34, 264): (1.054, 0.154, 0.523),
    (227, 447): (1.063, 0.350, 0.542),
    (127, 356): (1.079, 0.187, 0.834),
    (234, 454): (1.071, 0.402, 0.890),
    (162, 389): (1.062, -0.049, 0.691),
    (54, 284): (0.930, -0.431, 0.329),
}
"""Pairs of stable vertices at the sides, left and right, and the right one's x, y and z: wings of
the nose, corners of the eyes, cheekbones, temples, forehead."""

REFERENCE_HEAD = {
    **{vertex: (0.0, y, z) for vertex, (y, z) in MIDDLE.items()},
    **{left: (-x, y, z) for (left, _), (x, y, z) in SIDES.items()},
    **{right: place for (_, right), place in SIDES.items()},
}
"""Stable vertices of the reference head.

The origin is half way between the centres of the eyes, and the line from the middle of the hairline
to the chin is vertical. Generalised Procrustes mean of FaceMesh's vertices on two public-domain
portraits (``skimage.data.astronaut`` and matplotlib's ``grace_hopper.jpg``) and their mirror
images, made symmetric. The choice of the vertices is ours: of several sets, expressions
turned this one least."""

CHIN = 152

IRISES = (468, 473)
"""Centres of the left and right iris; FaceMesh has them only with its refinement."""

LIDS = (((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373)))
"""Upper and lower vertices of the lids of the left and right eye, in pairs."""

CORNERS = ((33, 133), (362, 263))
"""Corners of the left and right eye, each from left to right."""

BROWS = {
    "outer_left": (70, 63, 105),
    "inner_left": (66, 107),
    "inner_right": (336, 296),
    "outer_right": (334, 293, 300),
}
"""Vertices of the outer and inner parts of the brows. How far apart the brows are is no feature,
because FaceMesh does not follow a frown (docs/face.md)."""

MOUTH_CORNERS = (61, 291)
INNER_LIPS = (13, 14)
NOSE_BASE = 2

FACE = tuple(
    dict.fromkeys(
        [*VERTICES, *REFERENCE_HEAD, *(v for eye in LIDS for pair in eye for v in pair), CHIN]
    )
)
"""Vertices that are kept of each face, without the irises: the 49 points, in their order, those of
the reference head, the lids, and the chin."""

MESH = (*FACE, *IRISES)
"""Vertices that are kept of each face, the irises last."""

POINTS_IN_MESH = slice(0, len(POINTS))
"""Places of the 49 points in :data:`MESH`."""

SHARED_UNIT = "interocular distance"


@dataclass(frozen=True)
class Heads:
    """Heads in pictures, one per frame.

    Attributes
    ----------
    rotation
        From the head's axes to the picture's, shape (n, 3, 3).
    position
        Origin of the head in the picture [pixel], shape (n, 3); z is FaceMesh's.
    scale
        Pixels per distance between the eyes, shape (n,).
    points
        The vertices :data:`MESH` in the head's coordinates, shape (n, len(MESH), 3).
    size
        Width and height of the picture [pixel], shape (n, 2).
    """

    rotation: np.ndarray
    position: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    size: np.ndarray

    def at(self, *vertices: int) -> np.ndarray:
        """Mean place of some vertices, shape (n, 3)."""
        return self.points[:, places(vertices)].mean(axis=1)

    def between(self, one: int, other: int) -> np.ndarray:
        """Distance of two vertices, shape (n,)."""
        return np.linalg.norm(self.at(one) - self.at(other), axis=-1)


def places(vertices: Iterable[int]) -> list[int]:
    """Places of some vertices among :data:`MESH`."""
    return [MESH.index(vertex) for vertex in vertices]


def fit_heads(mesh: np.ndarray, size: np.ndarray) -> Heads:
    """Fit the reference head to faces.

    Rotation R, scale s and position t minimise the sum of |s R p + t - q|^2 over the stable
    vertices p of the reference head and their places q in the picture (Umeyama, 1991, equations
    40 to 43; no reflection can occur).

    Parameters
    ----------
    mesh
        Vertices :data:`MESH` in pixels, with FaceMesh's depth in pixels, float,
        shape (n, len(MESH), 3); NaN for frames without a face.
    size
        Width and height of the pictures [pixel], shape (n, 2).

    Returns
    -------
    Heads, with NaN where the input has NaN in a stable vertex, or where these lie on one line.
    """
    mesh = np.asarray(mesh, dtype=np.float64)
    reference = np.array(list(REFERENCE_HEAD.values()))
    centre = reference.mean(axis=0)
    spread = ((reference - centre) ** 2).sum()
    stable = mesh[:, places(REFERENCE_HEAD)]
    middle = stable.mean(axis=1)
    covariance = np.einsum("nki,kj->nij", stable - middle[:, None], reference - centre)
    there = np.isfinite(covariance).all(axis=(1, 2))
    covariance[~there] = 0
    u, values, v = np.linalg.svd(covariance)
    signs = np.ones_like(values)
    signs[:, 2] = np.sign(np.linalg.det(u @ v))
    rotation = (u * signs[:, None]) @ v
    scale = (values * signs).sum(axis=1) / spread
    # Without a second direction, the rotation about the first one is unknown.
    largest = np.abs(middle).max(axis=1, initial=0, where=there[:, None])
    there &= values[:, 1] > 1e-9 * np.maximum(values[:, 0], largest)
    rotation[~there] = scale[~there] = np.nan
    position = middle - scale[:, None] * (rotation @ centre)
    points = (mesh - position[:, None]) @ rotation / scale[:, None, None]
    return Heads(rotation, position, scale, points, np.asarray(size, dtype=np.float64))


def angles(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of heads.

    Parameters
    ----------
    rotation
        Shape (n, 3, 3). It is a roll, followed by a pitch and a yaw.

    Returns
    -------
    float64 array of shape (n, 3), degrees: positive if the nose is turned to the picture's right,
    upwards, and the head clockwise in the picture.

    Examples
    --------
    >>> clockwise = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    >>> angles(clockwise).round(6).tolist()
    [[0.0, 0.0, 90.0]]
    """
    yaw = np.arctan2(-rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = np.arcsin(np.clip(rotation[:, 1, 2], -1, 1))
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=-1)) + 0.0


def _pose(heads: Heads) -> list[np.ndarray]:
    """Angles; place of the head to the right of and below the middle of the picture; its distance,
    if the focal length is the longer side of the picture; and the cosine of the angle between the
    directions of the face and of the camera."""
    aside = (heads.position[:, :2] - heads.size / 2) / heads.scale[:, None]
    distance = heads.size.max(axis=1, initial=0) / heads.scale
    return [*angles(heads.rotation).T, *aside.T, distance, heads.rotation[:, 2, 2]]


def _gaze(heads: Heads) -> list[np.ndarray]:
    """Offset of each iris from the middle between the corners of its eye, to the right and
    downwards, in halves of the eye's width."""
    offsets = []
    for iris, corners in zip(IRISES, CORNERS, strict=True):
        half = heads.between(*corners) / 2
        offset = heads.at(iris) - heads.at(*corners)
        offsets += [offset[:, 0] / half, offset[:, 1] / half]
    return offsets


def _eyes(heads: Heads) -> list[np.ndarray]:
    """Mean distance of the lids divided by the width of the eye (Soukupova and Cech, 2016)."""
    return [
        np.mean([heads.between(*pair) for pair in lids], axis=0) / heads.between(*corners)
        for lids, corners in zip(LIDS, CORNERS, strict=True)
    ]


def _mouth(heads: Heads) -> list[np.ndarray]:
    """Distance of the inner lips and of the mouth's corners; height of each corner above the base
    of the nose (negative); distance of the chin from it."""
    below = heads.at(NOSE_BASE)[:, 1]
    return [
        heads.between(*INNER_LIPS),
        heads.between(*MOUTH_CORNERS),
        *(below - heads.at(corner)[:, 1] for corner in MOUTH_CORNERS),
        heads.between(NOSE_BASE, CHIN),
    ]


def _brows(heads: Heads) -> list[np.ndarray]:
    """Height of each part above the corners of its eye."""
    eyes = {"left": heads.at(*CORNERS[0]), "right": heads.at(*CORNERS[1])}
    return [
        eyes[part.split("_")[1]][:, 1] - heads.at(*vertices)[:, 1]
        for part, vertices in BROWS.items()
    ]


@dataclass(frozen=True)
class Group:
    """A group of features.

    Attributes
    ----------
    units
        Unit of each feature, by its name without the group's.
    measure
        Gives the features of heads, in the same order, each of shape (n,).
    """

    units: dict[str, str]
    measure: Callable[[Heads], list[np.ndarray]]


_WHERE = dict.fromkeys(("x", "y", "distance"), SHARED_UNIT)
_SIDES = ("left", "right")

GROUPS: dict[FaceGroup, Group] = {
    "pose": Group(
        {"yaw": "degree", "pitch": "degree", "roll": "degree", **_WHERE, "frontal": "1"}, _pose
    ),
    "gaze": Group({f"{axis}_{side}": "half eye width" for side in _SIDES for axis in "xy"}, _gaze),
    "eyes": Group({f"open_{side}": "eye width" for side in _SIDES}, _eyes),
    "mouth": Group(
        dict.fromkeys(("open", "width", "corner_left", "corner_right", "chin"), SHARED_UNIT), _mouth
    ),
    "brows": Group(dict.fromkeys(BROWS, SHARED_UNIT), _brows),
}
"""Groups of features by name."""


def units(groups: Sequence[FaceGroup]) -> dict[str, str]:
    """Unit of each feature of some groups, by its name.

    Examples
    --------
    >>> units(["eyes"])
    {'eyes_open_left': 'eye width', 'eyes_open_right': 'eye width'}
    """
    return {f"{g}_{name}": unit for g in groups for name, unit in GROUPS[g].units.items()}


def face_geometry(mesh: np.ndarray, size: np.ndarray, groups: Sequence[FaceGroup]) -> np.ndarray:
    """Features of faces, frame by frame.

    Parameters
    ----------
    mesh, size
        See :func:`fit_heads`.
    groups
        Keys of :data:`GROUPS`.

    Returns
    -------
    float64 array of shape (n, d), in the order of :func:`units`; NaN for frames without a face.
    """
    heads = fit_heads(mesh, size)
    return np.stack([values for g in groups for values in GROUPS[g].measure(heads)], axis=-1)
