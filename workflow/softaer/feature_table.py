"""Feature table: a person's own features of each recording, as rows with times in seconds.

Files are CSV, ARFF, Parquet or NPY, of any rate up to 1,000 rows per second or with one row per
segment. All recordings must have the same features.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pandas as pd

from softaer.core import cli
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
from softaer.recording_lengths import length
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


def parser() -> argparse.ArgumentParser:
    """Arguments of the stage."""
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "feature table")
    cli.add_settings(arguments, FeatureTable)
    arguments.add_argument("--like", help="table whose features all recordings must have")
    arguments.add_argument(
        "--media",
        metavar=("NAME", "PATH"),
        nargs=2,
        action="append",
        default=[],
        help="a recording's media file, for its length; again for a second one",
    )
    return arguments


def look_at_columns(options: argparse.Namespace) -> None:
    """Read the names of the columns of all tables, but no rows.

    Raises
    ------
    InputError
        For the first recording whose table has no features, or others than the table before,
        unless bad recordings are to be skipped.
    """
    task, settings = asked(options), cli.settings(options, FeatureTable)
    if task.on_bad_recording == "skip":
        return
    like: tuple[str, list[str]] | None = None
    if options.like:
        with suppress(InputError):  # of another recording's table, which its own job reports
            like = options.like, feature_columns(options.like, settings, task.limits)[0]
    for recording, path in task.recordings:
        try:
            names, _ = feature_columns(path, settings, task.limits)
            like = like or (path, names)
            refuse_other_columns(names, path, like[1], like[0])
        except InputError as error:
            raise InputError(f"recording {recording!r}: {error}") from error


def main() -> None:
    options = parser().parse_args()
    settings = cli.settings(options, FeatureTable)
    task = asked(options)
    media: dict[str, list[str]] = {}
    for recording, path in options.media:
        media.setdefault(recording, []).append(path)
    paths = [*([options.like] if options.like else []), *(path for _, path in task.recordings)]
    like, names = reference(paths, settings, task.limits)

    def read(path: str, limits: Media, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        seconds = length(media.get(choice.recording, []))
        table = read_features(path, settings, seconds, limits, account.notes.append)
        own = [name for name in table.columns if name not in OF_A_ROW]
        refuse_other_columns(own, path, names, like)
        account.decoded = float(table["end"].iloc[-1])
        yield table

    extract(task, read, table_schema(names), length=lambda path, limits: None)


if __name__ == "__main__":
    cli.run(main)
