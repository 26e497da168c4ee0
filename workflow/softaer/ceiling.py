"""One more rater against the others: how well a rater agrees with the label from the others.

Each rater is left out in turn, E is estimated from the others in the same way as for the labels,
and the rater's own trace is scored against it: CCC over the frames of a partition on which models
are scored, averaged over the raters. A model with this score follows the panel as well as one more
rater. This is not an upper bound: the mean of several raters has less noise than one, and a model
that predicts this mean may exceed it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.grid import RATE, index
from softaer.core.schema import CEILING
from softaer.core.targets import read_targets
from softaer.core.tasks import HUMAN, TRUTH
from softaer.corpus import rated, read_recordings
from softaer.coverage import scored
from softaer.labels import add_estimator, label, read_estimator
from softaer.rater_lags import prepared


def left_out(ratings: pd.DataFrame, estimate: Callable[[pd.DataFrame], pd.DataFrame]) -> dict:
    """Each rater's trace with the label of the others, for one recording and dimension.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``rater``, ``value``.
    estimate
        Estimates the label from ratings; returns ``time``, ``E`` and other columns.

    Returns
    -------
    For each rater, ``time``, ``value`` and the label of the others on the frames that have both.
    """
    pairs = {}
    for rater in ratings["rater"].unique():
        own = ratings["rater"] == rater
        if own.all():
            continue
        others = estimate(ratings[~own])
        pairs[rater] = ratings.loc[own, ["time", "value"]].merge(others, on="time")
    return pairs


def human_ceiling(
    ratings: pd.DataFrame,
    estimate: Callable[[pd.DataFrame], pd.DataFrame],
    frames: pd.DataFrame,
) -> tuple[float, int]:
    """Mean CCC of the raters left out, over the recordings of a partition.

    Parameters
    ----------
    ratings
        ``recording``, ``time``, ``rater``, ``value`` of one dimension.
    estimate
        See :func:`left_out`.
    frames
        ``recording`` and ``frame`` (position on the grid of the ratings) of the frames to score.

    Returns
    -------
    CCC (NaN with a single rater) and its number of frames.
    """
    collected: dict[str, list[pd.DataFrame]] = {}
    of_recording = dict(iter(frames.groupby("recording")["frame"]))
    for recording, rows in ratings.groupby("recording", sort=False):
        if recording not in of_recording:
            continue
        for rater, pair in left_out(rows, estimate).items():
            shown = np.isin(index(pair["time"].to_numpy()), of_recording[recording])
            collected.setdefault(rater, []).append(pair[shown])
    pairs = {rater: pd.concat(parts) for rater, parts in collected.items()}
    scores = [ccc(p["E"].to_numpy(), p["value"].to_numpy()) for p in pairs.values() if len(p)]
    return (float(np.nanmean(scores)) if scores else np.nan), sum(map(len, pairs.values()))


def estimate_with(
    weights: pd.DataFrame | None, estimator: Mapping[str, Any]
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The labels' estimator for those who remain when a rater is left out.

    The smallest number of raters does not apply to them: the frame has been labelled with all.
    """
    settings = {**estimator, "min_raters": 1}
    return lambda ratings: label(ratings, corpus_weights=weights, **settings)[0]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    cli.add_coverage(arguments)
    cli.add_delays(arguments)
    arguments.add_argument("--check", type=Path, help="labels against planted truth")
    add_estimator(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    ratings = prepared(tables.read_batches(options.ratings, recordings), options)
    corpus_weights, estimator = read_estimator(options)
    partition = ratings["recording"].map({r.recording: r.partition for r in recordings})
    frames = {}
    for dimension, delay in cli.delays(options).items():
        labelled = read_targets(options.dataset, recordings, dimension).dropna(subset=["E"])
        place = index(labelled["time"].to_numpy()) + round(delay * RATE)
        frames[dimension] = labelled[["recording"]].assign(frame=place)
    rows = []
    for (dimension, name), some in ratings.groupby(["dimension", partition], sort=False):
        estimate = estimate_with(corpus_weights.get(dimension), estimator)
        value, count = human_ceiling(some, estimate, frames[dimension])
        rows.append((dimension, "E", HUMAN, name, value, count))
    if options.check is not None:
        check = tables.read(options.check)
        for row in check[check["partition"] != "all"].itertuples():
            if row.delay_removed:
                rows.append((row.dimension, row.target, TRUTH, row.partition, row.ccc, row.frames))
    table = pd.DataFrame(rows, columns=[field.name for field in CEILING])
    tables.write(table, CEILING, options.output)


if __name__ == "__main__":
    cli.run(main)
