"""Panel moments: what the raters of each frame said, as number, mean and sum of squares.

These three tell all that the likelihood of a panel needs (``training: loss: panel``). Frames are
those of the features: ratings at t + delay belong to the frame at t, as labels do. The ratings are
those that the labels are made from: without the raters left out, without their lags, and after an
elastic alignment.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Labels
from softaer.core.grid import RATE, index
from softaer.core.schema import PANEL_MOMENTS
from softaer.labels import aligned
from softaer.rater_lags import add_preparation, prepared


def on_frames(ratings: pd.DataFrame, delay: float) -> pd.DataFrame:
    """Single ratings with the frames that they belong to.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid] and other columns, of one dimension.
    delay
        Of the annotations, which is removed [s].

    Returns
    -------
    The ratings with ``frame``, the place on the grid of the features; below 0 before its start.
    """
    return ratings.assign(frame=index(ratings["time"].to_numpy()) - round(delay * RATE))


def panel_of(ratings: pd.DataFrame) -> pd.DataFrame:
    """Number, mean and sum of squares of the ratings of each frame.

    Parameters
    ----------
    ratings
        ``recording``, ``frame``, ``value``.

    Returns
    -------
    ``recording``, ``frame``, ``number``, ``mean``, ``squares`` (about the mean).
    """
    groups = ratings.groupby(["recording", "frame"], sort=False)["value"]
    table = groups.agg(number="count", mean="mean", variance="var").reset_index()
    table["squares"] = table.pop("variance").fillna(0.0) * (table["number"] - 1)
    return table


def panel_moments(ratings: pd.DataFrame, delays: Mapping[str, float]) -> pd.DataFrame:
    """Moments of the panel of one recording.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``value``.
    delays
        Annotation delay per dimension [s].

    Returns
    -------
    Rows of ``PANEL_MOMENTS``, for each dimension in the order of ``delays`` and of the frames.
    """
    parts = []
    for dimension, delay in delays.items():
        rows = on_frames(ratings[ratings["dimension"] == dimension], delay)
        found = panel_of(rows[rows["frame"] >= 0]).sort_values("frame")
        parts.append(found.assign(dimension=dimension, time=found["frame"] / RATE))
    return pd.concat(parts, ignore_index=True)[PANEL_MOMENTS.names]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--ratings", type=Path, required=True)
    add_preparation(arguments)
    cli.add_settings(arguments, Labels, "elastic", "max_lag")
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, Labels)
    ratings = prepared(tables.read(options.ratings), options)
    with tables.writer(options.output, PANEL_MOMENTS) as sink:
        for _, rows in ratings.groupby("recording", sort=False):
            parts = [
                aligned(part, settings.elastic, settings.max_lag)
                for _, part in rows.groupby("dimension", sort=False)
            ]
            sink.append(panel_moments(pd.concat(parts), cli.delays(options)))


if __name__ == "__main__":
    cli.run(main)
