"""Planted truth: E and sigma of arousal and valence on the common time grid.

Each recording has an outward expression of either dimension (smoothed Gaussian noise), and two
hidden states that are on or off, as a random telegraph signal: *masking* and *distraction*. What is
felt follows the expression while the person is open, and turns against it while masking:

    E(t) = top * tanh(gain * L[expression * meaning](t)),   meaning = 1 (open) or -0.6 (masking)

where L is a leaky integrator. So a linear function reads E from the expression badly. A
state shows only in short displays, when it begins and now and then while it lasts, and has to be
remembered in between.

Sigma is high while the person masks. With ``sharing`` off, it is high during distraction instead,
which is drawn in the same way, shows as much and has no influence on E. So E, sigma, and all that
voice and face show have the same distribution either way. With sharing, labels of sigma teach the
state that E depends on as well, which only a network that learns both can use.
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
        field("expression", pa.float64()),
        field("mask", pa.float64()),
        field("distraction", pa.float64()),
    ]
)
"""``expression`` has variance one. ``mask`` and ``distraction`` are the displays of the two states:
1 if it is on, -1 if it is off, and 0 between the displays."""

SLOWNESS = 1.8
"""Standard deviation of the smoothing kernel of the expression [s]."""

TURNED = -0.6
"""What an expression means while the person masks; while the person is open, it means 1."""

MEMORY = 1.0
"""Time constant of the leaky integrator [s]."""

GAIN, TOP = 1.3, 0.75
"""Slope of E at zero, relative to its largest value, and that value."""

DWELL, SHORTEST = 8.0, 4.0
"""Mean and shortest time between two changes of a state [s]."""

DISPLAY, INTERVAL = 2.5, 4.0
"""Length of a display, and time from its start to that of the next one of the same state [s]."""

EDGE = 0.5
"""Half the time that a change takes [s]."""

SIGMA_RANGE = {"arousal": (0.06, 0.36), "valence": (0.06, 0.38)}
"""Sigma while the state that it follows is off and on."""


def plant(
    recording: str, seed: int, duration: float, sharing: bool = Simulate.sharing
) -> pd.DataFrame:
    """Draw the truth of one recording.

    Parameters
    ----------
    duration
        Length of the recording [s]; the last grid point is at or before it.
    sharing
        Whether sigma follows the state that E depends on.

    Returns
    -------
    Rows of :data:`TRUTH`.
    """
    rng = generator(seed, recording, Stage.TRUTH)
    time = grid(duration)
    masking, mask = telegraph(rng, len(time))
    distracted, distraction = telegraph(rng, len(time))
    meaning = 1 + (TURNED - 1) * (1 + masking) / 2
    state = (1 + (masking if sharing else distracted)) / 2
    parts = []
    for dimension in DIMENSIONS:
        low, high = SIGMA_RANGE[dimension]
        expression = smooth_noise(rng, len(time), SLOWNESS * RATE)
        parts.append(
            pd.DataFrame(
                {
                    "recording": recording,
                    "time": time,
                    "dimension": dimension,
                    "E": TOP * np.tanh(GAIN * leaky(expression * meaning)),
                    "sigma": low + (high - low) * state,
                    "expression": expression,
                    "mask": mask,
                    "distraction": distraction,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def telegraph(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A state that changes now and then, and what shows of it.

    Returns
    -------
    state, shown
        Shape (count,), from -1 to 1; ``shown`` is the state during a display, and 0 otherwise.
    """
    state, shown = np.zeros((2, count))
    start, value = 0, rng.choice([-1.0, 1.0])
    while start < count:
        end = start + round((SHORTEST + rng.exponential(DWELL - SHORTEST)) * RATE)
        state[start:end] = value
        for display in range(start, end, round(INTERVAL * RATE)):
            shown[display : min(display + round(DISPLAY * RATE), end)] = value
        start, value = end, -value
    window = np.hanning(2 * round(EDGE * RATE) + 1)
    window /= window.sum()
    both = (np.pad(track, len(window) // 2, mode="edge") for track in (state, shown))
    state, shown = (np.convolve(track, window, mode="valid") for track in both)
    return state, shown


def leaky(values: np.ndarray) -> np.ndarray:
    """First-order low-pass with the time constant :data:`MEMORY`, started at its first input."""
    # It takes a second to import, and all that make the corpus import this module.
    from scipy.signal import lfilter

    step = 1 / (MEMORY * RATE)
    filtered, _ = lfilter([step], [1, step - 1], values, zi=[(1 - step) * values[0]])
    return filtered


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
    arguments.add_argument("--recordings", nargs="+", required=True)
    cli.add_settings(arguments, Simulate, "seed", "duration", "sharing")
    cli.add_output(arguments, "--output-dir")
    options = arguments.parse_args()
    settings = cli.settings(options, Simulate)
    if settings.duration <= 0:
        raise InputError(f"--duration has to be positive; found {settings.duration:g}")
    for recording in options.recordings:
        truth = plant(recording, settings.seed, settings.duration, settings.sharing)
        tables.write(truth, TRUTH, options.output_dir / f"{recording}.parquet")


if __name__ == "__main__":
    cli.run(main)
