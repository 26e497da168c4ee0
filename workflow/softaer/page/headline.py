"""Headline: the best model of each dimension and target."""

from typing import Any

import pandas as pd

from softaer.core.experiment import System
from softaer.core.tasks import HUMAN, TASKS
from softaer.page.score_table import keyed


def best_on_dev(scores: pd.DataFrame) -> dict[tuple[str, str], System]:
    """The best network of each dimension and target.

    It is chosen by the out-of-fold CCC on dev, averaged over seeds, so that test is not used.

    Parameters
    ----------
    scores
        Table of the stage ``score``.

    Returns
    -------
    By dimension and target; without those that are not scored on dev.
    """
    keys = ["dimension", "target", "modality", "task", "fusion"]
    some = keyed(scores[scores["task"].isin(TASKS) & (scores["partition"] == "dev")])
    mean = some.groupby(keys, sort=False)[["ccc", "ccc_out_of_fold"]].mean()
    found = {}
    for (dimension, target), rows in mean.groupby(["dimension", "target"], sort=False):
        # In-sample scores would favour models fitted on dev: used only without others.
        order = rows["ccc_out_of_fold"].dropna()
        order = rows["ccc"].dropna() if order.empty else order
        if not order.empty:
            _, _, modality, task, fusion = order.idxmax()
            found[str(dimension), str(target)] = System(modality, task, fusion or None)
    return found


def headline(scores: pd.DataFrame, ceiling: pd.DataFrame) -> list[dict[str, Any]]:
    """The best network on dev for each dimension and target, with its score on test.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``task``, ``fusion``, ``ccc`` on test (``None``
    without a test partition), ``human`` (score of one rater, ``None`` if unknown).
    """
    keys = ["dimension", "target", "modality", "task", "fusion"]
    on_test = keyed(scores[scores["partition"] == "test"]).groupby(keys)["ccc"].mean()
    human = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    human = human.set_index(["dimension", "target"])["ccc"].dropna()
    found = []
    for (dimension, target), best in best_on_dev(scores).items():
        value = on_test.get((dimension, target, best.modality, best.task, best.fusion or ""))
        found.append(
            {
                **{"dimension": dimension, "target": target, **best._asdict()},
                "ccc": None if value is None or pd.isna(value) else float(value),
                "human": human.get((dimension, target)),
            }
        )
    return found
