"""Dataset: standardised features paired with their labels, on one grid.

Raters react late, so features at t are paired with the label at t + delay (Mariooryad & Busso,
2015). Labels are shifted but never filled in: a grid point without a label in any dimension is left
out. Missing features stay null; ``sequences`` describes how they are handled.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.grid import RATE, TOLERANCE, index
from softaer.core.schema import dataset as dataset_schema
from softaer.core.targets import target_names
from softaer.core.tasks import TARGETS
from softaer.standardisation import standardise


def shift_labels(labels: pd.DataFrame, delays: Mapping[str, float]) -> pd.DataFrame:
    """Targets of one recording, moved back in time by each dimension's delay.

    Parameters
    ----------
    labels
        ``time`` [s, on the grid], ``dimension``, ``E``, ``sigma``.
    delays
        Annotation delay per dimension [s], a multiple of the grid's step.

    Returns
    -------
    Table with ``time`` and the columns of :func:`target_names`, one row per grid point t >= 0 with
    a label at t + delay in at least one dimension, sorted by time; NaN where a dimension has none.

    Raises
    ------
    InputError
        If a delay is not on the grid.
    """
    shifted = []
    for dimension, delay in delays.items():
        steps = round(delay * RATE)
        if abs(steps / RATE - delay) > TOLERANCE:
            raise InputError(
                f"delay of {dimension!r}: found {delay:g} s; expected a multiple of {1 / RATE:g} s"
            )
        rows = labels[labels["dimension"] == dimension]
        frame = index(rows["time"].to_numpy()) - steps
        targets = rows[list(TARGETS)].set_axis(target_names([dimension]), axis=1)
        shifted.append(targets.set_axis(frame, axis=0)[frame >= 0])
    joined = pd.concat(shifted, axis=1, join="outer").sort_index()
    joined.insert(0, "time", joined.index.to_numpy() / RATE)
    return joined.reset_index(drop=True)


def dataset(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    delays: Mapping[str, float],
    standardisation: pd.DataFrame,
) -> pd.DataFrame:
    """Join one recording's features and shifted labels.

    Parameters
    ----------
    features
        ``time`` [s, on the grid] and the feature columns; may lack grid points or be empty.
    labels, delays
        See :func:`shift_labels`.
    standardisation
        See :func:`softaer.standardisation.fit_standardisation`.

    Returns
    -------
    Table with ``time``, the targets and the standardised features (float32), one row per grid point
    with a label.

    Raises
    ------
    InputError
        If more than half of the labels are after the last feature.
    """
    targets = shift_labels(labels, delays)
    if len(features):
        _require_overlap(targets["time"], features["time"].max())
    names = list(standardisation["feature"])
    values = np.full((len(targets), len(names)), np.nan, dtype=np.float32)
    wanted, known = index(targets["time"].to_numpy()), index(features["time"].to_numpy())
    _, rows, sources = np.intersect1d(wanted, known, assume_unique=True, return_indices=True)
    values[rows] = standardise(features[names].to_numpy()[sources], standardisation)
    return pd.concat([targets, pd.DataFrame(values, columns=names)], axis=1)


def _require_overlap(time: pd.Series, end: float) -> None:
    """Refuse labels that mostly do not belong to the recording."""
    late = int((time > end + TOLERANCE).sum())
    if 2 * late > len(time):
        raise InputError(
            f"{late} of {len(time)} labels are after the end of the recording at {end:g} s, the "
            f"last at {time.max():g} s; expected annotations of this recording, in seconds"
        )


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--features", type=Path, required=True)
    arguments.add_argument("--labels", type=Path, required=True)
    arguments.add_argument("--standardisation", type=Path, required=True)
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    delays = cli.delays(options)
    standardisation = tables.read(options.standardisation)
    features = dict(tables.by_recording(options.features))
    nothing = pd.DataFrame(columns=["time", *standardisation["feature"]], dtype=np.float64)
    schema = dataset_schema(target_names(delays), list(standardisation["feature"]))
    with tables.writer(options.output, schema) as sink:
        for recording, labels in tables.by_recording(options.labels):
            try:
                table = dataset(features.get(recording, nothing), labels, delays, standardisation)
            except InputError as error:
                raise InputError(f"recording {recording!r}: {error}") from error
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
