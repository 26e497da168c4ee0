"""MediaPipe's FaceMesh, or the command to install it.

It is not a declared requirement of the package, because its own requirements are wrong
(``envs/requirements-nodeps.txt``).
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from softaer.core.errors import MissingPackageError

if TYPE_CHECKING:
    import numpy as np

INSTALL = "pip install --no-deps mediapipe==0.10.21"


class Mesh(Protocol):
    """The part of MediaPipe's FaceMesh that is used."""

    def __enter__(self) -> "Mesh": ...

    def __exit__(self, *error: Any) -> None: ...

    def process(self, image: "np.ndarray") -> Any: ...


def installed() -> bool:
    """Whether MediaPipe is installed, without importing it."""
    return find_spec("mediapipe") is not None


def open_face_mesh(**settings: Any) -> Mesh:
    """Open a FaceMesh.

    Parameters
    ----------
    **settings
        Arguments of MediaPipe's class: ``static_image_mode``, ``max_num_faces``,
        ``refine_landmarks``, ``min_detection_confidence``, ``min_tracking_confidence``.

    Returns
    -------
    The FaceMesh, which is a context manager.

    Raises
    ------
    MissingPackageError
        If MediaPipe is not installed, or has no FaceMesh.
    """
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"faces are found by mediapipe 0.10.21, which is not installed ({error}); "
            f"type: {INSTALL}"
        ) from error
    return FaceMesh(**settings)
