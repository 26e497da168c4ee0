"""Checks a corpus table and all its files, and shows what was found, before any long job."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from snakemake.utils import update_config

from softaer import layouts
from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, FeatureTable, Labels, Media, Ratings
from softaer.core.files import complete
from softaer.core.reliability import krippendorff_alpha
from softaer.corpus import (
    COLUMNS,
    Recording,
    check_batches,
    folds,
    read_rows,
    resolve,
    validate_rows,
    with_files,
)
from softaer.modalities import Modality, as_section
from softaer.prepare.check_features import look_at_features
from softaer.prepare.check_media import look_at_media
from softaer.prepare.check_raters import look_at_each_rater
from softaer.prepare.check_ratings import (
    dimensions_of,
    look_at_raters,
    look_at_ratings,
    look_at_turns,
    raters_of,
)
from softaer.running import configuration
from softaer.running.paths import located_modalities
from softaer.signals.face_mesh import INSTALL, installed

ALIKE = 3
"""Number of similar messages that are shown; further ones are counted."""

ENOUGH_FOR_STEPS, ENOUGH_FOR_CLAIMS = 3, 6
"""Minimum numbers of subjects in dev for post-processing steps, and in test for intervals and
claims in the report, see :data:`softaer.core.inference.FEW_UNITS`."""


def check_table(
    table: Path,
    layout: layouts.Layout,
    dimensions: list[str] | None,
    say: Callable[[str], None] = print,
    reading: Ratings | None = None,
    targets: Sequence[str] = (),
    modalities: Mapping[str, Modality] | None = None,
    limits: Media | None = None,
    labels: Labels | None = None,
    evaluation: Evaluation | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Check a corpus table.

    Parameters
    ----------
    table
        recordings.csv.
    layout
        Module that reads the annotations.
    dimensions
        Dimensions to check; ``None``: all dimensions of the first rated recording.
    say
        Called with what was found.
    reading
        How ratings are read: the section ``ratings`` of the configuration; by default, its
        defaults.
    targets
        Targets of the experiment, if known.
    modalities
        Modalities of the experiment, if known.
    limits
        Limits for files.
    labels, evaluation
        Sections of the configuration; with ``labels``, what is known of each rater is shown.

    Returns
    -------
    found, problems
        One row per recording and dimension (per recording, if it is not rated), and one line per
        problem.

    Raises
    ------
    InputError
        If the table itself is wrong.
    """
    problems: list[str] = []
    reading = reading or Ratings()
    with_tables = [m for m in (modalities or {}).values() if m.file_of("") is not None]
    rows, recordings = read_corpus(table, reading, bool(with_tables))
    media = look_at_media(recordings, problems.append)
    rated = [r for r in recordings if r.annotations is not None]
    look_at_turns(recordings, media.pop("sound"), problems.append)
    if dimensions is None:
        dimensions = dimensions_of(rated, layout, reading)
        if rated and not dimensions:
            problems.append("no dimension was found; name one with --dimensions to see why")
    remarks: list[str] = []
    others = sorted({name for row in rows.values() for name in row if name not in COLUMNS})
    if others:
        remarks.append(
            f"columns {', '.join(others)} only form groups: name them in the config key "
            "'evaluation.groups' (see docs/corpus.md), or the run refuses them"
        )
    _look_at_partitions(recordings, problems.append, remarks.append)
    for recording in rated:
        for column in ("subject", "partition"):
            if getattr(recording, column) is None:
                problems.append(f"recording {recording.recording!r}: annotations but no {column}")
    ratings, traces, collected = all_ratings(
        *(rated, layout, dimensions, media["seconds"], reading),
        *(problems.append, remarks.append),
    )
    raters = pd.DataFrame()
    if traces:
        raters = raters_of(pd.DataFrame(traces))
        look_at_raters(pd.DataFrame(traces), reading, targets, problems.append)
    info = pd.DataFrame(
        {
            "recording": [r.recording for r in recordings],
            "subject": [r.subject for r in recordings],
            "partition": [r.partition for r in recordings],
        }
    ).merge(media, left_on="recording", right_index=True)
    columns = ["recording", "dimension", "raters", "rate", "coverage", "r", "alpha"]
    found = info.merge(pd.DataFrame(ratings, columns=columns), on="recording", how="left")
    _tell(found, info, collected, raters, say)
    if labels is not None and traces:
        settings = evaluation or Evaluation()
        unit_of = {r.recording: getattr(r, settings.resample) for r in recordings}
        look_at_each_rater(as_ratings(collected), labels, unit_of, say, problems.append, settings)
    if modalities:
        lengths = info.set_index("recording")["seconds"].to_dict()
        look_at_modalities(modalities, recordings, lengths, problems.append, say, limits)
    for remark in alike(remarks):
        say(f"\n{remark}")
    return found, problems


def read_corpus(
    table: Path, reading: Ratings, feature_tables: bool
) -> tuple[dict[int, dict[str, str]], list[Recording]]:
    """Rows of a corpus table, and its recordings with the files of their ratings.

    Parameters
    ----------
    table
        recordings.csv.
    reading
        The section ``ratings`` of the configuration.
    feature_tables
        Whether features come from tables, so that a recording needs no media.

    Raises
    ------
    InputError
        If the table is wrong.
    """
    rows = read_rows(table, None)
    validate_rows(rows, table, feature_tables)
    recordings = with_files(resolve(rows.values(), Path(table).parent), reading.files, table)
    check_batches(recordings, table)
    return rows, recordings


def all_ratings(
    recordings: Iterable[Recording],
    layout: layouts.Layout,
    dimensions: list[str],
    seconds: Mapping[str, float],
    reading: Ratings,
    problem: Callable[[str], None],
    remark: Callable[[str], None],
) -> tuple[list[dict], list[dict], dict[str, dict[str, pd.DataFrame]]]:
    """Ratings of all rated recordings, see :func:`look_at_ratings`.

    Parameters
    ----------
    recordings
        Those with annotations.
    layout, dimensions, reading, problem, remark
        See :func:`look_at_ratings`.
    seconds
        Length of each recording [s]; NaN if unknown.

    Returns
    -------
    Rows and traces, and for each dimension the ratings of each recording on the grid.
    """
    ratings, traces = [], []
    collected: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in dimensions}
    for recording in recordings:
        own, drawn, frames = look_at_ratings(
            *(recording, layout, dimensions, float(seconds[recording.recording])),
            *(problem, reading, remark),
        )
        ratings += own
        traces += drawn
        for dimension, wide in frames.items():
            collected[dimension][recording.recording] = wide
    return ratings, traces, collected


def look_at_modalities(
    modalities: Mapping[str, Modality],
    recordings: Sequence[Recording],
    lengths: Mapping[str, float],
    problem: Callable[[str], None],
    say: Callable[[str], None] = print,
    limits: Media | None = None,
) -> None:
    """Show all modalities: how many recordings have them, and what their feature tables hold.

    Parameters
    ----------
    modalities
        Of the experiment.
    recordings
        Of the corpus.
    lengths
        Lengths of the recordings' media [s].
    problem, say
        Called with problems, and with what was found.
    limits
        Limits for files.
    """
    for name, modality in modalities.items():
        source = modality.source
        if modality.parts:
            say(f"\nmodality {name}: {' and '.join(modality.parts)} side by side")
            continue
        if source.column is not None:
            there = [r for r in recordings if getattr(r, source.column)]
            whose = f"{source.column} of {len(there)} of {len(recordings)} recordings"
            say(f"\nmodality {name}: source {source.name}, from the {whose}")
            continue
        files = {r.recording: modality.file_of(r.recording) or "" for r in recordings}
        absent = [recording for recording, path in files.items() if not Path(path).is_file()]
        for recording in absent:
            problem(f"recording {recording!r}: no table of modality {name!r}: {files[recording]}")
        some = {recording: path for recording, path in files.items() if recording not in absent}
        say(f"\nmodality {name}: tables of {len(some)} of {len(recordings)} recordings")
        if some:
            reading = as_section(FeatureTable, modality.settings)
            of_tables = look_at_features(some, reading, lengths, problem, limits)
            say(_text(of_tables.reset_index(names="recording")))


def _look_at_partitions(
    recordings: Iterable[Recording],
    problem: Callable[[str], None],
    remark: Callable[[str], None] = print,
) -> None:
    """Report partitions that are too small for an experiment or for parts of its report."""
    recordings = list(recordings)
    unrated = [r.recording for r in recordings if r.annotations is None]
    if len(unrated) == len(recordings):
        problem("no recording has annotations: only the target 'extract' can be made")
        return
    if unrated:
        problem(f"no annotations, not used for training: {', '.join(unrated)}")
    for partition in ("train", "dev", "test"):
        if not any(r.partition == partition and r.annotations for r in recordings):
            problem(f"no rated recording in partition {partition!r}; expected at least one")
    rated = [r for r in recordings if r.annotations and r.subject]
    fold_of = folds(rated)
    dev = len({fold_of[r.recording] for r in rated if r.partition == "dev"})
    test = [r for r in rated if r.partition == "test"]
    subjects = len({r.subject for r in test})
    if dev == 1:
        remark(
            "dev has 1 subject (or group): post-processing steps cannot be chosen, and scores on "
            f"dev have no out-of-fold estimate; expected {ENOUGH_FOR_STEPS} or more"
        )
    elif 1 < dev < ENOUGH_FOR_STEPS:
        remark(
            f"dev has {dev} subjects (or groups): post-processing is validated on only {dev}; "
            f"expected {ENOUGH_FOR_STEPS} or more"
        )
    if test and subjects < ENOUGH_FOR_CLAIMS:
        remark(
            f"test has {_count(len(test), 'rated recording')} of {_count(subjects, 'subject')}: "
            "scores have no interval, only the range over subjects, and no claim can be decided; "
            f"expected {ENOUGH_FOR_CLAIMS} or more subjects"
        )


def as_ratings(collected: Mapping[str, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """Ratings of all recordings as the stage ``ratings`` writes them, from wide tables."""
    parts = [
        wide.reset_index()
        .melt("time", var_name="rater")
        .dropna()
        .assign(recording=recording, dimension=dimension)
        for dimension, tables in collected.items()
        for recording, wide in tables.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _tell(
    found: pd.DataFrame,
    info: pd.DataFrame,
    collected: dict,
    raters: pd.DataFrame,
    say: Callable,
) -> None:
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
        # Raters of the same name are the same person; values are missing in other recordings.
        values = pd.concat(tables.values(), ignore_index=True).to_numpy().T
        own = found[found["dimension"] == dimension]
        say(
            f"\n{dimension}: {len(values)} raters, {int(own['raters'].min())} to "
            f"{int(own['raters'].max())} per recording; mean pairwise correlation within "
            f"recordings {own['r'].mean():.2f}; Krippendorff's alpha (interval) over all frames "
            f"{krippendorff_alpha(values):.2f}"
        )
        say(_text(raters[raters["dimension"] == dimension].drop(columns="dimension")))


def _text(table: pd.DataFrame) -> str:
    formats = dict.fromkeys(("rate", "coverage", "r", "alpha", "fps"), "{:.2f}".format)
    formats |= dict.fromkeys(("seconds", "minutes"), "{:.1f}".format)
    formats |= dict.fromkeys(("audio", "raters"), "{:.0f}".format)
    formats |= dict.fromkeys(("end", "nulls"), "{:.2f}".format)
    formats |= dict.fromkeys(("minimum", "maximum"), "{:.4g}".format)
    formats["share"] = "{:.0%}".format
    used = {name: form for name, form in formats.items() if name in table}
    shown = table.copy()
    for name, form in used.items():
        shown[name] = [form(value) if pd.notna(value) else "-" for value in table[name]]
    return shown.fillna("-").to_string(index=False)


def alike(problems: Sequence[str]) -> list[str]:
    """The first :data:`ALIKE` problems of each kind, and the number of further ones.

    Problems are of one kind if they differ only in names, paths and numbers.

    Examples
    --------
    >>> alike([f"recording 'r{k}': 3.{k} s" for k in range(100)])[2:]
    ["recording 'r2': 3.2 s", "... and 97 more of this kind, the last: recording 'r99': 3.99 s"]
    """
    kinds: dict[str, list[str]] = {}
    for line in problems:
        kind = re.sub(r"\[[^]]*\]|\([^)]*/[^)]*\)|'[^']*'|\S*/\S*|-?\d[\d.]*", "", line)
        kinds.setdefault(kind, []).append(line)
    lines = []
    for same in kinds.values():
        lines += same[:ALIKE]
        if len(same) == ALIKE + 1:
            lines.append(same[-1])
        elif len(same) > ALIKE:
            lines.append(f"... and {len(same) - ALIKE} more of this kind, the last: {same[-1]}")
    return lines


def refuse(problems: Sequence[str]) -> None:
    """Print problems, if there are any, and end with exit status 1."""
    if problems:
        print(f"\n{_count(len(problems), 'problem')}:", file=sys.stderr)
        for problem in alike(problems):
            print(f"  {problem}", file=sys.stderr)
        sys.exit(1)


def read_experiment(paths: Sequence[Path]) -> dict[str, Any]:
    """Read the configuration of an experiment as Snakemake does.

    Parameters
    ----------
    paths
        Its files. Later files override earlier ones; missing keys get their defaults.

    Raises
    ------
    InputError
        If a file does not exist or is not YAML, or a key is wrong.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            read = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file; expected a configuration") from error
        except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
            raise InputError(f"{path}: cannot be read as YAML in UTF-8: {error}") from error
        if not isinstance(read or {}, Mapping):
            raise InputError(f"{path}: found {type(read).__name__}; expected keys and values")
        update_config(config, read or {})
    return configuration.filled(config)


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the table and the options for reading its annotations."""
    arguments.add_argument(
        "table", type=Path, nargs="?", help="recordings.csv (default: the experiment's)"
    )
    arguments.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        help="configuration of the experiment, as in Snakemake",
    )
    arguments.add_argument(
        "--layout", choices=layouts.names(), help="layout of the corpus (default: the experiment's)"
    )
    arguments.add_argument(
        "--dimensions",
        nargs="+",
        help="dimensions to check (default: the experiment's, or all rated dimensions)",
    )
    arguments.add_argument(
        "--raters",
        action="store_true",
        help="also show what is known of each rater (lag, gain, bias, noise, agreement, drift), "
        "and how many raters reliable labels need",
    )
    arguments.add_argument(
        "--csv", type=Path, help="also write the table of recordings to this file"
    )


def main(options: argparse.Namespace) -> None:
    """Check the table named on the command line; exit status 1 if there are problems."""
    experiment = read_experiment(options.configfile or [])
    experiment = located_modalities(experiment, list(map(str, options.configfile or [])), {})
    modalities = configuration.modalities(experiment)
    layout = layouts.layout(options.layout or experiment["corpus"]["layout"])
    if options.configfile and options.layout is None:
        configuration.check_layout(experiment, layout)
    table = options.table or Path(experiment["corpus"]["recordings"])
    if options.table is None and experiment["corpus"]["recordings"] == "simulated":
        raise InputError(
            "no table; expected recordings.csv, or --configfile with a path in "
            "'corpus.recordings' (for a delivered corpus, make one with softaer init)"
        )
    dimensions = options.dimensions or (experiment["dimensions"] if options.configfile else None)
    targets = experiment["targets"] if options.configfile and layout.RATERS else []
    checked = configuration.checked(experiment)
    found, problems = check_table(
        *(table, layout, dimensions),
        reading=checked.ratings,
        targets=targets,
        modalities=modalities if options.configfile else None,
        limits=checked.media,
        labels=checked.labels if options.raters else None,
        evaluation=checked.evaluation,
    )
    faces = any(modality.source.first == "landmarks" for modality in modalities.values())
    if faces and found["fps"].notna().any() and not installed():
        print(f"\nFaces cannot be found because mediapipe is not installed; type: {INSTALL}")
    if options.csv is not None:
        with complete(options.csv) as partial:
            found.to_csv(partial, index=False, float_format="%.6g")
    refuse(problems)
    print("\nNo problems found.")
