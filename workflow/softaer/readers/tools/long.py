"""Long tables of other tools and scripts: a row per rating, with rater and time.

Columns in any order and case, such as ``Clip,Rater,Second,Rating``. A column of recordings and one
of dimensions may be there; instead of the latter, a column for each dimension.
"""

import re

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.readers.cells import Cells, Head, read_cells
from softaer.readers.columns import dimension_columns, roles
from softaer.readers.delimited import LONG
from softaer.readers.raters import DIMENSIONS, plain
from softaer.readers.tools.spreadsheet import is_spreadsheet
from softaer.readers.traces import (
    Request,
    Traces,
    in_seconds,
    of_recording,
    require_rows,
    stacked,
    table_of,
)


def recognises(head: Head) -> bool:
    """Whether there are columns of raters, times and ratings, other than in softaer's tables."""
    if {"originalname", "videotime"} <= set(head.names) or head.names[:1] == ["filename"]:
        return False
    return is_long(head) and (is_spreadsheet(head) or sorted(head.header) != sorted(LONG))


def is_long(head: Head) -> bool:
    """Whether there are columns of raters, times and ratings.

    A column with the name of one of raters that has decimal numbers is a trace.
    """
    found = roles(head.header)
    if not {"rater", "time"} <= set(found) or {"start", "end"} <= set(found):
        return False
    if "value" not in found and not any(plain(name) in DIMENSIONS for name in head.header):
        return False
    rows = [head.cells(k) for k in range(1, min(len(head.lines), 6))]
    who = [row[found["rater"]] for row in rows if len(row) > found["rater"]]
    return not any(re.fullmatch(r"[+-]?\d*[.,]\d+", cell) for cell in who)


def read(request: Request) -> Traces:
    """The trace of each rater.

    Raises
    ------
    InputError
        If a cell is not a number, a rater's name is empty, or there is no rating; names the line.
    """
    cells = read_cells(request.path)
    found = roles(cells.header)
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    rows = rows_of(cells, found, request)
    who = raters_of(cells, found["rater"])
    raw = cells.numbers(found["time"])
    steps = raw[rows].groupby(who[rows].to_numpy(), sort=False).diff().dropna()
    time = in_seconds(raw, cells.header[found["time"]], steps)
    return Traces(
        stacked(
            [
                table_of(
                    time[rows],
                    value[rows],
                    who[rows],
                    named[rows] if isinstance(named, pd.Series) else named,
                )
                for value, named in values_of(cells, found, request)
            ]
        )
    )


def rows_of(cells: Cells, found: dict[str, int], request: Request) -> np.ndarray:
    """Rows of the requested recording, shape (n,); all if the table has no such column."""
    if "recording" not in found:
        return np.ones(len(cells), dtype=bool)
    column = found["recording"]
    return of_recording(cells.text(column), request, cells.header[column])


def raters_of(cells: Cells, place: int) -> pd.Series:
    """Raters of the rows.

    Raises
    ------
    InputError
        Names the first line without one.
    """
    who = cells.text(place)
    empty = who.index[who == ""]
    if len(empty):
        raise InputError(
            f"{cells.path}, line {empty[0]}, column {cells.header[place]!r}: empty cell"
        )
    return who


def values_of(
    cells: Cells, found: dict[str, int], request: Request
) -> list[tuple[pd.Series, pd.Series | str | None]]:
    """Values of the rows, and their dimensions; several if there is a column per dimension."""
    if "value" in found:
        value = cells.numbers(found["value"], missing=True)
        if "dimension" not in found:
            if request.dimension is None:
                raise InputError(
                    f"{cells.path}, line 1: found columns {cells.header}, and several dimensions "
                    "are requested; expected a column 'dimension', or '{dimension}' in the path"
                )
            return [(value, None)]
        text = cells.text(found["dimension"])
        known = {name: request.dimension_named(name) for name in text.unique()}
        return [(value, text.map(known))]
    columns = dimension_columns(cells.header, list(found.values()), request)
    if not columns:
        raise InputError(
            f"{cells.path}, line 1: found columns {cells.header}; expected one with the ratings, "
            "named 'value' or after a dimension (ratings.called)"
        )
    return [
        (cells.numbers(place, missing=True), request.dimension_named(cells.header[place]))
        for place in columns
    ]
