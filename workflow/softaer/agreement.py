"""Agreement of the raters: every pair, every rater with the labels' weights, every dimension.

Over the concatenated frames of all rated recordings, with the raters' lags taken out where they
are estimated. Raters of one name count as one person in all recordings; where a corpus numbers
them anew in each, pairs of raters say nothing, and alpha is still right.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from softaer import cli, tables
from softaer.corpus import rated, read_recordings
from softaer.rater_lags import aligned_ratings
from softaer.rater_weights import traces_of_corpus
from softaer.schema import AGREEMENT_DIMENSIONS, AGREEMENT_PAIRS, AGREEMENT_RATERS


def krippendorff_alpha(values: np.ndarray) -> float:
    """Krippendorff's alpha for interval data.

    Parameters
    ----------
    values
        Shape (raters, units), NaN where a rater says nothing of a unit.

    Returns
    -------
    alpha; NaN where no unit has two values, or all are the same.

    References
    ----------
    Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    """
    present = ~np.isnan(values)
    pairable = present.sum(axis=0) >= 2
    x, m = np.where(present, values, 0.0)[:, pairable], present.sum(axis=0)[pairable]
    n = m.sum()
    if n == 0:
        return np.nan
    # Centred, so that no digits are lost in differences of squares.
    x = np.where(present[:, pairable], x - x.sum() / n, 0.0)
    within = 2 * (m * (x**2).sum(axis=0) - x.sum(axis=0) ** 2) / (m - 1)
    observed = within.sum() / n
    expected = 2 * (n * (x**2).sum() - x.sum() ** 2) / (n * (n - 1))
    return float(1 - observed / expected) if expected > 0 else np.nan


def correlations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson correlation of each pair of raters over the frames that both rated.

    Parameters
    ----------
    values
        Shape (raters, frames), NaN where a rater is absent.

    Returns
    -------
    correlation, frames
        Both of shape (raters, raters) and symmetric: float64, NaN on the diagonal and where it is
        not defined; and int64, how many frames both rated.
    """
    count = len(values)
    correlation, frames = np.full((count, count), np.nan), np.zeros((count, count), dtype=np.int64)
    for i, j in combinations(range(count), 2):
        a, b = values[i], values[j]
        both = ~(np.isnan(a) | np.isnan(b))
        frames[i, j] = frames[j, i] = both.sum()
        if both.sum() > 1 and np.ptp(a[both]) > 0 and np.ptp(b[both]) > 0:
            correlation[i, j] = correlation[j, i] = np.corrcoef(a[both], b[both])[0, 1]
    return correlation, frames


def pairwise_correlation(values: np.ndarray) -> float:
    """Mean of :func:`correlations` over all pairs; NaN where none is defined."""
    correlation, _ = correlations(values)
    known = correlation[~np.isnan(correlation)]
    return float(known.mean()) if len(known) else np.nan


def pairs_table(traces: pd.DataFrame) -> pd.DataFrame:
    """``rater``, ``other``, ``correlation``, ``frames``: every pair of raters once."""
    correlation, frames = correlations(traces.to_numpy(dtype=np.float64))
    rows = [
        (traces.index[i], traces.index[j], correlation[i, j], frames[i, j])
        for i, j in combinations(range(len(traces)), 2)
    ]
    return pd.DataFrame(rows, columns=["rater", "other", "correlation", "frames"])


def raters_table(traces: pd.DataFrame, pairs: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """What each rater has rated, how far the others agree, and what the rater counts for.

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
    weigh the same, since they do not agree).
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
