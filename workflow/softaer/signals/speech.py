"""Speech in the sound of a recording, found by silero-vad.

silero-vad (Silero Team, MIT licence) is a small recurrent network; its weights lie in its package.
It says that somebody speaks, not who.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from softaer.core.errors import MissingPackageError
from softaer.modalities import PROBABILITY
from softaer.signals.sound import AUDIO_RATE

FRAME = 512
"""Length of a frame [samples], for which the network was trained."""

THRESHOLD = 0.5
"""Probability from which a frame is speech, the network's own default."""

SHORTEST, PAUSE = 0.25, 0.1
"""Shorter speech is left out, and over shorter silence it goes on [s]: defaults of silero-vad."""


def _package() -> Any:
    """The package silero-vad.

    Raises
    ------
    MissingPackageError
        If silero-vad is not installed.
    """
    try:
        import silero_vad
    except ImportError as error:
        raise MissingPackageError(
            "silero-vad is not installed; expected it for the detection of speech: "
            "pip install 'softaer[deep]'"
        ) from error
    return silero_vad


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for torch, which is fastest for small frames; later as many as before.

    The import of silero-vad sets one thread for the whole process.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def probabilities(sound: Iterable[np.ndarray]) -> pd.DataFrame:
    """Probability of speech in each frame of a recording.

    Parameters
    ----------
    sound
        int16 arrays of shape (n,), one after the other: mono at 16 kHz.

    Returns
    -------
    ``time`` (middle of the frame), ``start``, ``end`` [s], float64, and ``speech``, float32, 0 to
    1, every 32 ms. The last frame ends with the sound; what it lacks is silence for the network.

    Raises
    ------
    MissingPackageError
        If silero-vad is not installed.
    """
    import torch

    found: list[float] = []
    rest = np.zeros(0, dtype=np.int16)
    samples = 0
    with _one_thread(), torch.inference_mode():
        network = _package().load_silero_vad()
        for block in sound:
            samples += len(block)
            rest = np.concatenate([rest, block])
            whole = len(rest) // FRAME * FRAME
            found += _of_frames(network, rest[:whole])
            rest = rest[whole:]
        if len(rest):
            found += _of_frames(network, np.pad(rest, (0, FRAME - len(rest))))
    start = np.arange(len(found)) * (FRAME / AUDIO_RATE)
    end = np.minimum(start + FRAME / AUDIO_RATE, samples / AUDIO_RATE)
    values = np.array(found, dtype=np.float32)
    return pd.DataFrame(
        {"time": (start + end) / 2, "start": start, "end": end, PROBABILITY: values}
    )


def _of_frames(network: Any, samples: np.ndarray) -> list[float]:
    import torch

    frames = torch.from_numpy(samples.reshape(-1, FRAME).astype(np.float32) / 2**15)
    return [network(frame, AUDIO_RATE).item() for frame in frames]


def speech_turns(
    rows: pd.DataFrame,
    threshold: float = THRESHOLD,
    shortest: float = SHORTEST,
    pause: float = PAUSE,
) -> np.ndarray:
    """Stretches of speech, by silero-vad's rule.

    Speech begins with a frame of at least the threshold, and ends with one that is .15 below it.
    30 ms are added on both sides.

    Parameters
    ----------
    rows
        See :func:`probabilities`.
    threshold
        Of the probability.
    shortest
        Shorter speech is left out [s].
    pause
        Over shorter silence, speech goes on [s].

    Returns
    -------
    float64 array of shape (n, 2): start and end [s].
    """
    if rows.empty:
        return np.zeros((0, 2))
    with _one_thread():
        rule = _package().utils_vad.get_speech_timestamps_from_probs
    found = rule(
        rows[PROBABILITY].tolist(),
        sampling_rate=AUDIO_RATE,
        threshold=threshold,
        min_speech_duration_ms=round(1000 * shortest),
        min_silence_duration_ms=round(1000 * pause),
        audio_length_samples=round(rows["end"].iloc[-1] * AUDIO_RATE),
    )
    return np.array([[one["start"], one["end"]] for one in found]).reshape(-1, 2) / AUDIO_RATE
