"""Tracks of recordings for export: E and sigma over time, of labels and of predictions.

They come from a folder of results, a table of labels, or predictions of new recordings.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.grid import RATE, TOLERANCE
from softaer.core.listing import first_few
from softaer.core.places import (
    APPLIED,
    EXPERIMENT,
    FUSED,
    FUSED_SUBSET,
    LABELS,
    POSTPROCESSED,
    within,
)
from softaer.core.tasks import (
    BASELINES,
    DISTANCE,
    FACE,
    JOIN,
    OF_DISTRIBUTION,
    SPEECH,
    TARGETS,
    output_name,
)

ALL = "all"
"""Stands for the fusion of all modalities, whose path does not name them."""

LABELLED, PREDICTED = KINDS = ("labels", "predictions")
"""What can be exported; also the annotator of the tracks."""

PREFERRED = ("multi", "joint", "single", *BASELINES)
"""Task whose predictions are exported, if none is requested: the first that was run."""

LONGEST = 7 * 24 * 3600
"""A later time is not one in seconds [s]."""


@dataclass(frozen=True)
class Key:
    """Names a track of a recording: labels or predictions, dimension and target."""

    kind: str
    dimension: str
    target: str

    @property
    def name(self) -> str:
        """Name of the track in files: ``arousal_sigma``."""
        return output_name(self.dimension, self.target)


@dataclass
class Tracks:
    """Tracks by recording.

    Attributes
    ----------
    values
        For each recording and key, float32 of shape (T,) on the grid from 0 s; NaN where there is
        no value. Recordings may be without any.
    origin
        File of each recording and kind and dimension, for errors.
    """

    values: dict[str, dict[Key, np.ndarray]] = field(default_factory=dict)
    origin: dict[tuple[str, str, str], Path] = field(default_factory=dict)

    def add(
        self, path: Path, recording: str, kind: str, dimension: str, rows: pd.DataFrame
    ) -> None:
        """Add the targets of a dimension of a recording.

        Parameters
        ----------
        path
            File that they are from.
        recording, kind, dimension
            Whose they are.
        rows
            ``time`` [s] and some of E and sigma.

        Raises
        ------
        InputError
            If another file has them already, a time is missing, negative, twice, or not on the
            grid, or a value is infinite.
        """
        if "/" in recording or "\\" in recording or recording in (".", ".."):
            raise InputError(f"{path}: found recording {recording!r}; expected the name of a file")
        other = self.origin.setdefault((recording, kind, dimension), path)
        own = self.values.setdefault(recording, {})
        if any(Key(kind, dimension, target) in own for target in TARGETS):
            raise InputError(
                f"{path}, recording {recording!r}: {kind} of {dimension!r} are in {other} as well; "
                "expected them once"
            )
        frame = _frames(rows["time"], path, recording)
        for target in TARGETS:
            if target not in rows:
                continue
            value = rows[target].to_numpy(dtype=np.float32)
            if np.isinf(value).any():
                at = rows["time"].to_numpy()[np.isinf(value).argmax()]
                raise InputError(
                    f"{path}, recording {recording!r}: infinite {target} of {dimension!r} at "
                    f"{at:g} s; expected a number"
                )
            known = np.isfinite(value)
            if known.any():
                track = np.full(frame[known].max() + 1, np.nan, dtype=np.float32)
                track[frame[known]] = value[known]
                own[Key(kind, dimension, target)] = track


def _frames(time: pd.Series, path: Path, recording: str) -> np.ndarray:
    """Positions on the grid, int64 of shape (n,)."""
    seconds = time.to_numpy(dtype=np.float64)
    where = f"{path}, recording {recording!r}"
    bad = ~((seconds >= 0) & (seconds <= LONGEST))
    if bad.any():
        raise InputError(f"{where}: found time {seconds[bad.argmax()]:g}; expected seconds from 0")
    frame = np.rint(seconds * RATE)
    bad = np.abs(frame / RATE - seconds) > TOLERANCE
    if bad.any():
        raise InputError(
            f"{where}: found time {seconds[bad.argmax()]:g} s; expected multiples of {1 / RATE:g} s"
        )
    known, count = np.unique(frame, return_counts=True)
    if (count > 1).any():
        twice = known[(count > 1).argmax()] / RATE
        raise InputError(f"{where}: found time {twice:g} s twice; expected each once")
    return frame.astype(np.int64)


def add_labels(tracks: Tracks, path: Path, dimensions: Collection[str], delay: float) -> None:
    """Add labels of a table of the stage ``labels``.

    Parameters
    ----------
    tracks
        Gets them.
    path
        Parquet table.
    dimensions
        Requested ones; empty: all.
    delay
        Labels are moved back by this time, and those before 0 are left out [s].
    """
    columns = ["recording", "time", "dimension", *TARGETS]
    table = tables.read(path, columns)
    if delay:
        table["time"] = (table["time"] * RATE - round(delay * RATE)).round() / RATE
        table = table[table["time"] >= 0]
    for (recording, dimension), rows in table.groupby(["recording", "dimension"], sort=False):
        if not dimensions or dimension in dimensions:
            tracks.add(path, str(recording), LABELLED, str(dimension), rows)


def add_wide(tracks: Tracks, path: Path, table: pd.DataFrame, dimensions: Collection[str]) -> None:
    """Add predictions of all dimensions side by side, as ``apply`` and ``softaer predict`` write.

    Parameters
    ----------
    tracks
        Gets them.
    path
        Names the file in errors.
    table
        ``recording``, ``time`` [s], ``<dimension>_E`` and ``<dimension>_sigma``; spread, band,
        evidence and distance are no tracks.
    dimensions
        Requested ones; empty: all.

    Raises
    ------
    InputError
        If there are other columns.
    """
    named: dict[str, dict[str, str]] = {}
    for column in table.columns.difference(["recording", "time"], sort=False):
        dimension, _, target = str(column).rpartition("_")
        if column in (SPEECH, FACE) or (dimension and target in (*OF_DISTRIBUTION, DISTANCE)):
            continue
        if not dimension or target not in TARGETS:
            raise InputError(
                f"{path}: found column {column!r}; expected predictions, with columns time, "
                "<dimension>_E and <dimension>_sigma"
            )
        named.setdefault(dimension, {})[str(column)] = target
    if "time" not in table or not named:
        raise InputError(
            f"{path}: found columns {list(table.columns)}; expected time and <dimension>_E"
        )
    for recording, rows in table.groupby("recording", sort=False):
        for dimension, columns in named.items():
            if not dimensions or dimension in dimensions:
                some = rows[["time", *columns]].rename(columns=columns)
                tracks.add(path, str(recording), PREDICTED, dimension, some)


def add_file(tracks: Tracks, path: Path, dimensions: Collection[str], delay: float) -> str:
    """Add a file, and say whether it has labels or predictions.

    Parameters
    ----------
    tracks
        Gets its tracks.
    path
        CSV of ``softaer predict`` or ``apply``, whose name is the recording's, or a Parquet table
        of one of them or of ``labels``.
    dimensions, delay
        See :func:`add_labels`.

    Raises
    ------
    InputError
        If it is another file.
    """
    if path.suffix == ".parquet":
        columns = tables.columns(path)
        if {"recording", "time", "dimension", *TARGETS} <= set(columns):
            add_labels(tracks, path, dimensions, delay)
            return LABELLED
        if "recording" not in columns:
            raise InputError(f"{path}: found columns {columns}; expected 'recording' among them")
        if set(TARGETS) <= set(columns):
            raise InputError(
                f"{path}: predictions of one dimension, which the file does not name; expected "
                "the folder of results, with --modality, --task and --seed"
            )
        add_wide(tracks, path, tables.read(path), dimensions)
        return PREDICTED
    if path.suffix != ".csv":
        raise InputError(f"{path}: expected .csv or .parquet, or a folder of results")
    try:
        table = pd.read_csv(path)
    except (ValueError, OSError) as error:  # also of pandas' parser, and of the encoding
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    for column in table:
        if not pd.api.types.is_numeric_dtype(table[column]) and len(table):
            text = pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna()
            at = int(text.to_numpy().argmax())
            raise InputError(
                f"{path}, line {at + 2}, column {column!r}: found {table[column].iloc[at]!r}; "
                "expected a number"
            )
    if not len(table):
        tracks.values.setdefault(path.stem, {})
    add_wide(tracks, path, table.assign(recording=path.stem), dimensions)
    return PREDICTED


@dataclass(frozen=True)
class Model:
    """Whose predictions are exported; ``None`` where it is not requested."""

    modality: str | None = None
    task: str | None = None
    seed: int | None = None


def add_results(
    tracks: Tracks,
    results: Path,
    kinds: Collection[str],
    dimensions: Collection[str],
    delay: float,
    model: Model,
) -> list[str]:
    """Add labels and predictions of a folder of results.

    Parameters
    ----------
    tracks
        Gets them.
    results
        Folder of results.
    kinds
        Labels, predictions, or both; empty: what there is.
    dimensions, delay
        See :func:`add_labels`.
    model
        Whose predictions. By default: of the fusion of all modalities or the only modality; of the
        first task in :data:`PREFERRED` that was run; of the lowest seed. Without predictions of the
        corpus, those of ``apply``.

    Returns
    -------
    What was chosen.

    Raises
    ------
    InputError
        If there is none of a requested kind.
    """
    said = []
    labels = sorted(results.glob(within(Path(), LABELS, batch="*").as_posix()))
    if LABELLED in kinds or (not kinds and labels):
        if not labels:
            raise InputError(f"{results}: no labels; expected results of a run with ratings")
        for path in labels:
            add_labels(tracks, path, dimensions, delay)
    found = list(_predictions(results))
    applied = sorted(results.glob(within(Path(), APPLIED, batch="*").as_posix()))
    if PREDICTED in kinds or (not kinds and (found or applied)):
        if found:
            chosen = _chosen(found, results, dimensions, model)
            for path, dimension in chosen.items():
                table = tables.read(path, ["recording", "time", *TARGETS])
                for recording, rows in table.groupby("recording", sort=False):
                    tracks.add(path, str(recording), PREDICTED, dimension, rows)
            said += [f"predictions: {path}" for path in chosen]
        elif applied:
            for path in applied:
                add_wide(tracks, path, tables.read(path), dimensions)
            said.append(f"predictions: {applied[0].parent}")
        else:
            raise InputError(f"{results}: no predictions; expected results of a finished run")
    if not (labels or found or applied):
        raise InputError(f"{results}: no labels and no predictions; expected a folder of results")
    return said


@dataclass(frozen=True)
class _Prediction:
    path: Path
    dimension: str
    modality: str
    task: str
    seed: int


def _predictions(results: Path) -> Iterator[_Prediction]:
    """Final predictions of the corpus in a folder of results."""
    any_one = dict.fromkeys(("dimension", "modality", "task", "fusion", "seed"), "*")
    patterns = {
        POSTPROCESSED: ("dimension", "modality", "task"),
        FUSED: ("dimension", "task"),
        FUSED_SUBSET: ("dimension", "task", "modality"),
    }
    for pattern, places in patterns.items():
        for path in sorted(results.glob(within(Path(), pattern, **any_one).as_posix())):
            seed = path.name.removeprefix("seed").removesuffix(".parquet")
            if not seed.isdigit():
                continue  # steps or coefficients
            names = path.relative_to(results).parts[1:-1]
            own = {"modality": ALL, **dict(zip(places, names, strict=True))}
            yield _Prediction(path, seed=int(seed), **own)


def _chosen(
    found: list[_Prediction], results: Path, dimensions: Collection[str], model: Model
) -> dict[Path, str]:
    """File of each dimension's predictions, and the dimension."""
    known = {one.dimension for one in found}
    if missing := [name for name in dimensions if name not in known]:
        raise InputError(
            f"{results}: no predictions of --dimension {missing[0]!r}; found {sorted(known)}"
        )
    modalities = sorted({one.modality for one in found} - {ALL})
    single = {name for name in modalities if JOIN not in name}
    modality = model.modality
    if modality is None:
        if any(one.modality == ALL for one in found):
            modality = ALL
        elif len(modalities) == 1:
            (modality,) = modalities
        else:
            raise InputError(f"{results}: no fusion; expected --modality, one of {modalities}")
    elif modality not in modalities and set(modality.split(JOIN)) == single and len(single) > 1:
        modality = ALL
    found = _of(found, "modality", modality, results)
    tasks = {one.task for one in found}
    task = model.task or next((name for name in PREFERRED if name in tasks), min(tasks))
    found = _of(found, "task", task, results)
    seed = min(one.seed for one in found) if model.seed is None else model.seed
    some = _of(found, "seed", seed, results)
    wanted = [name for name in sorted(known) if not dimensions or name in dimensions]
    chosen = {one.dimension: one.path for one in some if one.dimension in wanted}
    if missing := [name for name in wanted if name not in chosen]:
        raise InputError(
            f"{results}: no predictions of {missing[0]!r} by --modality {modality} --task {task} "
            f"--seed {seed}; found them for {sorted(chosen)} (--dimension names some)"
        )
    return {path: dimension for dimension, path in chosen.items()}


def _of(found: list[_Prediction], name: str, value: object, results: Path) -> list[_Prediction]:
    some = [one for one in found if getattr(one, name) == value]
    if not some:
        there = sorted({getattr(one, name) for one in found})
        raise InputError(f"{results}: no predictions of --{name} {value}; found {there}")
    return some


def declared_range(results: Path) -> tuple[float, float] | None:
    """Range of the ratings that the configuration of a run declares; ``None`` if it does not.

    It is ``ratings: range``, or else ``to`` of a ``ratings: scale`` for all traces.
    """
    path = within(results, EXPERIMENT)
    if not path.is_file():
        return None
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {error}") from error
    ratings = _section(_section(record, "configuration"), "ratings")
    limits = ratings.get("range") or _section(ratings, "scale").get("to")
    return None if limits is None else (float(limits[0]), float(limits[1]))


def _section(mapping: object, key: str) -> Mapping:
    found = mapping.get(key) if isinstance(mapping, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def of_recordings(tracks: Tracks, recordings: Collection[str]) -> Tracks:
    """The tracks of some recordings.

    Raises
    ------
    InputError
        If one of them is not there.
    """
    if missing := [name for name in recordings if name not in tracks.values]:
        raise InputError(
            f"--recording: found {missing[0]!r}; expected one of {first_few(tracks.values, 8)}"
        )
    own = {n: t for n, t in tracks.values.items() if not recordings or n in recordings}
    return Tracks(own, tracks.origin)
