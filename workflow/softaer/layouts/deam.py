"""DEAM: songs with the traces of their individual raters.

The audio is in ``MEMD_audio/<song>.mp3``. ``annotations/annotations per each rater/dynamic (per
second annotations)/<dimension>/<song>.csv`` has a row per rater and two values a second from 15 s
on, -1 to 1. There are no partitions: songs are distributed 60 : 20 : 20 by their number.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.layouts._delivered import AUDIO, find, require_rows, row

if TYPE_CHECKING:
    import pandas as pd

RATERS = True

DYNAMIC = "dynamic (per second annotations)"
"""Name of the folder with a folder of files for each dimension."""

SHARES = (("train", 0.6), ("dev", 0.8), ("test", 1.0))
"""Partitions, and the share of songs up to the end of each."""


def rows(root: Path) -> list[dict[str, str]]:
    """Songs with sound, in the order of their numbers; each is a subject of its own."""
    root = Path(root)
    audio = next((path for path in (root / "MEMD_audio", root / "audio") if path.is_dir()), root)
    rated = _rated(root)
    names = sorted(
        {path.stem for path in audio.glob("*") if path.suffix.lower() in AUDIO},
        key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name),
    )
    table = [
        row(
            recording=name,
            subject=name,
            partition=partition_of(name),
            audio=find([audio], [name], AUDIO),
            annotations=str(rated / "{dimension}" / f"{name}.csv")
            if rated is not None and any(rated.glob(f"*/{name}.csv"))
            else None,
        )
        for name in names
    ]
    return require_rows(table, root, "MEMD_audio/2.mp3")


def partition_of(song: str) -> str:
    """Partition of a song, by a hash of its name: it is the same whichever songs are there.

    Examples
    --------
    >>> [partition_of(str(song)) for song in (3, 4, 5, 16, 24)]
    ['train', 'train', 'test', 'dev', 'dev']
    """
    share = int(hashlib.sha256(song.encode()).hexdigest()[:8], 16) / 2**32
    return next(name for name, end in SHARES if share < end)


def _rated(root: Path) -> Path | None:
    """The folder with the raters' files, of which averages have another form."""
    found = [path for path in sorted(root.rglob(DYNAMIC)) if "per each rater" in str(path)]
    return found[0] if found else None


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """See :mod:`softaer.readers.tools.deam`."""
    from softaer.readers.forms import read
    from softaer.readers.traces import Request

    _, found = read(Request(Path(path), dimension=dimension, note=lambda words: None), "deam")
    return found.table
