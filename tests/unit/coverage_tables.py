"""Tables of coverage: which recordings have features of which modality."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from softaer.core import tables
from softaer.core.grid import RATE
from softaer.core.schema import COVERAGE

FRAMES = 20
"""Labelled frames of every recording."""


def write(
    folder: Path,
    recordings: Iterable[str],
    modalities: Iterable[str] = ("audio", "video"),
    without: Mapping[str, Mapping[str, str]] | None = None,
    present: Mapping[str, Mapping[str, int]] | None = None,
) -> list[Path]:
    """Write a table per modality, named as it is, and give their paths.

    ``without`` says for a modality which recordings have no features of it, and why; ``present`` in
    how many frames they have. All others have features in all of their frames.
    """
    recordings, paths = list(recordings), []
    for modality in modalities:
        absent = (without or {}).get(modality, {})
        found = dict.fromkeys(recordings, FRAMES) | dict.fromkeys(absent, 0)
        found |= (present or {}).get(modality, {})
        gaps = {r: [n / RATE, FRAMES / RATE] if n < FRAMES else [] for r, n in found.items()}
        rows = [(r, FRAMES, found[r], gaps[r], absent.get(r)) for r in recordings]
        paths.append(Path(folder) / f"{modality}.parquet")
        tables.write(pd.DataFrame(rows, columns=COVERAGE.names), COVERAGE, paths[-1])
    return paths
