"""Mean and variance in windows of 4 s, beside those of pandas' rolling windows."""

import numpy as np
import pandas as pd
from side_by_side import Setting, compare

from softaer.audio_features import audio_features
from softaer.audio_lld import FRAME_CENTRE, HOP
from softaer.core.grid import grid

SECONDS = 162
"""Length of the recording, as in SEWA."""

DESCRIPTORS = 65
WINDOW = 4.0


def rolling(lld: pd.DataFrame) -> np.ndarray:
    """Windows centred on every descriptor frame, of which those closest to the grid are taken."""
    series = lld.drop(columns="time").set_index(pd.to_timedelta(lld["time"], unit="s"))
    windows = series.rolling(pd.Timedelta(WINDOW, "s"), center=True, closed="both")
    mean, variance = windows.mean(), windows.var(ddof=0)
    at = grid(lld["time"].iloc[-1])
    nearest = np.abs(lld["time"].to_numpy()[:, None] - at).argmin(axis=0)
    return np.hstack([mean.to_numpy()[nearest], variance.to_numpy()[nearest]])


def rows(setting: Setting) -> list[dict]:
    """One recording of white noise about 1."""
    time = FRAME_CENTRE + HOP * np.arange(SECONDS / HOP - 5)
    noise = 1 + np.random.default_rng(0).standard_normal((len(time), DESCRIPTORS))
    lld = pd.DataFrame(noise.astype(np.float32), columns=[f"x{k}" for k in range(DESCRIPTORS)])
    lld.insert(0, "time", time)
    ours = audio_features(lld, WINDOW).drop(columns="time").to_numpy()
    # Beyond the edges the nearest frame is not the grid point, and its window another.
    apart = np.abs(ours - rolling(lld))[30:-30].max()
    return [
        compare(
            "audio_features",
            lambda: rolling(lld),
            lambda: audio_features(lld, WINDOW),
            setting.repeat,
            f"against pandas rolling mean and var; values differ by {apart:.1g} at most",
        )
    ]
