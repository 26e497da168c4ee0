"""MuSe-Toolbox (Stappen et al., 2021): ``<dimension>/<id>.csv`` with ``timestamp,1,2,3``.

A column per rater, named by a number; times in seconds or milliseconds, by their steps. A fused
trace, ``Time,value`` or ``timestamp,value``, has no raters and needs ``{rater}`` in its path.
"""

import numpy as np

from softaer.readers.cells import Head, read_cells
from softaer.readers.traces import (
    Request,
    Traces,
    in_seconds,
    require_increasing,
    require_rows,
    stacked,
    table_of,
)


def recognises(head: Head) -> bool:
    """Whether the columns are a time and numbers, or a time and ``value``."""
    names = head.names
    if head.separator != "," or len(names) < 2 or head.header[0] == "time":
        return False
    if names[0] == "timestamp" and all(name.isdigit() for name in names[1:]):
        return True
    return names[0] in ("time", "timestamp") and names[1:] in (["value"], ["segment_id", "value"])


def read(request: Request) -> Traces:
    """The trace of each rater.

    Raises
    ------
    InputError
        If a cell is not a number or times do not increase; names the line.
    """
    cells = read_cells(request.path, ",")
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    time = cells.numbers(0)
    require_increasing(time, cells.path, "(time)")
    seconds = in_seconds(time, "", np.diff(time.to_numpy()))
    parts = [
        table_of(seconds, cells.numbers(place, missing=True), None if name == "value" else name)
        for place, name in enumerate(cells.names)
        if place > 0 and name != "segment_id"
    ]
    return Traces(stacked(parts))
