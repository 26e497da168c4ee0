"""Scores: the concordance of every prediction with its labels, on dev and test.

CCC over the concatenated frames of a partition, for every dimension, target, modality (and their
fusion), task and seed: the long form of the paper's table.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from softaer import cli, tables
from softaer.concordance import ccc
from softaer.corpus import Recording, rated, read_recordings
from softaer.errors import InputError
from softaer.schema import CCC
from softaer.targets import read_targets
from softaer.tasks import FUSED, TARGETS, TASKS

SCORED_PARTITIONS = ("dev", "test")


def score_predictions(
    targets: pd.DataFrame, predictions: pd.DataFrame, recordings: Sequence[Recording], target: str
) -> pd.DataFrame:
    """CCC of one prediction in each scored partition.

    Parameters
    ----------
    targets, predictions
        ``recording``, ``time``, and the column ``target``.
    recordings
        The corpus table.
    target
        ``E`` or ``sigma``.

    Returns
    -------
    ``partition``, ``ccc``, ``recordings``, ``frames``; a partition without labels has no row.

    Raises
    ------
    InputError
        If a labelled frame has no prediction.
    """
    columns = ["recording", "time", target]
    labelled = targets.loc[targets[target].notna(), columns]
    both = labelled.merge(
        predictions[columns],
        on=["recording", "time"],
        suffixes=("", "_predicted"),
        how="left",
        validate="one_to_one",
    )
    both["partition"] = both["recording"].map({r.recording: r.partition for r in recordings})
    rows = []
    for partition in SCORED_PARTITIONS:
        some = both[both["partition"] == partition]
        missing = some[f"{target}_predicted"].isna()
        if missing.any():
            first = some[missing].iloc[0]
            raise InputError(
                f"recording {first['recording']!r}, {first['time']:g} s: "
                f"{int(missing.sum())} labelled frames without a prediction of {target}"
            )
        if len(some):
            value = ccc(some[target].to_numpy(), some[f"{target}_predicted"].to_numpy())
            rows.append((partition, value, some["recording"].nunique(), len(some)))
    return pd.DataFrame(rows, columns=["partition", "ccc", "recordings", "frames"])


def prediction_path(
    predict: Path, fuse: Path, dimension: str, modality: str, task: str, target: str, seed: int
) -> Path:
    """Where the prediction of a target lies; ``audio+video`` is a fusion."""
    if FUSED in modality:
        return Path(fuse) / dimension / task / f"seed{seed}.parquet"
    return Path(predict) / dimension / modality / TASKS[task][target] / f"seed{seed}.parquet"


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--predict", type=Path, required=True, help="folder of predictions")
    arguments.add_argument("--fuse", type=Path, required=True, help="folder of fused predictions")
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--modalities", nargs="+", required=True)
    arguments.add_argument("--tasks", nargs="+", choices=TASKS, required=True)
    arguments.add_argument("--seeds", nargs="+", type=int, required=True)
    cli.add_output(arguments)
    cli.add_output(arguments, "--csv-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    parts = []
    for dimension in options.dimensions:
        targets = read_targets(options.dataset, recordings, dimension)
        for target in TARGETS:
            for modality in options.modalities:
                for task in options.tasks:
                    for seed in options.seeds:
                        path = prediction_path(
                            options.predict,
                            options.fuse,
                            dimension,
                            modality,
                            task,
                            target,
                            seed,
                        )
                        scores = score_predictions(
                            targets,
                            tables.read(path, ["recording", "time", target]),
                            recordings,
                            target,
                        )
                        parts.append(
                            scores.assign(
                                dimension=dimension,
                                target=target,
                                modality=modality,
                                task=task,
                                seed=seed,
                            )
                        )
    table = tables.conform(pd.concat(parts, ignore_index=True), CCC, options.output)
    tables.write(table, CCC, options.output)
    table.to_pandas().to_csv(options.csv_output, index=False, float_format="%.6f")


if __name__ == "__main__":
    cli.run(main)
