"""Praat (Boersma): intervals of a TextGrid, long, short or binary, which pympi-ling reads.

An interval tier has ratings if a word of its name is a dimension (``arousal_anna``); its labels are
numbers, and empty intervals have no rating. The rest of the name is the rater.
"""

import codecs
from pathlib import Path

from softaer.core.errors import InputError
from softaer.readers.cells import HEAD, MARKS, Head, read_bytes
from softaer.readers.tools.elan import Segment, imported, of_tiers
from softaer.readers.traces import Request, Traces

FIRST = ("ooTextFile", "ooBinaryFile")


def recognises(head: Head) -> bool:
    """Whether the file starts as Praat's do and has a TextGrid."""
    start = head.data[:200].replace(b"\0", b"")
    return b"TextGrid" in start and any(word.encode() in start for word in FIRST)


def read(request: Request) -> Traces:
    """Segments of the interval tiers that are named after dimensions.

    Raises
    ------
    InputError
        If the file is not a TextGrid, no tier is named after a dimension, or a label is not a
        number; names tier and time.
    """
    return of_tiers(segments(request.path), request)


def segments(path: Path) -> dict[tuple[str, str], list[Segment]]:
    """Intervals of the tiers of a TextGrid that have a label, by the tier's name and ``""``."""
    pympi = imported()
    data = read_bytes(path, HEAD)
    codec = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        grid = pympi.TextGrid(str(path), codec=codecs.lookup(codec).name)
        return {
            (tier.name, ""): [
                (f"{start:.12g}", f"{end:.12g}", label)
                for start, end, label in tier.get_intervals()
                if label.strip()
            ]
            for tier in grid.get_tiers()
            if tier.tier_type == "IntervalTier"
        }
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {data[: error.start].count(10) + 1}: not text in UTF-8; "
            "expected a TextGrid in UTF-8 or UTF-16"
        ) from error
    except Exception as error:  # pympi raises plain ones
        raise InputError(
            f"{path}: cannot be read as a TextGrid ({type(error).__name__}: {error}); "
            "expected one that Praat opens and saves"
        ) from error
