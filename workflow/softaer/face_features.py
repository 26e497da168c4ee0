"""Face features: head pose, gaze, eyes, mouth and brows, at ten points per second.

They are measured in each frame from the vertices of FaceMesh, in the coordinates of the head
(:mod:`softaer.signals.face_geometry`). On the grid, they are functionals over a window centred on
each point, or without a window the interpolated values.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import FaceFeatures, FaceGroup
from softaer.core.schema import face_features as features_schema
from softaer.signals.face_geometry import (
    IRISES,
    MESH,
    POINTS_IN_MESH,
    face_geometry,
    mesh_columns,
    units,
)
from softaer.signals.face_grid import on_grid
from softaer.signals.functionals import functional_names

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
        ``x_v70, y_v70, z_v70, ...`` [pixel], NaN for frames without a face. The irises may be
        missing unless gaze is requested.
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
    coordinates = mesh_columns()
    absent = [name for name in coordinates if name not in frames]
    if absent and set(absent) <= set(mesh_columns(IRISES)) and "gaze" not in features:
        frames = frames.assign(**dict.fromkeys(absent, np.nan))
    elif absent:
        raise InputError(
            f"no column {absent[0]!r}; expected all vertices, including the irises for gaze, which "
            "FaceMesh finds with refine: true"
        )
    mesh = frames[coordinates].to_numpy(dtype=np.float64).reshape(-1, len(MESH), 3)
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


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--mesh", type=Path, required=True, help="second table of the stage landmarks"
    )
    cli.add_settings(arguments, FaceFeatures)
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, FaceFeatures)
    of_window = settings.functionals if settings.window else ()
    schema = features_schema(units(settings.features), of_window)
    with tables.writer(options.output, schema) as sink:
        for recording, frames in tables.by_recording(options.mesh):
            try:
                table = face_features(
                    frames,
                    settings.features,
                    settings.window,
                    settings.functionals,
                    settings.max_gap,
                )
            except InputError as error:
                raise InputError(f"{options.mesh}: recording {recording!r}: {error}") from error
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
