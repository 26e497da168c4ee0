"""The tables of the default corpus: recordings.csv, and the planted parameters of the raters."""

import csv
from pathlib import Path

from softaer.core import cli, tables
from softaer.core.files import complete
from softaer.simulate import raters
from softaer.simulate.plan import plan


def write_recordings(count: int, path: Path) -> None:
    """Write ``recordings.csv`` for that many recordings."""
    rows = plan(count)
    with (
        complete(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as sink,
    ):
        writer = csv.DictWriter(sink, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Command line."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--count", type=int, required=True, help="number of recordings")
    arguments.add_argument("--raters-output", type=Path, help="planted rater parameters (Parquet)")
    cli.add_output(arguments)
    options = arguments.parse_args()
    write_recordings(options.count, options.output)
    if options.raters_output:
        tables.write(raters.parameters(), raters.RATER_PARAMETERS, options.raters_output)


if __name__ == "__main__":
    cli.run(main)
