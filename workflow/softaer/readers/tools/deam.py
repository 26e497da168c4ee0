"""DEAM (Aljanaki, Yang & Soleymani, 2017): a row per rater, ``[WorkerId,]sample_15000ms,…``.

Two values a second from 15 s on, -1 to 1. Files that have averages over raters, or their standard
deviations, are refused: they do not say who rated what.
"""

import re

import numpy as np

from softaer.core.errors import InputError
from softaer.readers.cells import Head, read_cells
from softaer.readers.traces import Request, Traces, require_rows, stacked, table_of

SAMPLE = re.compile(r"sample_(\d+)ms")
"""Name of a column: the time of its values [ms]."""

WORKER = ("workerid", "worker_id", "worker")

MOST = 1.0
"""Size of the largest rating."""


def recognises(head: Head) -> bool:
    """Whether most columns are named ``sample_…ms``."""
    found = [name for name in head.names if SAMPLE.fullmatch(name)]
    return len(found) > 0 and len(found) >= len(head.names) - 1


def read(request: Request) -> Traces:
    """The trace of each rater; without ``WorkerId``, each row of each song is another person.

    Raises
    ------
    InputError
        If the rows are songs, a cell is not a number, a value is outside -1 to 1, or a worker has
        two rows; names the line.
    """
    cells = read_cells(request.path)
    others = [name for name in cells.names if not SAMPLE.fullmatch(name)]
    if others and others[0] not in WORKER:
        raise InputError(
            f"{request.path}, line 1: found column {others[0]!r}; expected 'WorkerId' and a row "
            "per rater (not averages over raters)"
        )
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    if others:
        who = cells.text(others[0])
        again = who.index[who.duplicated()]
        if len(again):
            raise InputError(
                f"{request.path}, line {again[0]}: rater {who[again[0]]!r} again; expected a row "
                "per rater"
            )
    parts = []
    places = [k for k, name in enumerate(cells.names) if SAMPLE.fullmatch(name)]
    time = np.array([int(SAMPLE.sub(r"\1", cells.names[place])) for place in places]) / 1000
    if (np.diff(time) <= 0).any():
        at = places[int((np.diff(time) <= 0).argmax()) + 1]
        raise InputError(
            f"{request.path}, line 1: found {cells.header[at]!r} after "
            f"{cells.header[at - 1]!r}; expected times that increase"
        )
    columns = [cells.numbers(place, missing=True) for place in places]
    for column, place in zip(columns, places, strict=True):
        wrong = column.index[column.abs() > MOST]
        if len(wrong):
            raise InputError(
                f"{request.path}, line {wrong[0]}, column {cells.header[place]!r}: found "
                f"{column[wrong[0]]:g}; expected -1 to 1"
            )
    values = np.stack([column.to_numpy() for column in columns], axis=1)
    for row in range(len(cells)):
        # Rows of two songs without names are two people.
        name = f"{request.path.stem}_row{row + 1}" if not others else who.iloc[row]
        parts.append(table_of(time, values[row], name))
    return Traces(stacked(parts), ranges={None: (-MOST, MOST)})
