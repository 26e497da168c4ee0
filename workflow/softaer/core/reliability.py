"""Reliability of raters: how far they agree."""

from itertools import combinations

import numpy as np


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
