"""Human ceiling: how well a rater agrees with the label from the other raters.

Each rater is left out in turn, E is estimated from the others in the same way as for the labels,
and the rater's own trace is scored against it: CCC over the concatenated frames of a partition,
averaged over the raters. A model with this score is as good as a member of the panel.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.schema import CEILING
from softaer.core.tasks import HUMAN, TRUTH
from softaer.corpus import rated, read_recordings
from softaer.labels import add_estimator, label, read_estimator
from softaer.rater_lags import align


def left_out(ratings: pd.DataFrame, estimate: Callable[[pd.DataFrame], pd.DataFrame]) -> dict:
    """Each rater's trace with the E of the others, for one recording and dimension.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``rater``, ``value``.
    estimate
        Estimates E from ratings; returns ``time``, ``E``.

    Returns
    -------
    For each rater, ``value`` and ``E`` on the frames that have both.
    """
    pairs = {}
    for rater in ratings["rater"].unique():
        own = ratings["rater"] == rater
        if own.all():
            continue
        others = estimate(ratings[~own])[["time", "E"]]
        pairs[rater] = ratings.loc[own, ["time", "value"]].merge(others, on="time")
    return pairs


def human_ceiling(
    ratings: pd.DataFrame, estimate: Callable[[pd.DataFrame], pd.DataFrame]
) -> tuple[float, int]:
    """Mean CCC of the raters left out, over the recordings of a partition.

    Parameters
    ----------
    ratings
        ``recording``, ``time``, ``rater``, ``value`` of one dimension.
    estimate
        See :func:`left_out`.

    Returns
    -------
    CCC (NaN with a single rater) and its number of frames.
    """
    collected: dict[str, list[pd.DataFrame]] = {}
    for _, rows in ratings.groupby("recording", sort=False):
        for rater, pair in left_out(rows, estimate).items():
            collected.setdefault(rater, []).append(pair)
    frames = {rater: pd.concat(pairs) for rater, pairs in collected.items()}
    scores = [ccc(f["E"].to_numpy(), f["value"].to_numpy()) for f in frames.values()]
    return (float(np.nanmean(scores)) if scores else np.nan), sum(map(len, frames.values()))


def _labels(
    weights: pd.DataFrame | None, estimator: Mapping[str, str]
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda ratings: label(ratings, corpus_weights=weights, **estimator)[0]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--check", type=Path, help="labels against planted truth")
    add_estimator(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = tables.read_batches(options.ratings, recordings)
    lags, corpus_weights, estimator = read_estimator(options)
    if lags is not None:
        ratings = align(ratings, lags)
    partition = ratings["recording"].map({r.recording: r.partition for r in recordings})
    rows = []
    for (dimension, name), some in ratings.groupby(["dimension", partition], sort=False):
        value, frames = human_ceiling(some, _labels(corpus_weights.get(dimension), estimator))
        rows.append((dimension, "E", HUMAN, name, value, frames))
    if options.check is not None:
        check = tables.read(options.check)
        for row in check[check["partition"] != "all"].itertuples():
            if row.delay_removed:
                rows.append((row.dimension, row.target, TRUTH, row.partition, row.ccc, row.frames))
    table = pd.DataFrame(rows, columns=[field.name for field in CEILING])
    tables.write(table, CEILING, options.output)


if __name__ == "__main__":
    cli.run(main)
