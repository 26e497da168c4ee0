"""Checks ratings and turns for ``softaer check``: raters, rates, agreement, and what is unusual."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.core.grid import RATE
from softaer.core.patterns import fill, matches, places
from softaer.core.reliability import correlations, krippendorff_alpha, pairwise_correlation
from softaer.corpus import Recording
from softaer.labels import rater_agreement
from softaer.layouts import Layout
from softaer.ratings import BEYOND, HELD, read_files, read_recording
from softaer.readers.raters import (
    MISSING,
    in_other_units,
    mixtures,
    other_scales,
    plain,
    spellings,
    tidied,
    told,
    value_ranges,
)
from softaer.signals.turns import read_turns

LEAST_COVERAGE = 0.5
"""Ratings that cover less than this share of a recording are reported."""

INVERTED, AGREED = -0.5, 0.5
"""A trace is inverted if its correlation with the mean of the others is below the first value and
their mean correlation with each other is above the second. If raters do not agree at all, no trace
is inverted."""

AGAINST, OFTEN = -0.3, 3
"""A rater is reported if the mean correlation with the others is below the first value, over at
least as many recordings as the second."""


def look_at_ratings(
    recording: Recording,
    layout: Layout,
    dimensions: list[str],
    seconds: float,
    problem: Callable,
    reading: Ratings,
    remark: Callable = print,
) -> tuple[list[dict], list[dict], dict[str, pd.DataFrame]]:
    """Ratings of a recording, read as in the stage ``ratings``; reports what is unusual.

    Parameters
    ----------
    recording, layout, dimensions
        Recording, module that reads its annotations, and dimensions to read.
    seconds
        Length of the recording [s]; NaN or 0 if unknown.
    problem
        Called with what is unusual.
    reading
        The section ``ratings`` of the configuration.
    remark
        Called with what was done because the configuration requests it.

    Returns
    -------
    rows
        For each dimension ``raters``, ``rate`` [Hz], ``coverage`` of the recording, ``r``
        (pairwise) and ``alpha``.
    traces
        For each trace ``rater``, ``low`` and ``high`` (without the outermost hundredths),
        ``minimum``, ``maximum``, ``time`` [s], ``r`` with the mean of the others, and whether it is
        ``flat`` or ``inverted``.
    frames
        For each dimension the ratings on the grid, one column per rater.
    """
    rows, traces, frames = [], [], {}
    name = recording.recording
    length = seconds if seconds > 0 else None
    # Scales are checked later, over all recordings.
    look = replace(reading, scales="free")
    for dimension in dimensions:
        said: list[str] = []
        try:
            samples, grid = read_recording(
                name,
                recording.given("annotations"),
                layout,
                [dimension],
                look,
                length,
                said.append,
                alone=len(dimensions) == 1,
            )
        except InputError as error:
            problem(str(error))
            continue
        for note in dict.fromkeys(said):
            if not note.startswith(HELD):
                tell = remark if note.endswith(MISSING) else problem
                tell(f"recording {name!r}: {note}")
        steps = samples.groupby("rater")["time"].diff()
        step = steps[steps > 0].median()
        wide = grid.pivot_table(index="time", columns="rater", values="value")
        values = wide.to_numpy().T
        if reading.scales == "same" and (words := in_other_units(values, dimension)) is not None:
            problem(f"recording {name!r}: {words}")
        covered = len(wide) / RATE / seconds if seconds > 0 else np.nan
        if covered < LEAST_COVERAGE:
            problem(
                f"recording {name!r}: ratings of {dimension!r} cover {100 * covered:.0f} % of "
                f"{seconds:.1f} s"
            )
        if not reading.hold and samples["time"].max() > seconds + BEYOND and seconds > 0:
            problem(
                f"recording {name!r}: ratings of {dimension!r} end at "
                f"{samples['time'].max():.1f} s, the recording at {seconds:.1f} s"
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
        ranges = value_ranges(samples).set_index("rater")
        pairs, _ = correlations(values)
        against = rater_agreement(values)
        for k, (rater, trace) in enumerate(zip(wide.columns, values, strict=True)):
            others = np.delete(np.delete(pairs, k, axis=0), k, axis=1)
            agreed = np.nan_to_num(others).sum() > AGREED * (~np.isnan(others)).sum()
            there = trace[~np.isnan(trace)]
            traces.append(
                {
                    "recording": name,
                    "dimension": dimension,
                    "rater": rater,
                    "low": ranges["low"][rater],
                    "high": ranges["high"][rater],
                    "minimum": there.min(),
                    "maximum": there.max(),
                    "time": len(there) / RATE,
                    "of": len(wide) / RATE,
                    "r": against[k],
                    "flat": np.ptp(there) == 0,
                    "inverted": against[k] < INVERTED and agreed,
                }
            )
        frames[dimension] = wide
    return rows, traces, frames


def raters_of(traces: pd.DataFrame) -> pd.DataFrame:
    """Summary of each rater over the corpus.

    Parameters
    ----------
    traces
        Traces from :func:`look_at_ratings`.

    Returns
    -------
    A row for each dimension and rater: ``recordings``, ``minimum``, ``maximum``, ``share`` of the
    time in which anybody rated, mean ``r`` with the others, and how many traces are ``flat`` or
    ``inverted``.
    """
    table = traces.groupby(["dimension", "rater"], sort=False).agg(
        recordings=("recording", "nunique"),
        minimum=("minimum", "min"),
        maximum=("maximum", "max"),
        share=("time", "sum"),
        r=("r", "mean"),
        flat=("flat", "sum"),
        inverted=("inverted", "sum"),
    )
    rated = traces.drop_duplicates(["recording", "dimension"]).groupby("dimension")["of"].sum()
    table["share"] /= rated.reindex(table.index, level="dimension")
    return table.sort_index().reset_index()


def look_at_raters(
    traces: pd.DataFrame, reading: Ratings, targets: Sequence[str], problem: Callable
) -> None:
    """Report what is unusual about the raters of the whole corpus.

    These are flat and inverted traces, a single rater if sigma is a target, requested raters
    without ratings, names that differ only in case, and ranges that do not belong to one scale:
    within a recording, between raters, and between recordings.
    """
    for names in spellings(traces["rater"].unique()):
        # Within one recording, this is reported when it is read.
        if traces[traces["rater"].isin(names)].groupby("recording")["rater"].nunique().max() == 1:
            problem(
                f"raters {names} of several recordings differ only in case and count as "
                f"{len(names)} people"
            )
    for dimension, own in traces.groupby("dimension", sort=False):
        against = f"are inverted (r below {INVERTED:g} with the others, who agree)"
        for odd, words in (
            (own[own["flat"]], "are flat (constant)"),
            (own[own["inverted"]], against),
        ):
            if len(odd):
                first = odd.iloc[0]
                problem(
                    f"{len(odd)} of {len(own)} traces of {dimension!r} {words}; the first is "
                    f"that of {first['rater']!r} in recording {first['recording']!r}"
                )
        for rater, r in own.groupby("rater", sort=True)["r"]:
            if r.count() >= OFTEN and r.mean() < AGAINST:
                problem(
                    f"rater {rater!r} correlates negatively with the others in {dimension!r}: "
                    f"mean r {r.mean():.2f} over {r.count()} recordings"
                )
        raters = own.groupby("recording", sort=False)["rater"].nunique()
        alone = raters.index[raters == 1]
        if "sigma" in targets and len(alone):
            problem(
                f"{len(alone)} of {len(raters)} recordings have only one rater of {dimension!r} "
                f"and thus no sigma: {told(alone)}"
            )
        for rater in map(tidied, reading.raters or ()):
            rated = (own["rater"] == rater).sum()
            if rated == 0:
                problem(f"rater {rater!r} of ratings.raters has no ratings of {dimension!r}")
    if reading.scales == "free":
        return
    expected = "expected one scale (ratings.scales)"
    for name, own in traces.groupby("recording", sort=False):
        for line in mixtures(own, "rater"):
            problem(f"recording {name!r}: ratings of {line}; {expected}")
    for by in ("rater", "recording"):
        found = mixtures(traces, by)
        for line in found or other_scales(traces, by):
            problem(f"over all recordings: ratings of {line}; {expected}")


def dimensions_of(
    recordings: Iterable[Recording], layout: Layout, reading: Ratings | None = None
) -> list[str]:
    """Dimensions of the first rated recording whose annotations can be read."""
    reading = reading or Ratings()
    for recording in recordings:
        if recording.annotations is None:
            continue
        pattern = fill(recording.annotations, recording=recording.recording)
        if "dimension" in places(pattern):
            names = sorted({match.dimension or "" for match in matches(pattern)})
        else:
            try:
                table, _ = read_files(
                    *(recording.recording, pattern, layout, [], reading), note=lambda words: None
                )
                counts = table["dimension"].value_counts()
                # Of names that differ only in case or blanks, the most frequent one.
                names = sorted({plain(n): n for n in reversed(counts.index)}.values())
            except InputError:
                continue  # reported when the recording is checked, if dimensions are known
        if names:
            return names
    return []


def look_at_turns(
    recordings: Iterable[Recording], seconds: Mapping[str, float], problem: Callable[[str], None]
) -> None:
    """Read the files of turns in the table, and compare them with the length of the sound [s]."""
    for recording in recordings:
        if recording.turns is not None:
            try:
                length = seconds[recording.recording]
                told: list[str] = []
                read_turns(Path(recording.turns), length if length > 0 else None, told.append)
            except InputError as error:
                told = [str(error)]
            for words in told:
                problem(f"recording {recording.recording!r}: {words}")
