"""Weights of the evaluator weighted estimator (Grimm & Kroschel, 2005): how far a rater agrees with
the others.

The measure is Pearson's correlation, as in the source, or the concordance, which also counts level
and range, or one that compares only order or change, for scales without limits. The reference is
the mean of the other raters, or of all, or every other rater in turn.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from softaer.core.concordance import ccc, varies
from softaer.core.experiment import Labels
from softaer.panels.smoothing import changes

LEAST_AGREEMENT = 1e-9
"""Agreement below this counts as zero, because it is a rounding error."""

Compare = Callable[[np.ndarray, np.ndarray], float]
"""Agreement of two series that vary, shape (n,), without NaN."""


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation."""
    return float(np.corrcoef(x, y)[0, 1])


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation: Pearson's of the ranks, of which equal values share one."""
    return correlation(rankdata(x), rankdata(y))


def agreement_with_mean(
    ratings: np.ndarray, compare: Compare = correlation, leave_out: bool = True
) -> np.ndarray:
    """Agreement of each rater with the mean of the raters.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    compare
        See :data:`Compare`.
    leave_out
        Whether the mean leaves the rater out.

    Returns
    -------
    float64 array of shape (K,); NaN where the agreement is not defined (a constant trace, fewer
    than two common frames, no other rater).
    """
    present = ~np.isnan(ratings)
    values = np.where(present, ratings, 0.0)
    total, count = values.sum(axis=0), present.sum(axis=0)
    agreement = np.full(len(ratings), np.nan)
    for k in range(len(ratings)):
        others = count - present[k] * leave_out
        both = present[k] & (others > 0)
        if both.sum() < 2:
            continue
        x = values[k, both]
        y = (total - values[k] * leave_out)[both] / others[both]
        if varies(x) and varies(y):
            agreement[k] = compare(x, y)
    return agreement


def agreement_by_pairs(ratings: np.ndarray, compare: Compare = correlation) -> np.ndarray:
    """Mean agreement of each rater with every other one.

    Parameters and result as for :func:`agreement_with_mean`. Pairs without a defined value are left
    out of the mean.
    """
    pairs = np.full((len(ratings), len(ratings)), np.nan)
    present = ~np.isnan(ratings)
    for i in range(len(ratings)):
        for j in range(i):
            both = present[i] & present[j]
            if both.sum() < 2:
                continue
            x, y = ratings[i, both], ratings[j, both]
            if varies(x) and varies(y):
                pairs[i, j] = pairs[j, i] = compare(x, y)
    known = ~np.isnan(pairs)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), np.nan)


def changes_of(ratings: np.ndarray) -> np.ndarray:
    """Changes of each trace, shape (K, T), see :func:`softaer.panels.smoothing.changes`."""
    return np.stack([changes(trace) for trace in ratings])


def as_they_are(ratings: np.ndarray) -> np.ndarray:
    """The traces themselves."""
    return ratings


class Measure(NamedTuple):
    """A measure of agreement.

    Attributes
    ----------
    compared
        What is compared of the traces of a recording, shape (K, T) to (K, T).
    compare
        How it is compared.
    says, source
        For the documentation.
    """

    compared: Callable[[np.ndarray], np.ndarray]
    compare: Compare
    says: str
    source: str


MEASURES: dict[str, Measure] = {
    "pearson": Measure(
        as_they_are, correlation, "Pearson's correlation", "Grimm & Kroschel (2005)"
    ),
    "ccc": Measure(
        as_they_are,
        ccc,
        "concordance: a rater who is off in level or range weighs less",
        "Lin (1989); MuSe-Toolbox (Stappen et al., 2021)",
    ),
    "spearman": Measure(
        as_they_are,
        rank_correlation,
        "Spearman's correlation of ranks: only the order counts",
        "Spearman (1904); Yannakakis, Cowie & Busso (2018)",
    ),
    "changes": Measure(
        changes_of,
        correlation,
        "Pearson's correlation of the changes: drift does not count",
        "RankTrace (Lopes, Yannakakis & Liapis, 2017)",
    ),
}
"""Each ``labels: measure``."""


def rater_agreement(
    ratings: np.ndarray, against: str = Labels.against, measure: str = Labels.measure
) -> np.ndarray:
    """Agreement of each rater with the others in a recording.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    against
        ``others``: with the mean of the others; ``all``: with the mean of all raters; ``pairs``:
        with each of the others, averaged.
    measure
        One of :data:`MEASURES`.

    Returns
    -------
    float64 array of shape (K,); NaN where the agreement is not defined (a constant trace, fewer
    than two common frames, no other rater).

    Examples
    --------
    >>> rater_agreement(np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 4.0], [2.0, 1.0, 0.0]])).round(6)
    array([ 1., nan, -1.])
    """
    return agreement_over([ratings], against, measure)


def agreement_over(
    recordings: Sequence[np.ndarray], against: str = Labels.against, measure: str = Labels.measure
) -> np.ndarray:
    """Agreement of each rater with the others over several recordings.

    Parameters
    ----------
    recordings
        Ratings of the same K raters, shape (K, T_i) each.
    against, measure
        See :func:`rater_agreement`; the result is that over the concatenated frames.
    """
    how = MEASURES[measure]
    ratings = np.concatenate([how.compared(traces) for traces in recordings], axis=1)
    if against == "pairs":
        return agreement_by_pairs(ratings, how.compare)
    return agreement_with_mean(ratings, how.compare, against == "others")


def weights_from_agreement(agreement: np.ndarray) -> tuple[np.ndarray, bool]:
    """Weights of the raters: their agreement, with undefined and negative values set to zero.

    Returns
    -------
    weights, fallback
        float64 array of shape (K,); if all would be zero, all are one and ``fallback`` is true.
    """
    # If nobody agrees, rounding must not decide the weights.
    weights = np.where(np.nan_to_num(agreement) > LEAST_AGREEMENT, agreement, 0.0)
    if weights.any():
        return weights, False
    return np.ones_like(weights), True
