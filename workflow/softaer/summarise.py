"""Summary of the data set: recordings, subjects, raters and frames of each partition, and
coverage.

The paper's data-set table, with the share of the labelled frames for which each modality has
features.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.grid import RATE
from softaer.core.schema import summary as summary_schema
from softaer.corpus import PARTITIONS, Recording, rated, read_recordings

TOTAL = "all"
"""Name of the row for all partitions."""


def summarise(
    recordings: Sequence[Recording],
    raters: Mapping[str, set[str]],
    covered: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """One row per partition, and one for all partitions.

    Parameters
    ----------
    recordings
        Rated recordings.
    raters
        Names of the raters of each recording.
    covered
        For each modality, ``frames`` and ``present`` of the recordings, see ``coverage``.

    Returns
    -------
    ``partition``, ``recordings``, ``subjects``, ``raters``, ``frames``, ``minutes`` (of labelled
    frames), and ``coverage_<modality>`` between 0 and 1.
    """
    rows = []
    for partition in (*PARTITIONS, TOTAL):
        some = [r for r in recordings if partition in (r.partition, TOTAL)]
        names = [r.recording for r in some]
        counts = {
            m: table[["frames", "present"]].reindex(names).fillna(0).sum()
            for m, table in covered.items()
        }
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
    cli.add_coverage(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    batches = list(dict.fromkeys(recording.batch for recording in recordings))
    raters: dict[str, set[str]] = {}
    for batch in batches:
        pairs = tables.read(options.ratings / f"{batch}.parquet", ["recording", "rater"])
        for recording, names in pairs.groupby("recording")["rater"]:
            raters[recording] = set(names)
    covered = {path.stem: tables.read(path).set_index("recording") for path in options.coverage}
    table = summarise(recordings, raters, covered)
    tables.write(table, summary_schema(list(covered)), options.output)


if __name__ == "__main__":
    cli.run(main)
