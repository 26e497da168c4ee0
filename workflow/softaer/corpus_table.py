"""Corpus table: recordings.csv of a corpus in one of the known layouts, or with files of ratings.

With ``ratings.files`` in the configuration, the user's table gets the paths of all recordings'
files of ratings.
"""

import csv
import os
from pathlib import Path

from softaer import layouts
from softaer.core import cli
from softaer.core.files import complete
from softaer.corpus import COLUMNS, PATHS, read_rows, resolve, with_files


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
    names = dict.fromkeys((*COLUMNS, *(name for row in rows for name in row)))
    used = [name for name in names if any(name in row for row in rows)]
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


def rows_with_files(
    rows: list[dict[str, str]], pattern: str | None, where: object
) -> list[dict[str, str]]:
    """Rows with the files that ``ratings.files`` names; see :func:`softaer.corpus.with_files`.

    Parameters
    ----------
    rows
        With paths relative to the working directory.
    pattern
        Path with ``{recording}``, or ``None``.
    where
        Names the table in errors.
    """
    found = with_files(resolve(rows, ""), pattern, where)
    return [
        row if recording.annotations is None else row | {"annotations": recording.annotations}
        for row, recording in zip(rows, found, strict=True)
    ]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--layout", choices=layouts.names(), default="table")
    either = arguments.add_mutually_exclusive_group(required=True)
    either.add_argument("--root", type=Path, help="folder of the corpus")
    either.add_argument("--table", type=Path, help="recordings.csv of the user")
    arguments.add_argument("--files", help="path of every recording's ratings, with {recording}")
    cli.add_output(arguments)
    options = arguments.parse_args()
    if options.table is None:
        rows = layouts.layout(options.layout).rows(options.root)
    else:
        folder = options.table.parent
        rows = [
            {name: str(folder / cell) if name in PATHS else cell for name, cell in row.items()}
            for row in read_rows(options.table, None).values()
        ]
    write_table(rows_with_files(rows, options.files, options.table or options.root), options.output)


if __name__ == "__main__":
    cli.run(main)
