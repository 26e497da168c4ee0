"""Headline: the best model of each dimension and target."""

from typing import Any

import pandas as pd

from softaer.core.tasks import HUMAN, TASKS
from softaer.page.score_table import keyed


def headline(scores: pd.DataFrame, ceiling: pd.DataFrame) -> list[dict[str, Any]]:
    """The best network on dev for each dimension and target, with its score on test.

    It is chosen by the out-of-fold CCC on dev, averaged over seeds, so that test is not used.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``task``, ``fusion``, ``ccc`` on test (``None``
    without a test partition), ``human`` (score of one rater, ``None`` if unknown).
    """
    keys = ["dimension", "target", "modality", "task", "fusion"]
    scores = keyed(scores[scores["task"].isin(TASKS)])
    mean = scores.groupby([*keys, "partition"], sort=False)[["ccc", "ccc_out_of_fold"]].mean()
    human = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    human = human.set_index(["dimension", "target"])["ccc"].dropna()
    found = []
    for (dimension, target), rows in mean.groupby(["dimension", "target"], sort=False):
        on_dev = rows.xs("dev", level="partition") if "dev" in rows.index.levels[5] else rows[:0]
        # In-sample scores would favour models fitted on dev: used only without others.
        order = on_dev["ccc_out_of_fold"].dropna()
        order = on_dev["ccc"].dropna() if order.empty else order
        if order.empty:
            continue
        best = order.idxmax()
        value = rows["ccc"].get((*best, "test"))
        found.append(
            {
                "dimension": dimension,
                "target": target,
                "modality": best[2],
                "task": best[3],
                "fusion": best[4] or None,
                "ccc": None if value is None or pd.isna(value) else float(value),
                "human": human.get((dimension, target)),
            }
        )
    return found
