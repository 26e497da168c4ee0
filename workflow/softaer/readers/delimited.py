"""Ratings as delimited text: one column per rater, or one row per rating."""

from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.sheets import read_lines
from softaer.readers.raters import (
    tidied,
)

SEPARATORS = {";": "';'", "\t": "a tabulator", "|": "'|'"}
"""Separators other than a comma, and their names."""


LONG = ["time", "rater", "dimension", "value"]


def read_annotations(path: Path, dimension: str | None = None) -> pd.DataFrame:
    """Read one annotation file, long or wide.

    Parameters
    ----------
    path
        CSV in UTF-8. Long: columns ``time``, ``rater``, ``dimension``, ``value``. Wide: ``time``
        plus one column per rater, with empty cells where there is no rating. Blanks around names
        and forms of Unicode are ignored.
    dimension
        Dimension of a wide file.

    Returns
    -------
    Table with ``time`` (float64, s), ``rater`` (str), ``dimension`` (str), ``value`` (float64),
    rows in the order of the file.

    Raises
    ------
    InputError
        If the file is invalid; names row and column of a cell that is not a number. Also if the
        names of two raters differ only in blanks, but both rate at the same time.
    """
    cells = _read_cells(path)
    cells.columns = header = [tidied(name) for name in cells.columns]
    if "time" not in header or len(header) < 2 or len(set(header)) != len(header):
        raise InputError(
            f"{path}, line 1: found columns {header}; expected 'time' and either "
            "'rater', 'dimension', 'value' or one column per rater, each once"
        )
    if {"rater", "value"} <= set(header):
        if sorted(header) != sorted(LONG):
            raise InputError(f"{path}, line 1: found columns {header}; expected {LONG}")
        numbers = {name: _numbers(cells[name], path) for name in ("time", "value")}
        table = cells[LONG].assign(**numbers)
        for name in ("rater", "dimension"):
            tidy = {word: tidied(word) for word in cells[name].unique()}
            if any(word != tidied_word for word, tidied_word in tidy.items()):
                table[name] = cells[name].map(tidy)
            if "" in tidy.values():
                empty = table.index[table[name] == ""]
                raise InputError(f"{path}, line {empty[0]}, column {name!r}: empty cell")
        _refuse_merged(table, cells["rater"], path)
        return table.reset_index(drop=True)
    if dimension is None:
        raise InputError(
            f"{path}: one column per rater, but several dimensions are requested; expected "
            "'{dimension}' in the path, or columns 'time', 'rater', 'dimension', 'value'"
        )
    time = _numbers(cells["time"], path)
    traces = []
    for rater in (name for name in header if name != "time"):
        said = cells[rater] != ""
        if not rater and said.any():
            raise InputError(f"{path}, line 1: a column without a name; expected a rater's")
        value = _numbers(cells.loc[said, rater], path)
        traces.append(
            pd.DataFrame(
                {"time": time[said], "rater": rater, "dimension": dimension, "value": value}
            )
        )
    return pd.concat(traces, ignore_index=True)


def _refuse_merged(table: pd.DataFrame, written: pd.Series, path: Path) -> None:
    """Refuse raters whose names become equal, but who rate the same dimension at the same time."""
    if table["rater"].equals(written):
        return
    names = written.groupby([table["rater"], table["dimension"], table["time"]]).nunique()
    for rater, dimension, time in names.index[names > 1]:
        spelled = sorted(written[table["rater"] == rater].unique())
        raise InputError(
            f"{path}, column 'rater': found {spelled}, which differ only in blanks or in the form "
            f"of Unicode, and each rates {dimension!r} at {time:g} s; expected names that differ "
            "in another way"
        )


def _read_cells(path: Path) -> pd.DataFrame:
    """Cells of a CSV file as text, indexed by the number of their line."""
    source = read_lines(path, "annotation file")
    _, header = next(source, (1, []))
    _refuse_separator(header, path)
    rows, lines = [], []
    for line, cells in source:
        if not cells:
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: found {len(cells)} cells; "
                f"expected {len(header)}, as in the header"
            )
        rows.append(cells)
        lines.append(line)
    return pd.DataFrame(rows, columns=header, index=lines, dtype=str)


def _refuse_separator(header: list[str], path: Path) -> None:
    """Refuse a first line with another separator, or without names."""
    line = ",".join(header)
    if line.casefold().startswith("sep="):
        raise InputError(
            f"{path}, line 1: found {line!r}, which tells a spreadsheet the separator; expected "
            "the names of the columns (delete that line)"
        )
    for sign, name in SEPARATORS.items():
        if sign in line and "time" not in map(tidied, header):
            raise InputError(
                f"{path}, line 1: found columns {header}, separated by {name}; expected ',' "
                "between cells and '.' in decimals"
            )


def _numbers(cells: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    wrong = cells.index[~np.isfinite(numbers)]
    if len(wrong):
        found = cells[wrong[0]]
        raise InputError(
            f"{path}, line {wrong[0]}, column {cells.name!r}: "
            f"found {repr(found) if found else 'an empty cell'}; expected a number"
        )
    return numbers
