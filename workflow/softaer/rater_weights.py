"""Rater weights over the whole corpus: each rater's agreement over all recordings together.

There is one correlation per rater and dimension over the concatenated frames, instead of one per
recording. This suits corpora in which the same raters rated everything.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Labels
from softaer.core.grid import index
from softaer.core.schema import RATER_WEIGHTS
from softaer.corpus import rated, read_recordings
from softaer.labels import rater_agreement, weights_from_agreement
from softaer.rater_lags import add_preparation, prepared


def traces_of_corpus(ratings: pd.DataFrame) -> pd.DataFrame:
    """Traces of one dimension over all recordings: one row per rater, one column per frame.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``.
    """
    frames = ratings.assign(frame=index(ratings["time"].to_numpy()))
    return frames.pivot(index="rater", columns=["recording", "frame"], values="value")


def corpus_weights(ratings: pd.DataFrame, against: str = Labels.against) -> pd.DataFrame:
    """Agreement and weight of each rater over all recordings of one dimension.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``.
    against
        See :func:`softaer.labels.rater_agreement`.

    Returns
    -------
    ``rater``, ``agreement``, ``weight``, ``fallback``; one row per rater.
    """
    traces = traces_of_corpus(ratings)
    agreement = rater_agreement(traces.to_numpy(dtype=np.float64), against)
    weights, fallback = weights_from_agreement(agreement)
    return pd.DataFrame(
        {"rater": traces.index, "agreement": agreement, "weight": weights, "fallback": fallback}
    )


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_settings(arguments, Labels, "against")
    add_preparation(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = prepared(tables.read_batches(options.ratings, recordings), options)
    against = cli.settings(options, Labels).against
    with tables.writer(options.output, RATER_WEIGHTS) as sink:
        for dimension, rows in ratings.groupby("dimension", sort=False):
            table = corpus_weights(rows, against)
            sink.append(table.assign(recording=None, dimension=dimension))


if __name__ == "__main__":
    cli.run(main)
