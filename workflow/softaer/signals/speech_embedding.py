"""Speech embedding: what a network for spoken words hears, 96 numbers every 80 ms.

The network is Google's ``speech_embedding`` (Lin et al., 2020, "Training Keyword Spotters with
Limited and Synthesized Speech Data"), as the package openwakeword 0.4.0 holds it in ONNX. The
package says that its models are under CC BY-NC-SA 4.0: not for commercial use. It is therefore not
installed with softaer, and only its files are used, not its code.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer.core.errors import MissingPackageError
from softaer.modalities import EMBEDDING
from softaer.signals.sound import AUDIO_RATE

COUNT = len(EMBEDDING)
"""Number of values of an embedding."""

HOP = 1280
"""Samples from one embedding to the next, 80 ms."""

BANDS = 32
"""Bands of the mel spectrogram."""

FRAMES = 76
"""Frames of the mel spectrogram in an embedding, of 512 samples each, every 160."""

LENGTH = (FRAMES - 1) * 160 + 512
"""Samples on which an embedding depends, 782 ms."""

TOGETHER = 64
"""Embeddings that are computed together; limits memory."""

INSTALL = (
    "pip install 'softaer[deep]' && pip install --no-deps openwakeword==0.4.0 "
    "(its models are under CC BY-NC-SA 4.0: not for commercial use)"
)


def columns() -> list[str]:
    """Names of the features: ``e00`` to ``e95``."""
    return list(EMBEDDING)


def _networks() -> tuple[Any, Any]:
    """Mel spectrogram and embedding.

    Raises
    ------
    MissingPackageError
        If openwakeword or onnxruntime is not installed.
    """
    found = find_spec("openwakeword")
    try:
        import onnxruntime
    except ImportError:
        found = None
    if found is None or found.origin is None:
        raise MissingPackageError(f"the speech embedding is not installed; type: {INSTALL}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = Path(found.origin).parent / "resources" / "models"
    mel, embedding = (
        onnxruntime.InferenceSession(
            str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        for name in ("melspectrogram", "embedding_model")
    )
    return mel, embedding


def embeddings(sound: Iterable[np.ndarray]) -> pd.DataFrame:
    """Embeddings of a recording.

    Parameters
    ----------
    sound
        int16 arrays of shape (n,), one after the other: mono at 16 kHz.

    Returns
    -------
    ``time`` (middle), ``start``, ``end`` [s], float64, and float32 :func:`columns`, every 80 ms.
    Each depends on 782 ms of sound; there is none for the rest at the end.

    Raises
    ------
    MissingPackageError
        If a package is not installed.
    """
    networks = _networks()
    parts: list[np.ndarray] = []
    rest = np.zeros(0, dtype=np.int16)
    for block in sound:
        rest = np.concatenate([rest, block])
        while len(rest) >= LENGTH + (TOGETHER - 1) * HOP:
            parts.append(_embed(networks, rest[: LENGTH + (TOGETHER - 1) * HOP]))
            rest = rest[TOGETHER * HOP :]
    if len(rest) >= LENGTH:
        parts.append(_embed(networks, rest))
    values = np.concatenate([np.zeros((0, COUNT), np.float32), *parts])
    table = pd.DataFrame(values, columns=columns())
    start = np.arange(len(values)) * (HOP / AUDIO_RATE)
    end = start + LENGTH / AUDIO_RATE
    table.insert(0, "time", (start + end) / 2)
    table.insert(1, "start", start)
    table.insert(2, "end", end)
    return table


def _embed(networks: tuple[Any, Any], samples: np.ndarray) -> np.ndarray:
    """All embeddings of some sound, shape (n, COUNT)."""
    mel, embedding = networks
    pieces = np.lib.stride_tricks.sliding_window_view(samples, LENGTH)[::HOP].astype(np.float32)
    (spectrum,) = mel.run(None, {"input": pieces})
    # The network was trained with another spectrogram, of which this map is close.
    scaled = spectrum.reshape(len(pieces), FRAMES, BANDS, 1) / 10 + 2
    (found,) = embedding.run(None, {"input_1": scaled})
    return found.reshape(len(pieces), COUNT)
