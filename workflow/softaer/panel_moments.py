"""Panel moments: what the raters of each frame said, as number, mean and sum of squares.

These three tell all that the likelihood of a panel needs (``training: loss: panel``). Frames are
those of the features: ratings at t + delay belong to the frame at t, as labels do. The ratings are
those behind the labels: without the raters left out and those of weight 0, without their lags, and
after an elastic alignment. Apart from that, weights do not enter.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Labels
from softaer.core.grid import RATE
from softaer.core.schema import PANEL_MOMENTS
from softaer.labels import counted, traces_of
from softaer.panels.steps import in_step
from softaer.rater_lags import add_preparation, prepared


def panel_moments(
    ratings: pd.DataFrame,
    weights: pd.DataFrame,
    delay: float,
    elastic: str = Labels.elastic,
    max_lag: float = Labels.max_lag,
) -> pd.DataFrame:
    """Moments of the panel of one recording and dimension.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``rater``, ``value``.
    weights
        ``rater``, ``weight`` in the labels.
    delay
        Of the annotations, which is removed [s].
    elastic, max_lag
        See :func:`softaer.labels.label`.

    Returns
    -------
    ``time``, ``number``, ``mean``, ``squares`` (about the mean), in the order of the frames.
    """
    raters, traces = traces_of(ratings)
    traces = in_step(traces, elastic, max_lag)
    weight = weights.set_index("rater")["weight"].loc[raters].to_numpy(dtype=np.float64)
    part = counted(traces, weight)
    number = part.sum(axis=0)
    total = np.where(part, traces, 0.0).sum(axis=0)
    mean = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
    squares = np.where(part, (traces - mean) ** 2, 0.0).sum(axis=0)
    frame = np.arange(len(number)) - round(delay * RATE)
    table = {"time": frame / RATE, "number": number, "mean": mean, "squares": squares}
    return pd.DataFrame(table)[(number > 0) & (frame >= 0)].reset_index(drop=True)


def moments_of_recordings(
    ratings: pd.DataFrame, weights: pd.DataFrame, delays: Mapping[str, float], settings: Labels
) -> pd.DataFrame:
    """Rows of ``PANEL_MOMENTS`` for all recordings.

    Parameters
    ----------
    ratings, weights
        See :func:`panel_moments`, with ``recording`` and ``dimension``.
    delays
        Annotation delay per dimension [s].
    settings
        The elastic alignment.
    """
    keys = ["recording", "dimension"]
    weights_of = dict(list(weights.groupby(keys)))
    parts = []
    for (recording, dimension), rows in ratings.groupby(keys, sort=False):
        if dimension not in delays:
            continue
        found = panel_moments(
            *(rows, weights_of[recording, dimension], delays[dimension]),
            *(settings.elastic, settings.max_lag),
        )
        parts.append(found.assign(recording=recording, dimension=dimension))
    return pd.concat(parts, ignore_index=True)[PANEL_MOMENTS.names]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--ratings", type=Path, required=True)
    arguments.add_argument("--rater-weights", type=Path, required=True)
    add_preparation(arguments)
    cli.add_settings(arguments, Labels, "elastic", "max_lag")
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    ratings = prepared(tables.read(options.ratings), options)
    weights = tables.read(options.rater_weights)
    settings = cli.settings(options, Labels)
    table = moments_of_recordings(ratings, weights, cli.delays(options), settings)
    tables.write(table, PANEL_MOMENTS, options.output)


if __name__ == "__main__":
    cli.run(main)
