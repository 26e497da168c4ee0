"""Six raters who follow the planted truth, late, each in a way of their own, and disagree by sigma.

Rater k draws at time t, before the joystick's limits,

    x_k(t) = r_k * E(t - lag_k) + (1 - r_k) * own_k(t)
    y_k(t) = gain_k * x_k(t) + bias_k + sigma(t - lag_k) * d_k(t)

where r_k is the reliability, own_k a slow drift unrelated to the recording, and d_k the
disagreement, noise of variance one. The raters know nothing of each other: all d_k are independent,
so that planted sigma is the expected spread, and that of six raters varies about it. What else
keeps the sigma that is computed from the traces away from it is what a lab meets as well: different
lags, gains and biases, an unreliable rater, gaps, the ends of the scale.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli
from softaer.core.experiment import Simulate
from softaer.core.files import complete
from softaer.core.schema import field
from softaer.simulate import truth as truths
from softaer.simulate.noise import Stage, generator, smooth_noise

RATER_PARAMETERS = pa.schema(
    [
        field("rater", pa.string(), unit=""),
        field("lag", pa.float64(), unit="s"),
        field("gain", pa.float64()),
        field("bias", pa.float64(), unit="rating"),
        field("reliability", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Rater:
    """Planted parameters of a rater; the lag in seconds, the bias in rating units."""

    rater: str
    lag: float
    gain: float
    bias: float
    reliability: float


RATERS = (
    Rater("r1", lag=4.0, gain=1.00, bias=0.00, reliability=1.0),
    Rater("r2", lag=3.4, gain=0.95, bias=0.04, reliability=1.0),
    Rater("r3", lag=4.5, gain=1.05, bias=-0.03, reliability=1.0),
    Rater("r4", lag=3.7, gain=0.95, bias=0.03, reliability=1.0),
    Rater("r5", lag=4.6, gain=1.05, bias=-0.04, reliability=1.0),
    Rater("r6", lag=3.8, gain=1.00, bias=0.00, reliability=0.7),
)
"""The panel. Its mean lag is 4.0 s."""

INNER_RATE = 50
"""Rate at which traces are drawn before they are sampled [Hz]."""

DISAGREEMENT_SLOWNESS = 0.4
"""Standard deviation of the smoothing kernel of the disagreement [s]."""

DRIFT_SLOWNESS = 3.0
"""Standard deviation of the smoothing kernel of an unreliable rater's own drift [s]."""

DRIFT_SPREAD = 0.35
"""Standard deviation of that drift [rating]."""

REST = 3.0
"""Seconds in which the joystick leaves its rest position; shorter than any lag."""

GAP_PROBABILITY = 0.25
"""Probability that a trace has a gap, as when a rater lets go of the joystick."""


def parameters() -> pd.DataFrame:
    """Return the panel as rows of :data:`RATER_PARAMETERS`."""
    return pd.DataFrame([asdict(rater) for rater in RATERS])


def draw(
    rng: np.random.Generator, time: np.ndarray, emotion: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Continuous traces of the panel.

    Parameters
    ----------
    time
        Grid points of the truth [s], shape (n,).
    emotion, sigma
        Planted E and sigma, shape (n,).

    Returns
    -------
    instants
        Shape (m,) [s], from 0 to the end of the recording at :data:`INNER_RATE`.
    traces
        Shape (raters, m), in [-1, 1].
    """
    instants = np.arange(int(time[-1] * INNER_RATE) + 1) / INNER_RATE
    traces = []
    for rater in RATERS:
        seen = instants - rater.lag
        own = DRIFT_SPREAD * smooth_noise(rng, len(instants), DRIFT_SLOWNESS * INNER_RATE)
        felt = rater.reliability * np.interp(seen, time, emotion) + (1 - rater.reliability) * own
        deviation = smooth_noise(rng, len(instants), DISAGREEMENT_SLOWNESS * INNER_RATE)
        trace = rater.gain * felt + rater.bias + np.interp(seen, time, sigma) * deviation
        traces.append(np.clip(trace * np.minimum(instants / REST, 1), -1, 1))
    return instants, np.stack(traces)


def sampling_times(rng: np.random.Generator, end: float) -> np.ndarray:
    """Time stamps as a joystick tool leaves them [s]: late start, jitter, repeated stamps.

    Returns
    -------
    float64 array, not decreasing, in whole milliseconds, within [0, ``end``]
    """
    rate = rng.uniform(20, 25)
    steps = rng.uniform(0.5, 1.5, int(end * rate * 1.2) + 2) / rate
    steps[rng.random(len(steps)) < 0.01] = 0
    times = rng.uniform(0, 0.8) + np.cumsum(steps)
    return np.round(times[times <= end], 3)


def outside_gap(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Mask of the samples that are kept; now and then 1.5 to 3 s are missing."""
    keep = np.ones(len(times), dtype=bool)
    if rng.random() < GAP_PROBABILITY:
        start = rng.uniform(0.25, 0.9) * times[-1]
        keep = (times < start) | (times > start + rng.uniform(1.5, 3.0))
    return keep


def rate(recording: str, seed: int, truth: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Ratings of one recording by the whole panel.

    Parameters
    ----------
    truth
        Per dimension, a table with ``time`` [s], ``E`` and ``sigma``.

    Returns
    -------
    Columns ``time`` [s], ``rater``, ``dimension``, ``value``; each trace is in order of time, with
    time stamps of its own.
    """
    rng = generator(seed, recording, Stage.RATERS)
    parts = []
    for dimension, rows in truth.items():
        instants, traces = draw(rng, *(rows[name].to_numpy() for name in ("time", "E", "sigma")))
        for rater, trace in zip(RATERS, traces, strict=True):
            times = sampling_times(rng, instants[-1])
            times = times[outside_gap(rng, times)]
            parts.append(
                pd.DataFrame(
                    {
                        "time": times,
                        "rater": rater.rater,
                        "dimension": dimension,
                        "value": np.interp(times, instants, trace),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def write(ratings: pd.DataFrame, path: Path) -> None:
    """Write ratings as CSV, milliseconds and four decimals."""
    lines = ["time,rater,dimension,value"]
    lines += [
        f"{row.time:.3f},{row.rater},{row.dimension},{row.value:.4f}"
        for row in ratings.itertuples(index=False)
    ]
    with complete(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Command line."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", nargs="+", required=True)
    cli.add_settings(arguments, Simulate, "seed")
    arguments.add_argument("--truth", type=Path, nargs="+", required=True, help="one for each")
    cli.add_output(arguments, "--output-dir")
    options = arguments.parse_args()
    seed = cli.settings(options, Simulate).seed
    for recording, path in zip(options.recordings, options.truth, strict=True):
        ratings = rate(recording, seed, truths.read(path, recording))
        write(ratings, options.output_dir / f"{recording}.csv")


if __name__ == "__main__":
    cli.run(main)
