"""Tables from spreadsheets: ``;`` or tabs, decimal commas, UTF-16, percent, a line ``sep=``.

A column of times (``time``, ``Time (s)``, ``timestamp``, ``Zeit``, milliseconds by name or size)
and one column per rater, or a column ``value`` in a file of one rater. ``45 %`` is 45, so that the
scale is 0 to 100 (``ratings: scale``).
"""

import re

from softaer.core.errors import InputError
from softaer.readers.cells import MARKS, SEPARATOR_LINE, Head, read_cells
from softaer.readers.columns import TIME, VALUE, roles
from softaer.readers.raters import plain, tidied
from softaer.readers.traces import (
    Request,
    Traces,
    in_seconds,
    require_rows,
    stacked,
    table_of,
)

PERCENT = re.compile(r"(^|[,;\t])\s*\"?[\d.,]+\s*%")
"""A cell with a percent sign."""


def is_spreadsheet(head: Head) -> bool:
    """Whether a text has what only spreadsheets write: see the module."""
    first = head.text.splitlines()[0].strip() if head.text.strip() else ""
    return (
        bool(SEPARATOR_LINE.fullmatch(first))
        or head.separator != ","
        or any(head.data.startswith(mark) for mark, name in MARKS if "utf-8" not in name)
        or b"\0" in head.data[:512]
        or any(PERCENT.search(line) for line in head.lines[1:6])
    )


def recognises(head: Head) -> bool:
    """Whether the first column alone has times, and there are no columns of raters or segments."""
    names = [plain(name) for name in head.header]
    if len(names) < 2 or names[0] not in TIME or sum(name in TIME for name in names) != 1:
        return False
    if {"rater", "start", "end"} & set(roles(names)):
        return False
    if plain(head.header[0]) == "time" and head.header[0] != "time" and names[1:] == ["value"]:
        return head.separator != ","  # a fused trace of the MuSe-Toolbox
    if names[0] == "timestamp" and head.separator == ",":
        return not all(name.isdigit() for name in names[1:]) and names[1:] != ["value"]
    return is_spreadsheet(head) or "time" not in head.header


def read(request: Request) -> Traces:
    """The trace of each column; empty cells are no ratings.

    Raises
    ------
    InputError
        If a cell is not a number, or a name is empty or there twice; names line and column.
    """
    cells = read_cells(request.path)
    names = [plain(name) for name in cells.header]
    (at,) = [place for place, name in enumerate(names) if name in TIME]
    again = next((name for name in cells.header if name and cells.header.count(name) > 1), None)
    if again is not None:
        raise InputError(f"{request.path}, line 1: found column {again!r} twice; expected it once")
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    time = in_seconds(cells.numbers(at), cells.header[at])
    columns = [place for place in range(len(names)) if place != at]
    alone = len(columns) == 1 and names[columns[0]] in VALUE
    parts = []
    for place in columns:
        values = cells.numbers(place, missing=True)
        if not tidied(cells.header[place]):
            if values.notna().any():
                raise InputError(
                    f"{request.path}, line 1: a column without a name; expected a rater's"
                )
            continue
        parts.append(table_of(time, values, None if alone else cells.header[place]))
    return Traces(stacked(parts))
