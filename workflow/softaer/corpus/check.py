"""Checks a corpus table and all that it names, and shows what was found, before any long job."""

import argparse
import sys
from collections.abc import Callable, Iterable
from glob import escape, glob
from pathlib import Path

import numpy as np
import pandas as pd

from softaer import layouts
from softaer.agreement import krippendorff_alpha, pairwise_correlation
from softaer.corpus import Recording, check_batches, read_rows, resolve, row_schema, validate_rows
from softaer.corpus.probe import probe_all
from softaer.errors import InputError
from softaer.files import complete
from softaer.ratings import ratings_on_grid
from softaer.turns import read_turns

APART = 1.0
"""Sound and pictures whose lengths differ by more are told [s]."""

LEAST_COVERAGE = 0.5
"""Recordings of whose length the ratings cover less are told."""


def look_at_media(recordings: Iterable[Recording], problem: Callable[[str], None]) -> pd.DataFrame:
    """Lengths and streams of all recordings.

    Returns
    -------
    Indexed by recording: ``seconds``, ``audio`` [Hz], ``fps``, ``size``; missing where a file
    cannot be read, which is a problem.
    """
    recordings = list(recordings)
    files = dict.fromkeys(p for r in recordings for p in (r.audio, r.video) if p is not None)
    contents_of = dict(zip(files, probe_all(files), strict=True))
    table = {}
    for recording in recordings:
        row = {"seconds": np.nan, "audio": np.nan, "fps": np.nan, "size": ""}
        own = {"audio": recording.audio, "video": recording.video}
        for path in dict.fromkeys(own.values()):
            if isinstance(contents_of.get(path), InputError):
                problem(f"recording {recording.recording!r}: {contents_of[path]}")
        lengths = []
        for kind, path in own.items():
            contents = contents_of.get(path)
            if contents is None or isinstance(contents, InputError):
                continue
            there = contents.audio_rate if kind == "audio" else contents.video_rate
            if there is None and recording.audio != recording.video:
                problem(f"recording {recording.recording!r}: {path} in column {kind!r} has none")
            lengths.append(contents.seconds)
            if kind == "audio" and contents.audio_rate:
                row["audio"] = contents.audio_rate
            if kind == "video" and contents.video_rate is not None:
                row |= {"fps": contents.video_rate, "size": f"{contents.width}x{contents.height}"}
        if len(lengths) == 2 and abs(lengths[0] - lengths[1]) > APART:
            problem(
                f"recording {recording.recording!r}: sound is {lengths[0]:.1f} s long, pictures "
                f"are {lengths[1]:.1f} s"
            )
        row["seconds"] = max(lengths, default=np.nan)
        table[recording.recording] = row
    return pd.DataFrame.from_dict(table, orient="index")


def look_at_ratings(
    recording: Recording, layout, dimensions: list[str], seconds: float, problem: Callable
) -> tuple[list[dict], dict[str, pd.DataFrame]]:
    """What the raters of a recording said.

    Returns
    -------
    rows, frames
        For each dimension ``raters``, ``rate`` [Hz], ``coverage`` of the recording, ``r``
        (pairwise) and ``alpha``; and the ratings on the grid, one column per rater.
    """
    rows, frames = [], {}
    name = recording.recording
    for dimension in dimensions:
        try:
            path = recording.annotations.replace("{dimension}", dimension)
            raw = layout.read_annotations(
                path, dimension if path != recording.annotations or len(dimensions) == 1 else None
            )
            grid = ratings_on_grid(raw, [dimension], where=f"recording {name!r} ({path})")
        except InputError as error:
            problem(str(error))
            continue
        own = raw[raw["dimension"] == dimension]
        steps = own.groupby("rater")["time"].diff()
        step = steps[steps > 0].median()
        wide = grid.pivot_table(index="time", columns="rater", values="value")
        values = wide.to_numpy().T
        covered = len(wide) / 10 / seconds if seconds > 0 else np.nan
        if covered < LEAST_COVERAGE:
            problem(
                f"recording {name!r}: ratings of {dimension!r} cover {100 * covered:.0f} % of "
                f"{seconds:.1f} s"
            )
        if own["time"].max() > seconds + APART:
            problem(
                f"recording {name!r}: ratings of {dimension!r} end at {own['time'].max():.1f} s, "
                f"the recording at {seconds:.1f} s"
            )
        rows.append(
            {
                "recording": name,
                "dimension": dimension,
                "raters": len(values),
                "rate": 1 / step if step > 0 else np.nan,
                "coverage": min(covered, 1.0),
                "r": pairwise_correlation(values),
                "alpha": krippendorff_alpha(values),
            }
        )
        frames[dimension] = wide
    return rows, frames


def dimensions_of(recordings: Iterable[Recording], layout) -> list[str]:
    """Dimensions that the first rated recording has whose annotations can be read."""
    for recording in recordings:
        head, there, tail = (recording.annotations or "").partition("{dimension}")
        if there:
            found = glob(f"{escape(head)}*{escape(tail)}")
            names = sorted(path[len(head) : len(path) - len(tail)] for path in found)
        elif recording.annotations is not None:
            try:
                names = sorted(set(layout.read_annotations(recording.annotations)["dimension"]))
            except InputError:
                continue  # told where the recording is looked at, if dimensions are known
        else:
            continue
        if names:
            return names
    return []


def look_at_turns(recordings: Iterable[Recording], problem: Callable[[str], None]) -> None:
    """Read the turns that the table names."""
    for recording in recordings:
        if recording.turns is not None:
            try:
                read_turns(recording.turns)
            except InputError as error:
                problem(f"recording {recording.recording!r}: {error}")


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
