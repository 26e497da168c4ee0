"""Shows what is known of each rater, and how many raters reliable labels need.

Lag, gain, bias and noise with intervals, agreement, drift, the verdict of the screen, and the
reliability of E and sigma: from the tables of a finished run, or from the ratings of a corpus
table, before any run. The docs (raters.md) explain each column.
"""

import argparse
from pathlib import Path

from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.places import AGREEMENT, RATERS, RESULTS, within
from softaer.core.schema import RATERS as RATERS_TABLE
from softaer.layouts import layout as layout_of
from softaer.layouts import names
from softaer.prepare.check import all_ratings, as_ratings, read_corpus, read_experiment, refuse
from softaer.prepare.check_raters import Known, known_of_raters, tell_each_rater
from softaer.prepare.check_ratings import dimensions_of
from softaer.recording_lengths import length
from softaer.running import configuration


def of_run(folder: Path) -> Known:
    """What a run has found out of its raters.

    Parameters
    ----------
    folder
        Of the run, or of its results.

    Raises
    ------
    InputError
        If there are no such tables.
    """
    results = folder / RESULTS if (folder / RESULTS).is_dir() else folder
    paths = within(results, RATERS), within(results, AGREEMENT, part="reliability")
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"{folder}: no {path}; expected a corpus table, or the folder of a run that has "
                "ended and whose corpus has the ratings of single raters"
            )
    return Known(*map(tables.read, paths))


def of_table(
    table: Path, configfiles: list[Path], layout_name: str | None, dimensions: list[str] | None
) -> tuple[Known, list[str]]:
    """What the ratings of a corpus table tell of its raters, see :func:`known_of_raters`.

    Parameters
    ----------
    table
        recordings.csv.
    configfiles
        Configuration of the experiment, whose sections ``ratings``, ``labels`` and ``evaluation``
        are used.
    layout_name, dimensions
        Instead of the experiment's.

    Returns
    -------
    The tables, and a line for each problem with the ratings, whose recording is left out.

    Raises
    ------
    InputError
        If no ratings can be read, or the screen leaves nobody in a recording.
    """
    experiment = read_experiment(configfiles)
    checked = configuration.checked(experiment)
    layout = layout_of(layout_name or experiment["corpus"]["layout"])
    _, recordings = read_corpus(table, checked.ratings, feature_tables=True)
    rated = [r for r in recordings if r.annotations is not None]
    if dimensions is None and configfiles:
        dimensions = list(experiment["dimensions"])
    dimensions = dimensions or dimensions_of(rated, layout, checked.ratings)
    if not dimensions:
        raise InputError(f"{table}: no dimension was found; expected one by --dimensions")
    media = {r.recording: [p for p in (r.audio, r.video) if p is not None] for r in rated}
    seconds = {name: length(paths) or 0.0 for name, paths in media.items()}
    problems: list[str] = []
    _, traces, collected = all_ratings(
        *(rated, layout, dimensions, seconds, checked.ratings), *(problems.append, print)
    )
    if not traces:
        told = f": {problems[0]}" if problems else ""
        raise InputError(f"{table}: no ratings of single raters can be read{told}")
    unit_of = {r.recording: getattr(r, checked.evaluation.resample) for r in rated}
    known = known_of_raters(as_ratings(collected), checked.labels, unit_of, checked.evaluation)
    return known, problems


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the run or the corpus table, and how its ratings are read."""
    arguments.add_argument(
        "source",
        type=Path,
        nargs="?",
        default=Path(RESULTS),
        metavar="RUN | RECORDINGS",
        help="folder of a run or of its results, or a corpus table (default: %(default)s)",
    )
    arguments.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        help="with a corpus table: configuration of the experiment, as in Snakemake",
    )
    arguments.add_argument(
        "--layout", choices=names(), help="with a corpus table: layout of the corpus"
    )
    arguments.add_argument(
        "--dimensions", nargs="+", help="with a corpus table: dimensions (default: all rated)"
    )
    arguments.add_argument(
        "--csv", type=Path, metavar="FILE", help="also write the numbers to this file"
    )


def main(options: argparse.Namespace) -> None:
    """Print what is known of the raters; exit status 1 if some ratings could not be used."""
    problems: list[str] = []
    if options.source.is_file():
        known, problems = of_table(
            options.source, options.configfile, options.layout, options.dimensions
        )
    else:
        known = of_run(options.source)
    tell_each_rater(known, print)
    if options.csv is not None:
        with complete(options.csv) as partial:
            known.raters[RATERS_TABLE.names].to_csv(partial, index=False, float_format="%.6g")
    refuse(problems)
