"""Turns: the times when the subject speaks in a conversation.

A file of turns has one line per turn, with start and end in seconds with decimal points, separated
by ``;``, ``,`` or a tab, with or without a header. It is text in UTF-8. Or it is a document of ELAN
(.eaf) or Praat (.TextGrid) with one tier, or a tier called ``turns``.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np

from softaer.core.errors import InputError
from softaer.core.sheets import lines_of

FEATURE = "speaking"
"""Name of the feature with the share of the window within the subject's turns, 0 to 1."""

BEYOND = 1.0
"""Turns that end at most this long after the recording are cut [s], because people round times and
press keys late. Our choice; later turns belong to another recording or have another unit."""

NOTICED = 0.1
"""Turns that end at most this long after the recording get no note [s], because its last
descriptors may end that long before the sound. Turns that overlap by less count as consecutive."""

FEW, MOST = 0.005, 0.995
"""A note appears if turns cover less or more of the recording: almost none or all of it."""

ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Encodings by the first bytes of their files, longer ones first."""

DOCUMENTS = {".eaf": "elan", ".textgrid": "praat"}
"""Readers of documents by the ending of their names."""

TIER = "turns"
"""Name of the tier with the subject's turns, if there are several tiers."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOTHING = {"inf", "n/a", "na", "nan", "nil", "none", "null"}
_SECONDS = re.compile(r"(?i)(?<![a-z])(ss?[.,]m+s*(ec)?|[tx][ _]?m(in|ax))(?![a-z])")
"""Names that only look like another unit: ELAN's ``ss.msec`` are seconds, Praat's ``xmin`` is a
start."""
_OTHER_UNIT = re.compile(
    r"(?i)(?<![a-z])((milli|micro)s(ec|ek)\w*|[mµu]secs?|frames?|samples?|min|minute[ns]?"
    r"|(start|begin|end|stop|on|off|onset|offset|from|to|until|time|t)?ms)(?![a-z])"
)
_LENGTH = re.compile(
    r"(?i)dur|dauer|l(ä|ae)ng|length|lengte|longueur|longitud|lunghezza|(?<![a-z])len(?![a-z])"
)
_START = re.compile(
    r"(?i)start|begin|onset|from|[xt]_?min|anfang|d[ée]but|inicio|inizio|(?<![a-z])von(?![a-z])"
)
_END = re.compile(r"(?i)end|stop|offset|until|[xt]_?max|(?<![a-z])(bis|fine?)(?![a-z])")


def read_turns(
    path: Path | str, seconds: float | None = None, note: Callable[[str], None] | None = None
) -> np.ndarray:
    """Turns of a recording.

    Parameters
    ----------
    path
        Path of the file.
    seconds
        Length of the recording [s], if known. Turns are cut there.
    note
        Called with notes on what is unusual but may be right.

    Returns
    -------
    float64 array of shape (n, 2): start and end [s], sorted by start, without overlaps; empty for
    an empty file, which means that the subject says nothing.

    Raises
    ------
    InputError
        If the file is not in UTF-8, does not have two columns of seconds, a turn ends before it
        starts, or turns end more than :data:`BEYOND` after the recording; names line and column.
    """
    is_document = Path(path).suffix.lower() in DOCUMENTS
    lines, cells = _of_document(Path(path)) if is_document else _cells(path)
    found = np.array([[float(cell) for cell in row] for row in cells]).reshape(-1, 2)
    wrong = np.flatnonzero((found[:, 1] < found[:, 0]) | (found[:, 0] < 0) | np.isinf(found[:, 1]))
    if len(wrong):
        start, end = found[wrong[0]]
        raise InputError(
            f"{path}, line {lines[wrong[0]]}: found a turn from {start:g} to {end:g} s; "
            "expected a start at 0 or later and an end after the start"
        )
    said: list[str] = []
    turns: list[list[float]] = []
    overlaps = 0
    for start, end in found[np.lexsort(found.T[::-1])]:
        if turns and start <= turns[-1][1]:
            overlaps += start < turns[-1][1] - NOTICED
            turns[-1][1] = max(turns[-1][1], end)
        else:
            turns.append([start, end])
    if overlaps:
        said.append(f"turns that overlap the previous one and were joined: {overlaps}")
    joined = np.array(turns).reshape(-1, 2)
    if seconds is not None and seconds > 0:
        if len(found) and joined[-1, 1] > seconds + BEYOND:
            last = int(found[:, 1].argmax())
            raise InputError(
                f"{path}, line {lines[last]}, column 2: turns end at {found[last, 1]:g} s, the "
                f"recording at {seconds:.1f} s; expected seconds from its start, such as 2.5"
            )
        late = found[:, 1] > seconds + NOTICED
        if late.any():
            said.append(
                f"turns that end up to {found[:, 1].max() - seconds:.2f} s after the recording "
                f"({seconds:.1f} s) and were cut: {late.sum()}"
            )
        joined = np.minimum(joined[joined[:, 0] < seconds], seconds)
        share = float((joined[:, 1] - joined[:, 0]).sum()) / seconds
        if not FEW < share < MOST:
            said.append(f"turns cover {100 * share:.0f} % of the sound")
        elif joined[-1, 1] < seconds / 2:
            said.append(f"turns end at {joined[-1, 1]:g} s, the recording at {seconds:.1f} s")
    if note is not None:
        for words in said:
            note(f"{path}: {words}")
    return joined


def _cells(path: Path | str) -> tuple[list[int], list[list[str]]]:
    """Number and two cells of each line below the header, all of them numbers."""
    text = _text(path)
    first = next(filter(str.strip, text.splitlines()), "")
    # A comma next to another separator is not a separator.
    separator = next((mark for mark in ";\t" if mark in first), ",")
    try:
        rows = [
            (line, [cell.strip().strip("'\"").strip() for cell in cells])
            for line, cells in lines_of(text.splitlines(), separator)
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as a file of turns: {error}") from error
    for line, cells in rows:
        if len(cells) != 2:
            commas = " with decimal points" if separator == "," and len(cells) in (3, 4) else ""
            raise InputError(
                f"{path}, line {line}: found {len(cells)} columns; expected start and end "
                f"[s]{commas}"
            )
    # Names start with a letter; numbers and times in other forms do not.
    if rows and all(
        re.match(r"[^\W\d_]", cell) and cell.lower() not in _NOTHING for cell in rows[0][1]
    ):
        _check_header(path, *rows.pop(0))
    for line, cells in rows:
        for column, cell in enumerate(cells, start=1):
            if not _NUMBER.fullmatch(cell):
                what = repr(cell) if cell else "an empty cell"
                raise InputError(
                    f"{path}, line {line}, column {column}: found {what}; "
                    "expected seconds with a decimal point, such as 61.5"
                )
    return [line for line, _ in rows], [cells for _, cells in rows]


def _of_document(path: Path) -> tuple[list[int], list[list[str]]]:
    """Number of each annotation of the subject's tier, and its start and end [s] as text.

    Raises
    ------
    InputError
        If there are several tiers with annotations, and none is called :data:`TIER`.
    """
    from softaer.readers.tools import elan, praat  # their package is needed for few corpora

    read = elan.segments if DOCUMENTS[path.suffix.lower()] == "elan" else praat.segments
    tiers = {name: some for (name, _), some in read(path).items() if some}
    own = [name for name in tiers if name.strip().casefold() == TIER]
    chosen = own or list(tiers)
    if len(chosen) > 1:
        raise InputError(
            f"{path}: found tiers {list(tiers)}; expected one tier with the subject's turns, or "
            f"one called {TIER!r}"
        )
    rows = [segment[:2] for segment in tiers[chosen[0]]] if chosen else []
    for number, row in enumerate(rows, start=1):
        if "" in row:
            raise InputError(f"{path}: annotation {number} of tier {chosen[0]!r} has no time")
    return list(range(1, len(rows) + 1)), [list(row) for row in rows]


def _text(path: Path | str) -> str:
    """Text of a file in UTF-8, with or without a byte order mark."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file of turns") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; expected a file of turns") from error
    mark = next((mark for mark in ENCODINGS if data.startswith(mark)), None)
    if mark is not None:
        raise InputError(
            f"{path}, line 1, column 1: encoded in {ENCODINGS[mark]}; expected text in UTF-8"
        )
    try:
        text = data.decode("utf-8-sig")
        at = text.find("\0")
        before, what = text[: max(at, 0)], "a byte of value 0, as in UTF-16" if at >= 0 else ""
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        what = f"byte 0x{data[error.start]:02x}, which is not UTF-8, but maybe Latin-1"
    if what:
        line = before.count("\n") + 1
        column = len(re.findall(r"[;,\t]", before.rpartition("\n")[2])) + 1
        raise InputError(
            f"{path}, line {line}, column {column}: found {what}; expected text in UTF-8"
        )
    return text


def _check_header(path: Path | str, line: int, names: list[str]) -> None:
    """Refuse column names for anything other than start and end in seconds."""
    for column, name in enumerate(names, start=1):
        name = unicodedata.normalize("NFC", name)
        unit = _OTHER_UNIT.search(_SECONDS.sub(" ", re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name)))
        other = _END if column == 1 else _START
        own = _START if column == 1 else _END
        if unit or _LENGTH.search(name) or (other.search(name) and not own.search(name)):
            expected = "the start of turns" if column == 1 else "their end"
            raise InputError(
                f"{path}, line {line}, column {column}: found {name!r}; expected {expected} [s]"
            )


def within(time: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Whether times lie within a turn, bounds included; bool array, shape (n,)."""
    last = np.searchsorted(turns[:, 0], time, side="right") - 1
    return (last >= 0) & (time <= turns[np.maximum(last, 0), 1]) if len(turns) else time < -np.inf
