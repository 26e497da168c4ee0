"""Labels: the emotional state E and the perception uncertainty sigma, from the ratings of several
raters.

E is the evaluator weighted estimator (Grimm & Kroschel, 2005), E(t) = sum_k w_k y_k(t) / sum_k
w_k, where a rater's weight is the Pearson correlation of the trace with the mean of the other
raters'. sigma is the spread of the raters about it, sigma(t) = sqrt(1/(K-1) sum_k (y_k(t) -
E(t))^2), over the K raters present at t (Han et al., 2017). A rater with weight zero has no part in
either: an inverted trace, say, is no sign of a moment on which people disagree. Other estimators,
weights and an elastic alignment before them are in :mod:`softaer.panels.steps`.

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
from softaer.core.experiment import ESTIMATION, Labels
from softaer.core.grid import RATE, index
from softaer.core.schema import LABELS, NOTES, RATER_WEIGHTS
from softaer.panels.estimators import perception_uncertainty, weighted_estimate
from softaer.panels.steps import ESTIMATORS, NONE, chosen, in_step, smoothed
from softaer.panels.weighting import rater_agreement, weights_from_agreement
from softaer.rater_lags import add_preparation, prepared

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
    part = present & (weights > 0)[:, None]
    return np.where(part.any(axis=0), part, present)


def estimate_of(
    traces: np.ndarray,
    weights: np.ndarray,
    estimator: str,
    trim: float = Labels.trim,
) -> np.ndarray:
    """E of traces of shape (K, T), shape (T,), see :data:`softaer.panels.steps.ESTIMATORS`."""
    return chosen(ESTIMATORS, estimator, "estimator").estimate(traces, weights, trim)


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


def aligned(ratings: pd.DataFrame, elastic: str, max_lag: float) -> pd.DataFrame:
    """Ratings of one recording and dimension after the elastic alignment, if one is chosen.

    Parameters and columns are those of :func:`label`.
    """
    if elastic == NONE:
        return ratings
    raters, traces = traces_of(ratings)
    traces = in_step(traces, elastic, max_lag)
    places = np.searchsorted(raters, ratings["rater"]), index(ratings["time"].to_numpy())
    return ratings.assign(value=traces[places]).dropna(subset=["value"])


def label(
    ratings: pd.DataFrame,
    elastic: str = Labels.elastic,
    max_lag: float = Labels.max_lag,
    estimator: str = Labels.estimator,
    trim: float = Labels.trim,
    measure: str = Labels.measure,
    against: str = Labels.against,
    smooth_estimate: float = Labels.smooth_estimate,
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
    elastic, max_lag
        Elastic alignment, one of :data:`softaer.panels.steps.WARPS` or ``none``, and the largest
        delay that it takes out [s].
    estimator, trim
        One of :data:`softaer.panels.steps.ESTIMATORS`; share that ``trimmed_mean`` leaves out at
        either end.
    measure, against
        Agreement, the weight of a rater, see :func:`softaer.panels.weighting.rater_agreement`.
    smooth_estimate
        Window of the moving average of E [s]; 0: none.
    spread, spread_about
        Form of sigma: ``sample`` or ``population``; about ``E`` or the plain ``mean``.
    min_raters
        Smallest number of raters that make a label.
    corpus_weights
        ``rater``, ``agreement``, ``weight`` over the whole corpus, used instead of the weights in
        this recording. The estimator ``panel`` needs them, see
        :func:`softaer.rater_weights.corpus_weights`.

    Returns
    -------
    labels
        ``time``, ``E``, ``sigma`` (NaN with a single rater), ``raters`` (number of raters who have
        a part in both), for every grid point with enough raters.
    weights
        ``rater``, ``agreement``, ``weight``, ``fallback``.

    Raises
    ------
    ValueError
        If the estimator ``panel`` gets no weights over the corpus.
    """
    if estimator == "panel" and corpus_weights is None:
        raise ValueError("the estimator 'panel' needs weights over the corpus")
    raters, traces = traces_of(ratings)
    traces = in_step(traces, elastic, max_lag)
    if not chosen(ESTIMATORS, estimator, "estimator").weighted:
        agreement = rater_agreement(traces, against, measure)
        weights, fallback = np.ones(len(raters)), False
    elif corpus_weights is not None:
        known = corpus_weights.set_index("rater").loc[raters]
        agreement = known["agreement"].to_numpy(dtype=np.float64)
        weights, fallback = weights_from_agreement(agreement)
        if estimator == "panel":
            weights = known["weight"].to_numpy(dtype=np.float64)
            fallback = not weights.any()
    else:
        agreement = rater_agreement(traces, against, measure)
        weights, fallback = weights_from_agreement(agreement)

    estimate = smoothed(estimate_of(traces, weights, estimator, trim), smooth_estimate)
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
    traces: np.ndarray,
    weights: np.ndarray,
    estimator: str,
    min_raters: int,
    trim: float = Labels.trim,
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of E that come only from a rater whose trace starts or ends.

    Between two labelled frames with different raters, E is compared with the estimate from those
    who are present in both, in the frame before the change and in the one after it.

    Parameters
    ----------
    traces, weights
        Shapes (K, T) and (K,).
    estimator, min_raters, trim
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
            estimate_of(traces[:, at], weights, estimator, trim)
            - estimate_of(
                np.where(stay[:, frames], traces[:, at], np.nan), weights, estimator, trim
            )
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
    share, trim = weights["weight"].to_numpy(), estimator.get("trim", Labels.trim)
    silent = list(raters[share == 0])
    if weights["fallback"].any():
        found.append("no rater agrees with the others; E is the plain mean")
    elif len(weights) - len(silent) == 1:
        found.append(f"E is the trace of {raters[share > 0][0]!r}: {ALONE}")
    elif silent:
        everybody = sigma_of(
            traces,
            estimate_of(traces, share, estimator["estimator"], trim),
            *(estimator["spread"], estimator["spread_about"]),
        )
        both = labels.assign(everybody=everybody[index(labels["time"].to_numpy())])
        own, whole = both.dropna(subset=["sigma", "everybody"])[["sigma", "everybody"]].mean()
        if abs(own - whole) > LARGE_CHANGE * whole:
            who = f"rater {silent[0]!r} has" if len(silent) == 1 else f"raters {silent} have"
            found.append(f"{who} {LEFT_OUT}: {own:.3g} on average, {whole:.3g} with everybody")
    frames, sizes = jumps(traces, share, estimator["estimator"], estimator["min_raters"], trim)
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
    cli.add_settings(arguments, Labels, *ESTIMATION)
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
    return weights, {name: getattr(settings, name) for name in ESTIMATION}


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
            rows = aligned(rows, estimator["elastic"], estimator["max_lag"])
            of_dimension = {"corpus_weights": corpus_weights.get(dimension)}
            own = estimator | {"elastic": NONE} | of_dimension
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
