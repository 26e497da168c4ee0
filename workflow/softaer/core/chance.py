"""Chance: the highest correlation that two unrelated slow series are likely to reach.

Neighbouring frames of a slow series are nearly the same. Of n frames, only

    n / sum_tau rho_x(tau) rho_y(tau)

count as independent (Bartlett, 1946), with the autocorrelations rho of the two series; the sum ends
where one of them is no longer positive. With this number of samples instead of n, the usual t test
of a correlation is valid. If the highest of several correlations was chosen, as over lags, the
level is divided by their number, counting redundant neighbours once. If several lags were chosen
together, it is divided by the number of their combinations.
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import correlate
from scipy.stats import t as student

LEVEL = 0.001
"""Share of unrelated pairs of series that pass. It is small because a panel has several raters and
an experiment several dimensions, and because passing has consequences without a human check."""


def independent_samples(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Number of independent samples in pairs of slow series.

    Parameters
    ----------
    pairs
        Two series of equal length per recording, shape (T_i,), with their mean removed; frames
        with NaN in either are left out.

    Returns
    -------
    Between 0 (one of the series is zero) and the number of frames.
    """
    pairs = [both for both in pairs if len(both[0])]
    length = max((len(x) for x, _ in pairs), default=0)
    products, count = np.zeros((2, length)), np.zeros(length)
    for both in pairs:
        known = ~np.isnan(np.asarray(both)).any(axis=0)
        count[: len(known)] += _correlate_with_itself(known.astype(float))
        for k, series in enumerate(both):
            products[k, : len(known)] += _correlate_with_itself(np.where(known, series, 0.0))
    if length == 0 or not (products[:, 0] > 0).all():
        return 0.0
    covariance = products / np.maximum(count, 1.0)
    rho = covariance / covariance[:, :1]
    end = np.argmin(np.append((rho > 0).all(axis=0), False))
    shared = count[:end] / count[0] * rho[0, :end] * rho[1, :end]
    return float(count[0] / (2 * shared.sum() - 1))


def chance_level(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], means: int, candidates: int, choices: int = 1
) -> float:
    """Correlation that unrelated series exceed with probability :data:`LEVEL`.

    Parameters
    ----------
    pairs
        The two correlated series of each recording; see :func:`independent_samples`.
    means
        Number of means removed from each of the two: one, or one per recording.
    candidates
        Number of neighbouring lags from which the one with the highest correlation was chosen.
    choices
        Number of lags that were chosen in this way, one after the other.

    Returns
    -------
    Between 0 and 1; 1, which nothing exceeds, if the series are too short.
    """
    samples = independent_samples(pairs)
    freedom = samples - means - 1
    if freedom <= 0:
        return 1.0
    frames = sum(int((~np.isnan(np.asarray(both)).any(axis=0)).sum()) for both in pairs)
    tried = 1 + (candidates - 1) * samples / frames
    quantile = student.isf(LEVEL / tried**choices, freedom)
    return float(1 / np.sqrt(1 + freedom / quantile**2))


def _correlate_with_itself(series: np.ndarray) -> np.ndarray:
    """Sums of products of a series with itself, shifted by 0, 1, ... frames."""
    return correlate(series, series, method="fft")[len(series) - 1 :]
