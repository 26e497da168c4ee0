"""The columns of a dataset: the targets of each dimension, E and sigma, and the features."""

from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path

import pandas as pd

from softaer.core import tables
from softaer.core.tasks import TARGETS, output_name
from softaer.corpus import Recording


def target_names(dimensions: Iterable[str]) -> list[str]:
    """Columns of the targets: ``<dimension>_E`` and ``<dimension>_sigma``."""
    return [output_name(dimension, target) for dimension in dimensions for target in TARGETS]


def feature_columns(columns: list[str]) -> list[str]:
    """Feature columns of a dataset: those after ``recording``, ``time`` and the targets."""
    endings = tuple(f"_{target}" for target in TARGETS)
    return list(
        dropwhile(lambda name: name in ("recording", "time") or name.endswith(endings), columns)
    )


def read_targets(folder: Path, recordings: Iterable[Recording], dimension: str) -> pd.DataFrame:
    """Targets of all frames of a dataset.

    Parameters
    ----------
    folder
        Datasets of one modality, ``<batch>.parquet`` each; the targets are the same in all.
    recordings
        Requested recordings.
    dimension
        Requested dimension.

    Returns
    -------
    ``recording``, ``time`` [s], ``E``, ``sigma`` (float32, NaN where there is no label).
    """
    names = target_names([dimension])
    rows = tables.read_batches(folder, recordings, ["recording", "time", *names])
    return rows.rename(columns=dict(zip(names, TARGETS, strict=True)))
