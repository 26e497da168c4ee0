"""PAGAN (Melhart et al., 2019): the changes of many participants, videos and sessions in one log.

Columns ``OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value``; exports may
have an index in front and more behind. A row is a change, so values hold until the next one. Rows
are out of order; ``VideoTime`` is in milliseconds. Values of its RankTrace have no limits. A
participant who never moved has no row, so that a file may be a header alone.
"""

import html
import re
from pathlib import Path

import pandas as pd

from softaer.core.errors import InputError
from softaer.core.listing import first_few
from softaer.readers.cells import Head, read_cells
from softaer.readers.traces import Request, Traces, of_recording, require_rows, table_of

COLUMNS = ("OriginalName", "Participant", "SessionID", "Timestamp", "VideoTime", "Value")
"""Columns that a log has."""

LENGTH = re.compile(r"\s+-\s+\d+(\.\d+)?$")
ENDING = re.compile(r"\.[A-Za-z0-9]{2,4}$")
"""Length [s] and extension at the end of a video's name."""


def recognises(head: Head) -> bool:
    """Whether the header has PAGAN's columns."""
    return {"originalname", "videotime", "participant", "value"} <= set(head.names)


def video_name(original: str) -> str:
    """Name of a video without its length and extension, which differ between sessions.

    Examples
    --------
    >>> video_name("A &amp; B.mp4 - 32.499"), video_name("clip 3")
    ('A & B', 'clip 3')
    """
    name = LENGTH.sub("", html.unescape(original))
    return ENDING.sub("", name)


def videos(path: Path) -> list[str]:
    """Names of the videos of a log."""
    cells = read_cells(path)
    return list(dict.fromkeys(map(video_name, cells.text("OriginalName"))))


def read(request: Request) -> Traces:
    """The changes of each participant.

    Of several sessions of a participant the one with most changes counts, and of two such the later
    one; a note names their number. Changes at the same time are in the order in which they were
    made.

    Raises
    ------
    InputError
        If a column is missing, a cell is not a number, a video has none of the requested
        recording's name, or a time is negative; names the line.
    """
    cells = read_cells(request.path)
    absent = [name for name in COLUMNS if name.casefold() not in cells.names]
    if absent:
        raise InputError(f"{request.path}, line 1: no columns {absent}; expected {list(COLUMNS)}")
    if not require_rows(cells, request, "changes"):
        return Traces(table_of([], []), kind="changes")
    log = pd.DataFrame(
        {
            "video": cells.text("OriginalName").map(video_name),
            "rater": cells.text("Participant"),
            "session": cells.text("SessionID"),
            "made": cells.numbers("Timestamp", missing=True),
            "time": cells.numbers("VideoTime") / 1000,
            "value": cells.numbers("Value"),
        }
    )
    unnamed = log.index[log["rater"] == ""]
    if len(unnamed):
        raise InputError(f"{request.path}, line {unnamed[0]}, column 'Participant': empty cell")
    if (log["time"] < 0).any():
        line = log.index[log["time"] < 0][0]
        raise InputError(
            f"{request.path}, line {line}, column 'VideoTime': found {1000 * log['time'][line]:g}; "
            "expected milliseconds from the start of the video"
        )
    log = log[of_recording(log["video"], request, "OriginalName")]
    sessions = log.groupby(["rater", "session"], sort=False).agg(
        changes=("value", "size"), last=("made", "max")
    )
    best = sessions.sort_values(["changes", "last"], kind="stable").reset_index()
    chosen = best.drop_duplicates("rater", keep="last")
    several = best["rater"].value_counts()
    again = sorted(several.index[several > 1])
    if again:
        request.note(
            f"{len(again)} of {len(several)} participants have several sessions; the one with most "
            f"changes is used ({first_few(again)})"
        )
    log = log.merge(chosen[["rater", "session"]], on=["rater", "session"], how="inner")
    log = log.sort_values(["rater", "time", "made"], kind="stable")
    return Traces(table_of(log["time"], log["value"], log["rater"]), kind="changes")
