"""Raters: whose traces count, which of their values are ratings, and whether their scales are one.

Files of ratings hold columns that nobody rated (a frame's number, a mean), codes for what is
missing (-999), and now and then a rater on another scale than the others. What is found here is
left out and told, or refused with what can be done about it; nothing of it becomes a rating
unnoticed.
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
"""Tells what was odd and did not stop the work."""

COUNTERS = frozenset([
    "frame", "frames", "framenumber", "frameindex", "frameno", "framenr", "index", "idx", "row",
    "rowindex", "line", "sample", "sampleindex", "sampleid", "segment", "segmentid", "unnamed0",
    "timestamp", "timestamps", "datetime", "frametime", "videotime", "mediatime", "unixtime",
    "elapsedtime", "timecode", "stamp", "millisecond", "milliseconds", "msec",
])  # fmt: skip
"""Names of columns that number the rows or tell the time, in lower case without other signs."""

MAYBE_COUNTERS = frozenset([
    "i", "id", "n", "no", "nr", "number", "s", "t", "ts", "ms", "sec", "second", "seconds",
    "step", "bin", "x",
])  # fmt: skip
"""The same, where they may be somebody's initials: only if their values increase."""

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
"""The same, where they may be somebody's name: only beside a word that says more (``arousal_sd``),
or if their values are the others' statistic."""

NO_RATINGS = frozenset([
    "confidence", "certainty", "reliability", "weight", "weights", "playing", "playback", "paused",
    "button", "buttons", "pressed", "click", "clicked", "mouse", "fps", "event", "events", "flag",
    "valid", "validity", "session", "sessionid", "trial", "trialid",
])  # fmt: skip
"""Words in names of columns that tools write beside the ratings."""

DOUBTFUL = frozenset(["score", "scores", "low", "high", "ci"])
"""Names of columns that may be ratings, which are told where there are other columns."""

FILLERS = frozenset([
    "of", "all", "n", "no", "nr", "nb", "num", "number", "z", "norm", "normalised", "normalized",
    "standardised", "standardized", "smooth", "smoothed", "filtered", "raw", "total", "final",
    "value", "values", "rating", "ratings", "label", "labels", "standard", "truth", "error",
    "deviation", "low", "high", "level", "score", "id",
])  # fmt: skip
"""Words that say nothing of whether a column is a rater's, and are nobody's name."""

RATER = frozenset(["rater", "annotator", "observer", "coder"])
"""Words before a rater's own name."""

DIMENSIONS = frozenset([
    "arousal", "valence", "dominance", "activation", "pleasure", "liking", "likability",
    "expectation", "expectancy", "intensity", "engagement", "trustworthiness", "unpredictability",
])  # fmt: skip
"""Dimensions that are usual."""

OF_ROWS, OF_RATERS, OF_TOOL = "a time or a number of rows", "a statistic of raters", "no rating"
"""What a column may be that is no rater."""

LEFT_OUT, COUNTS = "is left out", "counts as a rater all the same"
"""What is done with it."""

LEAST_SAMPLES = 20
"""Samples from which on equal steps, or a mean of the others, are no chance."""

EQUAL = 0.005
"""Values that differ by less are equal to rounding, as a share of a trace's range."""

NAMED = 0.03
"""The same where a name says what the values are: small ones have few digits (``sem``)."""

SMALL_CODES = np.array([7.0, 8.0, 9.0])
"""What files say where a value is missing, with either sign, if that is no rating itself."""

CODES = np.array([77.0, 88.0, 99.0, 777.0, 888.0, 999.0, 9999.0, 99999.0])
"""The same, which are hardly ratings in any case."""

LEAST_VALUES = 5
"""Different ratings from which on it can be seen that one value lies apart."""

UNIT = 2.0
"""No scale that ends at 1 (-1 to 1, 0 to 1) reaches so far; others (1 to 5, 0 to 100) do."""

GESTURE = 0.4
"""A trace within -1 to 1 that uses so much of it is hardly a small gesture on a wide scale."""

SHARE = 0.01
"""Of a trace's values at either end that do not count for the range that it uses."""


def plain(name: str) -> str:
    """A name in lower case, letters and digits alone."""
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

    Blanks that cannot be seen count as blanks.

    Examples
    --------
    >>> tidied(" r1\\u200b ")
    'r1'
    """
    name = unicodedata.normalize("NFC", name)
    return name.strip("\u200b\ufeff \t\r\n\xa0").strip()


def spellings(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in case alone: those of each such group, sorted."""
    by_case: dict[str, list[str]] = {}
    for name in sorted(names):
        by_case.setdefault(name.casefold(), []).append(name)
    return [same for same in by_case.values() if len(same) > 1]


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
        Who counts; ``None``: all, without columns that are no rater. That is one whose name
        consists of words in :data:`COUNTERS`, :data:`STATISTICS` or :data:`NO_RATINGS`, or is in
        one of the lists of names that may be a person's as well, if the values agree; unless it is
        the only one. A column stays, and is told, whose name holds such a word beside another, or
        whose values alone speak against it, since they go up in equal steps or are the mean of the
        others.
    note
        Is told what was left out or is odd.
    where
        Names the recording in errors.

    Raises
    ------
    InputError
        If nobody counts, or the columns are dimensions and not raters.
    """
    found = annotations["rater"].unique()
    if raters is not None:
        raters = list(map(tidied, raters))
        if absent := sorted(set(raters) - set(found)):
            note(f"raters {absent} of ratings.raters have rated nothing here")
        if len(absent) == len(raters) and len(annotations):
            raise InputError(
                f"{where}: found raters {sorted(found)}; expected some of {raters} (ratings.raters)"
            )
        return annotations[annotations["rater"].isin(raters)]
    for names in spellings(found):
        note(f"raters {names} differ in case alone; they count as {len(names)} persons")
    left_out = np.zeros(len(annotations), dtype=bool)
    of_dimension: dict[str, dict[str, pd.DataFrame]] = {}
    for (dimension, rater), trace in annotations.groupby(["dimension", "rater"], sort=False):
        of_dimension.setdefault(dimension, {})[rater] = trace
    for dimension, traces in of_dimension.items():
        looks_like = _by_names(traces, dimension)
        if len(traces) == 1 and all(reason != OF_ROWS for reason, _ in looks_like.values()):
            looks_like = {}  # a corpus with a gold standard alone
        rest = {
            rater: trace
            for rater, trace in traces.items()
            if looks_like.get(rater, ("", ""))[1] != LEFT_OUT
        }
        if not rest:
            some = [rater for rater, (reason, _) in looks_like.items() if reason == OF_RATERS]
            hint = f" (ratings.raters: [{some[0]}], if that is to be learnt)" if some else ""
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
                "(ratings.raters says who counts)"
            )
    return annotations[~left_out]


def side_by_side(traces: Sequence[pd.DataFrame]) -> np.ndarray:
    """Values of traces at all times that any of them has, shape (K, n); NaN where one has none."""
    instants = np.unique(np.concatenate([trace["time"].to_numpy() for trace in traces] or [[]]))
    values = np.full((len(traces), len(instants)), np.nan)
    for place, trace in enumerate(traces):
        values[place, np.searchsorted(instants, trace["time"])] = trace["value"]
    return values


def _by_names(traces: dict[str, pd.DataFrame], dimension: str) -> dict[str, tuple[str, str]]:
    """Traces whose names say that they are no rater's, why, and what is done with them."""
    # Words that most names have in common say nothing of one of them (rater_max, rater_ann).
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
    """What a trace is by the words of its name, if its values do not contradict.

    ``more``: whether there are several words, so that it is hardly anybody's name.
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
    """Refuse columns that are all named after dimensions, of which one is another than this one."""
    own = set(words(dimension))
    of = {name: set(words(name)) & (DIMENSIONS | own) for name in names}
    odd = [name for name in names if of[name] - own]
    if odd and all(of.values()):
        raise InputError(
            f"{where}: the columns {list(names)} are named after dimensions; expected the raters "
            f"of {dimension!r}: one file for each dimension ('{{dimension}}' in the path), or "
            "columns 'time', 'rater', 'dimension', 'value', or 'ratings.raters' that says who "
            "counts"
        )
    if odd:
        note(
            f"columns {odd} of {dimension!r} are named after other dimensions and count as raters "
            "all the same (ratings.raters says who counts)"
        )


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


def _equals(
    value: np.ndarray, others: np.ndarray, statistic: Callable, equal: float = EQUAL
) -> bool:
    """Whether a trace is a statistic of the others, to rounding, wherever two of these are."""
    both = ~np.isnan(value) & ((~np.isnan(others)).sum(axis=0) >= 2)
    if both.sum() < LEAST_SAMPLES:
        return False
    value, others = value[both], others[:, both]
    tolerance = equal * np.ptp(value)
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


MISSING = "missing (ratings.missing)"
"""What a note on values that are missing ends with, as the configuration says."""


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
        note(f"{count} values of rater {rater!r} are {MISSING}")
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

    Two rules, both blind to how often a value occurs. A value of :data:`CODES` with either sign is
    one if it is at least nine times as large as all that are none (999 beside 0 to 100), or
    negative where they are not. So is a negative one of :data:`SMALL_CODES` beside
    :data:`LEAST_VALUES` others. Any other value is one if it lies :func:`far_apart` from the next
    smaller one in size, and there are fewer of this kind than of others: a trace that wanders far
    passes through what lies between (as with tools without limits).

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
    """Values that are odd, though not as odd as :func:`codes`.

    A single one that is three times as large as all the others, of which there are
    :data:`LEAST_VALUES` or more; or three at most, in a twentieth of the samples at most, beside
    :data:`LEAST_SAMPLES` or more.

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
    """Sizes of the steps to and from a value, and of the other steps of those who give it."""
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
    """Values of :data:`CODES` and :data:`SMALL_CODES` that lie beyond all others, and are leapt to.

    That is, from every rating before and after them it is further than from any other rating to
    the next, and no two neighbours among the others are half as far apart as they are from these.
    So 9 is one beside 1 to 7, and -99 beside -50 to 50; 9 is none where a trace rises to it.

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
    """Whole numbers below zero that are hardly of the scale that all others are of.

    Three at most, where no other value is negative. Not such that the others lead to, as
    -1 on a scale from -3 to 3: they are whole numbers, begin next to it, and it is not leapt to.

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
                f"{where}: rater {rater!r} gives {found[0]:g} for {dimension!r} {counts[0]} times, "
                f"other values are {span}; expected ratings, or 'ratings: missing: [{found[0]:g}]' "
                "if it stands for a missing rating, or 'ratings: range' if it is a rating"
            )
        rest = rows[~np.isin(values, odd)]
        negative = lone_negatives(rest)
        apart = np.union1d(spikes(rest["value"].to_numpy()), leaps(rest))
        for value in (*negative, *np.setdiff1d(apart, negative)):
            whose = sorted(rows.loc[values == value, "rater"].unique())
            lone = value in negative
            lies = "and no other value is negative" if lone else "apart from all other values"
            note(
                f"raters {whose} give {value:g} for {dimension!r} {(values == value).sum()} times, "
                f"{lies}; it counts as a rating (else: 'ratings: missing: [{value:g}]')"
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


ALIKE, UNLIKE = 0.7, 0.5
"""Raters agree in shape if their mean correlation is above the one, and not in units if
Krippendorff's alpha is below it by more than the other."""


def in_other_units(values: np.ndarray, dimension: str) -> str | None:
    """Whether raters agree in shape, and neither in level nor in range, in words.

    A rater from 0 to 10 beside others from -1 to 1 looks so. Of two raters it is also said where
    one's gestures are five times as small as the other's; of more, one such is not enough. Where
    nobody reaches :data:`UNIT` nothing is said: levels differ from person to person.

    Parameters
    ----------
    values
        Shape (raters, frames), NaN where a rater says nothing.
    dimension
        What they rate.
    """
    if len(values) < 2 or not np.nanmax(np.abs(values), initial=0.0) >= UNIT:
        return None
    r = pairwise_correlation(values)
    if not r > ALIKE or not (alpha := krippendorff_alpha(values)) < r - UNLIKE:
        return None
    return (
        f"raters of {dimension!r} agree in shape, and not in level or range: r is {r:.2f} on "
        f"average, but Krippendorff's alpha {alpha:.2f} (are they on one scale? ratings.scales: "
        "free, if they are)"
    )


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


def other_scales(ranges: pd.DataFrame, by: str) -> list[str]:
    """Ranges that may be of another scale, though they are not as far apart as :func:`mixtures`.

    What stays within -1 to 1, using :data:`GESTURE` of it or more, or within 1 to 9, using 2 of it
    or more, beside what reaches five times as far.

    Parameters
    ----------
    ranges, by
        See :func:`mixtures`.

    Returns
    -------
    A line for each dimension with such ranges.
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
