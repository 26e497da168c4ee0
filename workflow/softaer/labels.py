"""Labels: the emotional state E and the perception uncertainty sigma, from the ratings of several
raters.

E is the evaluator weighted estimator (Grimm & Kroschel, 2005), E(t) = sum_k w_k y_k(t) / sum_k
w_k, where a rater's weight is the Pearson correlation of the trace with the mean of the other
raters'. sigma is the spread of the raters about it, sigma(t) = sqrt(1/(K-1) sum_k (y_k(t) -
E(t))^2), over the K raters present at t (Han et al., 2017). A rater with weight zero has no part in
either: an inverted trace, say, is no sign of a moment on which people disagree.

Two properties of a panel are noted, because they show in the labels and not in the recording: sigma
may depend on whether raters with weight zero are left out; and E may jump where a rater's trace
starts or ends.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Labels
from softaer.core.grid import RATE, index
from softaer.core.schema import LABELS, NOTES, RATER_WEIGHTS
from softaer.rater_lags import add_preparation, prepared, varies

ESTIMATOR = ("estimator", "against", "spread", "spread_about", "min_raters")
"""Configuration keys that :func:`label` accepts."""

LEAST_AGREEMENT = 1e-9
"""Correlations below this count as zero, because they are rounding errors."""

LARGE_CHANGE = 0.25
"""Change of the mean sigma without the raters of weight zero that is noted, as a share of the mean
with them."""

LARGE_JUMP = 0.75
"""Jump of E at the start or end of a trace that is noted, in standard deviations of E."""

LEFT_OUT = "weight 0, so neither E nor sigma is from it"
"""Marks the note on a rater who would change sigma."""

ALONE = "no other rater agrees, so there is no sigma"
"""Marks the note on a recording with one rater of a weight above zero."""

JUMPS = "E jumps where a rater's trace starts or ends"
"""Marks the note on traces whose start or end moves E."""


def rater_agreement(ratings: np.ndarray, against: str = Labels.against) -> np.ndarray:
    """Pearson correlation of each rater with the mean of the raters.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    against
        ``others``: the mean leaves the rater out; ``all``: it does not.

    Returns
    -------
    float64 array of shape (K,); NaN where the correlation is not defined (a constant trace, fewer
    than two common frames, no other rater).

    Examples
    --------
    >>> rater_agreement(np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 4.0], [2.0, 1.0, 0.0]])).round(6)
    array([ 1., nan, -1.])
    """
    present = ~np.isnan(ratings)
    values = np.where(present, ratings, 0.0)
    total, count = values.sum(axis=0), present.sum(axis=0)
    agreement = np.full(len(ratings), np.nan)
    for k in range(len(ratings)):
        own = against == "others"
        others = count - present[k] * own
        both = present[k] & (others > 0)
        if both.sum() < 2:
            continue
        x = values[k, both]
        y = (total - values[k] * own)[both] / others[both]
        if varies(x) and varies(y):
            agreement[k] = np.corrcoef(x, y)[0, 1]
    return agreement


def weights_from_agreement(agreement: np.ndarray) -> tuple[np.ndarray, bool]:
    """Weights of the raters: their agreement, with undefined and negative values set to zero.

    Returns
    -------
    weights, fallback
        float64 array of shape (K,); if all would be zero, all are one and ``fallback`` is true.
    """
    # If nobody agrees, rounding must not decide the weights.
    weights = np.where(np.nan_to_num(agreement) > LEAST_AGREEMENT, agreement, 0.0)
    if weights.any():
        return weights, False
    return np.ones_like(weights), True


def counted(ratings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Who has a part in the labels of each frame: the raters present with a weight above zero.

    Where only raters with weight zero are present, these.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    weights
        Shape (K,), not negative.

    Returns
    -------
    bool array of shape (K, T).
    """
    present = ~np.isnan(ratings)
    chosen = present & (weights > 0)[:, None]
    return np.where(chosen.any(axis=0), chosen, present)


def weighted_estimate(ratings: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over the raters present in each frame.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    weights
        Shape (K,), not negative. In frames where only raters with weight zero are present, their
        plain mean is used.

    Returns
    -------
    float64 array of shape (T,); NaN where no rater is present.
    """
    present = ~np.isnan(ratings)
    values = np.where(present, ratings, 0.0)
    share = weights[:, None] * present
    share = np.where(share.sum(axis=0) > 0, share, present)
    with np.errstate(invalid="ignore"):
        return (share * values).sum(axis=0) / share.sum(axis=0)


def median_estimate(ratings: np.ndarray) -> np.ndarray:
    """Median of the raters present in each frame, shape (K, T) to (T,); NaN without any."""
    present = ~np.isnan(ratings).all(axis=0)
    estimate = np.full(ratings.shape[1], np.nan)
    estimate[present] = np.nanmedian(ratings[:, present], axis=0)
    return estimate


def perception_uncertainty(
    ratings: np.ndarray, about: np.ndarray, spread: str = Labels.spread
) -> np.ndarray:
    """Spread of the raters present in each frame about an estimate.

    Parameters
    ----------
    ratings
        Shape (K, T), NaN where a rater is absent.
    about
        Estimate, shape (T,).
    spread
        ``sample`` divides the sum of squares by K - 1, ``population`` by K.

    Returns
    -------
    float64 array of shape (T,), in units of the ratings; NaN with fewer than two raters.
    """
    count = (~np.isnan(ratings)).sum(axis=0)
    squares = np.nansum((ratings - about) ** 2, axis=0)
    divisor = np.where(count >= 2, count - (spread == "sample"), np.nan)
    return np.sqrt(squares / divisor)


def estimate_of(traces: np.ndarray, weights: np.ndarray, estimator: str) -> np.ndarray:
    """E of traces of shape (K, T), shape (T,): their weighted mean, or their median."""
    if estimator == "median":
        return median_estimate(traces)
    return weighted_estimate(traces, weights)


def sigma_of(
    traces: np.ndarray, estimate: np.ndarray, spread: str, spread_about: str
) -> np.ndarray:
    """Sigma of traces of shape (K, T), shape (T,): about E, or about the plain mean."""
    plain = weighted_estimate(traces, np.ones(len(traces)))
    return perception_uncertainty(traces, estimate if spread_about == "E" else plain, spread)


def traces_of(ratings: pd.DataFrame) -> tuple[pd.Index, np.ndarray]:
    """Raters in order and their traces from time 0, shape (K, T); NaN where a rater is absent."""
    whose, raters = pd.factorize(ratings["rater"], sort=True)
    frames = index(ratings["time"].to_numpy())
    traces = np.full((len(raters), frames.max() + 1), np.nan)
    traces[whose, frames] = ratings["value"]
    return raters, traces


def label(
    ratings: pd.DataFrame,
    estimator: str = Labels.estimator,
    against: str = Labels.against,
    spread: str = Labels.spread,
    spread_about: str = Labels.spread_about,
    min_raters: int = Labels.min_raters,
    corpus_weights: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """E and sigma of one recording and dimension.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid], ``rater``, ``value``; at most one value per time and rater.
    estimator
        ``ewe``, ``mean`` or ``median``.
    against
        Reference of a rater's correlation, see :func:`rater_agreement`.
    spread, spread_about
        Form of sigma: ``sample`` or ``population``; about ``E`` or the plain ``mean``.
    min_raters
        Smallest number of raters that make a label.
    corpus_weights
        ``rater``, ``agreement``, ``weight`` over the whole corpus, used instead of the weights in
        this recording.

    Returns
    -------
    labels
        ``time``, ``E``, ``sigma`` (NaN with a single rater), ``raters`` (number of raters who have
        a part in both), for every grid point with enough raters.
    weights
        ``rater``, ``agreement``, ``weight``, ``fallback``.
    """
    raters, traces = traces_of(ratings)
    if estimator in ("mean", "median"):
        agreement, weights, fallback = rater_agreement(traces, against), np.ones(len(raters)), False
    elif corpus_weights is not None:
        known = corpus_weights.set_index("rater").loc[raters]
        agreement = known["agreement"].to_numpy(dtype=np.float64)
        weights, fallback = weights_from_agreement(agreement)
    else:
        agreement = rater_agreement(traces, against)
        weights, fallback = weights_from_agreement(agreement)

    estimate = estimate_of(traces, weights, estimator)
    of_labels = counted(traces, weights)
    labels = pd.DataFrame(
        {
            "time": np.arange(traces.shape[1]) / RATE,
            "E": estimate,
            "sigma": sigma_of(np.where(of_labels, traces, np.nan), estimate, spread, spread_about),
            "raters": of_labels.sum(axis=0).astype(np.int32),
        }
    )
    table = pd.DataFrame(
        {"rater": raters, "agreement": agreement, "weight": weights, "fallback": fallback}
    )
    return labels[labels["raters"] >= min_raters].reset_index(drop=True), table


def jumps(
    traces: np.ndarray, weights: np.ndarray, estimator: str, min_raters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of E that come only from a rater whose trace starts or ends.

    Between two labelled frames with different raters, E is compared with the estimate from those
    who are present in both, in the frame before the change and in the one after it.

    Parameters
    ----------
    traces, weights
        Shapes (K, T) and (K,).
    estimator, min_raters
        See :func:`label`.

    Returns
    -------
    frames, sizes
        Frame before each change, and the larger of the two differences; both of shape (n,).
        Changes after which nobody is left are not included.
    """
    present = ~np.isnan(traces)
    labelled = counted(traces, weights).sum(axis=0) >= min_raters
    changed = (present[:, 1:] != present[:, :-1]).any(axis=0)
    stay = present[:, 1:] & present[:, :-1]
    frames = np.flatnonzero(changed & labelled[1:] & labelled[:-1] & stay.any(axis=0))
    sizes = [
        np.abs(
            estimate_of(traces[:, at], weights, estimator)
            - estimate_of(np.where(stay[:, frames], traces[:, at], np.nan), weights, estimator)
        )
        for at in (frames, frames + 1)
    ]
    return frames, np.maximum(*sizes)


def notes_on(
    ratings: pd.DataFrame,
    labels: pd.DataFrame,
    weights: pd.DataFrame,
    **estimator: Any,
) -> list[str]:
    """What is odd about the panel of one recording and dimension.

    Parameters
    ----------
    ratings, estimator
        Arguments of :func:`label`.
    labels, weights
        Its results.
    """
    if len(weights) == 1:
        return ["one rater alone; E is that trace, and there is no sigma"]
    found = []
    raters, traces = traces_of(ratings)
    share = weights["weight"].to_numpy()
    silent = list(raters[share == 0])
    if weights["fallback"].any():
        found.append("no rater agrees with the others; E is the plain mean")
    elif len(weights) - len(silent) == 1:
        found.append(f"E is the trace of {raters[share > 0][0]!r}: {ALONE}")
    elif silent:
        everybody = sigma_of(
            traces,
            estimate_of(traces, share, estimator["estimator"]),
            *(estimator["spread"], estimator["spread_about"]),
        )
        both = labels.assign(everybody=everybody[index(labels["time"].to_numpy())])
        own, whole = both.dropna(subset=["sigma", "everybody"])[["sigma", "everybody"]].mean()
        if abs(own - whole) > LARGE_CHANGE * whole:
            who = f"rater {silent[0]!r} has" if len(silent) == 1 else f"raters {silent} have"
            found.append(f"{who} {LEFT_OUT}: {own:.3g} on average, {whole:.3g} with everybody")
    frames, sizes = jumps(traces, share, estimator["estimator"], estimator["min_raters"])
    large = sizes > LARGE_JUMP * labels["E"].std(ddof=0)
    if large.any():
        largest = frames[np.argmax(sizes)]
        present = ~np.isnan(traces[:, largest : largest + 2])
        who = ", ".join(map(repr, raters[present[:, 0] != present[:, 1]]))
        found.append(
            f"{JUMPS}: {large.sum()} times by more than {LARGE_JUMP:g} of its standard deviation, "
            f"most by {sizes.max():.3g} (rater {who} at {(largest + 1) / RATE:g} s)"
        )
    return found


def add_estimator(arguments: argparse.ArgumentParser) -> None:
    """Add the options of :func:`label` and the tables it may need."""
    cli.add_settings(arguments, Labels, *ESTIMATOR)
    arguments.add_argument("--corpus-weights", type=Path, help="weights found over the corpus")
    add_preparation(arguments)


def read_estimator(
    options: argparse.Namespace,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Corpus weights by dimension, and keyword arguments of :func:`label`."""
    weights = {}
    if options.corpus_weights is not None:
        weights = dict(iter(tables.read(options.corpus_weights).groupby("dimension")))
    settings = cli.settings(options, Labels)
    return weights, {name: getattr(settings, name) for name in ESTIMATOR}


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--ratings", type=Path, required=True)
    add_estimator(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--weights-output")
    arguments.add_argument("--notes-output", type=Path, help="table of what was odd")
    options = arguments.parse_args()

    corpus_weights, estimator = read_estimator(options)
    ratings = prepared(tables.read(options.ratings), options)
    notes = []
    with (
        tables.writer(options.output, LABELS) as labels_sink,
        tables.writer(options.weights_output, RATER_WEIGHTS) as weights_sink,
    ):
        for (recording, dimension), rows in ratings.groupby(["recording", "dimension"], sort=False):
            own = estimator | {"corpus_weights": corpus_weights.get(dimension)}
            labels, weights = label(rows, **own)
            if labels.empty:
                raise InputError(
                    f"recording {recording!r}, {dimension}: no frame has "
                    f"{estimator['min_raters']} raters, the smallest number that makes a label; "
                    "expected more raters, or a smaller number (config key 'labels: min_raters')"
                )
            for table, sink in ((labels, labels_sink), (weights, weights_sink)):
                sink.append(table.assign(recording=recording, dimension=dimension))
            for note in notes_on(rows, labels, weights, **own):
                notes.append({"recording": recording, "note": f"{dimension}: {note}"})
                print(f"recording {recording!r}, {dimension}: {note}")
    if options.notes_output is not None:
        tables.write(pd.DataFrame(notes, columns=NOTES.names), NOTES, options.notes_output)


if __name__ == "__main__":
    cli.run(main)
