"""Traces: what every reader of ratings gives, and the checks that they share.

A reader gives a table with ``time`` [s], ``rater``, ``dimension`` and ``value``. What its file does
not say is ``None`` and comes from the file's path or from the request. A table of segments has a
column ``end`` [s] in addition.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.listing import first_few
from softaer.readers.cells import Cells, Head
from softaer.readers.raters import Note, plain

Kind = Literal["samples", "changes", "segments"]
"""How a trace goes on between its values: it is sampled; a value holds until the next change; or a
value holds from the start of a segment to its end."""

TOGETHER = 1e-6
"""Segments that overlap by less follow each other [s]."""

LONGEST_STEP = 10.0
"""Times without a unit are in milliseconds if their median distance is at least this."""


@dataclass(frozen=True)
class Request:
    """What is asked of a file.

    Attributes
    ----------
    path
        Of the file.
    recording
        Name of the recording, for files of several; ``None``: of all, if they are the same.
    dimensions
        Requested dimensions; empty: all that the file has.
    dimension
        Dimension of the file, from its path or because no other is requested.
    rater
        Rater of the file, from its path.
    called
        Names of dimensions in files, where they differ from those of the corpus.
    note
        Called with what is unusual.
    """

    path: Path
    recording: str | None = None
    dimensions: tuple[str, ...] = ()
    dimension: str | None = None
    rater: str | None = None
    called: Mapping[str, str] = field(default_factory=dict)
    note: Note = print

    def dimension_named(self, name: str) -> str:
        """The dimension of the corpus that a name in a file means.

        Case, blanks and signs do not count: ``Arousal`` is ``arousal``.
        """
        known = (*self.dimensions, *((self.dimension,) if self.dimension else ()))
        for dimension in known:
            if plain(self.called.get(dimension, dimension)) == plain(name):
                return dimension
        for dimension, other in self.called.items():
            if plain(other) == plain(name):
                return dimension
        return name


@dataclass
class Traces:
    """What a reader found.

    Attributes
    ----------
    table
        ``time`` [s], ``rater``, ``dimension``, ``value``, and ``end`` [s] of segments; rater or
        dimension is ``None`` if the file does not say it.
    kind
        How the traces go on between their values.
    ranges
        Lowest and highest value of the scale by dimension, where the file declares it; ``None`` as
        a dimension means that of the file.
    """

    table: pd.DataFrame
    kind: Kind = "samples"
    ranges: dict[str | None, tuple[float, float]] = field(default_factory=dict)


Recognises = Callable[[Head], bool]
Reads = Callable[[Request], Traces]


def table_of(
    time: Iterable[float],
    value: Iterable[float],
    rater: Iterable[str] | str | None = None,
    dimension: Iterable[str] | str | None = None,
    end: Iterable[float] | None = None,
) -> pd.DataFrame:
    """A table of traces; one name counts for all rows.

    Parameters
    ----------
    time, value, end
        Shape (n,). Rows without a value (NaN) are dropped: the rater has no rating there.
    rater, dimension
        Names, shape (n,), or one for all.
    """
    time = np.asarray(time, dtype=np.float64)
    columns = {"time": time}
    if end is not None:
        columns["end"] = np.asarray(end, dtype=np.float64)
    names = {
        name: np.full(len(time), said, dtype=object)
        if said is None or isinstance(said, str)
        else np.asarray(said, dtype=object)
        for name, said in (("rater", rater), ("dimension", dimension))
    }
    table = pd.DataFrame({**columns, **names, "value": np.asarray(value, dtype=np.float64)})
    return table.dropna(subset=["value"]).reset_index(drop=True)


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of traces below each other."""
    return pd.concat(tables, ignore_index=True) if tables else table_of([], [])


def require_increasing(time: pd.Series, path: Path, unit: str = "s") -> None:
    """Refuse times of one rater that go back or occur twice.

    Parameters
    ----------
    time
        Indexed by the number of the line.
    path
        Names the file in errors.
    unit
        Of the times, for errors.

    Raises
    ------
    InputError
        Names the first such line: two sessions or two files are joined there.
    """
    step = np.diff(time.to_numpy())
    wrong = np.flatnonzero(step <= 0)
    if len(wrong):
        at = wrong[0] + 1
        before, found = time.iloc[at - 1], time.iloc[at]
        words = "the same time again" if found == before else f"a time before {before:g} {unit}"
        raise InputError(
            f"{path}, line {time.index[at]}: found {found:g} {unit}, {words}; expected times that "
            "increase (two sessions or two files in one?)"
        )


def in_seconds(time: pd.Series, name: str, steps: Iterable[float] | None = None) -> pd.Series:
    """Times in seconds, from milliseconds if the name of their column or their size says so.

    Parameters
    ----------
    time
        Times in the unit of the file.
    name
        Name of the column.
    steps
        Distances between samples; by default of the times as they are.
    """
    unit = plain(name)
    if any(word in unit for word in ("milli", "msec")) or unit in ("ms", "timems", "tms"):
        return time / 1000
    if "sec" in unit or unit in ("s", "times", "ts") or len(time) < 2:
        return time
    distances = np.diff(time.to_numpy()) if steps is None else np.asarray(list(steps))
    distances = distances[distances > 0]
    is_milli = len(distances) and np.median(distances) >= LONGEST_STEP
    return time / 1000 if is_milli else time


def require_rows(cells: Cells, request: Request, what: str = "ratings") -> bool:
    """Whether there are rows below the header; a file without any gets a note."""
    if len(cells) == 0:
        request.note(f"{request.path.name}: a header alone, no {what}")
    return len(cells) > 0


def of_recording(names: pd.Series, request: Request, what: str) -> np.ndarray:
    """Rows of the requested recording in a file of several.

    Parameters
    ----------
    names
        Name of each row's recording in the file.
    request
        Its ``recording`` is compared without case, signs and the file's extension.
    what
        What the column is called, for errors.

    Returns
    -------
    bool array of shape (n,). If the file has a single recording, all rows, with a note if its name
    is another one.

    Raises
    ------
    InputError
        If none of several is the requested one, or several are.
    """
    found = list(dict.fromkeys(names))
    asked = request.recording
    if asked is None:
        if len(found) > 1:
            raise InputError(
                f"{request.path}: {len(found)} recordings ({first_few(found)}) in column {what!r}; "
                "expected the name of one (softaer import, or the column 'recording' of the table)"
            )
        return np.ones(len(names), dtype=bool)
    own = [name for name in found if same_recording(name, asked)]
    if len(own) > 1 and asked in own:
        own = [asked]
    if len(own) == 1:
        return (names == own[0]).to_numpy()
    if len(own) > 1:
        raise InputError(
            f"{request.path}: recording {asked!r} may be any of {own} in column {what!r}; "
            "expected one of that name"
        )
    if len(found) == 1:
        request.note(
            f"{request.path.name}: its recording is called {found[0]!r}, here {asked!r} (the only "
            "one in the file)"
        )
        return np.ones(len(names), dtype=bool)
    raise InputError(
        f"{request.path}: found recordings {first_few(map(repr, found), 6)} in column {what!r}; "
        f"expected {asked!r} (rename it in the table, or make the table with softaer import)"
    )


def same_recording(name: str, asked: str) -> bool:
    """Whether a name in a file, which may be a path with an extension, is that of a recording.

    Examples
    --------
    >>> same_recording("C:\\\\data\\\\P01 a.wav", "p01_a"), same_recording("p01_b", "p01_a")
    (True, False)
    """
    whole = plain(asked)
    stem = name.replace("\\", "/").rsplit("/", 1)[-1]
    forms = {name, stem, stem.rsplit(".", 1)[0]}
    return any(plain(form) == whole for form in forms)


def held_segments(table: pd.DataFrame, where: object) -> pd.DataFrame:
    """Segments as changes: a value at the start of each, and NaN at its end.

    Parameters
    ----------
    table
        ``time``, ``end`` [s], ``rater``, ``dimension``, ``value``.
    where
        Names the file in errors.

    Returns
    -------
    The same columns without ``end``, sorted by time within each trace. A segment is closed on its
    left: a grid point at its end does not belong to it.

    Raises
    ------
    InputError
        If a segment ends before it starts, or two of a rater's overlap.
    """
    wrong = table[table["end"] <= table["time"]]
    if len(wrong):
        first = wrong.iloc[0]
        raise InputError(
            f"{where}: found a segment from {first['time']:g} to {first['end']:g} s; expected an "
            "end after its start"
        )
    parts = []
    for (dimension, rater), rows in table.groupby(["dimension", "rater"], sort=False, dropna=False):
        rows = rows.sort_values("time", kind="stable")
        start, end = rows["time"].to_numpy(), rows["end"].to_numpy()
        over = np.flatnonzero(start[1:] < end[:-1] - TOGETHER)
        if len(over):
            k = over[0]
            raise InputError(
                f"{where}: segments of rater {rater!r} for {dimension!r} overlap: {start[k]:g} to "
                f"{end[k]:g} s and {start[k + 1]:g} to {end[k + 1]:g} s; expected one value at a "
                "time"
            )
        ends = np.append(start[1:] > end[:-1] + TOGETHER, True)
        time = np.concatenate([start, end[ends]])
        value = np.concatenate([rows["value"].to_numpy(), np.full(ends.sum(), np.nan)])
        order = np.argsort(time, kind="stable")
        parts.append(
            pd.DataFrame(
                {
                    "time": time[order],
                    "rater": rater,
                    "dimension": dimension,
                    "value": value[order],
                }
            )
        )
    if not parts:
        return table.drop(columns="end")
    return pd.concat(parts, ignore_index=True)
