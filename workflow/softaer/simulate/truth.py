"""Planted truth: E and sigma of arousal and valence on the common time grid.

E is smoothed Gaussian noise through tanh. Sigma follows one track, hesitation, that voice and face
show; it is the same track for both dimensions, so uncertainty is a state of the speaker here and
not of the dimension.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Simulate
from softaer.core.grid import RATE, grid
from softaer.core.schema import RECORDING, TIME, field
from softaer.simulate.noise import Stage, generator, smooth_noise

DIMENSIONS = ("arousal", "valence")

TRUTH = pa.schema(
    [
        RECORDING,
        TIME,
        field("dimension", pa.string(), unit=""),
        field("E", pa.float64(), unit="rating"),
        field("sigma", pa.float64(), unit="rating"),
    ]
)

SLOWNESS = 2.5
"""Standard deviation of the smoothing kernel of all planted tracks [s]."""

SPREAD = 0.65
"""Standard deviation of E before tanh."""

CONTRAST = 2.2
"""Standard deviation of hesitation before the logistic function."""

SIGMA_RANGE = {"arousal": (0.04, 0.40), "valence": (0.05, 0.45)}
"""Sigma where hesitation is 0 and where it is 1."""


def plant(recording: str, seed: int, duration: float) -> pd.DataFrame:
    """Draw the truth of one recording.

    Parameters
    ----------
    duration
        Length of the recording [s]; the last grid point is at or before it.

    Returns
    -------
    Rows of :data:`TRUTH`.
    """
    rng = generator(seed, recording, Stage.TRUTH)
    time = grid(duration)
    hesitation = logistic(CONTRAST * smooth_noise(rng, len(time), SLOWNESS * RATE))
    parts = []
    for dimension in DIMENSIONS:
        low, high = SIGMA_RANGE[dimension]
        emotion = np.tanh(SPREAD * smooth_noise(rng, len(time), SLOWNESS * RATE))
        parts.append(
            pd.DataFrame(
                {
                    "recording": recording,
                    "time": time,
                    "dimension": dimension,
                    "E": emotion,
                    "sigma": low + (high - low) * hesitation,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def logistic(values: np.ndarray) -> np.ndarray:
    """Logistic function, from the real line to (0, 1)."""
    return 1 / (1 + np.exp(-values))


def read(path: Path, recording: str) -> dict[str, pd.DataFrame]:
    """Truth of one recording, by dimension.

    Raises
    ------
    InputError
        If the file is missing, is no truth table or does not hold the recording.
    """
    truth = tables.read(path, columns=TRUTH.names)
    truth = truth[truth["recording"] == recording]
    by_dimension = {name: truth[truth["dimension"] == name] for name in DIMENSIONS}
    for dimension, rows in by_dimension.items():
        if rows.empty:
            raise InputError(f"{path}: no {dimension} of recording {recording!r}")
    return by_dimension


def main() -> None:
    """Command line."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recording", required=True)
    cli.add_settings(arguments, Simulate, "seed", "duration")
    cli.add_output(arguments)
    options = arguments.parse_args()
    settings = cli.settings(options, Simulate)
    if settings.duration <= 0:
        raise InputError(f"--duration has to be positive; found {settings.duration:g}")
    truth = plant(options.recording, settings.seed, settings.duration)
    tables.write(truth, TRUTH, options.output)


if __name__ == "__main__":
    cli.run(main)
