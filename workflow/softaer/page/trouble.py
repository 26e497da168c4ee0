"""Trouble: the recordings on which a model fails, and a typical one beside them."""

from typing import Any

import pandas as pd

from softaer.core.errors import InputError
from softaer.page.score_table import shown_partition


def typical(each: pd.Series) -> str:
    """The recording with the median score; of two in the middle, the higher one.

    Parameters
    ----------
    each
        Score by recording; those without one (NaN) are left out, but at least one has one.
    """
    ordered = each.dropna().sort_values(kind="stable")
    return str(ordered.index[len(ordered) // 2])


def worst_first(table: pd.DataFrame) -> pd.Series:
    """Mean CCC over dimensions and targets of each recording of test, the lowest first.

    Parameters
    ----------
    table
        Table of the stage ``recording_scores``.

    Returns
    -------
    Indexed by recording; of dev if nothing is scored on test. Recordings without a CCC, because
    label and prediction are constant, are the last.
    """
    some = table[table["partition"] == shown_partition(table)]
    mean = some.groupby("recording", sort=True)["ccc"].mean()
    return mean.sort_values(kind="stable", na_position="last")


def typical_and_worst(table: pd.DataFrame, where: object) -> dict[str, str]:
    """A typical recording and the worst, in words; one if they are the same.

    Parameters
    ----------
    table
        Table of the stage ``recording_scores``.
    where
        Names the table in errors.

    Raises
    ------
    InputError
        If no recording is scored.
    """
    each = worst_first(table)
    if each.empty:
        raise InputError(f"{where}: no rated recording in partitions test and dev")
    if each.isna().all():
        return {str(each.index[0]): "no CCC is defined"}
    found, worst = {typical(each): "typical"}, str(each.index[0])
    return found if worst in found else {**found, worst: "worst"}


SHOWN = 10
"""Rows of the worst recordings that the report shows unfolded."""


def trouble_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The recordings of test, the worst first, for the report.

    Parameters
    ----------
    table
        Table of the stage ``recording_scores``.

    Returns
    -------
    Its rows of test (of dev if nothing is scored on test), ``None`` where a value is missing, with
    ``coverage``: the share of frames with features by modality.
    """
    some = table[table["partition"] == shown_partition(table)]
    names = [name for name in some if name.startswith("coverage_")]
    rows = some.astype(object).where(some.notna(), None).to_dict("records")
    for row in rows:
        row["coverage"] = {n.removeprefix("coverage_"): row.pop(n) for n in names}
    return rows
