"""Extraction: what the stages that open media files share, and what becomes of a bad recording.

A recording that cannot be read stops its job with an error that names it, or is skipped: then it
has no rows, and the table of states beside the features says why. Either way a recording has all
of its rows or none.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields

import pandas as pd
import pyarrow as pa

from softaer import cli, tables
from softaer.errors import InputError
from softaer.media import Limits, find_stream, length, open_media
from softaer.progress import Progress
from softaer.schema import STATUS

POLICIES = ("fail", "skip")
"""What to do with a recording that cannot be read."""


def add_extraction(arguments: argparse.ArgumentParser, what: str) -> None:
    """Add recordings, limits of their files, the policy for bad ones, and the two outputs."""
    cli.add_recordings(arguments, what)
    add_limits(arguments)
    arguments.add_argument("--on-bad-recording", choices=POLICIES, default="fail")
    cli.add_output(arguments)
    cli.add_output(arguments, "--status-output")


def add_limits(arguments: argparse.ArgumentParser) -> None:
    """Add the limits of a media file."""
    for limit in fields(Limits):
        flag = f"--{limit.name.replace('_', '-')}"
        arguments.add_argument(flag, type=limit.type, default=limit.default)


def extract(
    options: argparse.Namespace,
    read: Callable[[str, Limits], Iterable[pd.DataFrame]],
    schema: pa.Schema,
) -> None:
    """Write the rows of each recording, and what has become of it.

    Parameters
    ----------
    options
        Arguments of :func:`add_extraction`.
    read
        Tables of one recording, without the column ``recording``, from the path of its file.
    schema
        Of the rows.

    Raises
    ------
    InputError
        For the first recording that cannot be read, unless such recordings are to be skipped.
    """
    limits = limits_of(options)
    lengths = {name: length(path, limits) for name, path in options.recordings}
    progress = Progress(None if None in lengths.values() else sum(lengths.values()))
    with (
        tables.writer(options.output, schema) as sink,
        tables.writer(options.status_output, STATUS) as status,
    ):
        for recording, path in options.recordings:
            state = {"recording": recording, "reason": None, "frames": 0, "missing": 0, "end": None}
            try:
                with sink.all_or_nothing() as rows:
                    for table in _reading(read(path, limits)):
                        state["frames"] += len(table)
                        state["missing"] += int(table.isna().any(axis=1).sum())
                        state["end"] = table["time"].iloc[-1] if len(table) else state["end"]
                        table.insert(0, "recording", recording)
                        rows.append(table)
                        progress.advance(recording, len(table), state["end"] or 0.0)
                progress.finish(recording, lengths[recording])
            except UnreadableError as error:
                if options.on_bad_recording == "fail":
                    raise InputError(f"recording {recording!r}: {error}") from error
                print(f"recording {recording!r} is left out: {error}")
                state |= {"reason": str(error), "frames": 0, "missing": 0, "end": None}
            status.append(pd.DataFrame([state]))


class UnreadableError(InputError):
    """What a file does not give; other errors are no reason to leave a recording out."""


def _reading(tables_of: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    try:
        yield from tables_of
    except InputError as error:
        raise UnreadableError(str(error)) from error


def look_into(options: argparse.Namespace, kind: str) -> None:
    """Open the files of all recordings, decode nothing.

    Parameters
    ----------
    options
        Arguments of :func:`add_extraction`.
    kind
        Kind of the stream that is wanted: ``audio`` or ``video``.

    Raises
    ------
    InputError
        For the first recording that has no such stream within the limits, unless bad recordings are
        to be skipped.
    """
    if options.on_bad_recording == "skip":
        return
    for recording, path in options.recordings:
        try:
            with open_media(path, limits_of(options)) as container:
                find_stream(container, kind, path, limits_of(options))
        except InputError as error:
            raise InputError(f"recording {recording!r}: {error}") from error


def limits_of(options: argparse.Namespace) -> Limits:
    """Limits from the arguments of :func:`add_limits`."""
    return Limits(**{limit.name: getattr(options, limit.name) for limit in fields(Limits)})
