"""Scores: the concordance of every prediction with its labels, on dev and test.

CCC over the concatenated frames of a partition, for every dimension, target, modality (and their
fusion), task and seed: the long form of the paper's table. In addition to the scores of the final
predictions, it has those before post-processing and, on dev, those out of fold. Other scores of the
final predictions stand beside the CCC: Pearson's r, RMSE, MAE, and the CCC of single recordings.
The CSV also has the scores of the prediction averaged over seeds, with ``mean`` as their seed.

Sigma is scored within panels of raters, because its level differs between them: unless all
recordings have the same raters, the mean of each panel is taken out of labels and predictions.

All modalities are scored on the same recordings. The table counts how many of them lack the
modality: there, its network has seen only zeros, and the fusion has not used it.
"""

import itertools
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc, ccc_of_each, errors, pearson
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment
from softaer.core.files import complete
from softaer.core.places import final_prediction
from softaer.core.schema import CCC
from softaer.core.seeds import mean_of_seeds
from softaer.core.targets import as_scored, read_targets
from softaer.core.tasks import JOIN
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import having, scored

SCORED_PARTITIONS = ("dev", "test")

MEAN = "mean"
"""Stands for the seed in rows of the CSV on the prediction averaged over seeds."""

KEYS = ("dimension", "target", "modality", "task", "seed", "fusion")
"""Columns that name a prediction."""


def score_predictions(
    targets: pd.DataFrame,
    predictions: pd.DataFrame,
    recordings: Sequence[Recording],
    target: str,
    lacking: Collection[str] = (),
    column: str | None = None,
) -> pd.DataFrame:
    """CCC of one prediction in each scored partition.

    Parameters
    ----------
    targets
        ``recording``, ``time``, and the column ``target``. With ``panel``, the number of each
        recording's panel of raters, sigma is scored within panels.
    predictions
        ``recording``, ``time``, ``column``, and versions of it: ``<column>_raw`` without
        post-processing (not for a fusion), ``<column>_out_of_fold``.
    recordings
        The corpus table.
    target
        ``E`` or ``sigma``.
    lacking
        Recordings that lack the modality, or one of the fused modalities.
    column
        Column of the prediction; default: ``target``.

    Returns
    -------
    ``partition``, ``ccc``, ``ccc_raw``, ``ccc_out_of_fold`` (on dev, if there is an estimate for
    all frames), ``recordings``, ``lacking`` (the number of these), ``frames``, ``panels`` (of sigma
    if they are known), and :func:`over_frames` and :func:`over_recordings` of the final
    prediction; a partition without labels has no row.

    Raises
    ------
    InputError
        If a labelled frame has no prediction.
    """
    column = column or target
    versions = {
        score: f"{column}{score.removeprefix('ccc')}"
        for score in ("ccc", "ccc_raw", "ccc_out_of_fold")
        if f"{column}{score.removeprefix('ccc')}" in predictions
    }
    columns = targets.columns.intersection(["recording", "time", target, "panel"], sort=False)
    labelled = targets.loc[targets[target].notna(), columns]
    both = labelled.rename(columns={target: "label"}).merge(
        predictions[["recording", "time", *versions.values()]],
        on=["recording", "time"],
        how="left",
        validate="one_to_one",
    )
    both["partition"] = both["recording"].map({r.recording: r.partition for r in recordings})
    rows = []
    for partition in SCORED_PARTITIONS:
        some = both[both["partition"] == partition]
        missing = some[column].isna()
        if missing.any():
            first = some[missing].iloc[0]
            raise InputError(
                f"recording {first['recording']!r}, {first['time']:g} s: "
                f"{int(missing.sum())} labelled frames without a prediction of {target}"
            )
        if len(some):
            label = as_scored(target, some, some["label"])
            scores = {
                score: ccc(label, as_scored(target, some, some[version]))
                for score, version in versions.items()
                if score != "ccc_out_of_fold"
                or (partition == "dev" and some[version].notna().all())
            }
            names = set(some["recording"].unique())
            counts = {"recordings": len(names), "lacking": len(names.intersection(lacking))}
            counts["frames"] = len(some)
            if target == "sigma" and "panel" in some:
                counts["panels"] = some["panel"].nunique()
            others = over_frames(label, as_scored(target, some, some[column]))
            each = over_recordings(some["recording"], some["label"], some[column])
            rows.append({"partition": partition, **scores, **counts, **others, **each})
    return pd.DataFrame(rows, columns=[n for n in CCC.names if n not in KEYS])


def over_frames(label: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Scores over all frames beside the CCC: ``pearson``, ``rmse`` and ``mae``.

    Parameters
    ----------
    label, prediction
        Of every labelled frame, shape (n,), without NaN.
    """
    rmse, mae = errors(label, prediction)
    return {"pearson": pearson(label, prediction), "rmse": rmse, "mae": mae}


def over_recordings(
    recording: pd.Series, label: pd.Series, prediction: pd.Series
) -> dict[str, float | str | None]:
    """CCC of single recordings, since a long one can dominate the CCC over all frames.

    Parameters
    ----------
    recording, label, prediction
        Of every labelled frame, without NaN, with a common index.

    Returns
    -------
    Mean, median and minimum of the recordings' own CCC (``ccc_recording_mean``, ``_median``,
    ``_worst``), and ``worst_recording``, which has the minimum. Recordings in which both series are
    constant have no CCC and are left out.
    """
    names, labels = zip(*label.groupby(recording), strict=True)
    predictions = [values for _, values in prediction.groupby(recording)]
    each = pd.Series(ccc_of_each(labels, predictions), names).dropna()
    return {
        "ccc_recording_mean": each.mean(),
        "ccc_recording_median": each.median(),
        "ccc_recording_worst": each.min(),
        "worst_recording": None if each.empty else each.idxmin(),
    }


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    cli.add_panels(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--csv-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    names = {recording.recording for recording in recordings}
    absent = {path.stem: names - having(path) for path in options.coverage}
    parts, of_means = [], []
    for dimension in experiment.dimensions:
        targets = read_targets(options.dataset, recordings, dimension, options.rater_weights)
        for target, system in itertools.product(experiment.targets, experiment.systems):
            lacking = set().union(*(absent[part] for part in system.modality.split(JOIN)))
            column = system.column(target)
            keys = {"dimension": dimension, "target": target, **system._asdict()}
            seeds = experiment.seeds_of(system.task)
            paths = [
                final_prediction(
                    *(options.results, dimension, system.modality, system.task, seed),
                    experiment.whole,
                )
                for seed in seeds
            ]
            predictions = list(map(tables.read, paths))
            for seed, prediction in zip(seeds, predictions, strict=True):
                scores = score_predictions(targets, prediction, recordings, target, lacking, column)
                parts.append(scores.assign(**keys, seed=seed))
            if len(seeds) > 1:
                scores = score_predictions(
                    targets, mean_of_seeds(predictions), recordings, target, lacking, column
                )
                of_means.append(scores.assign(**keys, seed=MEAN))
    table = tables.conform(pd.concat(parts, ignore_index=True), CCC, options.output)
    tables.write(table, CCC, options.output)
    with complete(options.csv_output) as path:
        both = pd.concat([table.to_pandas().astype({"seed": object}), *of_means])
        both = both.astype({"panels": "Int64"})
        both[CCC.names].to_csv(path, index=False, float_format="%.6f")


if __name__ == "__main__":
    cli.run(main)
