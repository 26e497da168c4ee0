"""Corpus table: recordings.csv of a corpus that lies in one of the known layouts."""

import csv
import os
from pathlib import Path

from softaer import cli, layouts
from softaer.corpus import COLUMNS, PATHS
from softaer.files import complete


def write_table(rows: list[dict[str, str]], output: Path) -> None:
    """Write recordings.csv; paths that are not absolute become relative to its folder.

    Parameters
    ----------
    rows
        Of the table, with paths as seen from the working directory.
    output
        Where it goes.
    """
    folder = Path(output).parent
    used = [name for name in COLUMNS if any(name in row for row in rows)]
    with complete(output) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, used, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: os.path.relpath(cell, folder)
                    if name in PATHS and not os.path.isabs(cell)
                    else cell
                    for name, cell in row.items()
                }
            )


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--layout", choices=layouts.names(), required=True)
    arguments.add_argument("--root", type=Path, required=True, help="folder of the corpus")
    cli.add_output(arguments)
    options = arguments.parse_args()
    write_table(layouts.layout(options.layout).rows(options.root), options.output)


if __name__ == "__main__":
    cli.run(main)
