"""E and sigma beside the shortest numpy that gives them.

The numpy follows what psychometric packages do with an array of ratings: each rater is correlated
with the mean of the others, the correlations weigh the mean, and sigma is the spread about it.
"""

import numpy as np
import pandas as pd
from side_by_side import Setting, compare

from softaer.core.grid import RATE
from softaer.labels import label
from softaer.simulate.noise import smooth_noise

RATERS, FRAMES, RECORDINGS = 6, 1_620, 64
"""As in SEWA."""


def plain(traces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E and sigma, shape (T,), from an array of ratings without gaps, shape (K, T)."""
    weights = np.empty(len(traces))
    for k, trace in enumerate(traces):
        others = np.delete(traces, k, axis=0).mean(axis=0)
        weights[k] = np.corrcoef(trace, others)[0, 1]
    weights = np.clip(weights, 0, None)
    ewe = weights @ traces / weights.sum()
    return ewe, np.sqrt(((traces - ewe) ** 2).sum(axis=0) / (len(traces) - 1))


def plain_from_table(ratings: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The same from a long table."""
    return plain(ratings.pivot(index="rater", columns="time", values="value").to_numpy())


def ratings_of(seed: int) -> pd.DataFrame:
    """A recording's traces as the stage reads them: ``time`` [s], ``rater``, ``value``."""
    rng = np.random.default_rng(seed)
    shown = smooth_noise(rng, FRAMES, 30)
    traces = shown + 0.5 * np.stack([smooth_noise(rng, FRAMES, 10) for _ in range(RATERS)])
    return pd.DataFrame(
        {
            "time": np.tile(np.arange(FRAMES) / RATE, RATERS),
            "rater": np.repeat([f"r{k}" for k in range(RATERS)], FRAMES),
            "value": traces.ravel(),
        }
    )


def rows(setting: Setting) -> list[dict]:
    """One dimension of as many recordings as SEWA has."""
    recordings = [ratings_of(seed) for seed in range(RECORDINGS)]
    ours = label(recordings[0])[0]
    apart = np.abs(np.stack(plain_from_table(recordings[0])) - ours[["E", "sigma"]].T.to_numpy())
    return [
        compare(
            "labels",
            lambda: [plain_from_table(ratings) for ratings in recordings],
            lambda: [label(ratings) for ratings in recordings],
            setting.repeat,
            f"against pandas pivot and numpy; E and sigma differ by {apart.max():.1g} at most",
        )
    ]
