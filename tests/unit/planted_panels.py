"""Panels of raters with planted lags, gains, biases and noise, who disagree independently."""

from dataclasses import dataclass

import numpy as np

from softaer.core.grid import RATE
from softaer.simulate.noise import smooth_noise

NAN = np.nan
MILD = (
    (4.0, 1.0, 0.0, 1.0),
    (3.4, 0.95, 0.04, 1.0),
    (4.5, 1.05, -0.03, 1.0),
    (3.7, 0.95, 0.03, 1.0),
    (4.6, 1.05, -0.04, 1.0),
    (3.8, 1.0, 0.0, 0.7),
)
"""Lag [s], gain, bias and reliability of six raters."""

STRONG = (
    (4.0, 0.5, 0.2, 1.0),
    (2.4, 1.3, -0.2, 1.0),
    (5.5, 0.7, 0.3, 1.0),
    (3.2, 1.2, 0.0, 1.0),
    (5.0, 0.6, -0.3, 1.0),
    (3.9, 1.0, 0.0, 0.5),
)
"""Six raters who use the scale differently."""

FAULTS = ("none", "inverted", "dead", "noise")
ODD = 1
"""The rater who has the fault."""


@dataclass
class Panel:
    """Recordings of one panel: ratings (K, T), planted E and sigma (T,) in the panel's time."""

    ratings: list[np.ndarray]
    emotion: list[np.ndarray]
    sigma: list[np.ndarray]
    lag: np.ndarray
    gain: np.ndarray
    bias: np.ndarray


def planted(seed, raters=MILD, fault="none", recordings=16, seconds=44):
    """A panel in which the rater :data:`ODD` has a fault."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    lag, gain, bias, reliability = np.array(raters).T
    panel = Panel([], [], [], lag, gain * reliability, bias)
    for _ in range(recordings):
        emotion = np.tanh(0.65 * smooth_noise(rng, len(time), 25))
        sigma = 0.04 + 0.36 / (1 + np.exp(-2.2 * smooth_noise(rng, len(time), 25)))
        traces = []
        for late, factor, level, share in raters:
            own = 0.35 * smooth_noise(rng, len(time), 30)
            felt = share * np.interp(time - late, time, emotion) + (1 - share) * own
            disagreement = np.interp(time - late, time, sigma) * smooth_noise(rng, len(time), 3)
            traces.append(np.clip(factor * felt + level + disagreement, -1, 1))
        ratings = np.stack(traces)
        walk = np.clip(np.cumsum(rng.normal(0, 0.1, len(time))), -1, 1)
        if fault != "none":
            ratings[ODD] = {"inverted": -ratings[ODD], "dead": 0 * walk, "noise": walk}[fault]
        ratings[:, :60] = NAN  # before the last of them has reacted
        panel.ratings.append(ratings)
        panel.emotion.append(np.interp(time - lag.mean(), time, emotion))
        panel.sigma.append(np.interp(time - lag.mean(), time, sigma))
    return panel
