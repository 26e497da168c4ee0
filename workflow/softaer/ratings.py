"""Ratings: the traces that raters drew, brought from their irregular times to the common grid.

A trace is interpolated between neighbouring samples that lie close enough together; where a rater
paused, started late or stopped early, the grid points stay without that rater. Nothing is
extrapolated.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer import cli, layouts, tables
from softaer.errors import InputError
from softaer.grid import RATE, grid, interpolate
from softaer.schema import RATINGS

LONGEST = 86_400.0
"""Latest time of a rating [s]; beyond a day it is no time from the start of a recording."""

LONG = ["time", "rater", "dimension", "value"]


def read_annotations(path: Path, dimension: str | None = None) -> pd.DataFrame:
    """Read one annotation file, long or wide.

    Parameters
    ----------
    path
        CSV in UTF-8. Long: columns ``time``, ``rater``, ``dimension``, ``value``. Wide: ``time``
        plus one column per rater, empty cells where a rater says nothing.
    dimension
        What a wide file rates.

    Returns
    -------
    Table with ``time`` (float64, s), ``rater`` (str), ``dimension`` (str), ``value`` (float64),
    rows in the order of the file.

    Raises
    ------
    InputError
        Naming the file, and row and column where a cell is not a number.
    """
    cells = _read_cells(path)
    header = list(cells.columns)
    if "time" not in header or len(header) < 2 or len(set(header)) != len(header):
        raise InputError(
            f"{path}, line 1: found columns {header}; expected 'time' and either "
            "'rater', 'dimension', 'value' or one column per rater, each once"
        )
    if {"rater", "value"} <= set(header):
        if sorted(header) != sorted(LONG):
            raise InputError(f"{path}, line 1: found columns {header}; expected {LONG}")
        for name in ("rater", "dimension"):
            empty = cells.index[cells[name] == ""]
            if len(empty):
                raise InputError(f"{path}, line {empty[0]}, column {name!r}: empty cell")
        numbers = {name: _numbers(cells[name], path) for name in ("time", "value")}
        return cells[LONG].assign(**numbers).reset_index(drop=True)
    if dimension is None:
        raise InputError(
            f"{path}: one column per rater, but several dimensions are asked for; expected "
            "'{dimension}' in the path, or columns 'time', 'rater', 'dimension', 'value'"
        )
    time = _numbers(cells["time"], path)
    traces = []
    for rater in (name for name in header if name != "time"):
        said = cells[rater] != ""
        if not rater.strip() and said.any():
            raise InputError(f"{path}, line 1: a column without a name; expected a rater's")
        value = _numbers(cells.loc[said, rater], path)
        traces.append(
            pd.DataFrame(
                {"time": time[said], "rater": rater, "dimension": dimension, "value": value}
            )
        )
    return pd.concat(traces, ignore_index=True)


def _read_cells(path: Path) -> pd.DataFrame:
    """Cells of a CSV file as text, indexed by the number of their line."""
    rows, lines = [], []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            header = next(reader, [])
            for row in filter(None, reader):
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, line {reader.line_num}: found {len(row)} cells; "
                        f"expected {len(header)}, as in the header"
                    )
                rows.append(row)
                lines.append(reader.line_num)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such annotation file") from error
    except (csv.Error, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error
    return pd.DataFrame(rows, columns=header, index=lines, dtype=str)


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


def trace_on_grid(
    time: np.ndarray, value: np.ndarray, max_gap: float = 1.0, hold: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Bring one rater's trace to the grid.

    Parameters
    ----------
    time, value
        Samples in the order of the file, shape (n,). Of several at the same time the last counts:
        it is where the trace stood after that instant.
    max_gap
        Longest distance between neighbouring samples that is bridged [s].
    hold
        Hold the last sample until the next, for tools that store changes only; otherwise linear.

    Returns
    -------
    time, value
        Grid points [s] at which the rater is known, and the values there, shape (m,).
    """
    if len(time) == 0:
        return grid(-1), np.empty(0)
    instants, last = np.unique(time[::-1], return_index=True)
    at = grid(instants[-1])
    values = interpolate(instants, value[::-1][last], at, max_gap, previous=hold)
    known = ~np.isnan(values)
    return at[known], values[known]


def ratings_on_grid(
    annotations: pd.DataFrame,
    dimensions: Sequence[str],
    max_gap: float = 1.0,
    hold: bool = False,
    value_range: tuple[float, float] | None = None,
    where: object = "annotations",
) -> pd.DataFrame:
    """Bring all traces of a recording to the grid.

    Parameters
    ----------
    annotations
        As :func:`read_annotations` gives them; other dimensions are left aside.
    dimensions
        Dimensions asked for.
    max_gap, hold
        See :func:`trace_on_grid`.
    value_range
        Lowest and highest rating that is possible.
    where
        Names the recording in errors.

    Returns
    -------
    Table with ``time``, ``dimension``, ``rater``, ``value``, sorted by dimension, rater and time.

    Raises
    ------
    InputError
        If a dimension has no rating, or none that reaches the grid, a time is negative or later
        than :data:`LONGEST`, or a value lies outside the range.
    """
    annotated = sorted(annotations["dimension"].unique())
    annotations = annotations[annotations["dimension"].isin(dimensions)]
    if value_range is not None:
        low, high = value_range
        outside = annotations[(annotations["value"] < low) | (annotations["value"] > high)]
        if len(outside):
            first = outside.iloc[0]
            raise InputError(
                f"{where}: rater {first['rater']!r} gives {first['value']:g} for "
                f"{first['dimension']!r} at {first['time']:g} s; expected {low:g} to {high:g}"
            )
    if (annotations["time"] < 0).any():
        raise InputError(f"{where}: negative time {annotations['time'].min():g} s")
    if (annotations["time"] > LONGEST).any():
        raise InputError(
            f"{where}: time {annotations['time'].max():g} s; expected seconds from the start of "
            f"the recording, at most {LONGEST:g}"
        )
    traces = []
    for dimension in dimensions:
        rows = annotations[annotations["dimension"] == dimension]
        if rows.empty:
            raise InputError(f"{where}: no ratings of {dimension!r}; found {annotated}")
        on_grid = 0
        for rater, trace in rows.groupby("rater", sort=True):
            time, value = trace_on_grid(
                trace["time"].to_numpy(), trace["value"].to_numpy(), max_gap, hold
            )
            on_grid += len(time)
            columns = {"time": time, "dimension": dimension, "rater": rater, "value": value}
            traces.append(pd.DataFrame(columns))
        if on_grid == 0:
            raise InputError(
                f"{where}: no rating of {dimension!r} reaches the grid of {1 / RATE:g} s; "
                f"expected samples at most {max_gap:g} s apart"
            )
    return pd.concat(traces, ignore_index=True)


def parser() -> argparse.ArgumentParser:
    """The command line of the stage."""
    arguments = cli.parser(__doc__)
    cli.add_recordings(arguments, "annotations ({dimension} in the path: one file for each)")
    arguments.add_argument("--layout", default="table", help="of the annotation files")
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--max-gap", type=float, default=1.0, help="seconds")
    arguments.add_argument("--interpolation", choices=["linear", "hold"], default="linear")
    arguments.add_argument("--range", type=float, nargs=2, metavar=("LOW", "HIGH"))
    cli.add_output(arguments)
    return arguments


def read(options: argparse.Namespace) -> Iterator[pd.DataFrame]:
    """Ratings of each recording on the grid, with the column ``recording``."""
    layout = layouts.layout(options.layout)
    for recording, path in options.recordings:
        if "{dimension}" in path:
            files = {name: path.replace("{dimension}", name) for name in options.dimensions}
            parts = [layout.read_annotations(file, name) for name, file in files.items()]
            annotations = pd.concat(parts)
        else:
            only = options.dimensions[0] if len(options.dimensions) == 1 else None
            annotations = layout.read_annotations(path, only)
        table = ratings_on_grid(
            annotations,
            options.dimensions,
            options.max_gap,
            options.interpolation == "hold",
            options.range,
            where=f"recording {recording!r} ({path})",
        )
        table.insert(0, "recording", recording)
        yield table


def main() -> None:
    options = parser().parse_args()
    with tables.writer(options.output, RATINGS) as sink:
        for table in read(options):
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
