"""What the layouts of delivered corpora share: finding files, and reading sheets whose separators
and headers vary.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from softaer.errors import InputError

AUDIO = (".wav", ".flac", ".m4a", ".mp3")
VIDEO = (".avi", ".mp4", ".mkv", ".mov", ".webm")

SEPARATORS = ";,\t"

PARTITION_OF = {
    "train": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "test": "test",
}
"""Partitions by what releases call them, in lower case."""


@dataclass(frozen=True)
class Sheet:
    """Cells of a file as text.

    Attributes
    ----------
    path
        Of the file.
    header
        Names of the columns, without blanks at their ends; ``None`` if there is none.
    lines
        Number and cells of each further line, all of the same length.
    """

    path: Path
    header: list[str] | None
    lines: list[tuple[int, list[str]]]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.header) if self.header is not None else len(self.lines[0][1])

    def numbers(self, place: int) -> list[float]:
        """A column as numbers; an empty cell is NaN.

        Raises
        ------
        InputError
            Naming line and column of the first cell that is none.
        """
        values = []
        for line, cells in self.lines:
            try:
                values.append(float(cells[place] or "nan"))
            except ValueError:
                raise InputError(
                    f"{self.path}, line {line}, column {place + 1}: found {cells[place]!r}; "
                    "expected a number"
                ) from None
        return values


def read_sheet(path: Path) -> Sheet:
    """Read a file with ``;``, ``,`` or tabulators between its cells, with or without a header.

    Raises
    ------
    InputError
        If it is not there, not such a file, or its lines differ in length.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such annotation file") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    # Some releases quote names with ', which must not be taken for a quote within a cell.
    reader = csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True)
    rows = [
        (reader.line_num, [cell.strip().strip("'\"") for cell in row])
        for row in reader
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise InputError(f"{path}: empty; expected annotations")
    # Raters may be named by numbers. A header starts with a name, and has fewer numbers than the
    # line below it.
    numbers = [sum(map(_is_number, cells)) for _, cells in rows[:2]]
    titled = numbers[0] < numbers[1] if len(numbers) > 1 else numbers[0] == 0
    titled = titled and not _is_number(rows[0][1][0])
    header = rows.pop(0)[1] if titled else None
    if not rows:
        raise InputError(f"{path}: a header alone; expected annotations below it")
    width = len(header) if header is not None else len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise InputError(f"{path}, line {line}: found {len(cells)} cells; expected {width}")
    return Sheet(Path(path), header, rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def traces(time: Sequence[float], values: Iterable[tuple[str, str, Sequence[float]]]):
    """Traces one under the other, without frames in which a rater says nothing.

    Parameters
    ----------
    time
        Common to all [s].
    values
        Rater, dimension and values of each trace.

    Returns
    -------
    Table as ``read_annotations`` of a layout gives it.
    """
    import pandas as pd

    table = pd.concat(
        [
            pd.DataFrame({"time": time, "rater": rater, "dimension": dimension, "value": value})
            for rater, dimension, value in values
        ],
        ignore_index=True,
    )
    return table.dropna(subset=["value"]).reset_index(drop=True)


def find(folders: Iterable[Path], stems: Iterable[str], endings: Iterable[str]) -> str | None:
    """The first file that there is of some folders, names and endings."""
    stems, endings = list(stems), list(endings)
    for folder in folders:
        for stem in stems:
            for ending in endings:
                path = folder / f"{stem}{ending}"
                if path.is_file():
                    return str(path)
    return None


def rated(folder: Path, name: str) -> str | None:
    """Pattern of a recording's rater files, one for each dimension's folder, if there are any."""
    if any(folder.glob(f"*/{name}.csv")):
        return str(folder / "{dimension}" / f"{name}.csv")
    return None


def row(**cells: str | None) -> dict[str, str]:
    """A row of the corpus table, without its empty cells."""
    return {name: cell for name, cell in cells.items() if cell}


def require_rows(rows: list[dict[str, str]], root: Path, expected: str) -> list[dict[str, str]]:
    """The rows, if there are any.

    Raises
    ------
    InputError
        Saying what was looked for, and which folders were found.
    """
    if not Path(root).is_dir():
        raise InputError(f"config key 'corpus.root': no folder {root}; expected the corpus")
    if not rows:
        found = sorted(path.name for path in Path(root).iterdir() if path.is_dir())
        raise InputError(f"{root}: no recordings; expected {expected}, found folders {found}")
    return rows
