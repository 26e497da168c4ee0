"""The paper's table: CCC of every model on dev and test, with one more rater."""

import itertools

import pandas as pd

from softaer.core.tasks import CONSTANT, PLAIN_MEAN

SYSTEM = ["modality", "task", "fusion"]
"""Columns that identify a model in the tables of scores."""


def keyed(table: pd.DataFrame) -> pd.DataFrame:
    """A table of scores whose models can be looked up: without a fusion, ``fusion`` is ``""``."""
    return table.assign(fusion=table["fusion"].fillna(""))


def shown_partition(scores: pd.DataFrame) -> str:
    """``test``, or ``dev`` if nothing is scored on test."""
    return "test" if (scores["partition"] == "test").any() else "dev"


def systems(scores: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Models to show, in the table's order; the fusion of a single modality is ``""``.

    The mean of train is the same for all modalities, so that it is shown only once, as the last.
    """
    found = [tuple(row) for row in keyed(scores)[SYSTEM].drop_duplicates().to_numpy()]
    constant = [system for system in found if system[1] == CONSTANT]
    return [system for system in found if system not in constant] + constant[:1]


def name_of(modality: str, task: str, fusion: str) -> str:
    """Name of a model's input in tables: ``audio``, ``audio+video``, ``audio+video (mean)``."""
    if task == CONSTANT:
        return "none"
    return f"{modality} ({PLAIN_MEAN})" if fusion == PLAIN_MEAN else modality


def with_minus(text: str) -> str:
    """Numbers with a minus sign instead of a hyphen.

    Examples
    --------
    >>> with_minus("[-0.10, 0.20]")
    '[−0.10, 0.20]'
    """
    return text.replace("-", "−")


def shown(value: float) -> str:
    """A score as pages show it.

    Examples
    --------
    >>> shown(-0.1234), shown(-0.0001)
    ('−0.123', '0.000')
    """
    return with_minus(f"{value:z.3f}")


def shown_bounds(low: float, high: float, kind: str) -> str | None:
    """``[0.12, 0.34]`` for an interval, ``(0.12 to 0.34)`` for a range; ``None`` if missing."""
    if pd.isna(low):
        return None
    # z: no minus before what is rounded to zero.
    text = f"[{low:z.2f}, {high:z.2f}]" if kind == "interval" else f"({low:z.2f} to {high:z.2f})"
    return with_minus(text)


OTHER_SCORES = {
    "ccc": "CCC",
    "pearson": "r",
    "rmse": "RMSE",
    "mae": "MAE",
    "ccc_recording_mean": "CCC per recording: mean",
    "ccc_recording_median": "median",
    "ccc_recording_worst": "worst",
}
"""Columns of the scores beside the CCC, with their titles."""


def panels_of_test(scores: pd.DataFrame) -> int:
    """Largest number of panels of raters within which sigma is scored on test (on dev without it).

    0 if sigma is not predicted.
    """
    found = scores.dropna(subset=["panels"])
    on_test = found[found["partition"] == "test"]
    found = found if on_test.empty else on_test
    return 0 if found.empty else int(found["panels"].max())


def other_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """More than one figure per model, mean over seeds, on test or, without it, on dev.

    Parameters
    ----------
    scores
        Table of the stage ``score``.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``task``, the titles of :data:`OTHER_SCORES`, and
    ``worst recording``: the one with the lowest CCC, or those, if it differs between seeds.
    """
    some = keyed(scores[scores["partition"] == shown_partition(scores)])
    rows = []
    columns = some[["dimension", "target"]].drop_duplicates().itertuples(index=False, name=None)
    groups = dict(iter(some.groupby(["dimension", "target", *SYSTEM])))
    for (dimension, target), system in itertools.product(columns, systems(some)):
        seeds = groups.get((dimension, target, *system))
        if seeds is not None:
            names = {"modality": name_of(*system), "task": system[1]}
            rows.append(
                {"dimension": dimension, "target": target, **names}
                | {title: seeds[name].mean() for name, title in OTHER_SCORES.items()}
                | {"worst recording": ", ".join(sorted({*seeds["worst_recording"].dropna()}))}
            )
    return pd.DataFrame(rows)


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
        ``test``, ``bounds`` in words (``None`` if missing) and ``best``: highest on test among the
        models.
    """
    keys = ["dimension", "target", *SYSTEM, "partition"]
    scores, intervals = map(keyed, (scores, intervals))
    mean = scores.groupby(keys)[["ccc", "ccc_out_of_fold"]].mean()
    bounds = [shown_bounds(*row) for row in intervals[["low", "high", "kind"]].to_numpy()]
    bounds_of = dict(zip(intervals[keys].itertuples(index=False, name=None), bounds, strict=True))
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
                    "bounds": bounds_of.get(test),
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
