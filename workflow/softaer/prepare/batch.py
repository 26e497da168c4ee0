"""Fills the column ``batch`` of a corpus table, so that jobs are large enough.

An extraction job takes some seconds to start, and longer on a cluster. Recordings with the same
value in ``batch`` share one job.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from softaer.core.errors import InputError
from softaer.corpus import (
    LONGEST_ARGUMENTS,
    argument_length,
    read_rows,
    resolve,
    validate_rows,
)
from softaer.prepare.columns import fill_column
from softaer.signals.probe import probe_all

DEFAULT_MINUTES = 60.0
"""Length of the recordings in a batch [min]; landmarks take about a tenth of this."""


def fill(
    rows: Sequence[Mapping[str, str]],
    seconds: Sequence[float],
    lengths: Sequence[int],
    target: float,
    prefix: str = "b",
) -> list[str]:
    """Batch of each row of a corpus table.

    Batches are filled in the order of the recordings. Recordings of different partitions are in
    different batches, so that training reads no more than it needs. Existing batches are kept: if
    recordings are added later, only these get new batches, and the others' results stay valid.

    Parameters
    ----------
    rows
        Rows of the table, as :func:`softaer.corpus.read_rows` returns them.
    seconds
        Length of each recording [s].
    lengths
        Length of each recording's arguments in a command [byte].
    target
        Minimum total length of the recordings in a batch, if there are enough [s].
    prefix
        Prefix of the names of new batches.

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
    """Write a corpus table with its column ``batch`` filled; everything else is unchanged.

    Parameters
    ----------
    table
        recordings.csv.
    output
        File to write; may be the same.
    minutes
        Minimum total length of the recordings in a batch [min].
    anew
        Discard the batches of the table.
    prefix
        Prefix of the names of new batches.
    say
        Called with messages for the user.

    Raises
    ------
    InputError
        If the table cannot be read.
    """
    numbered = read_rows(table, None)
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

    fill_column(table, "batch", batches, output)
    if unread:
        say(f"{len(unread)} files cannot be read and count as 0 s; the first: {unread[0]}")
    number = len(set(batches))
    say(
        f"{output}: {len(rows)} recordings in {number} batches; {len(missing)} recordings "
        f"({sum(seconds) / 3600:.1f} h) got a new batch"
    )


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the table and the options for filling it."""
    arguments.add_argument("table", type=Path, help="recordings.csv")
    arguments.add_argument(
        "--minutes",
        type=float,
        default=DEFAULT_MINUTES,
        help="minimum total length of a batch [min]",
    )
    arguments.add_argument("--anew", action="store_true", help="discard the batches of the table")
    arguments.add_argument(
        "--prefix",
        default="b",
        help="prefix of the names of new batches; a second table needs another one",
    )
    arguments.add_argument("--output", type=Path, help="file to write (default: the table itself)")


def main(options: argparse.Namespace) -> None:
    """Fill the table named on the command line."""
    fill_table(
        options.table,
        options.output or options.table,
        options.minutes,
        options.anew,
        options.prefix,
        lambda words: print(words, file=sys.stderr),
    )
