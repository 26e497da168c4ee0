"""Patterns of annotation files: ``{recording}``, ``{rater}`` and ``{dimension}`` in a path.

Most tools write one file per rater. ``ratings/{rater}/p01_{dimension}.csv`` stands for all of them.
``{rater}`` matches any part of a name; ``{rater:[a-z]+}`` only what the regular expression allows.
This module is imported when the Snakefile is parsed, so it imports nothing heavy.
"""

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from softaer.core.errors import InputError

PLACE = re.compile(r"\{(recording|rater|dimension)(?::([^{}]+))?\}")
"""A placeholder, with the regular expression that its text must match."""

OWN_DATA = {".annotation": "~"}
"""Endings of files whose data are in a second file, and what is added to its name (NOVA)."""


@dataclass(frozen=True)
class Match:
    """A file that a pattern matches, and the text at each placeholder; ``None`` if there is none.

    ``dimension`` is also the requested dimension that the path was searched for.
    """

    path: str
    recording: str | None = None
    rater: str | None = None
    dimension: str | None = None


def places(pattern: str) -> list[str]:
    """Placeholders of a pattern, each once.

    Examples
    --------
    >>> places("{rater}/{recording}_{rater:[a-z]+}.csv")
    ['rater', 'recording']
    """
    return list(dict.fromkeys(found[1] for found in PLACE.finditer(pattern)))


def fill(pattern: str, **names: str) -> str:
    """A pattern with some placeholders replaced.

    Examples
    --------
    >>> fill("{rater}/{recording}.csv", recording="p01")
    '{rater}/p01.csv'
    """
    return PLACE.sub(lambda found: names.get(found[1], found[0]), pattern)


def expression(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """Regular expression of the paths that a pattern matches, with a group per placeholder.

    Raises
    ------
    InputError
        If the expression within a placeholder is wrong.
    """
    text, last, seen = "", 0, set()
    for found in PLACE.finditer(pattern):
        text += re.escape(pattern[last : found.start()])
        name, inner = found[1], found[2] or "[^/]+?"
        text += f"(?P={name})" if name in seen else f"(?P<{name}>{inner})"
        seen.add(name)
        last = found.end()
    try:
        return re.compile(text + re.escape(pattern[last:]), re.IGNORECASE * ignore_case)
    except re.error as error:
        raise InputError(f"pattern {pattern!r}: {error}; expected a regular expression") from None


def matches(pattern: str) -> list[Match]:
    """Files that a pattern matches, sorted by path.

    Parameters
    ----------
    pattern
        Path with placeholders; without any, the path itself if it exists.
    """
    if not places(pattern):
        return [Match(pattern)] if os.path.exists(pattern) else []
    form = expression(pattern)
    wild, last = "", 0
    for found in PLACE.finditer(pattern):
        wild += glob.escape(pattern[last : found.start()]) + "*"
        last = found.end()
    found_paths = sorted(glob.glob(wild + glob.escape(pattern[last:])))
    return [
        Match(path, **whole.groupdict()) for path in found_paths if (whole := form.fullmatch(path))
    ]


def files_of(pattern: str, dimensions: Iterable[str]) -> list[Match]:
    """Annotation files of a recording, for some dimensions.

    Parameters
    ----------
    pattern
        Of the recording: ``{recording}`` is already replaced.
    dimensions
        Requested dimensions.

    Returns
    -------
    Each file once. A path without ``{rater}`` is returned whether it exists or not.
    """
    found: list[Match] = []
    named = "dimension" in places(pattern)
    for dimension in dimensions if named else [None]:
        own = pattern if dimension is None else fill(pattern, dimension=dimension)
        some = matches(own) if "rater" in places(own) else [Match(own)]
        found += [Match(one.path, rater=one.rater, dimension=dimension) for one in some]
    return list(dict.fromkeys(found))


def with_data(path: str) -> list[str]:
    """A file, and the one that holds its data if there is one (``name.annotation~`` of NOVA)."""
    beside = OWN_DATA.get(os.path.splitext(path)[1].lower())
    return [path, path + beside] if beside and os.path.exists(path + beside) else [path]


def shared(
    matched: Mapping[str, Sequence[Match]],
) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """Files that several recordings' patterns match, with each recording and its rater's name.

    Parameters
    ----------
    matched
        Matches of each recording's pattern.

    Examples
    --------
    >>> shared({"p1": [Match("p1_b_eva.csv", rater="b_eva")],
    ...         "p1_b": [Match("p1_b_eva.csv", rater="eva")]})
    [('p1_b_eva.csv', [('p1', 'b_eva'), ('p1_b', 'eva')])]
    """
    users: dict[str, dict[tuple[str, str | None], None]] = {}
    for recording, some in matched.items():
        for match in some:
            if match.rater is not None:
                users.setdefault(match.path, {})[recording, match.rater] = None
    return [(path, list(by)) for path, by in users.items() if len({name for name, _ in by}) > 1]
