"""Concordance correlation coefficient (Lin, 1989), the score of continuous emotion recognition.

Beside it, other scores of a prediction: Pearson's r, which ignores a wrong level and range; errors
in the unit of the ratings; and the concordance of each recording, which no long recording can
dominate. The concordance of any union of units follows from sums over their frames (`moments`).
"""

from collections.abc import Sequence

import numpy as np


def varies(series: np.ndarray) -> bool:
    """Whether a series changes by more than the rounding error of its computation."""
    return np.ptp(series) > 1e-9 * np.abs(series).max()


def ccc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Concordance of two series: 2 cov / (var + var + (mean - mean)^2), in population form.

    Parameters
    ----------
    truth, prediction
        Shape (n,); pairs with NaN in either are left out.

    Returns
    -------
    Between -1 and 1; 0 if one series is constant, NaN if both are or no pair is left.

    Examples
    --------
    >>> ccc(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])).round(3)
    np.float64(0.571)
    """
    known = ~(np.isnan(truth) | np.isnan(prediction))
    x = np.asarray(truth, dtype=np.float64)[known]
    y = np.asarray(prediction, dtype=np.float64)[known]
    constant = [len(z) == 0 or np.ptp(z) == 0 for z in (x, y)]
    if any(constant):
        return np.nan if all(constant) else 0.0
    dx, dy = x - x.mean(), y - y.mean()
    spread = (dx**2).mean() + (dy**2).mean() + (x.mean() - y.mean()) ** 2
    return 2 * (dx * dy).mean() / spread


def ccc_of_each(truth: Sequence[np.ndarray], prediction: Sequence[np.ndarray]) -> np.ndarray:
    """CCC of every recording on its own.

    Parameters
    ----------
    truth, prediction
        One series per recording, shape (T_i,); NaN as in :func:`ccc`.

    Returns
    -------
    float64, shape (recordings,). As for :func:`ccc`, 0 if the label or the prediction is constant
    in a recording, NaN if both are.
    """
    return np.array([ccc(y, x) for y, x in zip(truth, prediction, strict=True)], dtype=np.float64)


def ccc_of_recordings(truth: Sequence[np.ndarray], prediction: Sequence[np.ndarray]) -> float:
    """Mean of :func:`ccc_of_each` over the recordings in which it is defined; NaN if in none.

    Each recording counts the same, however long it is.
    """
    each = ccc_of_each(truth, prediction)
    return float(each[~np.isnan(each)].mean()) if not np.isnan(each).all() else np.nan


def within_panels(values: np.ndarray, panel: np.ndarray) -> np.ndarray:
    """Take the levels of panels of raters out of sigma.

    If raters are close together in one recording and far apart in another one, the reason may be
    the raters and not the moment. So the mean of each panel is moved to the mean of all.

    Parameters
    ----------
    values
        Sigma, or a prediction of it, shape (n,), NaN where there is none.
    panel
        Number of each frame's panel, int, shape (n,).

    Returns
    -------
    float64, shape (n,); ``values`` as they are if there is one panel.
    """
    _, place = np.unique(panel, return_inverse=True)
    values = np.asarray(values, dtype=np.float64)
    if not len(place) or place.max() == 0:
        return values
    known = ~np.isnan(values)
    number, total = (np.bincount(place[known], w, place.max() + 1) for w in (None, values[known]))
    level = np.divide(total, number, out=np.zeros(len(total)), where=number > 0)
    return values - level[place] + values[known].mean() if known.any() else values


def pearson(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson correlation of two series without NaN, shape (n,); NaN if one is constant."""
    if len(truth) == 0 or np.ptp(truth) == 0 or np.ptp(prediction) == 0:
        return np.nan
    return float(np.corrcoef(np.float64(truth), np.float64(prediction))[0, 1])


def errors(truth: np.ndarray, prediction: np.ndarray) -> tuple[float, float]:
    """RMSE and MAE of a prediction without NaN, shape (n,), in the unit of the ratings."""
    difference = np.float64(prediction) - np.float64(truth)
    return float(np.sqrt((difference**2).mean())), float(np.abs(difference).mean())


def sums_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sums over two series without NaN, shape (n,): n, sum x, sum y, sum xx, sum yy, sum xy."""
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def moments(prediction: np.ndarray, label: np.ndarray, unit: np.ndarray, units: int) -> np.ndarray:
    """Sums over the frames of each unit that determine the CCC over any union of units.

    Parameters
    ----------
    prediction, label
        Shape (frames,), without NaN.
    unit
        Number of each frame's unit, int, shape (frames,), from 0 to ``units`` - 1.
    units
        Number of units.

    Returns
    -------
    float64, shape (units, 6): n, sum x, sum y, sum xx, sum yy, sum xy.
    """
    x, y = np.asarray(prediction, dtype=np.float64), np.asarray(label, dtype=np.float64)
    sums = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return np.stack([np.bincount(unit, values, minlength=units) for values in sums], axis=1)


def ccc_from_moments(sums: np.ndarray) -> np.ndarray:
    """CCC from summed moments, shape (..., 6) to (...); NaN if both series are constant."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = x / n, y / n
        cov = xy / n - mean_x * mean_y
        spread = xx / n - mean_x**2 + yy / n - mean_y**2 + (mean_x - mean_y) ** 2
        return np.where(spread > 1e-12, 2 * cov / spread, np.nan)
