"""Chance: unrelated series pass as rarely as they should, related ones do."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.stats import pearsonr

from softaer.core.chance import LEVEL, chance_level, independent_samples

NAN = np.nan


def centred(values):
    return values - np.nanmean(values)


def slow(rng, count, width):
    return centred(gaussian_filter1d(rng.standard_normal(count), width, mode="wrap"))


def test_frames_of_white_noise_are_all_independent():
    rng = np.random.default_rng(0)
    pair = tuple(centred(rng.standard_normal(5000)) for _ in range(2))
    assert independent_samples([pair]) == pytest.approx(5000, rel=0.05)


@pytest.mark.parametrize("width", [5, 10, 25])
def test_smoothed_noise_has_as_many_samples_as_its_kernel_leaves(width):
    """A Gaussian of s frames leaves one sample in s sqrt(2 pi) frames."""
    rng = np.random.default_rng(1)
    pairs = [(slow(rng, 2000, width), slow(rng, 2000, width)) for _ in range(10)]
    expected = 20_000 / (width * np.sqrt(2 * np.pi))
    assert independent_samples(pairs) == pytest.approx(expected, rel=0.15)


def test_a_level_that_stays_is_one_sample_per_recording():
    rng = np.random.default_rng(2)
    levels = [(np.full(300, a), np.full(300, b)) for a, b in rng.standard_normal((12, 2))]
    assert independent_samples(levels) == pytest.approx(12, rel=0.01)


def test_what_is_missing_is_no_sample():
    rng = np.random.default_rng(3)
    x, y = (centred(rng.standard_normal(2000)) for _ in range(2))
    x[500:1500] = NAN
    assert independent_samples([(x, y)]) == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(np.zeros(50), centred(np.arange(50.0)))],
        [(np.full(50, NAN), centred(np.arange(50.0)))],
        [(np.empty(0), np.empty(0))],
    ],
)
def test_without_change_there_is_nothing_to_tell_from_chance(pairs):
    assert independent_samples(pairs) == 0
    assert chance_level(pairs, 1, 1) == 1


def test_for_white_noise_the_level_is_that_of_the_t_test():
    rng = np.random.default_rng(4)
    pair = tuple(centred(rng.standard_normal(400)) for _ in range(2))
    level = chance_level([pair], 1, 1)
    shared = rng.standard_normal(400)
    passed = rng.standard_normal(400)
    share = level / np.sqrt(1 - level**2)
    # A correlation of about the level has about the p-value that the level stands for.
    passed = passed - shared * (passed @ shared) / (shared @ shared)
    other = shared / shared.std() * share + passed / passed.std()
    found = pearsonr(shared, other, alternative="greater")
    assert found.statistic == pytest.approx(level, abs=0.02)
    assert LEVEL / 3 < found.pvalue < LEVEL * 3


@pytest.mark.parametrize("width", [10, 40])
def test_unrelated_series_almost_never_exceed_it_at_the_best_of_many_lags(width):
    rng = np.random.default_rng(5)
    exceeded = 0
    for _ in range(200):
        x, y = slow(rng, 1200, width), slow(rng, 1200, width)
        best = max(np.corrcoef(np.roll(x, lag), y)[0, 1] for lag in range(-30, 31, 3))
        exceeded += best > chance_level([(x, y)], 1, 61)
    assert exceeded <= 2


def test_related_series_exceed_it():
    rng = np.random.default_rng(6)
    for _ in range(50):
        shared = slow(rng, 6000, 15)
        x, y = (shared + 0.7 * slow(rng, 6000, 15) for _ in range(2))
        assert np.corrcoef(x, y)[0, 1] > chance_level([(x, y)], 1, 61)


def test_the_level_rises_with_what_has_been_tried_and_falls_with_length():
    rng = np.random.default_rng(7)
    pair = tuple(slow(rng, 3000, 10) for _ in range(2))
    levels = [chance_level([pair], 1, *tried) for tried in [(1,), (61,), (61, 3), (600, 3)]]
    assert levels == sorted(levels)
    assert len(set(levels)) == 4
    assert chance_level([pair] * 4, 4, 61) < levels[1] < chance_level([pair], 40, 61) < 1


def test_too_short_a_series_never_passes():
    trend = centred(np.arange(30.0))
    assert chance_level([(trend, trend)], 1, 61) > 0.99
