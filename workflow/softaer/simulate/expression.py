"""From what the face shows to how it moves: one pose per video frame.

Arousal raises the brows, opens the eyes and the mouth further and moves the head more. Valence
smiles, or frowns. A display of masking pulls one mouth corner and one brow up, always on the same
side of the image, and tilts the head; a display of its absence does the same on the other side.
Those of distraction turn the head to one side or the other. The mouth opens with the syllables of
the voice. To all of it comes noise, as faces move for other reasons as well.
"""

import numpy as np

from softaer.simulate.channel import Cues
from softaer.simulate.face import Pose
from softaer.simulate.noise import smooth_noise

BLINK = 0.32
"""Duration of a blink [s]."""


def poses(rng: np.random.Generator, cues: Cues, jaw: np.ndarray, rate: float) -> list[Pose]:
    """Poses of all frames of a recording.

    Parameters
    ----------
    cues
        What the face shows, at the times of the frames.
    jaw
        Opening of the mouth by the syllables, 0 to 1, at the times of the frames, shape (n,).
    rate
        Frames per second.

    Returns
    -------
    n poses
    """
    arousal, valence = cues.arousal, cues.valence

    def wander(sd: float) -> np.ndarray:
        return smooth_noise(rng, len(jaw), sd * rate)

    blinking = blinks(rng, cues.time)
    tracks = {
        "smile": np.clip(valence + 0.15 * wander(1.0), -1.2, 1.2),
        "smirk": 1.2 * cues.mask + 0.1 * wander(1.0),
        "brow": 1.1 * arousal + 0.15 * wander(1.0),
        "furrow": 0.8 * np.clip(-valence, 0, 1),
        "yaw": 8.0 * cues.distraction + (1.5 + 1.0 * arousal) * wander(0.7),
        "pitch": (1.5 + 1.0 * arousal) * wander(0.6),
        "jaw": np.clip(jaw * (0.45 + 0.25 * arousal), 0, 1),
        "lids": np.maximum(blinking, 0.15 - 0.15 * arousal),
        "roll": 3.0 * cues.mask + 1.5 * wander(0.8),
        "shift_x": 4 * wander(1.5),
        "shift_y": 2 * wander(1.5),
        "zoom": 1 + 0.03 * wander(3.0),
    }
    columns = [tracks[name].tolist() for name in Pose._fields]
    return [Pose(*row) for row in zip(*columns, strict=True)]


def blinks(rng: np.random.Generator, time: np.ndarray) -> np.ndarray:
    """Closure of the lids by blinks.

    Parameters
    ----------
    time
        Times of the frames [s], shape (n,).

    Returns
    -------
    float64 array of shape (n,), 0 open to 1 closed
    """
    closure = np.zeros(len(time))
    start = 0.5 + rng.exponential(2.0)
    while start < time[-1]:
        phase = (time - start) / BLINK
        during = (phase >= 0) & (phase <= 1)
        closure[during] = np.sin(np.pi * phase[during])
        start += 0.5 + rng.exponential(2.5)
    return closure
