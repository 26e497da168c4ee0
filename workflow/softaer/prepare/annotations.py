"""Finds the rating files of recordings among CSV files, by name, folder and header."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from softaer.core.errors import InputError
from softaer.prepare.persons import composed
from softaer.readers.columns import TIME
from softaer.readers.delimited import read_annotations
from softaer.readers.raters import plain
from softaer.signals.turns import ENCODINGS

HEAD = 65_536
"""Bytes of a file that are read to classify it."""

MOST_RATERS = 50
"""A wide file with more columns is probably a table of features. Our choice."""

DIMENSIONS = frozenset(
    {
        *("activation", "activity", "anticipation", "arousal", "attention", "boredom"),
        *("confidence", "control", "dominance", "engagement", "expectancy", "frustration"),
        *("intensity", "interest", "liking", "pleasure", "power", "rapport", "stress", "tension"),
        *("trust", "trustworthiness", "valence"),
    }
)
"""Common dimensions. Columns of a wide file with these names are not raters."""

VERSIONS = frozenset(
    {
        *("backup", "clean", "cleaned", "copy", "corrected", "filtered", "final", "interpolated"),
        *("new", "normalised", "normalized", "old", "original", "processed", "raw", "resampled"),
        *("smooth", "smoothed", "v1", "v2", "v3"),
    }
)
"""Names of folders with versions of the same ratings, which are not dimensions."""

_FEATURES = (
    ("OpenFace", re.compile(r"face_id|success|(gaze|pose|eye_lmk)_\w+|au\d\d_[cr]")),
    ("openSMILE", re.compile(r"frametime|.*_sma(3|_.*|\[.*|3.*)?|pcm_.*|f0.*|mfcc.*")),
)

_MEASURED = re.compile(
    r"(ecg|ekg|eda|eeg|emg|gsr|scl|scr|bvp|ppg|ibi|rri|hrv|bpm|spo2|rsp|resp|skt)([-_ .\d[(].*)?"
    r"|heart[-_ ]?rate|pulse|respiration|(skin[-_ ]?)?temp(erature)?|pupil.*|gaze.*|rmssd"
    r"|(acc|gyro?|mag)[-_ ]?[xyz]|([xyz]|px|py)[-_ ]?\d+|"
    r"(lm|landmark|kp|keypoint|point)s?[-_ ]?.*\d.*"
    r"|pitch|loudness|rms|energy|zcr|jitter|shimmer|hnr"
)
_MAYBE_MEASURED = frozenset({"hr", "rr", "x", "y", "z"})
"""The same for names that may be initials: only if all columns are of these kinds."""


@dataclass(frozen=True)
class Sheet:
    """Kind of a CSV file, according to its first lines.

    Attributes
    ----------
    reason
        Reason why it does not count as ratings; ``None`` if it does.
    long
        Whether it has columns ``rater`` and ``dimension``.
    raters
        Raters in its first lines.
    """

    reason: str | None = None
    long: bool = False
    raters: tuple[str, ...] = ()


def why_no_ratings(path: Path) -> str | None:
    """Reason why a CSV file does not count as ratings, or ``None``: see :func:`look_at`."""
    return look_at(path).reason


def look_at(path: Path) -> Sheet:
    """Kind of a CSV file, according to its first :data:`HEAD` bytes.

    It counts as ratings if :func:`~softaer.readers.delimited.read_annotations` reads its first
    lines, and its columns are not features, measurements of sensors, or dimensions in place of
    raters.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    whole = len(head) < HEAD
    if not whole:
        head = head[: head.rfind(b"\n") + 1]
        if not head:
            return Sheet(f"its first line has more than {HEAD} bytes")
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        return Sheet("it is empty")
    encoding = _other_encoding(head)
    if encoding is not None:
        return Sheet(encoding)
    first = head.decode("utf-8-sig").lstrip().partition("\n")[0]
    separator = max(";,\t", key=first.count)
    columns = [cell.strip(" \r\"'").lower() for cell in first.split(separator)]
    for tool, names in _FEATURES:
        if any(map(names.fullmatch, columns)):
            return Sheet(f"it has columns of {tool}")
    if len(columns) == 2 and re.match("start|begin|onset|from", columns[0]):
        return Sheet("it contains turns (start and end)")
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "head.csv"
        part.write_bytes(head)
        try:
            table = read_annotations(part, "any")
        except InputError as error:
            if "time" not in columns:
                more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
                words = f"it has no column 'time'; its first line is {', '.join(columns[:4])}{more}"
                return Sheet(words[:200])
            return Sheet(str(error).removeprefix(str(part)).lstrip(",: ")[:200])
    if whole and table.empty:
        return Sheet("it has only a header")
    if (reason := no_raters(columns)) is not None:
        return Sheet(reason)
    return Sheet(long="rater" in columns, raters=tuple(dict.fromkeys(table["rater"])))


def no_raters(columns: Sequence[str]) -> str | None:
    """Reason why the columns of a table are not raters; ``None`` if they may be.

    Parameters
    ----------
    columns
        Names in lower case.
    """
    for tool, names in _FEATURES:
        if any(map(names.fullmatch, columns)):
            return f"it has columns of {tool}"
    raters = {name for name in columns if plain(name) not in TIME}
    if "rater" not in columns and len(raters) > MOST_RATERS:
        return f"it has {len(raters)} columns besides 'time', too many for raters"
    if raters and raters <= DIMENSIONS:
        return (
            f"its columns are dimensions ({', '.join(sorted(raters))}), not raters; "
            "expected one file for each, or columns time, rater, dimension, value"
        )
    measured = {name for name in raters if _MEASURED.fullmatch(name)}
    if raters and (2 * len(measured) >= len(raters) or raters - measured <= _MAYBE_MEASURED):
        words = ", ".join([name for name in columns if name in raters][:4])
        return f"it has columns of features or sensors ({words})"
    return None


def _other_encoding(head: bytes) -> str | None:
    """Reason why the first lines of a file are not text in UTF-8; ``None`` if they are."""
    mark = next((mark for mark in ENCODINGS if head.startswith(mark)), None)
    if mark is not None:
        return f"it is encoded in {ENCODINGS[mark]}; expected text in UTF-8"
    if b"\0" in head:
        return "it contains bytes of value 0, as UTF-16 does; expected text in UTF-8"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        byte = head[error.start]
        return f"line {line} contains byte 0x{byte:02x}, which is not UTF-8 but perhaps Latin-1"
    return None


def assign(
    sheets: Sequence[Path], recordings: Mapping[str, Sequence[Path]]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Assign files to recordings of the same name.

    Parameters
    ----------
    sheets
        Files below the corpus's folder that are named like the recordings' media.
    recordings
        Media files of each recording of that name, below the folder.

    Returns
    -------
    own, doubtful
        Files of each recording, and files without a unique recording. If recordings are in
        different folders, a file belongs to the one with which it shares most folder names.
    """
    own: dict[str, list[Path]] = {name: [] for name in recordings}
    doubtful = []
    folders = {
        name: {part for path in paths for part in composed(path).parent.parts}
        for name, paths in recordings.items()
    }
    for sheet in sheets:
        common = {
            name: len(own_ & set(composed(sheet).parent.parts)) for name, own_ in folders.items()
        }
        best = [name for name, count in common.items() if count == max(common.values())]
        # Two media files of one name in one folder may be one recording; the user decides.
        if len({tuple(sorted(p.parent for p in recordings[name])) for name in best}) > 1:
            doubtful.append(sheet)
            continue
        for name in best:
            own[name].append(sheet)
    return own, doubtful


def annotations_cell(sheets: Sequence[Path], long: Sequence[bool] = ()) -> str | None:
    """Cell of the corpus table for the rating files of one recording; ``None`` if unclear.

    Files whose paths differ in the name of one folder have one dimension each. The cell is unclear
    if some files are long and others wide, if the folders are versions (:data:`VERSIONS`), or if
    the files are long and no folder is named after a dimension.

    Parameters
    ----------
    sheets
        The files.
    long
        Whether each of them is long; if empty, none is.

    Examples
    --------
    >>> annotations_cell([Path("r/arousal/p1.csv"), Path("r/valence/p1.csv")])
    'r/{dimension}/p1.csv'
    >>> annotations_cell([Path("r/raw/p1.csv"), Path("r/clean/p1.csv")]) is None
    True
    """
    if len(sheets) < 2:
        return str(sheets[0]) if sheets else None
    parts = [sheet.parts for sheet in sheets]
    if len({len(part) for part in parts}) > 1:
        return None
    differing = [
        place for place, names in enumerate(zip(*parts, strict=True)) if len(set(names)) > 1
    ]
    if len(differing) != 1 or differing[0] == len(parts[0]) - 1:
        return None
    folders = [part[differing[0]] for part in parts]
    # raw and clean are one dimension; arousal_raw and valence_raw are two.
    named = {frozenset(re.split(r"[\W_]+", folder.lower())) - VERSIONS for folder in folders}
    if len(set(long)) > 1 or len(named) < len(folders) or not all(named):
        return None
    if any(long) and not any(map(is_dimension, folders)):
        return None
    pattern = list(parts[0])
    pattern[differing[0]] = "{dimension}"
    return str(Path(*pattern))


def is_dimension(folder: str) -> bool:
    """Whether a folder is named after a dimension, such as ``Valence_v2``."""
    return bool(DIMENSIONS & set(re.split(r"[\W\d_]+", folder.lower())))
