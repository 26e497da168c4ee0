"""What `check` says of ratings and turns: raters, rates, agreement, and what is odd in them."""

from collections.abc import Callable, Iterable
from glob import escape, glob

import numpy as np
import pandas as pd

from softaer.agreement import krippendorff_alpha, pairwise_correlation
from softaer.corpus import Recording
from softaer.errors import InputError
from softaer.ratings import ratings_on_grid
from softaer.turns import read_turns

BEYOND = 1.0
"""Ratings that end so long after the recording are told [s]."""

LEAST_COVERAGE = 0.5
"""Recordings of whose length the ratings cover less are told."""


def look_at_ratings(
    recording: Recording, layout, dimensions: list[str], seconds: float, problem: Callable
) -> tuple[list[dict], dict[str, pd.DataFrame]]:
    """What the raters of a recording said.

    Returns
    -------
    rows, frames
        For each dimension ``raters``, ``rate`` [Hz], ``coverage`` of the recording, ``r``
        (pairwise) and ``alpha``; and the ratings on the grid, one column per rater.
    """
    rows, frames = [], {}
    name = recording.recording
    for dimension in dimensions:
        try:
            path = recording.annotations.replace("{dimension}", dimension)
            raw = layout.read_annotations(
                path, dimension if path != recording.annotations or len(dimensions) == 1 else None
            )
            grid = ratings_on_grid(raw, [dimension], where=f"recording {name!r} ({path})")
        except InputError as error:
            problem(str(error))
            continue
        own = raw[raw["dimension"] == dimension]
        steps = own.groupby("rater")["time"].diff()
        step = steps[steps > 0].median()
        wide = grid.pivot_table(index="time", columns="rater", values="value")
        values = wide.to_numpy().T
        covered = len(wide) / 10 / seconds if seconds > 0 else np.nan
        if covered < LEAST_COVERAGE:
            problem(
                f"recording {name!r}: ratings of {dimension!r} cover {100 * covered:.0f} % of "
                f"{seconds:.1f} s"
            )
        if own["time"].max() > seconds + BEYOND:
            problem(
                f"recording {name!r}: ratings of {dimension!r} end at {own['time'].max():.1f} s, "
                f"the recording at {seconds:.1f} s"
            )
        rows.append(
            {
                "recording": name,
                "dimension": dimension,
                "raters": len(values),
                "rate": 1 / step if step > 0 else np.nan,
                "coverage": min(covered, 1.0),
                "r": pairwise_correlation(values),
                "alpha": krippendorff_alpha(values),
            }
        )
        frames[dimension] = wide
    return rows, frames


def dimensions_of(recordings: Iterable[Recording], layout) -> list[str]:
    """Dimensions that the first rated recording has whose annotations can be read."""
    for recording in recordings:
        head, there, tail = (recording.annotations or "").partition("{dimension}")
        if there:
            found = glob(f"{escape(head)}*{escape(tail)}")
            names = sorted(path[len(head) : len(path) - len(tail)] for path in found)
        elif recording.annotations is not None:
            try:
                names = sorted(set(layout.read_annotations(recording.annotations)["dimension"]))
            except InputError:
                continue  # told where the recording is looked at, if dimensions are known
        else:
            continue
        if names:
            return names
    return []


def look_at_turns(recordings: Iterable[Recording], problem: Callable[[str], None]) -> None:
    """Read the turns that the table names."""
    for recording in recordings:
        if recording.turns is not None:
            try:
                read_turns(recording.turns)
            except InputError as error:
                problem(f"recording {recording.recording!r}: {error}")
