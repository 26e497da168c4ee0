"""Animates a still portrait: warps anchored at facial landmarks, one image resampling per frame.

Every movement is a displacement field on a coarse grid over the portrait, multiplied by the
movement's amount; jaw and eyelids, which open and close something, act on the image coordinates
around mouth and eyes. A frame is a function of portrait, landmarks and pose alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa

from softaer.core.schema import field

cv2.setNumThreads(1)

LANDMARKS = pa.schema(
    [
        field("index", pa.int32()),
        field("x", pa.float32(), unit="pixel"),
        field("y", pa.float32(), unit="pixel"),
        field("z", pa.float32(), unit="pixel"),
    ]
)
"""FaceMesh points of a portrait; z is negative towards the camera."""

PORTRAIT_SIZE = 352
"""Width and height of a portrait [pixel]."""

FRAME_SIZE = 288
"""Width and height of a rendered frame [pixel]."""

NODES = 44
"""Nodes of the displacement grid along each side of the portrait."""

CAVITY = np.array([58, 18, 18], dtype=np.float32)
"""Colour of the open mouth (RGB)."""

MOUTH_CORNERS = (61, 291)
BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
INNER_BROWS = (107, 336)
LOWER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
EYELIDS = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
)
NOSE_TIP, NOSE_BASE, CHIN = 1, 2, 152


class Pose(NamedTuple):
    """Amounts of all movements; the defaults leave the portrait as it is.

    ``smile`` and ``brow`` (raised) are signed, about -1 to 1. ``smirk`` lifts the mouth corner and
    the brow on the right of the image and lowers the others. ``furrow``, ``jaw`` and ``lids``
    (closed) run from 0 to 1. ``yaw``, ``pitch`` and ``roll`` are degrees, ``shift_x`` and
    ``shift_y`` pixels, ``zoom`` a factor.
    """

    smile: float = 0.0
    smirk: float = 0.0
    brow: float = 0.0
    furrow: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    jaw: float = 0.0
    lids: float = 0.0
    roll: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    zoom: float = 1.0


FIELDS = ("smile", "smirk", "brow", "furrow", "yaw", "pitch")
"""Movements that are displacement fields, in the order of :class:`Pose`."""


class Box(NamedTuple):
    """Pixels ``[top:bottom, left:right]``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def corners(self) -> np.ndarray:
        """The four corners as homogeneous (x, y, 1), shape (3, 4)."""
        x = [self.left, self.right, self.left, self.right]
        y = [self.top, self.top, self.bottom, self.bottom]
        return np.array([x, y, [1, 1, 1, 1]], dtype=np.float64)


@dataclass(frozen=True)
class Jaw:
    """What a fully open jaw moves: pixels downwards and the lip line, both within ``box``."""

    box: Box
    drop: np.ndarray
    lip: np.ndarray


@dataclass(frozen=True)
class Eye:
    """Edges of the lids of an eye as heights over columns ``x`` [pixel]."""

    box: Box
    x: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    skin: float


class Face:
    """A portrait that can be posed.

    Parameters
    ----------
    portrait
        RGB image, uint8, shape (352, 352, 3), the face upright in the middle.
    landmarks
        The 478 points of FaceMesh in the portrait [pixel], float32, shape (478, 3).
    """

    def __init__(self, portrait: np.ndarray, landmarks: np.ndarray) -> None:
        self._portrait = portrait
        self._fields = displacement_fields(landmarks)
        self._jaw = jaw(landmarks)
        self._eyes = [eye(landmarks, upper, lower) for upper, lower in EYELIDS]
        self._neck = (float(landmarks[NOSE_TIP, 0]), float(landmarks[CHIN, 1]) + 10)
        self._pixels = np.arange(FRAME_SIZE, dtype=np.float32)

    def render(self, pose: Pose) -> np.ndarray:
        """Frame of that pose: RGB, uint8, shape (288, 288, 3)."""
        to_frame = head_motion(pose, self._neck)
        x, y = self._source(pose, cv2.invertAffineTransform(to_frame))
        mouth = visible(self._jaw.box, to_frame)
        cavity = self._open_jaw(pose.jaw, x[mouth], y[mouth])
        for lids in self._eyes:
            region = visible(lids.box, to_frame)
            close_lids(lids, pose.lids, x[region], y[region])
        frame = cv2.remap(self._portrait, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        if cavity is not None:
            blended = frame[mouth] * (1 - cavity) + CAVITY * cavity
            frame[mouth] = blended.astype(np.uint8)
        return frame

    def _source(self, pose: Pose, to_portrait: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the portrait each pixel of the frame comes from, two float32 images."""
        amounts = np.array(pose[: len(FIELDS)], dtype=np.float32)
        coarse = np.tensordot(amounts, self._fields, axes=1)
        step = PORTRAIT_SIZE / NODES
        to_nodes = to_portrait / step
        to_nodes[:, 2] += 0.5 / step - 0.5
        displacement = cv2.warpAffine(
            coarse,
            to_nodes,
            (FRAME_SIZE, FRAME_SIZE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rows = to_portrait.astype(np.float32)
        x, y = (
            row[0] * self._pixels[None, :] + (row[1] * self._pixels[:, None] + row[2])
            for row in rows
        )
        x -= displacement[..., 0]
        y -= displacement[..., 1]
        return x, y

    def _open_jaw(self, amount: float, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        """Move what lies below the lip line down, in place; returns the opacity of the opening."""
        if amount <= 0:
            return None
        box = self._jaw.box
        inside_x, inside_y = x - box.left, y - box.top
        drop, lip = (
            cv2.remap(image, inside_x, inside_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for image in (self._jaw.drop, self._jaw.lip)
        )
        below = y > lip
        source = y - amount * drop
        cavity = np.clip((lip - source) / 1.5, 0, 1) * below
        y[below] = np.maximum(source, lip)[below]
        return cavity[..., None].astype(np.float32)


def bump(
    x: np.ndarray, y: np.ndarray, centre: Sequence[float] | np.ndarray, sd_x: float, sd_y: float
) -> np.ndarray:
    """Gaussian hill of height one around ``centre`` (x, y)."""
    return np.exp(-0.5 * (((x - centre[0]) / sd_x) ** 2 + ((y - centre[1]) / sd_y) ** 2))


def displacement_fields(landmarks: np.ndarray) -> np.ndarray:
    """Displacement per unit of each movement of :data:`FIELDS`.

    Returns
    -------
    float32 array of shape (6, NODES, NODES, 2), in pixels of the portrait (x, y)
    """
    width, height = np.ptp(landmarks[:, :2], axis=0)
    step = PORTRAIT_SIZE / NODES
    y, x = (np.mgrid[:NODES, :NODES] + 0.5) * step - 0.5
    fields = {name: np.zeros((NODES, NODES, 2)) for name in FIELDS}
    for corner, brow, inner, side in zip(MOUTH_CORNERS, BROWS, INNER_BROWS, (-1, 1), strict=True):
        mouth = landmarks[corner, :2]
        cheek = mouth + np.array([side * 0.08 * width, -0.12 * height])
        at_mouth = bump(x, y, mouth, 0.09 * width, 0.07 * height)
        at_cheek = bump(x, y, cheek, 0.12 * width, 0.09 * height)
        lift = -height * (0.055 * at_mouth + 0.015 * at_cheek)
        fields["smile"] += np.stack([side * 0.035 * width * at_mouth, lift], axis=-1)
        fields["smirk"] += side * np.stack([side * 0.035 * width * at_mouth, lift], axis=-1)

        middle = landmarks[list(brow), :2].mean(axis=0) - np.array([0, 0.03 * height])
        at_brow = bump(x, y, middle, 0.17 * width, 0.055 * height)
        fields["brow"][..., 1] -= 0.07 * height * at_brow
        fields["smirk"][..., 1] -= side * 0.025 * height * at_brow
        at_inner = bump(x, y, landmarks[inner, :2], 0.08 * width, 0.045 * height)
        fields["furrow"][..., 0] -= side * 0.025 * width * at_inner
        fields["furrow"][..., 1] += 0.03 * height * at_inner
    parallax = np.deg2rad(1) * depth(x, y, landmarks)
    fields["yaw"][..., 0] = parallax
    fields["pitch"][..., 1] = parallax
    return np.stack([fields[name] for name in FIELDS]).astype(np.float32)


def depth(x: np.ndarray, y: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Distance in front of the edge of the face [pixel], falling to zero around the head."""
    weight = np.stack([bump(x, y, point[:2], 9.0, 9.0) for point in landmarks], axis=-1)
    nearness = landmarks[:, 2].max() - landmarks[:, 2]
    return weight @ nearness / (weight.sum(axis=-1) + 0.3)


def jaw(landmarks: np.ndarray) -> Jaw:
    """Field of the opening jaw: a step inside the mouth, smooth on chin and cheeks."""
    width, height = np.ptp(landmarks[:, :2], axis=0)
    lip = landmarks[list(LOWER_LIP), :2]
    lip = lip[np.argsort(lip[:, 0])]
    left, right, chin = lip[0, 0], lip[-1, 0], landmarks[CHIN, 1]
    box = Box(
        top=int(landmarks[NOSE_BASE, 1]) - 4,
        bottom=min(PORTRAIT_SIZE, int(chin + 0.55 * height)),
        left=int(left - 0.3 * width),
        right=int(right + 0.3 * width),
    )
    y, x = np.mgrid[box.top : box.bottom, box.left : box.right].astype(np.float64)
    line = np.broadcast_to(np.interp(x[0], lip[:, 0], lip[:, 1]), x.shape)
    middle = (left + right) / 2
    opening = np.sqrt(np.clip(1 - ((x - middle) / (0.46 * (right - left))) ** 2, 0, 1))
    chin_width = np.exp(-0.5 * ((x - middle) / (0.34 * width)) ** 2)
    down = np.clip((y - line) / (chin - line), 0, 1)
    down = down**2 * (3 - 2 * down)
    drop = (1 - down) * opening + down * chin_width
    drop /= 1 + np.exp((y - chin - 0.16 * height) / (0.035 * height))
    columns = np.arange(x.shape[1])
    drop *= np.clip(np.minimum(columns, columns[::-1]) / 16, 0, 1)
    drop[y < line] = 0
    return Jaw(box, (0.13 * height * drop).astype(np.float32), line.astype(np.float32))


def eye(landmarks: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> Eye:
    """Lids of one eye; the strip of skin above the upper lid is what covers it when it closes."""
    edges = []
    for points in (upper, lower):
        edge = landmarks[list(points), :2]
        edges.append(edge[np.argsort(edge[:, 0])])
    skin = max(0.055 * float(np.ptp(landmarks[:, 1])), 3.0)
    x = np.arange(int(edges[0][0, 0]) - 1, int(edges[0][-1, 0]) + 2, dtype=np.float32)
    heights = [np.interp(x, edge[:, 0], edge[:, 1]).astype(np.float32) for edge in edges]
    box = Box(
        top=int(heights[0].min() - skin),
        bottom=int(heights[1].max()) + 2,
        left=int(x[0]),
        right=int(x[-1]),
    )
    return Eye(box, x, upper=heights[0], lower=heights[1], skin=skin)


def close_lids(lids: Eye, amount: float, x: np.ndarray, y: np.ndarray) -> None:
    """Stretch the skin above the upper lid over the eye, changing the source rows ``y`` in place.

    Parameters
    ----------
    amount
        0 leaves the eye as it is, 1 closes it.
    x, y
        Source coordinates around the eye [pixel], float32 images.
    """
    if amount <= 0:
        return
    column = np.clip(np.rint(x - lids.x[0]).astype(np.intp), 0, len(lids.x) - 1)
    upper = lids.upper[column]
    skin = upper - lids.skin
    edge = upper + min(amount, 1.0) * (lids.lower[column] - upper)
    covered = (y > skin) & (y < edge) & (x >= lids.x[0]) & (x <= lids.x[-1])
    stretched = skin + (y - skin) * lids.skin / (edge - skin)
    y[covered] = stretched[covered]


def head_motion(pose: Pose, neck: tuple[float, float]) -> np.ndarray:
    """Affine map (2, 3) from portrait to frame: roll and zoom about the neck, shift, crop."""
    matrix = cv2.getRotationMatrix2D(neck, float(pose.roll), float(pose.zoom))
    crop = (PORTRAIT_SIZE - FRAME_SIZE) / 2
    matrix[:, 2] += np.array([pose.shift_x - crop, pose.shift_y - crop])
    return matrix


def visible(box: Box, to_frame: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the frame that show a box of the portrait, with room to move."""
    margin = 12
    x, y = to_frame @ box.corners
    top, left = (max(0, int(values.min()) - margin) for values in (y, x))
    bottom, right = (min(FRAME_SIZE, int(values.max()) + margin) for values in (y, x))
    return slice(top, max(top, bottom)), slice(left, max(left, right))
