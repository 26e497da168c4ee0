"""SEWA as in AVEC 2017: 64 German recordings.

``Train_01`` to ``Test_16``, with a gold standard.
"""

from pathlib import Path

from softaer.layouts import _avec
from softaer.layouts._avec import PUBLISHED, read_annotations

__all__ = ["PUBLISHED", "RATERS", "read_annotations", "rows"]

RATERS = False


def rows(root: Path) -> list[dict[str, str]]:
    """Recordings below a folder with ``audio``, ``video``, ``labels`` and ``turns``."""
    return _avec.recordings(root, (None,))
