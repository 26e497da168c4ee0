"""Feature table: a person's own features of each recording, as rows with times in seconds.

Files are CSV, ARFF, Parquet or NPY, of any rate up to 1,000 rows per second or with one row per
segment. All recordings must have the same features.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable, Media
from softaer.core.listing import first_few
from softaer.core.schema import feature_table as table_schema
from softaer.readers.features import (
    OF_A_ROW,
    feature_columns,
    read_features,
    refuse_other_columns,
)
from softaer.signals.extraction import add_extraction, asked, extract
from softaer.signals.media import Account, Choice


def reference(paths: Sequence[str], settings: FeatureTable, limits: Media) -> tuple[str, list[str]]:
    """The first file whose columns can be read, and the names of its features; or no names."""
    for path in paths:
        try:
            features, others = feature_columns(path, settings, limits)
            also = f"; no features: {first_few(map(repr, others), 10)}" if others else ""
            print(f"{path}: {len(features)} features{also}")
            return path, features
        except InputError as error:
            print(f"{error} (another file says which columns are expected)")
    return "", []


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "feature table")
    cli.add_settings(arguments, FeatureTable)
    arguments.add_argument("--like", help="table whose features all recordings must have")
    arguments.add_argument("--lengths", type=Path, help="table of the recordings' lengths")
    options = arguments.parse_args()
    settings = cli.settings(options, FeatureTable)
    task = asked(options)
    lengths: dict[str, float] = {}
    if options.lengths is not None:
        lengths = tables.read(options.lengths).set_index("recording")["seconds"].to_dict()
    paths = [*([options.like] if options.like else []), *(path for _, path in task.recordings)]
    like, names = reference(paths, settings, task.limits)

    def read(path: str, limits: Media, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        length = lengths.get(choice.recording)
        table = read_features(path, settings, length, limits, account.notes.append)
        own = [name for name in table.columns if name not in OF_A_ROW]
        refuse_other_columns(own, path, names, like)
        account.decoded = float(table["end"].iloc[-1])
        yield table

    extract(task, read, table_schema(names), length=lambda path, limits: None)


if __name__ == "__main__":
    cli.run(main)
