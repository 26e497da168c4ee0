"""Where a network does not beat the ridge regression on the same features."""

from typing import NamedTuple

import pandas as pd

from softaer.core.tasks import RIDGE, TASKS
from softaer.page.score_table import keyed, shown_partition


class AgainstRidge(NamedTuple):
    """Networks compared with the ridge regression on the same features.

    Attributes
    ----------
    partition
        ``test``, or ``dev`` (out of fold) without a test partition.
    compared
        Number of comparisons.
    behind
        Those in which the network does not have the higher CCC: ``dimension``, ``target``,
        ``modality``, ``task``, ``fusion``, ``ccc``, ``ridge``.
    """

    partition: str
    compared: int
    behind: list[dict]


def against_ridge(scores: pd.DataFrame) -> AgainstRidge | None:
    """Compare the point estimates of networks, mean over seeds, with those of the ridge regression.

    Parameters
    ----------
    scores
        Table of the stage ``score``.

    Returns
    -------
    None if there is nothing to compare.
    """
    partition = shown_partition(scores)
    column = "ccc" if partition == "test" else "ccc_out_of_fold"
    some = keyed(scores[scores["partition"] == partition])
    keys = ["dimension", "target", "modality", "fusion"]
    mean = some.groupby([*keys, "task"], sort=False)[column].mean().rename("ccc").reset_index()
    ridge = mean[mean["task"] == RIDGE].set_index(keys)["ccc"].rename("ridge")
    both = mean[mean["task"].isin(TASKS)].join(ridge, on=keys).dropna(subset=["ccc", "ridge"])
    if both.empty:
        return None
    behind = both[both["ccc"] <= both["ridge"]]
    return AgainstRidge(partition, len(both), behind.to_dict("records"))
