"""Summary of the data set: recordings, subjects, raters and frames of each partition, and
coverage.

The paper's data-set table, with the share of the labelled frames for which each modality has
features.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from softaer import cli, tables
from softaer.corpus import PARTITIONS, Recording, rated, read_recordings
from softaer.grid import RATE
from softaer.schema import summary as summary_schema
from softaer.targets import feature_columns

TOTAL = "all"
"""Name of the row over all partitions."""


def read_features(path: Path) -> pd.DataFrame:
    """``recording`` and the features of a dataset."""
    return tables.read(path, ["recording", *feature_columns(tables.columns(path))])


def coverage(dataset: pd.DataFrame) -> pd.DataFrame:
    """Labelled frames of each recording, and how many of them have features.

    Parameters
    ----------
    dataset
        ``recording``, and the features of one modality.

    Returns
    -------
    Indexed by recording: ``frames``, ``present``.
    """
    present = dataset.drop(columns="recording").notna().all(axis=1)
    counts = present.groupby(dataset["recording"], sort=False).agg(["size", "sum"])
    return counts.set_axis(["frames", "present"], axis=1)


def summarise(
    recordings: Sequence[Recording],
    raters: Mapping[str, set[str]],
    covered: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """One row per partition, and one for all of them.

    Parameters
    ----------
    recordings
        Rated recordings.
    raters
        Names of the raters of each recording.
    covered
        For each modality, what :func:`coverage` gives for all recordings.

    Returns
    -------
    ``partition``, ``recordings``, ``subjects``, ``raters``, ``frames``, ``minutes`` (of labelled
    frames), and ``coverage_<modality>`` between 0 and 1.
    """
    rows = []
    for partition in (*PARTITIONS, TOTAL):
        some = [r for r in recordings if partition in (r.partition, TOTAL)]
        names = [r.recording for r in some]
        counts = {m: table.reindex(names).fillna(0).sum() for m, table in covered.items()}
        frames = int(next(iter(counts.values()))["frames"])
        rows.append(
            {
                "partition": partition,
                "recordings": len(some),
                "subjects": len({r.subject for r in some}),
                "raters": len(set().union(*(raters.get(name, set()) for name in names))),
                "frames": frames,
                "minutes": frames / RATE / 60,
                **{
                    f"coverage_{m}": count["present"] / frames if frames else None
                    for m, count in counts.items()
                },
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of modalities")
    arguments.add_argument("--modalities", nargs="+", required=True)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    batches = list(dict.fromkeys(recording.batch for recording in recordings))
    raters: dict[str, set[str]] = {}
    for batch in batches:
        pairs = tables.read(options.ratings / f"{batch}.parquet", ["recording", "rater"])
        for recording, names in pairs.groupby("recording")["rater"]:
            raters[recording] = set(names)
    covered = {
        modality: pd.concat(
            coverage(read_features(options.dataset / modality / f"{batch}.parquet"))
            for batch in batches
        )
        for modality in options.modalities
    }
    table = summarise(recordings, raters, covered)
    tables.write(table, summary_schema(options.modalities), options.output)


if __name__ == "__main__":
    cli.run(main)
