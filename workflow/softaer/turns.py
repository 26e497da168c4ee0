"""Turns: when it is the subject who speaks, where a conversation was recorded.

A file of turns has one line for each, start and end in seconds, separated by ``;``, ``,`` or a
tabulator, with or without a header.
"""

from pathlib import Path

import numpy as np

from softaer.errors import InputError
from softaer.sheets import read_sheet

MODES = ("ignore", "only", "flag")
"""What is made of turns: nothing; sound outside of them is left out; a feature of its own."""

FEATURE = "speaking"
"""Name of that feature: the share of the window that lies within the subject's turns, 0 to 1."""


def read_turns(path: Path) -> np.ndarray:
    """Turns of a recording.

    Returns
    -------
    float64 array of shape (n, 2): start and end [s], by start, without overlaps; none for an empty
    file, of a subject who says nothing.

    Raises
    ------
    InputError
        If there are not two columns of numbers, or a turn ends before it starts.
    """
    if Path(path).exists() and not Path(path).read_text(encoding="utf-8-sig").strip():
        return np.empty((0, 2))
    sheet = read_sheet(path, "file of turns")
    if sheet.width != 2:
        raise InputError(f"{path}: found {sheet.width} columns; expected start and end [s]")
    start, end = np.array(sheet.numbers(0)), np.array(sheet.numbers(1))
    wrong = np.flatnonzero(~(end >= start) | (start < 0))
    if len(wrong):
        line = sheet.lines[wrong[0]][0]
        raise InputError(
            f"{path}, line {line}: found a turn from {start[wrong[0]]:g} to {end[wrong[0]]:g} s; "
            "expected it to start at 0 or later and to end after that"
        )
    turns: list[list[float]] = []
    for a, b in sorted(zip(start, end, strict=True)):
        if turns and a <= turns[-1][1]:
            turns[-1][1] = max(turns[-1][1], b)
        else:
            turns.append([a, b])
    return np.array(turns).reshape(-1, 2)


def within(time: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Whether times lie within a turn, bounds included; bool array, shape (n,)."""
    last = np.searchsorted(turns[:, 0], time, side="right") - 1
    return (last >= 0) & (time <= turns[np.maximum(last, 0), 1]) if len(turns) else time < -np.inf
