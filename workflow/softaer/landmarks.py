"""Facial landmarks: 49 points of the iBUG markup in every video frame, or in a number of frames per
second, found by MediaPipe FaceMesh.

FaceMesh (Kartynnik et al., 2019) gives a mesh of 468 vertices, refined around eyes and lips
(Grishchenko et al., 2020). The 49 points are those of the 68-point iBUG markup (Sagonas et al.,
2013) without the jaw (1-17) and the two inner mouth corners (61, 65), the set that "From Hard to
Soft" takes from its tracker. Each point is the mesh vertex that is closest to its definition.

The vertices that the geometry of the face needs (:mod:`softaer.signals.face_geometry`) can be
written to a second table from the same pass.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli
from softaer.core.experiment import Media, Tracking
from softaer.core.schema import face_mesh as mesh_schema
from softaer.core.schema import landmarks as landmarks_schema
from softaer.signals.extraction import add_extraction, asked, extract
from softaer.signals.face_geometry import FACE, MESH, POINTS_IN_MESH
from softaer.signals.face_mesh import Mesh, open_face_mesh
from softaer.signals.following import Subject
from softaer.signals.markup import POINTS, VERTICES, columns
from softaer.signals.media import Account, Choice
from softaer.signals.pictures import video_frames

FRAMES_AT_ONCE = 1_500
"""Frames that are returned together: a minute at 25 frames per second."""


MOST_FACES = 4
"""Maximum number of faces detected in a frame with several people."""


def track(
    frames: Iterable[tuple[float, np.ndarray]],
    refine: bool = Tracking.refine,
    min_detection_confidence: float = Tracking.min_detection_confidence,
    min_tracking_confidence: float = Tracking.min_tracking_confidence,
    face: str | None = None,
    account: Account | None = None,
    mesh: bool = False,
) -> Iterator[pd.DataFrame]:
    """Follow the subject's face through a video.

    Parameters
    ----------
    frames
        Times [s] and RGB pictures (uint8, shape (height, width, 3)).
    refine
        Refine the mesh around eyes and lips.
    min_detection_confidence, min_tracking_confidence
        FaceMesh's thresholds, from 0 to 1; below the second one, the face is detected again.
    face
        Which of several faces is the subject's, see :class:`softaer.signals.following.Subject`.
    account
        Filled with the number of frames that show another face, and with notes.
    mesh
        Also return the vertices that the geometry of the face needs.

    Yields
    ------
    Tables of up to 1500 frames: ``time`` (float64, s), ``face`` (bool), and ``x_18, y_18, ...,
    x_68, y_68`` (float32, pixels of the upright picture, y downwards; NaN without the subject's
    face). With ``mesh`` also ``width`` and ``height`` of the picture (int32, pixels) and ``mesh``,
    x, y and z of the vertices :func:`mesh_vertices`, one after the other (float32, pixels; None
    without the subject's face).

    Raises
    ------
    MissingPackageError
        If MediaPipe is not installed.
    """
    subject = Subject(face)
    times: list[float] = []
    shapes: list[np.ndarray] = []
    sizes: list[tuple[int, ...]] = []
    meshes: list[np.ndarray | None] = []
    kept = mesh_vertices(refine) if mesh else None

    def take() -> pd.DataFrame:
        points = np.array(shapes, dtype=np.float32).reshape(len(shapes), 2 * len(POINTS))
        table = pd.DataFrame(points, columns=columns())
        table.insert(0, "time", np.array(times, dtype=np.float64))
        table.insert(1, "face", ~np.isnan(points[:, 0]))
        if mesh:
            size = np.array(sizes, dtype=np.int32).reshape(len(sizes), 2)
            table["width"], table["height"] = size.T
            table["mesh"] = pd.Series(list(meshes), dtype=object)
        for rows in (times, shapes, sizes, meshes):
            rows.clear()
        return table

    with ExitStack() as open_meshes:

        def open_mesh(faces: int) -> Mesh:
            open_meshes.close()
            opened = open_face_mesh(
                static_image_mode=False,
                max_num_faces=faces,
                refine_landmarks=refine,
                min_detection_confidence=min_detection_confidence,
                min_tracking_confidence=min_tracking_confidence,
            )
            return open_meshes.enter_context(opened)

        # One face takes half the time; several are detected only once a face is elsewhere.
        alone = face is None
        face_mesh = open_mesh(1 if alone else MOST_FACES)
        for time, image in frames:
            faces = find_faces(face_mesh, image, kept)
            found = [points_of(face) for face in faces]
            if alone and found and not subject.may_be(found[0]):
                alone = False
                face_mesh = open_mesh(MOST_FACES)
                faces = find_faces(face_mesh, image, kept)
                found = [points_of(face) for face in faces]
            own = subject.among(found, time, image.shape[1])
            times.append(time)
            shapes.append(np.full((len(POINTS), 2), np.nan) if own is None else own)
            if mesh:
                own_mesh = [f for f, points in zip(faces, found, strict=True) if points is own]
                sizes.append(image.shape[1::-1])
                meshes.append(own_mesh[0].astype(np.float32).ravel() if own_mesh else None)
            if len(times) == FRAMES_AT_ONCE:
                yield take()
    if account is not None:
        account.other_face = subject.other_faces
        account.notes += subject.notes()
    yield take()


def mesh_vertices(refine: bool = Tracking.refine) -> tuple[int, ...]:
    """Vertices that the geometry of the face needs; without refinement there are no irises."""
    return MESH if refine else FACE


def find_faces(
    face_mesh: Mesh, image: np.ndarray, vertices: Sequence[int] | None = None
) -> list[np.ndarray]:
    """The 49 points of each face in one picture, or vertices with their depth.

    Parameters
    ----------
    face_mesh
        An open ``mediapipe`` FaceMesh.
    image
        RGB, uint8, shape (height, width, 3).
    vertices
        Vertices to return instead of the points. FaceMesh's depth is on the scale of its x, in
        widths of the picture.

    Returns
    -------
    float64 arrays of shape (49, 2), or (len(vertices), 3), pixels.
    """
    height, width = image.shape[:2]
    faces = [face.landmark for face in face_mesh.process(image).multi_face_landmarks or []]
    if vertices is None:
        return [
            np.array([(face[v].x * width, face[v].y * height) for v in VERTICES]) for face in faces
        ]
    found = []
    for face in faces:
        places = [face[v] for v in vertices]
        flat = [part for p in places for part in (p.x * width, p.y * height, p.z * width)]
        found.append(np.array(flat).reshape(len(vertices), 3))
    return found


def points_of(face: np.ndarray) -> np.ndarray:
    """The 49 points of a face from :func:`find_faces`, shape (49, 2)."""
    return face if face.shape[1] == 2 else face[POINTS_IN_MESH, :2].copy()


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "media file with pictures")
    cli.add_settings(arguments, Tracking)
    arguments.add_argument(
        "--mesh-output", type=Path, help="also write the vertices that face_features needs"
    )
    options = arguments.parse_args()
    settings = cli.settings(options, Tracking)

    def read(path: str, limits: Media, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        return track(
            video_frames(
                path,
                limits,
                settings.rate,
                stream=choice.stream,
                beside=choice.beside,
                account=account,
            ),
            settings.refine,
            settings.min_detection_confidence,
            settings.min_tracking_confidence,
            choice.face,
            account,
            options.mesh_output is not None,
        )

    mesh = (options.mesh_output, mesh_schema(mesh_vertices(settings.refine)))
    extract(
        asked(options),
        read,
        landmarks_schema(columns()),
        beside=mesh if options.mesh_output is not None else None,
    )


if __name__ == "__main__":
    cli.run(main)
