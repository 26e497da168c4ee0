"""What voice and face each show of the planted truth.

A channel (voice or face) shows E through slow noise of its own, added before tanh, and hesitation
(the track that drives sigma) through noise before the logistic function. The noise is as slow as
the truth, so no smoothing removes it, and independent between channels, so fusing them does.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from softaer.core.grid import RATE
from softaer.simulate.noise import smooth_noise
from softaer.simulate.truth import SIGMA_RANGE, SLOWNESS, logistic

BLUR = {
    "voice": {"arousal": 0.40, "valence": 0.40, "hesitation": 0.9},
    "face": {"arousal": 0.25, "valence": 0.35, "hesitation": 0.9},
}
"""Standard deviation of a channel's noise; the signal's is the truth's ``SPREAD``, ``CONTRAST``."""


@dataclass(frozen=True)
class Cues:
    """What one channel shows, on the time grid; all arrays have shape (n,).

    ``arousal`` and ``valence`` lie in (-1, 1), ``hesitation`` in (0, 1), ``time`` is in seconds.
    """

    time: np.ndarray
    arousal: np.ndarray
    valence: np.ndarray
    hesitation: np.ndarray

    def at(self, time: np.ndarray) -> "Cues":
        """Interpolate the cues to other points in time [s]."""
        tracks = (self.arousal, self.valence, self.hesitation)
        return Cues(time, *(np.interp(time, self.time, track) for track in tracks))


def show(rng: np.random.Generator, channel: str, truth: dict[str, pd.DataFrame]) -> Cues:
    """Cues of one channel.

    Parameters
    ----------
    channel
        ``voice`` or ``face``.
    truth
        Per dimension, a table with ``time`` [s], ``E`` and ``sigma``.
    """
    blur = BLUR[channel]
    time = truth["arousal"]["time"].to_numpy()
    hesitation = np.mean([planted_hesitation(name, rows) for name, rows in truth.items()], axis=0)

    def noise(track: str) -> np.ndarray:
        return blur[track] * smooth_noise(rng, len(time), SLOWNESS * RATE)

    emotion = {
        name: np.tanh(np.arctanh(truth[name]["E"].to_numpy()) + noise(name))
        for name in ("arousal", "valence")
    }
    odds = np.log(hesitation / (1 - hesitation))
    return Cues(time, **emotion, hesitation=logistic(odds + noise("hesitation")))


def planted_hesitation(dimension: str, rows: pd.DataFrame) -> np.ndarray:
    """Hesitation that belongs to planted sigma, kept away from 0 and 1, shape (n,)."""
    low, high = SIGMA_RANGE[dimension]
    return np.clip((rows["sigma"].to_numpy() - low) / (high - low), 1e-4, 1 - 1e-4)
