"""Status: the outcome of extraction for every recording, in one readable table."""

from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.files import complete
from softaer.core.schema import STATUS
from softaer.corpus import read_recordings


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--status", type=Path, required=True, help="folder of stages")
    arguments.add_argument("--stages", nargs="+", required=True)
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = read_recordings(options.recordings)
    parts = [
        tables.read_batches(options.status / stage, recordings).assign(stage=stage)
        for stage in options.stages
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[["recording", "stage", *STATUS.names[1:]]]
    with complete(options.output) as partial:
        table.to_csv(partial, index=False, float_format="%.3f")
    skipped = table[table["reason"].notna()]
    odd = table[table["notes"].notna()]
    print(f"{len(table)} extractions, {len(skipped)} of them left out, {len(odd)} with notes")


if __name__ == "__main__":
    cli.run(main)
