"""Columns of a corpus table that a command fills."""

import csv
from collections.abc import Sequence
from pathlib import Path

from softaer.core.files import complete
from softaer.core.sheets import read_lines
from softaer.corpus import read_rows


def fill_column(table: Path, column: str, cells: Sequence[str], output: Path) -> None:
    """Write a corpus table with one of its columns filled; everything else is unchanged.

    Parameters
    ----------
    table
        recordings.csv.
    column, cells
        The column, which is added if there is none, and a cell for each row.
    output
        File to write; may be the same.
    """
    _, header = next(read_lines(table, "table"))
    header += [] if column in header else [column]
    rows = read_rows(table, None).values()
    with complete(output) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, column: cell} for row, cell in zip(rows, cells, strict=True))
