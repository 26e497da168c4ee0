"""Cells of text files from tools and spreadsheets: encodings, separators, decimal commas, percent.

Everything that is guessed is certain from the file itself: the encoding from its byte order mark
(or the zero bytes of UTF-16), the separator from its first lines or a line ``sep=``, a decimal
comma from cells that have one and no point.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.sheets import lines_of
from softaer.readers.raters import tidied

HEAD = 65_536
"""Bytes of a file that are read to find its form."""

LARGEST = 1_000_000_000
"""Larger files are refused [bytes]: no file of ratings is so large."""

MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
"""Byte order marks and encodings."""

SEPARATORS = ";\t,|"
"""Separators, in the order in which they are tried."""

SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
"""First line that tells a spreadsheet the separator."""

NOTHING = frozenset(["", "nan", "-nan", "-nan(ind)", "na", "n/a", "#n/a", "null", "none"])
"""Cells without a value, in lower case."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Content of a file, or its first bytes.

    Raises
    ------
    InputError
        If it does not exist, is not a file, or is too large.
    """
    try:
        with open(path, "rb") as file:
            if most is not None:
                return file.read(most)
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such annotation file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise InputError(f"{path}: more than {LARGEST / 1e9:g} GB; expected a file of ratings")
    return data


def decoded(data: bytes, path: Path | str, whole: bool = True) -> str:
    """Text of a file in UTF-8, UTF-16 or UTF-32.

    Parameters
    ----------
    data
        Content of the file.
    path
        Names the file in errors.
    whole
        Whether the data are the whole file; if not, an incomplete last character is dropped.

    Raises
    ------
    InputError
        Names the line with the first byte that is not text in the file's encoding.
    """
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None:
        zeros = data[:512].count(0)
        if 4 * zeros > len(data[:512]) and zeros:
            encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        else:
            encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(data) - 4:
            return data[: error.start].decode(encoding, errors="ignore")
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not {encoding.upper()}, "
            "perhaps Latin-1; expected text in UTF-8 (save the file as 'CSV UTF-8')"
        ) from None


@dataclass(frozen=True)
class Head:
    """The beginning of a file, by which readers recognise their form.

    Attributes
    ----------
    path
        Of the file.
    data
        Its first :data:`HEAD` bytes.
    """

    path: Path
    data: bytes

    @classmethod
    def of(cls, path: Path) -> "Head":
        """The beginning of a file."""
        return cls(Path(path), read_bytes(path, HEAD))

    @cached_property
    def text(self) -> str:
        """Text of the complete first lines; empty if it is not text."""
        try:
            text = decoded(self.data, self.path, whole=len(self.data) < HEAD)
        except InputError:
            return ""
        if len(self.data) >= HEAD:
            text = text[: text.rfind("\n") + 1]
        return text.lstrip("\ufeff")

    @cached_property
    def lines(self) -> list[str]:
        """The first lines that are not empty, without their ends and the line ``sep=``."""
        lines = [line for line in self.text.splitlines()[:200] if line.strip()]
        return lines[1:] if lines and SEPARATOR_LINE.fullmatch(lines[0].strip()) else lines

    @cached_property
    def separator(self) -> str:
        """Separator between cells."""
        return separator_of(self.text)

    @cached_property
    def header(self) -> list[str]:
        """Cells of the first line, without blanks and quotes."""
        return self.cells(0)

    @cached_property
    def names(self) -> list[str]:
        """The same in lower case."""
        return [name.casefold() for name in self.header]

    def cells(self, line: int) -> list[str]:
        """Cells of a line that is not empty, by its number from 0; none if there is no such."""
        if line >= len(self.lines):
            return []
        try:
            ((_, cells),) = lines_of([self.lines[line]], self.separator)
        except (ValueError, csv.Error):
            return []
        return [tidied(cell) for cell in cells]


def separator_of(text: str) -> str:
    """Separator of the cells of a text, from its line ``sep=`` or its first lines.

    A comma is the separator unless another sign is more frequent, so that decimal commas between
    semicolons do not count.

    Examples
    --------
    >>> separator_of("time;r1;r2\\n0,0;0,5;0,1\\n"), separator_of("time,a\\n0,1\\n")
    (';', ',')
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines()[:20] if line.strip()]
    if not lines:
        return ","
    said = SEPARATOR_LINE.fullmatch(lines[0].strip(" \r\n"))
    if said:
        return said[1]
    for sign in SEPARATORS:
        if sign != "," and all(sign in line for line in lines[-3:] + lines[:1]):
            return sign
    return ","


@dataclass
class Cells:
    """Rows of a text file, with the number of their lines.

    Attributes
    ----------
    path
        Of the file.
    header
        Names of the columns, without blanks at their ends.
    table
        The cells as text, indexed by the number of their line; columns by their place.
    comma
        Whether numbers have a decimal comma.
    """

    path: Path
    header: list[str]
    table: pd.DataFrame
    comma: bool = False
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = [name.casefold() for name in self.header]

    def __len__(self) -> int:
        return len(self.table)

    def place(self, name: str) -> int:
        """Place of a column, by its name in any case.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if name.casefold() not in self.names:
            raise InputError(f"{self.path}: found columns {self.header}; expected {name!r}")
        return self.names.index(name.casefold())

    def text(self, column: str | int) -> pd.Series:
        """A column as text, without blanks at the ends of cells."""
        place = column if isinstance(column, int) else self.place(column)
        return self.table[place].map(tidied)

    def numbers(self, column: str | int, missing: bool = False) -> pd.Series:
        """A column as numbers (float64).

        Parameters
        ----------
        column
            Its name or place.
        missing
            Whether cells may be empty or NaN; otherwise that is an error.

        Raises
        ------
        InputError
            Names line and column of the first cell that is not a finite number.
        """
        place = column if isinstance(column, int) else self.place(column)
        found = self.table[place]
        name = self.header[place] if place < len(self.header) else ""
        return as_numbers(found, self.path, name or str(place + 1), self.comma, missing)


def as_numbers(
    found: pd.Series, path: Path, name: str, comma: bool = False, missing: bool = False
) -> pd.Series:
    """Text as numbers (float64), see :meth:`Cells.numbers`.

    A percent sign is dropped: ``45 %`` is 45. ``1_0`` and ``0x1`` are not numbers.
    """
    text = found.str.strip().str.removesuffix("%").str.strip()
    if comma:
        text = text.str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
    bad = ~np.isfinite(numbers) | ~text.map(lambda cell: bool(_NUMBER.fullmatch(cell)))
    if missing:
        bad &= ~found.str.strip().str.casefold().isin(NOTHING)
    wrong = found.index[bad]
    if len(wrong):
        cell = found[wrong[0]]
        raise InputError(
            f"{path}, line {wrong[0]}, column {name!r}: "
            f"found {repr(cell) if cell else 'an empty cell'}; expected a number"
        )
    return numbers


def numbered_lines(path: Path, separator: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a text file that is not empty.

    Parameters
    ----------
    path
        Of the file.
    separator
        Between cells; ``None``: found.

    Raises
    ------
    InputError
        If the file does not exist, is empty, or is not text.
    """
    text = decoded(read_bytes(path), path).lstrip("\ufeff")
    if not text.strip():
        raise InputError(f"{path}: empty; expected ratings")
    separator = separator or separator_of(text)
    first = True
    try:
        for line, cells in lines_of(io.StringIO(text, newline=""), separator, strict=True):
            if first and SEPARATOR_LINE.fullmatch(separator.join(cells).strip()):
                first = False
                continue
            first = False
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield line, cells
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error


def read_cells(
    path: Path,
    separator: str | None = None,
    header: Sequence[str] | None = None,
    skip: int = 0,
) -> Cells:
    """Cells of a file with a header.

    Parameters
    ----------
    path
        Of the file.
    separator
        Between cells; ``None``: found.
    header
        Names of the columns of a file without a header.
    skip
        Number of lines above the header that are left out.

    Raises
    ------
    InputError
        If the file is not such text, or a line has not as many cells as the header; names the line.
        A second header in the middle of a file, as where two files are joined, is one as well.
    """
    source = numbered_lines(path, separator)
    for _ in range(skip):
        next(source, None)
    if header is None:
        _, cells = next(source, (0, []))
        header = [tidied(cell) for cell in cells]
    rows, lines = [], []
    for line, cells in source:
        if len(cells) == len(header) + 1 and not cells[-1].strip():
            cells = cells[:-1]  # a separator at the end of each line
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: found {len(cells)} cells; expected {len(header)}"
            )
        if [tidied(cell) for cell in cells] == list(header):
            raise InputError(
                f"{path}, line {line}: the header again; expected one file (two were joined?)"
            )
        rows.append(cells)
        lines.append(line)
    table = pd.DataFrame(rows, index=lines, columns=range(len(header)), dtype=str)
    return Cells(Path(path), list(header), table, has_commas(table))


def has_commas(table: pd.DataFrame) -> bool:
    """Whether the cells of a table have decimal commas: some do, and none has a point."""
    some = table.head(2000).to_numpy(dtype=object).ravel()
    comma = any(_COMMA.fullmatch(cell) for cell in some)
    return comma and not any("." in cell and _NUMBER.fullmatch(cell) for cell in some)


_COMMA = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*%?\s*", re.ASCII)
