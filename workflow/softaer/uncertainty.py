"""What a predicted distribution is worth: single ratings of raters whom the label has not seen,
coverage of bands, selective prediction, reliability.

A rating on test is scored against the normal distribution N(E, a^2 + sigma^2) of the stage
``predictive``: E and sigma are averaged over seeds, and a was fitted on dev. The scores are the
continuous ranked probability score (CRPS; Gneiting & Raftery, 2007, in closed form) and the
negative log-likelihood (NLL), the lower the better; and width (sharpness) and coverage of the
central intervals. The prediction is compared with

* climatology: mean and standard deviation of all ratings of train;
* the same E with a constant spread, the best one on dev: is sigma good for anything?
* sigma alone as the spread, which is too narrow wherever E errs;
* ridge regression, with an a of its own;
* the label of the other raters. A rater inside E and sigma is too close to E. With n others, E is
  off by sigma / sqrt(n), and sigma is an estimate as well. Even if the raters scatter normally
  about E by sigma, (y - E) / (sigma sqrt(1 + 1/n)) therefore has Student's t distribution with
  n - 1 degrees of freedom, and not a normal one: "exact raters" is the coverage that follows. This
  holds for the plain mean of the raters, and nearly for the EWE.

How far sigma tells where people differ is its correlation with the deviation of a rater who was
left out from the label of the others; the others' own sigma is shown beside it. Levels of sigma
differ between panels of raters, so that it is computed within each panel.

Selective prediction is the mean absolute error of E on the frames that remain when the most
uncertain ones are removed. Reliability is the mean sigma of the label in bins of predicted sigma.
All are computed on test, with the final prediction.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from softaer.ceiling import estimate_with, left_out
from softaer.core import cli, tables
from softaer.core.concordance import sums_of
from softaer.core.experiment import Evaluation, Experiment, Labels
from softaer.core.files import complete
from softaer.core.grid import index
from softaer.core.inference import FEW_UNITS, interval, resample
from softaer.core.places import PREDICTIVE, PREDICTIVE_FIT, within
from softaer.core.predictive import LEAST_SPREAD
from softaer.core.predictive import NOMINAL as NOMINAL_BANDS
from softaer.core.reliability import correlation_from_moments
from softaer.core.schema import COVERED, DISTRIBUTION, UNCERTAINTY
from softaer.core.targets import panels, read_targets
from softaer.core.tasks import ALONE, CLIMATOLOGY, LABEL, PREDICTED, RIDGE, TARGETS
from softaer.core.tasks import CONSTANT_SPREAD as CONSTANT
from softaer.corpus import rated, read_recordings, read_rows
from softaer.coverage import scored
from softaer.group_scores import groups_of
from softaer.labels import add_estimator, read_estimator
from softaer.predictive import on_frames, percent
from softaer.rater_lags import prepared

NOMINAL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Nominal shares of ratings covered by an interval."""

KEPT = tuple(k / 10 for k in range(1, 11))
"""Shares of frames that selective prediction keeps."""

BINS = 8
"""Bins of equal count of the reliability diagram."""

LEVELS = ("low", "middle", "high")
"""Thirds of predicted sigma, for the coverage of bands."""

EXACT = "exact raters"
"""Name of the coverage that the label of the other raters can have at best."""

SIGMAS = {PREDICTED: "sigma", RIDGE: "sigma_ridge", LABEL: "sigma_others"}
"""Series with a sigma of their own, and its column."""


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
    both: pd.DataFrame, constant: float, climatology: tuple[float, float]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Centre and spread of every rating, for each series.

    Parameters
    ----------
    both
        ``E``, ``sigma``, ``spread`` (predicted), ``E_others``, ``sigma_others``, ``others``; and
        ``E_ridge``, ``spread_ridge`` if there is a ridge regression.
    constant
        The best constant spread on dev.
    climatology
        Mean and standard deviation of the ratings of train.

    Returns
    -------
    Without the other raters, if there are nowhere two of them.
    """
    centre = both["E"].to_numpy(np.float64)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {
        PREDICTED: (centre, both["spread"].to_numpy(np.float64)),
        ALONE: (centre, both["sigma"].to_numpy(np.float64)),
        CONSTANT: (centre, np.full(len(both), constant)),
    }
    if "E_ridge" in both:
        own = both["spread_ridge"].to_numpy(np.float64)
        found[RIDGE] = both["E_ridge"].to_numpy(np.float64), own
    mean, deviation = climatology
    found[CLIMATOLOGY] = np.full(len(both), mean), np.full(len(both), deviation)
    if both["sigma_others"].notna().all():
        own = (both["sigma_others"] * np.sqrt(1 + 1 / both["others"])).to_numpy()
        found[LABEL] = both["E_others"].to_numpy(), own
    least = LEAST_SPREAD * constant
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


SUMMED = ("n", "crps", "nll", "covered_80", "width_80", "covered_90", "width_90")
"""Columns of :func:`sums_of_scores`."""


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
    Arrays of shape (units, 7) with the columns :data:`SUMMED`: the number of ratings, sums of CRPS
    and NLL, and for two central intervals the number of ratings in it and the sum of its width.
    """
    value, found = both["value"].to_numpy(), {}
    for name, (centre, spread) in series.items():
        distance = np.abs(value - centre)
        columns = [np.ones(len(value)), crps(value, centre, spread), nll(value, centre, spread)]
        for nominal in NOMINAL_BANDS:
            half = quantile(nominal) * spread
            columns += [(distance <= half).astype(float), 2 * half]
        table = pd.DataFrame(dict(zip(SUMMED, columns, strict=True)))
        found[name] = table.groupby(both["unit"].to_numpy()).sum().loc[list(units)].to_numpy()
    return found


def deviations(both: pd.DataFrame, sigma: np.ndarray, units: Sequence[str]) -> np.ndarray:
    """Sums for the correlation of a sigma with the deviation of the rater who was left out.

    Parameters
    ----------
    both
        See :func:`comparable`, with columns ``unit`` and ``panel``.
    sigma
        Shape (ratings,).
    units
        Units in the requested order.

    Returns
    -------
    Shape (units, panels, 6), see :func:`softaer.core.concordance.sums_of`.
    """
    deviation = np.abs(both["value"] - both["E_others"]).to_numpy(np.float64)
    unit = pd.Index(units).get_indexer(both["unit"])
    panel, names = pd.factorize(both["panel"])
    found = np.zeros((len(units), len(names), 6))
    known = ~(np.isnan(deviation) | np.isnan(sigma))
    for place in np.unique(np.stack([unit[known], panel[known]]), axis=1).T:
        here = known & (unit == place[0]) & (panel == place[1])
        found[tuple(place)] = sums_of(sigma[here], deviation[here])
    return found


def score_rows(
    sums: Mapping[str, np.ndarray], of_sigma: Mapping[str, np.ndarray], settings: Evaluation
) -> list[dict[str, Any]]:
    """Scores of every series, and how much better the prediction is, with intervals.

    Parameters
    ----------
    sums
        See :func:`sums_of_scores`.
    of_sigma
        See :func:`deviations`, for the series with a sigma.
    settings
        Number of draws, and their seed.

    Returns
    -------
    Rows of ``DISTRIBUTION`` without keys and fit.
    """
    units = len(sums[PREDICTED])
    counts = resample(units, settings.draws, settings.bootstrap_seed)
    average = {name: own.sum(axis=0) / own[:, 0].sum() for name, own in sums.items()}
    rows = []
    for name, own in sums.items():
        row: dict[str, Any] = {"series": name, "ratings": int(own[:, 0].sum()), "units": units}
        row |= dict(zip(SUMMED[1:], average[name][1:], strict=True))
        if CLIMATOLOGY in average:
            row["skill"] = 1 - average[name][1] / average[CLIMATOLOGY][1]
        for place, score in ((1, "crps"), (2, "nll")):
            difference = sums[PREDICTED][:, place] - own[:, place]
            low = high = value = np.nan
            if name != PREDICTED:
                value = difference.sum() / own[:, 0].sum()
                if units > FEW_UNITS:
                    drawn = (counts @ difference) / (counts @ own[:, 0])
                    low, high = interval(drawn, units)
            row |= {f"{score}_difference": value, f"{score}_low": low, f"{score}_high": high}
        if name in of_sigma:
            drawn = np.tensordot(counts, of_sigma[name], axes=1)
            low = high = np.nan
            if units > FEW_UNITS:
                low, high = interval(correlation_from_moments(drawn, within=True), units)
            found = correlation_from_moments(of_sigma[name].sum(axis=0), within=True)
            row |= {"r_deviation": float(found), "r_deviation_low": low, "r_deviation_high": high}
        rows.append(row)
    return rows


def covered_rows(
    both: pd.DataFrame, settings: Evaluation, groups: pd.DataFrame | None = None
) -> list[dict[str, Any]]:
    """How many ratings the bands hold, over all frames, by level of predicted sigma and by group.

    Parameters
    ----------
    both
        ``recording``, ``value``, ``unit``, ``sigma`` and the bands of ``PREDICTIVE``.
    settings
        Number of draws, and their seed.
    groups
        See :func:`softaer.group_scores.groups_of`.

    Returns
    -------
    Rows of ``COVERED`` without keys and ``few``; none for a band that has no finite width.
    """
    thirds = np.quantile(both["sigma"], [1 / 3, 2 / 3])
    level = np.array(LEVELS)[np.searchsorted(thirds, both["sigma"], side="right")]
    varies = both["sigma"].nunique() > 1
    named: list[tuple[str, str, np.ndarray]] = [("all", "", np.ones(len(both), dtype=bool))]
    named += [("sigma", name, level == name) for name in LEVELS if varies]
    if groups is not None:
        named += [
            (column, value, both["recording"].isin(own["recording"]).to_numpy())
            for (column, value), own in groups.groupby(["column", "value"], sort=False)
        ]
    rows = []
    for nominal in NOMINAL_BANDS:
        lower, upper = (both[f"{end}_{percent(nominal)}"] for end in ("lower", "upper"))
        if lower.isna().any():
            continue
        table = pd.DataFrame({"n": 1.0, "unit": both["unit"]})
        table["inside"] = ((both["value"] >= lower) & (both["value"] <= upper)).astype(float)
        table["width"] = upper - lower
        for by, name, here in named:
            some = table[here]
            if some.empty:
                continue
            sums = some.groupby("unit").sum()
            share, low, high = sums["inside"].sum() / sums["n"].sum(), np.nan, np.nan
            if len(sums) > FEW_UNITS:
                counts = resample(len(sums), settings.draws, settings.bootstrap_seed)
                drawn = (counts @ sums["inside"].to_numpy()) / (counts @ sums["n"].to_numpy())
                low, high = interval(drawn, len(sums))
            rows.append(
                {"nominal": nominal, "by": by, "level": name, "coverage": share}
                | {"low": low, "high": high, "width": some["width"].mean()}
                | {"ratings": len(some), "units": len(sums)}
            )
    return rows


def with_panels(
    ratings: pd.DataFrame,
    traces: pd.DataFrame,
    unit_of: Mapping[str, str],
    delay: float,
) -> pd.DataFrame:
    """Ratings with their ``frame`` on the grid of the predictions, ``unit`` and ``panel``.

    Parameters
    ----------
    ratings
        See :func:`labels_of_others`.
    traces
        The ratings with the names of the raters; recordings with the same raters share a panel.
    unit_of
        Unit of each recording.
    delay
        Of the annotations [s].
    """
    names = ratings["recording"]
    found = on_frames(ratings, delay)
    return found.assign(unit=names.map(unit_of), panel=names.map(panels(traces)))


def read_predictive(
    results: Path, dimension: str, modality: str, recordings: Collection[str], task: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Predictive distribution of a model on some recordings, and what was fitted for it.

    Returns
    -------
    Rows of ``PREDICTIVE`` and the row of ``PREDICTIVE_FIT``, without the modality.
    """
    frames, fits = (
        tables.read(within(results, pattern, dimension=dimension, task=task))
        for pattern in (PREDICTIVE, PREDICTIVE_FIT)
    )
    frames = frames[(frames["modality"] == modality) & frames["recording"].isin(recordings)]
    fit = fits[fits["modality"] == modality].iloc[0].to_dict()
    return frames.drop(columns="modality"), fit


class Judged(NamedTuple):
    """Rows of the tables of this stage for one model, without its keys."""

    curves: pd.DataFrame
    scores: list[dict[str, Any]]
    covered: list[dict[str, Any]]


def judge(
    frames: pd.DataFrame,
    ratings: pd.DataFrame,
    fits: Mapping[str, Mapping[str, Any]],
    climatology: tuple[float, float],
    settings: Evaluation,
    spread: str = Labels.spread,
    groups: pd.DataFrame | None = None,
) -> Judged | None:
    """Everything that this stage says of one model.

    Parameters
    ----------
    frames
        Frames of test: ``recording``, ``frame``, the columns of ``PREDICTIVE``, ``E_label``,
        ``sigma_label``; with the suffix ``_ridge``, the columns of the ridge regression.
    ratings
        See :func:`with_panels`.
    fits
        Row of ``PREDICTIVE_FIT`` of the series ``predicted`` and, if there is one, ``ridge``.
    climatology
        See :func:`spreads`.
    settings
        Units, number of draws and their seed.
    spread
        Form of the labels' sigma.
    groups
        See :func:`covered_rows`.

    Returns
    -------
    None without any rating on these frames.
    """
    both = comparable(ratings, frames)
    if both.empty:
        return None
    fit = fits[PREDICTED]
    series = spreads(both, fit["constant"], climatology)
    curves = pd.DataFrame(
        figures(frames, both, series, spread), columns=["figure", "series", "x", "y"]
    )
    units = sorted(both["unit"].unique())
    of_sigma = {
        name: deviations(both, both[column].to_numpy(np.float64), units)
        for name, column in SIGMAS.items()
        if name in series
    }
    scores = score_rows(sums_of_scores(both, series, units), of_sigma, settings)
    for row in scores:
        own = fits.get(row["series"], {})
        row |= {name: own.get(name) for name in ("a", "b_squared", "out_of_fold")}
        row["panels"] = both["panel"].nunique()
    covered = covered_rows(both, settings, groups)
    for row in covered:
        row["few"] = fit[f"few_{percent(row['nominal'])}"]
    return Judged(curves, scores, covered)


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_delays(arguments)
    add_estimator(arguments)
    cli.add_settings(arguments, Evaluation)
    arguments.add_argument("--groups", nargs="+", default=[], help="columns of the table")
    cli.add_output(arguments)
    cli.add_output(arguments, "--distribution-output")
    cli.add_output(arguments, "--csv-output")
    cli.add_output(arguments, "--covered-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    settings = cli.settings(options, Evaluation)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    train, dev, test = (
        [r for r in recordings if r.partition == name] for name in ("train", "dev", "test")
    )
    modality = experiment.modalities[-1]
    corpus_weights, estimator = read_estimator(options)
    unit_of = {r.recording: getattr(r, settings.resample) for r in test}
    rows = list(read_rows(options.recordings, None).values()) if options.groups else []
    groups = groups_of(rows, options.groups, list(unit_of))
    delays = cli.delays(options)
    curves: list[pd.DataFrame] = []
    scores: list[dict[str, Any]] = []
    covered: list[dict[str, Any]] = []
    possible = bool(dev and test) and set(experiment.targets) == set(TARGETS)
    if possible:
        single = prepared(tables.read_batches(options.ratings, [*train, *test]), options)
    for dimension in experiment.dimensions if possible else ():
        read = partial(read_predictive, options.results, dimension, modality, unit_of)
        labels = read_targets(options.dataset, test, dimension)
        ridge = read(RIDGE) if RIDGE in experiment.baselines else None
        own = single[single["dimension"] == dimension]
        on_test = own["recording"].isin(unit_of)
        seen, traces = own.loc[~on_test, "value"], own[on_test]
        climatology = float(seen.mean()), float(seen.std(ddof=0))
        estimate = estimate_with(corpus_weights.get(dimension), estimator)
        others = labels_of_others(traces, estimate)
        ratings = with_panels(others, traces, unit_of, delays[dimension])
        for task in experiment.tasks:
            frames, fit = read(task)
            fits = {PREDICTED: fit}
            keys = ["recording", "time"]
            frames = frames.merge(labels, on=keys, suffixes=("", "_label"))
            if ridge is not None:
                frames = frames.merge(ridge[0], on=keys, suffixes=("", "_ridge"), how="left")
                fits |= {RIDGE: ridge[1]}
            frames = frames.assign(frame=index(frames["time"].to_numpy())).drop(columns="time")
            found = judge(frames, ratings, fits, climatology, settings, estimator["spread"], groups)
            if found is not None:
                model = {"dimension": dimension, "task": task, "modality": modality}
                curves.append(found.curves.assign(dimension=dimension, task=task))
                scores += [model | row for row in found.scores]
                covered += [model | row for row in found.covered]
    empty = pd.DataFrame(columns=UNCERTAINTY.names)
    tables.write(pd.concat(curves) if curves else empty, UNCERTAINTY, options.output)
    table = tables.conform(pd.DataFrame(scores, columns=DISTRIBUTION.names), DISTRIBUTION)
    tables.write(table, DISTRIBUTION, options.distribution_output)
    with complete(options.csv_output) as path:
        table.to_pandas().to_csv(path, index=False, float_format="%.6f")
    tables.write(pd.DataFrame(covered, columns=COVERED.names), COVERED, options.covered_output)


if __name__ == "__main__":
    cli.run(main)
