"""Corpus table: recordings.csv of a corpus in one of the known layouts."""

import csv
import os
from pathlib import Path

from softaer import layouts
from softaer.core import cli
from softaer.core.files import complete
from softaer.corpus import COLUMNS, PATHS


def write_table(rows: list[dict[str, str]], output: Path) -> None:
    """Write recordings.csv; paths become relative to its folder, or absolute outside it.

    Parameters
    ----------
    rows
        Rows of the table, with paths relative to the working directory.
    output
        Path of the table.
    """
    folder = Path(output).parent
    used = [name for name in COLUMNS if any(name in row for row in rows)]
    with complete(output) as path, open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, used, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            cells = {n: _seen_from(folder, c) if n in PATHS else c for n, c in row.items()}
            writer.writerow(cells)


def _seen_from(folder: Path, path: str) -> str:
    if os.path.isabs(path) and not Path(path).is_relative_to(folder.absolute()):
        return path
    return os.path.relpath(path, folder)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--layout", choices=layouts.names(), required=True)
    arguments.add_argument("--root", type=Path, required=True, help="folder of the corpus")
    cli.add_output(arguments)
    options = arguments.parse_args()
    write_table(layouts.layout(options.layout).rows(options.root), options.output)


if __name__ == "__main__":
    cli.run(main)
