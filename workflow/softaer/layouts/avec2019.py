"""SEWA as in AVEC 2019: German and Hungarian recordings in all partitions, Chinese ones in test."""

from pathlib import Path

from softaer.layouts import _avec
from softaer.layouts._avec import PUBLISHED, read_annotations

__all__ = ["PUBLISHED", "RATERS", "read_annotations", "rows"]

RATERS = False


def rows(root: Path) -> list[dict[str, str]]:
    """Recordings below a folder with ``audio``, ``video`` and ``labels``."""
    return _avec.recordings(root, ("DE", "HU", "CN"))
