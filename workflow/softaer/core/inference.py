"""Inference: what a score on a few subjects, from a few trainings, says about others.

A score has two sources of chance. The units that were scored (subjects, or recordings) are a sample
of all subjects, and the networks that were trained (one per seed) are a sample of all trainings.

The bootstrap draws units with replacement; all models use the same draws, so that differences are
paired. Its percentiles are expanded for few units (Hesterberg, 2015). The mean over seeds gets the
t distribution that belongs to their number: drawing two or three values with replacement would
understate their scatter by a half or a third. With a single seed the scatter is unknown.

The permutation test swaps two models unit by unit (Pitman, 1937); the scatter of the seeds is
added to its null distribution. Its p values are adjusted for the number of comparisons (Holm,
1979).

Up to :data:`FEW_UNITS` units, an interval would not keep its promise. The range of the units' own
scores takes its place.
"""

import itertools
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtrinc, stdtr
from scipy.stats import norm
from scipy.stats import t as student

from softaer.core.concordance import ccc_from_moments

LEVEL = 0.05
"""Significance level of the tests; the intervals cover the rest."""

EXACT_UNITS = 12
"""Largest number of units for which all permutations are tried."""

FEW_UNITS = 5
"""Largest number of units for which a range is given instead of an interval. With as many, no
permutation test reaches the level of 5 % (2 of 32 swaps)."""


ROUNDING = 1e-12
"""Differences in CCC up to this are rounding, as for a constant prediction."""


class Scatter(NamedTuple):
    """Scatter of a mean over seeds: standard error and degrees of freedom.

    ``error`` is 0 if nothing was trained, and NaN if it is unknown because there is one seed.
    """

    error: float | np.ndarray
    freedom: float

    @property
    def known(self) -> bool:
        """Whether anything is known about the scatter."""
        return not np.isnan(self.error).any()


NO_SCATTER = Scatter(0.0, np.inf)


class Score(NamedTuple):
    """Mean CCC over seeds on all units and in every draw.

    ``per_seed`` has the moments of each seed's predictions, shape (seeds, units, 6), see
    :func:`softaer.core.concordance.moments`. ``trained`` is false for a model that no seed affects.
    """

    point: float
    draws: np.ndarray
    per_seed: np.ndarray
    trained: bool = True

    @property
    def units(self) -> int:
        """Number of units."""
        return self.per_seed.shape[1]

    @property
    def of_seeds(self) -> np.ndarray:
        """CCC over all units of each seed, shape (seeds,)."""
        return ccc_from_moments(self.per_seed.sum(axis=1))

    @property
    def of_units(self) -> np.ndarray:
        """CCC of each unit, mean over seeds, shape (units,)."""
        return ccc_from_moments(self.per_seed).mean(axis=0)


class Bounds(NamedTuple):
    """``low`` and ``high``, and whether they are an ``interval`` or the ``range`` of the units."""

    low: float
    high: float
    kind: str


def resample(units: int, draws: int, seed: int) -> np.ndarray:
    """Number of times each unit is in each draw, shape (draws, units); rows sum to ``units``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)


def bootstrap(
    per_seed: np.ndarray | Sequence[np.ndarray], counts: np.ndarray, trained: bool = True
) -> Score:
    """Mean CCC over seeds on all units, and in every draw.

    Parameters
    ----------
    per_seed
        Moments of each seed's predictions, shape (seeds, units, 6).
    counts
        See :func:`resample`.
    trained
        Whether the seeds affect the model.
    """
    per_seed = np.asarray(per_seed)
    point = ccc_from_moments(per_seed.sum(axis=1)).mean()
    draws = ccc_from_moments(counts @ per_seed).mean(axis=0)
    return Score(float(point), draws, per_seed, trained)


def scatter_of(*groups: np.ndarray) -> Scatter:
    """Scatter of a sum or difference of means over seeds, from their pooled variance.

    Parameters
    ----------
    groups
        The values of each independent group of seeds, shape (seeds,); none if nothing was trained.
    """
    if not groups:
        return NO_SCATTER
    if min(map(len, groups)) < 2:
        return Scatter(np.nan, 0)
    freedom = sum(len(values) - 1 for values in groups)
    variance = sum(((values - values.mean()) ** 2).sum() for values in groups) / freedom
    return Scatter(float(np.sqrt(variance * sum(1 / len(v) for v in groups))), freedom)


def scatter(score: Score) -> Scatter:
    """Scatter of a score over trainings."""
    return scatter_of(*([score.of_seeds] if score.trained else []))


def scatter_of_difference(
    pairs: Sequence[tuple[Score, Score]],
    shared: bool,
    trainings: Sequence[Hashable] | None = None,
) -> Scatter:
    """Scatter of the mean difference of pairs of models over trainings.

    Parameters
    ----------
    pairs
        The better and the worse score of each pair.
    shared
        Whether the two models of a pair use the same networks, as a fusion and one of its
        modalities do. The difference is then taken seed by seed; otherwise the seeds of the two
        models are unrelated.
    trainings
        Which trainings each pair belongs to. Pairs of the same trainings may have networks in
        common, so that their scores are averaged seed by seed; those of different ones are
        independent, and add degrees of freedom. By default all are the same.
    """
    named: dict[Hashable, list[tuple[Score, Score]]] = {}
    for pair, name in zip(pairs, trainings or [None] * len(pairs), strict=True):
        named.setdefault(name, []).append(pair)
    groups = []
    for own in named.values():
        sides = [side for side in zip(*own, strict=True) if all(score.trained for score in side)]
        sums = [np.sum([score.of_seeds for score in side], axis=0) for side in sides]
        if shared and len(sums) == 2 and len(sums[0]) == len(sums[1]):
            sums = [sums[0] - sums[1]]
        groups += [values / len(pairs) for values in sums]
    return scatter_of(*groups)


@lru_cache(64)
def _levels(draws: int, units: float) -> np.ndarray:
    """Levels at which the percentiles of the draws are the quantiles of a t distribution.

    Phi(sqrt(n / (n - 1)) t) for n units, for as many equally spaced probabilities as draws.
    """
    probability = (np.arange(draws) + 0.5) / draws
    if np.isinf(units):
        return probability
    return norm.cdf(student.ppf(probability, units - 1) * np.sqrt(units / (units - 1)))


@lru_cache(64)
def quantiles_of_noise(draws: int, freedom: float) -> np.ndarray:
    """Quantiles of the t distribution in a fixed random order, shape (draws,)."""
    order = np.random.default_rng(draws).permutation(draws)
    return student.ppf((order + 0.5) / draws, freedom)


def interval(draws: np.ndarray, units: float = np.inf, over: Scatter = NO_SCATTER) -> np.ndarray:
    """Expanded percentile interval (Hesterberg, 2015), widened by the scatter of the seeds.

    With few units, the draws vary too little. The percentiles are moved out to those of a t
    interval with the right divisor: Phi(-sqrt(n / (n - 1)) t) for n units. To each draw moved in
    this way, a draw of the mean over seeds is added.

    Parameters
    ----------
    draws
        Bootstrap draws, shape (draws, ...); those without a defined value are left out.
    units
        Number of units from which the draws were made, at least 2.
    over
        Scatter of the mean over seeds; its error may have the shape of a draw. An unknown one is
        left out.

    Returns
    -------
    low and high, shape (2, ...): NaN if the draws do not differ, as with a single unit; they are
    uninformative then.
    """
    known = draws[~np.isnan(draws).any(axis=tuple(range(1, draws.ndim)))]
    if len(known) < 2:
        return np.full((2, *draws.shape[1:]), np.nan)
    # Linear interpolation, as np.quantile does, which is slow for as many levels.
    place = _levels(len(known), units) * (len(known) - 1)
    below = np.minimum(place.astype(int), len(known) - 2)
    share = (place - below).reshape(-1, *[1] * (known.ndim - 1))
    ordered = np.sort(known, axis=0)
    moved = (1 - share) * ordered[below] + share * ordered[below + 1]
    if over.known:
        noise = quantiles_of_noise(len(known), over.freedom).reshape(-1, *[1] * (known.ndim - 1))
        moved = moved + over.error * noise
    bounds = np.quantile(moved, [LEVEL / 2, 1 - LEVEL / 2], axis=0)
    return np.where(np.ptp(known, axis=0) > ROUNDING, bounds, np.nan)


def bounds_of(score: Score) -> Bounds:
    """Interval of a score, or the range of the units' own scores if there are few units."""
    if score.units <= FEW_UNITS:
        return range_of(score.of_units)
    low, high = interval(score.draws, score.units, scatter(score))
    return Bounds(float(low), float(high), "interval")


def range_of(values: np.ndarray) -> Bounds:
    """Lowest and highest value; NaN with fewer than two, or if they do not differ."""
    known = values[~np.isnan(values)]
    if len(known) < 2 or np.ptp(known) <= ROUNDING:
        return Bounds(np.nan, np.nan, "range")
    return Bounds(float(known.min()), float(known.max()), "range")


@lru_cache(64)
def swaps_of(units: int, most: int = 2**EXACT_UNITS) -> np.ndarray:
    """Which units are swapped, bool, shape (swaps, units); first of all none.

    All ways if there are at most ``most`` of them, otherwise ``most`` at random.
    """
    if 2**units <= most:
        return np.array(list(itertools.product([False, True], repeat=units)))
    swaps = np.random.default_rng(units).random((most, units)) < 0.5
    swaps[0] = False
    return swaps


def p_value_of(differences: np.ndarray, over: Scatter = NO_SCATTER) -> np.ndarray:
    """Two-sided p value from the differences that swaps give.

    Parameters
    ----------
    differences
        Shape (swaps, ...); the first row is the observed one.
    over
        Scatter of the difference over seeds; its error may have the shape of a row. It is added to
        the distribution of the differences: a difference that another training may give is no
        evidence. An unknown one is left out.

    Returns
    -------
    Shape (...); NaN where the observed difference is not defined.
    """
    observed = np.abs(differences[0])
    share = (np.abs(differences) >= observed - ROUNDING).mean(axis=0)
    if over.known and np.any(over.error > 0):
        with np.errstate(divide="ignore", invalid="ignore"):
            above = stdtr(over.freedom, (differences - observed) / over.error)
            below = stdtr(over.freedom, (-observed - differences) / over.error)
        # Smoothing a coarse distribution must not make p smaller than its steps allow.
        share = np.fmax(share, np.nanmean(above + below, axis=0))
    return np.where(np.isnan(observed), np.nan, share)


def permutation_test(pairs: Sequence[tuple[Score, Score]], over: Scatter = NO_SCATTER) -> float:
    """Two-sided p value of the mean difference of pairs of models: how often it is as large with
    the models of all pairs swapped per unit.

    If two models are equally good, it does not matter which of them predicted a unit. All ways to
    swap them are tried, or 4096 at random if there are more than 12 units (Pitman, 1937). All pairs
    and seeds of a unit are swapped together. With n units p is at least 2^(1 - n): five units or
    fewer cannot decide anything at the 5 % level.
    """
    swaps = swaps_of(pairs[0][0].units)
    found = []
    for better, worse in pairs:
        a, b = better.per_seed, worse.per_seed
        if len(a) != len(b):
            # Every seed of one model meets every seed of the other.
            a, b = np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1, 1))
        first = ccc_from_moments(a.sum(axis=1, keepdims=True) + swaps @ (b - a))
        second = ccc_from_moments(b.sum(axis=1, keepdims=True) + swaps @ (a - b))
        found.append((first - second).mean(axis=0))
    return float(p_value_of(np.mean(found, axis=0), over))


class Difference(NamedTuple):
    """Result of :func:`compare`, with the names of columns of the table of hypotheses.

    ``effect_size`` is Cohen's d_z of the units' own scores: their mean difference in units of its
    standard deviation over units, with its 95 % interval. ``seeds`` is missing (NaN) if no seed
    affects either model.
    """

    difference: float
    low: float
    high: float
    kind: str
    p_value: float
    effect_size: float
    effect_low: float
    effect_high: float
    resampled: int
    seeds: float


def compare(better: Score, worse: Score, shared: bool = False) -> Difference:
    """Difference of two scores, its interval, its p value and its size.

    Parameters
    ----------
    better, worse
        Scores on the same units, from the same draws.
    shared
        See :func:`scatter_of_difference`.
    """
    return compare_all([(better, worse)], shared)


def compare_all(
    pairs: Sequence[tuple[Score, Score]],
    shared: bool = False,
    trainings: Sequence[Hashable] | None = None,
) -> Difference:
    """Mean difference of several pairs of scores, its interval, its p value and its size.

    It answers whether one kind of model is better than another in general, for instance over
    dimensions and modalities. The pairs may have models in common.

    Parameters
    ----------
    pairs
        The better and the worse score of each pair; all are on the same units, from the same draws,
        and those of one side have the same number of seeds.
    shared, trainings
        See :func:`scatter_of_difference`.
    """
    units, over = pairs[0][0].units, scatter_of_difference(pairs, shared, trainings)
    own = np.mean([better.of_units - worse.of_units for better, worse in pairs], axis=0)
    if units <= FEW_UNITS:
        bounds = range_of(own)
    else:
        draws = np.mean([better.draws - worse.draws for better, worse in pairs], axis=0)
        low, high = interval(draws, units, over)
        bounds = Bounds(float(low), float(high), "interval")
    seeds = [len(score.per_seed) for pair in pairs for score in pair if score.trained]
    return Difference(
        float(np.mean([better.point - worse.point for better, worse in pairs])),
        *bounds,
        permutation_test(pairs, over),
        *effect_size(own),
        units,
        min(seeds, default=np.nan),
    )


def effect_size(differences: np.ndarray) -> tuple[float, float, float]:
    """Cohen's d_z of paired differences, with a 95 % interval (Cohen, 1988).

    d_z = mean / sd over units; sqrt(n) d_z has a noncentral t distribution, which is inverted
    (Steiger & Fouladi, 1997).

    Parameters
    ----------
    differences
        One per unit, shape (n,); NaN is left out.

    Returns
    -------
    d_z, low, high; NaN with fewer than two units, or if all differences are the same.
    """
    known = differences[~np.isnan(differences)]
    if len(known) < 2 or np.ptp(known) <= ROUNDING:
        return np.nan, np.nan, np.nan
    root, freedom = np.sqrt(len(known)), len(known) - 1
    size = known.mean() / known.std(ddof=1)
    low, high = (
        nctdtrinc(freedom, share, size * root) / root for share in (1 - LEVEL / 2, LEVEL / 2)
    )
    return float(size), float(low), float(high)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P values adjusted for their number (Holm, 1979), shape (n,).

    The k-th smallest of m is multiplied by m - k + 1; adjusted values keep the order. NaN stays NaN
    and does not count.
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


UNDECIDED = "undecided"
FEW, ONE_SEED = f"{UNDECIDED} (few units)", f"{UNDECIDED} (one seed)"


def answer(low: float, high: float, p_value: float, units: int, seeds: float) -> str:
    """``yes``, ``no`` or ``undecided``: the interval and the permutation test must agree.

    Parameters
    ----------
    low, high
        Interval of the difference.
    p_value
        Adjusted for the number of comparisons.
    units
        Number of units; few cannot decide.
    seeds
        Number of seeds; a single one cannot decide. NaN if no seed affects the models.

    Returns
    -------
    If nothing can be decided, the answer says why.
    """
    if units <= FEW_UNITS:
        return FEW
    if seeds == 1:
        return ONE_SEED
    if p_value < LEVEL and low > 0:
        return "yes"
    return "no" if p_value < LEVEL and high < 0 else UNDECIDED
