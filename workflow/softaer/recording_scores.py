"""Scores of every recording: where the best model of each dimension and target fails.

The model is the one in the report's headline, chosen on dev. For each recording of dev and test:
its CCC, error and bias, averaged over seeds, and what they depend on: the length, the share of
frames for which each modality has features, and how far the raters agree. On dev, predictions are
those out of fold, if there are any. Rows are sorted by trouble: test first, and within a partition
the lowest CCC first.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc_from_moments
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment, System
from softaer.core.files import complete
from softaer.core.grid import RATE
from softaer.core.reliability import pairwise_correlation
from softaer.core.schema import recording_scores as recording_scores_schema
from softaer.core.targets import read_targets
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored, shares
from softaer.evaluate import PARTITIONS, read_sums
from softaer.labels import traces_of
from softaer.page.headline import best_on_dev
from softaer.rater_lags import add_preparation, prepared

KEYS = ["recording", "dimension"]


def errors_from_moments(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square error and bias (prediction minus label).

    Parameters
    ----------
    sums
        Moments of :func:`softaer.core.concordance.moments`, shape (..., 6).

    Returns
    -------
    rmse, bias
        Shape (...), in the unit of the ratings.
    """
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    # Rounding can make the sum of squares of a perfect prediction negative.
    return np.sqrt(np.maximum(xx - 2 * xy + yy, 0) / n), (x - y) / n


def agreement_of_raters(ratings: pd.DataFrame) -> pd.DataFrame:
    """Number of raters of each recording and dimension, and how far they agree.

    Parameters
    ----------
    ratings
        ``recording``, ``dimension``, ``time`` [s, on the grid], ``rater``, ``value``.

    Returns
    -------
    ``recording``, ``dimension``, ``raters``, ``agreement``: mean Pearson correlation of each two
    raters; NaN with a single one, or if all are constant.
    """
    rows = []
    for key, some in ratings.groupby(KEYS, sort=False):
        raters, traces = traces_of(some)
        rows.append((*key, len(raters), pairwise_correlation(traces)))
    return pd.DataFrame(rows, columns=[*KEYS, "raters", "agreement"])


def scores_of(
    experiment: Experiment,
    results: Path,
    dataset: Path,
    recordings: Sequence[Recording],
    best: Mapping[tuple[str, str], System],
) -> pd.DataFrame:
    """CCC, RMSE and bias of each recording, mean over seeds, by the best models.

    Parameters
    ----------
    experiment
        The predictions of the run.
    results, dataset
        Folder of all results, and folder with the targets.
    recordings
        Scored recordings of dev and test, at least one.
    best
        Model of each dimension and target.

    Returns
    -------
    ``recording``, ``subject``, ``partition``, ``dimension``, ``target``, ``ccc``, ``rmse``,
    ``bias``, ``seconds``, ``modality``, ``task``, ``fusion``, ``seeds``.
    """
    rows = []
    subject_of = {r.recording: r.subject for r in recordings}
    for dimension in experiment.dimensions:
        frames = read_targets(dataset, recordings, dimension)
        systems = [system for (d, _), system in best.items() if d == dimension]
        found = read_sums(
            *(experiment, results, frames, recordings, dimension, "recording"),
            list(dict.fromkeys(systems)),
        )
        for (target, partition), (names, models) in found.items():
            system = best.get((dimension, target))
            if system is None or system not in models:
                continue
            sums = models[system]
            score = ccc_from_moments(sums).mean(axis=0)
            rmse, bias = (values.mean(axis=0) for values in errors_from_moments(sums))
            for place, name in enumerate(names):
                keys = {"recording": name, "subject": subject_of[name], "partition": partition}
                keys |= {"dimension": dimension, "target": target, **system._asdict()}
                numbers = {"ccc": score[place], "rmse": rmse[place], "bias": bias[place]}
                seconds = sums[0, place, 0] / RATE
                rows.append({**keys, **numbers, "seconds": seconds, "seeds": len(sums)})
    columns = ["recording", "subject", "partition", "dimension", "target", *System._fields]
    return pd.DataFrame(rows, columns=[*columns, "ccc", "rmse", "bias", "seconds", "seeds"])


def by_trouble(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of test first, then of dev; within a partition, the lowest CCC first and none last."""
    ordered = table.assign(later=table["partition"] != "test")
    ordered = ordered.sort_values(["later", "ccc"], kind="stable", na_position="last")
    return ordered.drop(columns="later").reset_index(drop=True)


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    arguments.add_argument("--scores", type=Path, required=True, help="table of all scores")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    add_preparation(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--csv-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    recordings = [r for r in recordings if r.partition in PARTITIONS]
    if not recordings:
        raise InputError(f"{options.recordings}: no rated recording in partitions test and dev")
    best = best_on_dev(tables.read(options.scores))
    table = scores_of(experiment, options.results, options.dataset, recordings, best)
    ratings = prepared(tables.read_batches(options.ratings, recordings), options)
    table = table.merge(agreement_of_raters(ratings), on=KEYS, how="left")
    for path in options.coverage:
        table[f"coverage_{path.stem}"] = table["recording"].map(shares(path))
    names = recording_scores_schema([path.stem for path in options.coverage])
    whole = tables.conform(by_trouble(table), names, options.output)
    tables.write(whole, names, options.output)
    with complete(options.csv_output) as partial:
        whole.to_pandas().to_csv(partial, index=False, float_format="%.6f")


if __name__ == "__main__":
    cli.run(main)
