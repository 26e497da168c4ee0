"""What `check` says of feature tables: rate, coverage, missing values, constant columns, length."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable, Media
from softaer.core.grid import grid
from softaer.core.listing import first_few
from softaer.ratings import last_point
from softaer.readers.features import OF_A_ROW, read_features, refuse_other_columns
from softaer.table_features import row_that_holds

LEAST_COVERAGE = 0.5
"""Tables that cover less of their recording, or have fewer of their values, are told."""

REGULAR = 0.01
"""Steps are equal if none differs from their median by more than this share of it."""

COLUMNS = [
    "features", "rows", "rate", "regular", "end", "seconds", "coverage", "nulls", "constant",
]  # fmt: skip


def look_at_features(
    files: Mapping[str, Path | str],
    settings: FeatureTable,
    lengths: Mapping[str, float],
    problem: Callable[[str], None],
    limits: Media | None = None,
) -> pd.DataFrame:
    """Feature tables of all recordings, and what is odd about them.

    Parameters
    ----------
    files
        Table of each recording, by its name.
    settings, limits
        How tables are read.
    lengths
        Lengths of the recordings' media [s]; absent or NaN if unknown.
    problem
        Tells a person what is wrong or odd.

    Returns
    -------
    Indexed by recording: number of ``features`` and ``rows``, ``rate`` [rows/s] and whether it is
    ``regular``, the ``end`` of the last row and the ``seconds`` of the media [s], ``coverage``
    (share of the grid points of the recording, or until the end, at which a row with values holds),
    ``nulls`` (share of the values) and number of ``constant`` columns. Recordings whose table
    cannot be read are missing.
    """
    found: dict[str, list[object]] = {}
    reference: tuple[Path | str, list[str]] | None = None
    lowest = highest = np.empty(0)
    for name, path in files.items():
        length = float(lengths.get(name, np.nan))
        notes: list[str] = []
        try:
            table = read_features(path, settings, length, limits, notes.append)
            columns = [column for column in table.columns if column not in OF_A_ROW]
            if reference is None:
                reference = path, columns
                lowest = np.full(len(columns), np.inf)
                highest = -lowest
            refuse_other_columns(columns, path, reference[1], reference[0])
        except InputError as error:
            problem(f"recording {name!r}: {error}")
            continue
        for note in notes:
            problem(f"recording {name!r}: {path}: {note}")
        values = table[columns].to_numpy()
        low = np.fmin.reduce(values, initial=np.inf)
        high = np.fmax.reduce(values, initial=-np.inf)
        lowest, highest = np.fmin(lowest, low), np.fmax(highest, high)
        row = _row(table, values, length) | {"constant": int((low >= high).sum())}
        found[name] = [row[column] for column in COLUMNS]
        for share, what in (
            (row["coverage"], "cover {:.0f} % of the recording"),
            (1 - row["nulls"], "have {:.0f} % of their values"),
        ):
            if share < LEAST_COVERAGE:
                problem(f"recording {name!r}: features in {path} {what.format(100 * share)}")
    if reference is not None and (still := (lowest >= highest).nonzero()[0]).size:
        problem(
            "features that are the same in all recordings, or never there: "
            f"{first_few(repr(reference[1][place]) for place in still)}"
        )
    return pd.DataFrame.from_dict(found, orient="index", columns=COLUMNS)


def _row(table: pd.DataFrame, values: np.ndarray, length: float) -> dict[str, float]:
    time, start, end = (table[name].to_numpy() for name in OF_A_ROW)
    steps = np.diff(np.unique(start))
    step = np.median(steps) if len(steps) else np.nan
    here = ~np.isnan(values).all(axis=1)
    at = grid(last_point(length if length > 0 else end.max()))
    held = row_that_holds(time[here], start[here], end[here], at)
    return {
        "features": values.shape[1],
        "rows": len(table),
        "rate": 1 / step,
        "regular": bool((np.abs(steps - step) <= REGULAR * step).all()),
        "end": end.max(),
        "seconds": length,
        "coverage": float((held >= 0).mean()) if len(at) else np.nan,
        "nulls": float(np.isnan(values).mean()),
    }
