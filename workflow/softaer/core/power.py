"""Power: how likely a gain is found with a planned number of units.

The run's own units are the population: as many as planned are drawn with replacement, a gain is
planted, and the product's own rule answers (interval and permutation test must agree, adjusted for
the number of comparisons). The scores of a pair of models enter by their jackknife pseudo-values
n CCC - (n - 1) CCC without the unit (Tukey, 1958), whose mean over units stands for the pooled CCC.
The scatter of the seeds is that of the run; a plan has as many seeds.
"""

from collections.abc import Sequence

import numpy as np

from softaer.core.concordance import ccc_from_moments
from softaer.core.inference import (
    FEW_UNITS,
    LEVEL,
    ROUNDING,
    Scatter,
    Score,
    interval,
    quantiles_of_noise,
    resample,
    scatter_of_difference,
    swaps_of,
)

PLANNED = (4, 8, 16, 32)
"""Numbers of units for which the power is given, beside that of the run."""

ENOUGH = 0.8
"""Power with which the smallest gain is found."""

REPLICATES, DRAWS, SWAPS = 200, 200, 512
"""Planned corpora, and the draws and swaps of each."""

STEPS = np.array([0, 2, 2.5, 3, 3.5, 4, 5, 7])
"""Gains that are tried for the smallest one, in standard errors."""


def pseudo_values(per_seed: np.ndarray) -> np.ndarray:
    """Jackknife pseudo-values of the pooled CCC, mean over seeds.

    Parameters
    ----------
    per_seed
        Moments, shape (seeds, units, 6), of at least two units.

    Returns
    -------
    Shape (units,).
    """
    units, whole = per_seed.shape[1], per_seed.sum(axis=1, keepdims=True)
    without = ccc_from_moments(whole - per_seed)
    return (units * ccc_from_moments(whole) - (units - 1) * without).mean(axis=0)


class Plan:
    """Planned corpora of one size for a pair of models.

    Parameters
    ----------
    contributions
        Differences of the pseudo-values of the two models, shape (units of the run,).
    over
        Scatter of the difference over seeds.
    units
        Planned number of units.
    """

    def __init__(self, contributions: np.ndarray, over: Scatter, units: int) -> None:
        self.units = units
        rng = np.random.default_rng(units)
        known = len(contributions)
        # A sample varies less than what it was drawn from.
        centred = (contributions - contributions.mean()) * np.sqrt(known / (known - 1))
        values = centred[rng.integers(known, size=(units, REPLICATES))]
        self.error = float(np.hypot(centred.std() / np.sqrt(units), over.error))
        estimated = np.zeros(REPLICATES)
        if np.any(over.error > 0):
            values = values + over.error * rng.standard_normal(REPLICATES)
            chi_square = rng.chisquare(over.freedom, REPLICATES)
            estimated = over.error * np.sqrt(chi_square / over.freedom)
        self.means = values.mean(axis=0)
        draws = resample(units, DRAWS, units) @ values / units
        self.lows = interval(draws, units, Scatter(estimated, over.freedom))[0]
        signs = np.where(swaps_of(units, SWAPS), -1.0, 1.0) / units
        self.signs = signs.sum(axis=1, keepdims=True)
        # As in the permutation test, but with one draw of the scatter per swap, instead of its
        # whole distribution. Without a swap, or with all, the difference is the observed one.
        noise = quantiles_of_noise(len(signs), over.freedom)[:, None] * estimated
        self.swapped = signs @ values + np.where(np.abs(self.signs) < 1 - 1e-9, noise, 0.0)

    def found(self, gain: float, comparisons: Sequence[int]) -> list[float]:
        """Share of the planned corpora that answer "yes" to a gain.

        Parameters
        ----------
        gain
            Planted difference in CCC.
        comparisons
            Numbers of comparisons for which p is adjusted.
        """
        if self.units <= FEW_UNITS:
            return [0.0] * len(comparisons)
        # A constant added to all values moves the interval as a whole.
        above = self.lows + gain > 0
        observed = np.abs(self.means + gain) - ROUNDING
        beyond = np.abs(self.swapped + gain * self.signs) >= observed
        p_values = np.count_nonzero(beyond, axis=0) / len(beyond)
        return [float((above & (p_values * m < LEVEL)).mean()) for m in comparisons]

    def smallest(self, comparisons: Sequence[int]) -> list[float]:
        """Smallest gain that is found with a power of 80 %; NaN if no gain is."""
        gains = STEPS * self.error
        powers = np.maximum.accumulate([self.found(gain, comparisons) for gain in gains])
        return [
            float(np.interp(ENOUGH, power, gains)) if power[-1] >= ENOUGH else np.nan
            for power in powers.T
        ]


def power(
    better: Score, worse: Score, shared: bool, comparisons: int, gain: float
) -> list[dict[str, float]]:
    """Power of a comparison with planned numbers of units.

    Parameters
    ----------
    better, worse, shared
        See :func:`softaer.core.inference.compare`.
    comparisons
        Number of comparisons among which p is adjusted, counting this one.
    gain
        Difference in CCC for which the power is asked.

    Returns
    -------
    Rows with ``units`` (planned), ``comparisons`` (1, and the given number), ``gain``, ``power``
    between 0 and 1, and ``smallest_gain`` (found with a power of 80 %; NaN if none is). No rows if
    there are too few units, one seed, or no scatter from unit to unit.
    """
    over = scatter_of_difference([(better, worse)], shared)
    if better.units <= FEW_UNITS or not over.known:
        return []
    contributions = pseudo_values(better.per_seed) - pseudo_values(worse.per_seed)
    if np.isnan(contributions).any() or np.ptp(contributions) < ROUNDING:
        return []
    several = sorted({1, comparisons})
    rows = []
    for units in sorted({*PLANNED, better.units}):
        plan = Plan(contributions, over, units)
        for count, found, least in zip(
            several, plan.found(gain, several), plan.smallest(several), strict=True
        ):
            rows.append(
                {
                    "units": units,
                    "comparisons": count,
                    "gain": gain,
                    "power": found,
                    "smallest_gain": least,
                }
            )
    return rows
