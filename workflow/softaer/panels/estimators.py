"""Estimators of E from the traces of a panel, and sigma, the spread of the raters about it."""

import numpy as np

from softaer.core.experiment import Labels


def weighted_estimate(ratings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the raters present in each frame.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    weights
        Shape (K,), not negative. In frames where only raters with weight zero are present, their
        plain mean is used.

    Returns
    -------
    float64 array of shape (T,); NaN where no rater is present.
    """
    present = ~np.isnan(ratings)
    values = np.where(present, ratings, 0.0)
    share = weights[:, None] * present
    share = np.where(share.sum(axis=0) > 0, share, present)
    with np.errstate(invalid="ignore"):
        return (share * values).sum(axis=0) / share.sum(axis=0)


def median_estimate(ratings: np.ndarray) -> np.ndarray:
    """Median of the raters present in each frame, shape (K, T) to (T,); NaN without any."""
    present = ~np.isnan(ratings).all(axis=0)
    estimate = np.full(ratings.shape[1], np.nan)
    estimate[present] = np.nanmedian(ratings[:, present], axis=0)
    return estimate


def trimmed_estimate(ratings: np.ndarray, trim: float = Labels.trim) -> np.ndarray:
    """Mean without the lowest and the highest raters of each frame.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    trim
        Share of the raters present that is left out at either end, below 0.5; rounded down to a
        number of raters.

    Returns
    -------
    float64 array of shape (T,); NaN where no rater is present.

    Examples
    --------
    >>> trimmed_estimate(np.array([[0.0], [1.0], [2.0], [3.0], [99.0]]), 0.2)
    array([2.])
    """
    ranked = np.sort(ratings, axis=0)
    count = (~np.isnan(ratings)).sum(axis=0)
    cut = (trim * count + 1e-9).astype(int)
    place = np.arange(len(ratings))[:, None]
    kept = (place >= cut) & (place < count - cut)
    with np.errstate(invalid="ignore"):
        return np.where(kept, ranked, 0.0).sum(axis=0) / kept.sum(axis=0)


def perception_uncertainty(
    ratings: np.ndarray, about: np.ndarray, spread: str = Labels.spread
) -> np.ndarray:
    """Spread of the raters present in each frame about an estimate.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    about
        Estimate, shape (T,).
    spread
        ``sample`` divides the sum of squares by K - 1, ``population`` by K.

    Returns
    -------
    float64 array of shape (T,), in units of the ratings; NaN with fewer than two raters.
    """
    count = (~np.isnan(ratings)).sum(axis=0)
    squares = np.nansum((ratings - about) ** 2, axis=0)
    divisor = np.where(count >= 2, count - (spread == "sample"), np.nan)
    return np.sqrt(squares / divisor)
