"""ANNEMO (Ringeval et al., 2013): ``results/<subject>_<video>_<dimension>.csv`` without a header.

Columns: date of the server, time of the client, subject, video, dimension, time in the video [s],
value, and whether the video was playing. Rows while it was paused are left out.
"""

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.sheets import is_number
from softaer.readers.cells import Head, as_numbers, numbered_lines
from softaer.readers.traces import Request, Traces, of_recording, table_of

COLUMNS = [
    "server date",
    "client time",
    "subject",
    "video",
    "dimension",
    "time",
    "value",
    "playing",
]

PLAYING = {"1": True, "true": True, "0": False, "false": False}


def recognises(head: Head) -> bool:
    """Whether the first lines have eight cells, of which the fourth last is text."""
    rows = [head.cells(k) for k in range(min(len(head.lines), 10))]
    return bool(rows) and all(
        len(row) == len(COLUMNS)
        and row[7].casefold() in PLAYING
        and is_number(row[5])
        and is_number(row[6])
        and not is_number(row[4])
        for row in rows
    )


def read(request: Request) -> Traces:
    """The trace of the file's subject, who is the rater.

    Several values at the same time are in the order of the file; the last one counts.

    Raises
    ------
    InputError
        If a row has other cells, the file has several raters for the recording and path names one,
        or times go back; names the line.
    """
    rows = {}
    for line, cells in numbered_lines(request.path):
        if len(cells) != len(COLUMNS):
            raise InputError(
                f"{request.path}, line {line}: found {len(cells)} cells; expected {COLUMNS}"
            )
        rows[line] = cells
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS, dtype=str)
    playing = table["playing"].str.strip().str.casefold().map(PLAYING)
    if playing.isna().any():
        line = playing.index[playing.isna()][0]
        raise InputError(
            f"{request.path}, line {line}, column 'playing': found {table['playing'][line]!r}; "
            "expected 0 or 1"
        )
    table["time"] = as_numbers(table["time"], request.path, "time")
    table["value"] = as_numbers(table["value"], request.path, "value")
    for name in ("subject", "video", "dimension"):
        table[name] = table[name].str.strip()
    table = table[playing.to_numpy(dtype=bool)]
    table = table[of_recording(table["video"], request, "video")] if len(table) else table
    for (subject, dimension), own in table.groupby(["subject", "dimension"], sort=False):
        back = np.flatnonzero(np.diff(own["time"].to_numpy()) < 0)
        if len(back):
            at = back[0] + 1
            raise InputError(
                f"{request.path}, line {own.index[at]}: found {own['time'].iloc[at]:g} s after "
                f"{own['time'].iloc[at - 1]:g} s of rater {subject!r} and {dimension!r}; expected "
                "times that increase (two sessions or two files in one?)"
            )
    dimension = [request.dimension_named(name) for name in table["dimension"]]
    return Traces(table_of(table["time"], table["value"], table["subject"], dimension))
