"""Sheets: delimited text files with varying separators and headers, from people and tools."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from softaer.core.errors import InputError

SEPARATORS = ";,\t"


@dataclass(frozen=True)
class Sheet:
    """Cells of a file as text.

    Attributes
    ----------
    path
        Path of the file.
    header
        Names of the columns, without blanks at their ends; ``None`` if there is no header.
    lines
        Number and cells of each other line, all of the same length.
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
            Names line and column of the first cell that is not a number.
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


def lines_of(
    text: Iterable[str], separator: str = ",", strict: bool = False, blanks: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Cells of lines of CSV.

    Parameters
    ----------
    text
        Lines with their line ends; these may be absent if no cell spans several lines.
    separator
        Separator between cells.
    strict
        Whether a misplaced quote is an error.
    blanks
        Whether blanks at the start of a cell belong to it.

    Yields
    ------
    Number of the (last) line, from 1, and cells; no cells for an empty line.

    Raises
    ------
    csv.Error
        If the text is not CSV.
    """
    reader = csv.reader(text, delimiter=separator, strict=strict, skipinitialspace=not blanks)
    for cells in reader:
        yield reader.line_num, cells


def read_lines(
    path: Path | str,
    what: str,
    separator: str | Callable[[str], str] = ",",
    strict: bool = True,
    blanks: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Cells of a CSV file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path
        Of the file.
    what
        What it is, for errors.
    separator
        Separator between cells, or a function that finds it in the first line.
    strict, blanks
        See :func:`lines_of`.

    Yields
    ------
    As :func:`lines_of`.

    Raises
    ------
    InputError
        If the file does not exist or is not such a file.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            if callable(separator):
                separator = separator(file.readline())
                file.seek(0)
            yield from lines_of(file, separator, strict, blanks)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such {what}") from error
    except (csv.Error, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error


def read_sheet(path: Path, what: str = "annotation file") -> Sheet:
    """Read a file with ``;``, ``,`` or tabs between its cells, with or without a header.

    Parameters
    ----------
    path
        Of the file.
    what
        What it is, for errors.

    Raises
    ------
    InputError
        If the file does not exist, is not such a file, or has lines of different lengths.
    """
    # Some releases quote names with ', which is not a quote within a cell.
    rows = [
        (line, [cell.strip().strip("'\"") for cell in cells])
        for line, cells in read_lines(path, what, _usual_separator, strict=False)
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise InputError(f"{path}: empty; expected an {what}")
    # Raters may be named by numbers. A header starts with a name and has fewer numbers than the
    # next line.
    numbers = [sum(map(is_number, cells)) for _, cells in rows[:2]]
    if len(numbers) > 1:
        # An empty cell may be a missing number.
        numbers[1] += sum(not cell for cell in rows[1][1])
    titled = numbers[0] < numbers[1] if len(numbers) > 1 else numbers[0] == 0
    titled = titled and all(rows[0][1]) and not is_number(rows[0][1][0])
    header = rows.pop(0)[1] if titled else None
    if not rows:
        raise InputError(f"{path}: a header alone; expected lines below it")
    width = len(header) if header is not None else len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise InputError(f"{path}, line {line}: found {len(cells)} cells; expected {width}")
    return Sheet(Path(path), header, rows)


def _usual_separator(line: str) -> str:
    return max(SEPARATORS, key=line.count)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, as Python reads it."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
