"""Reliability of raters: how far they agree, and how far others would have made the same labels.

Split-half reliability correlates E (or sigma) of two disjoint halves of a panel. The prophecy of
Spearman (1910) and Brown (1910) extends it to other numbers of raters: if the value of K raters has
reliability r, that of m K raters has m r / (1 + (m - 1) r). For sigma, K - 1 may take the place of
K, because the sampling variance of log sigma^2 is about 2 / (K - 1).
"""

from itertools import combinations
from math import ceil, comb

import numpy as np

from softaer.core.concordance import sums_of

SPLITS = 126
"""Number of splits of a panel; all of them if there are no more, as with ten raters or fewer than
nine, otherwise this many at random."""


def krippendorff_alpha(values: np.ndarray) -> float:
    """Krippendorff's alpha for interval data.

    Parameters
    ----------
    values
        Shape (raters, units), NaN where a rater has no value for a unit.

    Returns
    -------
    alpha; NaN if no unit has two values, or if all values are equal.

    References
    ----------
    Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    """
    present = ~np.isnan(values)
    pairable = present.sum(axis=0) >= 2
    x, m = np.where(present, values, 0.0)[:, pairable], present.sum(axis=0)[pairable]
    n = m.sum()
    if n == 0:
        return np.nan
    # Centred, to avoid cancellation in differences of squares.
    x = np.where(present[:, pairable], x - x.sum() / n, 0.0)
    within = 2 * (m * (x**2).sum(axis=0) - x.sum(axis=0) ** 2) / (m - 1)
    observed = within.sum() / n
    expected = 2 * (n * (x**2).sum() - x.sum() ** 2) / (n * (n - 1))
    return float(1 - observed / expected) if expected > 0 else np.nan


def correlations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson correlation of each pair of raters over the frames that both rated.

    Parameters
    ----------
    values
        Shape (raters, frames), NaN where a rater is absent.

    Returns
    -------
    correlation, frames
        Both of shape (raters, raters) and symmetric: float64, NaN on the diagonal and where
        undefined; and int64, the number of frames that both rated.
    """
    count = len(values)
    correlation, frames = np.full((count, count), np.nan), np.zeros((count, count), dtype=np.int64)
    for i, j in combinations(range(count), 2):
        a, b = values[i], values[j]
        both = ~(np.isnan(a) | np.isnan(b))
        frames[i, j] = frames[j, i] = both.sum()
        if both.sum() > 1 and np.ptp(a[both]) > 0 and np.ptp(b[both]) > 0:
            correlation[i, j] = correlation[j, i] = np.corrcoef(a[both], b[both])[0, 1]
    return correlation, frames


def pairwise_correlation(values: np.ndarray) -> float:
    """Mean of :func:`correlations` over all pairs; NaN where none is defined."""
    correlation, _ = correlations(values)
    known = correlation[~np.isnan(correlation)]
    return float(known.mean()) if len(known) else np.nan


def intraclass_correlation(values: np.ndarray) -> tuple[float, float]:
    """ICC(2,1) and ICC(2,k): two-way random effects, absolute agreement.

    Parameters
    ----------
    values
        Shape (raters, units), without NaN.

    Returns
    -------
    single, mean
        Reliability of one rater, and of the mean of all; NaN with fewer than two raters or units,
        or if all values are equal.

    References
    ----------
    Shrout & Fleiss (1979); ICC(A,1) and ICC(A,k) in McGraw & Wong (1996).
    """
    k, n = values.shape
    if k < 2 or n < 2:
        return np.nan, np.nan
    x = values - values.mean()
    of_units, of_raters = x.mean(axis=0), x.mean(axis=1)
    rows = k * (of_units**2).sum() / (n - 1)
    columns = n * (of_raters**2).sum() / (k - 1)
    rest = ((x - of_units - of_raters[:, None]) ** 2).sum() / ((n - 1) * (k - 1))
    single = rows + (k - 1) * rest + k * (columns - rest) / n
    mean = rows + (columns - rest) / n
    return (
        float((rows - rest) / single) if single > 0 else np.nan,
        float((rows - rest) / mean) if mean > 0 else np.nan,
    )


def splits_of_panel(raters: int, size: int, seed: int = 0) -> np.ndarray:
    """Orders of the raters, whose first ``size`` and next ``size`` members are two panels.

    Parameters
    ----------
    raters
        Number of raters in the corpus.
    size
        Number of raters of each of the two panels.
    seed
        Of the random splits.

    Returns
    -------
    int64 array of shape (splits, raters): every split once, or :data:`SPLITS` at random if there
    are more.
    """
    if comb(raters, size) * comb(raters - size, size) // 2 <= SPLITS:
        everyone = range(raters)
        orders = []
        for first in combinations(everyone, size):
            others = [k for k in everyone if k not in first]
            for second in combinations(others, size):
                if first < second:
                    rest = [k for k in others if k not in second]
                    orders.append([*first, *second, *rest])
        return np.array(orders)
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(raters) for _ in range(SPLITS)])


def split_moments(
    ratings: np.ndarray, raters: np.ndarray, orders: np.ndarray, size: int
) -> np.ndarray:
    """Sums over the frames of one recording that determine the correlation of two panels.

    In each split, the raters of this recording are taken in the given order: the first ``size``
    are one panel, the next ``size`` the other. E of a panel is the mean of its raters, and sigma
    their standard deviation (divisor K - 1).

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent; K at least twice ``size``.
    raters
        Number of each of the K raters in ``orders``, shape (K,).
    orders
        See :func:`splits_of_panel`.
    size
        Number of raters of each panel.

    Returns
    -------
    float64 array of shape (2, splits, 6), for E and sigma: n, sum x, sum y, sum xx, sum yy, sum xy
    over the frames in which both panels have a value (for sigma, two raters each).
    """
    present = ~np.isnan(ratings)
    count = present.sum(axis=0)
    # Centred in each frame, to avoid cancellation in the sums of squares.
    centre = np.where(present, ratings, 0.0).sum(axis=0) / np.maximum(count, 1)
    values = np.where(present, ratings - centre, 0.0)
    place = np.argsort(orders, axis=1)[:, raters]
    sums = np.zeros((2, len(orders), 6))
    for split, own in enumerate(place):
        ranked = np.argsort(own)
        panels = [ranked[:size], ranked[size : 2 * size]]
        means, spreads = [], []
        for panel in panels:
            n = present[panel].sum(axis=0)
            total = values[panel].sum(axis=0)
            squares = (values[panel] ** 2).sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append(np.where(n > 0, centre + total / n, np.nan))
                variance = np.maximum(squares - total**2 / n, 0.0) / (n - 1)
                spreads.append(np.where(n > 1, np.sqrt(variance), np.nan))
        for target, (x, y) in enumerate((means, spreads)):
            known = ~(np.isnan(x) | np.isnan(y))
            sums[target, split] = sums_of(x[known], y[known])
    return sums


def correlation_from_moments(sums: np.ndarray, within: bool = False) -> np.ndarray:
    """Pearson correlation from sums of several recordings.

    Parameters
    ----------
    sums
        Shape (..., recordings, 6), see :func:`split_moments`.
    within
        Whether each recording is centred on its own means.

    Returns
    -------
    Shape (...); NaN where a series is constant.
    """
    if not within:
        sums = sums.sum(axis=-2, keepdims=True)
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    n = np.maximum(n, 1)
    cov = (xy - x * y / n).sum(axis=-1)
    var_x, var_y = (xx - x * x / n).sum(axis=-1), (yy - y * y / n).sum(axis=-1)
    varies = (var_x > 1e-12 * xx.sum(axis=-1)) & (var_y > 1e-12 * yy.sum(axis=-1))
    return np.where(varies, cov / np.sqrt(np.where(varies, var_x * var_y, 1.0)), np.nan)


def spearman_brown(reliability: np.ndarray | float, factor: float) -> np.ndarray:
    """Reliability with ``factor`` times as many raters; a value of 0 or less stays as it is.

    Examples
    --------
    >>> float(spearman_brown(0.5, 2).round(3))
    0.667
    """
    r = np.asarray(reliability, dtype=np.float64)
    return np.where(r > 0, factor * r / (1 + (factor - 1) * np.maximum(r, 0.0)), r)


def raters_needed(reliability: float, raters: int, wanted: float) -> int | None:
    """Number of raters for a wanted reliability, by the prophecy of Spearman and Brown.

    Parameters
    ----------
    reliability
        Of the value from some raters.
    raters
        Number of these raters.
    wanted
        Between 0 and 1.

    Returns
    -------
    None if no number of raters reaches it, because the reliability is not positive.

    Examples
    --------
    >>> raters_needed(0.5, 2, 0.8), raters_needed(-0.1, 2, 0.8)
    (8, None)
    """
    if not reliability > 0:
        return None
    if reliability >= 1:
        return 1
    factor = wanted * (1 - reliability) / (reliability * (1 - wanted))
    return max(ceil(factor * raters - 1e-9), 1)
