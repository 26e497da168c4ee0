"""CARMA (Girard, 2014): one rater, one dimension, a row per second or bin; two forms of CSV.

Today's has lines ``key,value``, then ``Second,Rating``, a line of percent signs, rows.
The older one has a single header, with the settings repeated in each row. The file names neither
rater nor dimension; it declares the range of its scale.
"""

import pandas as pd

from softaer.core.errors import InputError
from softaer.readers.cells import Cells, Head, as_numbers, numbered_lines, read_cells
from softaer.readers.raters import plain
from softaer.readers.traces import (
    Request,
    Traces,
    require_increasing,
    require_rows,
    table_of,
)

OLD = ["filename", "lowerlabel", "upperlabel", "minimumvalue", "midpointvalue", "maximumvalue"]
"""First columns of the older form."""

RULE = "%%%%%%"
"""Cell of the line below the names of the columns."""


def recognises(head: Head) -> bool:
    """Whether a file is from CARMA: it starts with the time of rating and has one rating a row."""
    return _is_old(head.header) or _is_new(head)


def _is_old(header: list[str]) -> bool:
    return [plain(name) for name in header][: len(OLD)] == OLD


def _is_new(head: Head) -> bool:
    return plain(head.cells(0)[0] if head.cells(0) else "") == "timeofrating" and not any(
        plain(line.split(",")[0]) == "magnitude" for line in head.lines[:12]
    )


def read(request: Request) -> Traces:
    """The trace of a file.

    Raises
    ------
    InputError
        If a row is not a second and a rating, times do not increase, or a rating is outside the
        range that the file declares; names the line.
    """
    if _is_old(Head.of(request.path).header):
        cells = read_cells(request.path)
        if not require_rows(cells, request):
            return Traces(table_of([], []))
        keys = {
            name: as_numbers(cells.text(name), cells.path, name)
            for name in ("Minimum Value", "Maximum Value")
        }
        span = tuple(float(column.iloc[0]) for column in keys.values())
        for name, column in keys.items():
            if (column != column.iloc[0]).any():
                line = column.index[column != column.iloc[0]][0]
                raise InputError(
                    f"{request.path}, line {line}, column {name!r}: found {column[line]:g} after "
                    f"{column.iloc[0]:g}; expected one scale (two files in one?)"
                )
        return one_trace(cells, request, (span[0], span[1]))
    settings, cells = with_settings(request, ["second", "rating"])
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    low, high = (number_in(settings, key, request) for key in ("minimumvalue", "maximumvalue"))
    return one_trace(cells, request, None if low is None or high is None else (low, high))


def one_trace(cells: Cells, request: Request, span: tuple[float, float] | None) -> Traces:
    """A trace from the columns ``Second`` and ``Rating``."""
    time = cells.numbers("Second")
    require_increasing(time, cells.path)
    value = cells.numbers("Rating", missing=True)
    require_within(value, span, cells.path)
    return Traces(table_of(time, value), ranges={} if span is None else {None: span})


def require_within(
    value: pd.Series, span: tuple[float, float] | None, path: object, name: str = "Rating"
) -> None:
    """Refuse a value outside the range that its file declares.

    Raises
    ------
    InputError
        Names the line.
    """
    if span is None:
        return
    low, high = span
    if not low < high:
        raise InputError(
            f"{path}: declares a scale from {low:g} to {high:g}; expected the lowest value first"
        )
    outside = value.index[(value < low) | (value > high)]
    if len(outside):
        raise InputError(
            f"{path}, line {outside[0]}, column {name!r}: found {value[outside[0]]:g}; expected "
            f"{low:g} to {high:g}, the scale that the file declares"
        )


def with_settings(request: Request, columns: list[str]) -> tuple[dict[str, tuple[int, str]], Cells]:
    """Settings and rows of a file with lines ``key,value`` above the names of its columns.

    Parameters
    ----------
    request
        Names the file.
    columns
        First and last name of the columns, in lower case.

    Returns
    -------
    settings, cells
        Line and value of each setting, by its name in lower case, letters only; and the rows.

    Raises
    ------
    InputError
        If there is no such line, or a row has other cells.
    """
    settings: dict[str, tuple[int, str]] = {}
    source = numbered_lines(request.path, ",")
    header: list[str] = []
    for line, found in source:
        names = [cell.strip() for cell in found]
        low = [name.casefold() for name in names]
        if low[0] == columns[0] and low[-1] == columns[-1]:
            header = names
            break
        if len(found) < 2:
            raise InputError(f"{request.path}, line {line}: found {found}; expected a key, a value")
        settings[plain(found[0])] = line, found[1].strip()
    if not header:
        raise InputError(
            f"{request.path}: no line {','.join(columns)!r}; expected one above the ratings"
        )
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, found in source:
        if found[0].strip() == RULE:
            if rows:
                raise InputError(
                    f"{request.path}, line {line}: found {RULE!r} below ratings; expected it once "
                    "(two files in one?)"
                )
            continue
        if len(found) != len(header):
            raise InputError(
                f"{request.path}, line {line}: found {len(found)} cells; expected {len(header)}"
            )
        rows.append(found)
        lines.append(line)
    table = pd.DataFrame(rows, index=lines, columns=range(len(header)), dtype=str)
    return settings, Cells(request.path, header, table)


def number_in(settings: dict[str, tuple[int, str]], key: str, request: Request) -> float | None:
    """A setting as a number; ``None`` if the file does not have it."""
    if key not in settings:
        return None
    line, text = settings[key]
    return float(as_numbers(pd.Series([text], index=[line]), request.path, key).iloc[0])
