"""Files of feature tables: the columns of CSV, ARFF, Parquet and NPY as arrays of numbers.

The form of a file is found by its content, not by its name. Pickles are refused, because reading
one runs the code inside it. What the columns mean is in :mod:`softaer.readers.features`.
"""

import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.listing import first_few
from softaer.core.sheets import read_lines
from softaer.readers.raters import tidied

WHAT = "feature table"

CELLS_AT_ONCE = 1_000_000
"""Cells of text that are in memory at the same time."""

MISSING = frozenset(["", "nan", "-nan", "-nan(ind)", "na", "n/a", "null", "none", "?"])
"""Cells without a value, in lower case."""

PICKLE = "a pickle, which can run any code when it is read"

REFUSED = {
    b"\x80": PICKLE,
    b"\x1f\x8b": "packed by gzip",
    b"\x89HDF": "HDF5 (or MATLAB 7.3)",
    b"MATLAB": "MATLAB",
}
"""Beginnings of files that are not read."""

ADVICE = "expected CSV, ARFF, Parquet, or NPY (in Python: numpy.save, DataFrame.to_parquet)"


ATTRIBUTE = re.compile(
    r"""@attribute\s+('[^']*'|"[^"]*"|[^\s'"]\S*)\s+(.+)""",
    re.IGNORECASE,
)
"""A line of ARFF's head: name and type of a column."""


class Source(Protocol):
    """A file whose columns are known, and whose rows are still to be read.

    Attributes
    ----------
    path
        Of the file.
    word
        What a row is called in errors.
    names
        Names of the columns; ``f0``, ``f1``, ... if the file has none.
    named
        Whether the file has names.
    text
        Places of columns that are text according to the file's form.
    first_number
        In a text without names, the place of the first number of a line.
    """

    path: Path
    word: str
    names: list[str]
    named: bool
    text: set[int]
    first_number: int | None

    def read(
        self, roles: list[int], features: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns by their places: float64, float32, and the number of each row in the file."""


def open_table(path: Path, limits: Media) -> Source:
    """Open a file in its form, which its first bytes tell.

    Raises
    ------
    InputError
        If the file does not exist, is too large, or is of a form that is not read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: not a regular file; expected a {WHAT}")
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such {WHAT}") from error
    _refuse_large(path, status.st_size, limits)
    if path.suffix.lower() in (".pkl", ".pickle", ".joblib", ".pt", ".pth"):
        raise InputError(f"{path}: {PICKLE}; {ADVICE}")
    for beginning, form in REFUSED.items():
        if head.startswith(beginning):
            raise InputError(f"{path}: {form}; {ADVICE}")
    if head.startswith(b"PAR1"):
        return ParquetTable(path, limits)
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return ArrayTable(path, limits)
    return TextTable(path)


def _refuse_large(path: Path, size: float, limits: Media) -> None:
    if size / 1e9 > limits.max_size:
        raise InputError(
            f"{path}: {size / 1e9:g} GB; expected at most {limits.max_size:g} (media.max_size)"
        )


class TextTable:
    """CSV with any separator, with or without header, or ARFF."""

    word = "line"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text: set[int] = set()
        self.named = True
        self.first_number: int | None = None
        _, line = next(read_lines(path, WHAT, "\x1f", strict=False), (1, [""]))
        first = ",".join(line)
        self.separator, skipped = _separator(first)
        lines = self._lines()
        for _ in range(skipped):
            next(lines)
        if first.lstrip().casefold().startswith(("@relation", "%")):
            self.names = self._attributes(lines)
            self.lines = lines
            return
        start = list(islice(lines, 2))
        if not start:
            raise InputError(f"{path}: empty; expected a {WHAT}")
        if _is_header(start[0][1], start[1][1] if len(start) > 1 else []):
            self.names = [tidied(name).strip("'\"") for name in start.pop(0)[1]]
        else:
            self.named = False
            cells = start[0][1]
            self.names = _unnamed(len(cells))
            self.first_number = next((k for k, cell in enumerate(cells) if _is_value(cell)), None)
            self.text = set(range(self.first_number or 0))
        self.lines = chain(start, lines)

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of the lines that are not empty."""
        is_blank = self.separator == " "
        for line, cells in read_lines(self.path, WHAT, self.separator, blanks=is_blank):
            if is_blank:
                cells = [cell for cell in cells if cell]
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield line, cells

    def _attributes(self, lines: Iterator[tuple[int, list[str]]]) -> list[str]:
        """Names of ARFF's attributes; lines of data follow."""
        names: list[str] = []
        for line, cells in lines:
            text = ",".join(cells).strip()
            if text.casefold().startswith("@data"):
                return names
            if not text.casefold().startswith("@attribute"):
                continue
            said = ATTRIBUTE.match(text)
            if said is None:
                raise InputError(
                    f"{self.path}, line {line}: found {text!r}; expected '@attribute NAME TYPE'"
                )
            if said[2].strip().casefold() not in ("numeric", "real", "integer"):
                self.text.add(len(names))
            names.append(tidied(said[1].strip("'\"")))
        raise InputError(f"{self.path}: no line '@data'; expected one above the rows of ARFF")

    def read(
        self, roles: list[int], features: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        places = roles + features
        pick = itemgetter(*places, places[0])  # one more, so that it always gives a tuple
        width, size = len(self.names), max(1, CELLS_AT_ONCE // len(places))
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        numbered: list[int] = []
        while some := list(islice(self.lines, size)):
            for line, cells in some:
                if len(cells) != width:
                    raise InputError(
                        f"{self.path}, line {line}: found {len(cells)} cells; expected {width}, "
                        f"as in the {'header' if self.named else 'first line'}"
                    )
            lines = [line for line, _ in some]
            numbers = self._numbers([pick(cells)[:-1] for _, cells in some], lines, places, roles)
            own = numbers[:, len(roles) :].astype(np.float32)
            parts.append((numbers[:, : len(roles)], own))
            numbered += lines
        if not parts:
            return np.empty((0, len(roles))), np.empty((0, len(features))), np.empty(0, int)
        return (
            np.concatenate([part for part, _ in parts]),
            np.concatenate([part for _, part in parts]),
            np.array(numbered),
        )

    def _numbers(
        self, rows: list[tuple[str, ...]], lines: list[int], places: list[int], roles: list[int]
    ) -> np.ndarray:
        """Cells as float64; an infinite or unreadable one is an error."""
        try:
            if any("_" in "".join(row) for row in rows):
                raise ValueError  # Python reads 1_0 as 10
            numbers = np.array([list(map(float, row)) for row in rows])
        except ValueError:
            numbers = self._unusual(np.array(rows, dtype=object), lines, places, len(roles))
        refuse_infinite(
            numbers[:, len(roles) :],
            Place(self.path, self.word, np.array(lines)),
            [self.names[place] for place in places[len(roles) :]],
        )
        return numbers

    def _unusual(
        self, cells: np.ndarray, lines: list[int], places: list[int], roles: int
    ) -> np.ndarray:
        """Cells of which some are empty, have a decimal comma, or are times with colons."""
        flat = pd.to_numeric(pd.Series(cells.ravel()), errors="coerce")
        numbers = flat.to_numpy(dtype=np.float64, copy=True).reshape(cells.shape)
        unread = np.argwhere(np.isnan(numbers))
        said = np.array([cells[k, m].strip().strip("'\"") for k, m in unread], dtype=object)
        is_text = np.array([cell.casefold() not in MISSING for cell in said], dtype=bool)
        has_commas = self.separator != "," and any("," in cell for cell in said[is_text])
        if has_commas and not any("." in cell for cell in cells.flat):
            cells = np.array([[c.replace(",", ".") for c in row] for row in cells], object)
            return self._unusual(cells, lines, places, roles)
        for (k, m), cell in zip(unread[is_text], said[is_text], strict=True):
            numbers[k, m] = _seconds_of(cell) if m < roles else np.nan
            if np.isnan(numbers[k, m]):
                name = self.names[places[m]]
                raise InputError(
                    f"{self.path}, line {lines[k]}, column {name!r}: found {cell!r}; expected a "
                    "number (the key 'columns' selects the columns of features)"
                )
        return numbers


def _seconds_of(cell: str) -> float:
    """Seconds of a time with colons, or a quoted number; NaN for other text."""
    if ":" in cell:
        return pd.to_timedelta(cell, errors="coerce").total_seconds()
    return float(pd.to_numeric(cell, errors="coerce"))


def _separator(first: str) -> tuple[str, int]:
    """Separator of a text, and number of lines before its first line, from its first line."""
    if first.casefold().startswith("sep=") and len(first) > 4:
        return first[4], 1
    for sign in ";\t|,":
        if sign in first:
            return sign, 0
    is_arff = first.lstrip().startswith(("@", "%"))
    return (" " if " " in first.strip() and not is_arff else ","), 0


def _is_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a first line has names: more text than the next line, or numbers from 0 upward.

    Examples
    --------
    >>> _is_header(["time", "0", "1"], ["0.0", "0.5", "0.7"])
    True
    >>> _is_header(["", "0", "1", "2"], ["0", "0.5", "0.7", "0.1"])
    True
    >>> _is_header(["'Train_01'", "0.0", ""], ["'Train_01'", "0.1", "0.7"])
    False
    """
    counted = [cell.strip() for cell in first if cell.strip()]
    if len(counted) > 2 and counted == [str(k) for k in range(len(counted))]:
        return True
    texts = [sum(map(_is_text, cells)) for cells in (first, second)]
    return texts[0] > texts[1] if second else texts[0] == len(counted)


def _is_text(cell: str) -> bool:
    return bool(cell.strip()) and not _is_value(cell)


def _is_value(cell: str) -> bool:
    cell = cell.strip().casefold()
    return cell in MISSING - {""} or bool(re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?|[-+]?inf", cell))


def _unnamed(width: int) -> list[str]:
    return [f"f{k}" for k in range(width)]


class ParquetTable:
    """A Parquet table; columns of an index are columns like others."""

    word, named = "row", True

    def __init__(self, path: Path, limits: Media) -> None:
        self.path = path
        self.text: set[int] = set()
        self.first_number: int | None = None
        try:
            self.file = pq.ParquetFile(path)
            meta = self.file.metadata
            groups = [meta.row_group(k) for k in range(meta.num_row_groups)]
            self.names = [tidied(name) for name in self.file.schema_arrow.names]
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as a Parquet table: {error}") from error
        _refuse_large(path, sum(group.total_byte_size for group in groups), limits)

    def read(
        self, roles: list[int], features: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        written = self.file.schema_arrow.names
        try:
            table = self.file.read([written[place] for place in roles + features])
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: cannot be read as a Parquet table: {error}") from error
        rows = np.arange(1, table.num_rows + 1)
        times = np.empty((table.num_rows, len(roles)))
        values = np.empty((table.num_rows, len(features)), dtype=np.float32)
        place = Place(self.path, self.word, rows)
        for out, places in ((times, roles), (values, features)):
            for k, where in enumerate(places):
                numbers = self._numbers(table.column(written[where]), self.names[where])
                if out is values:
                    refuse_infinite(numbers[:, None], place, [self.names[where]])
                out[:, k] = numbers
        return times, values, rows

    def _numbers(self, column: pa.ChunkedArray, name: str) -> np.ndarray:
        kind = column.type
        if pa.types.is_duration(kind):
            return column.to_pandas().dt.total_seconds().to_numpy()
        if pa.types.is_null(kind):
            return np.full(len(column), np.nan)
        numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        if not any(is_such(kind) for is_such in numeric):
            raise InputError(
                f"{self.path}, column {name!r}: found {kind}; expected numbers (the key 'columns' "
                "selects the columns of features)"
            )
        if pa.types.is_boolean(kind):
            column = column.cast(pa.int8())
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


class ArrayTable:
    """An array of shape (T, d) or (T,) in NPY, or alone in NPZ."""

    word, named = "row", False

    def __init__(self, path: Path, limits: Media) -> None:
        self.path = path
        self.text: set[int] = set()
        self.first_number: int | None = None
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    members = packed.infolist()
                names = [member.filename for member in members]
                if len(names) != 1 or not names[0].endswith(".npy"):
                    raise InputError(f"{path}: found {first_few(names)}; expected one array")
                _refuse_large(path, members[0].file_size, limits)
                with np.load(path, allow_pickle=False) as arrays:
                    array = arrays[names[0].removesuffix(".npy")]
            else:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (InputError, MemoryError):
            raise
        except Exception as error:  # of damaged files, numpy, zipfile and zlib raise many kinds
            raise InputError(f"{path}: cannot be read as one array of numbers: {error}") from error
        if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
            raise InputError(
                f"{path}: found an array of {array.dtype} of shape {array.shape}; expected numbers "
                "of shape (rows, features)"
            )
        self.array = array[:, None] if array.ndim == 1 else array
        self.names = _unnamed(self.array.shape[1])

    def read(
        self, roles: list[int], features: list[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = np.arange(1, len(self.array) + 1)
        values = np.asarray(self.array[:, features], dtype=np.float64)
        names = [self.names[place] for place in features]
        refuse_infinite(values, Place(self.path, self.word, rows), names)
        return np.asarray(self.array[:, roles], np.float64), values.astype(np.float32), rows


@dataclass(frozen=True)
class Place:
    """Names a row of a file in errors."""

    path: Path | str
    word: str
    lines: np.ndarray

    def of(self, row: int | np.integer) -> str:
        return f"{self.path}, {self.word} {self.lines[row]}"


def refuse_infinite(values: np.ndarray, place: Place, names: Sequence[str]) -> None:
    """Refuse what is not finite as float32; NaN is a missing value."""
    wrong = np.argwhere(np.abs(values) > np.finfo(np.float32).max)
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"{place.of(row)}, column {names[column]!r}: found {values[row, column]:g}; expected a "
            "finite number within float32, or an empty cell"
        )
