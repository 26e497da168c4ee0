"""RECOLA, in its original release or as AVEC 2015 and 2016 delivered it.

AVEC: ``recordings_audio/train_1.wav``, ``recordings_video/train_1.mp4``, and the raters' traces in
``ratings_individual/<dimension>/train_1.csv``. Original: ``RECOLA-Audio-recordings/P16.wav``,
``RECOLA-Video-recordings/P16.mp4``, ``RECOLA-Annotation/emotional_behaviour/<dimension>/P16.csv``;
it has no partitions. Rater files have a header, ``time;FM1 ;FM2 ;...``, and ``;`` between cells.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core.errors import InputError
from softaer.core.sheets import read_sheet
from softaer.layouts._delivered import (
    AUDIO,
    PARTITION_OF,
    VIDEO,
    find,
    rated,
    require_rows,
    row,
    traces,
)

if TYPE_CHECKING:
    import pandas as pd

RATERS = True

AVEC_NAME = re.compile(r"(train|dev|test)_(\d+)")
ORIGINAL_NAME = re.compile(r"P(\d+)")


def rows(root: Path) -> list[dict[str, str]]:
    """Recordings of the release below a folder, either of the two."""
    root = Path(root)
    table = _avec(root) or _original(root)
    return require_rows(
        table, root, "recordings_audio/train_1.wav (AVEC) or RECOLA-Audio-recordings/P16.wav"
    )


def _avec(root: Path) -> list[dict[str, str]]:
    folders = {"audio": root / "recordings_audio", "video": root / "recordings_video"}
    stems = {path.stem for folder in folders.values() for path in folder.glob("*")}
    found = [match for stem in stems if (match := AVEC_NAME.fullmatch(stem))]
    order = ["train", "dev", "test"]
    return [
        row(
            recording=match[0],
            subject=match[0],
            partition=PARTITION_OF[match[1]],
            audio=find([folders["audio"]], [match[0]], AUDIO),
            video=find([folders["video"]], [match[0]], VIDEO),
            annotations=rated(root / "ratings_individual", match[0]),
        )
        for match in sorted(found, key=lambda m: (order.index(m[1]), int(m[2])))
    ]


def _original(root: Path) -> list[dict[str, str]]:
    folders = {
        "audio": root / "RECOLA-Audio-recordings",
        "video": root / "RECOLA-Video-recordings",
    }
    stems = {path.stem for folder in folders.values() for path in folder.glob("*")}
    found = [match for stem in stems if (match := ORIGINAL_NAME.fullmatch(stem))]
    annotations = root / "RECOLA-Annotation" / "emotional_behaviour"
    return [
        row(
            recording=match[0],
            subject=match[0],
            audio=find([folders["audio"]], [match[0]], AUDIO),
            video=find([folders["video"]], [match[0]], VIDEO),
            annotations=rated(annotations, match[0]),
        )
        for match in sorted(found, key=lambda m: int(m[1]))
    ]


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """Traces of all raters for one dimension.

    Raises
    ------
    InputError
        If there is no header with ``time`` first, or a cell is not a number.
    """
    sheet = read_sheet(path)
    if sheet.header is None or sheet.header[0].lower() != "time" or sheet.width < 2:
        raise InputError(
            f"{path}, line 1: found {sheet.header or 'numbers'}; expected 'time;FM1;FM2;...'"
        )
    return traces(
        sheet.numbers(0),
        [
            (rater, dimension, sheet.numbers(place))
            for place, rater in enumerate(sheet.header)
            if place > 0 and rater
        ],
    )
