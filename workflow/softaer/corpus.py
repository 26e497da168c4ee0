"""The corpus table: recordings, their subjects and their files.

``recordings.csv`` has one row per recording; its columns are the fields of :class:`Row`. This
module is imported when the Snakefile is parsed, so it imports nothing heavy.
"""

import hashlib
import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from annotated_types import MaxLen, Predicate

from softaer.core.errors import InputError
from softaer.core.fields import Section, alternatives, found, types
from softaer.core.patterns import Match, files_of, fill, matches, places, shared, with_data
from softaer.core.sheets import read_lines

Partition = Literal["train", "dev", "test"]
PARTITIONS: tuple[Partition, ...] = get_args(Partition)
"""Parts of the corpus; no subject belongs to two of them."""

Name = Annotated[
    str,
    MaxLen(100),
    Predicate(re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*").fullmatch),
    "a name of letters, digits, '_', '-' and '.', not starting with '-' or '.'",
]
Number = Annotated[str, Predicate(re.compile(r"[1-9][0-9]*").fullmatch), "a number, from 1"]


@dataclass(frozen=True)
class Row(Section):
    """A row of recordings.csv; all values are text, and an empty cell counts as missing."""

    recording: Name
    subject: str | None = None
    """the person in the recording; a subject belongs to one partition"""
    partition: Partition | None = None
    media: str | None = None
    """a file with sound and video"""
    audio: str | None = None
    """a file with sound, if sound and video are in two files"""
    video: str | None = None
    """a file with video, if sound and video are in two files"""
    annotations: str | None = None
    """a file of ratings; {dimension} in its path stands for the dimension's name, {rater} for any
    rater's, {recording} for the recording's"""
    turns: str | None = None
    """a file of the subject's turns, start and end [s] in each line"""
    batch: Name | None = None
    """recordings with the same value are processed in one job"""
    group: str | None = None
    """what belongs together, such as a session or a dyad; a group belongs to one partition"""
    audio_stream: Number | None = None
    """number of the audio stream in its file"""
    video_stream: Number | None = None
    """number of the video stream in its file"""
    channel: Number | None = None
    """number of the channel with the subject's microphone"""
    face: Literal["left", "right", "largest"] | None = None
    """which of several faces is the subject's"""


COLUMNS = tuple(column.name for column in fields(Row))
"""Columns that recordings.csv may have."""

PATHS = ("media", "audio", "video", "annotations", "turns")
"""Columns that contain paths."""

TIDIED = ("subject", "group", "partition")
"""Columns with names of people, and of what they belong to."""

BLANKS = "".join(map(chr, (9, 10, 13, 32, 0xA0, 0x200B, 0xFEFF)))
"""Blanks, including invisible ones."""

CHOICES = ("audio_stream", "video_stream", "channel", "face")
"""Columns that select the subject's part of a media file."""

CLOCKS_APART = 10.0
"""Allowed difference between the clocks of machines that share files [s]."""

LONGEST_ARGUMENTS = 120_000
"""Bytes that a batch's recordings may take in a command; Linux allows 128 KiB."""


@dataclass(frozen=True)
class Recording:
    """A row of the corpus table with its paths resolved; ``None`` where a cell is empty."""

    recording: str
    batch: str
    subject: str | None = None
    partition: str | None = None
    audio: str | None = None
    video: str | None = None
    annotations: str | None = None
    turns: str | None = None
    group: str | None = None
    audio_stream: str | None = None
    video_stream: str | None = None
    channel: str | None = None
    face: str | None = None

    def given(self, column: str) -> str:
        """The value of a column that may be empty in general, but not here.

        Raises
        ------
        InputError
            If it is empty; names recording and column.
        """
        cell = getattr(self, column)
        if cell is None:
            raise InputError(f"recording {self.recording!r} has no {column!r}; expected one")
        return cell

    def annotation_files(self, dimensions: Iterable[str]) -> list[str]:
        """Annotation files of a rated recording, each once.

        A path with ``{rater}`` stands for all files that match; if none does, it is returned.
        """
        pattern = fill(self.given("annotations"), recording=self.recording)
        found = [
            path
            for dimension in dimensions
            for match in files_of(pattern, [dimension])
            or [Match(fill(pattern, dimension=dimension))]
            for path in with_data(match.path)
        ]
        return list(dict.fromkeys(found))


def read_rows(path: Path | str, others: Iterable[str] | None = ()) -> dict[int, dict[str, str]]:
    """Rows of recordings.csv as text, without empty cells, by the number of their (last) line.

    Parameters
    ----------
    path
        Of the table.
    others
        Columns of the user's own that it may have besides :data:`COLUMNS`; ``None``: any.

    Raises
    ------
    InputError
        If the file does not exist, is not UTF-8 CSV with a header, or has a row with too many
        cells.
    """
    # A path may start with blanks.
    source = read_lines(path, "file; expected the table of recordings", blanks=True)
    _, header = next(source, (1, []))
    known = {*COLUMNS, *(header if others is None else others)}
    if not known.issuperset(header) or "recording" not in header or len(set(header)) != len(header):
        other = ", with commas between them" if len(header) == 1 else ""
        raise InputError(
            f"{path}, line 1: found columns {header}; "
            f"expected 'recording' and any of {list(COLUMNS[1:])}, each once{other}; "
            "the config key 'evaluation.groups' names columns of your own"
        )
    rows = {line: cells for line, cells in source if cells}
    for line, cells in rows.items():
        if len(cells) > len(header):
            raise InputError(f"{path}, line {line}: {len(cells)} cells; expected {len(header)}")
    return {
        line: {
            name: tidy
            for name, cell in zip(header, cells, strict=False)
            if (tidy := _tidied(name, cell))
        }
        for line, cells in rows.items()
    }


def _tidied(column: str, cell: str) -> str:
    """A name without blanks at its ends, in one form of Unicode; other cells are unchanged.

    Names that differ only in this way belong to the same person.
    """
    if not cell or column not in TIDIED:
        return cell
    return unicodedata.normalize("NFC", cell).strip(BLANKS)


def validate_rows(
    rows: Mapping[int, dict[str, str]], where: object, without_media: bool = False
) -> None:
    """Check each row of the table, and the consistency of rows.

    Parameters
    ----------
    rows
        From :func:`read_rows`.
    where
        Names the table in errors.
    without_media
        Whether a recording may have no media, because it has feature tables.

    Raises
    ------
    InputError
        Names row and column of the first error.
    """
    from pydantic import TypeAdapter, ValidationError

    if not rows:
        raise InputError(f"{where}: no recordings; expected at least one row below the header")
    own = [{name: row[name] for name in row if name in COLUMNS} for row in rows.values()]
    try:
        TypeAdapter(list[Row]).validate_python(own)
    except ValidationError as error:
        place: Sequence[Any] = error.errors()[0]["loc"]
        line = list(rows)[place[0]]
        words = _explain(place[1], rows[line])
        raise InputError(f"{where}, line {line}{words}") from None
    partition_of: dict[tuple[str, str], tuple[str, int]] = {}
    line_of: dict[str, int] = {}
    for line, row in rows.items():
        if not (without_media or "media" in row or "audio" in row or "video" in row):
            raise InputError(
                f"{where}, line {line}: recording {row['recording']!r} has no file; "
                "expected a path in 'media', 'audio' or 'video' (or a modality of source 'table')"
            )
        if "media" in row and ("audio" in row or "video" in row):
            raise InputError(
                f"{where}, line {line}, column 'media': found together with 'audio' or 'video'; "
                "expected either one file or one for each"
            )
        name = row["recording"]
        if name in line_of:
            raise InputError(
                f"{where}, line {line}, column 'recording': found {name!r} again after line "
                f"{line_of[name]}; expected each recording once"
            )
        line_of[name] = line
        for column in ("subject", "group"):
            if column not in row or "partition" not in row:
                continue
            key = column, row[column]
            known, seen = partition_of.setdefault(key, (row["partition"], line))
            if known != row["partition"]:
                raise InputError(
                    f"{where}, line {line}, column 'partition': {column} {row[column]!r} is in "
                    f"{row['partition']!r} here and in {known!r} on line {seen}; "
                    f"expected each {column} in one partition"
                )


def _explain(column: str, row: Mapping[str, str]) -> str:
    if column not in COLUMNS:
        return f": found column {column!r}; expected any of {list(COLUMNS)}"
    if column not in row:
        return f": no {column!r}; expected one"
    return f", column {column!r}: {found(row[column], alternatives(types(Row)[column])[0])}"


def resolve(rows: Iterable[Mapping[str, str]], folder: Path | str) -> list[Recording]:
    """Recordings, with paths in the table made relative to the working directory.

    A recording without a batch becomes its own batch.
    """

    def path(cell: str | None) -> str | None:
        if cell is None:
            return None
        joined = os.path.join(folder, cell)
        # Path normalises it too, but takes twenty times as long.
        return str(Path(joined)) if "./" in joined or "//" in joined else joined

    return [
        Recording(
            recording=row["recording"],
            batch=row.get("batch", row["recording"]),
            subject=row.get("subject"),
            partition=row.get("partition"),
            audio=path(row.get("media", row.get("audio"))),
            video=path(row.get("media", row.get("video"))),
            annotations=path(row.get("annotations")),
            turns=path(row.get("turns")),
            **{name: row[name] for name in ("group", *CHOICES) if name in row},
        )
        for row in rows
    ]


def with_files(recordings: list[Recording], pattern: str | None, where: object) -> list[Recording]:
    """Recordings with the files that ``ratings.files`` names.

    Parameters
    ----------
    recordings
        Of the corpus.
    pattern
        Path with ``{recording}``, relative to the working directory; ``None``: the table has the
        paths.
    where
        Names the table in errors.

    Returns
    -------
    The same recordings; those for which no file exists have no annotations.

    Raises
    ------
    InputError
        If the table has paths as well, or no recording has a file.
    """
    if pattern is None:
        return recordings
    if "recording" not in places(pattern):
        raise InputError(
            f"config key 'ratings.files': found {pattern!r}; expected '{{recording}}' in it"
        )
    both = next((r.recording for r in recordings if r.annotations is not None), None)
    if both is not None:
        raise InputError(
            f"config key 'ratings.files': found {pattern!r}, and {where} has annotations of "
            f"{both!r}; expected only one of them"
        )
    own = {r.recording: fill(pattern, recording=r.recording) for r in recordings}
    rated = {name for name, path in own.items() if matches(path)}
    if not rated:
        raise InputError(
            f"config key 'ratings.files': no file matches {pattern!r} for a recording of {where} "
            "(softaer import shows what matches)"
        )
    return [
        replace(r, annotations=own[r.recording]) if r.recording in rated else r for r in recordings
    ]


def read_recordings(path: Path) -> list[Recording]:
    """Recordings of a validated table."""
    return resolve(read_rows(path, None).values(), Path(path).parent)


def check_files(recordings: Iterable[Recording], dimensions: Sequence[str], where: object) -> None:
    """Check that the files of the corpus exist.

    Snakemake treats results as valid if their inputs no longer exist. This is right for
    recordings that were removed after extraction, and is reported on the error
    stream. Annotations are small, so there is no reason to remove them.

    Raises
    ------
    InputError
        If an annotation file does not exist, or Snakemake cannot handle a path or its time stamp.
    """
    absent = []
    recordings = list(recordings)
    _check_raters(recordings, dimensions, where)
    for recording in recordings:
        name = recording.recording
        if recording.annotations is not None:
            for path in recording.annotation_files(dimensions):
                if not os.path.exists(path):
                    raise InputError(
                        f"{where}: recording {name!r}: no such annotation file: {path}"
                        + (" (softaer import shows what matches)" if "{" in path else "")
                    )
                _require_usual(path, name, where)
        files = filter(None, (recording.audio, recording.video, recording.turns))
        for path in dict.fromkeys(files):
            _require_usual(path, name, where)
            if path != recording.turns and not os.path.exists(path):
                absent.append(path)
    if absent:
        print(
            f"{where}: {len(absent)} media files are not there, the first is {absent[0]}; "
            "what was made of them before is taken as it is.",
            file=sys.stderr,
        )


def _check_raters(
    recordings: Iterable[Recording], dimensions: Sequence[str], where: object
) -> None:
    """Refuse files that are one rater's for two recordings, whose names begin alike."""
    of_raters = [r for r in recordings if r.annotations and "rater" in places(r.annotations)]
    matched = {
        r.recording: files_of(fill(r.given("annotations"), recording=r.recording), dimensions)
        for r in of_raters
    }
    for path, users in shared(matched):
        (one, rater), (other, of_other), *_ = users
        raise InputError(
            f"{where}: {path} is the file of rater {rater!r} for recording {one!r}, and of "
            f"{of_other!r} for {other!r}; expected one of them (restrict the names, as in "
            "'{rater:[a-z]+}')"
        )


def _require_usual(path: str, name: str, where: object) -> None:
    reason = odd_path(path)
    if reason is not None:
        raise InputError(f"{where}: recording {name!r}: {reason}")


def odd_path(path: str) -> str | None:
    """The reason why Snakemake cannot handle a file, or ``None``.

    Snakemake treats braces as wildcards. If an input is newer than the output of its job, the job
    fails at its end and its results are deleted.
    """
    if "{" in path or "}" in path:
        return f"{path}: found braces in the path; expected a path without"
    try:
        ahead = os.stat(path).st_mtime - time.time()
    except OSError:
        return None  # reported elsewhere
    if ahead > CLOCKS_APART:
        return (
            f"{path}: last changed {ahead / 3600:.1f} h in the future; expected a time that has "
            "passed (touch the file, or set the clock)"
        )
    return None


def argument_length(recording: Recording, tables: Sequence[str] = ()) -> int:
    """Bytes that a recording takes in the longest command of its batch.

    Parameters
    ----------
    recording
        The recording.
    tables
        Paths of its feature tables. The command that reads one also takes its media.
    """
    paths = [recording.audio, recording.video, recording.annotations, recording.turns]
    if tables:
        media = sum(len(os.fsencode(path or "")) for path in paths[:2])
        media += 2 * (len("--media  ") + len(recording.recording))
        paths += [path + media * " " for path in tables]
    longest = max(len(os.fsencode(path or "")) for path in paths)
    length = len("--recording  ") + len(recording.recording) + longest
    for _, value in (*choices(recording, "audio"), *choices(recording, "video")):
        length += len("--choose  channel ") + len(recording.recording) + len(os.fsencode(value))
    return length


def check_batches(
    recordings: Iterable[Recording],
    where: object,
    tables_of: Callable[[str], Sequence[str]] = lambda recording: (),
) -> None:
    """Refuse batches whose recordings do not fit into one command.

    Parameters
    ----------
    recordings
        Of the corpus.
    where
        Names the table in errors.
    tables_of
        Paths of a recording's feature tables, given its name.

    Raises
    ------
    InputError
        Names the batch and the length of its arguments.
    """
    lengths: dict[str, int] = {}
    for r in recordings:
        length = argument_length(r, tables_of(r.recording))
        lengths[r.batch] = lengths.get(r.batch, 0) + length
    for batch, length in lengths.items():
        if length > LONGEST_ARGUMENTS:
            raise InputError(
                f"{where}: names and paths of batch {batch!r} take {length} bytes of a "
                f"command; expected at most {LONGEST_ARGUMENTS}, that is smaller batches"
            )


def folds(recordings: Iterable[Recording]) -> dict[str, str]:
    """Folds of cross-validation: recordings that share a subject or a group.

    Sharing is transitive: if subjects a and b are in one session, and b and c in another, all
    recordings of the three form one fold. Without groups, a fold is a subject.

    Returns
    -------
    Name of the fold of each recording: that of its first subject.

    Raises
    ------
    InputError
        If a recording has no subject.
    """
    recordings = list(recordings)
    subject_of = {r.recording: r.given("subject") for r in recordings}
    fold_of = {("subject", subject): subject for subject in subject_of.values()}
    for r in recordings:
        if r.group is None:
            continue
        merged = fold_of["subject", subject_of[r.recording]]
        kept = fold_of.setdefault(("group", r.group), merged)
        if merged != kept:
            fold_of = {key: kept if fold == merged else fold for key, fold in fold_of.items()}
    return {name: fold_of["subject", subject] for name, subject in subject_of.items()}


def number_of(cell: str | None) -> int | None:
    """Number of a stream or channel, if the table gives one."""
    return None if cell is None else int(cell)


def choices(recording: Recording, kind: str) -> list[tuple[str, str]]:
    """The subject's part of a recording's sound or video, for the stage that reads it.

    Parameters
    ----------
    recording
        A recording of the corpus table.
    kind
        ``audio`` or ``video``.

    Returns
    -------
    Names and values of :class:`softaer.signals.media.Choice`.
    """
    own, other = (
        (recording.audio, recording.video)
        if kind == "audio"
        else (recording.video, recording.audio)
    )
    chosen = {
        "stream": getattr(recording, f"{kind}_stream"),
        "channel": recording.channel if kind == "audio" else None,
        "face": recording.face if kind == "video" else None,
        "beside": other if other != own else None,
    }
    return [(name, value) for name, value in chosen.items() if value is not None]


def rated(recordings: Iterable[Recording]) -> list[Recording]:
    """Recordings with annotations, which are used for labels, training and scores."""
    return [recording for recording in recordings if recording.annotations is not None]


def relevant(recordings: Iterable[Recording], columns: Sequence[str]) -> list[str]:
    """Values of some columns for some recordings, as text for a rule's params.

    A rule that lists here the values it uses from the table reruns only when these change.

    Returns
    -------
    One entry per recording, or a single digest of all if there are more than 100.
    """
    known = {field.name for field in fields(Recording)}
    if not known.issuperset(columns):
        raise ValueError(f"no such columns: {sorted(set(columns) - known)}")
    entries = [
        " ".join(f"{name}={getattr(recording, name)}" for name in columns)
        for recording in recordings
    ]
    if len(entries) <= 100:
        return entries
    return [hashlib.sha256("\n".join(entries).encode()).hexdigest()]
