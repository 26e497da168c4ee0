"""Extraction: shared parts of the stages that open a person's files; handling of bad recordings.

A recording that cannot be read stops its job with an error that names it, or is skipped. A skipped
recording has no rows, and the status table states the reason. In both cases, a recording has all
of its rows or none.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pyarrow as pa

from softaer.core import cli, tables
from softaer.core.errors import InputError, MissingPackageError
from softaer.core.experiment import ON_BAD_RECORDING, Media, OnBadRecording
from softaer.core.progress import Progress
from softaer.core.schema import STATUS
from softaer.signals.media import Account, Choice, find_audio, find_video, length, open_media

NOTHING = {
    "frames": 0,
    "missing": 0,
    "end": None,
    "promised": None,
    "decoded": None,
    "dropped": 0,
    "other_face": 0,
    "notes": None,
}
"""Status of a recording without rows."""


@dataclass(frozen=True)
class Extraction:
    """Task of a stage that opens media files.

    Attributes
    ----------
    recordings
        Name and file of each recording.
    choices
        The subject's part of each recording, by its name.
    limits
        Limits for the files.
    on_bad_recording
        ``fail`` or ``skip``.
    output, status_output
        Tables to write: the rows, and the status of each recording.
    """

    recordings: Sequence[tuple[str, str]]
    choices: Mapping[str, Choice]
    limits: Media
    on_bad_recording: OnBadRecording
    output: Path
    status_output: Path


def add_extraction(arguments: argparse.ArgumentParser, what: str) -> None:
    """Add recordings, limits of their files, the policy for bad ones, and the two outputs."""
    cli.add_recordings(arguments, what)
    arguments.add_argument(
        "--choose",
        dest="choices",
        metavar=("NAME", "WHAT", "VALUE"),
        nargs=3,
        action="append",
        default=[],
        help="the subject's part of a recording: stream, channel, face, or the other file (beside)",
    )
    cli.add_settings(arguments, Media)
    arguments.add_argument(
        "--on-bad-recording", choices=get_args(OnBadRecording), default=ON_BAD_RECORDING
    )
    cli.add_output(arguments)
    cli.add_output(arguments, "--status-output")


def asked(options: argparse.Namespace) -> Extraction:
    """The task, from the arguments of :func:`add_extraction`."""
    chosen: dict[str, dict[str, Any]] = {name: {} for name, _ in options.recordings}
    for recording, what, value in options.choices:
        chosen[recording][what] = int(value) if what in ("stream", "channel") else value
    return Extraction(
        options.recordings,
        {name: Choice(name, **values) for name, values in chosen.items()},
        cli.settings(options, Media),
        options.on_bad_recording,
        options.output,
        options.status_output,
    )


def extract(
    extraction: Extraction,
    read: Callable[[str, Media, Choice, Account], Iterable[pd.DataFrame]],
    schema: pa.Schema,
    length: Callable[[str, Media], float | None] = length,
    beside: tuple[Path, pa.Schema] | None = None,
) -> None:
    """Write the rows and the status of each recording.

    Parameters
    ----------
    extraction
        The task.
    read
        Returns the tables of one recording, without the column ``recording``. Its arguments are the
        path of the file, the limits, the subject's part, and the account that it fills.
    schema
        Schema of the rows.
    length
        Length of a recording according to its file [s], for the progress; ``None`` if unknown.
    beside
        Another table to write from the same rows, and its schema. Each table gets the columns of
        its schema.

    Raises
    ------
    InputError
        For the first recording that cannot be read, unless such recordings are to be skipped.
    """
    limits = extraction.limits
    lengths = {name: length(path, limits) for name, path in extraction.recordings}
    known = [seconds for seconds in lengths.values() if seconds is not None]
    progress = Progress(sum(known) if len(known) == len(lengths) else None)
    outputs = [(extraction.output, schema), *([beside] if beside else [])]
    with ExitStack() as open_tables:
        sinks = [open_tables.enter_context(tables.writer(*output)) for output in outputs]
        status = open_tables.enter_context(tables.writer(extraction.status_output, STATUS))
        for recording, path in extraction.recordings:
            account = Account()
            state: dict[str, Any] = {"recording": recording, "reason": None} | NOTHING
            try:
                with ExitStack() as whole:
                    rows = [whole.enter_context(sink.all_or_nothing()) for sink in sinks]
                    choice = extraction.choices[recording]
                    for table in _reading(read(path, limits, choice, account)):
                        table.insert(0, "recording", recording)
                        # Without a second table, the writer refuses columns that are too many.
                        parts = [table[s.names] for _, s in outputs] if beside else [table]
                        state["frames"] += len(table)
                        state["missing"] += int(parts[0].isna().any(axis=1).sum())
                        state["end"] = table["time"].iloc[-1] if len(table) else state["end"]
                        for sink, part in zip(rows, parts, strict=True):
                            sink.append(part)
                        progress.advance(recording, len(table), state["end"] or 0.0)
                progress.finish(recording, lengths[recording])
                state |= _accounted(account)
                for note in account.notes:
                    print(f"recording {recording!r}: {note}")
            except UnreadableError as error:
                if extraction.on_bad_recording == "fail":
                    raise InputError(f"recording {recording!r}: {error}") from error
                print(f"recording {recording!r} is left out: {error}")
                state |= NOTHING | {"reason": str(error)}
            status.append(pd.DataFrame([state]))


def _accounted(account: Account) -> dict[str, object]:
    return {
        "promised": account.promised,
        "decoded": account.decoded,
        "dropped": account.dropped,
        "other_face": account.other_face,
        "notes": "; ".join(account.notes) or None,
    }


class UnreadableError(InputError):
    """The file cannot be read; for other errors, a recording is never skipped."""


def _reading(tables_of: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    try:
        yield from tables_of
    except MissingPackageError:
        raise
    except InputError as error:
        raise UnreadableError(str(error)) from error


def look_into(extraction: Extraction, kind: str) -> None:
    """Open the files of all recordings without decoding.

    Parameters
    ----------
    extraction
        The task.
    kind
        Kind of the required stream: ``audio`` or ``video``.

    Raises
    ------
    InputError
        For the first recording that has no such stream within the limits, unless bad recordings are
        to be skipped.
    """
    if extraction.on_bad_recording == "skip":
        return
    limits = extraction.limits
    for recording, path in extraction.recordings:
        try:
            with open_media(path, limits) as container:
                stream = extraction.choices[recording].stream
                if kind == "audio":
                    find_audio(container, path, stream)
                else:
                    find_video(container, path, limits, stream)
        except InputError as error:
            raise InputError(f"recording {recording!r}: {error}") from error
