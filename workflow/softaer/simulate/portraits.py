"""Makes the portraits of the default corpus: two photographs, varied into other identities.

A photograph is turned upright and scaled, its face is reshaped and its tones are changed; then
FaceMesh finds the landmarks that :mod:`softaer.simulate.face` animates. The photographs come with
scikit-image and matplotlib, so nothing is downloaded.
"""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
import skimage.data

from softaer.core import cli, tables
from softaer.core.files import complete
from softaer.signals.face_mesh import Mesh, open_face_mesh
from softaer.simulate import face
from softaer.simulate.subjects import ASTRONAUT, SUBJECTS, Portrait, subject

FACE_HEIGHT = 172
"""Height of the face in a portrait [pixel]."""

LEFT_EYE, RIGHT_EYE = (33, 133), (362, 263)


def photograph(name: str) -> np.ndarray:
    """Load an RGB image, uint8, as the package that it comes with has it."""
    if name == ASTRONAUT:
        return skimage.data.astronaut()
    path = Path(matplotlib.get_data_path()) / "sample_data" / f"{name}.jpg"
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(path)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def find_landmarks(mesh: Mesh, image: np.ndarray) -> np.ndarray:
    """Find the 478 points of the face in an RGB image [pixel], float32, shape (478, 3)."""
    found = mesh.process(np.ascontiguousarray(image)).multi_face_landmarks
    if not found:
        raise RuntimeError("FaceMesh finds no face in the photograph")
    height, width = image.shape[:2]
    points = np.array([(point.x, point.y, point.z) for point in found[0].landmark])
    return (points * (width, height, width)).astype(np.float32)


def upright(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Turn the eyes level, scale the face to :data:`FACE_HEIGHT` and centre it."""
    points = landmarks[:, :2]
    left, right = (points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE))
    angle = np.arctan2(right[1] - left[1], right[0] - left[0])
    level = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turn = level * FACE_HEIGHT / np.ptp((points @ level.T)[:, 1])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    middle = np.array([face.PORTRAIT_SIZE / 2, face.PORTRAIT_SIZE / 2 + 8])
    return cv2.warpAffine(
        image,
        np.column_stack([turn, middle - turn @ centre]),
        (face.PORTRAIT_SIZE, face.PORTRAIT_SIZE),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def reshape(image: np.ndarray, landmarks: np.ndarray, portrait: Portrait) -> np.ndarray:
    """Give the face other proportions and another resting expression."""
    y, x = np.mgrid[: face.PORTRAIT_SIZE, : face.PORTRAIT_SIZE].astype(np.float32)
    nose, mouth = landmarks[face.NOSE_TIP], landmarks[list(face.MOUTH_CORNERS)].mean(axis=0)
    chin, base = landmarks[face.CHIN], landmarks[face.NOSE_BASE]
    right = portrait.face_width * (x - nose[0]) * face.bump(x, y, nose, 75, 85)
    jaw_line = (nose[0], chin[1] - 12)
    right += portrait.jaw_width * (x - nose[0]) * face.bump(x, y, jaw_line, 60, 30)
    right += portrait.mouth_width * (x - mouth[0]) * face.bump(x, y, mouth, 40, 22)
    down = portrait.nose_length * FACE_HEIGHT / 8 * face.bump(x, y, (nose[0], base[1]), 30, 32)
    for upper, lower in face.EYELIDS:
        eye = landmarks[list(upper + lower)].mean(axis=0)
        growth = portrait.eye_size * face.bump(x, y, eye, 22, 18)
        right += growth * (x - eye[0])
        down += growth * (y - eye[1])
    fields = dict(zip(face.FIELDS, face.displacement_fields(landmarks), strict=True))
    rest = portrait.smile * fields["smile"] + portrait.brow * fields["brow"]
    rest = cv2.resize(rest, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    source_x = (x - right - rest[..., 0]).astype(np.float32)
    source_y = (y - down - rest[..., 1]).astype(np.float32)
    return cv2.remap(image, source_x, source_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def retone(image: np.ndarray, portrait: Portrait) -> np.ndarray:
    """Change hue, saturation, contrast and the side that the light comes from."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + portrait.hue) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * portrait.saturation, 0, 255)
    rgb = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB) / np.float32(255)
    light = 1 + portrait.light * np.linspace(-1, 1, image.shape[1], dtype=np.float32)
    return np.clip(255 * rgb**portrait.gamma * light[None, :, None], 0, 255).astype(np.uint8)


def make(mesh: Mesh, portrait: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """Portrait (RGB, uint8, shape (352, 352, 3)) and its landmarks (float32, shape (478, 3))."""
    image = photograph(portrait.photograph)
    if portrait.mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    image = upright(image, find_landmarks(mesh, image))
    image = retone(reshape(image, find_landmarks(mesh, image), portrait), portrait)
    return image, find_landmarks(mesh, image)


def main() -> None:
    """Command line."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--subjects", nargs="+", default=list(SUBJECTS), metavar="SUBJECT")
    cli.add_output(arguments, "--output-dir")
    options = arguments.parse_args()
    portraits = {name: subject(name).portrait for name in options.subjects}
    with open_face_mesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as mesh:
        for name, portrait in portraits.items():
            image, landmarks = make(mesh, portrait)
            path = options.output_dir / f"{name}.png"
            with complete(path) as partial:
                _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
                partial.write_bytes(png.tobytes())
            points = pd.DataFrame(landmarks, columns=["x", "y", "z"])
            points.insert(0, "index", np.arange(len(points)))
            tables.write(points, face.LANDMARKS, path.with_suffix(".parquet"))


if __name__ == "__main__":
    cli.run(main)
