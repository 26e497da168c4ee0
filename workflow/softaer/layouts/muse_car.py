"""MuSe-CaR with the rater files of the MuSe-Toolbox.

``metadata/partition.csv`` (``id,partition``) lists recordings and partitions; sound and video are
in ``audio`` and ``video``, one file per recording. A rater file,
``<folder>/<dimension>/<id>.csv``, has a time column and one column per rater, named by a number.
"""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core.errors import InputError
from softaer.core.sheets import SEPARATORS, read_sheet
from softaer.layouts._delivered import (
    AUDIO,
    PARTITION_OF,
    VIDEO,
    find,
    rated,
    require_rows,
    row,
    traces,
)

if TYPE_CHECKING:
    import pandas as pd

RATERS = True

TIMES = ("time", "timestamp")

MOST_RATERS = 30
"""Files with more numbered columns are features."""

LONGEST_STEP = 10.0
"""If the median distance of raters' samples exceeds this, times are in milliseconds [s]."""


def rows(root: Path) -> list[dict[str, str]]:
    """Recordings listed in ``metadata/partition.csv``."""
    root = Path(root)
    listed = root / "metadata" / "partition.csv"
    if not listed.is_file():
        require_rows([], root, "metadata/partition.csv (columns id, partition)")
    sheet = read_sheet(listed)
    names = [name.lower() for name in sheet.header or []]
    if not {"id", "partition"} <= set(names):
        raise InputError(f"{listed}, line 1: found {sheet.header}; expected 'id,partition'")
    folder = _rater_folder(root)
    table = []
    for line, cells in sheet.lines:
        name, partition = cells[names.index("id")], cells[names.index("partition")].lower()
        if partition not in PARTITION_OF:
            raise InputError(
                f"{listed}, line {line}: found partition {partition!r}; "
                f"expected one of {list(PARTITION_OF)}"
            )
        table.append(
            row(
                recording=name,
                subject=name,
                partition=PARTITION_OF[partition],
                audio=find([root / "audio", root], [name], AUDIO),
                video=(video := find([root / "video", root], [name], VIDEO)),
                # The films have cuts, after which the speaker is somewhere else.
                face="largest" if video else None,
                annotations=rated(folder, name) if folder else None,
            )
        )
    return require_rows(table, root, "recordings in metadata/partition.csv")


def _rater_folder(root: Path) -> Path | None:
    """The folder with one folder of rater files per dimension, recognised by a first line."""
    for pattern in ("*/*.csv", "*/*/*.csv"):
        for path in sorted(root.glob(pattern)):
            with open(path, encoding="utf-8-sig", errors="replace") as file:
                line = file.readline()
            separator = max(SEPARATORS, key=line.count)
            header = [cell.strip().strip("'\"") for cell in line.split(separator)]
            # Features have a time column as well, and names or very many numbers.
            few = 1 < len(header) <= 1 + MOST_RATERS
            if header[0].lower() in TIMES and few and all(n.isdigit() for n in header[1:]):
                return path.parent.parent
    return None


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """Traces of all raters for one dimension; times in milliseconds become seconds.

    Raises
    ------
    InputError
        If the first column is not a time, or none is named by a number.
    """
    sheet = read_sheet(path)
    header = sheet.header or []
    raters = [place for place, name in enumerate(header) if name.isdigit()]
    if not header or header[0].lower() not in TIMES or not raters:
        raise InputError(
            f"{path}, line 1: found {header or 'numbers'}; expected a column of {list(TIMES)} "
            "and one per rater, named by a number"
        )
    time = sheet.numbers(0)
    steps = sorted(b - a for a, b in pairwise(time))
    if steps and steps[len(steps) // 2] >= LONGEST_STEP:
        time = [t / 1000 for t in time]
    return traces(time, [(header[place], dimension, sheet.numbers(place)) for place in raters])
