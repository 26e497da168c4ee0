"""Rater weights over the whole corpus: each rater's agreement over all recordings together.

There is one correlation per rater and dimension over the concatenated frames, instead of one per
recording. This suits corpora in which the same raters rated everything.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import WEIGHTING, Labels
from softaer.core.grid import index
from softaer.core.schema import RATER_WEIGHTS
from softaer.corpus import rated, read_recordings
from softaer.panels.steps import in_step
from softaer.panels.weighting import agreement_over, weights_from_agreement
from softaer.rater_lags import add_preparation, panel, prepared
from softaer.rater_statistics import fit_followers


def traces_of_corpus(ratings: pd.DataFrame) -> pd.DataFrame:
    """Traces of one dimension over all recordings: one row per rater, one column per frame.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``.
    """
    frames = ratings.assign(frame=index(ratings["time"].to_numpy()))
    return frames.pivot(index="rater", columns=["recording", "frame"], values="value")


def corpus_weights(
    ratings: pd.DataFrame,
    against: str = Labels.against,
    measure: str = Labels.measure,
    elastic: str = Labels.elastic,
    max_lag: float = Labels.max_lag,
    estimator: str = Labels.estimator,
) -> pd.DataFrame:
    """Agreement and weight of each rater over all recordings of one dimension.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``.
    against, measure
        See :func:`softaer.panels.weighting.rater_agreement`.
    elastic, max_lag
        Alignment of each recording before, see :func:`softaer.labels.label`.
    estimator
        With ``panel``, weights are gain² / noise² in the model of the panel, the largest being 1,
        and 0 for raters who do not follow it; otherwise they are the agreement.

    Returns
    -------
    ``rater``, ``agreement``, ``weight``, ``fallback``; one row per rater.
    """
    # Recordings in order of their names, so that sums do not depend on the batches.
    raters, recordings = panel(ratings.sort_values("recording", kind="stable"))
    for traces in recordings:
        there = ~np.isnan(traces).all(axis=1)
        traces[there] = in_step(traces[there], elastic, max_lag)
    agreement = agreement_over(recordings, against, measure)
    weights, fallback = weights_from_agreement(agreement)
    if estimator == "panel":
        weights, fallback = panel_weights(recordings)
    return pd.DataFrame(
        {"rater": raters, "agreement": agreement, "weight": weights, "fallback": fallback}
    )


def panel_weights(recordings: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
    """Weights by the model of the panel; all are 1 if nobody follows it, which is the second value.

    Parameters
    ----------
    recordings
        Shape (K, T_i) each, calibrated.
    """
    model = fit_followers(recordings)
    if model is None:
        return np.ones(len(recordings[0])), True
    precision = np.where(model.used, (model.gain / model.noise) ** 2, 0.0)
    return precision / precision.max(), False


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_settings(arguments, Labels, *WEIGHTING)
    add_preparation(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = prepared(tables.read_batches(options.ratings, recordings), options)
    settings = cli.settings(options, Labels)
    weighting = {key: getattr(settings, key) for key in WEIGHTING}
    with tables.writer(options.output, RATER_WEIGHTS) as sink:
        for dimension, rows in ratings.groupby("dimension", sort=False):
            table = corpus_weights(rows, **weighting)
            sink.append(table.assign(recording=None, dimension=dimension))


if __name__ == "__main__":
    cli.run(main)
