"""Scaling of raters' traces: raters who use a scale differently are brought to one scale.

Raters differ in level and range. Scaled over the corpus, a rater's recordings keep their
differences; scaled within a recording, every trace has the same level and spread, and differences
between recordings are lost. Statistics over the corpus are those of the recordings that the rater
rated: if raters rated different recordings, differences between recordings count as differences
between raters.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from softaer.core.concordance import varies


class Levels(NamedTuple):
    """Level and spread of a rater's values: over the corpus, or in one recording.

    Attributes
    ----------
    mean, deviation
        Mean and standard deviation (divisor n).
    low, high
        Least and largest value.
    gain, bias
        Of the rater in the model of the panel, if it is known; see
        :mod:`softaer.core.panel_model`.
    """

    mean: float
    deviation: float
    low: float
    high: float
    gain: float = 1.0
    bias: float = 0.0


def levels(values: np.ndarray) -> Levels:
    """Level and spread of values without NaN, shape (n,); a flat trace has no spread at all."""
    if not varies(values):
        return Levels(float(values.mean()), 0.0, float(values.min()), float(values.min()))
    return Levels(*map(float, (values.mean(), values.std(), values.min(), values.max())))


def standardised(values: np.ndarray, of: Levels) -> np.ndarray:
    """Mean 0 and standard deviation 1; a flat trace becomes 0."""
    return (values - of.mean) / of.deviation if of.deviation else np.zeros_like(values)


def ranged(values: np.ndarray, of: Levels) -> np.ndarray:
    """From the least and the largest value to -1 and 1; a flat trace becomes 0."""
    width = of.high - of.low
    return 2 * (values - of.low) / width - 1 if width else np.zeros_like(values)


def centred(values: np.ndarray, of: Levels) -> np.ndarray:
    """Mean 0, in the unit of the ratings."""
    return values - of.mean


def calibrated(values: np.ndarray, of: Levels) -> np.ndarray:
    """Without the rater's gain and bias, on the scale of the panel."""
    return (values - of.bias) / of.gain


def statistics(ratings: pd.DataFrame) -> pd.DataFrame:
    """Levels of each rater and dimension over all recordings.

    Parameters
    ----------
    ratings
        ``dimension``, ``rater``, ``value``.

    Returns
    -------
    ``dimension``, ``rater`` and the attributes of :class:`Levels`, one row per rater and dimension.
    """
    rows = [
        (*names, *levels(values.to_numpy()))
        for names, values in ratings.groupby(["dimension", "rater"], sort=True)["value"]
    ]
    return pd.DataFrame(rows, columns=["dimension", "rater", *Levels._fields])
