"""DARMA (Girard & Wright, 2018): one rater who moved a joystick, two dimensions in one file.

The form is that of CARMA with a ``Magnitude``, the largest value of either axis, and columns
``Second``, a column for each axis named by its label, and ``Button``.
"""

from softaer.core.errors import InputError
from softaer.readers.cells import Head
from softaer.readers.raters import plain
from softaer.readers.tools.carma import number_in, require_within, with_settings
from softaer.readers.traces import (
    Request,
    Traces,
    require_increasing,
    require_rows,
    stacked,
    table_of,
)


def recognises(head: Head) -> bool:
    """Whether a file is from DARMA: it starts as CARMA's does and has a magnitude."""
    first = head.cells(0)
    return (
        bool(first)
        and plain(first[0]) == "timeofrating"
        and any(plain(line.split(",")[0]) == "magnitude" for line in head.lines[:12])
    )


def read(request: Request) -> Traces:
    """The traces of both axes; a dimension is the axis of that label (``ratings.called``).

    Raises
    ------
    InputError
        If a row is not a second, two values and a button, times do not increase, a value is larger
        than the magnitude, or no axis has a requested dimension's name.
    """
    settings, cells = with_settings(request, ["second", "button"])
    if len(cells.header) != 4:
        raise InputError(
            f"{request.path}: found columns {cells.header}; expected 'Second', two axes, 'Button'"
        )
    if not require_rows(cells, request):
        return Traces(table_of([], []))
    time = cells.numbers("Second")
    require_increasing(time, cells.path)
    size = number_in(settings, "magnitude", request)
    span = None if size is None else (-size, size)
    labels = cells.header[1:3]
    parts = []
    ranges: dict[str | None, tuple[float, float]] = {}
    for place, label in enumerate(labels, start=1):
        value = cells.numbers(place, missing=True)
        require_within(value, span, cells.path, label)
        dimension = request.dimension_named(label)
        parts.append(table_of(time, value, dimension=dimension))
        if span is not None:
            ranges[dimension] = span
    asked = request.dimensions
    if asked and not set(asked) & {request.dimension_named(label) for label in labels}:
        raise InputError(
            f"{request.path}: found axes {labels}; expected one of {list(asked)} "
            f"(or 'ratings: called: {{{asked[0]}: {labels[0]}}}')"
        )
    return Traces(stacked(parts), ranges=ranges)
