"""How well labels find the planted truth: E and sigma against what the raters were given.

The truth at t shows in the labels at t + delay, so labels are compared once with the delay taken
out and once as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer import cli, tables
from softaer.concordance import ccc
from softaer.dataset import shift_labels
from softaer.grid import index
from softaer.schema import field
from softaer.tasks import TARGETS

CHECK = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("delay", pa.float64(), unit="s"),
        field("ccc", pa.float64(), nullable=True),
        field("pearson", pa.float64(), nullable=True),
        field("frames", pa.int64(), unit="frames"),
    ]
)


def compare(labels: pd.DataFrame, truth: pd.DataFrame, delays: Mapping[str, float]) -> pd.DataFrame:
    """Concordance of labels and planted truth over all recordings.

    Parameters
    ----------
    labels, truth
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``E``, ``sigma``.
    delays
        Delay to take out per dimension [s].

    Returns
    -------
    Rows of :data:`CHECK`.
    """
    rows = []
    for dimension, delay in delays.items():
        planted = truth[truth["dimension"] == dimension]
        planted = planted.assign(frame=index(planted["time"].to_numpy()))
        shifted = pd.concat(
            shift_labels(some, {dimension: delay}).assign(recording=recording)
            for recording, some in labels.groupby("recording")
        )
        shifted = shifted.assign(frame=index(shifted["time"].to_numpy()))
        both = shifted.merge(planted, on=["recording", "frame"], validate="one_to_one")
        for target in TARGETS:
            known = both.dropna(subset=[f"{dimension}_{target}"])
            x, y = known[target].to_numpy(), known[f"{dimension}_{target}"].to_numpy()
            rows.append(
                {
                    "dimension": dimension,
                    "target": target,
                    "delay": delay,
                    "ccc": ccc(x, y),
                    "pearson": np.corrcoef(x, y)[0, 1],
                    "frames": len(known),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--labels", type=Path, nargs="+", required=True)
    arguments.add_argument("--truth", type=Path, nargs="+", required=True)
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    labels = pd.concat([tables.read(path) for path in options.labels])
    truth = pd.concat([tables.read(path) for path in options.truth])
    delays = cli.delays(options)
    parts = [compare(labels, truth, delays)]
    if any(delays.values()):
        parts.append(compare(labels, truth, dict.fromkeys(delays, 0.0)))
    tables.write(pd.concat(parts), CHECK, options.output)


if __name__ == "__main__":
    cli.run(main)
