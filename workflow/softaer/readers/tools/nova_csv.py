"""CSV export of a continuous tier of NOVA: ``start;score;confidence`` without a header, one tier.

Three columns of numbers may be something else, so the form has to be named: ``ratings: format:
nova_csv``.
"""

import pandas as pd

from softaer.core.errors import InputError
from softaer.core.sheets import is_number
from softaer.readers.cells import Head, as_numbers, numbered_lines
from softaer.readers.traces import Request, Traces, require_increasing, table_of

AMBIGUOUS = "three columns of numbers without a header, as NOVA exports them"
"""Why the form has to be named."""


def recognises(head: Head) -> bool:
    """Whether the first lines have three numbers with semicolons."""
    rows = [line.split(";") for line in head.lines[:20]]
    return bool(rows) and all(len(row) == 3 and all(map(is_number, row)) for row in rows)


def read(request: Request) -> Traces:
    """The trace of a file.

    Raises
    ------
    InputError
        If a row is not three numbers, a confidence is not from 0 to 1, or times do not increase;
        names the line.
    """
    rows = {}
    for line, cells in numbered_lines(request.path, ";"):
        if len(cells) != 3:
            raise InputError(
                f"{request.path}, line {line}: found {len(cells)} cells; expected "
                "'start;score;confidence'"
            )
        rows[line] = cells
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["start", "score", "confidence"])
    time = as_numbers(table["start"], request.path, "start")
    require_increasing(time, request.path)
    value = as_numbers(table["score"], request.path, "score", missing=True)
    sure = as_numbers(table["confidence"], request.path, "confidence", missing=True)
    wrong = sure.index[(sure < 0) | (sure > 1)]
    if len(wrong):
        raise InputError(
            f"{request.path}, line {wrong[0]}, column 'confidence': found {sure[wrong[0]]:g}; "
            "expected 0 to 1 (is this NOVA's export?)"
        )
    return Traces(table_of(time, value))
