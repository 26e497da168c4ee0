"""Agreement of the raters: every pair, every rater with the labels' weights, every dimension.

Computed over the concatenated frames of all rated recordings, after removing the raters' lags if
they are estimated. A rater's name stands for the same person in all recordings. If a corpus numbers
its raters anew in each recording, pairs of raters are meaningless, but alpha is still correct.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.reliability import correlations, krippendorff_alpha
from softaer.core.schema import AGREEMENT_DIMENSIONS, AGREEMENT_PAIRS, AGREEMENT_RATERS
from softaer.corpus import rated, read_recordings
from softaer.rater_lags import aligned_ratings
from softaer.rater_weights import traces_of_corpus


def pairs_table(traces: pd.DataFrame) -> pd.DataFrame:
    """``rater``, ``other``, ``correlation``, ``frames``: every pair of raters once."""
    correlation, frames = correlations(traces.to_numpy(dtype=np.float64))
    rows = [
        (traces.index[i], traces.index[j], correlation[i, j], frames[i, j])
        for i, j in combinations(range(len(traces)), 2)
    ]
    return pd.DataFrame(rows, columns=["rater", "other", "correlation", "frames"])


def raters_table(traces: pd.DataFrame, pairs: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Each rater's amount of ratings, agreement with the others, and weight.

    Parameters
    ----------
    traces, pairs
        See :func:`softaer.rater_weights.traces_of_corpus` and :func:`pairs_table`.
    weights
        ``rater``, ``weight`` and ``fallback`` per recording, of the same dimension.

    Returns
    -------
    ``rater``, ``recordings``, ``frames``, ``correlation`` (mean with the others), ``weight``,
    ``weight_low``, ``weight_high`` (over recordings), ``fallbacks`` (recordings in which all raters
    have equal weights because they do not agree).
    """
    rows = []
    for rater, trace in traces.iterrows():
        there = trace.dropna()
        own = pairs[(pairs["rater"] == rater) | (pairs["other"] == rater)]
        weight = weights[weights["rater"] == rater]
        rows.append(
            {
                "rater": rater,
                "recordings": there.index.get_level_values("recording").nunique(),
                "frames": len(there),
                "correlation": own["correlation"].mean(),
                "weight": weight["weight"].mean(),
                "weight_low": weight["weight"].min(),
                "weight_high": weight["weight"].max(),
                "fallbacks": int(weight["fallback"].sum()),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--weights", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--rater-lags", type=Path, help="lags to take out of the traces")
    for name in ("pairs", "raters", "dimensions"):
        cli.add_output(arguments, f"--{name}-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = aligned_ratings(options.ratings, recordings, options.rater_lags)
    weights = tables.read_batches(options.weights, recordings)
    with (
        tables.writer(options.pairs_output, AGREEMENT_PAIRS) as all_pairs,
        tables.writer(options.raters_output, AGREEMENT_RATERS) as all_raters,
        tables.writer(options.dimensions_output, AGREEMENT_DIMENSIONS) as all_dimensions,
    ):
        for dimension, rows in ratings.groupby("dimension", sort=False):
            traces = traces_of_corpus(rows)
            pairs = pairs_table(traces)
            own = weights[weights["dimension"] == dimension]
            values = traces.to_numpy(dtype=np.float64)
            all_pairs.append(pairs.assign(dimension=dimension))
            all_raters.append(raters_table(traces, pairs, own).assign(dimension=dimension))
            summary = {
                "dimension": dimension,
                "raters": len(traces),
                "recordings": rows["recording"].nunique(),
                "frames": int(((~np.isnan(values)).sum(axis=0) > 1).sum()),
                "correlation": pairs["correlation"].mean(),
                "alpha": krippendorff_alpha(values),
            }
            all_dimensions.append(pd.DataFrame([summary]))


if __name__ == "__main__":
    cli.run(main)
