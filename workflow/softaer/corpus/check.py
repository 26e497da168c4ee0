"""Checks a corpus table and all that it names, and shows what was found, before any long job."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from softaer import layouts
from softaer.agreement import krippendorff_alpha
from softaer.corpus import Recording, check_batches, read_rows, resolve, row_schema, validate_rows
from softaer.corpus.check_media import look_at_media
from softaer.corpus.check_ratings import dimensions_of, look_at_ratings, look_at_turns
from softaer.files import complete


def check_table(
    table: Path, layout, dimensions: list[str] | None, say: Callable[[str], None] = print
) -> tuple[pd.DataFrame, list[str]]:
    """Check a corpus table.

    Parameters
    ----------
    table
        recordings.csv.
    layout
        Module that reads the annotations.
    dimensions
        Those to look at; ``None``: all of the first rated recording.
    say
        Tells a person what was found.

    Returns
    -------
    found, problems
        One row per recording and dimension (per recording, if it is not rated), and all that is
        wrong, a line each.

    Raises
    ------
    InputError
        If the table itself is wrong.
    """
    problems: list[str] = []
    rows = read_rows(table)
    validate_rows(rows, row_schema(), table)
    recordings = resolve(rows.values(), Path(table).parent)
    check_batches(recordings, table)
    media = look_at_media(recordings, problems.append)
    rated = [r for r in recordings if r.annotations is not None]
    look_at_turns(recordings, problems.append)
    if dimensions is None:
        dimensions = dimensions_of(rated, layout)
        if rated and not dimensions:
            problems.append("no dimension is known; name some with --dimensions to see why")
    _look_at_partitions(recordings, problems.append)
    ratings, collected = [], {name: [] for name in dimensions}
    for recording in rated:
        for column in ("subject", "partition"):
            if getattr(recording, column) is None:
                problems.append(f"recording {recording.recording!r}: no {column}, but annotations")
        seconds = float(media.loc[recording.recording, "seconds"])
        own, frames = look_at_ratings(recording, layout, dimensions, seconds, problems.append)
        ratings += own
        for dimension, wide in frames.items():
            collected[dimension].append(wide)
    info = pd.DataFrame(
        {
            "recording": [r.recording for r in recordings],
            "subject": [r.subject for r in recordings],
            "partition": [r.partition for r in recordings],
        }
    ).merge(media, left_on="recording", right_index=True)
    columns = ["recording", "dimension", "raters", "rate", "coverage", "r", "alpha"]
    found = info.merge(pd.DataFrame(ratings, columns=columns), on="recording", how="left")
    _tell(found, info, collected, say)
    return found, problems


def _look_at_partitions(recordings: Iterable[Recording], problem: Callable[[str], None]) -> None:
    """Tell what is enough for features, and not for an experiment."""
    recordings = list(recordings)
    unrated = [r.recording for r in recordings if r.annotations is None]
    if len(unrated) == len(recordings):
        problem("no recording has annotations: enough for the target 'extract' alone")
        return
    if unrated:
        problem(f"no annotations: {', '.join(unrated)}; extracted, and not learnt from")
    for partition in ("train", "dev", "test"):
        if not any(r.partition == partition and r.annotations for r in recordings):
            problem(f"no rated recording in partition {partition!r}; expected at least one")


def _tell(found: pd.DataFrame, info: pd.DataFrame, collected: dict, say: Callable) -> None:
    say(_text(found))
    say("")
    parts = info.assign(partition=info["partition"].fillna("-")).groupby("partition", sort=False)
    summary = parts.agg(
        recordings=("recording", "size"),
        subjects=("subject", "nunique"),
        minutes=("seconds", "sum"),
    )
    say(_text((summary.assign(minutes=summary["minutes"] / 60)).reset_index()))
    for dimension, tables in collected.items():
        if not tables:
            continue
        # Raters of the same name are the same person; who did not rate a recording is absent there.
        values = pd.concat(tables, ignore_index=True).to_numpy().T
        own = found[found["dimension"] == dimension]
        say(
            f"\n{dimension}: {len(values)} raters, {int(own['raters'].min())} to "
            f"{int(own['raters'].max())} for a recording; pairwise correlation within recordings "
            f"{own['r'].mean():.2f} on average; Krippendorff's alpha (interval) over all frames "
            f"{krippendorff_alpha(values):.2f}"
        )


def _text(table: pd.DataFrame) -> str:
    formats = dict.fromkeys(("rate", "coverage", "r", "alpha", "fps"), "{:.2f}".format)
    formats |= dict.fromkeys(("seconds", "minutes"), "{:.1f}".format)
    formats |= dict.fromkeys(("audio", "raters"), "{:.0f}".format)
    used = {name: form for name, form in formats.items() if name in table}
    shown = table.copy()
    for name, form in used.items():
        shown[name] = [form(value) if pd.notna(value) else "-" for value in table[name]]
    return shown.fillna("-").to_string(index=False)


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the table and how to read its annotations."""
    arguments.add_argument("table", type=Path, help="recordings.csv")
    arguments.add_argument("--layout", choices=layouts.names(), default="table")
    arguments.add_argument("--dimensions", nargs="+", help="default: all that are rated")
    arguments.add_argument("--csv", type=Path, help="write what was found to this file too")


def main(options: argparse.Namespace) -> None:
    """Check the table that is named on the command line; status 1 if something is wrong."""
    layout = layouts.layout(options.layout)
    found, problems = check_table(options.table, layout, options.dimensions)
    if options.csv is not None:
        with complete(options.csv) as partial:
            found.to_csv(partial, index=False, float_format="%.6g")
    if problems:
        things = "thing" if len(problems) == 1 else "things"
        print(f"\n{len(problems)} {things} to look at:", file=sys.stderr)
        for problem in problems:
            print(f"  {problem}", file=sys.stderr)
        sys.exit(1)
    print("\nNothing is wrong.")
