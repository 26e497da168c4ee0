"""Raters: which columns are raters, which values are ratings, and whether the scales are the same.

Files of ratings contain columns that are not raters (frame numbers, means), codes for missing
values (-999), and sometimes a rater on another scale. These are left out with a note, or refused
with advice. None of them becomes a rating silently.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.listing import first_few
from softaer.core.reliability import krippendorff_alpha, pairwise_correlation

Note = Callable[[str], None]
"""Called with a note on what was unusual but is not an error."""

COUNTERS = frozenset([
    "frame", "frames", "framenumber", "frameindex", "frameno", "framenr", "index", "idx", "row",
    "rowindex", "line", "sample", "sampleindex", "sampleid", "segment", "segmentid", "unnamed0",
    "timestamp", "timestamps", "datetime", "frametime", "videotime", "mediatime", "unixtime",
    "elapsedtime", "timecode", "stamp", "millisecond", "milliseconds", "msec",
])  # fmt: skip
"""Names of columns with row numbers or times, in lower case, letters and digits only."""

MAYBE_COUNTERS = frozenset([
    "i", "id", "n", "no", "nr", "number", "s", "t", "ts", "ms", "sec", "second", "seconds",
    "step", "bin", "x",
])  # fmt: skip
"""The same for names that may be a rater's initials: only if their values increase."""

STATISTICS = frozenset([
    "mean", "means", "average", "avg", "median", "std", "stdev", "stddev", "stderr", "variance",
    "gold", "goldstandard", "ewe", "consensus", "fused", "fusion", "groundtruth", "raters",
    "annotators", "observers", "nraters", "nannotators", "count", "counts", "lower", "upper",
    "lowerci", "upperci", "cilow", "cihigh", "cilower", "ciupper", "quantile", "percentile",
])  # fmt: skip
"""Words in names of columns that were computed from raters, or their number."""


def _standard_errors(values: np.ndarray, ddof: int) -> np.ndarray:
    return np.nanstd(values, axis=0, ddof=ddof) / np.sqrt((~np.isnan(values)).sum(axis=0))


_ERRORS = [partial(_standard_errors, ddof=0), partial(_standard_errors, ddof=1)]

MAYBE_STATISTICS: dict[str, Sequence[Callable[[np.ndarray], Any]]] = {
    "max": [np.fmax.reduce],
    "min": [np.fmin.reduce],
    "sum": [partial(np.nansum, axis=0)],
    "sd": [partial(np.nanstd, axis=0), partial(np.nanstd, axis=0, ddof=1)],
    "var": [partial(np.nanvar, axis=0), partial(np.nanvar, axis=0, ddof=1)],
    "se": _ERRORS,
    "sem": _ERRORS,
    "ci": [],
}
"""The same for words that may be a rater's name: only next to a more specific word
(``arousal_sd``), or if their values are a statistic of the others."""

NO_RATINGS = frozenset([
    "confidence", "certainty", "reliability", "weight", "weights", "playing", "playback", "paused",
    "button", "buttons", "pressed", "click", "clicked", "mouse", "fps", "event", "events", "flag",
    "valid", "validity", "session", "sessionid", "trial", "trialid",
])  # fmt: skip
"""Words in names of columns that tools write in addition to the ratings."""

DOUBTFUL = frozenset(["score", "scores", "low", "high", "ci"])
"""Names of columns that may be ratings; a note appears if there are other columns."""

FILLERS = frozenset([
    "of", "all", "n", "no", "nr", "nb", "num", "number", "z", "norm", "normalised", "normalized",
    "standardised", "standardized", "smooth", "smoothed", "filtered", "raw", "total", "final",
    "value", "values", "rating", "ratings", "label", "labels", "standard", "truth", "error",
    "deviation", "low", "high", "level", "score", "id",
])  # fmt: skip
"""Neutral words, which are neither a rater's name nor evidence against a rater."""

RATER = frozenset(["rater", "annotator", "observer", "coder"])
"""Words before a rater's own name."""

DIMENSIONS = frozenset([
    "arousal", "valence", "dominance", "activation", "pleasure", "liking", "likability",
    "expectation", "expectancy", "intensity", "engagement", "trustworthiness", "unpredictability",
])  # fmt: skip
"""Common dimensions."""

OF_ROWS, OF_RATERS, OF_TOOL = "a time or row number", "a statistic of raters", "no rating"
"""Kinds of columns that are not raters."""

LEFT_OUT, COUNTS = "is left out", "still counts as a rater"
"""Treatment of such a column."""

LEAST_SAMPLES = 20
"""Number of samples for which equal steps, or a mean of the others, are not a coincidence."""

EQUAL = 0.005
"""Values are equal up to rounding if they differ by less than this share of a trace's range."""

NAMED = 0.03
"""The same if a name describes the values: small ones have few digits (``sem``)."""

SMALL_CODES = np.array([7.0, 8.0, 9.0])
"""Codes for missing values, with either sign, unless they are ratings themselves."""

CODES = np.array([77.0, 88.0, 99.0, 777.0, 888.0, 999.0, 9999.0, 99999.0])
"""Codes that are unlikely to be ratings in any case."""

LEAST_VALUES = 5
"""Number of different ratings needed to detect an isolated value."""

UNIT = 2.0
"""Ratings on a scale that ends at 1 (-1 to 1, 0 to 1) never reach this; others (1 to 5) do."""

GESTURE = 0.4
"""A trace within -1 to 1 that uses this much of it is hardly a small movement on a wide scale."""

SHARE = 0.01
"""Share of a trace's values at either end that are ignored for its range."""


def plain(name: str) -> str:
    """A name in lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", name.casefold())


def words(name: str) -> list[str]:
    """The words of a name in lower case.

    Examples
    --------
    >>> words("EWE_arousal"), words("meanArousal-2"), words("n raters")
    (['ewe', 'arousal'], ['mean', 'arousal', '2'], ['n', 'raters'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", apart.casefold())


def tidied(name: str) -> str:
    """A name in the composed form of Unicode (NFC), without blanks at its ends.

    Invisible blanks count as blanks.

    Examples
    --------
    >>> tidied(" r1\\u200b ")
    'r1'
    """
    name = unicodedata.normalize("NFC", name)
    return name.strip("\u200b\ufeff \t\r\n\xa0").strip()


def spellings(names: Iterable[str]) -> list[list[str]]:
    """Groups of names that differ only in case, each sorted."""
    by_case: dict[str, list[str]] = {}
    for name in sorted(names):
        by_case.setdefault(name.casefold(), []).append(name)
    return [same for same in by_case.values() if len(same) > 1]


def other_spellings(annotations: pd.DataFrame, dimensions: Sequence[str], note: Note) -> None:
    """Note dimensions that are not requested but are spelled almost like a requested one.

    Parameters
    ----------
    annotations
        Table with ``dimension``.
    dimensions
        Requested dimensions.
    note
        Called with the notes.
    """
    counts = annotations["dimension"].value_counts()
    for name in sorted(set(counts.index) - set(dimensions)):
        for asked in dimensions:
            if plain(name) == plain(asked):
                note(
                    f"{counts[name]} ratings of {name!r} are not used; the dimension is {asked!r} "
                    "(names differ in case or blanks)"
                )


def counting(
    annotations: pd.DataFrame,
    raters: Sequence[str] | None = None,
    note: Note = print,
    where: object = "annotations",
) -> pd.DataFrame:
    """Traces of the raters that are used.

    Parameters
    ----------
    annotations
        ``time``, ``rater``, ``dimension``, ``value`` of a recording.
    raters
        Raters to use; ``None``: all columns that are raters. A column is not a rater if its name
        consists of words in :data:`COUNTERS`, :data:`STATISTICS` or :data:`NO_RATINGS`, or is in
        one of the lists of names that may also be a person's and its values fit; unless it is the
        only column. Some columns are kept with a note: those with such a word next to another, and
        those whose values alone suggest otherwise, because they increase in equal steps or are the
        mean of the others.
    note
        Called with notes on what was left out or is unusual.
    where
        Names the recording in errors.

    Raises
    ------
    InputError
        If there are no raters, or the columns are dimensions instead of raters.
    """
    found = annotations["rater"].unique()
    if raters is not None:
        raters = list(map(tidied, raters))
        if absent := sorted(set(raters) - set(found)):
            note(f"raters {absent} of ratings.raters have no ratings here")
        if len(absent) == len(raters) and len(annotations):
            raise InputError(
                f"{where}: found raters {sorted(found)}; expected some of {raters} (ratings.raters)"
            )
        return annotations[annotations["rater"].isin(raters)]
    for names in spellings(found):
        note(f"raters {names} differ only in case and count as {len(names)} people")
    left_out = np.zeros(len(annotations), dtype=bool)
    of_dimension: dict[str, dict[str, pd.DataFrame]] = {}
    for (dimension, rater), trace in annotations.groupby(["dimension", "rater"], sort=False):
        of_dimension.setdefault(dimension, {})[rater] = trace
    for dimension, traces in of_dimension.items():
        looks_like = _by_names(traces, dimension)
        if len(traces) == 1 and all(reason != OF_ROWS for reason, _ in looks_like.values()):
            looks_like = {}  # a corpus with only a gold standard
        rest = {
            rater: trace
            for rater, trace in traces.items()
            if looks_like.get(rater, ("", ""))[1] != LEFT_OUT
        }
        if not rest:
            some = [rater for rater, (reason, _) in looks_like.items() if reason == OF_RATERS]
            hint = f" (ratings.raters: [{some[0]}] to learn that)" if some else ""
            raise InputError(
                f"{where}: found columns {sorted(traces)}; expected at least one rater of "
                f"{dimension!r}{hint}"
            )
        _refuse_dimensions(sorted(rest), dimension, note, where)
        values = side_by_side(list(rest.values()))
        for place, (rater, trace) in enumerate(rest.items()):
            others = np.delete(values, place, axis=0)
            own = values[place]
            if any(_equals(own, others, f, NAMED) for f in MAYBE_STATISTICS.get(plain(rater), [])):
                looks_like[rater] = OF_RATERS, LEFT_OUT
            elif _is_mean(own, others):
                looks_like[rater] = "the mean of the other raters", COUNTS
            elif len(trace) >= LEAST_SAMPLES and _is_even(trace):
                looks_like[rater] = OF_ROWS, COUNTS
        for rater, (reason, what) in looks_like.items():
            if what == LEFT_OUT:
                is_rated = annotations["dimension"].eq(dimension) & annotations["rater"].eq(rater)
                left_out |= is_rated.to_numpy()
            note(
                f"column {rater!r} of {dimension!r} looks like {reason} and {what} "
                "(ratings.raters lists the raters to use)"
            )
    return annotations[~left_out]


def side_by_side(traces: Sequence[pd.DataFrame]) -> np.ndarray:
    """Values of traces at the union of their times, shape (K, n); NaN where missing."""
    instants = np.unique(np.concatenate([trace["time"].to_numpy() for trace in traces] or [[]]))
    values = np.full((len(traces), len(instants)), np.nan)
    for place, trace in enumerate(traces):
        values[place, np.searchsorted(instants, trace["time"])] = trace["value"]
    return values


def _by_names(traces: dict[str, pd.DataFrame], dimension: str) -> dict[str, tuple[str, str]]:
    """Traces whose names are not a rater's, with the reason and their treatment."""
    # Words that most names have in common are not informative (rater_max, rater_ann).
    counts = Counter(word for name in traces for word in set(words(name)))
    common = {word for word, count in counts.items() if len(traces) > 1 and count > len(traces) / 2}
    found = {}
    for name, trace in traces.items():
        own = [word for word in words(name) if word not in common]
        said = [word for word in own if word not in words(dimension)]
        if said:
            verdict = _by_name(said, len(own) > 1, trace)
            if verdict is not None:
                found[name] = verdict
    return found


def _by_name(said: list[str], more: bool, trace: pd.DataFrame) -> tuple[str, str] | None:
    """The kind of a trace according to its name, unless its values contradict.

    ``more``: whether there are several words, so that it is unlikely to be a rater's name.
    """
    whole = "".join(said)
    rows = COUNTERS | {"time"}
    if (
        whole in COUNTERS
        or (whole in MAYBE_COUNTERS and _increases(trace))
        or (len(said) > 1 and rows & set(said) and set(said) <= rows | MAYBE_COUNTERS | FILLERS)
    ):
        return OF_ROWS, LEFT_OUT
    neutral = FILLERS | DIMENSIONS
    computed = STATISTICS | set(MAYBE_STATISTICS)
    for reason, sure in ((OF_RATERS, STATISTICS), (OF_TOOL, NO_RATINGS)):
        if whole in sure:
            return reason, LEFT_OUT
        if sure & set(said):
            known = neutral | RATER | computed | NO_RATINGS
            return reason, LEFT_OUT if set(said) <= known else COUNTS
    if more and set(said) & set(MAYBE_STATISTICS) and set(said) <= neutral | computed:
        return OF_RATERS, LEFT_OUT
    return (OF_TOOL, COUNTS) if whole in DOUBTFUL else None


def _refuse_dimensions(names: Sequence[str], dimension: str, note: Note, where: object) -> None:
    """Refuse columns that are all named after dimensions, if one is not the requested dimension."""
    own = set(words(dimension))
    of = {name: set(words(name)) & (DIMENSIONS | own) for name in names}
    odd = [name for name in names if of[name] - own]
    if odd and all(of.values()):
        raise InputError(
            f"{where}: the columns {list(names)} are named after dimensions; expected the raters "
            f"of {dimension!r}: one file for each dimension ('{{dimension}}' in the path), or "
            "columns 'time', 'rater', 'dimension', 'value', or 'ratings.raters' that lists the "
            "raters"
        )
    if odd:
        note(
            f"columns {odd} of {dimension!r} are named after other dimensions but still count as "
            "raters (ratings.raters lists the raters to use)"
        )


def _increases(trace: pd.DataFrame) -> bool:
    value = trace.sort_values("time", kind="stable")["value"].to_numpy()
    return len(value) > 1 and value[-1] > value[0] and bool((value[1:] >= value[:-1]).all())


def _is_even(trace: pd.DataFrame) -> bool:
    """Whether a trace increases in equal steps, or like time."""
    value, time = trace["value"].to_numpy(), trace["time"].to_numpy()
    if not value[-1] > value[0] or not time[-1] > time[0]:
        return False
    up = (value - value[0]) / (value[-1] - value[0])
    counted = np.linspace(0, 1, len(value))
    passed = (time - time[0]) / (time[-1] - time[0])
    return any(bool((np.abs(up - even) <= 1e-6).all()) for even in (counted, passed))


def _equals(
    value: np.ndarray, others: np.ndarray, statistic: Callable, equal: float = EQUAL
) -> bool:
    """Whether a trace is a statistic of the others, up to rounding, where at least two exist."""
    both = ~np.isnan(value) & ((~np.isnan(others)).sum(axis=0) >= 2)
    if both.sum() < LEAST_SAMPLES:
        return False
    value, others = value[both], others[:, both]
    tolerance = equal * np.ptp(value)
    if tolerance == 0:
        return False
    some = slice(None, None, len(value) // LEAST_SAMPLES)  # fast, and nearly always sufficient
    return all(
        bool((np.abs(statistic(others[:, part]) - value[part]) <= tolerance).all())
        for part in (some, slice(None))
    )


def _is_mean(value: np.ndarray, others: np.ndarray) -> bool:
    """Whether a trace is the mean of the others, and differs from each of them."""
    if not _equals(value, others, partial(np.nanmean, axis=0)):
        return False
    same = (partial(np.take, indices=k, axis=0) for k in range(len(others)))
    return not any(_equals(value, others, other) for other in same)


MISSING = "missing (ratings.missing)"
"""End of a note on values that the configuration declares as missing."""


def without_missing(
    annotations: pd.DataFrame, missing: Sequence[float], hold: bool, note: Note = print
) -> pd.DataFrame:
    """Remove codes for missing ratings.

    Parameters
    ----------
    annotations
        Table with ``rater`` and ``value``.
    missing
        The codes.
    hold
        Whether a value holds until the next one. Then a code becomes NaN, which ends the previous
        value. Otherwise the row is dropped, like an empty cell.
    note
        Called with their number.
    """
    if not len(missing):
        return annotations
    gone = annotations["value"].isin(missing)
    for rater, count in annotations.loc[gone, "rater"].value_counts(sort=False).items():
        note(f"{count} values of rater {rater!r} are {MISSING}")
    return annotations.assign(value=annotations["value"].mask(gone)) if hold else annotations[~gone]


def far_apart(small: float, large: float) -> bool:
    """Whether values up to one size and values from another size on are unlikely to share a scale.

    Raters use more or less of their scale, so that one may reach 15 times as far as another. On
    scales that end at 1, nothing is far apart, however small movements are: all values from 0 to
    :data:`UNIT` belong together. Beyond that, values up to 1 and values from 20 on have different
    scales; for scales that do not end at 1, the factor is 50.

    Examples
    --------
    >>> far_apart(0.05, 1.5), far_apart(5, 75), far_apart(1, 70), far_apart(9, 1000)
    (False, False, True, True)
    """
    return large >= (20 if small <= UNIT else 50) * max(small, 1.0)


def codes(values: np.ndarray) -> np.ndarray:
    """Values that are unlikely to be ratings, among all values of a dimension in a recording.

    There are two rules, which do not depend on how often a value occurs. A value in :data:`CODES`,
    with either sign, is a code if it is at least nine times as large as all ratings (999 with 0 to
    100), or negative although the ratings are not. So is a negative value in :data:`SMALL_CODES` if
    there are :data:`LEAST_VALUES` others. Any other value is a code if it is :func:`far_apart` from
    the next smaller one, and there are fewer such values than others: a trace that moves far passes
    through the values in between (as with tools without limits).

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
    known = np.isin(np.abs(unique), CODES) | np.isin(unique, -SMALL_CODES)
    if (~known).sum() < LEAST_VALUES:
        known = np.isin(np.abs(unique), CODES)
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
    """Values that are unusual, but less so than :func:`codes`.

    These are a single value three times as large as all others, of which there are at least
    :data:`LEAST_VALUES`; or at most three such values, in at most a twentieth of the samples, if
    there are at least :data:`LEAST_SAMPLES`.

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
    >>> spikes(np.array([*range(1, 21), 99, 99]))
    array([99])
    """
    sizes = np.unique(np.abs(values))
    gaps = np.flatnonzero(sizes[1:] >= 3 * np.maximum(sizes[:-1], 1.0))
    if len(gaps) == 0:
        return np.empty(0)
    is_far = np.abs(values) > sizes[gaps[0]]
    found, others = np.unique(values[is_far]), np.unique(values[~is_far])
    single = len(found) == 1 and len(others) >= LEAST_VALUES
    few = len(found) <= 3 and is_far.mean() <= 1 / 20 and gaps[0] + 1 >= LEAST_SAMPLES
    return found if single or few else np.empty(0)


def _steps(rows: pd.DataFrame, value: float) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of the steps to and from a value, and of the other steps of the same raters."""
    across, other = [], []
    for _, trace in rows.groupby("rater", sort=False):
        own = trace.sort_values("time", kind="stable")["value"].to_numpy()
        here = own == value
        if here.any():
            step = np.abs(np.diff(own))
            across.append(step[here[1:] != here[:-1]])
            other.append(step[~here[1:] & ~here[:-1]])
    return np.concatenate(across), np.concatenate(other)


def leaps(rows: pd.DataFrame) -> np.ndarray:
    """Values of :data:`CODES` and :data:`SMALL_CODES` beyond all others that a trace jumps to.

    The steps to and from such a value are larger than any other step between ratings, and no two
    neighbours among the other values are half as far apart as they are from it. So 9 is a code with
    ratings of 1 to 7, and -99 with -50 to 50; 9 is not a code if a trace rises to it gradually.

    Parameters
    ----------
    rows
        ``time``, ``rater``, ``value`` of a dimension, without NaN.
    """
    found = []
    unique = np.unique(rows["value"])
    for value, others in ((unique[-1], unique[:-1]), (unique[0], unique[1:])):
        if len(others) < LEAST_VALUES or not np.isin(abs(value), (*SMALL_CODES, *CODES)):
            continue
        if np.abs(others - value).min() < 2 * np.diff(others).max():
            continue
        across, other = _steps(rows, value)
        if len(across) and len(other) and across.min() > other.max():
            found.append(value)
    return np.array(found)


def lone_negatives(rows: pd.DataFrame) -> np.ndarray:
    """Negative whole numbers that are unlikely to be on the scale of all others.

    There are at most three, and no other value is negative. Excluded are values that continue the
    others, such as -1 on a scale from -3 to 3: the others are whole numbers and begin next to it,
    and traces do not jump to it.

    Parameters
    ----------
    rows
        ``time``, ``rater``, ``value`` of a dimension, without NaN.
    """
    unique = np.unique(rows["value"])
    negative, others = unique[unique < 0], unique[unique >= 0]
    if not 1 <= len(negative) <= 3 or len(others) == 0 or (negative % 1).any():
        return np.empty(0)
    if (others % 1).any() or others[0] - negative[-1] >= 2:
        return negative
    found = []
    for value in negative:
        across, other = _steps(rows, value)
        leapt = len(across) and len(other) and across.min() > other.max()
        if leapt or (len(across) and others[-1] >= 10 * -value and np.median(across) >= 3):
            found.append(value)
    return np.array(found)


def refuse_codes(annotations: pd.DataFrame, note: Note, where: object = "annotations") -> None:
    """Refuse values that are unlikely to be ratings, see :func:`codes`, and note doubtful ones.

    Parameters
    ----------
    annotations
        ``dimension``, ``rater``, ``value`` of a recording; NaN for known missing values.
    note
        Called with notes on :func:`spikes`, and on raters with -1 if no other value is negative and
        not all are whole numbers.
    where
        Names the recording in errors.

    Raises
    ------
    InputError
        Names the rater, the value and how often it occurs. A rater with many such values and few
        others is left to :func:`refuse_mixed_scales`.
    """
    if not annotations["value"].abs().max() >= UNIT and not annotations["value"].min() <= -1:
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
                f"{where}: rater {rater!r} has {found[0]:g} for {dimension!r} {counts[0]} times, "
                f"other values are {span}; expected ratings, or 'ratings: missing: [{found[0]:g}]' "
                "if it stands for a missing rating, or 'ratings: range' if it is a rating"
            )
        rest = rows[~np.isin(values, odd)]
        negative = lone_negatives(rest)
        apart = np.union1d(spikes(rest["value"].to_numpy()), leaps(rest))
        for value in (*negative, *np.setdiff1d(apart, negative)):
            whose = sorted(rows.loc[values == value, "rater"].unique())
            lone = value in negative
            lies = "and no other value is negative" if lone else "far from all other values"
            note(
                f"raters {whose} give {value:g} for {dimension!r} {(values == value).sum()} times, "
                f"{lies}; it counts as a rating (if not: 'ratings: missing: [{value:g}]')"
            )


def value_ranges(annotations: pd.DataFrame) -> pd.DataFrame:
    """Range of values used by each trace, without :data:`SHARE` of them at either end.

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
    """Whether some ranges of values belong to different scales.

    Ranges are sorted by how far they reach from zero, which is the middle or the lower end of
    nearly all scales. Two neighbours in this order belong to different scales if

    * they are :func:`far_apart` (0 to 100 and -1 to 1, 0 to 1000 and 0 to 1), or
    * the smaller ones stay within -1 to 1 and use :data:`GESTURE` of it, and the larger ones have
      no value in common with them and reach 3, or 5 if the smaller are not negative (1 to 9 and -1
      to 1).

    Constant traces are ignored. Small movements and offsets do not count as another scale. Some
    mixtures cannot be detected from the ratings: 0 to 1 and -1 to 1, 0 to 10 and 0 to 100. With
    tools without limits, raters' ranges vary a hundredfold, but without a gap.

    Parameters
    ----------
    low, high
        Range of each trace, shape (n,).

    Returns
    -------
    ``None``, or whether each trace has the larger scale, and the ranges of the smaller and larger.
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


ALIKE, UNLIKE = 0.7, 0.5
"""Raters agree in shape if their mean correlation exceeds the first value, and not in units if
Krippendorff's alpha is lower by more than the second."""


def in_other_units(values: np.ndarray, dimension: str) -> str | None:
    """Note for raters who agree in shape, but neither in level nor in range.

    An example is a rater from 0 to 10 among others from -1 to 1. For two raters, there is also a
    note if the range of one is five times as small as the other's; with more raters, one such rater
    is not enough. There is no note if nobody reaches :data:`UNIT`, because levels differ between
    people.

    Parameters
    ----------
    values
        Shape (raters, frames), NaN where a rater has no value.
    dimension
        Rated dimension.
    """
    if len(values) < 2 or not np.nanmax(np.abs(values), initial=0.0) >= UNIT:
        return None
    r = pairwise_correlation(values)
    if not r > ALIKE or not (alpha := krippendorff_alpha(values)) < r - UNLIKE:
        return None
    return (
        f"raters of {dimension!r} agree in shape, but not in level or range: mean r is {r:.2f}, "
        f"Krippendorff's alpha {alpha:.2f} (set ratings.scales: free if they use one scale)"
    )


def told(names: Iterable[str], most: int = 3) -> str:
    """Names in quotes, the first few of them."""
    return first_few(map(repr, dict.fromkeys(names)), most)


def mixtures(ranges: pd.DataFrame, by: str) -> list[str]:
    """Description of the results of :func:`mixed_scales`.

    Parameters
    ----------
    ranges
        ``dimension``, ``low``, ``high`` of traces, with their rater and recording.
    by
        Column by which ranges are compared, over all traces: ``rater`` or ``recording``.

    Returns
    -------
    One line per dimension with different scales.
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


def other_scales(ranges: pd.DataFrame, by: str) -> list[str]:
    """Ranges that may belong to another scale, but are less far apart than :func:`mixtures`.

    Some ranges stay within -1 to 1 and use at least :data:`GESTURE` of it, or within 1 to 9 and use
    at least 2 of it, while others reach five times as far.

    Parameters
    ----------
    ranges, by
        See :func:`mixtures`.

    Returns
    -------
    One line per dimension with such ranges.
    """
    lines = []
    for dimension, rows in ranges.groupby("dimension", sort=False):
        used = rows.groupby(by, sort=True).agg(low=("low", "min"), high=("high", "max"))
        used = used.assign(reach=used.abs().max(axis=1)).sort_values("reach", kind="stable")
        for cut in range(1, len(used)):
            small, large = used[:cut], used[cut:]
            a, b = small["low"].min(), small["high"].max()
            unit = b - a >= GESTURE and small["reach"].max() <= 1
            points = a >= 1 and b - a >= 2 and b <= 9
            if (unit or points) and large["reach"].min() >= 5 * small["reach"].max():
                c, d = large["low"].min(), large["high"].max()
                lines.append(
                    f"{dimension!r} from {c:g} to {d:g} by {by}s {told(large.index)}, but from "
                    f"{a:g} to {b:g} by {told(small.index)}"
                )
                break
    return lines


def refuse_mixed_scales(ranges: pd.DataFrame, by: str, where: object = "annotations") -> None:
    """Refuse ranges of different scales, see :func:`mixtures`.

    Raises
    ------
    InputError
        Names their raters or recordings.
    """
    for line in mixtures(ranges, by):
        raise InputError(
            f"{where}: found ratings of {line}; expected one scale, because E and sigma are in the "
            "raters' units (set ratings.scales: free if they do use one scale)"
        )
