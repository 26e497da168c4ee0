"""Sequences: the input of a recurrent network, in the same form for training and prediction.

A recording becomes one sequence on the full grid. A frame whose features are missing enters the
network as zeros, the mean of the training partition; it is predicted and scored like any other,
so that every modality is scored on the same frames, but it does not count in the training loss. A
frame without a label counts in neither.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import tables
from softaer.core.grid import RATE, index
from softaer.core.targets import feature_columns
from softaer.corpus import Recording


@dataclass(frozen=True)
class RecordingSequence:
    """One recording on the full grid from t = 0, T frames long.

    Attributes
    ----------
    recording, partition
        Name and partition of the recording.
    features
        float32, shape (T, d), standardised, 0 where missing.
    present
        bool, shape (T,): the frame has features.
    labelled
        bool, shape (T,): the frame is in the dataset.
    targets
        float32, shape (T, n): the requested outputs, NaN where there is no label.
    panel
        float32, shape (T, dimensions, 3): number, mean and sum of squares about the mean of the
        ratings, number 0 where there are none; None if nobody asked for them.
    """

    recording: str
    partition: str | None
    features: np.ndarray
    present: np.ndarray
    labelled: np.ndarray
    targets: np.ndarray
    panel: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def time(self) -> np.ndarray:
        """Grid points [s], shape (T,)."""
        return np.arange(len(self)) / RATE


def to_sequence(
    rows: pd.DataFrame, recording: Recording, outputs: Sequence[str]
) -> RecordingSequence:
    """Put the dataset rows of one recording on the full grid.

    Parameters
    ----------
    rows
        ``time``, targets and features, see :func:`softaer.dataset.dataset`.
    recording
        The recording's row of the corpus table.
    outputs
        Columns of the targets wanted.
    """
    frames = index(rows["time"].to_numpy())
    names = feature_columns(list(rows.columns))
    length = frames.max() + 1
    values = rows[names].to_numpy(dtype=np.float32)
    features = np.zeros((length, len(names)), dtype=np.float32)
    features[frames] = np.nan_to_num(values)
    present, labelled = np.zeros((2, length), dtype=bool)
    present[frames] = ~np.isnan(values).any(axis=1)
    labelled[frames] = True
    targets = np.full((length, len(outputs)), np.nan, dtype=np.float32)
    targets[frames] = rows[list(outputs)].to_numpy(dtype=np.float32)
    return RecordingSequence(
        recording.recording, recording.partition, features, present, labelled, targets
    )


def with_panel(
    sequence: RecordingSequence, moments: pd.DataFrame, dimensions: Sequence[str]
) -> RecordingSequence:
    """Add what is known of the single ratings.

    Parameters
    ----------
    sequence
        Of the recording.
    moments
        ``time``, ``dimension``, ``number``, ``mean``, ``squares`` of the recording, see
        :mod:`softaer.panel_moments`.
    dimensions
        In the order wanted.
    """
    panel = np.zeros((len(sequence), len(dimensions), 3), dtype=np.float32)
    for place, dimension in enumerate(dimensions):
        rows = moments[moments["dimension"] == dimension]
        frames = index(rows["time"].to_numpy())
        inside = frames < len(sequence)
        panel[frames[inside], place] = rows[["number", "mean", "squares"]].to_numpy()[inside]
    return replace(sequence, panel=panel)


def load_sequences(
    folder: Path, recordings: Iterable[Recording], outputs: Sequence[str]
) -> Iterator[RecordingSequence]:
    """Sequences of some recordings, batch by batch in the order of the corpus table.

    Parameters
    ----------
    folder
        Datasets of one modality, ``<batch>.parquet`` each.
    recordings
        Recordings wanted.
    outputs
        Columns of the targets wanted.
    """
    wanted = {recording.recording: recording for recording in recordings}
    for batch in dict.fromkeys(recording.batch for recording in wanted.values()):
        for name, rows in tables.by_recording(Path(folder) / f"{batch}.parquet"):
            if name in wanted:
                yield to_sequence(rows, wanted[name], outputs)
