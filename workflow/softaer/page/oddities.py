"""Oddities: the stages' notes on unusual inputs, for all recordings in one table.

Stages that read user files note what is unusual about an input, and use it nevertheless. Extraction
stores these notes in the status of each recording, other stages in tables of notes.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from softaer.core import tables
from softaer.corpus import Recording

COLUMNS = ["recording", "stage", "note"]


def oddities(folder: Path, stages: Sequence[str], recordings: Iterable[Recording]) -> pd.DataFrame:
    """Notes of some stages about some recordings.

    Parameters
    ----------
    folder
        Folder of status tables and notes: ``<stage>/<batch>.parquet`` each.
    stages
        Stages that write them.
    recordings
        Recordings of the corpus table.

    Returns
    -------
    ``recording``, ``stage``, ``note``, in the order of the corpus table.
    """
    recordings = list(recordings)
    parts = [pd.DataFrame(columns=COLUMNS)]
    for stage in stages:
        table = tables.read_batches(Path(folder) / stage, recordings)
        if "notes" in table:
            table = table.rename(columns={"notes": "note"})
        parts.append(table[table["note"].notna()].assign(stage=stage)[COLUMNS])
    place = {recording.recording: k for k, recording in enumerate(recordings)}
    notes = pd.concat(parts, ignore_index=True)
    return notes.sort_values("recording", key=lambda names: names.map(place), kind="stable")
