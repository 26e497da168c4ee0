"""The default layout: a table recordings.csv with all paths, and annotations in CSV."""

from pathlib import Path
from typing import TYPE_CHECKING

from softaer.corpus import PATHS, read_rows

if TYPE_CHECKING:
    import pandas as pd

RATERS = True

FORMS = True
"""Files may be of any form, and of one rater each."""


def rows(root: Path) -> list[dict[str, str]]:
    """Rows of ``recordings.csv`` in a folder, with paths below that folder."""
    table = read_rows(Path(root) / "recordings.csv", None).values()
    return [
        {name: str(Path(root) / cell) if name in PATHS else cell for name, cell in row.items()}
        for row in table
    ]


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """See :func:`softaer.readers.delimited.read_annotations`."""
    from softaer.readers.delimited import read_annotations

    return read_annotations(path, dimension)
