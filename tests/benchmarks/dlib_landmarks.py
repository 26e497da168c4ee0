"""Landmarks beside dlib's: HOG detector and 68-point predictor (Kazemi & Sullivan, 2014).

dlib and its predictor's weights are no part of the project:

    pip install --no-deps -r envs/requirements-benchmarks.txt
"""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import av
from extraction import stage_landmarks
from side_by_side import Setting, compare


def predictor_weights() -> Path:
    """Where face_recognition_models keeps them; its own module needs a setuptools of old."""
    folder = Path(find_spec("face_recognition_models").origin).parent
    return folder / "models/shape_predictor_68_face_landmarks.dat"


def dlib_landmarks(path: Path, counts: dict[str, int]) -> None:
    """Decode, search a face in each picture, and put 68 points on the first."""
    import dlib

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_weights()))
    points = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            image = frame.to_ndarray(format="rgb24")
            faces = detector(image, 0)
            shape = predictor(image, faces[0]) if faces else None
            points.append([(p.x, p.y) for p in shape.parts()] if faces else None)
    counts[str(path)] = sum(p is not None for p in points)


def rows(setting: Setting) -> list[dict]:
    """The stage against dlib; nothing where dlib is not installed."""
    if find_spec("dlib") is None or find_spec("face_recognition_models") is None:
        print("landmarks against dlib: left out, since envs/requirements-benchmarks.txt is not met")
        return []
    counts: dict[str, int] = {}

    def each(work):
        for file in setting.files:
            work(file)

    compared = compare(
        "landmarks against dlib",
        partial(each, partial(dlib_landmarks, counts=counts)),
        partial(each, stage_landmarks),
        setting.repeat,
    )
    return [
        compared | {"note": f"HOG detector, 68 points; {sum(counts.values())} frames with a face"}
    ]
