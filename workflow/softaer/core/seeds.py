"""The prediction that several trainings give together."""

from collections.abc import Sequence

import pandas as pd

FRAME = ["recording", "time"]
"""Columns that name a frame."""


def mean_of_seeds(predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of predictions of several seeds, frame by frame.

    Parameters
    ----------
    predictions
        ``recording``, ``time`` and the same columns of numbers each; their order may differ.

    Returns
    -------
    The frames of the first one; NaN where another one lacks the frame or the value.
    """
    first, *others = [prediction.set_index(FRAME) for prediction in predictions]
    total = sum((other.reindex(first.index) for other in others), first)
    return (total / len(predictions)).reset_index()
