"""The columns of a dataset: the targets of each dimension, E and sigma, and the features."""

from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import tables
from softaer.core.concordance import within_panels
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


def panels(raters: pd.DataFrame) -> dict[str, int]:
    """Number of the panel of each recording; recordings with the same raters share one.

    Parameters
    ----------
    raters
        ``recording``, ``rater``: who rated what in one dimension.
    """
    raters = raters.groupby("recording", sort=False)["rater"].agg(frozenset)
    numbers, _ = pd.factorize(raters)
    return dict(zip(raters.index, numbers.tolist(), strict=True))


def read_panels(folder: Path, recordings: Iterable[Recording], dimension: str) -> dict[str, int]:
    """:func:`panels` of some recordings, from the weights of their raters by batch."""
    weights = tables.read_batches(folder, recordings)
    return panels(weights[weights["dimension"] == dimension])


def read_targets(
    folder: Path,
    recordings: Iterable[Recording],
    dimension: str,
    weights: Path | None = None,
) -> pd.DataFrame:
    """Targets of all frames of a dataset.

    Parameters
    ----------
    folder
        Datasets of one modality, ``<batch>.parquet`` each; the targets are the same in all.
    recordings
        Requested recordings.
    dimension
        Requested dimension.
    weights
        Weights of the raters, ``<batch>.parquet`` each, which name the panel of each recording.

    Returns
    -------
    ``recording``, ``time`` [s], ``E``, ``sigma`` (float32, NaN where there is no label); with
    ``weights`` also ``panel``, see :func:`panels`.
    """
    recordings = list(recordings)
    names = target_names([dimension])
    rows = tables.read_batches(folder, recordings, ["recording", "time", *names])
    rows = rows.rename(columns=dict(zip(names, TARGETS, strict=True)))
    if weights is None:
        return rows
    panel_of = read_panels(weights, recordings, dimension)
    return rows.assign(panel=rows["recording"].map(panel_of))


def as_scored(target: str, frames: pd.DataFrame, values: pd.Series) -> np.ndarray:
    """Values of some frames as they are scored: sigma within panels of raters.

    Parameters
    ----------
    target
        ``E`` or ``sigma``.
    frames
        Of one partition. Without a column ``panel``, all are one panel.
    values
        Labels or predictions, of these frames and maybe of others, by index.

    Returns
    -------
    Shape (frames,), see :func:`softaer.core.concordance.within_panels`.
    """
    values = values.loc[frames.index]
    if target == "sigma" and "panel" in frames:
        return within_panels(values.to_numpy(), frames["panel"].to_numpy())
    return values.to_numpy()
