"""Which files beside the media are ratings of them, and of which: by name, folder and header."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from softaer.errors import InputError
from softaer.ratings import read_annotations

HEAD = 65_536
"""Bytes of a file that are read to see what it is."""

MOST_RATERS = 50
"""A wide file with more columns is rather a table of features. Ours."""

DIMENSIONS = frozenset(
    {
        *("activation", "activity", "anticipation", "arousal", "dominance", "engagement"),
        *("expectancy", "intensity", "liking", "power", "trustworthiness", "valence"),
    }
)
"""What is rated. A wide file has raters in its columns, not these."""

_FEATURES = (
    ("OpenFace", re.compile(r"face_id|success|(gaze|pose|eye_lmk)_\w+|au\d\d_[cr]")),
    ("openSMILE", re.compile(r"frametime|.*_sma(3|_.*|\[.*|3.*)?|pcm_.*|f0.*|mfcc.*")),
)


def why_no_ratings(path: Path) -> str | None:
    """Why a CSV file does not count as ratings; ``None`` if it does.

    It counts if :func:`softaer.ratings.read_annotations` reads its first lines, and its columns are
    not those of features, or of dimensions where raters are expected.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    whole = len(head) < HEAD
    if not whole:
        head = head[: head.rfind(b"\n") + 1]
        if not head:
            return f"its first line has more than {HEAD} bytes"
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        return "it is empty"
    first = head.decode("utf-8-sig", errors="replace").lstrip().partition("\n")[0]
    separator = max(";,\t", key=first.count)
    columns = [cell.strip(" \r\"'").lower() for cell in first.split(separator)]
    for tool, names in _FEATURES:
        if any(map(names.fullmatch, columns)):
            return f"it has columns of {tool}"
    if len(columns) == 2 and re.match("start|begin|onset|from", columns[0]):
        return "it has turns (start and end)"
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "head.csv"
        part.write_bytes(head)
        try:
            table = read_annotations(part, "any")
        except InputError as error:
            if "time" not in columns:
                more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
                return f"no column 'time'; its first line: {', '.join(columns[:4])}{more}"[:200]
            return str(error).removeprefix(str(part)).lstrip(",: ")[:200]
    if whole and table.empty:
        return "it has a header alone"
    raters = set(columns) - {"time"}
    if "rater" not in columns and len(raters) > MOST_RATERS:
        return f"it has {len(raters)} columns beside 'time', too many for raters"
    if raters and raters <= DIMENSIONS:
        return (
            f"its columns are dimensions ({', '.join(sorted(raters))}), not raters; "
            "expected a file for each, or columns time, rater, dimension, value"
        )
    return None


def assign(
    sheets: Sequence[Path], recordings: Mapping[str, Sequence[Path]]
) -> tuple[dict[str, list[Path]], list[Path]]:
    """Whose each of some files of one name are.

    Parameters
    ----------
    sheets
        Files, below the corpus's folder, whose name is that of the recordings' media.
    recordings
        Media files of each recording of that name, below the folder.

    Returns
    -------
    own, doubtful
        Files of each recording: of several in different folders, the one that has most folders in
        common with it. Files for which these are several.
    """
    own: dict[str, list[Path]] = {name: [] for name in recordings}
    doubtful = []
    folders = {
        name: {part for path in paths for part in path.parent.parts}
        for name, paths in recordings.items()
    }
    for sheet in sheets:
        common = {name: len(own_ & set(sheet.parent.parts)) for name, own_ in folders.items()}
        best = [name for name, count in common.items() if count == max(common.values())]
        # Two files of one name side by side may be one recording, to be settled by a person.
        if len({tuple(sorted(p.parent for p in recordings[name])) for name in best}) > 1:
            doubtful.append(sheet)
            continue
        for name in best:
            own[name].append(sheet)
    return own, doubtful


def annotations_cell(sheets: Sequence[Path]) -> str | None:
    """Cell of the corpus table for the rating files of one recording; ``None`` if it is not clear.

    Files in folders that differ in one name are of one dimension each.

    Examples
    --------
    >>> annotations_cell([Path("r/arousal/p1.csv"), Path("r/valence/p1.csv")])
    'r/{dimension}/p1.csv'
    """
    if len(sheets) < 2:
        return str(sheets[0]) if sheets else None
    parts = [sheet.parts for sheet in sheets]
    if len({len(part) for part in parts}) > 1:
        return None
    differing = [
        place for place, names in enumerate(zip(*parts, strict=True)) if len(set(names)) > 1
    ]
    if len(differing) != 1 or differing[0] == len(parts[0]) - 1:
        return None
    pattern = list(parts[0])
    pattern[differing[0]] = "{dimension}"
    return str(Path(*pattern))
