"""The folder that docs/first-study.md begins with: videos, and the files of four raters' tools."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

DIMENSIONS = ("arousal", "valence")


def build(corpus: Path, folder: Path, rated: int, new: int = 2) -> None:
    """Make it from a simulated corpus.

    Parameters
    ----------
    corpus
        Folder of a simulated corpus, with ``media`` and ``annotations``.
    folder
        Gets ``videos/P01_talk.mp4`` and so on, ``ratings/<rater>/P01_talk_<dimension>.csv``, and
        further videos in ``../new``, from P13 on.
    rated, new
        Number of videos with ratings, and of those without.
    """
    videos = sorted((corpus / "media").glob("*.mp4"))
    for number, video in enumerate(videos[:rated], start=1):
        name = f"P{number:02d}_talk"
        _copy(video, folder / "videos" / f"{name}.mp4")
        ratings = pd.read_csv(corpus / "annotations" / f"{video.stem}.csv")
        write_ratings(ratings, folder / "ratings", name)
    for number, video in enumerate(videos[rated:][:new], start=13):
        _copy(video, folder.parent / "new" / f"P{number}_talk.mp4")


def _copy(source: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, path)


def write_ratings(ratings: pd.DataFrame, folder: Path, name: str) -> None:
    """Write the files of each rater, one per dimension, as that rater's tool does.

    Parameters
    ----------
    ratings
        ``rater``, ``dimension``, ``time`` [s], ``value`` of a recording.
    folder
        Gets ``<rater>/<name>_<dimension>.csv``, with the raters of :data:`TOOLS` in turn.
    name
        Of the recording.
    """
    tools = zip(sorted(set(ratings["rater"])), TOOLS.items(), strict=False)
    for own, (rater, write) in tools:
        for dimension in DIMENSIONS:
            rows = ratings[(ratings["rater"] == own) & (ratings["dimension"] == dimension)]
            path = folder / rater / f"{name}_{dimension}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            time, value = rows["time"].to_numpy(), rows["value"].to_numpy().clip(-1, 1)
            path.write_text("".join(f"{line}\n" for line in write(name, time, value)))


def _carma(name: str, time: np.ndarray, value: np.ndarray) -> Sequence[str]:
    """A rating four times a second, from -100 to 100, which the file declares."""
    at = np.arange(time[0], time[-1], 0.25)
    return [
        *("Time of Rating,2026-11-02 10:11:12", f"Multimedia File,{name}.mp4"),
        *("Lower Label,low", "Upper Label,high", "Minimum Value,-100", "Maximum Value,100"),
        *("Number of Steps,9", "Second,Rating", "%%%%%%,%%%%%%"),
        *(f"{t:.2f},{v:.1f}" for t, v in zip(at, 100 * np.interp(at, time, value), strict=True)),
    ]


def _continuum(name: str, time: np.ndarray, value: np.ndarray) -> Sequence[str]:
    """Ten samples a second, from -1 to 1."""
    at = np.arange(time[0], time[-1], 0.1)
    rows = enumerate(zip(at, np.interp(at, time, value), strict=True))
    return [
        *(f"# media: {name}.mp4", "sample_index,media_time_s,value"),
        *(f"{k},{t:.3f},{v:.4f}" for k, (t, v) in rows),
    ]


def _spreadsheet(_: str, time: np.ndarray, value: np.ndarray) -> Sequence[str]:
    """Percent, with semicolons and decimal commas."""
    rows = [f"{t:.2f};{50 + 50 * v:.1f}" for t, v in zip(time, value, strict=True)]
    return ["time;value", *(row.replace(".", ",") for row in rows)]


def _pagan(name: str, time: np.ndarray, value: np.ndarray) -> Sequence[str]:
    """A row per change, in milliseconds."""
    steps = np.round(value, 1)
    changed = np.flatnonzero(np.r_[True, np.diff(steps) != 0])
    head = "OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value"
    rows = [(int(1000 * time[k]), steps[k]) for k in changed]
    return [head, *(f"{name}.mp4,study,david,s1,{t},{t},{v:.1f}" for t, v in rows)]


TOOLS = {"anna": _carma, "ben": _continuum, "carla": _spreadsheet, "david": _pagan}
"""What each rater's tool writes."""
