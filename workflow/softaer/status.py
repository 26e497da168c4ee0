"""Status: what has become of every recording in extraction, in one table for a person to read."""

from pathlib import Path

import pandas as pd

from softaer import cli, tables
from softaer.files import complete


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--stage",
        dest="stages",
        action="append",
        nargs="+",
        metavar=("NAME", "PATH"),
        default=[],
        help="a stage and the states of its batches; once per stage",
    )
    cli.add_output(arguments)
    options = arguments.parse_args()

    parts = [
        tables.read(Path(path)).assign(stage=name)
        for name, *paths in options.stages
        for path in paths
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[["recording", "stage", "frames", "missing", "end", "reason"]]
    with complete(options.output) as partial:
        table.to_csv(partial, index=False, float_format="%.3f")
    skipped = table[table["reason"].notna()]
    print(f"{len(table)} extractions, {len(skipped)} of them left out")


if __name__ == "__main__":
    cli.run(main)
