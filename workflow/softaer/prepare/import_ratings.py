"""Adds files of ratings to a corpus table: one per rater, or a log of many.

The files are in a folder of their own, in any form that a tool writes (docs/ratings.md). A pattern
says where recording, rater and dimension are in their paths; without one, it is proposed. What
matches, what does not, and what nearly does is shown.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from softaer.core.errors import InputError
from softaer.core.experiment import FOUND
from softaer.core.listing import first_few
from softaer.core.patterns import fill, places
from softaer.corpus import PATHS, read_rows, validate_rows
from softaer.corpus_table import write_table
from softaer.prepare.init import MEDIA, SHOWN, rows_of_folder, walk
from softaer.prepare.rater_files import (
    Found,
    configuration_for,
    find_patterns,
    matched_by,
    rating_files,
    section,
    tell,
    why_not,
)

ALONE = "train"
"""Partition of all recordings if there are too few subjects for three."""


def add_ratings(
    rows: list[dict[str, str]],
    ratings: Path,
    pattern: str | None,
    form: str = FOUND,
    say: Callable[[str], None] = print,
) -> list[dict[str, str]]:
    """Rows of a corpus table with the files of ratings.

    Parameters
    ----------
    rows
        Rows with paths relative to the working directory.
    ratings
        Folder of the files, or a single file.
    pattern
        Path below the folder with ``{recording}``, and possibly ``{rater}`` and ``{dimension}``;
        ``None``: it is found.
    form
        Form of the files; by default found by their content.
    say
        Called with what was found.

    Returns
    -------
    The rows, with ``annotations`` where files match.

    Raises
    ------
    InputError
        If there are no files of ratings, they do not say who rated, none belongs to a recording, or
        one belongs to two.
    """
    if not ratings.exists():
        raise InputError(f"{ratings}: no such file or folder; expected ratings")
    root = ratings.parent if ratings.is_file() else ratings
    files = [ratings] if ratings.is_file() else walk(root)[0]
    others = [path for path in files if path.suffix.lower() not in MEDIA]
    known, refused = rating_files(root, others, form)
    for reason, paths in refused.items():
        say(f"not used: {reason} ({first_few(paths, SHOWN)})")
    if not known:
        raise InputError(
            f"{ratings}: no file of a known form; expected ratings, see docs/ratings.md "
            "(--format names the form)"
        )
    names = {row["recording"]: names_of(row) for row in rows}
    if pattern is None:
        patterns, unknown, near = find_patterns(root, known, names)
        for other in patterns[1:]:
            say(f"other ratings, not used: {other.pattern} ({other.form})")
        found = patterns[0] if patterns else None
    else:
        if "recording" not in places(pattern):
            raise InputError(f"--pattern: found {pattern!r}; expected '{{recording}}' in it")
        matched, unknown, near = matched_by(root, pattern, [root / path for path in known], names)
        found = Found(pattern, known, matched)
    if unknown:
        say(f"files without a recording of that name: {first_few(unknown, SHOWN)}")
    for line in near:
        say(f"WARNING: nearly the name of a recording: {line}")
    if found is None or not found.matched:
        raise InputError(
            f"{ratings}: no file belongs to a recording; found {first_few(map(str, known), SHOWN)}"
            f", recordings {first_few(names, SHOWN)}; expected --pattern with their places, such "
            "as '{rater}/{recording}_{dimension}.csv'"
        )
    if (unusable := why_not(root, found)) is not None:
        raise InputError(f"{ratings}: {found.pattern} ({found.form}): {unusable}")
    tell(found, list(names), say, [])
    if keys := configuration_for(root, found):
        say(f"these files need, in your configuration: {section(keys)}")
    new = []
    for row in rows:
        some = found.matched.get(row["recording"])
        if some is None:
            new.append(row)
            continue
        cell = fill(found.pattern, recording=some[0].recording or row["recording"])
        new.append(row | {"annotations": str(root / cell)})
    return new


def names_of(row: Mapping[str, str]) -> list[str]:
    """Names under which a recording may be in a path: its own, and those of its media."""
    files = [row[column] for column in ("media", "audio", "video") if column in row]
    return list(dict.fromkeys([row["recording"], *(Path(path).stem for path in files)]))


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the ratings, the pattern, and where the recordings are."""
    arguments.add_argument("ratings", type=Path, help="folder of files of ratings, or one file")
    arguments.add_argument(
        "--pattern",
        help="path of the files below the folder, such as '{rater}/{recording}_{dimension}.csv' "
        "(default: found)",
    )
    arguments.add_argument(
        "--table", type=Path, help="recordings.csv whose recordings are rated (default: made)"
    )
    arguments.add_argument(
        "--media",
        type=Path,
        help="folder of the media files, or one file (default: the folder of the ratings)",
    )
    arguments.add_argument(
        "--format", default=FOUND, help="form of the files of ratings (docs/ratings.md)"
    )
    arguments.add_argument(
        "--output", type=Path, help="table to write (default: --table, or recordings.csv here)"
    )
    arguments.add_argument("--force", action="store_true", help="overwrite an existing table")


def main(options: argparse.Namespace) -> None:
    """Write the table with the ratings named on the command line."""
    if options.table is not None and options.media is not None:
        raise InputError("--media: found with --table, which has the media; expected only one")
    output = options.output or options.table or Path("recordings.csv")
    if output.exists() and not options.force:
        raise InputError(f"{output}: exists already; expected --force, or another --output")

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    if options.table is not None:
        table = read_rows(options.table, None)
        validate_rows(table, options.table)
        folder = options.table.parent
        rows = [
            {name: str(folder / cell) if name in PATHS else cell for name, cell in row.items()}
            for row in table.values()
        ]
    else:
        media = options.media or options.ratings
        root, only = (media.parent, media) if media.is_file() else (media, None)
        rows = rows_of_folder(root, say, form=options.format, only=only)
        if not any("partition" in row for row in rows):
            say(f"all recordings are in partition {ALONE!r}: enough for labels, not for networks")
            rows = [row | {"partition": ALONE} for row in rows]
    write_table(add_ratings(rows, options.ratings, options.pattern, options.format, say), output)
    say(f"written: {output}; read it, then type: softaer check {output}")
