"""Raters: whose traces count, which of their values are ratings, and whether their scales are one.

Files of ratings hold columns that nobody rated (a frame's number, a mean), codes for what is
missing (-999), and now and then a rater on another scale than the others. What is found here is
left out and told, or refused with what can be done about it; nothing of it becomes a rating
unnoticed.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from softaer.errors import InputError
from softaer.listing import first_few

Note = Callable[[str], None]
"""Tells what was odd and did not stop the work."""

COUNTERS = frozenset([
    "frame", "frames", "framenumber", "frameindex", "frameno", "framenr", "index", "idx", "row",
    "rowindex", "line", "sample", "sampleindex", "sampleid", "segment", "segmentid", "unnamed0",
    "timestamp", "timestamps", "datetime", "frametime", "videotime", "mediatime", "unixtime",
    "elapsedtime", "timecode", "millisecond", "milliseconds", "msec",
])  # fmt: skip
"""Names of columns that number the rows or tell the time, in lower case without other signs."""

MAYBE_COUNTERS = frozenset([
    "i", "id", "n", "no", "nr", "number", "s", "t", "ts", "ms", "sec", "second", "seconds",
    "step", "bin", "x",
])  # fmt: skip
"""The same, where they may be somebody's initials: only if their values increase."""

STATISTICS = frozenset([
    "mean", "average", "avg", "median", "std", "stdev", "stddev", "variance", "gold",
    "goldstandard", "ewe", "consensus", "fused", "groundtruth",
])  # fmt: skip
"""Names of columns that were computed from raters."""

MAYBE_STATISTICS = {
    "max": [np.fmax.reduce],
    "min": [np.fmin.reduce],
    "sum": [partial(np.nansum, axis=0)],
    "sd": [partial(np.nanstd, axis=0), partial(np.nanstd, axis=0, ddof=1)],
    "var": [partial(np.nanvar, axis=0), partial(np.nanvar, axis=0, ddof=1)],
}
"""The same, where they may be somebody's name: only if their values are the others' statistic."""

OF_ROWS, OF_RATERS = "a time or a number of rows", "a statistic of raters"
"""What a column may be that is no rater."""

LEAST_SAMPLES = 20
"""Samples from which on equal steps, or a mean of the others, are no chance."""

EQUAL = 0.005
"""Values that differ by less are equal to rounding, as a share of a trace's range."""

CODES = np.array([sign * code for code in (99.0, 999.0, 9999.0, 99999.0) for sign in (1, -1)])
"""What files say where a value is missing."""

UNIT = 2.0
"""No scale that ends at 1 (-1 to 1, 0 to 1) reaches so far; others (1 to 5, 0 to 100) do."""

GESTURE = 0.4
"""A trace within -1 to 1 that uses so much of it is hardly a small gesture on a wide scale."""

SHARE = 0.01
"""Of a trace's values at either end that do not count for the range that it uses."""


def plain(name: str) -> str:
    """A name in lower case, letters and digits alone."""
    return re.sub(r"[\W_]+", "", name.casefold())


def tidied(name: str) -> str:
    """A name without blanks at its ends, also those that cannot be seen.

    Examples
    --------
    >>> tidied(" r1\\u200b ")
    'r1'
    """
    return name.strip("\u200b\ufeff \t\r\n\xa0").strip()


def other_spellings(annotations: pd.DataFrame, dimensions: Sequence[str], note: Note) -> None:
    """Tell dimensions that are not asked for, but are spelled nearly as one that is.

    Parameters
    ----------
    annotations
        With ``dimension``.
    dimensions
        Those asked for.
    note
        Is told.
    """
    counts = annotations["dimension"].value_counts()
    for name in sorted(set(counts.index) - set(dimensions)):
        for asked in dimensions:
            if plain(name) == plain(asked):
                note(
                    f"{counts[name]} ratings of {name!r} are not used; {asked!r} is asked for "
                    "(names differ in case or blanks)"
                )


def counting(
    annotations: pd.DataFrame,
    raters: Sequence[str] | None = None,
    note: Note = print,
    where: object = "annotations",
) -> pd.DataFrame:
    """Traces of those who count.

    Parameters
    ----------
    annotations
        ``time``, ``rater``, ``dimension``, ``value`` of a recording.
    raters
        Who counts; ``None``: all, without columns that are no rater. That is one whose name is in
        :data:`COUNTERS` or :data:`STATISTICS`, or in one of the lists of names that may be a
        person's as well, if the values agree; unless it is the only one. A column whose values
        alone speak against it, since they go up in equal steps or are the mean of the others,
        stays, and is told.
    note
        Is told what was left out or is odd.
    where
        Names the recording in errors.

    Raises
    ------
    InputError
        If nobody counts.
    """
    found = annotations["rater"].unique()
    if raters is not None:
        if absent := sorted(set(raters) - set(found)):
            note(f"raters {absent} of ratings.raters have rated nothing here")
        if len(absent) == len(raters) and len(annotations):
            raise InputError(
                f"{where}: found raters {sorted(found)}; expected some of {list(raters)} "
                "(ratings.raters)"
            )
        return annotations[annotations["rater"].isin(raters)]
    by_case: dict[str, list[str]] = {}
    for name in sorted(found):
        by_case.setdefault(name.casefold(), []).append(name)
    for names in by_case.values():
        if len(names) > 1:
            note(f"raters {names} differ in case alone; they count as {len(names)} persons")
    left_out = np.zeros(len(annotations), dtype=bool)
    of_dimension: dict[str, dict[str, pd.DataFrame]] = {}
    for (dimension, rater), trace in annotations.groupby(["dimension", "rater"], sort=False):
        of_dimension.setdefault(dimension, {})[rater] = trace
    for dimension, traces in of_dimension.items():
        looks_like = {}
        for rater, trace in traces.items():
            if (reason := _by_name(rater, trace)) is not None:
                looks_like[rater] = reason, "is left out"
        if list(looks_like) == list(traces) and [r for r, _ in looks_like.values()] == [OF_RATERS]:
            looks_like = {}  # a corpus with a gold standard alone
        rest = {rater: trace for rater, trace in traces.items() if rater not in looks_like}
        values = side_by_side(list(rest.values()))
        for place, (rater, trace) in enumerate(rest.items()):
            others = np.delete(values, place, axis=0)
            own = values[place]
            if any(_equals(own, others, f) for f in MAYBE_STATISTICS.get(plain(rater), [])):
                looks_like[rater] = OF_RATERS, "is left out"
            elif _is_mean(own, others):
                looks_like[rater] = "the mean of the other raters", "counts as one all the same"
            elif len(trace) >= LEAST_SAMPLES and _is_even(trace):
                looks_like[rater] = OF_ROWS, "counts as a rater all the same"
        for rater, (reason, what) in looks_like.items():
            if what == "is left out":
                is_rated = annotations["dimension"].eq(dimension) & annotations["rater"].eq(rater)
                left_out |= is_rated.to_numpy()
            note(
                f"column {rater!r} of {dimension!r} looks like {reason} and {what} "
                "(ratings.raters says who counts)"
            )
    if len(annotations) and left_out.all():
        raise InputError(f"{where}: found columns {sorted(found)}; expected at least one rater")
    return annotations[~left_out]


def side_by_side(traces: Sequence[pd.DataFrame]) -> np.ndarray:
    """Values of traces at all times that any of them has, shape (K, n); NaN where one has none."""
    instants = np.unique(np.concatenate([trace["time"].to_numpy() for trace in traces] or [[]]))
    values = np.full((len(traces), len(instants)), np.nan)
    for place, trace in enumerate(traces):
        values[place, np.searchsorted(instants, trace["time"])] = trace["value"]
    return values


def _by_name(name: str, trace: pd.DataFrame) -> str | None:
    """What a trace is if its name says that it is no rater's, and its values do not contradict."""
    word = plain(name)
    if word in COUNTERS or (word in MAYBE_COUNTERS and _increases(trace)):
        return OF_ROWS
    return OF_RATERS if word in STATISTICS else None


def _increases(trace: pd.DataFrame) -> bool:
    value = trace.sort_values("time", kind="stable")["value"].to_numpy()
    return len(value) > 1 and value[-1] > value[0] and bool((value[1:] >= value[:-1]).all())


def _is_even(trace: pd.DataFrame) -> bool:
    """Whether a trace goes up in equal steps, or as time does."""
    value, time = trace["value"].to_numpy(), trace["time"].to_numpy()
    if not value[-1] > value[0] or not time[-1] > time[0]:
        return False
    up = (value - value[0]) / (value[-1] - value[0])
    counted = np.linspace(0, 1, len(value))
    passed = (time - time[0]) / (time[-1] - time[0])
    return any(bool((np.abs(up - even) <= 1e-6).all()) for even in (counted, passed))


def _equals(value: np.ndarray, others: np.ndarray, statistic: Callable) -> bool:
    """Whether a trace is a statistic of the others, to rounding, wherever two of these are."""
    both = ~np.isnan(value) & ((~np.isnan(others)).sum(axis=0) >= 2)
    if both.sum() < LEAST_SAMPLES:
        return False
    value, others = value[both], others[:, both]
    tolerance = EQUAL * np.ptp(value)
    if tolerance == 0:
        return False
    some = slice(None, None, len(value) // LEAST_SAMPLES)  # nearly always enough, and fast
    return all(
        bool((np.abs(statistic(others[:, part]) - value[part]) <= tolerance).all())
        for part in (some, slice(None))
    )


def _is_mean(value: np.ndarray, others: np.ndarray) -> bool:
    """Whether a trace is the mean of the others, and none of these is the same."""
    if not _equals(value, others, partial(np.nanmean, axis=0)):
        return False
    same = (partial(np.take, indices=k, axis=0) for k in range(len(others)))
    return not any(_equals(value, others, other) for other in same)


def without_missing(
    annotations: pd.DataFrame, missing: Sequence[float], hold: bool, note: Note = print
) -> pd.DataFrame:
    """Take out values that mean that there is no rating.

    Parameters
    ----------
    annotations
        With ``rater`` and ``value``.
    missing
        Those values.
    hold
        Whether a value is held until the next. Then it ends where one is missing, and the value
        becomes NaN; else the row is left out, as an empty cell is.
    note
        Is told how many there were.
    """
    if not len(missing):
        return annotations
    gone = annotations["value"].isin(missing)
    for rater, count in annotations.loc[gone, "rater"].value_counts(sort=False).items():
        note(f"{count} values of rater {rater!r} are missing (ratings.missing)")
    return annotations.assign(value=annotations["value"].mask(gone)) if hold else annotations[~gone]


def far_apart(small: float, large: float) -> bool:
    """Whether values up to one size and values from another on can hardly be of one scale.

    Raters use their scale more or less, so that one may reach 15 times as far as another. On
    scales that end at 1 nothing is apart, however small gestures are: from 0 to :data:`UNIT`
    all belongs together. Beyond, what goes to 1 is of another scale than what goes to 20; and of
    what goes farther than a scale that ends at 1, a fiftieth.

    Examples
    --------
    >>> far_apart(0.05, 1.5), far_apart(5, 75), far_apart(1, 70), far_apart(9, 1000)
    (False, False, True, True)
    """
    return large >= (20 if small <= UNIT else 50) * max(small, 1.0)


def codes(values: np.ndarray) -> np.ndarray:
    """Values that are hardly ratings, among all of a dimension in a recording.

    Two rules, both blind to how often a value occurs. A value of :data:`CODES` is one if it is at
    least nine times as large as all that are none (999 beside 0 to 100), or negative where they are
    not. Any other value
    is one if it lies :func:`far_apart` from the next smaller one in size, and there are fewer of
    this kind than of others: a trace that wanders far passes through what lies between (as with
    tools without limits).

    Parameters
    ----------
    values
        Ratings of all raters, shape (n,), without NaN.

    Returns
    -------
    The values, sorted, each once.

    Examples
    --------
    >>> codes(np.array([0.1, -0.3, 0.2, -999, -999]))
    array([-999.])
    >>> codes(np.array([5.0, 60.0, 99.0]))
    array([], dtype=float64)
    """
    if len(values) == 0 or np.abs(values).max() < UNIT:
        return np.empty(0)
    unique = np.unique(values)
    known = np.isin(unique, CODES)
    rest = unique[~known]
    reach = max(np.abs(rest).max(initial=0.0), 1.0)
    code = known & ((np.abs(unique) >= 9 * reach) | ((unique < 0) & (rest.min(initial=0.0) >= 0)))
    others = unique[~code]
    sizes = np.unique(np.abs(others))
    gaps = [k for k in range(1, len(sizes)) if far_apart(sizes[k - 1], sizes[k])]
    if gaps:
        far = np.abs(others) >= sizes[gaps[0]]
        if max(3, far.sum() + 1) <= (~far).sum():
            code |= np.isin(unique, others[far])
    return unique[code]


def spikes(values: np.ndarray) -> np.ndarray:
    """Values that are odd, though not as odd as :func:`codes`.

    Three at most, in a twentieth of the samples at most, that are three times as large as all the
    others, of which there are twenty or more.

    Parameters
    ----------
    values
        Ratings of all raters, shape (n,), without NaN.

    Returns
    -------
    The values, sorted, each once.

    Examples
    --------
    >>> spikes(np.array([*np.linspace(-1, 1, 60), 10.0]))
    array([10.])
    """
    sizes = np.unique(np.abs(values))
    gaps = np.flatnonzero(sizes[1:] >= 3 * np.maximum(sizes[:-1], 1.0))
    if len(gaps) == 0 or gaps[0] + 1 < LEAST_SAMPLES:
        return np.empty(0)
    far = values[np.abs(values) > sizes[gaps[0]]]
    found = np.unique(far)
    return found if len(found) <= 3 and len(far) <= len(values) / 20 else np.empty(0)


def refuse_codes(annotations: pd.DataFrame, note: Note, where: object = "annotations") -> None:
    """Refuse what is hardly a rating, see :func:`codes`, and tell what may be none.

    Parameters
    ----------
    annotations
        ``dimension``, ``rater``, ``value`` of a recording; NaN where it is known to be missing.
    note
        Is told of :func:`spikes`, and of raters who say -1 where there is no other negative value,
        and not only whole numbers.
    where
        Names the recording in errors.

    Raises
    ------
    InputError
        Naming rater, value and how often it occurs. A rater with many such values and few others
        is left to :func:`refuse_mixed_scales`.
    """
    if not annotations["value"].abs().max() >= UNIT and annotations["value"].min() != -1:
        return
    for dimension, rows in annotations.dropna(subset=["value"]).groupby("dimension", sort=False):
        values = rows["value"].to_numpy()
        odd = codes(values)
        for rater, own in rows[np.isin(values, odd)].groupby("rater", sort=False):
            found, counts = np.unique(own["value"], return_counts=True)
            if len(found) > 3 and len(own) > (rows["rater"] == rater).sum() / 2:
                continue
            rest = values[~np.isin(values, odd)]
            span = f"{rest.min():g} to {rest.max():g}" if len(rest) else "none"
            raise InputError(
                f"{where}: rater {rater!r} gives {found[0]:g} for {dimension!r} {counts[0]} times, "
                f"other values are {span}; expected ratings, or 'ratings: missing: [{found[0]:g}]' "
                "if it stands for a missing rating, or 'ratings: range' if it is a rating"
            )
        rest = values[~np.isin(values, odd)]
        for value in spikes(rest):
            whose = sorted(rows.loc[values == value, "rater"].unique())
            note(
                f"raters {whose} give {value:g} for {dimension!r}, far outside all other values; "
                f"it counts as a rating (else: 'ratings: missing: [{value:g}]')"
            )
        if values.min() == -1:
            others = values[values != -1]
            if len(others) and others.min() >= 0 and (others % 1).any():
                whose = sorted(rows.loc[values == -1, "rater"].unique())
                note(
                    f"raters {whose} give -1 for {dimension!r}, and no other value is negative; "
                    "it counts as a rating (else: 'ratings: missing: [-1]')"
                )


def value_ranges(annotations: pd.DataFrame) -> pd.DataFrame:
    """Range of values that each trace uses, without :data:`SHARE` of them at either end.

    Returns
    -------
    ``dimension``, ``rater``, ``low``, ``high``.
    """
    rows = [
        (*key, *np.nanquantile(values, (SHARE, 1 - SHARE), method="nearest"))
        for key, values in annotations.groupby(["dimension", "rater"], sort=False)["value"]
        if values.notna().any()
    ]
    return pd.DataFrame(rows, columns=["dimension", "rater", "low", "high"])


def mixed_scales(
    low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, tuple[float, float], tuple[float, float]] | None:
    """Whether some ranges of values are not of one scale.

    Ranges are put in the order of how far they reach from zero, which is the middle or the lower
    end of nearly all scales. They are of two scales where from one to the next

    * they are :func:`far_apart` (0 to 100 beside -1 to 1, 0 to 1000 beside 0 to 1), or
    * the smaller stay within -1 to 1 and use :data:`GESTURE` of it, the larger have no value in
      common with them and reach 3, or 5 if the smaller are not negative (1 to 9 beside -1 to 1).

    Constant traces do not count. Neither small gestures nor offsets make another scale. Some
    mixtures cannot be told from what raters do: 0 to 1 beside -1 to 1, 0 to 10 beside 0 to 100.
    Where tools have no limits, raters' ranges vary a hundredfold, but without a gap.

    Parameters
    ----------
    low, high
        Of each trace, shape (n,).

    Returns
    -------
    ``None``, or whether each is of the larger scale, and what the smaller and the larger use.
    """
    reach = np.maximum(np.abs(low), np.abs(high))
    order = np.argsort(reach, kind="stable")
    order = order[high[order] > low[order]]
    if len(order) < 2 or reach[order[-1]] < UNIT:
        return None
    bottom, top = np.minimum.accumulate(low[order]), np.maximum.accumulate(high[order])
    above = np.minimum.accumulate(low[order][::-1])[::-1]
    below = np.maximum.accumulate(high[order][::-1])[::-1]
    for cut in range(1, len(order)):
        small, large = reach[order[cut - 1]], reach[order[cut]]
        disjoint = above[cut] >= top[cut - 1] or below[cut] <= bottom[cut - 1]
        of_unit = small <= 1 and top[cut - 1] - bottom[cut - 1] >= GESTURE
        other_unit = of_unit and disjoint and large >= (3 if bottom[cut - 1] < 0 else 5)
        if other_unit or far_apart(small, large):
            larger = np.zeros(len(low), dtype=bool)
            larger[order[cut:]] = True
            return larger, (bottom[cut - 1], top[cut - 1]), (above[cut], below[cut])
    return None


SCALES = ("same", "free")
"""Whether raters have to have used one scale: it is looked at, or any will do."""


def told(names: Iterable[str], most: int = 3) -> str:
    """Names in quotes, the first few of them."""
    return first_few(map(repr, dict.fromkeys(names)), most)


def mixtures(ranges: pd.DataFrame, by: str) -> list[str]:
    """What :func:`mixed_scales` finds, in words.

    Parameters
    ----------
    ranges
        ``dimension``, ``low``, ``high`` of traces, and whose they are.
    by
        Column of whose ranges are compared, over all traces: ``rater`` or ``recording``.

    Returns
    -------
    A line for each dimension whose ranges do not belong together.
    """
    lines: list[str] = []
    if not ranges[["low", "high"]].abs().max(axis=None) >= UNIT:
        return lines
    for dimension, rows in ranges.groupby("dimension", sort=False):
        moving = rows[rows["high"] > rows["low"]]
        used = moving.groupby(by, sort=True).agg(low=("low", "min"), high=("high", "max"))
        mixed = mixed_scales(used["low"].to_numpy(), used["high"].to_numpy())
        if mixed is not None:
            larger, (a, b), (c, d) = mixed
            lines.append(
                f"{dimension!r} from {c:g} to {d:g} by {by}s {told(used.index[larger])}, but from "
                f"{a:g} to {b:g} by {told(used.index[~larger])}"
            )
    return lines


def refuse_mixed_scales(ranges: pd.DataFrame, by: str, where: object = "annotations") -> None:
    """Refuse ranges that do not belong together, see :func:`mixtures`.

    Raises
    ------
    InputError
        Naming whose they are.
    """
    for line in mixtures(ranges, by):
        raise InputError(
            f"{where}: found ratings of {line}; expected one scale, since E and sigma are in the "
            "raters' units (ratings.scales: free, if all are on one scale after all)"
        )
