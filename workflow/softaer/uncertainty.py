"""Usefulness of a predicted sigma: coverage of ratings, selective prediction, reliability.

Coverage is the share of the individual ratings within E +- z sigma, for the z that would cover a
nominal share of a normal distribution. Selective prediction is the mean absolute error of E on the
frames that remain when the most uncertain ones are removed. Reliability is the mean sigma of the
label in bins of predicted sigma. All are computed on the test partition, together with a reference
that knows more or less than the model.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from softaer.core import cli, tables
from softaer.core.experiment import Experiment
from softaer.core.grid import RATE, index
from softaer.core.places import final_prediction
from softaer.core.schema import UNCERTAINTY
from softaer.core.targets import read_targets
from softaer.corpus import rated, read_recordings
from softaer.coverage import scored
from softaer.rater_lags import aligned_ratings

NOMINAL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Nominal shares of ratings covered by an interval."""

KEPT = tuple(k / 10 for k in range(1, 11))
"""Shares of frames that selective prediction keeps."""

BINS = 8
"""Bins of equal count of the reliability diagram."""


def coverage(ratings: np.ndarray, centre: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Share of ratings within E +- z sigma, for each nominal share.

    Parameters
    ----------
    ratings, centre, sigma
        Individual ratings with the E and sigma of their frame, shape (n,); a negative sigma counts
        as zero.

    Returns
    -------
    float64 array of shape (len(NOMINAL),)
    """
    z = norm.ppf(0.5 + np.array(NOMINAL) / 2)
    distance = np.abs(ratings - centre)
    return np.array([(distance <= q * np.maximum(sigma, 0)).mean() for q in z])


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


def figures(
    frames: pd.DataFrame, ratings: pd.DataFrame, constant_sigma: float
) -> list[tuple[str, str, float, float]]:
    """All three results of one dimension, task and seed.

    Parameters
    ----------
    frames
        ``recording``, ``frame``, ``E``, ``sigma`` (predicted), ``E_label``, ``sigma_label``.
    ratings
        ``recording``, ``frame``, ``value``.
    constant_sigma
        Mean sigma of the training labels: the sigma of a model that knows nothing about a frame.

    Returns
    -------
    (figure, series, x, y)
    """
    rows: list[tuple[str, str, float, float]] = []

    def add(figure: str, series: str, x: Iterable[float], y: Iterable[float]) -> None:
        rows.extend((figure, series, float(a), float(b)) for a, b in zip(x, y, strict=True))

    both = ratings.merge(frames, on=["recording", "frame"]).dropna(subset=["sigma_label"])
    value = both["value"].to_numpy()
    for series, centre, sigma in (
        ("predicted", both["E"], both["sigma"]),
        ("constant sigma", both["E"], np.full(len(both), constant_sigma)),
        ("label", both["E_label"], both["sigma_label"]),
    ):
        add("coverage", series, NOMINAL, coverage(value, np.array(centre), np.array(sigma)))
    known = frames.dropna(subset=["E_label", "sigma_label"])
    error = (known["E"] - known["E_label"]).abs().to_numpy()
    for series, order_by in (
        ("predicted sigma", known["sigma"]),
        ("label sigma", known["sigma_label"]),
        ("error itself", error),
    ):
        add("selective", series, KEPT, selective_error(error, np.array(order_by)))
    add("selective", "no selection", KEPT, np.full(len(KEPT), error.mean()))
    add(
        "reliability",
        "predicted",
        *reliability(known["sigma"].to_numpy(), known["sigma_label"].to_numpy()),
    )
    return rows


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_delays(arguments)
    arguments.add_argument("--rater-lags", type=Path, help="lags to take out of the traces")
    cli.add_output(arguments)
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    test = [r for r in recordings if r.partition == "test"]
    train = [r for r in recordings if r.partition == "train"]
    modality = experiment.modalities[-1]
    if not test or "sigma" not in experiment.targets:
        tables.write(
            pd.DataFrame(columns=[f.name for f in UNCERTAINTY]), UNCERTAINTY, options.output
        )
        return
    traces = aligned_ratings(options.ratings, test, options.rater_lags)
    delays = cli.delays(options)
    parts = []
    for dimension, task in itertools.product(experiment.dimensions, experiment.tasks):
        constant = float(read_targets(options.dataset, train, dimension)["sigma"].mean())
        labels = read_targets(options.dataset, test, dimension)
        ratings = traces[traces["dimension"] == dimension]
        shifted = index(ratings["time"].to_numpy()) - round(delays[dimension] * RATE)
        ratings = ratings.assign(frame=shifted)[["recording", "frame", "value"]]
        for seed in experiment.seeds:
            path = final_prediction(options.results, dimension, modality, task, seed)
            frames = tables.read(path, ["recording", "time", "E", "sigma"]).merge(
                labels, on=["recording", "time"], suffixes=("", "_label"), validate="one_to_one"
            )
            frames = frames.assign(frame=index(frames["time"].to_numpy()))
            rows = figures(frames, ratings, constant)
            table = pd.DataFrame(rows, columns=["figure", "series", "x", "y"])
            table["place"] = table.groupby(["figure", "series"]).cumcount()
            parts.append(table.assign(dimension=dimension, task=task))
    keys = ["dimension", "task", "figure", "series", "place"]
    mean = pd.concat(parts).groupby(keys, sort=False)[["x", "y"]].mean().reset_index()
    tables.write(mean.drop(columns="place"), UNCERTAINTY, options.output)


if __name__ == "__main__":
    cli.run(main)
