"""Table features: the rows of a feature table of one's own, at ten points per second.

With a window, these are functionals over the rows whose centre is in the window around each grid
point. Without one, it is the row that holds at the grid point. Nothing is interpolated: a grid
point without a row has no values.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import TableFeatures
from softaer.core.grid import TOLERANCE, grid
from softaer.core.schema import table_features as features_schema
from softaer.core.tasks import TARGETS
from softaer.readers.features import OF_A_ROW
from softaer.signals.functionals import functional_names, windowed_functionals


def table_features(
    rows: pd.DataFrame,
    window: float = TableFeatures.window,
    functionals: Sequence[str] = TableFeatures.functionals,
) -> pd.DataFrame:
    """Features of one recording on the grid.

    Parameters
    ----------
    rows
        From :func:`softaer.readers.features.read_features`: ``time``, ``start``, ``end`` [s], and
        the features; NaN where there is no value.
    window
        Length of the window [s], centred on each grid point; 0: the row that holds there.
    functionals
        Over the values in the window, see :mod:`softaer.signals.functionals`.

    Returns
    -------
    Table with ``time`` and float32 columns: the features with a window of 0, otherwise
    ``<feature>_<functional>``, functional by functional. NaN where no row has a value. With a
    window, the grid ends with the centre of the last row; with 0, before the end of the last row.
    """
    names = [name for name in rows.columns if name not in OF_A_ROW]
    time, start, end = (rows[name].to_numpy(dtype=np.float64) for name in OF_A_ROW)
    values = rows[names].to_numpy()
    if window:
        order = np.argsort(time, kind="stable")
        at = grid(time.max(initial=-1.0))
        found = windowed_functionals(time[order], values[order], at, window, functionals)
        columns = functional_names(names, functionals)
    else:
        at = grid(end.max(initial=-1.0) - 2 * TOLERANCE)
        held = row_that_holds(time, start, end, at)
        found = np.where((held >= 0)[:, None], values[held], np.nan) if len(rows) else values
        columns = names
    table = pd.DataFrame(found.astype(np.float32), columns=columns)
    table.insert(0, "time", at)
    return table


def from_rows(rows: pd.DataFrame, settings: TableFeatures) -> pd.DataFrame:
    """Features of one recording, see :func:`table_features`."""
    return table_features(rows, settings.window, settings.functionals)


def refuse_names_of_targets(names: Sequence[str]) -> None:
    """Refuse features that would be taken for targets in a dataset.

    Raises
    ------
    InputError
        Names the first one.
    """
    for name in names:
        if name.endswith(tuple(f"_{target}" for target in TARGETS)):
            raise InputError(
                f"found the feature {name!r}, which ends like a target; expected another name "
                "(or a window, which adds the functional to it)"
            )


def row_that_holds(
    time: np.ndarray, start: np.ndarray, end: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """The row that holds at each time, start <= t < end; of several, the one with nearest centre.

    Parameters
    ----------
    time, start, end
        Centre, start and end of the rows [s], shape (n,).
    at
        Requested times [s], increasing, shape (m,).

    Returns
    -------
    int64 array of shape (m,): numbers of rows, -1 where none holds.

    Examples
    --------
    >>> centre, start, end = np.array([[1.0, 2.5], [0.0, 2.0], [2.0, 3.0]])
    >>> row_that_holds(centre, start, end, np.array([0.0, 1.9, 2.0, 3.0])).tolist()
    [0, 0, 1, -1]
    """
    first = np.searchsorted(at, start - TOLERANCE, side="left")
    count = np.maximum(np.searchsorted(at, end - TOLERANCE, side="left") - first, 0)
    row = np.repeat(np.arange(len(time)), count)
    point = np.arange(len(row)) + np.repeat(first - np.cumsum(count) + count, count)
    order = np.lexsort((row, np.abs(time[row] - at[point]), point))
    points, nearest = np.unique(point[order], return_index=True)
    held = np.full(len(at), -1)
    held[points] = row[order][nearest]
    return held


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--table", type=Path, required=True)
    cli.add_settings(arguments, TableFeatures)
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, TableFeatures)
    names = [n for n in tables.columns(options.table) if n not in ("recording", *OF_A_ROW)]
    columns = functional_names(names, settings.functionals) if settings.window else names
    refuse_names_of_targets(columns)
    with tables.writer(options.output, features_schema(columns)) as sink:
        for recording, rows in tables.by_recording(options.table):
            table = from_rows(rows, settings)
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
