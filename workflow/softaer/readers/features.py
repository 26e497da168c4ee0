"""Feature tables of one's own: which columns are features, and when each row holds, in seconds.

Times are seconds or milliseconds, and belong to the start or to the centre of the frame from which
a row was computed. What cannot be decided is an error that names the key to set.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable, Media
from softaer.core.grid import TOLERANCE
from softaer.core.listing import first_few
from softaer.readers.feature_files import Place, Source, open_table
from softaer.readers.raters import COUNTERS, Note, plain, words

OF_A_ROW = ("time", "start", "end")
"""Columns of a table that was read: centre, start and end of each row [s]; the others are features.
"""

FASTEST = 1000.0
"""Highest rate of a table [rows/s]. Steps below 1 are therefore seconds, not milliseconds."""

LATE = 1.0
"""Rows may end so much after or before the recording without a note [s]."""

OFF = 0.05
"""The same, as a share of the recording's length."""

FACTOR = 500.0
"""Rows that cover less than one part in so many of the recording are in another unit."""

SECONDS = frozenset(["s", "sec", "secs", "second", "seconds"])
MILLISECONDS = frozenset(["ms", "msec", "msecs", "millisecond", "milliseconds", "millis"])
"""Words in the name of a column of times that state its unit."""

STARTS = ("start", "starttime", "timestart", "begin")
TIMES: Sequence[str] = (
    "time",
    "timestamp",
    "timestamps",
    "frametime",
    "mediatime",
    "videotime",
    *STARTS,
    "",
    "t",
)
"""Names of the column of times, in order, in lower case, letters only, without a unit."""

ENDS = ("end", "endtime", "timeend", "stop", "stoptime")
"""Names of the column with the ends of rows."""

NUMBERED = ("sample", "frame", "samples", "frames", "framenumber", "frameid", "index")
"""Names of the column with the numbers of rows, for ``unit: samples``."""

FACES = ("faceid", "face")
SUCCESS = "success"

METADATA = (
    COUNTERS
    | {*FACES, SUCCESS, "confidence"}
    | {
        "unnamed", "indexlevel0", "name", "names", "id", "file", "filename", "filepath", "path",
        "video", "clip", "recording", "subject", "subjectid", "participant", "participantid",
        "speaker", "speakerid", "frameid", "partition", "split", "culture", "date",
    }
)  # fmt: skip
"""Names of columns that are no features, besides times; in lower case, letters and digits only."""


def read_features(
    path: Path | str,
    settings: FeatureTable | None = None,
    length: float | None = None,
    limits: Media | None = None,
    note: Note = print,
) -> pd.DataFrame:
    """Read a feature table.

    Parameters
    ----------
    path
        CSV (any separator, with or without header), ARFF, Parquet, NPY, or NPZ with one array.
    settings
        How it is read.
    length
        Length of the recording's media [s]; ``None`` or NaN if unknown.
    limits
        ``max_size`` of a file and ``max_duration`` of a recording.
    note
        Called with notes on what was unusual.

    Returns
    -------
    Table with float64 ``time`` (centre of a row's frame), ``start`` and ``end`` (the time for which
    a row holds: start <= t < end), all in s, and one float32 column per feature; NaN where there is
    no value. Rows are sorted by their start. A row with an end holds to its end. One without holds
    for ``frame``; if ``frame`` is 0, to the start of the next row (the last one for the median
    step), at most for ``max_gap``.

    Raises
    ------
    InputError
        If the file is invalid; names the line (row) and column of a cell that is not a number, is
        infinite, or does not fit float32. Also for times that do not increase, times in an unknown
        unit, different rows at the same time, more than 1,000 rows per second, and a length that
        does not fit the media's.
    """
    settings = settings or FeatureTable()
    limits = limits or Media()
    length = None if length is None or math.isnan(length) else length
    source = open_table(Path(path), limits)
    plan = _plan(source, settings)
    roles, values, lines = source.read(list(plan.roles.values()), plan.features)
    if len(values) == 0:
        raise InputError(f"{path}: no rows; expected at least one")
    column = dict(zip(plan.roles, roles.T, strict=True))
    place = Place(path, source.word, lines)
    kept = _of_one_face(column, settings, place, note)
    column = {name: numbers[kept] for name, numbers in column.items()}
    values, place = values[kept], Place(path, source.word, lines[kept])
    first, end = _seconds(column, plan, settings, length, limits, place, note)
    kept = _once(first, end, values, place, note)
    column = {name: numbers[kept] for name, numbers in column.items()}
    values, first, end = values[kept], first[kept], end[kept]
    values[_is_lost(column, len(values), settings)] = np.nan
    if np.isnan(values).all():
        note("no row has values")
    time, start, end = _frames(first, end, settings, note)
    if end.max() > limits.max_duration:
        raise InputError(
            f"{path}: times reach {end.max():.10g} s; expected at most {limits.max_duration:g} s "
            "from the recording's start (media.max_duration)"
        )
    _refuse_other_length(time, float(end.max()), length, "time" in column, path, note)
    table = pd.DataFrame(values, columns=plan.names)
    for name, numbers in zip(reversed(OF_A_ROW), (end, start, time), strict=True):
        table.insert(0, name, numbers)
    return table


def feature_columns(
    path: Path | str, settings: FeatureTable | None = None, limits: Media | None = None
) -> tuple[list[str], list[str]]:
    """Names of the features of a table, and of its other columns; no rows are read.

    Raises
    ------
    InputError
        If the file cannot be read or has no features.
    """
    source = open_table(Path(path), limits or Media())
    names = _plan(source, settings or FeatureTable()).names
    return names, [name for name in source.names if name and name not in names]


def refuse_other_columns(
    names: Sequence[str], path: object, expected: Sequence[str], other: object
) -> None:
    """Refuse a table with other features than that of another recording.

    Raises
    ------
    InputError
        Names both files and the columns that differ.
    """
    if list(names) == list(expected):
        return
    missing = [name for name in expected if name not in set(names)]
    surplus = [name for name in names if name not in set(expected)]
    differing = [
        f"{what} {first_few(map(repr, columns))}"
        for what, columns in (("lacks", missing), ("has additional", surplus))
        if columns
    ]
    raise InputError(
        f"{path}: found {len(names)} columns of features, {other} has {len(expected)}; "
        f"{path} {' and '.join(differing) or 'has them in another order'}; expected the same "
        "columns in all recordings ('columns' selects some)"
    )


@dataclass(frozen=True)
class _Plan:
    """What is read from a file: the place of each special column, and of the features."""

    roles: dict[str, int]
    features: list[int]
    names: list[str]
    unit: str | None
    time: str | None


def _plan(source: Source, settings: FeatureTable) -> _Plan:
    path, names = source.path, source.names
    if len(set(names) - {""}) < len([name for name in names if name]):
        twice = sorted({name for name in names if name and names.count(name) > 1})
        raise InputError(f"{path}: columns {first_few(map(repr, twice))} occur twice")
    roles: dict[str, int] = {}
    unit = time = None
    if source.named:
        roles, unit = _roles(path, names, settings)
    elif source.first_number is not None and (settings.rate is None or settings.unit == "samples"):
        roles = {"time": source.first_number}
    if "time" in roles:
        time = names[roles["time"]]
    elif settings.rate is None:
        raise InputError(
            f"{path}: found columns {first_few(map(repr, names), 6)}, none of them a time; "
            "expected one called 'time', 'timestamp' or 'start', or its name in the key 'time', or "
            "the number of rows per second in the key 'rate'"
        )
    features = [
        place
        for place, name in enumerate(names)
        if place not in roles.values()
        and place not in source.text
        and not (source.named and _is_metadata(name))
    ]
    if settings.columns is not None:
        features = [place for place in features if re.search(settings.columns, names[place])]
    if not features:
        which = f" that match {settings.columns!r}" if settings.columns is not None else ""
        raise InputError(
            f"{path}: found columns {first_few(map(repr, names), 6)}; expected features{which}"
        )
    return _Plan(roles, features, [names[place] for place in features], unit, time)


def _is_metadata(name: str) -> bool:
    is_time = _without_unit(name)[0] in {*TIMES[:-2], *ENDS}
    return not name or is_time or plain(name) in METADATA


def _roles(
    path: Path, names: Sequence[str], settings: FeatureTable
) -> tuple[dict[str, int], str | None]:
    """Places of the special columns of a file with names, and the unit that a name states."""
    plains = [plain(name) for name in names]
    parts = [_without_unit(name) for name in names]
    roles: dict[str, int] = {}
    if settings.time is not None:
        roles["time"] = _named(settings.time, "time", names, path)
    elif settings.unit == "samples":
        found = [plains.index(name) for name in NUMBERED if name in plains]
        found += [place for place, part in enumerate(parts) if part[0] in TIMES[:3]]
        if not found:
            raise InputError(
                f"{path}: found columns {first_few(map(repr, names), 6)}; expected one with the "
                "numbers of samples, called 'sample' or 'frame', or its name in the key 'time'"
            )
        roles["time"] = found[0]
    else:
        has_ends = any(part[0] in ENDS for part in parts)
        order = [*STARTS, *TIMES] if has_ends else TIMES
        bare = [part[0] if names[place] else None for place, part in enumerate(parts)]
        found = [bare.index(name) for name in order if name in bare]
        if found:
            roles["time"] = found[0]
    if settings.rate is not None and settings.unit != "samples":
        roles.pop("time", None)
    if "time" in roles:
        roles.update(("end", k) for k, part in enumerate(parts) if part[0] in ENDS)
    for role, known in (("face", FACES), ("success", [SUCCESS])):
        at = [plains.index(name) for name in known if name in plains]
        roles.update((role, place) for place in at[:1])
    if settings.confidence in names or settings.confidence != FeatureTable.confidence:
        roles["confidence"] = _named(settings.confidence, "confidence", names, path)
    elif settings.min_confidence:
        _named(settings.confidence, "min_confidence", names, path)
    unit = parts[roles["time"]][1] if "time" in roles else None
    return roles, unit


def _named(name: str, key: str, names: Sequence[str], path: Path) -> int:
    if name not in names:
        raise InputError(
            f"{path}: found columns {first_few(map(repr, names), 6)}; "
            f"expected {name!r} (key {key!r})"
        )
    return list(names).index(name)


def _without_unit(name: str) -> tuple[str, str | None]:
    """A name of times in plain form, without the unit; and the unit.

    Examples
    --------
    >>> _without_unit("Time [ms]"), _without_unit("frameTime"), _without_unit("sec")
    (('time', 'ms'), ('frametime', None), ('', 's'))
    """
    units = [
        unit
        for word in words(name)
        for unit, known in (("s", SECONDS), ("ms", MILLISECONDS))
        if word in known
    ]
    rest = [word for word in words(name) if word not in SECONDS | MILLISECONDS]
    return "".join(rest), units[0] if units else None


def _of_one_face(
    column: dict[str, np.ndarray], settings: FeatureTable, place: Place, note: Note
) -> np.ndarray:
    """Which rows belong to the chosen face."""
    faces = column.get("face")
    wanted = settings.face
    if faces is None:
        if isinstance(wanted, int):
            raise InputError(
                f"{place.path}: no column of faces; expected 'face_id', or another 'face' than "
                f"{wanted}"
            )
        return np.ones(len(place.lines), dtype=bool)
    found = list(dict.fromkeys(faces[~np.isnan(faces)].tolist()))
    if not found:
        raise InputError(f"{place.path}: no number of a face in any row; expected one")
    if wanted == "first":
        wanted = int(found[0])
    elif wanted == "confident":
        weight = np.nan_to_num(column.get("confidence", np.ones(len(faces))))
        wanted = int(max(found, key=lambda face: weight[faces == face].sum()))
    kept = faces == wanted
    if not kept.any():
        ids = first_few(f"{face:g}" for face in found)
        raise InputError(f"{place.path}: found faces {ids}; expected {wanted} (key 'face')")
    if len(found) > 1:
        if settings.rate is not None and "time" not in column:
            raise InputError(
                f"{place.path}: several faces per frame, so row numbers are no times; expected a "
                "column of times, or unit: samples"
            )
        note(
            f"face {wanted} of {len(found)} is used ({settings.face}); "
            f"{int((~kept).sum())} rows of others are left out"
        )
    return kept


def _seconds(
    column: dict[str, np.ndarray],
    plan: _Plan,
    settings: FeatureTable,
    length: float | None,
    limits: Media,
    place: Place,
    note: Note,
) -> tuple[np.ndarray, np.ndarray]:
    """Times and ends of the rows [s]; ends are NaN if there are none."""
    nothing = np.full(len(place.lines), np.nan)
    if "time" not in column:
        assert settings.rate is not None
        return np.arange(len(place.lines)) / settings.rate, nothing
    time, end = column["time"], column.get("end", nothing)
    for name, numbers in (("time", time), ("end", end)):
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if name in column and len(wrong):
            raise InputError(
                f"{place.of(wrong[0])}: found no {name} of the row; expected a number in every row"
            )
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        raise InputError(
            f"{place.of(back[0] + 1)}, column {plan.time!r}: found {time[back[0] + 1]:.10g} after "
            f"{time[back[0]]:.10g}; expected times that increase"
        )
    early = np.flatnonzero(end < time)
    if len(early):
        raise InputError(
            f"{place.of(early[0])}: the row ends at {end[early[0]]:.10g}, and starts at "
            f"{time[early[0]]:.10g}; expected an end after the start"
        )
    if settings.unit == "samples":
        if settings.rate is None:
            raise InputError(f"{place.path}: unit: samples; expected 'rate' as well")
        scale, shift = settings.rate, float(time[0] == 1.0)
        return (time - shift) / scale, (end - shift) / scale
    last = float(np.fmax(time[-1], np.fmax.reduce(end)))
    steps = np.diff(np.unique(time))
    step = float(np.median(steps)) if len(steps) else math.nan
    unit = plan.unit if settings.unit == "found" else settings.unit
    unit = unit or _unit(last, step, length, limits, place.path, plan.time)
    scale = 1000.0 if unit == "ms" else 1.0
    if step / scale < 0.999 / FASTEST:
        raise InputError(
            f"{place.path}, column {plan.time!r}: found a row every {step / scale:.3g} s; expected "
            f"at most {FASTEST:,.0f} rows per second ('unit' states the unit of the times)"
        )
    is_smile = plan.time is not None and plain(plan.time) == "frametime"
    if is_smile and settings.anchor == "centre" and not settings.frame:
        note(
            "times are in 'frameTime', which openSMILE writes for the start of a frame; they are "
            "used as its centre (anchor: start and frame: ... shift them)"
        )
    return time / scale, end / scale


def _unit(
    last: float,
    step: float,
    length: float | None,
    limits: Media,
    path: Path | str,
    name: str | None,
) -> str:
    """Unit of times that nobody states: what is possible, and if both are, what fits the media."""
    if step < 1.0 or last <= 0.0:
        return "s"  # milliseconds would be more than 1,000 rows per second
    if last > limits.max_duration:
        return "ms"  # seconds would be longer than any recording
    if length:
        off = {unit: abs(math.log(last / scale / length)) for unit, scale in _SCALES.items()}
        return min(off, key=lambda unit: off[unit])
    raise InputError(
        f"{path}, column {name!r}: times up to {last:g} may be seconds or milliseconds, and "
        "the recording's length is not known; expected the key 'unit': s or ms"
    )


_SCALES = {"s": 1.0, "ms": 1000.0}


def _once(
    time: np.ndarray, end: np.ndarray, values: np.ndarray, place: Place, note: Note
) -> np.ndarray:
    """Which rows are kept, of equal rows at the same time the first."""
    same = np.abs(np.diff(time)) <= TOLERANCE
    same &= np.isnan(end[1:]) | (np.abs(np.diff(end)) <= TOLERANCE)
    for row in np.flatnonzero(same):
        if not np.array_equal(values[row], values[row + 1], equal_nan=True):
            raise InputError(
                f"{place.of(row + 1)}: found the time of {place.word} {place.lines[row]} again "
                f"({time[row]:.10g} s) with other values; expected one row per time"
            )
    if same.any():
        note(f"{int(same.sum())} rows are there twice; one of each is used")
    return np.append(True, ~same)


def _is_lost(column: dict[str, np.ndarray], rows: int, settings: FeatureTable) -> np.ndarray:
    """Which rows have no values: too little confidence, or none, or no success."""
    confidence = np.nan_to_num(column.get("confidence", np.full(rows, np.inf)))
    success = column.get("success", np.ones(rows))
    return (confidence == 0) | (confidence < settings.min_confidence) | (success == 0)


def _frames(
    first: np.ndarray, end: np.ndarray, settings: FeatureTable, note: Note
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre, start and end of each row [s]."""
    if not np.isnan(end).all():
        return (first + end) / 2, first, end
    if settings.frame:
        start = first if settings.anchor == "start" else first - settings.frame / 2
        return start + settings.frame / 2, start, start + settings.frame
    steps = np.diff(first)
    if len(steps) and np.median(steps) > settings.max_gap:
        note(f"rows are {np.median(steps):g} s apart and hold for {settings.max_gap:g} s (max_gap)")
    last = np.median(steps) if len(steps) else np.inf  # like the others, for one step
    until = np.append(first[1:], first[-1] + last)
    return first, first, np.minimum(until, first + settings.max_gap)


def _refuse_other_length(
    time: np.ndarray,
    last: float,
    length: float | None,
    is_written: bool,
    path: Path | str,
    note: Note,
) -> None:
    """Compare the rows with the media: another unit is an error, a small difference a note.

    Without times in the file (``is_written``), nothing else vouches for the rate, so that a
    difference of more than a note's is an error as well.
    """
    if not length:
        return
    tolerance = max(LATE, OFF * length)
    late = int((time > length + tolerance).sum())
    found = f"{len(time)} rows end at {last:.6g} s, the recording at {length:.6g} s"
    fits = f"{len(time) / length:.4g} rows per second would fit"
    if late > len(time) / 2 or last < length / FACTOR:
        raise InputError(
            f"{path}: {found}; expected seconds from its start ('unit': s or ms; or 'rate': {fits})"
        )
    if abs(last - length) > tolerance:
        if not is_written:
            raise InputError(f"{path}: {found}; expected the recording's length ('rate': {fits})")
        note(f"{found}; {fits}")
