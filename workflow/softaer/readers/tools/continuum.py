"""Continuum: one rater, one dimension; lines ``# key: value``, then index, time and value.

The columns are ``sample_index,media_time_s,value``. A key ``rater`` or ``dimension`` is used where
the file has one.
"""

from softaer.core.errors import InputError
from softaer.readers.cells import Head, numbered_lines, read_cells
from softaer.readers.raters import plain
from softaer.readers.traces import Request, Traces, require_increasing, require_rows, table_of

COLUMNS = ["sample_index", "media_time_s", "value"]

RATERS, DIMENSIONS = ("rater", "annotator", "participant"), ("dimension",)
"""Keys that name them."""


def recognises(head: Head) -> bool:
    """Whether the first line that is no remark has Continuum's columns."""
    rest = [line for line in head.lines if not line.lstrip().startswith("#")]
    return bool(rest) and [cell.strip().strip('"') for cell in rest[0].split(",")] == COLUMNS


def read(request: Request) -> Traces:
    """The trace of a file.

    Raises
    ------
    InputError
        If a row is not an index, a time and a value, or times do not increase; names the line.
    """
    keys: dict[str, str] = {}
    above = 0
    for line, cells in numbered_lines(request.path, ","):
        text = ",".join(cells).lstrip()
        if not text.startswith("#"):
            break
        key, _, value = text.lstrip("# ").partition(":")
        if plain(key) in keys:
            raise InputError(
                f"{request.path}, line {line}: {key.strip()!r} again; expected one file (two were "
                "joined?)"
            )
        keys[plain(key)] = value.strip()
        above += 1
    table = read_cells(request.path, ",", skip=above)
    if not require_rows(table, request):
        return Traces(table_of([], []))
    time = table.numbers("media_time_s")
    require_increasing(time, table.path)
    value = table.numbers("value", missing=True)
    rater = next((keys[key] for key in RATERS if keys.get(key)), None)
    dimension = next((keys[key] for key in DIMENSIONS if keys.get(key)), None)
    named = None if dimension is None else request.dimension_named(dimension)
    return Traces(table_of(time, value, rater, named))
