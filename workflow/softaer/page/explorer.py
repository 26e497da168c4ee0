"""Explorer: the data behind the report's interactive traces, small enough for one page.

For every recording, they are the label, the raters' traces and all predictions, on the time of the
features: labels and ratings are shifted back by the annotation delay, as in the dataset.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import tables
from softaer.core.experiment import Experiment
from softaer.core.grid import RATE, index
from softaer.core.places import final_prediction
from softaer.core.targets import read_targets
from softaer.corpus import Recording

MOST_VALUES = 2_000_000
"""Maximum number of values on a page; beyond it, only every second, third, ... frame is shown."""

MISSING = 65535
"""Missing value in a packed series."""


def explorer(
    experiment: Experiment,
    results: Path,
    dataset: Path,
    recordings: Sequence[Recording],
    ratings: pd.DataFrame,
    delays: Mapping[str, float],
    coverage: Sequence[Path],
    thumbnails: Sequence[Path] = (),
) -> dict:
    """Data for the page's script.

    Parameters
    ----------
    experiment
        The predictions of the run; those of the first seed are shown.
    results, dataset
        Folder of all results, and folder of one modality's datasets, with the targets.
    recordings
        Recordings to show, in this order.
    ratings
        ``recording``, ``time`` [s], ``dimension``, ``rater``, ``value``, with lags removed.
    delays
        Annotation delay of each dimension [s].
    coverage
        Coverage of each modality, ``<modality>.parquet``.
    thumbnails
        Tables of frames of recordings.

    Returns
    -------
    ``every`` (frames from one shown frame to the next), ``rate`` [Hz, of shown frames],
    ``dimensions``, ``targets``, ``tasks``, ``modalities``, and ``recordings``: each with ``name``,
    ``partition``, ``frames``, ``gaps`` (of each modality, start and end [s]), ``pictures`` (time
    [s] and JPEG in base64) and per dimension
    ``raters`` (name to series) and per target ``label`` and ``predictions`` (task, modality,
    series). A series is as :func:`packed` gives it, or ``None`` if there is none.
    """
    whole = {recording.recording: _Sheet() for recording in recordings}
    for dimension in experiment.dimensions:
        _add_ratings(whole, dimension, ratings, delays[dimension])
        targets = read_targets(dataset, recordings, dimension)
        keys: dict[str, tuple[str, ...]]
        keys = {t: (dimension, t, "label") for t in experiment.targets}
        _add(whole, targets, keys)
        for task in experiment.tasks:
            for modality in experiment.modalities:
                model = (dimension, modality, task, experiment.seeds[0], experiment.whole)
                path = final_prediction(results, *model)
                columns = ["recording", "time", *experiment.targets]
                keys = {t: (dimension, t, task, modality) for t in experiment.targets}
                _add(whole, tables.read(path, columns), keys)
    gaps = {path.stem: _gaps(path) for path in coverage}
    pictures = _pictures(thumbnails)
    values = sum(sheet.length * len(sheet.series) for sheet in whole.values())
    every = thinning(values)
    return {
        "every": every,
        "rate": RATE / every,
        "dimensions": list(experiment.dimensions),
        "targets": list(experiment.targets),
        "tasks": list(experiment.tasks),
        "modalities": list(experiment.modalities),
        "recordings": [
            {
                "name": recording.recording,
                "partition": recording.partition,
                "frames": whole[recording.recording].length,
                "gaps": {name: some.get(recording.recording, []) for name, some in gaps.items()},
                "pictures": pictures.get(recording.recording, []),
                "dimensions": _dimensions(experiment, whole[recording.recording], every),
            }
            for recording in recordings
        ],
    }


def thinning(values: int) -> int:
    """Frames from one shown frame to the next, given the number of values of all frames."""
    return max(1, -(-values // MOST_VALUES))


def series(frames: np.ndarray, values: np.ndarray, length: int, every: int) -> dict:
    """A packed series of ``length`` frames of which some are known, one in ``every`` of them."""
    laid_out = np.full(length, np.nan)
    laid_out[frames] = values
    return packed(laid_out[::every])


def packed(values: np.ndarray) -> dict:
    """A series in few bytes, with an error below 1/130000 of its range.

    Parameters
    ----------
    values
        Shape (T,); NaN where one is missing.

    Returns
    -------
    ``low``, ``step`` and ``data``: each value is low + step * n, with n as a 16-bit unsigned
    integer, little-endian, in base64; :data:`MISSING` stands for a missing value.
    """
    present = ~np.isnan(values)
    known = values[present]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    step = (high - low) / (MISSING - 1)
    steps = np.full(len(values), MISSING, dtype="<u2")
    steps[present] = np.rint((known - low) / (step or 1.0))
    return {"low": low, "step": step, "data": b64encode(steps.tobytes()).decode("ascii")}


def _gaps(path: Path) -> dict[str, list[list[float]]]:
    """Stretches without features of a modality, by recording."""
    table = tables.read(path, ["recording", "gaps"])
    return {
        recording: np.reshape(some, (-1, 2)).tolist()
        for recording, some in zip(table["recording"], table["gaps"], strict=True)
    }


def _pictures(paths: Sequence[Path]) -> dict[str, list[tuple[float, str]]]:
    """Frames of recordings by recording, each with its time [s]."""
    found: dict[str, list[tuple[float, str]]] = {}
    for path in paths:
        for row in tables.read(path).itertuples():
            picture = b64encode(row.picture).decode("ascii")
            found.setdefault(row.recording, []).append((round(row.time, 2), picture))
    return found


class _Sheet:
    """Series of one recording by their keys, each with its frames."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}
        self.length = 0

    def put(self, key: tuple[str, ...], frames: np.ndarray, values: np.ndarray) -> None:
        if len(frames):
            self.series[key] = (frames, values)
            self.length = max(self.length, int(frames.max()) + 1)

    def get(self, key: tuple[str, ...], every: int) -> dict | None:
        if key not in self.series:
            return None
        return series(*self.series[key], self.length, every)


def _add(
    whole: Mapping[str, _Sheet], table: pd.DataFrame, keys: Mapping[str, tuple[str, ...]]
) -> None:
    for recording, rows in table.groupby("recording", sort=False):
        if recording in whole:
            frames = index(rows["time"].to_numpy())
            for column, key in keys.items():
                whole[recording].put(key, frames, rows[column].to_numpy(dtype=np.float64))


def _add_ratings(
    whole: Mapping[str, _Sheet], dimension: str, ratings: pd.DataFrame, delay: float
) -> None:
    shift = round(delay * RATE)
    own = ratings[ratings["dimension"] == dimension]
    for (recording, rater), rows in own.groupby(["recording", "rater"], sort=True):
        if recording in whole:
            frames = index(rows["time"].to_numpy()) - shift
            known = frames >= 0
            values = rows["value"].to_numpy()[known]
            whole[recording].put((dimension, "rater", str(rater)), frames[known], values)


def _dimensions(experiment: Experiment, sheet: _Sheet, every: int) -> dict:
    content: dict = {}
    for dimension in experiment.dimensions:
        raters = [key[2] for key in sheet.series if key[:2] == (dimension, "rater")]
        content[dimension] = {
            "raters": {r: sheet.get((dimension, "rater", r), every) for r in raters},
            **{
                target: {
                    "label": sheet.get((dimension, target, "label"), every),
                    "predictions": {
                        task: {
                            modality: sheet.get((dimension, target, task, modality), every)
                            for modality in experiment.modalities
                        }
                        for task in experiment.tasks
                    },
                }
                for target in experiment.targets
            },
        }
    return content


def in_order(recordings: Iterable[Recording]) -> list[Recording]:
    """Recordings of test first, then dev and train; within a partition, in the table's order."""
    order = ["test", "dev", "train"]
    return sorted(recordings, key=lambda r: order.index(r.given("partition")))
