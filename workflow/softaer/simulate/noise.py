"""Seeds and smooth noise, the raw material of everything that is planted."""

import zlib
from enum import IntEnum

import numpy as np


class Stage(IntEnum):
    """Who draws: each stage has a stream of its own, so none depends on what another has drawn."""

    TRUTH = 1
    RATERS = 2
    VOICE = 3
    FACE = 4


def generator(seed: int, recording: str, stage: Stage) -> np.random.Generator:
    """Random numbers of one stage of one recording, independent of all other recordings."""
    return np.random.default_rng([seed, zlib.crc32(recording.encode()), int(stage)])


def gaussian_kernel(sd: float) -> np.ndarray:
    """Gaussian window that sums to one, cut at four standard deviations.

    Parameters
    ----------
    sd
        Standard deviation [samples].
    """
    reach = int(np.ceil(4 * sd))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    return kernel / kernel.sum()


def smooth(values: np.ndarray, sd: float) -> np.ndarray:
    """Gaussian smoothing of each column; the ends are held.

    Parameters
    ----------
    values
        Shape (n,) or (n, d).
    sd
        Standard deviation of the kernel [samples].
    """
    if values.ndim > 1:
        return np.stack([smooth(column, sd) for column in values.T], axis=1)
    kernel = gaussian_kernel(sd)
    return np.convolve(np.pad(values, len(kernel) // 2, mode="edge"), kernel, mode="valid")


def smooth_noise(rng: np.random.Generator, count: int, sd: float) -> np.ndarray:
    """Stationary Gaussian noise with variance one and a Gaussian autocorrelation.

    Parameters
    ----------
    count
        Number of samples.
    sd
        Standard deviation of the smoothing kernel [samples].

    Returns
    -------
    float64 array of shape (count,)
    """
    kernel = gaussian_kernel(sd)
    white = rng.standard_normal(count + len(kernel) - 1)
    return np.convolve(white, kernel / np.sqrt(np.sum(kernel**2)), mode="valid")
