"""Scores of groups of recordings, such as those of each sex or language.

For each column that forms groups, each of its values, and each dimension and target: the score on
test of the model in the report's headline (chosen on dev), with an interval as in ``evaluate``, and
the coverage of each modality. The CCC of a group depends on how much the labels vary within it, so
the error stands beside it. A group of few subjects (or recordings) gets the range of their own
scores instead of an interval, and is marked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, Experiment, System
from softaer.core.files import complete
from softaer.core.inference import FEW_UNITS, bootstrap, bounds_of, resample
from softaer.core.schema import group_scores as group_scores_schema
from softaer.core.targets import read_targets
from softaer.core.tasks import TASKS
from softaer.corpus import Recording, rated, read_recordings, read_rows
from softaer.coverage import scored
from softaer.evaluate import read_sums
from softaer.page.headline import best_on_dev
from softaer.recording_scores import errors_from_moments

NO_VALUE = "(no value)"
"""Group of the recordings whose cell is empty."""

PARTITION = "test"
"""Partition whose groups are scored."""


def groups_of(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """Groups of recordings.

    Parameters
    ----------
    rows
        Of the corpus table.
    columns
        Those that form groups.
    names
        Recordings to group.

    Returns
    -------
    ``column``, ``value``, ``recording``; columns as given, values sorted, :data:`NO_VALUE` last.
    """
    wanted = set(names)
    found = [
        (column, row.get(column, NO_VALUE), row["recording"])
        for column in columns
        for row in sorted(rows, key=lambda row: (column not in row, row.get(column, "")))
        if row["recording"] in wanted
    ]
    return pd.DataFrame(found, columns=["column", "value", "recording"])


def score_groups(
    experiment: Experiment,
    results: Path,
    frames: pd.DataFrame,
    recordings: Sequence[Recording],
    dimension: str,
    best: Mapping[str, System],
    settings: Evaluation,
) -> pd.DataFrame:
    """Scores of one group in a dimension.

    Parameters
    ----------
    experiment
        The predictions of the run.
    results
        Folder of all results.
    frames
        Targets of the dimension, of any recordings.
    recordings
        Scored recordings of the group in test.
    dimension
        Of the targets.
    best
        Model of each target.
    settings
        Numbers of the bootstrap.

    Returns
    -------
    ``dimension``, ``target``, ``ccc``, ``low``, ``high``, ``kind``, ``rmse``, ``bias``, ``units``,
    ``few``, ``recordings``, ``frames``, and the model; no row for a target without labels.
    """
    names = {r.recording for r in recordings}
    own = frames[frames["recording"].isin(names)].reset_index(drop=True)
    found = read_sums(
        *(experiment, results, own, recordings, dimension, settings.resample),
        list(dict.fromkeys(best.values())),
    )
    rows = []
    for (target, _), (units, models) in found.items():
        system = best.get(target)
        if system is None or system not in models:
            continue
        counts = resample(len(units), settings.draws, settings.bootstrap_seed)
        score = bootstrap(models[system], counts, trained=system.task in TASKS)
        rmse, bias = errors_from_moments(models[system].sum(axis=1))
        labelled = own[own[target].notna()]
        rows.append(
            {
                **{"dimension": dimension, "target": target, "ccc": score.point},
                **bounds_of(score)._asdict(),
                **{"rmse": float(rmse.mean()), "bias": float(bias.mean())},
                **{"units": len(units), "few": len(units) <= FEW_UNITS},
                "recordings": labelled["recording"].nunique(),
                "frames": len(labelled),
                **system._asdict(),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    cli.add_panels(arguments)
    arguments.add_argument("--scores", type=Path, required=True, help="table of all scores")
    arguments.add_argument("--groups", nargs="+", required=True, help="columns of the table")
    cli.add_settings(arguments, Evaluation)
    cli.add_output(arguments)
    cli.add_output(arguments, "--csv-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    settings = cli.settings(options, Evaluation)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    on_test = {r.recording: r for r in recordings if r.partition == PARTITION}
    if not on_test:
        raise InputError(f"{options.recordings}: no rated recording in {PARTITION} to group")
    rows = list(read_rows(options.recordings, None).values())
    groups = groups_of(rows, options.groups, list(on_test))
    covered = {path.stem: tables.read(path).set_index("recording") for path in options.coverage}
    best = best_on_dev(tables.read(options.scores))
    parts = []
    for dimension in experiment.dimensions:
        frames = read_targets(
            options.dataset, list(on_test.values()), dimension, options.rater_weights
        )
        chosen = {target: system for (d, target), system in best.items() if d == dimension}
        for (column, value), group in groups.groupby(["column", "value"], sort=False):
            names = list(group["recording"])
            some = [on_test[name] for name in names]
            scores = score_groups(
                experiment, options.results, frames, some, dimension, chosen, settings
            )
            shares = {
                f"coverage_{name}": np.divide(*table.loc[names, ["present", "frames"]].sum())
                for name, table in covered.items()
            }
            parts.append(scores.assign(column=column, value=value, **shares))
    names = group_scores_schema(list(covered))
    whole = tables.conform(pd.concat(parts, ignore_index=True), names, options.output)
    tables.write(whole, names, options.output)
    with complete(options.csv_output) as partial:
        whole.to_pandas().to_csv(partial, index=False, float_format="%.6f")


if __name__ == "__main__":
    cli.run(main)
