"""Scores that others have published, to be shown beside those of a run and apart from them."""

from pathlib import Path

import pandas as pd

from softaer.core.errors import InputError

COLUMNS = ("source", "corpus", "dimension", "target", "modality", "task", "partition", "ccc")


def read_published(path: Path) -> pd.DataFrame:
    """Read a table of published scores.

    Parameters
    ----------
    path
        CSV with the columns :data:`COLUMNS`: where a score was published and on what corpus, and
        what it is a score of.

    Raises
    ------
    InputError
        If it cannot be read, a column is missing, or a score is no CCC.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(
            f"{path}: found columns {list(table.columns)}, without {missing}; "
            f"expected {list(COLUMNS)}"
        )
    table = table[list(COLUMNS)]
    scores = pd.to_numeric(table["ccc"], errors="coerce")
    wrong = table.index[~scores.between(-1, 1)]
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong[0] + 2}, column 'ccc': found {table.loc[wrong[0], 'ccc']!r}; "
            "expected a number between -1 and 1"
        )
    return table.assign(ccc=scores)
