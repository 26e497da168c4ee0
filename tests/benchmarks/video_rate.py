"""What ``video: rate`` saves, and what it does to the features.

Features at ten points a second from all frames are compared with those from fewer frames, feature
by feature: Pearson's correlation over time, and the root mean square of their difference in units
of the feature's own standard deviation.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from side_by_side import Setting, compare

from softaer.landmarks import track
from softaer.signals.markup import POINTS, columns
from softaer.signals.pictures import video_frames
from softaer.signals.probe import probe
from softaer.video_features import video_features

RATES = (25.0, 12.5, 10.0, 5.0)
"""Frames per second that are tried, where a file has more."""


def tracked(path: Path, rate: float | None = None) -> pd.DataFrame:
    """Landmarks of a file."""
    return pd.concat(track(video_frames(path, rate=rate)), ignore_index=True)


def features(landmarks: pd.DataFrame) -> np.ndarray:
    """The 98 features on the grid, shape (n, 98); NaN where the face was away."""
    shapes = landmarks[columns()].to_numpy().reshape(-1, len(POINTS), 2)
    table = video_features(landmarks["time"].to_numpy(), shapes)
    return table[columns()].to_numpy(dtype=np.float64)


def agreement(every: np.ndarray, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation and relative difference of each feature, both of shape (98,)."""
    length = min(len(every), len(some))
    every, some = every[:length], some[:length]
    both = np.isfinite(every).all(axis=1) & np.isfinite(some).all(axis=1)
    a, b = every[both], some[both]
    correlation = ((a - a.mean(axis=0)) * (b - b.mean(axis=0))).mean(axis=0)
    correlation /= a.std(axis=0) * b.std(axis=0)
    return correlation, np.sqrt(((a - b) ** 2).mean(axis=0)) / a.std(axis=0)


def rows(setting: Setting) -> list[dict]:
    """The first file at each rate below its own."""
    file = setting.files[0]
    own = float(probe(file).video_rate)
    every = features(tracked(file))
    compared = []
    for rate in (rate for rate in RATES if rate < own - 0.5):
        correlation, difference = agreement(every, features(tracked(file, rate)))
        compared.append(
            compare(
                f"landmarks at {rate:g} of {own:g} frames/s",
                partial(tracked, file),
                partial(tracked, file, rate),
                setting.repeat,
                f"features: correlation {np.median(correlation):.3f}, lowest "
                f"{correlation.min():.3f}; RMS difference {np.median(difference):.2f}, largest "
                f"{difference.max():.2f} of the spread",
            )
        )
    return compared
