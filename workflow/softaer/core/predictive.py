"""The distribution of what another rater would say, from a predicted E and sigma.

    y_k(t) ~ N(E(t), s(t)^2)        s(t)^2 = a^2 + sigma(t)^2

Sigma is how far the raters disagree at that moment. a is one number: how far the model errs, and
what of a rater's own level sigma misses. It has the highest likelihood of single ratings on dev.
With one more factor, s^2 = a^2 + b^2 sigma^2, b is a check: 1 where sigma has the right size.

A band E +- q s comes from hierarchical conformal prediction (Dunn, Wasserman & Ramdas, 2018; Lee,
Barber & Willett, 2023): the units of dev (subjects, or recordings) are exchangeable with a new one,
and q is a quantile of |y - E| / s in which each unit counts the same and one unit more is infinite.
On average over new units like these, at least the nominal share of ratings is then in the band.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize, minimize_scalar

NOMINAL = (0.8, 0.9)
"""Nominal shares of the bands."""

LEAST_SPREAD = 0.01
"""Smallest spread, as a share of the constant one: two raters may agree exactly by chance, and
without a limit one rating would then decide the likelihood."""


class Panel(NamedTuple):
    """The ratings of frames, shape (T,) each: their number, mean, and sum of squares about it."""

    number: np.ndarray
    mean: np.ndarray
    squares: np.ndarray


class Spread(NamedTuple):
    """What turns a predicted E and sigma into a distribution, in units of the ratings.

    Attributes
    ----------
    a
        See above; at least 0.
    constant
        The best spread that does not change with time.
    """

    a: float
    constant: float

    def of(self, sigma: np.ndarray | float) -> np.ndarray:
        """The spread s of predicted sigmas."""
        return np.maximum(np.hypot(self.a, sigma), LEAST_SPREAD * self.constant)


def negative_log_likelihood(panel: Panel, centre: np.ndarray, variance: np.ndarray) -> float:
    """Mean negative log-likelihood of all single ratings under N(centre, variance).

    The number, mean and sum of squares of a frame's ratings are enough: the sum over its ratings of
    (y - E)^2 is SS + n (mean - E)^2.

    Parameters
    ----------
    panel
        The ratings.
    centre, variance
        Shape (T,).
    """
    squares = panel.squares + panel.number * (panel.mean - centre) ** 2
    total = panel.number * np.log(2 * np.pi * variance) + squares / variance
    return float(total.sum() / (2 * panel.number.sum()))


def fit(panel: Panel, centre: np.ndarray, sigma: np.ndarray) -> Spread:
    """The spread with the highest likelihood of the ratings.

    Parameters
    ----------
    panel
        Ratings of dev, at least one.
    centre, sigma
        Predicted E and sigma, shape (T,), out of fold.
    """
    squares = panel.squares + panel.number * (panel.mean - centre) ** 2
    constant = float(np.sqrt(squares.sum() / panel.number.sum()))
    if constant == 0:
        return Spread(0.0, 0.0)
    # At the best a, the mean of s^2 can hardly exceed the largest second moment of a frame.
    most = float(np.sqrt((squares / panel.number).max()))

    def score(a: float) -> float:
        return negative_log_likelihood(panel, centre, Spread(a, constant).of(sigma) ** 2)

    found = minimize_scalar(score, bounds=(0.0, most), method="bounded", options={"xatol": 1e-9})
    candidates = [0.0, float(found.x)]
    return Spread(min(candidates, key=score), constant)


def fit_factor(panel: Panel, centre: np.ndarray, sigma: np.ndarray, spread: Spread) -> float:
    """b^2 of s^2 = a^2 + b^2 sigma^2 with the highest likelihood, with an a of its own.

    Parameters
    ----------
    panel, centre, sigma
        See :func:`fit`.
    spread
        The result of :func:`fit`.

    Returns
    -------
    At least 0; NaN if sigma does not vary, and nothing can be said.
    """
    if np.ptp(sigma) <= 1e-9 or spread.constant == 0:
        return np.nan
    least = (LEAST_SPREAD * spread.constant) ** 2

    def score(factors: np.ndarray) -> float:
        variance = np.maximum(factors[0] + factors[1] * sigma**2, least)
        return negative_log_likelihood(panel, centre, variance)

    start = np.array([max(spread.a**2, least), 1.0])
    found = minimize(score, start, method="L-BFGS-B", bounds=[(0, None), (0, None)])
    return float(found.x[1])


def units_needed(nominal: float) -> int:
    """Smallest number of units with which a band is finite, 1 / alpha - 1.

    Examples
    --------
    >>> [units_needed(share) for share in (0.8, 0.9, 0.95)]
    [4, 9, 19]
    """
    return int(np.ceil(nominal / (1 - nominal) - 1e-9))


def few(units: int, nominal: float) -> bool:
    """Whether a band rests on few units: fewer than 2 / alpha.

    Examples
    --------
    >>> few(9, 0.8), few(10, 0.8), few(12, 0.9)
    (True, False, True)
    """
    return units < 2 / (1 - nominal) - 1e-9


def conformal_quantile(scores: np.ndarray, units: np.ndarray, nominal: float) -> float:
    """The nominal quantile of scores, in which each unit counts the same and one more is infinite.

    The quantile of sum_i sum_j delta(R_ij) / ((n + 1) N_i) + delta(infinity) / (n + 1), for n units
    with N_i scores each (Lee, Barber & Willett, 2023).

    Parameters
    ----------
    scores
        Shape (N,).
    units
        Number of each score's unit, shape (N,).
    nominal
        Between 0 and 1.

    Returns
    -------
    NaN with fewer units than :func:`units_needed`: no finite band keeps the promise.
    """
    _, place, counts = np.unique(units, return_inverse=True, return_counts=True)
    if len(counts) < units_needed(nominal):
        return np.nan
    order = np.argsort(scores, kind="stable")
    weight = 1 / ((len(counts) + 1) * counts[place])
    reached = np.cumsum(weight[order])
    first = min(int(np.searchsorted(reached, nominal - 1e-9)), len(order) - 1)
    return float(scores[order][first])
