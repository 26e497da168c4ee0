"""What a predicted sigma is worth: single ratings of raters whom the label has not seen, selective
prediction, reliability.

Ratings are scored against a normal distribution about the predicted E, whose spread holds both the
raters' disagreement and the model's error:

    y_k ~ N(E, s^2)        s^2 = sigma^2 + error^2

The error is the root mean square error of E on dev, out of fold. The reference is a spread that
does not change with time: sigma is the root mean square of the labels' sigma on train, with the
same error. Both are also scored with sigma alone as the spread, which is too narrow wherever E
errs. The scores are the continuous ranked probability score (CRPS; Gneiting & Raftery, 2007,
in closed form) and the negative log-likelihood (NLL), the lower the better; the width of the 80 %
interval (sharpness); and coverage, the share of ratings in an interval against its nominal share.

The label is shown beside them, from the other raters only: a rater inside E and sigma is too close
to E. With n others, E is off by sigma / sqrt(n), and sigma is an estimate as well. Even if the
raters scatter normally about E by sigma, (y - E) / (sigma sqrt(1 + 1/n)) therefore has Student's t
distribution with n - 1 degrees of freedom, and not a normal one: "exact raters" is the coverage
that follows. This holds for the plain mean of the raters, and nearly for the EWE.

Selective prediction is the mean absolute error of E on the frames that remain when the most
uncertain ones are removed. Reliability is the mean sigma of the label in bins of predicted sigma.
All are computed on test, with the final prediction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from softaer.ceiling import estimate_with, left_out
from softaer.core import cli, tables
from softaer.core.experiment import Evaluation, Experiment, Labels
from softaer.core.grid import RATE, index
from softaer.core.inference import FEW_UNITS, interval, resample
from softaer.core.places import final_prediction
from softaer.core.schema import UNCERTAINTY, UNCERTAINTY_SCORES
from softaer.core.targets import read_targets
from softaer.corpus import rated, read_recordings
from softaer.coverage import scored
from softaer.labels import add_estimator, read_estimator
from softaer.rater_lags import prepared

NOMINAL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Nominal shares of ratings covered by an interval."""

KEPT = tuple(k / 10 for k in range(1, 11))
"""Shares of frames that selective prediction keeps."""

BINS = 8
"""Bins of equal count of the reliability diagram."""

LEAST_SPREAD = 0.01
"""Smallest spread, as a share of the constant total: two raters may agree exactly by chance, and
without a limit one rating would then decide the NLL."""

PREDICTED, CONSTANT = "predicted", "constant sigma"
LABEL, EXACT = "label", "exact raters"
ALONE = "{}, alone"
"""Name of a series whose spread is sigma without the error of E."""

REFERENCE = {
    PREDICTED: CONSTANT,
    ALONE.format(PREDICTED): ALONE.format(CONSTANT),
    LABEL: CONSTANT,
}
"""The series with a constant sigma that another one is compared with."""


def quantile(nominal: float | Sequence[float]) -> np.ndarray:
    """Half width of the central interval of a standard normal with a nominal share."""
    return norm.ppf(0.5 + np.asarray(nominal) / 2)


def crps(ratings: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of normal distributions, in units of the ratings.

    s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), z = (y - E) / s (Gneiting & Raftery, 2007,
    equation 21, with the opposite sign: here lower is better).

    Parameters
    ----------
    ratings, centre, spread
        Shape (n,); the spread is positive.
    """
    z = (ratings - centre) / spread
    return spread * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))


def nll(ratings: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of normal distributions; arguments as in :func:`crps`."""
    return -norm.logpdf(ratings, centre, spread)


def coverage(ratings: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Share of ratings within E +- z s, for each nominal share, shape (len(NOMINAL),)."""
    distance = np.abs(ratings - centre)
    return np.array([(distance <= z * spread).mean() for z in quantile(NOMINAL)])


def coverage_of_exact_raters(others: np.ndarray, spread: str = "sample") -> np.ndarray:
    """Coverage by the label of the others if all raters scatter normally about E by sigma.

    Parameters
    ----------
    others
        Number of the other raters for each rating, shape (n,), at least two.
    spread
        Form of the labels' sigma, ``sample`` or ``population``.

    Returns
    -------
    float64 array of shape (len(NOMINAL),)
    """
    counts, frequency = np.unique(others, return_counts=True)
    narrower = 1.0 if spread == "sample" else np.sqrt((counts - 1) / counts)
    z = quantile(NOMINAL)[:, None] * narrower
    return (2 * student.cdf(z, counts - 1) - 1) @ frequency / frequency.sum()


def selective_error(error: np.ndarray, order_by: np.ndarray) -> np.ndarray:
    """Mean error of the frames with the lowest values of some quantity, for each share kept.

    Parameters
    ----------
    error, order_by
        Shape (n,); for equal values, the earlier frame counts as lower.

    Returns
    -------
    float64 array of shape (len(KEPT),)
    """
    ordered = np.cumsum(error[np.argsort(order_by, kind="stable")])
    counts = np.maximum(np.round(np.array(KEPT) * len(error)).astype(int), 1)
    return ordered[counts - 1] / counts


def reliability(predicted: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean predicted and mean label sigma in bins of predicted sigma of (nearly) equal count."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(BINS, len(predicted)))
    return (
        np.array([predicted[p].mean() for p in parts]),
        np.array([label[p].mean() for p in parts]),
    )


def labels_of_others(
    ratings: pd.DataFrame, estimate: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """Ratings with the label from the other raters.

    Parameters
    ----------
    ratings
        ``recording``, ``time``, ``rater``, ``value`` of one dimension.
    estimate
        See :func:`softaer.ceiling.left_out`.

    Returns
    -------
    ``recording``, ``time``, ``value``, and of the others ``E_others``, ``sigma_others`` (NaN with
    fewer than two), ``others`` (their number).
    """
    parts = [pd.DataFrame(columns=["recording", "time", "value", "E", "sigma", "raters"])]
    for recording, rows in ratings.groupby("recording", sort=False):
        pairs = left_out(rows, estimate).values()
        parts += [pair.assign(recording=recording) for pair in pairs if len(pair)]
    columns = {"E": "E_others", "sigma": "sigma_others", "raters": "others"}
    table = pd.concat(parts[1:] or parts, ignore_index=True).rename(columns=columns)
    return table.astype(dict.fromkeys(("value", *columns.values()), np.float64))


def spreads(
    both: pd.DataFrame, constant_sigma: float, error: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Centre and total spread of every rating, for each series.

    Parameters
    ----------
    both
        ``E``, ``sigma`` (predicted), ``E_others``, ``sigma_others``, ``others``.
    constant_sigma
        Root mean square of sigma of the training labels.
    error
        Root mean square error of E on dev.

    Returns
    -------
    Without the label, if there are nowhere two other raters.
    """
    least = LEAST_SPREAD * np.hypot(constant_sigma, error)
    centre = both["E"].to_numpy(np.float64)
    sigma = {
        PREDICTED: both["sigma"].to_numpy(np.float64),
        CONSTANT: np.full(len(both), constant_sigma),
    }
    found = {name: (centre, np.hypot(own, error)) for name, own in sigma.items()}
    found |= {ALONE.format(name): (centre, own) for name, own in sigma.items()}
    if both["sigma_others"].notna().all():
        own = both["sigma_others"] * np.sqrt(1 + 1 / both["others"])
        found[LABEL] = both["E_others"].to_numpy(), own.to_numpy()
    return {name: (centre, np.maximum(s, least)) for name, (centre, s) in found.items()}


def comparable(ratings: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Ratings with the predictions of their frames: the same ratings for all series.

    A rating counts if its frame has a sigma and the other raters have one too; if they have none
    anywhere, because only two raters rated, the ratings of all frames with a sigma count.

    Parameters
    ----------
    ratings
        ``recording``, ``frame``, and the columns of :func:`labels_of_others`.
    frames
        ``recording``, ``frame``, ``E``, ``sigma``, ``sigma_label``.
    """
    both = ratings.merge(frames, on=["recording", "frame"]).dropna(subset=["sigma_label"])
    with_others = both.dropna(subset=["sigma_others"])
    return with_others if len(with_others) else both


def figures(
    frames: pd.DataFrame,
    both: pd.DataFrame,
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    spread: str = Labels.spread,
) -> list[tuple[str, str, float, float]]:
    """The curves of one dimension, task and seed.

    Parameters
    ----------
    frames
        ``recording``, ``frame``, ``E``, ``sigma`` (predicted), ``E_label``, ``sigma_label``.
    both
        See :func:`comparable`.
    series
        See :func:`spreads`.
    spread
        Form of the labels' sigma.

    Returns
    -------
    (figure, series, x, y)
    """
    rows: list[tuple[str, str, float, float]] = []

    def add(figure: str, series: str, x: Iterable[float], y: Iterable[float]) -> None:
        rows.extend((figure, series, float(a), float(b)) for a, b in zip(x, y, strict=True))

    value = both["value"].to_numpy()
    for name, (centre, total) in series.items():
        add("coverage", name, NOMINAL, coverage(value, centre, total))
    if LABEL in series:
        exact = coverage_of_exact_raters(both["others"].to_numpy(), spread)
        add("coverage", EXACT, NOMINAL, exact)
    known = frames.dropna(subset=["E_label", "sigma_label"])
    error = (known["E"] - known["E_label"]).abs().to_numpy()
    for name, order_by in (
        ("predicted sigma", known["sigma"]),
        ("label sigma", known["sigma_label"]),
        ("error itself", error),
    ):
        add("selective", name, KEPT, selective_error(error, np.array(order_by)))
    add("selective", "no selection", KEPT, np.full(len(KEPT), error.mean()))
    add(
        "reliability",
        "predicted",
        *reliability(known["sigma"].to_numpy(), known["sigma_label"].to_numpy()),
    )
    return rows


def sums_of_scores(
    both: pd.DataFrame, series: Mapping[str, tuple[np.ndarray, np.ndarray]], units: Sequence[str]
) -> dict[str, np.ndarray]:
    """Sums over the ratings of each unit, for each series.

    Parameters
    ----------
    both
        See :func:`comparable`, with a column ``unit``.
    series
        See :func:`spreads`.
    units
        Units in the requested order.

    Returns
    -------
    Arrays of shape (units, 6): the number of ratings, sums of CRPS, NLL and width of the 80 %
    interval, and the numbers of ratings in the 80 % and in the 90 % interval.
    """
    value, found = both["value"].to_numpy(), {}
    for name, (centre, spread) in series.items():
        distance = np.abs(value - centre)
        table = pd.DataFrame(
            {
                "n": 1.0,
                "crps": crps(value, centre, spread),
                "nll": nll(value, centre, spread),
                "width": 2 * quantile(0.8) * spread,
                "covered_80": (distance <= quantile(0.8) * spread).astype(float),
                "covered_90": (distance <= quantile(0.9) * spread).astype(float),
            }
        )
        found[name] = table.groupby(both["unit"].to_numpy()).sum().loc[list(units)].to_numpy()
    return found


def score_rows(
    per_seed: Sequence[Mapping[str, np.ndarray]], settings: Evaluation
) -> list[dict[str, Any]]:
    """Scores of every series, and its differences to its :data:`REFERENCE` with intervals.

    Parameters
    ----------
    per_seed
        Sums of each seed, see :func:`sums_of_scores`.
    settings
        Number of draws, and their seed.

    Returns
    -------
    Rows of ``UNCERTAINTY_SCORES`` without keys and error.
    """
    units = len(per_seed[0][CONSTANT])
    counts = resample(units, settings.draws, settings.bootstrap_seed)
    rows = []
    for name in per_seed[0]:
        own = np.mean([sums[name] for sums in per_seed], axis=0)
        other = np.mean([sums[REFERENCE.get(name, name)] for sums in per_seed], axis=0)
        total = own.sum(axis=0)
        row: dict[str, Any] = {"series": name, "ratings": int(total[0]), "units": units}
        row |= dict(zip(("crps", "nll", "width_80", "covered_80", "covered_90"),
                        total[1:] / total[0], strict=True))  # fmt: skip
        for place, score in ((1, "crps"), (2, "nll")):
            difference = own[:, place] - other[:, place]
            low = high = np.nan
            if units > FEW_UNITS:
                drawn = (counts @ difference) / (counts @ own[:, 0])
                low, high = interval(drawn, units)
            value = difference.sum() / total[0] if name in REFERENCE else np.nan
            row |= {f"{score}_difference": value, f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return rows


def error_on_dev(dev: pd.DataFrame) -> tuple[float, bool]:
    """Root mean square error of E on dev.

    Parameters
    ----------
    dev
        ``E``, ``E_out_of_fold`` and ``E_label``.

    Returns
    -------
    error, out_of_fold
        If there is no out-of-fold prediction, the error in-sample, which is too small.
    """
    known = dev.dropna(subset=["E_label"])
    out_of_fold = bool(len(known)) and bool(known["E_out_of_fold"].notna().all())
    found = known["E_out_of_fold"] if out_of_fold else known["E"]
    return float(np.sqrt(((found - known["E_label"]) ** 2).mean())), out_of_fold


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_delays(arguments)
    add_estimator(arguments)
    cli.add_settings(arguments, Evaluation)
    cli.add_output(arguments)
    cli.add_output(arguments, "--scores-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    settings = cli.settings(options, Evaluation)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    train, dev, test = (
        [r for r in recordings if r.partition == name] for name in ("train", "dev", "test")
    )
    modality = experiment.modalities[-1]
    if not test or not dev or "sigma" not in experiment.targets:
        for schema, path in (
            (UNCERTAINTY, options.output),
            (UNCERTAINTY_SCORES, options.scores_output),
        ):
            tables.write(pd.DataFrame(columns=schema.names), schema, path)
        return
    corpus_weights, estimator = read_estimator(options)
    traces = prepared(tables.read_batches(options.ratings, test), options)
    unit_of = {r.recording: getattr(r, settings.resample) for r in test}
    delays = cli.delays(options)
    curves, scores = [], []
    for dimension in experiment.dimensions:
        constant = read_targets(options.dataset, train, dimension)["sigma"]
        constant_sigma = float(np.sqrt((constant.astype(np.float64) ** 2).mean()))
        labels = read_targets(options.dataset, [*dev, *test], dimension)
        estimate = estimate_with(corpus_weights.get(dimension), estimator)
        ratings = labels_of_others(traces[traces["dimension"] == dimension], estimate)
        shifted = index(ratings["time"].to_numpy()) - round(delays[dimension] * RATE)
        ratings = ratings.assign(frame=shifted, unit=ratings["recording"].map(unit_of))
        for task in experiment.tasks:
            per_seed, errors = [], []
            for seed in experiment.seeds:
                model = (dimension, modality, task, seed)
                path = final_prediction(options.results, *model, experiment.whole)
                columns = ["recording", "time", "E", "sigma", "E_out_of_fold"]
                frames = tables.read(path, columns).merge(
                    labels, on=["recording", "time"], suffixes=("", "_label"), validate="one_to_one"
                )
                frames = frames.assign(frame=index(frames["time"].to_numpy()))
                on_test = frames["recording"].isin(unit_of)
                errors.append(error_on_dev(frames[~on_test]))
                frames = frames[on_test]
                both = comparable(ratings, frames.drop(columns="time"))
                series = spreads(both, constant_sigma, errors[-1][0])
                rows = figures(frames, both, series, estimator["spread"])
                table = pd.DataFrame(rows, columns=["figure", "series", "x", "y"])
                table["place"] = table.groupby(["figure", "series"]).cumcount()
                curves.append(table.assign(dimension=dimension, task=task))
                per_seed.append(sums_of_scores(both, series, sorted(both["unit"].unique())))
            error = float(np.mean([value for value, _ in errors]))
            out_of_fold = all(clean for _, clean in errors)
            for row in score_rows(per_seed, settings):
                within = row["series"] in (PREDICTED, CONSTANT)
                row |= {"error_on_dev": error if within else None}
                row |= {"out_of_fold": out_of_fold if within else None}
                scores.append(row | {"dimension": dimension, "task": task})
    keys = ["dimension", "task", "figure", "series", "place"]
    mean = pd.concat(curves).groupby(keys, sort=False)[["x", "y"]].mean().reset_index()
    tables.write(mean.drop(columns="place"), UNCERTAINTY, options.output)
    table = pd.DataFrame(scores, columns=UNCERTAINTY_SCORES.names)
    tables.write(table, UNCERTAINTY_SCORES, options.scores_output)


if __name__ == "__main__":
    cli.run(main)
