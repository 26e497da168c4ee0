"""Face features: head pose, gaze, eyes, mouth and brows, at ten points per second.

They are measured in each frame from the vertices of FaceMesh, in the coordinates of the head
(:mod:`softaer.signals.face_geometry`). On the grid, they are functionals over a window centred on
each point, or without a window the interpolated values.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import FaceFeatures, FaceGroup
from softaer.core.schema import face_features as features_schema
from softaer.signals.face_geometry import (
    FACE,
    MESH,
    POINTS_IN_MESH,
    face_geometry,
    units,
)
from softaer.signals.face_grid import on_grid
from softaer.signals.functionals import functional_names, functional_units

SIZE = ["width", "height"]


def face_features(
    frames: pd.DataFrame,
    features: Sequence[FaceGroup] = FaceFeatures.features,
    window: float = FaceFeatures.window,
    functionals: Sequence[str] = FaceFeatures.functionals,
    max_gap: float = FaceFeatures.max_gap,
) -> pd.DataFrame:
    """Features of one recording on the grid.

    Parameters
    ----------
    frames
        From :func:`softaer.landmarks.track` with ``mesh``: ``time`` [s], ``width``, ``height`` and
        ``mesh`` [pixel], None for frames without a face. Irises may be missing unless gaze is
        requested.
    features
        Groups of features, keys of :data:`softaer.signals.face_geometry.GROUPS`.
    window
        Length of the window for the functionals [s]; 0: the features themselves.
    functionals
        Over the frames in the window, see :mod:`softaer.signals.functionals`.
    max_gap
        Longest time between two frames with a face that is interpolated [s], unless the face has
        jumped by more than its width.

    Returns
    -------
    Table with ``time`` and float32 columns: the features with a window of 0, otherwise
    ``<feature>_<functional>``, functional by functional. NaN where the face was lost for longer
    than ``max_gap``. The grid ends with the last video frame.

    Raises
    ------
    InputError
        If gaze is requested and there are no irises.
    """
    names = list(units(features))
    mesh = meshes(frames)
    face = ~np.isnan(mesh[:, 0, 0])
    if "gaze" in features and np.isnan(mesh[face, len(FACE) :]).any():
        raise InputError("no irises, but gaze; expected landmarks with refine: true")
    at, values = on_grid(
        frames["time"].to_numpy(),
        face_geometry(mesh, frames[SIZE].to_numpy(), features),
        mesh[:, POINTS_IN_MESH, :2],
        max_gap,
        window,
        functionals,
    )
    columns = functional_names(names, functionals) if window else names
    table = pd.DataFrame(values.astype(np.float32), columns=columns)
    table.insert(0, "time", at)
    return table


def from_rows(rows: pd.DataFrame, settings: FaceFeatures) -> pd.DataFrame:
    """Features of one recording, given its frames; see :func:`face_features`."""
    return face_features(
        rows, settings.features, settings.window, settings.functionals, settings.max_gap
    )


def output_schema(settings: FaceFeatures) -> pa.Schema:
    """Schema of the features."""
    features = units(settings.features)
    if not settings.window:
        return features_schema(list(features), list(features.values()))
    return features_schema(
        functional_names(list(features), settings.functionals),
        functional_units(list(features.values()), settings.functionals),
    )


def meshes(frames: pd.DataFrame) -> np.ndarray:
    """Vertices of each frame.

    Parameters
    ----------
    frames
        With a column ``mesh``, see :func:`face_features`.

    Returns
    -------
    float64 array of shape (n, len(MESH), 3), NaN for frames without a face and for missing irises.

    Raises
    ------
    InputError
        If the number of coordinates is another one.
    """
    found = np.full((len(frames), 3 * len(MESH)), np.nan)
    for place, mesh in enumerate(frames["mesh"]):
        if mesh is None:
            continue
        if len(mesh) not in (3 * len(FACE), 3 * len(MESH)):
            raise InputError(
                f"column 'mesh': {len(mesh)} coordinates; expected {3 * len(MESH)}, or "
                f"{3 * len(FACE)} without irises"
            )
        found[place, : len(mesh)] = mesh
    return found.reshape(-1, len(MESH), 3)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--mesh", type=Path, required=True, help="second table of the stage landmarks"
    )
    cli.add_settings(arguments, FaceFeatures)
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, FaceFeatures)
    with tables.writer(options.output, output_schema(settings)) as sink:
        for recording, frames in tables.by_recording(options.mesh):
            try:
                table = from_rows(frames, settings)
            except InputError as error:
                raise InputError(f"{options.mesh}: recording {recording!r}: {error}") from error
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
