"""Tables of softaer: ``time`` and a column per rater, or ``time,rater,dimension,value``.

UTF-8 with commas and decimal points, see :mod:`softaer.readers.delimited`.
"""

from softaer.readers.cells import Head
from softaer.readers.delimited import LONG, read_annotations
from softaer.readers.raters import tidied
from softaer.readers.tools.long import is_long
from softaer.readers.tools.spreadsheet import is_spreadsheet
from softaer.readers.traces import Request, Traces


def recognises(head: Head) -> bool:
    """Whether the first line has a column ``time`` between commas, as these tables do."""
    first = head.text.partition("\n")[0]
    names = [tidied(name).strip('"') for name in first.split(",")]
    if "time" not in names or len(names) < 2 or is_spreadsheet(head):
        return False
    return sorted(names) == sorted(LONG) or not is_long(head)


def read(request: Request) -> Traces:
    """See :func:`softaer.readers.delimited.read_annotations`.

    A wide file of one rater has one column, whatever its name, if ``{rater}`` is in the path.
    """
    table = read_annotations(request.path, request.dimension)
    return Traces(table[LONG])
