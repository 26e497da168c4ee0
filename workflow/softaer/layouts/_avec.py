"""The SEWA corpus as the Audio/Visual Emotion Challenges of 2017 to 2019 delivered it.

One folder with ``audio``, ``video``, ``labels`` and ``turns``. The name of a file contains
partition, culture (from 2018 on) and number: ``Train_01``, ``Devel_DE_03``, ``Test_HU_7``. Each
subject is in one recording. Labels are a gold standard, one trace per dimension, without raters.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core.errors import InputError
from softaer.core.sheets import read_sheet
from softaer.layouts._delivered import AUDIO, PARTITION_OF, VIDEO, find, require_rows, row, traces

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = ("arousal", "valence", "liking")
"""Columns of a label file after name and time, if it has no header."""

GOLD = "gold"
"""Rater name for a gold standard."""

PUBLISHED = "han2017"
"""Published scores on SEWA, see :mod:`softaer.layouts`."""

NAME = re.compile(r"(Train|Devel|Test)(?:_([A-Z]{2}))?_(\d+)")


def recordings(root: Path, cultures: tuple[str | None, ...]) -> list[dict[str, str]]:
    """Rows of all recordings with sound or video, partition by partition.

    Parameters
    ----------
    root
        Folder of the corpus; sound and video are in it, or in one folder per culture.
    cultures
        Cultures of the release; ``None`` if names have none.
    """
    root = Path(root)
    found: dict[tuple[str, str, int], set[Path]] = {}
    for folder in ("audio", "video"):
        for path in [*root.glob(f"{folder}/*"), *root.glob(f"*/{folder}/*")]:
            name = NAME.fullmatch(path.stem)
            if name and name[2] in cultures and path.suffix.lower() in AUDIO + VIDEO:
                # Other files of a recording are next to its folder, or below the root.
                key = (name[1], name[2] or "", int(name[3]))
                found.setdefault(key, set()).add(path.parent.parent)
    table = []
    order = ["Train", "Devel", "Test"]
    for part, culture, number in sorted(found, key=lambda n: (order.index(n[0]), *n[1:])):
        head = "_".join(filter(None, [part, culture]))
        stems = [f"{head}_{number:02}", f"{head}_{number}"]
        homes = sorted(
            found[part, culture, number] | {root} | ({root / culture} if culture else set())
        )
        table.append(
            row(
                recording=stems[0],
                subject=stems[0],
                partition=PARTITION_OF[part.lower()],
                audio=find([home / "audio" for home in homes], stems, AUDIO),
                video=find([home / "video" for home in homes], stems, VIDEO),
                annotations=find([home / "labels" for home in homes], stems, [".csv"]),
                turns=find([home / "turns" for home in homes], stems, [".csv"]),
            )
        )
    return require_rows(
        table, root, "files such as audio/Train_01.wav and video/Train_01.avi (AVEC's names)"
    )


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """Gold standard of a recording: name, time [s] and the dimensions, with or without a header.

    Raises
    ------
    InputError
        If there are fewer columns than that, or a cell is not a number.
    """
    sheet = read_sheet(path)
    names = [name.lower() for name in sheet.header] if sheet.header is not None else None
    if names is None:
        names = ["name", "time", *DIMENSIONS][: sheet.width]
    names = ["time" if name == "timestamp" else name for name in names]
    dimensions = [name for name in names if name not in ("name", "time", "")]
    if "time" not in names or not dimensions or len(names) != sheet.width:
        raise InputError(
            f"{path}, line 1: found columns {sheet.header or sheet.width}; "
            f"expected name, time and {list(DIMENSIONS)}"
        )
    time = sheet.numbers(names.index("time"))
    return traces(time, [(GOLD, d, sheet.numbers(names.index(d))) for d in dimensions])
