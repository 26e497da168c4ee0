"""Forms of ratings: finds the form of a file by its content, and reads it.

:data:`FORMS` are the readers of this package. A reader of one's own is a Python file that
``ratings: format:`` names, or an entry point of an installed package in the group
``softaer.readers``; it has the same functions (:mod:`softaer.readers.tools`).
"""

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import FOUND, READERS, is_own_file
from softaer.core.listing import first_few
from softaer.core.own_code import module_of
from softaer.readers.cells import Head, decoded
from softaer.readers.delimited import LONG
from softaer.readers.raters import tidied
from softaer.readers.tools import (
    annemo,
    anvil,
    carma,
    continuum,
    darma,
    deam,
    elan,
    long,
    muse_toolbox,
    nova,
    nova_csv,
    pagan,
    praat,
    spreadsheet,
    table,
    votes,
)
from softaer.readers.traces import Request, Traces, held_segments

FORMS: dict[str, Any] = {
    "table": table,
    "spreadsheet": spreadsheet,
    "long": long,
    "votes": votes,
    "carma": carma,
    "darma": darma,
    "continuum": continuum,
    "pagan": pagan,
    "nova": nova,
    "nova_csv": nova_csv,
    "annemo": annemo,
    "muse_toolbox": muse_toolbox,
    "deam": deam,
    "elan": elan,
    "anvil": anvil,
    "praat": praat,
}
"""Readers by the name of their form."""

PACKED = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""Beginnings of Excel's, LibreOffice's and other packed files."""

WAYS = (
    "expected 'time' and a column per rater, 'time,rater,dimension,value', or the file of a known "
    "tool (docs/ratings.md; 'ratings: format' names the form or a reader of one's own)"
)
"""What a file may be, for errors."""


def readers() -> dict[str, Any]:
    """All readers by name: those of this package and of installed packages.

    Raises
    ------
    InputError
        If an installed one has the name of another, or is no reader.
    """
    found = dict(FORMS)
    for entry in _entries():
        if entry.name in found:
            raise InputError(
                f"reader {entry.name!r} of package {entry.dist.name}: this name is taken; expected "
                "another"
            )
        found[entry.name] = _reader(entry.load(), f"reader {entry.name!r} of {entry.value}")
    return found


def _entries() -> list[Any]:
    return sorted(metadata.entry_points(group=READERS), key=lambda entry: entry.name)


def _reader(found: Any, what: str) -> Any:
    for name in ("recognises", "read"):
        if not callable(getattr(found, name, None)):
            raise InputError(f"{what}: no function {name!r}; expected it (softaer.readers.tools)")
    return found


@cache
def _own_file(path: str) -> Any:
    """Module in a user's file."""
    try:
        module = module_of(path)
    except InputError as error:
        raise InputError(f"config key 'ratings.format': {error}") from error
    return _reader(module, f"config key 'ratings.format': {path}")


def named(form: str) -> Any:
    """The reader of a form.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if is_own_file(form):
        return _own_file(str(Path(form).absolute()))
    known = readers()
    if form not in known:
        raise InputError(
            f"config key 'ratings.format': found {form!r}; expected {FOUND!r}, one of "
            f"{sorted(known)}, or the path of a Python file with a reader"
        )
    return known[form]


def recognised(head: Head) -> list[str]:
    """Names of the forms that a file may have."""
    return [name for name, reader in readers().items() if reader.recognises(head)]


def form_of(path: Path) -> str:
    """The form of a file.

    Raises
    ------
    InputError
        If there is none or more than one.
    """
    head = Head.of(path)
    return _the_form(head, recognised(head))


def _the_form(head: Head, some: list[str]) -> str:
    if len(some) == 1:
        (form,) = some
        why = getattr(readers()[form], "AMBIGUOUS", None)
        if why is None:
            return form
        raise InputError(
            f"{head.path}: {why}, or something else; expected 'ratings: format: {form}' if it is "
            "that"
        )
    if some:
        raise InputError(
            f"{head.path}: may be any of {some}; expected one of them as 'ratings: format'"
        )
    if not head.data.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise InputError(f"{head.path}, line 1: empty; {WAYS}")
    if head.data.startswith(PACKED):
        raise InputError(f"{head.path}: a spreadsheet's own file or an archive; expected CSV")
    if not head.text:
        decoded(head.data, head.path)  # says which byte of which line is wrong
    found = head.header or [head.text[:60]]
    shown = first_few(map(repr, found), 8)
    raise InputError(f"{head.path}, line 1: found columns {shown}; {WAYS}")


def read(request: Request, form: str = FOUND) -> tuple[str, Traces]:
    """Read a file of ratings.

    Parameters
    ----------
    request
        What is asked of it.
    form
        Name of its form, or :data:`FOUND`.

    Returns
    -------
    form, traces
        Name of the form, and the traces with ``time``, ``rater``, ``dimension``, ``value``; every
        row has a rater and a dimension. Segments are changes, with NaN at their ends.

    Raises
    ------
    InputError
        If the file is not of that form, is invalid, or rater or dimension are not known.
    """
    if form == FOUND:
        form = form_of(request.path)
    found = named(form).read(request)
    table_, ranges = found.table, dict(found.ranges)
    table_ = _with_dimension(table_, request)
    table_ = _with_rater(table_, request)
    if None in ranges:
        span = ranges.pop(None)
        ranges |= dict.fromkeys(table_["dimension"].unique(), span)
    if found.kind == "segments" and len(table_):
        table_ = held_segments(table_, request.path)
    return form, Traces(table_[LONG].reset_index(drop=True), found.kind, ranges)


def _with_dimension(rows: pd.DataFrame, request: Request) -> pd.DataFrame:
    unknown = rows["dimension"].isna()
    if unknown.any():
        if request.dimension is None:
            raise InputError(
                f"{request.path}: the file does not say which dimension it is, and several are "
                "requested; expected '{dimension}' in the path of the annotations"
            )
        return rows.assign(dimension=rows["dimension"].mask(unknown, request.dimension))
    return rows


def _with_rater(rows: pd.DataFrame, request: Request) -> pd.DataFrame:
    found = [tidied(name) for name in rows["rater"].dropna().unique()]
    if request.rater is not None:
        if len(set(found)) > 1:
            raise InputError(
                f"{request.path}: found {len(set(found))} raters ({first_few(found)}); expected "
                f"one, because its path names the rater {request.rater!r}"
            )
        return rows.assign(rater=request.rater)
    if rows["rater"].isna().any():
        raise InputError(
            f"{request.path}: the file does not say who rated; expected '{{rater}}' in the path of "
            "the annotations, such as 'ratings/{rater}/p01.csv' (softaer import RATINGS --pattern "
            "'{rater}/{recording}.csv' writes the table)"
        )
    if rows["rater"].map(tidied).equals(rows["rater"]):
        return rows
    return rows.assign(rater=rows["rater"].map(tidied))
