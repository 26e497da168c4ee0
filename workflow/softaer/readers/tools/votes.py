"""Segment-wise ratings: a row per vote, with its segment, clip or song.

Columns in any order and case: the rater (``Worker``, ``Annotator``), ``start`` and ``end`` [s] of
the segment, the recording (``FileName``, ``song_id``) and the values, in a column ``value`` or one
for each dimension. Without start and end, a value is that of the whole recording. MSP-Podcast's
votes of workers and DEAM's static ratings are such tables.
"""

import pandas as pd

from softaer.core.errors import InputError
from softaer.readers.cells import Head, read_cells
from softaer.readers.columns import DIMENSION, roles
from softaer.readers.raters import DIMENSIONS, plain
from softaer.readers.tools.long import raters_of, rows_of, values_of
from softaer.readers.traces import Request, Traces, in_seconds, require_rows, stacked, table_of


def recognises(head: Head) -> bool:
    """Whether there are segments or recordings with values, and no times of samples."""
    found = set(roles(head.header))
    if head.names[:2] == ["filename", "lower label"] or "originalname" in head.names:
        return False
    if {"start", "end", "value"} <= found:
        return True
    if "rater" not in found or "time" in found:
        return False
    whole = {"start", "end"} <= found or "recording" in found
    named = [plain(name) for name in head.header]
    return whole and ("value" in found or bool(set(named) & (DIMENSIONS | DIMENSION)))


def read(request: Request) -> Traces:
    """Each rater's value of each segment, or of the whole recording.

    Raises
    ------
    InputError
        If a cell is not a number, a segment ends before it starts, or a rater votes twice for the
        same; names the line.
    """
    cells = read_cells(request.path)
    found = roles(cells.header)
    if not require_rows(cells, request, "votes"):
        return Traces(table_of([], []), kind="segments")
    rows = rows_of(cells, found, request)
    who = raters_of(cells, found["rater"]) if "rater" in found else None
    segments = {"start", "end"} <= set(found)
    start = end = pd.Series(0.0, index=cells.table.index)
    if segments:
        start, end = (
            in_seconds(cells.numbers(found[name]), cells.header[found[name]], [1.0])
            for name in ("start", "end")
        )
        wrong = start.index[end <= start]
        if len(wrong):
            line = wrong[0]
            raise InputError(
                f"{request.path}, line {line}: found a segment from {start[line]:g} to "
                f"{end[line]:g} s; expected an end after its start"
            )
    parts = []
    for value, named in values_of(cells, found, request):
        keys = pd.DataFrame({"start": start[rows]})
        keys["rater"] = "" if who is None else who[rows]
        keys["dimension"] = named[rows] if isinstance(named, pd.Series) else ""
        keys = keys[value[rows].notna().to_numpy()]
        again = keys.index[keys.duplicated()]
        if len(again):
            what = "segment" if segments else "recording"
            raise InputError(
                f"{request.path}, line {again[0]}: another vote of rater "
                f"{keys['rater'][again[0]]!r} for the same {what}; expected one"
            )
        parts.append(
            table_of(
                start[rows],
                value[rows],
                None if who is None else who[rows],
                named[rows] if isinstance(named, pd.Series) else named,
                end[rows] if segments else None,
            )
        )
    return Traces(stacked(parts), kind="segments" if segments else "changes")
