"""Facial landmarks: 49 points of the iBUG markup in every video frame, or in so many per second,
found by MediaPipe FaceMesh.

FaceMesh (Kartynnik et al., 2019) gives a mesh of 468 vertices, refined around eyes and lips
(Grishchenko et al., 2020). The 49 points are those of the 68-point iBUG markup (Sagonas et al.,
2013) without the jaw (1-17) and the two inner mouth corners (61, 65), the set that "From Hard to
Soft" takes from its tracker. Each is read off the mesh vertex that lies closest to the point's
definition.
"""

from argparse import BooleanOptionalAction
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from mediapipe.python.solutions.face_mesh import FaceMesh

from softaer import cli
from softaer.extraction import add_extraction, extract
from softaer.markup import POINTS, VERTICES, columns
from softaer.media import Limits, video_frames
from softaer.schema import landmarks as landmarks_schema

FRAMES_AT_ONCE = 1_500
"""Frames that are handed out together: a minute at 25 frames a second."""


def track(
    frames: Iterable[tuple[float, np.ndarray]],
    refine: bool = True,
    min_detection_confidence: float = 0.5,
    min_tracking_confidence: float = 0.5,
) -> Iterator[pd.DataFrame]:
    """Follow one face through a video.

    Parameters
    ----------
    frames
        Times [s] and RGB pictures (uint8, shape (height, width, 3)).
    refine
        Refine the mesh around eyes and lips.
    min_detection_confidence, min_tracking_confidence
        FaceMesh's thresholds, from 0 to 1: below the second, the face is searched anew.

    Yields
    ------
    Tables of up to 1500 frames: ``time`` (float64, s), ``face`` (bool), and ``x_18, y_18, ...,
    x_68, y_68`` (float32, pixels of the upright picture, y downwards; NaN without a face).
    """
    face_mesh = _face_mesh(refine, min_detection_confidence, min_tracking_confidence)
    times: list[float] = []
    shapes: list[np.ndarray] = []

    def take() -> pd.DataFrame:
        points = np.array(shapes, dtype=np.float32).reshape(len(shapes), 2 * len(POINTS))
        table = pd.DataFrame(points, columns=columns())
        table.insert(0, "time", np.array(times, dtype=np.float64))
        table.insert(1, "face", ~np.isnan(points[:, 0]))
        times.clear()
        shapes.clear()
        return table

    with face_mesh:
        for time, image in frames:
            times.append(time)
            shapes.append(find_points(face_mesh, image))
            if len(times) == FRAMES_AT_ONCE:
                yield take()
    yield take()


def _face_mesh(refine: bool, detection: float, tracking: float) -> FaceMesh:
    return FaceMesh(
        static_image_mode=False,
        max_num_faces=1,
        refine_landmarks=refine,
        min_detection_confidence=detection,
        min_tracking_confidence=tracking,
    )


def find_points(face_mesh: FaceMesh, image: np.ndarray) -> np.ndarray:
    """The 49 points of the face in one picture.

    Parameters
    ----------
    face_mesh
        An open ``mediapipe`` FaceMesh.
    image
        RGB, uint8, shape (height, width, 3).

    Returns
    -------
    float64 array of shape (49, 2), pixels; NaN if there is no face.
    """
    faces = face_mesh.process(image).multi_face_landmarks
    if not faces:
        return np.full((len(POINTS), 2), np.nan)
    height, width = image.shape[:2]
    mesh = faces[0].landmark
    return np.array([(mesh[v].x * width, mesh[v].y * height) for v in VERTICES])


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "media file with pictures")
    arguments.add_argument(
        "--refine", action=BooleanOptionalAction, default=True, help="refine eyes and lips"
    )
    arguments.add_argument("--rate", type=float, help="frames per second; without: every frame")
    arguments.add_argument("--min-detection-confidence", type=float, default=0.5)
    arguments.add_argument("--min-tracking-confidence", type=float, default=0.5)
    options = arguments.parse_args()

    def read(path: str, limits: Limits) -> Iterator[pd.DataFrame]:
        return track(
            video_frames(path, limits, options.rate),
            options.refine,
            options.min_detection_confidence,
            options.min_tracking_confidence,
        )

    extract(options, read, landmarks_schema(columns()))


if __name__ == "__main__":
    cli.run(main)
