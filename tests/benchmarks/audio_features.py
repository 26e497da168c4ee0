"""Functionals in windows of 4 s, beside those of pandas' rolling windows."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from side_by_side import Setting, compare

from softaer.audio_features import audio_features
from softaer.audio_lld import FEATURE_SETS, HOP
from softaer.core.grid import grid

SECONDS = 162
"""Length of the recording, as in SEWA."""

DESCRIPTORS = 65
WINDOW = 4.0


ROLLING: dict[str, Callable] = {
    "mean": lambda windows: windows.mean(),
    "variance": lambda windows: windows.var(ddof=0),
    "sd": lambda windows: windows.std(ddof=0),
    "min": lambda windows: windows.min(),
    "max": lambda windows: windows.max(),
    **{
        f"p{percent}": lambda windows, share=percent / 100: windows.quantile(share)
        for percent in (10, 25, 50, 75, 90)
    },
}
"""What pandas has of the functionals."""


def rolling(lld: pd.DataFrame, functionals: Sequence[str]) -> np.ndarray:
    """Windows centred on every descriptor frame, of which those closest to the grid are taken."""
    series = lld.drop(columns="time").set_index(pd.to_timedelta(lld["time"], unit="s"))
    windows = series.rolling(pd.Timedelta(WINDOW, "s"), center=True, closed="both")
    at = grid(lld["time"].iloc[-1])
    nearest = np.abs(lld["time"].to_numpy()[:, None] - at).argmin(axis=0)
    return np.hstack([ROLLING[name](windows).to_numpy()[nearest] for name in functionals])


def rows(setting: Setting) -> list[dict]:
    """One recording of white noise about 1."""
    time = FEATURE_SETS["IS13_ComParE"].centre + HOP * np.arange(SECONDS / HOP - 5)
    noise = 1 + np.random.default_rng(0).standard_normal((len(time), DESCRIPTORS))
    lld = pd.DataFrame(noise.astype(np.float32), columns=[f"x{k}" for k in range(DESCRIPTORS)])
    lld.insert(0, "time", time)
    return [
        _row("audio_features", lld, ("mean", "variance"), setting.repeat),
        _row("audio_features, more functionals", lld, tuple(ROLLING), setting.repeat),
    ]


def _row(name: str, lld: pd.DataFrame, functionals: Sequence[str], repeat: int) -> dict:
    def ours() -> pd.DataFrame:
        return audio_features(lld, WINDOW, functionals=functionals)

    # Beyond the edges the nearest frame is not the grid point, and its window another.
    differences = np.abs(ours().drop(columns="time").to_numpy() - rolling(lld, functionals))
    return compare(
        name,
        lambda: rolling(lld, functionals),
        ours,
        repeat,
        f"against pandas rolling {', '.join(functionals)}; values differ by "
        f"{differences[30:-30].max():.1g} at most",
    )
