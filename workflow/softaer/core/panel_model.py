"""A panel of raters as a model: each follows one common series, with a gain, a bias and noise.

    y_k(t) = b_k + g_k x(t) + n_k(t),        n_k ~ N(0, v_k)

x, g, b and v are found by expectation-maximisation with priors (MAP): without them, a rater of mere
noise can take over x (a Heywood case of the one-factor model). Raters' lags have to be removed
before. Neighbouring frames are nearly the same, so that the likelihood counts one in
:data:`TEMPER`. The scale is that of the panel: the mean gain is 1, the mean bias 0.

Source of the model: a factor analysis with one factor (Spearman, 1904; by EM: Rubin & Thayer,
1982). The priors are our choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAIN_SPREAD = 0.3
"""Prior standard deviation of gains, about 1."""

BIAS_SPREAD = 0.3
"""Prior standard deviation of biases, about 0, as a share of the raters' standard deviation."""

NOISE_WEIGHT = 10.0
"""Weight of the prior of a rater's noise, the panel's geometric mean, in independent frames."""

TEMPER = 25.0
"""Frames that count as one."""

ROUNDS = 200
"""Maximum number of rounds."""

CONVERGED = 1e-5
"""Largest change of a parameter in the last round, in units of the ratings' standard deviation."""


@dataclass(frozen=True)
class PanelModel:
    """Parameters of a panel of K raters.

    Attributes
    ----------
    level
        Mean of x [rating].
    gain, bias, noise
        Shape (K,); bias and noise (a standard deviation) in units of the ratings. Those of raters
        who had no part are by least squares on x; NaN for a rater without frames in common.
    used
        Who had a part, shape (K,).
    prior_bias
        Prior standard deviation of the biases [rating].
    """

    level: float
    gain: np.ndarray
    bias: np.ndarray
    noise: np.ndarray
    used: np.ndarray
    prior_bias: float

    def estimates_of_others(self, traces: np.ndarray) -> np.ndarray:
        """x as it follows from all raters but each one, shape (K, T) as the traces.

        NaN in frames without another rater of the panel.
        """
        noise = np.where(self.used, self.noise, np.inf)
        weight = np.where(self.used, self.gain, 0.0) / noise**2
        present = ~np.isnan(traces) & self.used[:, None]
        centred = np.where(present, traces - self.level - self.bias[:, None], 0.0)
        above = weight[:, None] * centred
        below = (weight * np.where(self.used, self.gain, 0.0))[:, None] * present
        others = np.where(present.sum(axis=0) - present > 0, below.sum(axis=0) - below, np.nan)
        return self.level + (above.sum(axis=0) - above) / others


def moments(x: np.ndarray, spread: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Sums over frames that determine a rater's parameters, given x.

    Parameters
    ----------
    x, spread
        Mean and variance of the common series, shape (T,) or (K, T); NaN where unknown.
    traces
        Shape (K, T), NaN where a rater is absent.

    Returns
    -------
    Number of frames, sums of x, y, x^2 with its variance, y^2 and x y, shape (6, K).
    """
    known = ~np.isnan(traces) & ~np.isnan(x)
    y, here = np.where(known, traces, 0.0), np.where(known, x, 0.0)
    squares = here**2 + np.where(known, spread, 0.0)
    sums = [known, here, y, squares, y**2, here * y]
    return np.stack([values.sum(axis=1, dtype=np.float64) for values in sums])


def most_likely(
    sums: np.ndarray, noise: np.ndarray | None = None, prior_bias: float = np.inf
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gain, bias and mean squared residual from :func:`moments`.

    Parameters
    ----------
    sums
        Shape (6, ...).
    noise
        Variances of the raters, shape (...), which weigh the frames against the priors; without
        it, least squares.
    prior_bias
        Prior standard deviation of the biases.

    Returns
    -------
    Three arrays of shape (...); NaN where the parameters are not determined.
    """
    n, x, y, xx, yy, xy = sums
    factor = np.inf if noise is None else 1 / (TEMPER * noise)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_gain, of_bias = 1 / (GAIN_SPREAD**2 * factor), 1 / (prior_bias**2 * factor)
        a, d = xx + of_gain, n + of_bias
        determinant = a * d - x**2
        determinant = np.where(determinant > 1e-12 * a * d, determinant, np.nan)
        gain = (d * (xy + of_gain) - x * y) / determinant
        bias = (a * y - x * (xy + of_gain)) / determinant
        squares = yy - 2 * bias * y - 2 * gain * xy + bias**2 * n + 2 * bias * gain * x
        return gain, bias, np.maximum(squares + gain**2 * xx, 0.0) / n


def fit(recordings: Sequence[np.ndarray], used: np.ndarray) -> PanelModel | None:
    """Fit the model to a panel.

    Parameters
    ----------
    recordings
        Ratings without the raters' lags, shape (K, T_i) each, the same K raters in all; NaN where a
        rater is absent.
    used
        Who has a part in x, shape (K,); the parameters of the others follow from it.

    Returns
    -------
    The model; None with fewer than two raters who move.
    """
    together = _by_panel(recordings)
    moving = np.zeros(len(used), dtype=bool)
    for who, traces in together:
        moving[who] |= np.nanmax(traces, axis=1) > np.nanmin(traces, axis=1)
    used = used & moving
    if used.sum() < 2:
        return None
    panels = [traces[used[who]] for who, traces in together if used[who].any()]
    frames = [panel.size for panel in panels]
    level = float(np.average([np.nanmean(panel) for panel in panels], weights=frames))
    sd = float(np.sqrt(np.average([np.nanvar(panel) for panel in panels], weights=frames)))
    gain, bias = np.ones(len(used)), np.zeros(len(used))
    noise = np.full(len(used), (0.5 * sd) ** 2)
    prior_noise, variance, prior_bias = (0.5 * sd) ** 2, (0.8 * sd) ** 2, BIAS_SPREAD * sd
    for _ in range(ROUNDS):
        before = np.concatenate([gain, bias / sd, noise / sd**2])
        sums, of_x = np.zeros((6, len(used))), np.zeros(2)
        for who, traces in together:
            x, spread = _common(traces - level, who, gain, bias, noise, used, variance)
            sums[:, who] += moments(x, spread, traces - level)
            of_x += [(x**2 + spread).sum(), len(x)]
        variance = of_x[0] / of_x[1]
        own = sums[:, used]
        gain[used], bias[used], residual = most_likely(own, noise[used], prior_bias)
        weight = own[0] / TEMPER
        noise[used] = (residual * weight + NOISE_WEIGHT * prior_noise) / (weight + NOISE_WEIGHT)
        prior_noise = float(np.exp(np.log(noise[used]).mean()))
        factor, shift = gain[used].mean(), bias[used].mean()
        gain[used] /= factor
        bias[used] -= shift
        level, variance = level + shift, variance * factor**2
        after = np.concatenate([gain, bias / sd, noise / sd**2])
        if np.abs(after - before).max() < CONVERGED:
            break
    rest = ~used
    gain[rest], bias[rest], residual = most_likely(sums[:, rest])
    noise[rest] = residual
    return PanelModel(level, gain, bias, np.sqrt(noise), used, prior_bias)


def _by_panel(recordings: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Raters and traces of recordings with the same raters, one after the other."""
    groups: dict[tuple[int, ...], list[np.ndarray]] = {}
    for traces in recordings:
        who = np.flatnonzero(~np.isnan(traces).all(axis=1))
        if len(who):
            groups.setdefault(tuple(who.tolist()), []).append(traces[who])
    return [(np.array(who), np.concatenate(parts, axis=1)) for who, parts in groups.items()]


def _common(
    traces: np.ndarray,
    who: np.ndarray,
    gain: np.ndarray,
    bias: np.ndarray,
    noise: np.ndarray,
    used: np.ndarray,
    variance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of x given the traces of some raters, shape (T,) each."""
    present = ~np.isnan(traces) & used[who][:, None]
    weight = gain[who] / noise[who]
    precision = (weight * gain[who]) @ present + 1 / variance
    centred = np.where(present, traces - bias[who][:, None], 0.0)
    return (weight @ centred) / precision, 1 / precision
