"""Predictive distributions: for every frame, the distribution of what another rater would say.

E and sigma are averaged over seeds, after post-processing and fusion. The spread of single ratings
about E is sqrt(a^2 + sigma^2), with one number a per model, found on dev out of fold: nothing that
a subject's prediction passed through was fitted to this subject. Bands come from the same frames,
with the units of the evaluation, see :mod:`softaer.core.predictive`. Packed models take both from
here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, Experiment
from softaer.core.grid import RATE, index
from softaer.core.places import final_prediction
from softaer.core.predictive import (
    NOMINAL,
    Panel,
    Spread,
    conformal_quantile,
    few,
    fit,
    fit_factor,
)
from softaer.core.schema import PREDICTIVE, PREDICTIVE_FIT
from softaer.core.seeds import FRAME, mean_of_seeds
from softaer.corpus import rated, read_recordings
from softaer.coverage import scored
from softaer.rater_lags import add_preparation, prepared


class Fit(NamedTuple):
    """The fitted distribution of one model.

    Attributes
    ----------
    spread
        See :class:`softaer.core.predictive.Spread`.
    b_squared
        See :func:`softaer.core.predictive.fit_factor`.
    quantiles
        Half width of each band in units of the spread, NaN where there are too few units; in the
        order of :data:`softaer.core.predictive.NOMINAL`.
    units, ratings
        Numbers of units of dev, and of their ratings.
    out_of_fold
        Whether the predictions on dev were out of fold; in-sample ones err too little.
    """

    spread: Spread
    b_squared: float
    quantiles: tuple[float, ...]
    units: int
    ratings: int
    out_of_fold: bool

    def bands(self, centre: np.ndarray, sigma: np.ndarray) -> dict[str, np.ndarray]:
        """``spread``, and lower and upper end of each band, from E and sigma of frames."""
        spread = self.spread.of(sigma)
        found = {"spread": spread}
        for nominal, quantile in zip(NOMINAL, self.quantiles, strict=True):
            name = percent(nominal)
            found |= {f"lower_{name}": centre - quantile * spread}
            found |= {f"upper_{name}": centre + quantile * spread}
        return found


def percent(nominal: float) -> int:
    """A nominal share as it is in names of columns."""
    return round(100 * nominal)


def on_frames(ratings: pd.DataFrame, delay: float) -> pd.DataFrame:
    """Single ratings with the frames that they belong to.

    Parameters
    ----------
    ratings
        ``time`` [s, on the grid] and other columns, of one dimension.
    delay
        Of the annotations, which is removed [s].

    Returns
    -------
    The ratings with ``frame``, the place on the grid of the features; below 0 before its start.
    """
    return ratings.assign(frame=index(ratings["time"].to_numpy()) - round(delay * RATE))


def panel_of(ratings: pd.DataFrame) -> pd.DataFrame:
    """Number, mean and sum of squares of the ratings of each frame.

    Parameters
    ----------
    ratings
        ``recording``, ``frame``, ``value``.

    Returns
    -------
    ``recording``, ``frame``, ``number``, ``mean``, ``squares`` (about the mean).
    """
    groups = ratings.groupby(["recording", "frame"], sort=False)["value"]
    table = groups.agg(number="count", mean="mean", variance="var").reset_index()
    table["squares"] = table.pop("variance").fillna(0.0) * (table["number"] - 1)
    return table


def mean_over_seeds(
    experiment: Experiment, results: Path, dimension: str, modality: str, task: str
) -> pd.DataFrame:
    """Final prediction of a model, averaged over its seeds.

    Returns
    -------
    ``recording``, ``time`` [s], ``E``, ``sigma``, ``E_out_of_fold``, ``sigma_out_of_fold`` (NaN
    where there is none). If sigma is not predicted, it is 0: the spread is the same everywhere.
    """
    known = [f"{t}{end}" for end in ("", "_out_of_fold") for t in experiment.targets]
    paths = [
        final_prediction(results, dimension, modality, task, seed, experiment.whole)
        for seed in experiment.seeds_of(task)
    ]
    found = mean_of_seeds([tables.read(path, [*FRAME, *known]) for path in paths])
    names = ("E", "sigma", "E_out_of_fold", "sigma_out_of_fold")
    return found.assign(**{name: 0.0 for name in names if name not in known})


def fit_model(dev: pd.DataFrame, ratings: pd.DataFrame, unit_of: Mapping[str, str]) -> Fit:
    """Fit the distribution of one model.

    Parameters
    ----------
    dev
        See :func:`mean_over_seeds`, of recordings of dev.
    ratings
        ``recording``, ``frame`` (on the grid of the predictions), ``value`` of one dimension.
    unit_of
        Unit of each recording.

    Raises
    ------
    InputError
        If no rating is on a predicted frame.
    """
    out_of_fold = bool(dev["E_out_of_fold"].notna().any())
    ends = "_out_of_fold" if out_of_fold else ""
    frames = dev[["recording"]].assign(
        frame=index(dev["time"].to_numpy()), E=dev[f"E{ends}"], sigma=dev[f"sigma{ends}"]
    )
    frames = frames.dropna(subset=["E", "sigma"])
    known = panel_of(ratings).merge(frames, on=["recording", "frame"])
    if known.empty:
        raise InputError(
            f"predictive distribution: no rating of {dev['recording'].nunique()} recordings of dev "
            "is on a predicted frame; expected some"
        )
    panel = Panel(*(known[name].to_numpy(np.float64) for name in ("number", "mean", "squares")))
    centre, sigma = (known[name].to_numpy(np.float64) for name in ("E", "sigma"))
    spread = fit(panel, centre, sigma)
    single = ratings.merge(frames, on=["recording", "frame"])
    distance = np.abs(single["value"] - single["E"]).to_numpy(np.float64)
    s = spread.of(single["sigma"].to_numpy(np.float64))
    scores = np.divide(distance, s, out=np.zeros_like(distance), where=s > 0)
    units, names = pd.factorize(single["recording"].map(unit_of))
    quantiles = tuple(conformal_quantile(scores, units, nominal) for nominal in NOMINAL)
    return Fit(
        *(spread, fit_factor(panel, centre, sigma, spread), quantiles),
        *(len(names), int(panel.number.sum()), out_of_fold),
    )


def row_of(found: Fit) -> dict[str, Any]:
    """Columns of ``PREDICTIVE_FIT`` that a fit gives."""
    row = {"a": found.spread.a, "constant": found.spread.constant, "b_squared": found.b_squared}
    for nominal, quantile in zip(NOMINAL, found.quantiles, strict=True):
        row[f"quantile_{percent(nominal)}"] = quantile
        row[f"few_{percent(nominal)}"] = few(found.units, nominal)
    return row | {"units": found.units, "ratings": found.ratings, "out_of_fold": found.out_of_fold}


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--task", required=True, help="task or baseline")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    add_preparation(arguments)
    cli.add_delays(arguments)
    cli.add_settings(arguments, Evaluation, "resample")
    cli.add_output(arguments)
    cli.add_output(arguments, "--fit-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    unit = cli.settings(options, Evaluation).resample
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    dev = [r for r in recordings if r.partition == "dev"]
    unit_of = {r.recording: getattr(r, unit) for r in dev}
    fitted = experiment.modalities if dev and "E" in experiment.targets else ()
    if fitted:
        ratings = prepared(tables.read_batches(options.ratings, dev), options)
        ratings = ratings[ratings["dimension"] == options.dimension]
        ratings = on_frames(ratings, cli.delays(options)[options.dimension])
    rows = []
    with tables.writer(options.output, PREDICTIVE) as sink:
        for modality in fitted:
            name = {"modality": modality}
            model = options.dimension, modality, options.task
            frames = mean_over_seeds(experiment, options.results, *model)
            found = fit_model(frames[frames["recording"].isin(unit_of)], ratings, unit_of)
            rows.append(name | row_of(found))
            kept = frames[["recording", "time", "E", "sigma"]].dropna()
            bands = found.bands(kept["E"].to_numpy(), kept["sigma"].to_numpy())
            sink.append(kept.assign(**name, **bands))
    table = pd.DataFrame(rows, columns=PREDICTIVE_FIT.names)
    tables.write(table, PREDICTIVE_FIT, options.fit_output)


if __name__ == "__main__":
    cli.run(main)
