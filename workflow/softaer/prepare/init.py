"""Makes a corpus table from a folder of media files, or from a delivered corpus.

What the files do not state (subjects, files of ratings, partitions) is proposed by documented
rules; users check and edit the table.
"""

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from softaer import layouts
from softaer.core.errors import InputError
from softaer.core.experiment import FOUND
from softaer.core.listing import first_few
from softaer.core.patterns import fill
from softaer.corpus import Recording, folds
from softaer.corpus_table import write_table
from softaer.prepare.annotations import HEAD, Sheet, annotations_cell, assign, is_dimension, look_at
from softaer.prepare.persons import KINDS, composed, doubts, from_pattern, name_of, propose_subjects
from softaer.prepare.rater_files import (
    configuration_for,
    find_patterns,
    rating_files,
    section,
    tell,
    why_not,
)
from softaer.readers.columns import VALUE
from softaer.readers.raters import plain
from softaer.signals.probe import Contents, probe_all
from softaer.signals.turns import read_turns

MEDIA = frozenset(
    {
        *(".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mka", ".mp3"),
        *(".oga", ".opus", ".w64", ".wav", ".wma"),
        *(".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
        *(".mpeg", ".mpg", ".mts", ".mxf", ".ogg", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    }
)
"""Extensions of media files."""

SHOWN = 8
"""Number of names in a list; further ones are counted."""

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}
"""Intended share of the recorded time of each partition."""

WIDTH = 96
"""Width of a line in the list of subjects [characters]."""


def propose_partitions(seconds: Mapping[str, float]) -> dict[str, str]:
    """Partitions of subjects or folds whose shares of the time are close to :data:`SHARES`.

    Subjects with the most time are assigned first, each to the partition that lacks most. With
    three or more subjects, no partition is empty.

    Parameters
    ----------
    seconds
        Recorded time of each subject [s], or another amount.

    Returns
    -------
    Partition of each subject; empty with fewer than three subjects.

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


def rows_of_folder(
    root: Path,
    say: Callable[[str], None] = print,
    subject: str | None = None,
    group: str | None = None,
    form: str = FOUND,
    only: Path | None = None,
) -> list[dict[str, str]]:
    """Rows of a corpus table for all media files below a folder.

    Two files of the same name, one with only sound and one with only video, are one recording.

    Parameters
    ----------
    root
        The folder.
    say
        Called with what was found, what was proposed, and what was not used and why.
    subject, group
        Regular expressions that find the subject and the group in the path of a file below the
        folder, without extension: see :func:`softaer.prepare.persons.from_pattern`. A recording
        without a subject gets no partition, so that it cannot be in a wrong one.
    form
        Form of the files of ratings, see :mod:`softaer.readers.forms`; by default found.
    only
        A single file in the folder; the others are not looked at.

    Raises
    ------
    InputError
        If the folder does not exist or has no readable media file, or a pattern is wrong.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; expected a folder with media files")
    files, passed = ([only], {}) if only is not None else walk(root)
    for reason, names in passed.items():
        say(f"ignored ({reason}): {first_few(names, SHOWN)}")
    recordings = _recordings(root, [p for p in files if p.suffix.lower() in MEDIA], say)
    below = {
        name: [path.relative_to(root) for path, _ in entry.values()]
        for name, entry in recordings.items()
    }
    forms, refused = _forms(root, files, form)
    for reason, paths in refused.items():
        if "format" in reason:
            say(f"not used as annotations: {reason} ({first_few(paths, SHOWN)})")
    cells, used, strangers, single = _sheets(root, files, below, forms, say)
    rest = {path: form for path, form in forms.items() if path not in used}
    tables = {path for path, form in rest.items() if form == "table"} - {*map(Path, strangers)}
    rest = {path: form for path, form in rest.items() if path not in tables or path in single}
    used |= _rater_files(root, below, cells, rest, say)
    strangers = [name for name in strangers if Path(name) not in used]
    if strangers:
        say(f"CSV files without a media file of the same name: {first_few(strangers, SHOWN)}")
    used |= {path for paths in below.values() for path in paths}
    _tell_folders(root, files, used, below, say)

    first = [paths[0] for paths in below.values()]
    texts = [[p.with_suffix("").as_posix() for p in paths] for paths in below.values()]
    if subject is None:
        proposed, rule = propose_subjects(first)
        subjects: list[str | None] = list(proposed)
    else:
        subjects, rule = from_pattern(subject, "--subject", texts), f"{subject!r} in their paths"
    groups = [None] * len(below) if group is None else from_pattern(group, "--group", texts)
    seconds = [
        max((c.seconds for _, c in entry.values() if c.seconds and c.seconds > 0), default=0.0)
        for entry in recordings.values()
    ]
    # Nothing is learnt or scored without ratings: other recordings take no place, unless so few
    # have ratings that they will come.
    rated = {name for name in below if "annotations" in cells.get(name, {})}
    whose = {who for name, who in zip(below, subjects, strict=True) if name in rated}
    some = rated if len(whose - {None}) >= len(SHARES) else set(below)
    partitions = _partitions(list(below), subjects, groups, seconds, some, say)
    rows = []
    for name, who, together in zip(below, subjects, groups, strict=True):
        partition = None if who is None else partitions.get(who)
        row = {"recording": name, "subject": who, "partition": partition}
        row |= {kind: str(path) for kind, (path, _) in sorted(recordings[name].items())}
        row |= cells.get(name, {})
        row["group"] = together
        rows.append({column: cell for column, cell in row.items() if cell})

    known = [(path, who) for path, who in zip(first, subjects, strict=True) if who is not None]
    people = dict.fromkeys(who for _, who in known)
    say(f"{len(rows)} recordings of {len(people)} subjects, {sum(seconds) / 60:.1f} min")
    say(f"subjects proposed: {rule}")
    for option, assigned in (("--subject", subjects), ("--group", groups if group else [])):
        missing = [name for name, who in zip(below, assigned, strict=False) if who is None]
        if missing:
            what = "subject and no partition" if option == "--subject" else "group"
            where = first_few(missing, SHOWN)
            say(f"WARNING: {option} does not match the path of {where}; they have no {what}")
    for doubt in doubts([path for path, _ in known], [who for _, who in known], partitions):
        say(f"WARNING: {doubt}")
    if partitions:
        say(f"partitions proposed (no subject{' or group' * bool(group)} is in two of them):")
    else:
        joined = " in different groups" * bool(group)
        say(f"no partitions proposed; expected at least three subjects{joined}")
    for line in _list_of_subjects(subjects, seconds, partitions):
        say(line)
    say(f"recordings with annotations: {len(rated)}")
    return rows


def walk(root: Path) -> tuple[list[Path], dict[str, list[str]]]:
    """All files below a folder, in order, and ignored files and folders by reason."""
    files: list[Path] = []
    passed: dict[str, list[str]] = {}

    def pass_over(path: Path, reason: str) -> None:
        passed.setdefault(reason, []).append(path.relative_to(root).as_posix())

    def unreadable(error: OSError) -> None:
        pass_over(Path(error.filename), f"cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=unreadable):
        here = Path(folder)
        for name in sorted(folders):
            if name.startswith("."):
                pass_over(here / name, "hidden folders")
                folders.remove(name)
            elif (here / name).is_symlink():
                pass_over(here / name, "links to folders, which are not followed")
        for name in sorted(names):
            if name.startswith("."):
                pass_over(here / name, "hidden files")
            elif not (here / name).is_file():
                pass_over(here / name, "not a file, or a broken link")
            else:
                files.append(here / name)
    return sorted(files), passed


def _recordings(
    root: Path, files: Sequence[Path], say: Callable[[str], None]
) -> dict[str, dict[str, tuple[Path, Contents]]]:
    """Media files of each recording, by kind, with their contents."""
    found: dict[tuple[Path, str], dict[str, tuple[Path, Contents]]] = {}
    for path, contents in zip(files, probe_all(files), strict=True):
        if isinstance(contents, InputError):
            say(f"left out: {contents}")
            continue
        kind = _kind(contents)
        if kind is None:
            say(f"left out: {path}: neither sound nor video")
            continue
        # Separate sound and video have the same name, in one folder or (see _joined) in two.
        entry = found.setdefault((path.parent, composed(path).stem), {})
        if kind in entry or "media" in entry or (kind == "media" and entry):
            other, _ = next(iter(entry.values()))
            say(
                f"WARNING: {other.relative_to(root)} and {path.name} have the same name and are "
                "proposed as two recordings; if they are one, remove a row"
            )
            entry = found.setdefault((path.parent, path.name), {})
        entry[kind] = (path, contents)
    if not found:
        raise InputError(f"{root}: no readable media file; expected at least one")
    recordings: dict[str, dict[str, tuple[Path, Contents]]] = {}
    for entry in _joined(found):
        path, _ = next(iter(entry.values()))
        name = name_of(path)
        recordings[name if name not in recordings else _longer_name(path, root, recordings)] = entry
    return recordings


def _sheets(
    root: Path,
    files: Sequence[Path],
    recordings: Mapping[str, Sequence[Path]],
    forms: Mapping[Path, str],
    say: Callable[[str], None],
) -> tuple[dict[str, dict[str, str]], set[Path], list[str], set[Path]]:
    """Cells ``annotations`` and ``turns`` of each recording, and their files.

    Also files of no recording, and files that have one rater each, which are left to
    :func:`_rater_files` as those of tools are. Paths are below the root.
    """
    of_stem: dict[str, dict[str, Sequence[Path]]] = {}
    for name, paths in recordings.items():
        for path in paths:
            of_stem.setdefault(composed(path).stem, {})[name] = paths
    cells: dict[str, dict[str, str]] = {}
    used: set[Path] = set()
    refused: dict[str, list[str]] = {}
    candidates: dict[tuple[str, str], list[Path]] = {}
    looked: dict[Path, Sheet] = {}
    raters: dict[str, None] = {}
    dimensions: Counter[tuple[str, ...]] = Counter()
    strangers: list[str] = []
    single: set[Path] = set()
    for path in files:
        sheet = path.relative_to(root)
        if sheet.suffix.lower() != ".csv":
            continue
        name = composed(sheet).stem
        stem = name.removesuffix(".turns")
        is_turns = stem != name or "turns" in (part.lower() for part in sheet.parent.parts)
        if forms.get(sheet, "table") != "table" and not is_turns:
            continue
        if stem not in of_stem:
            strangers += [sheet.as_posix()] if sheet != Path("recordings.csv") else []
            continue
        try:
            if is_turns:
                read_turns(path)
            looked[sheet] = Sheet() if is_turns else look_at(path)
            reason = looked[sheet].reason
        except InputError as error:
            reason = str(error).removeprefix(str(path)).lstrip(",: ")
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        column = "turns" if is_turns else "annotations"
        if reason:
            refused.setdefault(f"not used as {column}: {reason}", []).append(str(sheet))
        else:
            candidates.setdefault((column, stem), []).append(sheet)
    for (column, stem), sheets in candidates.items():
        own, doubtful = assign(sheets, of_stem[stem])
        if doubtful:
            whose = " or ".join(of_stem[stem])
            reason = f"not used as {column}: they may belong to {whose}"
            refused.setdefault(reason, []).extend(map(str, doubtful))
        for name, some in own.items():
            clear = column == "annotations" or len(some) == 1
            if column == "annotations" and _of_one_rater(some, looked):
                single |= set(some)
                continue
            long = [looked[sheet].long for sheet in some]
            cell = annotations_cell([root / sheet for sheet in some], long) if clear else None
            if cell is not None:
                cells.setdefault(name, {})[column] = cell
                used |= set(some)
                raters |= dict.fromkeys(who for sheet in some for who in looked[sheet].raters)
                if len(some) > 1:
                    place = Path(cell).parts.index("{dimension}")
                    dimensions[tuple((root / sheet).parts[place] for sheet in some)] += 1
            elif some:
                reason = f"not used as {column}: it is unclear which file belongs to {name}"
                refused.setdefault(reason, []).extend(map(str, some))
    for reason, names in refused.items():
        say(f"{reason} ({first_few(names, SHOWN)})")
    for folders, count in dimensions.items():
        say(f"'{{dimension}}' stands for {first_few(folders, SHOWN)} (recordings: {count})")
        if not any(map(is_dimension, folders)):
            say(
                f"WARNING: folders {first_few(folders, SHOWN)} are used as dimensions, but none is "
                "a known dimension; if they are raters, put the ratings of all raters into one file"
            )
    if raters:
        say(f"raters in the first {HEAD // 1024} kB of each file: {first_few(list(raters), SHOWN)}")
    return cells, used, strangers, single


def _of_one_rater(sheets: Sequence[Path], looked: Mapping[Path, Sheet]) -> bool:
    """Whether several files of a recording have one column each that is called ``value``."""
    return (
        len(sheets) > 1
        and all(len(own := looked[s].raters) == 1 and plain(own[0]) in VALUE for s in sheets)
        and not any(map(is_dimension, (part for s in sheets for part in s.parent.parts)))
    )


def _forms(
    root: Path, files: Sequence[Path], form: str
) -> tuple[dict[Path, str], dict[str, list[str]]]:
    """Forms of the files of ratings below the root, and refused files by reason."""
    others = [path for path in files if path.suffix.lower() not in MEDIA]
    turns = [p for p in others if "turns" in (part.lower() for part in p.parts)]
    return rating_files(root, [path for path in others if path not in turns], form)


def _rater_files(
    root: Path,
    recordings: Mapping[str, Sequence[Path]],
    cells: dict[str, dict[str, str]],
    forms: Mapping[Path, str],
    say: Callable[[str], None],
) -> set[Path]:
    """Add cells ``annotations`` for files of tools, one per rater or of several recordings.

    Returns
    -------
    Files that are used, below the root.
    """
    names = {name: [name, *(path.stem for path in paths)] for name, paths in recordings.items()}
    patterns, orphans, near = find_patterns(root, forms, names)
    rated = [name for name in recordings if "annotations" in cells.get(name, {})]
    used: set[Path] = set()
    taken: set[str] = set(rated)
    keys: dict[str, object] = {}
    for found in patterns:
        new = {name: some for name, some in found.matched.items() if name not in taken}
        if not new:
            others = sorted({m.path for some in found.matched.values() for m in some})
            say(f"other ratings, not used ({found.form}): {first_few(others, SHOWN)}")
            continue
        if (reason := why_not(root, found)) is not None:
            say(f"not used as annotations: {found.pattern} ({found.form}): {reason}")
            continue
        tell(found, recordings, say, taken)
        for name, some in new.items():
            stem = some[0].recording or name
            cell = fill(found.pattern, recording=stem)
            cells.setdefault(name, {})["annotations"] = str(root / cell)
            used |= {Path(match.path) for match in some}
        taken |= set(new)
        keys |= configuration_for(root, found)
    if keys:
        say(f"these files need, in your configuration: {section(keys)}")
    if orphans:
        say(f"files of ratings without a recording of that name: {first_few(orphans, SHOWN)}")
    for line in near:
        say(f"WARNING: nearly the name of a recording: {line}")
    return used


def _tell_folders(
    root: Path,
    files: Sequence[Path],
    used: Collection[Path],
    recordings: Mapping[str, Sequence[Path]],
    say: Callable[[str], None],
) -> None:
    """Report which folders are used and which are not."""
    media = Counter(p.parent.as_posix() for paths in recordings.values() for p in paths)
    folders = [f"{folder} ({count})" for folder, count in media.items()]
    say(f"media files in: {first_few(folders, SHOWN)}")
    kinds = sorted(
        {part for folder in media for part in Path(folder).parts if part.lower() in KINDS}
    )
    if kinds:
        say(f"folders named after a kind of file, not a person: {first_few(kinds, SHOWN)}")
    endings: dict[str, Counter[str]] = {}
    for path in files:
        folder = path.relative_to(root).parent.as_posix()
        endings.setdefault(folder, Counter())[path.suffix.lower() or "without extension"] += 1
    taken = {path.parent.as_posix() for path in used}
    rest = [
        f"{folder} ({', '.join(f'{n} {ending}' for ending, n in counts.most_common(3))})"
        for folder, counts in endings.items()
        if folder not in taken
    ]
    if rest:
        say(f"folders that are not used: {first_few(rest, SHOWN)}")


def _partitions(
    names: Sequence[str],
    subjects: Sequence[str | None],
    groups: Sequence[str | None],
    seconds: Sequence[float],
    rated: Collection[str],
    say: Callable[[str], None],
) -> dict[str, str]:
    """Partition of each subject of rated recordings; whole folds are assigned, by their length."""
    known = [
        Recording(recording=name, batch=name, subject=who, group=together)
        for name, who, together in zip(names, subjects, groups, strict=True)
        if who is not None and name in rated
    ]
    fold_of = folds(known)
    unknown = [name for name, length in zip(names, seconds, strict=True) if not length]
    length_of = dict(zip(names, seconds, strict=True))
    if unknown:
        say(
            f"length unknown: {first_few(unknown, SHOWN)}; partitions are balanced by the number "
            "of recordings, not by their time"
        )
    amount: dict[str, float] = defaultdict(float)
    for name, fold in fold_of.items():
        amount[fold] += 1 if unknown else length_of[name]
    chosen = propose_partitions(amount)
    return {r.given("subject"): chosen[fold_of[r.recording]] for r in known} if chosen else {}


def _list_of_subjects(
    subjects: Sequence[str | None], seconds: Sequence[float], partitions: Mapping[str, str]
) -> list[str]:
    """Subjects of each partition, with their number of recordings and minutes, in columns."""
    count = Counter(subjects)
    length: dict[str | None, float] = defaultdict(float)
    for who, duration in zip(subjects, seconds, strict=True):
        length[who] += duration
    lines = []
    for partition in (*SHARES, None):
        own = sorted(who for who in count if who is not None and partitions.get(who) == partition)
        if not own:
            continue
        lines.append(
            f"  {partition or 'none'} (subjects: {len(own)}, recordings: "
            f"{sum(count[who] for who in own)}, {sum(length[who] for who in own) / 60:.1f} min); "
            "recordings and time of each:"
        )
        entries = [f"{who}: {count[who]}, {length[who] / 60:.1f} min" for who in own]
        width = max(map(len, entries)) + 3
        each = max(1, WIDTH // width)
        for place in range(0, len(entries), each):
            row = "".join(entry.ljust(width) for entry in entries[place : place + each])
            lines.append(f"    {row.rstrip()}")
    return lines


def _kind(contents: Contents) -> str | None:
    if contents.audio_rate is not None and contents.video_rate is not None:
        return "media"
    if contents.audio_rate is not None:
        return "audio"
    return None if contents.video_rate is None else "video"


def _joined(
    found: Mapping[tuple[Path, str], dict[str, tuple[Path, Contents]]],
) -> list[dict[str, tuple[Path, Contents]]]:
    """Recordings; sound and video in two folders are joined if a name has one file of each."""
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
    """A name with the folder in front, because that of the file alone is taken."""
    name = name_of(Path("_".join(path.relative_to(root).with_suffix("").parts)))
    number = 2
    longer = name
    while longer in taken:
        longer, number = f"{name}_{number}", number + 1
    return longer


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the folder and the output."""
    arguments.add_argument(
        "folder", type=Path, help="folder with media files, or a delivered corpus"
    )
    arguments.add_argument(
        "--layout",
        choices=[n for n in layouts.names() if n != "table"],
        help="layout of a delivered corpus",
    )
    arguments.add_argument(
        "--subject",
        metavar="REGEX",
        help="regular expression that finds the subject in a file's path below the folder, such as "
        r"'P\d+' or '_([a-z]+)_'",
    )
    arguments.add_argument(
        "--group",
        metavar="REGEX",
        help="regular expression that finds what stays in one partition, such as a dyad",
    )
    arguments.add_argument(
        "--format", default=FOUND, help="form of the files of ratings (docs/ratings.md)"
    )
    arguments.add_argument(
        "--output", type=Path, help="table to write (default: recordings.csv in the folder)"
    )
    arguments.add_argument("--force", action="store_true", help="overwrite an existing table")


def main(options: argparse.Namespace) -> None:
    """Write the table for the folder named on the command line."""
    if options.output is None and options.layout is not None:
        raise InputError("no --output; expected one, because a delivered corpus stays unchanged")
    for option in ("subject", "group"):
        if options.layout is not None and getattr(options, option) is not None:
            raise InputError(f"--{option}: found with --layout, which sets it; expected only one")
    output = options.output or options.folder / "recordings.csv"
    if output.exists() and not options.force:
        raise InputError(f"{output}: exists already; expected --force, or another --output")

    def say(words: str) -> None:
        print(words, file=sys.stderr)

    if options.layout is None:
        rows = rows_of_folder(options.folder, say, options.subject, options.group, options.format)
    else:
        rows = layouts.layout(options.layout).rows(options.folder)
    write_table(rows, output)
    say(f"written: {output}; read it, then type: softaer check {output}")
