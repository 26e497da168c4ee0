"""Rater statistics: level and spread of each rater over the corpus, for scaling the traces."""

from pathlib import Path

from softaer.core import cli, tables
from softaer.core.schema import RATER_STATISTICS
from softaer.corpus import rated, read_recordings
from softaer.panels.scaling import statistics


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_output(arguments)
    options = arguments.parse_args()

    ratings = tables.read_batches(options.ratings, rated(read_recordings(options.recordings)))
    table = statistics(ratings)
    tables.write(table, RATER_STATISTICS, options.output)
    print(table.to_string(index=False))


if __name__ == "__main__":
    cli.run(main)
