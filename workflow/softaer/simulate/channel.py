"""What voice and face each show of the planted truth.

A channel (voice or face) shows the expression of either dimension through slow noise of its own,
added before tanh, and the displays of masking and distraction through noise as well. The
noise of the expression is as slow as the expression, so no smoothing removes it, and independent
between channels, so fusing them does.
"""

from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd

from softaer.core.grid import RATE
from softaer.simulate.noise import smooth_noise
from softaer.simulate.truth import SLOWNESS

BLUR = {
    "voice": {"arousal": 0.55, "valence": 0.55, "mask": 0.15, "distraction": 0.15},
    "face": {"arousal": 0.55, "valence": 0.55, "mask": 0.15, "distraction": 0.15},
}
"""Standard deviation of a channel's noise; that of an expression is one."""

SPREAD = 0.65
"""Standard deviation of a shown expression before tanh, but for the noise."""


@dataclass(frozen=True)
class Cues:
    """What one channel shows, on the time grid; all arrays have shape (n,).

    ``time`` is in seconds, ``arousal`` and ``valence`` lie in (-1, 1), ``mask`` and
    ``distraction`` are about 1 in a display of the state, -1 in one of its absence, 0 otherwise.
    """

    time: np.ndarray
    arousal: np.ndarray
    valence: np.ndarray
    mask: np.ndarray
    distraction: np.ndarray

    def at(self, time: np.ndarray) -> "Cues":
        """Interpolate the cues to other points in time [s]."""
        _, *tracks = astuple(self)
        return Cues(time, *(np.interp(time, self.time, track) for track in tracks))


def show(rng: np.random.Generator, channel: str, truth: dict[str, pd.DataFrame]) -> Cues:
    """Cues of one channel.

    Parameters
    ----------
    channel
        ``voice`` or ``face``.
    truth
        Per dimension, rows of :data:`softaer.simulate.truth.TRUTH`.
    """
    blur = BLUR[channel]
    time = truth["arousal"]["time"].to_numpy()

    def noise(track: str) -> np.ndarray:
        return blur[track] * smooth_noise(rng, len(time), SLOWNESS * RATE)

    expression = {
        name: np.tanh(SPREAD * (truth[name]["expression"].to_numpy() + noise(name)))
        for name in ("arousal", "valence")
    }
    states = {
        name: truth["arousal"][name].to_numpy() + noise(name) for name in ("mask", "distraction")
    }
    return Cues(time, **expression, **states)
