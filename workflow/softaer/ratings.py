"""Ratings: the raters' traces, resampled from their irregular times to the common grid.

A trace is interpolated between neighbouring samples that are close enough together. Where a rater
paused, started late or stopped early, the grid points have no value from that rater. Nothing is
extrapolated. The exception are tools that store only changes: there, a value holds until the next
one, and the last one to the end of the recording. Ratings of segments hold within their segment.

Files are of any form that :mod:`softaer.readers.forms` knows, one per recording, dimension or
rater. Their values are mapped to the corpus's scale (:mod:`softaer.readers.scales`).
"""

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer import layouts
from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.core.grid import RATE, grid, interpolate
from softaer.core.patterns import files_of, fill
from softaer.core.schema import NOTES, RATINGS
from softaer.readers.forms import read as read_form
from softaer.readers.raters import (
    UNIT,
    Note,
    counting,
    in_other_units,
    other_spellings,
    refuse_codes,
    refuse_mixed_scales,
    tidied,
    value_ranges,
    without_missing,
)
from softaer.readers.scales import Linear, read_scales, refuse_declared, relative, rescaled
from softaer.readers.traces import Kind, Request

LONGEST = 86_400.0
"""Latest time of a rating [s]: one day; larger times are not relative to the recording's start."""

HELD = "last values are held"
"""Start of a note on how long values are held."""

MOSTLY = 0.75
"""A note appears if less than this share of the time between samples is interpolated."""

BEYOND = 1.0
"""A note appears if ratings end more than this after the recording [s]."""

AGAIN = 0.25
"""A note appears if a rater has two values for more than this share of times or duration."""

MOST_SESSIONS = 9
"""Largest number of backward steps in time for a rater who may have rated twice."""


def trace_on_grid(
    time: np.ndarray,
    value: np.ndarray,
    max_gap: float = Ratings.max_gap,
    hold: bool = False,
    end: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Resample one rater's trace to the grid.

    Parameters
    ----------
    time, value
        Samples in the order of the file, shape (n,). The last of several at the same time is used,
        which is the value of the trace after that time.
    max_gap
        Longest distance between neighbouring samples that is interpolated [s]; unused with
        ``hold``.
    hold
        Hold each sample until the next one, for tools that store only changes; otherwise
        interpolate linearly. NaN is held as well: there is no rating until the next sample.
    end
        Time until which the last sample is held; later samples are left out [s]. ``None``: the last
        sample is not held.

    Returns
    -------
    time, value
        Grid points [s] with a rating, and the values there, shape (m,).
    """
    if len(time) == 0:
        return grid(-1), np.empty(0)
    instants, last = np.unique(time[::-1], return_index=True)
    value = value[::-1][last]
    if not hold:
        at = grid(instants[-1])
        values = interpolate(instants, value, at, max_gap)
    else:
        end = instants[-1] if end is None else end
        at = grid(end)
        until = instants if end <= instants[-1] else np.append(instants, end)
        sample = interpolate(until, np.arange(len(until)), at, np.inf, previous=True)
        held = np.minimum(np.nan_to_num(sample).astype(int), len(value) - 1)
        values = np.where(np.isnan(sample), np.nan, value[held])
    known = ~np.isnan(values)
    return at[known], values[known]


def last_point(length: float) -> float:
    """Last grid point of a recording [s]: 28.0 s have 280 points, from 0 to 27.9 s.

    Half a step is subtracted, because containers include the padding of the encoder.

    Examples
    --------
    >>> last_point(28.0), last_point(28.0065), last_point(32.499)
    (27.9, 27.9, 32.4)
    """
    at = grid(length - 0.5 / RATE)
    return float(at[-1]) if len(at) else -1.0


def ends_of_holding(
    annotations: pd.DataFrame,
    length: float | None = None,
    last_holds: float | None = None,
    note: Note = print,
    where: object = "annotations",
) -> pd.Series:
    """Time until which the last value of each trace is held.

    Parameters
    ----------
    annotations
        ``time``, ``rater``, ``dimension`` of a recording.
    length
        Length of the recording [s]; ``None`` or NaN if unknown. Then values are held at most until
        the last change of any rater.
    last_holds
        Longest time that a last value is held [s], or ``None``.
    note
        Called with notes on how long values are held, and on changes more than :data:`BEYOND` after
        the end of the recording.
    where
        Names the recording in errors.

    Returns
    -------
    Seconds, indexed by dimension and rater.

    Raises
    ------
    InputError
        If more than half of the changes are that late: their times are not seconds, or belong to
        another recording.
    """
    last = annotations.groupby(["dimension", "rater"])["time"].max()
    if len(last) == 0:
        return last
    if length is None or np.isnan(length):
        final = last.max()
        words = (
            f"{final:.1f} s, the last change of any rater, since the recording's length is unknown"
        )
    else:
        final = last_point(length)
        words = f"the end of the recording at {length:.1f} s"
        late = annotations[annotations["time"] > length + BEYOND]
        if len(late) > len(annotations) / 2:
            raise InputError(
                f"{where}: {len(late)} of {len(annotations)} changes are after {words}, the last "
                f"at {late['time'].max():.1f}; expected seconds from its start (not milliseconds "
                "or frames)"
            )
        if len(late):
            note(
                f"{len(late)} changes are after {words}, the last at {late['time'].max():.1f} s; "
                "they are left out"
            )
    ends = (last + (np.inf if last_holds is None else last_holds)).clip(upper=final)
    held = (ends - last).clip(lower=0)
    within = "" if last_holds is None else f", at most {last_holds:g} s"
    note(f"{HELD} to {words}{within}: {held.max():.1f} s at most")
    return ends


def ratings_on_grid(
    annotations: pd.DataFrame,
    dimensions: Sequence[str],
    max_gap: float = Ratings.max_gap,
    hold: bool = False,
    value_range: tuple[float, float] | None = None,
    where: object = "annotations",
    ends: pd.Series | None = None,
    held: Collection[tuple[str, str]] = (),
) -> pd.DataFrame:
    """Resample all traces of a recording to the grid.

    Parameters
    ----------
    annotations
        From :func:`read_annotations`; other dimensions are ignored.
    dimensions
        Requested dimensions.
    max_gap, hold
        See :func:`trace_on_grid`.
    value_range
        Lowest and highest possible rating.
    where
        Names the recording in errors.
    ends
        Time until which the last value of each trace is held [s], from :func:`ends_of_holding`;
        ``None``: it is not held. Traces that are not in it are not held beyond their last value.
    held
        Dimension and rater of traces that are held although others are not.

    Returns
    -------
    Table with ``time``, ``dimension``, ``rater``, ``value``, sorted by dimension, rater and time.

    Raises
    ------
    InputError
        If a dimension has no rating, or none on the grid, if a time is negative or later than
        :data:`LONGEST`, or if a value is outside the range.
    """
    annotated = sorted(annotations["dimension"].unique())
    annotations = annotations[annotations["dimension"].isin(dimensions)]
    if value_range is not None:
        low, high = value_range
        outside = annotations[(annotations["value"] < low) | (annotations["value"] > high)]
        if len(outside):
            first = outside.iloc[0]
            raise InputError(
                f"{where}: rater {first['rater']!r} has {first['value']:g} for "
                f"{first['dimension']!r} at {first['time']:g} s; expected {low:g} to {high:g}"
            )
    if (annotations["time"] < 0).any():
        raise InputError(f"{where}: negative time {annotations['time'].min():g} s")
    if (annotations["time"] > LONGEST).any():
        raise InputError(
            f"{where}: time {annotations['time'].max():g} s; expected seconds from the start of "
            f"the recording, at most {LONGEST:g}"
        )
    traces = []
    for dimension in dimensions:
        rows = annotations[annotations["dimension"] == dimension]
        if rows.empty:
            raise InputError(f"{where}: no ratings of {dimension!r}; found {annotated}")
        on_grid = 0
        for rater, trace in rows.groupby("rater", sort=True):
            time, value = trace_on_grid(
                trace["time"].to_numpy(),
                trace["value"].to_numpy(),
                max_gap,
                hold or (dimension, rater) in held,
                None if ends is None else ends.get((dimension, rater)),
            )
            on_grid += len(time)
            columns = {"time": time, "dimension": dimension, "rater": rater, "value": value}
            traces.append(pd.DataFrame(columns))
        if on_grid == 0:
            all_held = hold or all((dimension, rater) in held for rater in rows["rater"].unique())
            gap = "" if all_held else f", or at most {max_gap:g} s apart"
            raise InputError(
                f"{where}: no rating of {dimension!r} reaches the grid of {1 / RATE:g} s; "
                f"expected samples on it{gap}"
            )
    return pd.concat(traces, ignore_index=True)


def ratings_that_count(
    annotations: pd.DataFrame,
    dimensions: Sequence[str],
    reading: Ratings,
    note: Note = print,
    where: object = "annotations",
    about: "About | None" = None,
) -> pd.DataFrame:
    """Samples of a recording that are ratings, for the requested dimensions and raters.

    Parameters
    ----------
    annotations
        From :func:`read_annotations`.
    dimensions, reading
        Requested dimensions, and settings.
    note
        Called with notes on what was left out or is unusual.
    where
        Names the recording in errors.
    about
        What the files say about the traces; by default, all are sampled.

    Returns
    -------
    Table of the same columns, on the corpus's scale as far as it is known; NaN where a held value
    ends.

    Raises
    ------
    InputError
        If a dimension has no ratings or no raters, values are unlikely to be ratings, or the
        raters' scales differ; see :mod:`softaer.readers.raters`. All values within a given range
        are ratings.
    """
    annotated = sorted(annotations["dimension"].unique())
    for dimension in dimensions:
        if dimension not in annotated:
            raise InputError(f"{where}: no ratings of {dimension!r}; found {annotated}")
    other_spellings(annotations, dimensions, note)
    asked = annotations[annotations["dimension"].isin(dimensions)]
    asked = counting(asked, reading.raters, note, where)
    for dimension in dimensions:
        if not (asked["dimension"] == dimension).any():
            raters = annotations.loc[annotations["dimension"] == dimension, "rater"].unique()
            raise InputError(
                f"{where}: found raters {sorted(raters)} of {dimension!r}; expected some of "
                f"{list(reading.raters or ())} (ratings.raters)"
            )
    _tell_twice(asked, note)
    counted = asked
    about = about or About()
    held = about.held(asked, reading)
    asked = _without_missing(asked, reading, held, note)
    rated = asked.dropna(subset=["value"])["dimension"]
    for dimension in dimensions:
        if not (rated == dimension).any():
            raise InputError(
                f"{where}: all {(counted['dimension'] == dimension).sum()} values of {dimension!r} "
                f"are missing (ratings.missing: {[float(f'{v:g}') for v in reading.missing]}); "
                "expected at least one rating"
            )
    scales = read_scales(reading.scale)
    if reading.scales == "same":
        refuse_declared(about.ranges, asked, scales, where)
    if not scales:
        if reading.range is None:
            refuse_codes(asked, note, where)
        if reading.scales == "same" and asked["value"].abs().max() >= UNIT:
            refuse_mixed_scales(value_ranges(asked), "rater", where)
        return asked
    mapped, known = rescaled(asked, scales, about.ranges, where)
    if reading.range is None and not known.all():
        refuse_codes(mapped[~known], note, where)
    comparable = mapped[~_is_relative(mapped, reading)]
    if reading.scales == "same" and comparable["value"].abs().max() >= UNIT:
        refuse_mixed_scales(value_ranges(comparable), "rater", where)
    return mapped


def _is_relative(samples: pd.DataFrame, reading: Ratings) -> np.ndarray:
    """Samples whose trace is standardised or ranked later, shape (n,)."""
    scales = read_scales(reading.scale)
    found = np.zeros(len(samples), dtype=bool)
    for key, rows in samples.groupby(["dimension", "rater"], sort=False).indices.items():
        scale = scales.of(*key)
        found[rows] = scale is not None and not isinstance(scale, Linear)
    return found


def _without_missing(
    asked: pd.DataFrame, reading: Ratings, held: Collection[tuple[str, str]], note: Note
) -> pd.DataFrame:
    """See :func:`~softaer.readers.raters.without_missing`; some traces may be held, others not."""
    if not reading.missing:
        return asked
    whose = pd.MultiIndex.from_frame(asked[["dimension", "rater"]]).isin(list(held))
    if whose.all() or not whose.any():
        return without_missing(asked, reading.missing, bool(whose.all()), note)
    parts = [
        without_missing(asked[rows], reading.missing, hold, note)
        for rows, hold in ((whose, True), (~whose, False))
    ]
    return pd.concat(parts).sort_index()


@dataclass
class About:
    """What files say about their traces.

    Attributes
    ----------
    forms
        Form of each trace's file, by dimension and rater.
    kinds
        How each trace goes on between its values.
    ranges
        Range of its scale, where the file declares it.
    """

    forms: dict[tuple[str, str], str] = field(default_factory=dict)
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    ranges: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def held(self, samples: pd.DataFrame, reading: Ratings) -> set[tuple[str, str]]:
        """Traces whose values hold: segments, and those that the configuration lists."""
        keys = samples[["dimension", "rater"]].drop_duplicates().itertuples(index=False, name=None)
        return {
            key
            for key in keys
            if self.kinds.get(key) == "segments"
            or reading.holds(self.forms.get(key, "table"), key[1])
        }

    def last_holds(self, key: tuple[str, str]) -> bool:
        """Whether a trace's last value may hold beyond it; that of a segment does not."""
        return self.kinds.get(key) != "segments"

    def require_hold(self, samples: pd.DataFrame, reading: Ratings, where: object) -> None:
        """Refuse changes that the configuration does not mention.

        Raises
        ------
        InputError
            If a form stores only changes, and neither it nor the rater is in
            ``ratings.interpolation``.
        """
        if reading.interpolation == "hold":
            return
        said = {} if isinstance(reading.interpolation, str) else reading.interpolation
        for key in samples[["dimension", "rater"]].drop_duplicates().itertuples(index=False):
            form = self.forms.get(tuple(key), "table")
            if self.kinds.get(tuple(key)) == "changes" and not {form, key[1]} & set(said):
                raise InputError(
                    f"{where}: {form} stores only changes; expected 'ratings: interpolation: hold' "
                    f"or '{{{form}: hold}}'"
                )


def _tell_twice(annotations: pd.DataFrame, note: Note) -> None:
    """Note raters who rated the same time twice: two sessions after or within each other."""
    for (dimension, rater), trace in annotations.groupby(["dimension", "rater"], sort=False):
        time, value = trace["time"].to_numpy(), trace["value"].to_numpy()
        order = np.lexsort((value, time))
        at, low = np.unique(time[order], return_index=True)
        high = np.append(low[1:], len(order)) - 1
        twice = (value[order][low] != value[order][high]).mean() if len(at) > 1 else 0.0
        back = np.flatnonzero(np.diff(time) < 0) + 1
        if 1 <= len(back) <= MOST_SESSIONS:  # more mean that the file is not sorted
            common = sum(np.ptp(run) for run in np.split(time, back)) - np.ptp(time)
            twice = max(twice, common / np.ptp(time) if common > BEYOND else 0.0)
        if twice > AGAIN:
            note(
                f"rater {rater!r} has rated {min(twice, 1):.0%} of the time of {dimension!r} twice "
                "(two sessions?); the last of two values at the same time is used"
            )


def read_recording(
    recording: str,
    path: str,
    layout: layouts.Layout,
    dimensions: Sequence[str],
    reading: Ratings,
    length: float | None = None,
    note: Note = print,
    alone: bool | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of one recording.

    Parameters
    ----------
    recording
        Its name, for errors.
    path
        Annotations; with ``{dimension}`` in the path, one file per dimension.
    layout
        Module that reads the files.
    dimensions, reading
        Requested dimensions, and settings.
    length
        Length of the recording [s], if known; used if values are held.
    note
        Called with notes on what was left out or is unusual.
    alone
        Whether files contain only this dimension; by default, if no other is requested.

    Returns
    -------
    samples, on_grid
        Results of :func:`ratings_that_count` and :func:`ratings_on_grid`.
    """
    annotations, about = read_files(recording, path, layout, dimensions, reading, note, alone=alone)
    where = f"recording {recording!r} ({path})"
    samples = ratings_that_count(annotations, dimensions, reading, note, where, about)
    about.require_hold(samples, reading, where)
    held = about.held(samples, reading)
    ends = None
    if reading.hold:
        seconds = None if reading.last_holds == "end" else reading.last_holds
        last = pd.MultiIndex.from_frame(samples[["dimension", "rater"]])
        to_end = last.isin([key for key in held if about.last_holds(key)])
        ends = ends_of_holding(samples[to_end], length, seconds, note, where)
    table = ratings_on_grid(
        *(samples, dimensions, reading.max_gap),
        value_range=reading.range,
        where=where,
        ends=ends,
        held=held,
    )
    if scales := read_scales(reading.scale):
        samples, table = relative(samples, table, scales, note)
    whose = pd.MultiIndex.from_frame(samples[["dimension", "rater"]]).isin(list(held))
    if not whose.all():
        sampled = pd.MultiIndex.from_frame(table[["dimension", "rater"]]).isin(list(held))
        _tell_pauses(samples[~whose], table[~sampled], reading.max_gap, note)
    if reading.scales == "same" and samples["value"].abs().max() >= UNIT:
        for dimension, rows in table.groupby("dimension", sort=False):
            traces = rows.pivot_table(index="time", columns="rater", values="value")
            if (words := in_other_units(traces.to_numpy().T, dimension)) is not None:
                note(words)
    return samples, table


def read_files(
    recording: str,
    path: str,
    layout: layouts.Layout,
    dimensions: Sequence[str],
    reading: Ratings,
    note: Note = print,
    alone: bool | None = None,
) -> tuple[pd.DataFrame, About]:
    """All files of ratings of a recording.

    Parameters
    ----------
    recording, path, layout, dimensions, reading, note, alone
        See :func:`read_recording`.

    Returns
    -------
    annotations, about
        ``time``, ``rater``, ``dimension``, ``value`` of all files, and what they say about their
        traces.

    Raises
    ------
    InputError
        If a file is missing or invalid, two files are of one rater, or a file is of another
        dimension than its path says.
    """
    about = About()
    only = dimensions[0] if (len(dimensions) == 1 if alone is None else alone) else None
    if not getattr(layout, "FORMS", False):
        if "{dimension}" not in path:
            return layout.read_annotations(Path(path), only), about
        files = {name: path.replace("{dimension}", name) for name in dimensions}
        parts = [layout.read_annotations(Path(file), name) for name, file in files.items()]
        return pd.concat(parts, ignore_index=True), about
    matched = files_of(fill(path, recording=recording), dimensions)
    if not matched:
        raise InputError(f"recording {recording!r}: no annotation file matches {path}")
    parts = []
    file_of: dict[tuple[str, str], str] = {}
    for match in matched:
        request = Request(
            Path(match.path),
            recording,
            tuple(dimensions),
            match.dimension or only,
            None if match.rater is None else tidied(match.rater),
            reading.called or {},
            note,
        )
        form, found = read_form(request, reading.format)
        rows = found.table
        if match.dimension is not None and form != "table" and len(rows):
            rows = rows[rows["dimension"] == match.dimension]
            if rows.empty:
                raise InputError(
                    f"{match.path}: found ratings of {sorted(found.table['dimension'].unique())}; "
                    f"expected {match.dimension!r}, as its path says"
                )
        for key in rows[["dimension", "rater"]].drop_duplicates().itertuples(index=False):
            dimension, rater = key
            other = file_of.setdefault((dimension, rater), match.path)
            if other != match.path and form != "table":
                raise InputError(
                    f"{match.path}: ratings of {dimension!r} by {rater!r}, which {other} has too; "
                    "expected one file"
                )
            about.forms[dimension, rater], about.kinds[dimension, rater] = form, found.kind
            if dimension in found.ranges:
                about.ranges[dimension, rater] = found.ranges[dimension]
        parts.append(rows)
    annotations = pd.concat(parts, ignore_index=True)
    if annotations.empty:
        first = matched[0].path
        more = f" and {len(matched) - 1} more files" if len(matched) > 1 else ""
        what = f" of {dimensions[0]!r}" if dimensions else ""
        raise InputError(f"{first}{more}: no ratings{what}; expected rows below the header")
    return annotations, about


def _tell_pauses(samples: pd.DataFrame, table: pd.DataFrame, max_gap: float, note: Note) -> None:
    """Note if much of the time between samples is not interpolated."""
    # The traces are stacked, and each has one point more than steps.
    traces = 1 + (np.diff(table["time"]) <= 0).sum()
    rated = (len(table) - traces) / RATE
    if rated >= MOSTLY * traces * np.ptp(samples["time"]):
        return
    times = samples.groupby(["dimension", "rater"], sort=False)["time"].agg(["min", "max"])
    spanned = (times["max"] - times["min"]).sum()
    if rated < MOSTLY * spanned:
        note(
            f"{1 - max(rated, 0) / spanned:.0%} of the time between raters' samples is in gaps "
            f"longer than {max_gap:g} s and has no ratings (if the tool stores only changes, set "
            "'ratings: interpolation: hold')"
        )


def parser() -> argparse.ArgumentParser:
    """The command line of the stage."""
    arguments = cli.parser(__doc__)
    cli.add_recordings(arguments, "annotations ({dimension} in the path: one file for each)")
    arguments.add_argument("--layout", default="table", help="of the annotation files")
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--lengths", type=Path, help="table with the recordings' lengths")
    cli.add_settings(arguments, Ratings)
    cli.add_output(arguments)
    arguments.add_argument("--notes-output", type=Path, help="table of what was odd")
    return arguments


def asked(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments of :func:`read`, from those of :func:`parser`."""
    reading = cli.settings(options, Ratings)
    lengths = {}
    if reading.hold and options.lengths is not None:
        known = tables.by_recording(options.lengths)
        lengths = {name: float(rows["seconds"].max()) for name, rows in known}
    return {
        "recordings": options.recordings,
        "layout": layouts.layout(options.layout),
        "dimensions": options.dimensions,
        "reading": reading,
        "lengths": lengths,
    }


def read(
    recordings: Sequence[tuple[str, str]],
    layout: layouts.Layout,
    dimensions: Sequence[str],
    reading: Ratings,
    lengths: Mapping[str, float],
    notes: list[dict] | None = None,
) -> Iterator[pd.DataFrame]:
    """Ratings of each recording on the grid, with the column ``recording``.

    Parameters
    ----------
    recordings
        Name of each, and path of its annotations.
    layout, dimensions, reading
        See :func:`read_recording`.
    lengths
        Lengths of the recordings [s], if known; used if values are held.
    notes
        Rows of :data:`softaer.core.schema.NOTES` are appended to it.

    Raises
    ------
    InputError
        If annotations are wrong, or scales differ between the recordings.
    """
    notes = [] if notes is None else notes
    ranges = []
    for recording, path in recordings:
        own: list[str] = []
        samples, table = read_recording(
            *(recording, path, layout, dimensions, reading),
            length=lengths.get(recording),
            note=own.append,
        )
        notes += [{"recording": recording, "note": note} for note in dict.fromkeys(own)]
        if len(recordings) > 1 and reading.scales == "same":
            ranges.append(value_ranges(samples).assign(recording=recording))
        table.insert(0, "recording", recording)
        yield table
    if ranges:
        where = f"recordings {recordings[0][0]!r} to {recordings[-1][0]!r}"
        for by in ("rater", "recording"):
            refuse_mixed_scales(pd.concat(ranges), by, where)


def main() -> None:
    options = parser().parse_args()
    notes: list[dict] = []
    with tables.writer(options.output, RATINGS) as sink:
        for table in read(**asked(options), notes=notes):
            sink.append(table)
    for row in notes:
        print(f"recording {row['recording']!r}: {row['note']}")
    if options.notes_output is not None:
        tables.write(pd.DataFrame(notes, columns=NOTES.names), NOTES, options.notes_output)


if __name__ == "__main__":
    cli.run(main)
