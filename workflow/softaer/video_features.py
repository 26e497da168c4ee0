"""Video features: facial points registered to a reference face, at ten points per second.

A similarity transform (rotation, scale, translation) removes head position, roll and distance from
each frame. It is fitted by least squares to the corners of the eyes and the nose, which expressions
hardly move. The registered coordinates are then interpolated to the grid, or optionally replaced
by their mean and variance over a window centred on each grid point.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import VideoFeatures
from softaer.core.schema import video_features as features_schema
from softaer.signals.face_grid import on_grid
from softaer.signals.functionals import functional_names
from softaer.signals.markup import POINTS, REFERENCE, columns, positions


def register(shapes: np.ndarray) -> np.ndarray:
    """Register faces to the reference by the least-squares similarity transform of stable points.

    In complex notation, a face z goes to a z + b, where a = <z_s - mean, r - mean> / |z_s - mean|^2
    over the stable points z_s and their places r in the reference (Umeyama, 1991, in the plane; no
    reflection can occur).

    Parameters
    ----------
    shapes
        Points in pixels, float, shape (n, 49, 2); NaN for frames without a face.

    Returns
    -------
    float64 array of shape (n, 49, 2) in units of the reference face's interocular distance, NaN
    where the input is, or where all stable points coincide.
    """
    shapes = np.asarray(shapes, dtype=np.float64)
    faces = shapes[..., 0] + 1j * shapes[..., 1]
    reference = np.array([complex(*xy) for xy in REFERENCE.values()])
    stable = faces[:, positions(REFERENCE)]
    centre = stable.mean(axis=1, keepdims=True)
    centred = stable - centre
    size = (np.abs(centred) ** 2).sum(axis=1, keepdims=True)
    size[size <= (1e-9 * np.abs(centre)) ** 2] = np.nan  # they coincide up to rounding
    with np.errstate(invalid="ignore"):  # frames without a face stay NaN
        turn = (centred.conj() * (reference - reference.mean())).sum(axis=1, keepdims=True) / size
    registered = turn * (faces - centre) + reference.mean()
    return np.stack([registered.real, registered.imag], axis=-1)


def video_features(
    time: np.ndarray,
    shapes: np.ndarray,
    max_gap: float = VideoFeatures.max_gap,
    window: float = VideoFeatures.window,
    registration: str = VideoFeatures.registration,
) -> pd.DataFrame:
    """Features of one recording on the grid.

    Parameters
    ----------
    time
        Times of the video frames [s], strictly increasing, shape (n,).
    shapes
        Points in pixels, shape (n, 49, 2); NaN for frames without a face.
    max_gap
        Longest time between two frames with a face that is interpolated [s], unless the face has
        jumped by more than its width.
    window
        Length of the window for mean and variance [s]; 0 uses the points themselves.
    registration
        ``similarity``: to the reference face; ``none``: coordinates stay in pixels.

    Returns
    -------
    Table with ``time`` and 98 columns (196 with a window), NaN where the face was lost for longer
    than ``max_gap``. The grid ends with the last video frame.
    """
    names = columns()
    shapes = np.asarray(shapes, dtype=np.float64)
    placed = register(shapes) if registration == "similarity" else shapes
    flat = placed.reshape(-1, 2 * len(POINTS))
    at, values = on_grid(time, flat, shapes, max_gap, window)
    if window:
        names = functional_names(names)
    table = pd.DataFrame(values.astype(np.float32), columns=names)
    table.insert(0, "time", at)
    return table


def from_rows(rows: pd.DataFrame, settings: VideoFeatures) -> pd.DataFrame:
    """Features of one recording, given its landmarks; see :func:`video_features`."""
    return video_features(
        rows["time"].to_numpy(),
        rows[columns()].to_numpy().reshape(-1, len(POINTS), 2),
        settings.max_gap,
        settings.window,
        settings.registration,
    )


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--landmarks", type=Path, required=True)
    cli.add_settings(arguments, VideoFeatures)
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, VideoFeatures)
    names = functional_names(columns()) if settings.window else columns()
    with tables.writer(options.output, features_schema(names)) as sink:
        for recording, frames in tables.by_recording(options.landmarks):
            table = from_rows(frames, settings)
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
