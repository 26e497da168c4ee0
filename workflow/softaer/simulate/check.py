"""How well labels find the planted truth: E and sigma against what the raters were given.

The truth at t shows in the labels at t + delay, so labels are compared once with the delay taken
out and once as they are.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.grid import index
from softaer.core.schema import field
from softaer.core.tasks import TARGETS, output_name
from softaer.corpus import read_recordings
from softaer.dataset import shift_labels

EVERYWHERE = "all"
"""Stands for all partitions."""

CHECK = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("partition", pa.string(), unit=""),
        field("delay", pa.float64(), unit="s"),
        field("delay_removed", pa.bool_()),
        field("ccc", pa.float64(), nullable=True),
        field("pearson", pa.float64(), nullable=True),
        field("frames", pa.int64(), unit="frames"),
    ]
)


def compare(
    labels: pd.DataFrame,
    truth: pd.DataFrame,
    delays: Mapping[str, float],
    partition: Mapping[str, str | None],
) -> pd.DataFrame:
    """Concordance of labels and planted truth, in each partition and over all recordings.

    Parameters
    ----------
    labels, truth
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``E``, ``sigma``.
    delays
        Delay to take out per dimension [s].
    partition
        Partition of each recording.

    Returns
    -------
    Rows of :data:`CHECK` but for ``delay_removed``.
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
        parts = dict(iter(both.groupby(both["recording"].map(partition), sort=False)))
        for target, (name, some) in itertools.product(
            TARGETS, [*parts.items(), (EVERYWHERE, both)]
        ):
            known = some.dropna(subset=[output_name(dimension, target)])
            x, y = known[target].to_numpy(), known[output_name(dimension, target)].to_numpy()
            rows.append(
                {
                    "dimension": dimension,
                    "target": target,
                    "partition": name,
                    "delay": delay,
                    "ccc": ccc(x, y),
                    "pearson": np.corrcoef(x, y)[0, 1],
                    "frames": len(known),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--labels", type=Path, nargs="+", required=True)
    arguments.add_argument("--truth", type=Path, nargs="+", required=True)
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    labels = pd.concat([tables.read(path) for path in options.labels])
    truth = pd.concat([tables.read(path) for path in options.truth])
    partition = {r.recording: r.partition for r in read_recordings(options.recordings)}
    delays = cli.delays(options)
    removed = compare(labels, truth, delays, partition).assign(delay_removed=True)
    left_in = compare(labels, truth, dict.fromkeys(delays, 0.0), partition)
    table = pd.concat([removed, left_in.assign(delay_removed=False)])
    tables.write(table, CHECK, options.output)


if __name__ == "__main__":
    cli.run(main)
