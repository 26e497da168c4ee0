"""The budget of the fuzz tests, and the series and references that several of them use.

Each test draws 100 examples, the same ones every time. ``SOFTAER_FUZZ_EXAMPLES=20000 pytest
tests/fuzz`` draws as many as it says, and others every time.

Times are drawn in whole milliseconds, so that the references compare without rounding.
"""

import os
from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = os.environ.get("SOFTAER_FUZZ_EXAMPLES")

fuzz = settings(
    max_examples=int(EXAMPLES or 100),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

instants = st.integers(0, 3000) | st.integers(0, 30).map(lambda point: 100 * point)
"""Milliseconds, many of them grid points."""


def numbers(largest: float) -> st.SearchStrategy[float]:
    """Round numbers, numbers like ratings, and numbers of any size."""
    return (
        st.integers(-3, 3).map(float)
        | st.floats(-1, 1, allow_subnormal=False)
        | st.floats(-largest, largest, allow_subnormal=False)
    )


def clocks(min_size: int = 0) -> st.SearchStrategy[list[int]]:
    """Increasing milliseconds, irregular, that start at once or late."""
    times = st.lists(instants, unique=True, min_size=min_size, max_size=25).map(sorted)
    late = st.just(0) | st.integers(0, 20_000)
    return st.builds(lambda some, start: [start + t for t in some], times, late)


def seconds(milliseconds: list[int]) -> np.ndarray:
    """Times as the workflow has them."""
    return np.array(milliseconds, dtype=np.float64) / 1000


def grid_points(milliseconds: list[int]) -> range:
    """Grid points from 0 to the last of some times [ms]."""
    return range(0, max(milliseconds, default=-1) + 1, 100)


def interpolated(samples: dict[int, float], at: int, max_gap: int, hold: bool = False) -> float:
    """Value of a series at one instant, all in milliseconds; NaN where it says nothing."""
    if at in samples:
        return samples[at]
    before = max((t for t in samples if t < at), default=None)
    after = min((t for t in samples if t > at), default=None)
    if before is None or after is None or after - before > max_gap:
        return np.nan
    if hold:
        return samples[before]
    rise = Fraction(samples[after]) - Fraction(samples[before])
    return float(Fraction(samples[before]) + rise * (at - before) / (after - before))


def assert_close(found: np.ndarray, expected: np.ndarray, size: float, digits: int = 12) -> None:
    """Equal up to so many digits of the largest number that went in; NaN in the same places."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=10.0**-digits * size)
