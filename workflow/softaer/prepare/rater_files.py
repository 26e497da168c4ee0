"""Finds the files of ratings that tools wrote, and the pattern of their paths.

A file belongs to the recording whose name is a part of its path. Of the rest of the path, words
that are dimensions become ``{dimension}``, and what differs between otherwise equal paths becomes
``{rater}``. What matches, and what nearly does, is told.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import yaml

from softaer.core.errors import InputError
from softaer.core.experiment import FOUND
from softaer.core.listing import first_few
from softaer.core.patterns import Match, expression, fill, places
from softaer.prepare.annotations import DIMENSIONS, look_at, no_raters
from softaer.prepare.persons import composed
from softaer.readers import forms
from softaer.readers.cells import Head, read_cells
from softaer.readers.columns import roles
from softaer.readers.raters import plain
from softaer.readers.traces import Request, same_recording

ENDINGS = frozenset({".csv", ".tsv", ".txt", ".annotation", ".eaf", ".anvil", ".textgrid", ".log"})
"""Extensions of files that are looked at."""

SHOWN = 6
"""Number of names in a list."""


@dataclass
class Found:
    """Files of one pattern.

    Attributes
    ----------
    pattern
        Relative to the folder; with ``{recording}`` unless the files have several recordings.
    forms
        Form of each file, by its path below the folder.
    matched
        Files of each recording.
    """

    pattern: str
    forms: Mapping[Path, str]
    matched: dict[str, list[Match]] = field(default_factory=dict)

    @property
    def files(self) -> dict[Path, Match]:
        """Files by their path below the folder."""
        return {Path(match.path): match for some in self.matched.values() for match in some}

    @property
    def all_forms(self) -> list[str]:
        """Forms of the files; several if raters used several tools."""
        return sorted({self.forms[path] for path in self.files})

    @property
    def form(self) -> str:
        """The forms in words."""
        return " and ".join(self.all_forms)

    def raters_of(self, form: str) -> list[str]:
        """Raters with files of a form, as the paths name them."""
        own = {match.rater for path, match in self.files.items() if self.forms[path] == form}
        return sorted(filter(None, own))


def rating_files(
    root: Path, files: Iterable[Path], form: str = FOUND
) -> tuple[dict[Path, str], dict[str, list[str]]]:
    """Files of ratings below a folder, by their content.

    Parameters
    ----------
    root, files
        The folder, and files in it.
    form
        Name of their form, or ``found``.

    Returns
    -------
    forms, refused
        Form of each file by its path below the folder; and files that are no ratings, by reason.
    """
    found: dict[Path, str] = {}
    refused: dict[str, list[str]] = {}
    for path in files:
        if path.suffix.lower() not in ENDINGS or path.name == "recordings.csv":
            continue
        below = path.relative_to(root)
        try:
            name, reason = _form(path, form)
        except (InputError, OSError) as error:
            name, reason = None, str(error).removeprefix(str(path)).lstrip(",: ")
        if reason is not None:
            refused.setdefault(reason, []).append(below.as_posix())
        elif name is not None:
            found[below] = name
    return found, refused


def _form(path: Path, form: str) -> tuple[str | None, str | None]:
    """Form of a file, or the reason why it is refused; neither if it is nothing known."""
    head = Head.of(path)
    if form != FOUND:
        return (form, None) if forms.named(form).recognises(head) else (None, None)
    some = forms.recognised(head)
    if not some:
        return None, None
    if len(some) > 1:
        return None, f"may be any of {some}; expected 'ratings: format'"
    (name,) = some
    if name in ("table", "spreadsheet"):
        reason = look_at(path).reason if name == "table" else no_raters(head.names)
        if reason is not None:
            return None, reason
    if getattr(forms.named(name), "AMBIGUOUS", None):
        return None, f"perhaps {name}; if so, type --format {name}"
    return name, None


def find_patterns(
    root: Path, found: Mapping[Path, str], recordings: Mapping[str, Sequence[str]]
) -> tuple[list[Found], list[str], list[str]]:
    """Patterns of the files of ratings.

    Parameters
    ----------
    root
        The folder.
    found
        Form of each file below the folder.
    recordings
        Names under which each recording may be in a path: its own, and those of its media.

    Returns
    -------
    patterns, orphans, near
        Patterns, those with most files first; files of no recording; and lines on files whose path
        has a recording's name in another spelling.
    """
    stems = _stems(recordings)
    own: list[tuple[Path, str, str]] = []
    orphans, near = [], []
    whole: dict[Path, str] = {}
    for path, form in found.items():
        text = path.as_posix()
        some = _stems_in(text, stems)
        if len(some) == 1:
            own.append((path, form, some[0]))
        elif some:
            near.append(f"{text} (may belong to any of {some})")
        elif _inner_recordings(root / path, form, recordings):
            whole[path] = form
        elif (close := _near(text, stems)) is not None:
            near.append(f"{text} (has {close[0]!r}; the recording is {close[1]!r})")
        else:
            orphans.append(text + _told_inside(root / path, form))
    # A number may be a recording's name and also a rater's: where it is replaced is what makes the
    # paths most alike.
    options = [_patterns_of(root, own, stems, everywhere) for everywhere in (True, False)]
    patterns = min(options, key=len)
    patterns += _of_several(root, whole, recordings)
    patterns.sort(key=lambda one: (-sum(map(len, one.matched.values())), one.pattern))
    return patterns, orphans, near


def _patterns_of(
    root: Path,
    files: Iterable[tuple[Path, str, str]],
    stems: Mapping[str, str],
    everywhere: bool,
) -> list[Found]:
    """Patterns of files with their form and the name of their recording in the path.

    Raters may have used several tools: files of several forms share a pattern if it has a place for
    the rater, and they can be read so.

    ``everywhere``: whether the name is replaced in all parts of the path, or in the last one that
    has it.
    """
    by_depth: dict[int, dict[str, dict[str, list[tuple[Path, str]]]]] = {}
    forms_of: dict[Path, str] = {}
    for path, form, stem in files:
        text = _replace(path.as_posix(), stem, "{recording}", everywhere)
        skeleton = _with_dimension(text)
        by_form = by_depth.setdefault(skeleton.count("/"), {})
        by_form.setdefault(form, {}).setdefault(skeleton, []).append((path, stem))
        forms_of[path] = form

    def found(skeletons: Mapping[str, list[tuple[Path, str]]]) -> list[Found]:
        return [
            Found(pattern, forms_of, _matches(pattern, some, stems))
            for pattern, some in _with_rater(skeletons).items()
        ]

    patterns: list[Found] = []
    for by_form in by_depth.values():
        together: dict[str, list[tuple[Path, str]]] = {}
        for skeletons in by_form.values():
            for skeleton, some in skeletons.items():
                together.setdefault(skeleton, []).extend(some)
        shared = found(together) if len(by_form) > 1 else []
        if len(shared) == 1 and why_not(root, shared[0]) is None:
            patterns += shared
        else:
            patterns += [one for skeletons in by_form.values() for one in found(skeletons)]
    return patterns


def _stems(recordings: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Recording of each name that is only one's."""
    whose: dict[str, set[str]] = {}
    for name, some in recordings.items():
        for stem in some:
            whose.setdefault(_text(stem), set()).add(name)
    return {stem: next(iter(names)) for stem, names in whose.items() if len(names) == 1}


def _stems_in(text: str, stems: Collection[str]) -> list[str]:
    """Names of recordings that are parts of a path between signs: the longest ones.

    Names in the file's own name count before those in folders.
    """
    text = _text(text)
    for part in text.split("/")[::-1]:
        some = [stem for stem in stems if _between_signs(stem).search(part)]
        if some:
            longest = max(map(len, some))
            return sorted(stem for stem in some if len(stem) == longest)
    return []


def _between_signs(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])")


def _replace(text: str, word: str, placeholder: str, everywhere: bool = True) -> str:
    """A path with a word between signs replaced, in all its parts or in the last that has it."""
    parts = _text(text).split("/")
    form = _between_signs(word)
    having = [k for k, part in enumerate(parts) if form.search(part)]
    for k in having if everywhere else having[-1:]:
        parts[k] = form.sub(lambda _: placeholder, parts[k])
    return "/".join(parts)


def _with_dimension(skeleton: str) -> str:
    """A path with its words that are dimensions replaced."""
    head, _, ending = skeleton.rpartition(".")
    parts = re.split(r"(\{recording\}|[^\W_]+)", head)
    asked = [part for part in parts if part.casefold() in DIMENSIONS]
    if len({part.casefold() for part in asked}) != 1:
        return skeleton
    return "".join("{dimension}" if part in asked else part for part in parts) + f".{ending}"


def _near(text: str, stems: Mapping[str, str]) -> tuple[str, str] | None:
    """A part of a path that is a recording's name but for case, blanks and signs."""
    for part in [*Path(text).with_suffix("").parts][::-1]:
        pieces = [part, *re.split(r"[_.]", part)]
        for piece in pieces:
            for stem in stems:
                if len(plain(stem)) > 1 and plain(piece) == plain(stem) and piece != stem:
                    return piece, stem
    return None


def _with_rater(
    skeletons: Mapping[str, list[tuple[Path, str]]],
) -> dict[str, list[tuple[Path, str]]]:
    """Paths that differ in one place as one pattern with ``{rater}``; others as they are."""
    if len(skeletons) == 1:
        return dict(skeletons)
    together = [pair for some in skeletons.values() for pair in some]
    texts = list(skeletons)
    start = _common(texts)
    end = _common([text[len(start) :][::-1] for text in texts])[::-1]
    # Names of raters may begin or end alike: cut at signs.
    while start and re.match(r"[^\W_]", start[-1]) and start[-1] != "}":
        start = start[:-1]
    if start.count("{") > start.count("}"):
        start = start[: start.rfind("{")]
    while end and re.match(r"[^\W_]", end[0]):
        end = end[1:]
    if end.count("}") > end.count("{"):
        end = end[end.find("}") + 1 :]
    middles = {text[len(start) : len(text) - len(end)] for text in texts}
    if all(middles) and not any("/" in middle or "{" in middle for middle in middles):
        return {f"{start}{{rater}}{end}": together}
    names = {middle.split("/")[0] for middle in middles}
    if len(names) == len(texts) and all(names):
        own = {_replace(text, text[len(start) :].split("/")[0], "{rater}") for text in texts}
        if len(own) == 1:
            return {own.pop(): together}
    return dict(skeletons)


def _common(texts: Sequence[str]) -> str:
    """The beginning that all texts have in common."""
    same = takewhile(lambda signs: len(set(signs)) == 1, zip(*texts, strict=False))
    return "".join(signs[0] for signs in same)


def _matches(
    pattern: str, some: Iterable[tuple[Path, str]], stems: Mapping[str, str]
) -> dict[str, list[Match]]:
    """Files of each recording, given the name of their recording in the path."""
    matched: dict[str, list[Match]] = {}
    named = "recording" in places(pattern)
    for path, stem in some:
        # Where a name ends and the next word begins is known: it is that of the recording.
        form = expression(fill(pattern, recording=stem))
        whole = form.fullmatch(_text(path.as_posix()))
        groups = whole.groupdict() | ({"recording": stem} if named else {}) if whole else {}
        matched.setdefault(stems[stem], []).append(Match(path.as_posix(), **groups))
    return matched


def _inner_recordings(
    path: Path, form: str, recordings: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Recordings of the corpus that a file of several has, with their names in it."""
    try:
        inner = inner_names(path, form)
    except InputError:
        return {}
    found = {
        name: other
        for name, some in recordings.items()
        for other in inner
        if any(same_recording(other, one) for one in (name, *some))
    }
    if not found and len(inner) == 1 and len(recordings) == 1:
        return {next(iter(recordings)): inner[0]}
    return found


def inner_names(path: Path, form: str) -> list[str]:
    """Names of the recordings in a file of several; empty for forms that have one each."""
    if form == "pagan":
        return forms.FORMS["pagan"].videos(path)
    if form not in ("long", "votes"):
        return []
    cells = read_cells(path)
    column = roles(cells.header).get("recording")
    return [] if column is None else list(dict.fromkeys(cells.text(column)))


def _told_inside(path: Path, form: str) -> str:
    """Names of the recordings in a file of several, for a list."""
    try:
        inner = inner_names(path, form)
    except InputError:
        return ""
    return f" (with recordings {first_few(map(repr, inner), SHOWN)})" if inner else ""


def _of_several(
    root: Path, files: Mapping[Path, str], recordings: Mapping[str, Sequence[str]]
) -> list[Found]:
    """Patterns of files that have several recordings each."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for path, form in files.items():
        groups.setdefault((_with_dimension(path.as_posix()), form), []).append(path)
    patterns = []
    for (pattern, form), paths in groups.items():
        found = Found(pattern, dict.fromkeys(paths, form))
        shape = expression(pattern)
        for path in paths:
            groups_ = whole.groupdict() if (whole := shape.fullmatch(path.as_posix())) else {}
            for name in _inner_recordings(root / path, form, recordings):
                found.matched.setdefault(name, []).append(Match(path.as_posix(), **groups_))
        patterns.append(found)
    return patterns


def matched_by(
    root: Path, pattern: str, files: Iterable[Path], recordings: Mapping[str, Sequence[str]]
) -> tuple[dict[str, list[Match]], list[str], list[str]]:
    """Files that a given pattern matches.

    Parameters
    ----------
    root, files
        The folder, and its files.
    pattern
        Relative to the folder.
    recordings
        See :func:`find_patterns`.

    Returns
    -------
    matched, unknown, near
        Files of each recording; files that match although no recording has their name; and lines on
        files that would match but for case or blanks.
    """
    form, loose = expression(pattern), expression(pattern, ignore_case=True)
    stems = _stems(recordings)
    matched: dict[str, list[Match]] = {}
    unknown, near = [], []
    for path in files:
        text = _text(path.relative_to(root).as_posix())
        options = list(_ways(pattern, form, text, stems))
        if options:
            # Names may begin alike: p1_b_eva is p1_b's, if there is such a recording.
            name, groups = max(options, key=lambda way: len(way[1].get("recording") or ""))
            shown = path.relative_to(root).as_posix()
            matched.setdefault(name, []).append(Match(shown, **groups))
            continue
        whole = form.fullmatch(text)
        if whole is None and loose.fullmatch(_without_blanks(text)):
            near.append(f"{text} (case or blanks differ from the pattern)")
        elif whole is not None:
            own = whole.groupdict().get("recording")
            close = next((s for s in stems if own and plain(s) == plain(own)), None)
            if close is not None:
                near.append(f"{text} (has {own!r}; the recording is {close!r})")
            else:
                unknown.append(text)
    return matched, unknown, near


def _text(text: str) -> str:
    """A path in the composed form of Unicode."""
    return str(composed(Path(text)))


def _without_blanks(text: str) -> str:
    return re.sub(r"\s*([/_.-])\s*", r"\1", text).strip()


def _ways(
    pattern: str, form: re.Pattern[str], text: str, stems: Mapping[str, str]
) -> Iterable[tuple[str, dict[str, str]]]:
    """Recordings that a file may belong to, with the text of the placeholders."""
    if "recording" not in places(pattern):
        return
    for stem, name in stems.items():
        whole = expression(fill(pattern, recording=stem)).fullmatch(text) if stem in text else None
        if whole is not None:
            yield name, {"recording": stem, **whole.groupdict()}


def tell(
    found: Found, recordings: Collection[str], say: Callable[[str], None], rated: Collection[str]
) -> None:
    """Report what a pattern matches: raters, dimensions, and what is not complete."""
    matched = found.matched
    say(f"ratings of form {found.form}: {found.pattern} (files: {len(found.files)})")
    if len(found.all_forms) > 1:
        for form in found.all_forms:
            say(f"  {form}: {first_few(found.raters_of(form), SHOWN)}")
    for name in ("rater", "dimension"):
        texts = sorted({t for s in matched.values() for m in s if (t := getattr(m, name))})
        if texts:
            say(f"  '{{{name}}}' stands for {first_few(texts, SHOWN)}")
        for same in _spellings(texts):
            say(f"  WARNING: {name}s {same} differ only in case or signs and count as several")
    own = {
        name: {(m.rater, m.dimension) for m in some if (m.rater, m.dimension) != (None, None)}
        for name, some in matched.items()
    }
    everything = set().union(*own.values()) if own else set()
    lacking = {name: len(everything - some) for name, some in own.items() if everything - some}
    if lacking:
        some = [f"{name} ({count})" for name, count in sorted(lacking.items())]
        say(
            f"  recordings without some of the {len(everything)} files of the others: "
            f"{first_few(some, SHOWN)}"
        )
    without = [name for name in recordings if name not in matched and name not in rated]
    if without:
        say(f"  recordings without a file: {first_few(without, SHOWN)}")


def _spellings(texts: Sequence[str]) -> list[list[str]]:
    by_plain: dict[str, list[str]] = {}
    for text in texts:
        by_plain.setdefault(plain(text), []).append(text)
    return [same for same in by_plain.values() if len(same) > 1]


def configuration_for(
    root: Path, found: Found, dimensions: Sequence[str] = ()
) -> dict[str, object]:
    """Keys of the section ``ratings`` that files of a form need, and what the user has to fill in.

    Parameters
    ----------
    root, found
        The folder, and the pattern.
    dimensions
        Requested ones.
    """
    each = {form: _keys_of(root, found, form) for form in found.all_forms}
    if len(each) == 1:
        return next(iter(each.values()))
    keys: dict[str, dict[str, object]] = {}
    for form, own in each.items():
        for key, value in own.items():
            # Scales are named by rater, all else by form.
            names = found.raters_of(form) if key == "scale" else [form]
            keys.setdefault(key, {}).update(dict.fromkeys(names, value))
    return dict(keys)


def _keys_of(root: Path, found: Found, form: str) -> dict[str, object]:
    """Keys that the files of one form need."""
    keys: dict[str, object] = {}
    if form == "nova_csv":
        keys["format"] = form
    first = root / next(path for path in found.files if found.forms[path] == form)
    if form == "pagan" or (form == "votes" and not _has_segments(first)):
        keys["interpolation"] = "hold"
    if form in ("carma", "darma"):
        keys["scale"] = {"from": "declared", "to": [-1, 1]}
    if form == "spreadsheet" and "%" in Head.of(first).text[:2000]:
        keys["scale"] = {"from": [0, 100], "to": [-1, 1]}
    return keys


def section(keys: Mapping[str, object]) -> str:
    """Keys of the section ``ratings`` as one line of YAML.

    Examples
    --------
    >>> section({"interpolation": "hold"})
    'ratings: {interpolation: hold}'
    """
    text = yaml.safe_dump({"ratings": dict(keys)}, default_flow_style=True, width=1000)
    return text.strip()[1:-1]


def _has_segments(path: Path) -> bool:
    return {"start", "end"} <= set(roles(Head.of(path).header))


def why_not(root: Path, found: Found) -> str | None:
    """Reason why the first file of a form cannot be used; ``None`` if all can.

    It cannot be read, or neither the files nor the pattern say who rated.
    """
    firsts: dict[str, tuple[str, Match]] = {}
    for name, some in found.matched.items():
        for match in some:
            firsts.setdefault(found.forms[Path(match.path)], (name, match))
    for form, (name, match) in firsts.items():
        wide = "any" if form == "table" else None  # which names no dimension
        request = Request(
            *(root / match.path, name, (), match.dimension or wide, match.rater, {}),
            note=lambda words: None,
        )
        try:
            table = forms.named(form).read(request).table
        except InputError as error:
            return str(error).removeprefix(str(request.path)).lstrip(",: ")
        if "rater" not in places(found.pattern) and table["rater"].isna().any():
            return "it does not say who rated; expected --pattern of softaer import with '{rater}'"
    return None
