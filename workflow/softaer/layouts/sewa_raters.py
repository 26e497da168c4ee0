"""SEWA with its individual raters: German and Hungarian recordings.

Sound and video are in the same places as in the Audio/Visual Emotion Challenges. A rater file,
``<culture>/labels_annos/std/<Part>_<DE|HU>_NN.csv``, has name and time, then for arousal, valence
and liking one column per rater: six for the German recordings, five for the Hungarian ones.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core.errors import InputError
from softaer.core.sheets import read_sheet
from softaer.layouts import _avec
from softaer.layouts._avec import PUBLISHED
from softaer.layouts._delivered import find, require_rows, traces

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PUBLISHED", "RATERS", "read_annotations", "rows"]

RATERS = True


def rows(root: Path) -> list[dict[str, str]]:
    """All recordings; those without a rater file, possibly in test, are not rated."""
    root = Path(root)
    table = _avec.recordings(root, (None, "DE", "HU"))
    named = {path.stem: path for path in root.glob("*/labels_annos/std/*.csv")}
    for row in table:
        row.pop("annotations", None)
        part, *culture, number = row["recording"].split("_")
        # The names of German recordings lack the culture in the first release.
        head = "_".join([part, *(culture or ["DE"])])
        stems = [f"{head}_{int(number):02}", f"{head}_{int(number)}"]
        folders = [path.parent for path in named.values()]
        path = find(dict.fromkeys(sorted(folders)), stems, [".csv"])
        if path is not None:
            row["annotations"] = path
    if not named:
        require_rows([], root, "rater files such as DE/labels_annos/std/Train_DE_01.csv")
    return table


def read_annotations(path: Path, dimension: str | None = None) -> "pd.DataFrame":
    """Traces of all raters of a recording.

    Raises
    ------
    InputError
        If the columns after name and time are not as many for each of the three dimensions.
    """
    sheet = read_sheet(path)
    raters, rest = divmod(sheet.width - 2, len(_avec.DIMENSIONS))
    if rest or raters < 1:
        raise InputError(
            f"{path}: found {sheet.width} columns; expected name, time, and one per rater for each "
            f"of {list(_avec.DIMENSIONS)}"
        )
    return traces(
        sheet.numbers(1),
        [
            (f"rater{k + 1}", name, sheet.numbers(2 + t * raters + k))
            for t, name in enumerate(_avec.DIMENSIONS)
            for k in range(raters)
        ],
    )
