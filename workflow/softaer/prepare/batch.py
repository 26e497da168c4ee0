"""Fills the column ``batch`` of a corpus table, so that a job has enough to do.

A job of the extraction costs some seconds before it begins, on a cluster more. Recordings that
share a value in ``batch`` are one job.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.sheets import read_lines
from softaer.corpus import (
    LONGEST_ARGUMENTS,
    argument_length,
    read_rows,
    resolve,
    validate_rows,
)
from softaer.signals.probe import probe_all

DEFAULT_MINUTES = 60.0
"""Of recordings in a batch [min]: some ten minutes of work, since landmarks take ten times less."""


def fill(
    rows: Sequence[Mapping[str, str]],
    seconds: Sequence[float],
    lengths: Sequence[int],
    target: float,
    prefix: str = "b",
) -> list[str]:
    """Batches of a corpus table.

    Recordings are taken in their order, those of a partition together, so that training reads no
    more than it needs. Batches that the table has already are kept: filling again after recordings
    were added gives batches to these alone, and changes no result of the others.

    Parameters
    ----------
    rows
        Of the table, as :func:`softaer.corpus.read_rows` gives them.
    seconds
        Length of each recording [s].
    lengths
        Bytes that each recording takes in a command.
    target
        Length of a batch's recordings together, at least, if there are as many [s].
    prefix
        What the names of new batches start with.

    Returns
    -------
    The batch of each row.
    """
    taken = {row["batch"] for row in rows if "batch" in row}
    names = (name for number in count(1) if (name := f"{prefix}{number:05}") not in taken)
    open_batches: dict[tuple, tuple[str, float, int]] = {}
    batches = []
    for row, duration, length in zip(rows, seconds, lengths, strict=True):
        if "batch" in row:
            batches.append(row["batch"])
            continue
        kind = (row.get("partition"), "annotations" in row)
        name, so_far, arguments = open_batches.get(kind, ("", target, 0))
        if so_far >= target or arguments + length > LONGEST_ARGUMENTS:
            name, so_far, arguments = next(names), 0.0, 0
        open_batches[kind] = (name, so_far + duration, arguments + length)
        batches.append(name)
    return batches


def fill_table(
    table: Path,
    output: Path,
    minutes: float = DEFAULT_MINUTES,
    anew: bool = False,
    prefix: str = "b",
    say: Callable[[str], None] = print,
) -> None:
    """Write a corpus table with its column ``batch`` filled; all else is left as it is.

    Parameters
    ----------
    table
        recordings.csv.
    output
        What to write; may be the same file.
    minutes
        Recordings of a batch together, at least [min].
    anew
        Forget the batches that the table has.
    prefix
        What the names of new batches start with.
    say
        Tells a person what was found.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    numbered = read_rows(table)
    validate_rows(numbered, table)
    rows = list(numbered.values())
    if anew:
        rows = [{name: cell for name, cell in row.items() if name != "batch"} for row in rows]
    recordings = resolve(rows, Path(table).parent)
    missing = [place for place, row in enumerate(rows) if "batch" not in row]
    files = [recordings[place].video or recordings[place].given("audio") for place in missing]
    seconds = [0.0] * len(rows)
    unread = []
    for place, found in zip(missing, probe_all(files), strict=True):
        if isinstance(found, InputError):
            unread.append(str(found))
        else:
            seconds[place] = found.seconds
    batches = fill(rows, seconds, [argument_length(r) for r in recordings], 60 * minutes, prefix)

    _, header = next(read_lines(table, "table"))
    header += [] if "batch" in header else ["batch"]
    with complete(output) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "batch": batch} for row, batch in zip(rows, batches, strict=True))
    if unread:
        say(f"{len(unread)} files cannot be read and count for nothing; the first: {unread[0]}")
    number = len(set(batches))
    say(
        f"{output}: {len(rows)} recordings in {number} batches, {len(missing)} of them new here; "
        f"{sum(seconds) / 3600:.1f} h of these"
    )


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the table and how to fill it."""
    arguments.add_argument("table", type=Path, help="recordings.csv")
    arguments.add_argument(
        "--minutes", type=float, default=DEFAULT_MINUTES, help="recordings of a batch together"
    )
    arguments.add_argument(
        "--anew", action="store_true", help="forget the batches that the table has"
    )
    arguments.add_argument(
        "--prefix", default="b", help="of new names; another one for a table beside the corpus's"
    )
    arguments.add_argument("--output", type=Path, help="write this file, not the table itself")


def main(options: argparse.Namespace) -> None:
    """Fill the table that is named on the command line."""
    fill_table(
        options.table,
        options.output or options.table,
        options.minutes,
        options.anew,
        options.prefix,
        lambda words: print(words, file=sys.stderr),
    )
