"""What a prediction rests on: how much sound is voiced, and how many pictures have a face."""

import numpy as np
import pandas as pd

from softaer.core.grid import grid
from softaer.core.tasks import FACE, SPEECH
from softaer.signals.functionals import windowed_functionals

WINDOW = 1.0
"""Length of the window about a frame [s]."""


def _voiced(rows: pd.DataFrame) -> np.ndarray:
    """Whether each row of descriptors has F0, which is above 0 in voiced sound alone."""
    pitch = next(name for name in rows.columns if name.startswith("F0"))
    return rows[pitch].to_numpy() > 0


def _with_face(rows: pd.DataFrame) -> np.ndarray:
    """Whether each picture has the subject's face."""
    return rows["face"].to_numpy(dtype=bool)


OF_ROWS = {SPEECH: _voiced, FACE: _with_face}
"""Whether a row of the first stage is evidence, by the name of the column."""


def evidence(kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Share of a recording's rows that are evidence, about each frame.

    Parameters
    ----------
    kind
        ``speech``: rows are low-level descriptors with one of F0, and the share is that of voiced
        sound, of whoever speaks. ``face``: rows are landmarks, and the share is that of pictures
        with the subject's face.
    rows
        ``time`` [s], increasing, and the columns of the stage.

    Returns
    -------
    ``time`` [s] on the grid, and a column named as the kind, 0 to 1, in windows of
    :data:`WINDOW`. It ends with the last row.
    """
    time = rows["time"].to_numpy()
    at = grid(time[-1]) if len(time) else grid(-1)
    found = OF_ROWS[kind](rows).astype(np.float64)[:, np.newaxis]
    shares = windowed_functionals(time, found, at, WINDOW, ["mean"])
    return pd.DataFrame({"time": at, kind: shares[:, 0].astype(np.float32)})
