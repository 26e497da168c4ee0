"""Headline: the best model of each dimension and target, in a few words."""

import pandas as pd

from softaer.core.tasks import HUMAN


def headline(scores: pd.DataFrame, ceiling: pd.DataFrame) -> list[dict[str, object]]:
    """For each dimension and target the model that is best on dev, and what it reaches on test.

    Chosen by the CCC on dev out of fold, mean over seeds, so that test does not choose.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``task``, ``ccc`` on test (``None`` without a test
    partition), ``human`` (what one rater reaches, ``None`` where it is not known).
    """
    keys = ["dimension", "target", "modality", "task"]
    mean = scores.groupby([*keys, "partition"], sort=False)[["ccc", "ccc_out_of_fold"]].mean()
    human = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    human = human.set_index(["dimension", "target"])["ccc"].dropna()
    found = []
    for (dimension, target), rows in mean.groupby(["dimension", "target"], sort=False):
        on_dev = rows.xs("dev", level="partition") if "dev" in rows.index.levels[4] else rows[:0]
        # What was fitted on dev would win there: in-sample scores count if there are no others.
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
                "ccc": None if value is None or pd.isna(value) else float(value),
                "human": human.get((dimension, target)),
            }
        )
    return found
