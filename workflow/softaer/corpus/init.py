"""Makes a corpus table from a folder of media files, or from a delivered corpus.

What cannot be known from the files (who is who, which ratings belong where, who is in which
partition) is proposed by stated rules, to be looked at and edited.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from softaer import layouts
from softaer.corpus.probe import Contents, probe_all
from softaer.corpus_table import write_table
from softaer.errors import InputError

MEDIA = frozenset(
    {
        *(".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".oga", ".opus", ".wav"),
        *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
        *(".mxf", ".ogg", ".ogv", ".ts", ".webm", ".wma", ".wmv"),
    }
)
"""Endings of media files."""

KINDS = frozenset({"audio", "faces", "media", "pictures", "sound", "speech", "video", "videos"})
"""Folders that say what is in a file, and not who."""

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}
"""Of the recorded time that each partition is to have."""


def name_of(path: Path) -> str:
    """A recording's name from its file's: letters, digits, ``_``, ``-`` and ``.``.

    Examples
    --------
    >>> name_of(Path("video/P 01 (take 2).mp4"))
    'P_01_take_2'
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem).strip("_.-")[:100] or "recording"


def propose_subjects(paths: Sequence[Path]) -> tuple[list[str], str]:
    """Who is seen and heard in some files, and by what rule.

    If the files lie in several folders, the first folder in which their paths differ is a subject.
    Else, if names have a beginning in common with others (up to the first ``_``, ``-`` or blank),
    that is. Else each file is.

    Parameters
    ----------
    paths
        Of the files, below the corpus's folder.

    Examples
    --------
    >>> propose_subjects([Path("a_1.wav"), Path("a_2.wav"), Path("b_1.wav")])[0]
    ['a', 'a', 'b']
    >>> propose_subjects([Path("P1/s1/x.wav"), Path("P1/s2/x.wav"), Path("P2/s1/x.wav")])[0]
    ['P1', 'P1', 'P2']
    >>> propose_subjects([Path("anna.wav"), Path("ben.wav")])[0]
    ['anna', 'ben']
    """
    depth = min(len(path.parent.parts) for path in paths)
    for level in range(depth):
        folders = [path.parts[level] for path in paths]
        if KINDS & {folder.lower() for folder in folders}:
            continue
        if 1 < len(set(folders)) < len(paths):
            return folders, "the first folder in which the files' paths differ"
    beginnings = [re.split(r"[_\- ]", name_of(path), maxsplit=1)[0] for path in paths]
    if 1 < len(set(beginnings)) < len(paths):
        return beginnings, "the beginning of a file's name, up to '_', '-' or a blank"
    return [name_of(path) for path in paths], "each file by itself"


def propose_partitions(seconds: Mapping[str, float]) -> dict[str, str]:
    """Partitions of subjects, so that shares of the recorded time come near :data:`SHARES`.

    Subjects with much are given away first, each to the partition that lacks most; with three
    subjects or more no partition stays empty.

    Parameters
    ----------
    seconds
        Recorded time of each subject [s].

    Returns
    -------
    Partition of each subject; none with fewer than three.

    Examples
    --------
    >>> propose_partitions({"a": 10, "b": 10, "c": 10, "d": 10, "e": 10})
    {'a': 'train', 'b': 'train', 'c': 'train', 'd': 'dev', 'e': 'test'}
    """
    if len(seconds) < len(SHARES):
        return {}
    total = sum(seconds.values()) or 1.0
    lacking = {partition: share * total for partition, share in SHARES.items()}
    chosen: dict[str, str] = {}
    order = sorted(seconds, key=lambda subject: (-seconds[subject], subject))
    for place, subject in enumerate(order):
        empty = [partition for partition in SHARES if partition not in chosen.values()]
        left = len(order) - place
        candidates = empty if len(empty) >= left else list(SHARES)
        partition = max(candidates, key=lambda p: lacking[p])
        chosen[subject] = partition
        lacking[partition] -= seconds[subject]
    return {subject: chosen[subject] for subject in sorted(chosen)}


def find_annotations(stem: str, sheets: Mapping[str, Sequence[Path]]) -> str | None:
    """Ratings of a recording: the CSV file of its name, or one in the folder of each dimension."""
    found = sheets.get(stem, ())
    if len(found) == 1:
        return str(found[0])
    parents = {path.parent.parent for path in found}
    if len(found) > 1 and len(parents) == 1:
        return str(parents.pop() / "{dimension}" / found[0].name)
    return None


def rows_of_folder(root: Path, say: Callable[[str], None] = print) -> list[dict[str, str]]:
    """Rows of a corpus table for all media files below a folder.

    Files of the same name, one with sound alone and one with pictures, are one recording.

    Parameters
    ----------
    root
        The folder.
    say
        Tells a person what was found and what was proposed.

    Raises
    ------
    InputError
        If there is no folder, or no media file in it that can be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no folder; expected one with media files")
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.suffix.lower() in MEDIA)
    sheets: dict[str, list[Path]] = {}
    for sheet in sorted(root.rglob("*.csv")):
        sheets.setdefault(sheet.stem, []).append(sheet)
    found: dict[tuple[Path, str], dict[str, tuple[Path, Contents]]] = {}
    for path, contents in zip(files, probe_all(files), strict=True):
        if isinstance(contents, InputError):
            say(f"left out: {contents}")
            continue
        kind = _kind(contents)
        if kind is None:
            say(f"left out: {path}: neither sound nor pictures")
            continue
        # Sound and pictures that are kept apart lie side by side under one name ...
        entry = found.setdefault((path.parent, path.stem), {})
        if kind in entry or "media" in entry or (kind == "media" and entry):
            entry = found.setdefault((path.parent, path.name), {})
        entry[kind] = (path, contents)
    if not found:
        raise InputError(f"{root}: no media file that can be read; expected some")
    entries = _joined(found)
    recordings: dict[str, dict[str, tuple[Path, Contents]]] = {}
    for entry in entries:
        path, _ = next(iter(entry.values()))
        name = name_of(path)
        recordings[name if name not in recordings else _longer_name(path, root, recordings)] = entry
    first = {name: next(iter(entry.values())) for name, entry in recordings.items()}
    subjects, rule = propose_subjects([path.relative_to(root) for path, _ in first.values()])
    seconds: Counter[str] = Counter()
    for subject, (_, contents) in zip(subjects, first.values(), strict=True):
        seconds[subject] += contents.seconds
    partitions = propose_partitions(seconds)
    rows = []
    for subject, (name, entry) in zip(subjects, recordings.items(), strict=True):
        annotations = find_annotations(first[name][0].stem, sheets)
        row = {"recording": name, "subject": subject, "partition": partitions.get(subject)}
        row |= {kind: str(path) for kind, (path, _) in sorted(entry.items())}
        row["annotations"] = annotations
        rows.append({column: cell for column, cell in row.items() if cell})
    say(f"{len(rows)} recordings of {len(seconds)} subjects, {sum(seconds.values()) / 60:.1f} min")
    say(f"subjects proposed: {rule}")
    if partitions:
        time: Counter[str] = Counter()
        for subject, partition in partitions.items():
            time[partition] += seconds[subject]
        shares = ", ".join(f"{partition} {time[partition] / 60:.1f} min" for partition in SHARES)
        say(f"partitions proposed, no subject in two of them: {shares}")
    else:
        say("partitions: none proposed; expected at least three subjects")
    rated = sum("annotations" in row for row in rows)
    say(f"annotations found for {rated} of them (CSV files of the same name)")
    return rows


def _kind(contents: Contents) -> str | None:
    if contents.audio_rate is not None and contents.video_rate is not None:
        return "media"
    if contents.audio_rate is not None:
        return "audio"
    return None if contents.video_rate is None else "video"


def _joined(
    found: Mapping[tuple[Path, str], dict[str, tuple[Path, Contents]]],
) -> list[dict[str, tuple[Path, Contents]]]:
    """... or in two folders, one with all the sound: then a name has one file of either kind."""
    by_stem: dict[str, list[dict[str, tuple[Path, Contents]]]] = {}
    for (_, stem), entry in found.items():
        by_stem.setdefault(stem, []).append(entry)
    entries = []
    for same in by_stem.values():
        kinds = sorted(kind for entry in same for kind in entry)
        if kinds == ["audio", "video"]:
            entries.append({kind: value for entry in same for kind, value in entry.items()})
        else:
            entries += same
    return entries


def _longer_name(path: Path, root: Path, taken: Mapping) -> str:
    """A name with the folder in front where the file's alone is taken."""
    name = name_of(Path("_".join(path.relative_to(root).with_suffix("").parts)))
    number = 2
    longer = name
    while longer in taken:
        longer, number = f"{name}_{number}", number + 1
    return longer


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the folder and what to write."""
    arguments.add_argument("folder", type=Path, help="with media files, or a delivered corpus")
    arguments.add_argument(
        "--layout", choices=[n for n in layouts.names() if n != "table"], help="of the corpus"
    )
    arguments.add_argument("--output", type=Path, help="default: recordings.csv in the folder")
    arguments.add_argument("--force", action="store_true", help="write over an existing table")


def main(options: argparse.Namespace) -> None:
    """Write the table of the folder that is named on the command line."""
    if options.output is None and options.layout is not None:
        raise InputError("no --output; expected one, since a delivered corpus is not written into")
    output = options.output or options.folder / "recordings.csv"
    if output.exists() and not options.force:
        raise InputError(f"{output}: is there already; expected --force, or another --output")

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    if options.layout is None:
        rows = rows_of_folder(options.folder, say)
    else:
        rows = layouts.layout(options.layout).rows(options.folder)
    write_table(rows, output)
    say(f"written: {output}; look at it, then: python -m softaer.corpus check {output}")
