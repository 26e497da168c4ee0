"""Shared parts of the layouts of delivered corpora: finding files, and tables of traces."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

AUDIO = (".wav", ".flac", ".m4a", ".mp3")
VIDEO = (".avi", ".mp4", ".mkv", ".mov", ".webm")

PARTITION_OF = {
    "train": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "test": "test",
}
"""Partitions by their names in releases, in lower case."""


def traces(
    time: Sequence[float], values: Iterable[tuple[str, str | None, Sequence[float]]]
) -> "pd.DataFrame":
    """Stacked traces, without frames in which a rater has no value.

    Parameters
    ----------
    time
        Common to all [s].
    values
        Rater, dimension and values of each trace.

    Returns
    -------
    Table in the form of a layout's ``read_annotations``.
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
    """The first existing file among folders, names and extensions, in either case."""
    stems, endings = list(stems), list(endings)
    for folder in folders:
        for stem in stems:
            for ending in endings:
                for spelled in (ending, ending.upper()):
                    path = folder / f"{stem}{spelled}"
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
        If there are none; states what was expected, and which folders were found.
    """
    if not Path(root).is_dir():
        raise InputError(f"config key 'corpus.root': no folder {root}; expected the corpus")
    if not rows:
        found = sorted(path.name for path in Path(root).iterdir() if path.is_dir())
        raise InputError(f"{root}: no recordings; expected {expected}, found folders {found}")
    return rows
