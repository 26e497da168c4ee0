"""Pairs of frames with a similar E and a different sigma, which show what the uncertainty adds.

Pairs are chosen by a rule, not by hand. The range of E over all labelled frames that show a face is
divided into equal steps. Two frames from the same step and from different recordings form a pair.
The pair with the largest difference in sigma comes first; then its recordings are set aside, and so
on. The picture shows the time of the features, without the annotation delay.
"""

from argparse import BooleanOptionalAction
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.schema import FRAME_PAIRS
from softaer.core.targets import feature_columns, target_names
from softaer.core.tasks import TARGETS
from softaer.corpus import Recording, rated, read_recordings
from softaer.signals.stills import still_of

PAIRS = 3
"""Number of pairs per dimension."""

STEPS = 40
"""Number of steps into which the range of E is divided."""

WIDTH = 320
"""Width to which pictures are reduced [pixel]."""

ROLES = ("agreed", "disputed")


def choose_pairs(frames: pd.DataFrame, pairs: int = PAIRS, steps: int = STEPS) -> pd.DataFrame:
    """Pairs of frames of one dimension.

    Parameters
    ----------
    frames
        ``recording``, ``time`` [s], ``E``, ``sigma``; rows without either are left out.
    pairs
        Maximum number of pairs.
    steps
        Number of steps into which the range of E is divided.

    Returns
    -------
    ``pair`` (from 1), ``agreement`` (``agreed`` or ``disputed``) and the columns of ``frames``; two
    rows per pair.
    """
    known = frames.dropna(subset=["E", "sigma"]).reset_index(drop=True)
    if known.empty:
        return pd.DataFrame(columns=["pair", "agreement", *frames.columns])
    low, high = known["E"].min(), known["E"].max()
    place = (known["E"] - low) / (high - low) if high > low else known["E"] * 0
    known["step"] = np.minimum((place * steps).astype(int), steps - 1)
    by_cell = known.groupby(["step", "recording"])["sigma"]
    ends = known.loc[sorted({*by_cell.idxmin(), *by_cell.idxmax()})]
    rows: list[dict[str, Any]] = []
    used: set[str] = set()
    while len(rows) < 2 * pairs:
        left = ends[~ends["recording"].isin(used)]
        found = [pair for _, step in left.groupby("step") if (pair := _widest(step)) is not None]
        if not found:
            break
        widest = max(found, key=lambda pair: pair[1]["sigma"] - pair[0]["sigma"])
        used |= {row["recording"] for row in widest}
        for role, row in zip(ROLES, widest, strict=True):
            rows.append({"pair": len(rows) // 2 + 1, "agreement": role, **row.drop("step")})
    return pd.DataFrame(rows, columns=["pair", "agreement", *frames.columns])


def _widest(frames: pd.DataFrame) -> tuple[pd.Series, pd.Series] | None:
    """The two frames of different recordings whose sigma differs most; None for one recording."""
    lowest, highest = frames.loc[frames["sigma"].idxmin()], frames.loc[frames["sigma"].idxmax()]
    candidates = []
    for fixed, other in ((lowest, "idxmax"), (highest, "idxmin")):
        rest = frames[frames["recording"] != fixed["recording"]]
        if len(rest):
            pair = [fixed, rest.loc[getattr(rest["sigma"], other)()]]
            low, high = sorted(pair, key=lambda row: row["sigma"])
            candidates.append((low, high))
    if not candidates:
        return None
    return max(candidates, key=lambda pair: pair[1]["sigma"] - pair[0]["sigma"])


def read_frames(dataset: Path, recordings: Sequence[Recording], dimension: str) -> pd.DataFrame:
    """Labelled frames of a dimension that have features: ``recording``, ``time``, E and sigma.

    Parameters
    ----------
    dataset
        Datasets of one modality, ``<batch>.parquet`` each.
    recordings
        Requested recordings.
    dimension
        Requested dimension.
    """
    names = tables.columns(Path(dataset) / f"{recordings[0].batch}.parquet")
    feature = feature_columns(names)[0]
    targets = target_names([dimension])
    rows = tables.read_batches(dataset, recordings, ["recording", "time", *targets, feature])
    rows = rows[rows[feature].notna()].drop(columns=feature).reset_index(drop=True)
    return rows.rename(columns=dict(zip(targets, TARGETS, strict=True)))


def picture(recording: Recording, time: float, limits: Media) -> bytes | None:
    """A frame of a recording as a small JPEG; None if it cannot be decoded."""
    try:
        return still_of(recording, time, WIDTH, limits)
    except InputError as error:
        print(f"no picture: {error}")
        return None


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of one modality")
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--pictures", action=BooleanOptionalAction, default=False)
    cli.add_settings(arguments, Media)
    cli.add_output(arguments)
    options = arguments.parse_args()

    limits = cli.settings(options, Media)
    recordings = rated(read_recordings(options.recordings))
    by_name = {r.recording: r for r in recordings}
    with tables.writer(options.output, FRAME_PAIRS) as sink:
        for dimension in options.dimensions:
            rows = choose_pairs(read_frames(options.dataset, recordings, dimension))
            rows["picture"] = [
                picture(by_name[row.recording], row.time, limits)
                if options.pictures and by_name[row.recording].video
                else None
                for row in rows.itertuples()
            ]
            sink.append(rows.assign(dimension=dimension))


if __name__ == "__main__":
    cli.run(main)
