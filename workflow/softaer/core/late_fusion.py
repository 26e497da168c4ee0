"""Methods of late fusion: a linear combination y = eps + sum_i gamma_i y_i of predictions.

Every method maps labels and predictions to the coefficients (eps, gamma_1, ..., gamma_m), for any
number m of predictions. :data:`METHODS` is the registry; the paper's is least squares (Han et al.,
2017). Equal weights are hard to beat if the predictions are similar and few subjects are there to
fit on (Dawes, 1979), because the fitted weights then follow chance.

Least squares has a ridge penalty that is zero unless predictions are nearly collinear. Two
predictions of nearly the same values would otherwise get coefficients of opposite signs and any
size, and a failure of one of them would destroy the fusion. See :func:`penalty`.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from softaer.core.errors import InputError
from softaer.core.tasks import FusionMethod

MOST_CONDITION = 300.0
"""Largest condition number of the predictions' correlation matrix that least squares accepts."""

SHRINKAGE = 1.0
"""Penalty of deviations from equal weights, per frame, on standardised predictions."""

HIGH_INFLATION = 10.0
"""Variance inflation from which predictions count as nearly collinear (Marquardt, 1970)."""


def penalty(eigenvalues: np.ndarray) -> float:
    """Ridge penalty per frame that bounds the condition number of a correlation matrix.

    It is the smallest penalty with (largest + penalty) / (smallest + penalty) at most
    :data:`MOST_CONDITION`. It is 0, and least squares is the paper's, for two predictions that
    correlate by less than 0.993.

    Parameters
    ----------
    eigenvalues
        Of the correlation matrix, ascending, shape (m,).

    Examples
    --------
    >>> penalty(np.array([0.5, 1.5]))
    0.0
    >>> round(penalty(np.array([0.0, 2.0])), 4)
    0.0067
    """
    smallest, largest = eigenvalues[0], eigenvalues[-1]
    return max(0.0, float((largest - MOST_CONDITION * smallest) / (MOST_CONDITION - 1)))


def _standardised(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, scale and standardised columns; a constant column has scale inf and becomes 0."""
    centre = x.mean(axis=0)
    scale = x.std(axis=0)
    # A spread below the resolution of the mean is only rounding.
    constant = scale <= np.abs(centre) * 1e-12
    scale = np.where(constant, np.inf, scale)
    return centre, scale, (x - centre) / scale


def _ridge(z: np.ndarray, y: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Coefficients of standardised columns, with a penalty per frame of at least ``least``."""
    eigenvalues, vectors = np.linalg.eigh(z.T @ z / len(z))
    total = eigenvalues + max(least, penalty(eigenvalues))
    projected = vectors.T @ (z.T @ y) / len(z)
    # Without any variance all are zero, and so are the coefficients.
    return vectors @ np.divide(projected, total, out=np.zeros_like(total), where=total > 0)


def _with_intercept(x: np.ndarray, y: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    return np.concatenate([[y.mean() - x.mean(axis=0) @ gamma], gamma])


def least_squares(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Least squares, penalised if the predictions are nearly collinear."""
    _, scale, z = _standardised(x)
    return _with_intercept(x, y, _ridge(z, y - y.mean()) / scale)


def rescaled(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Least squares, scaled about the mean to the spread of the labels.

    Least squares predicts with less spread than the labels have, which the CCC punishes.
    """
    gamma = least_squares(y, x)[1:]
    spread = ((x - x.mean(axis=0)) @ gamma).std()
    if spread > np.abs(y).max() * 1e-12:
        gamma = gamma * (y.std() / spread)
    return _with_intercept(x, y, gamma)


def nonnegative(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Least squares without negative coefficients; the intercept is free."""
    _, scale, z = _standardised(x)
    return _with_intercept(x, y, nnls(z, y - y.mean())[0] / scale)


def mean(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Equal weights; nothing is fitted."""
    count = x.shape[1]
    return np.concatenate([[0.0], np.full(count, 1 / count)])


def shrunk(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Equal weights, unless the labels say otherwise: least squares shrunk towards them."""
    _, scale, z = _standardised(x)
    equal = mean(y, x)[1:]
    rest = y - y.mean() - (x - x.mean(axis=0)) @ equal
    return _with_intercept(x, y, equal + _ridge(z, rest, SHRINKAGE) / scale)


METHODS: dict[FusionMethod, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "least_squares": least_squares,
    "rescaled": rescaled,
    "nonnegative": nonnegative,
    "shrunk": shrunk,
    "mean": mean,
}
"""Methods by name: labels, shape (n,), and predictions, shape (n, m), float64 without NaN, to
coefficients, shape (1 + m,)."""


def _known(truth: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = ~(np.isnan(truth) | np.isnan(predictions).any(axis=1))
    if not known.any():
        raise InputError("late fusion: no frame of the dev partition has a label and predictions")
    return truth[known].astype(np.float64), predictions[known].astype(np.float64)


def fit_fusion(
    truth: np.ndarray, predictions: np.ndarray, method: FusionMethod = "least_squares"
) -> np.ndarray:
    """Coefficients of a late fusion.

    Parameters
    ----------
    truth
        Labels, shape (n,).
    predictions
        One column per modality, shape (n, m); frames with NaN in any of them or in the label are
        left out.
    method
        Name of a method in :data:`METHODS`.

    Returns
    -------
    float64 array of shape (1 + m,): intercept, then one coefficient per modality. A constant
    prediction has coefficient 0, except where equal weights need no fit.

    Raises
    ------
    InputError
        If no frame is left.
    """
    return METHODS[method](*_known(truth, predictions))


def variance_inflation(truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Variance inflation factor of each prediction: 1 / (1 - R^2) given the others.

    Above :data:`HIGH_INFLATION`, a coefficient says little on its own.

    Parameters
    ----------
    truth, predictions
        See :func:`fit_fusion`; the same frames count.

    Returns
    -------
    float64 array of shape (m,), at least 1; the inverse of the machine's resolution for a
    prediction that others determine, NaN for a constant one.
    """
    _, scale, z = _standardised(_known(truth, predictions)[1])
    varies = np.isfinite(scale)
    z = z[:, varies]
    eigenvalues, vectors = np.linalg.eigh(z.T @ z / len(z))
    floor = np.finfo(np.float64).eps
    found = np.full(len(scale), np.nan)
    found[varies] = (vectors**2 / np.maximum(eigenvalues, floor)).sum(axis=1)
    return found
