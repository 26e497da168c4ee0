"""The paper's table: CCC of every model on dev and test, with one more rater."""

import pandas as pd

from softaer.core.tasks import CONSTANT, PLAIN_MEAN

SYSTEM = ["modality", "task", "fusion"]
"""Columns that identify a model in the tables of scores."""


def systems(scores: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Models to show, in the table's order; the fusion of a single modality is ``""``.

    The mean of train is the same for all modalities, so that it is shown only once, as the last.
    """
    found = [tuple(row) for row in scores[SYSTEM].fillna("").drop_duplicates().to_numpy()]
    constant = [system for system in found if system[1] == CONSTANT]
    return [system for system in found if system not in constant] + constant[:1]


def name_of(modality: str, task: str, fusion: str) -> str:
    """Name of a model's input in tables: ``audio``, ``audio+video``, ``audio+video (mean)``."""
    if task == CONSTANT:
        return "none"
    return f"{modality} ({PLAIN_MEAN})" if fusion == PLAIN_MEAN else modality


def score_table(
    scores: pd.DataFrame, intervals: pd.DataFrame, ceiling: pd.DataFrame
) -> dict[str, list]:
    """The paper's table, with out-of-fold scores and intervals, which the paper lacks.

    Parameters
    ----------
    scores, intervals, ceiling
        Tables of the stages ``score``, ``evaluate`` and ``ceiling``.

    Returns
    -------
    columns
        (dimension, target) of each block of cells: dev in-sample, dev out of fold, test.
    rows
        ``name``, ``task`` and ``blocks``; a block has ``dimension``, ``dev``, ``out_of_fold``,
        ``test``, ``low``, ``high`` (``None`` if missing) and ``best``: highest on test among the
        models.
    """
    keys = ["dimension", "target", *SYSTEM, "partition"]
    scores, intervals = (t.assign(fusion=t["fusion"].fillna("")) for t in (scores, intervals))
    mean = scores.groupby(keys)[["ccc", "ccc_out_of_fold"]].mean()
    bounds = intervals.set_index(keys)[["low", "high"]]
    columns = list(scores[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    columns = [tuple(column) for column in columns]
    highest = scores[scores["partition"] == "test"].groupby(keys)["ccc"].mean()
    highest = highest.groupby(["dimension", "target"]).max()

    def get(table: pd.DataFrame, key: tuple, column: str) -> float | None:
        if key not in table.index or pd.isna(table.loc[key, column]):
            return None
        return float(table.loc[key, column])

    rows = []
    for system in systems(scores):
        blocks = []
        for column in columns:
            dev, test = (*column, *system, "dev"), (*column, *system, "test")
            value = get(mean, test, "ccc")
            blocks.append(
                {
                    "dimension": column[0],
                    "dev": get(mean, dev, "ccc"),
                    "out_of_fold": get(mean, dev, "ccc_out_of_fold"),
                    "test": value,
                    "low": get(bounds, test, "low"),
                    "high": get(bounds, test, "high"),
                    "best": value is not None and value == highest[column],
                }
            )
        rows.append({"name": name_of(*system), "task": system[1], "blocks": blocks})
    known = ceiling.set_index(["dimension", "target", "reference", "partition"])[["ccc"]]
    for reference in ceiling["reference"].unique():
        blocks = [
            {
                "dimension": column[0],
                "dev": get(known, (*column, reference, "dev"), "ccc"),
                "test": get(known, (*column, reference, "test"), "ccc"),
            }
            for column in columns
        ]
        rows.append({"name": reference, "task": "", "blocks": blocks})
    return {"columns": columns, "rows": rows}
