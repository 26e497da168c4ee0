"""Means and variances in windows are those of a plain loop, whatever the series looks like."""

import math

import numpy as np
import pytest

from softaer.core.grid import grid
from softaer.signals.functionals import functional_names, windowed_functionals


def by_loop(time, values, at, window):
    """Means and variances of each window by exactly rounded sums, one window at a time."""
    out = np.full((len(at), 2 * values.shape[1]), np.nan)
    for row, centre in zip(out, at, strict=True):
        inside = [
            k
            for k, t in enumerate(time)
            if centre - window / 2 - 1e-6 <= t <= centre + window / 2 + 1e-6
        ]
        for column in range(values.shape[1] if inside else 0):
            samples = [float(values[k, column]) for k in inside]
            mean = math.fsum(samples) / len(samples)
            row[column] = mean
            row[values.shape[1] + column] = math.fsum((s - mean) ** 2 for s in samples) / len(
                samples
            )
    return out


@pytest.mark.parametrize("window", [0.04, 0.5, 1.0, 4.0, 30.0])
def test_regular_series_and_its_edges(window):
    time = 0.03 + np.arange(700) / 100
    values = np.random.default_rng(0).normal(size=(700, 3))
    at = grid(7.5)
    got = windowed_functionals(time, values, at, window)
    np.testing.assert_allclose(got, by_loop(time, values, at, window), rtol=0, atol=1e-12)


def test_irregular_series_with_holes():
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, 12, 300))
    time = time[(time < 4) | (time > 7)]
    values = rng.normal(size=(len(time), 2))
    at = grid(13.0)
    got = windowed_functionals(time, values, at, 0.3)
    np.testing.assert_allclose(got, by_loop(time, values, at, 0.3), rtol=0, atol=1e-12)
    assert np.isnan(got[50:65]).all()
    assert np.isnan(got[-5:]).all()


@pytest.mark.parametrize("offset", [1e8, -1e8])
def test_small_variance_on_a_huge_offset_keeps_its_digits(offset):
    rng = np.random.default_rng(2)
    time = np.arange(3000) / 100
    values = offset + rng.integers(-8, 9, size=(3000, 1)) / 8
    at = grid(29.9)
    got = windowed_functionals(time, values, at, 4.0)
    np.testing.assert_allclose(got, by_loop(time, values, at, 4.0), rtol=1e-12)
    assert (got[:, 1] > 0.2).all()


def test_float32_series_are_summed_in_float64():
    values = np.full((40_000, 1), 0.1, dtype=np.float32)
    got = windowed_functionals(np.arange(40_000) / 100, values, np.array([200.0]), 400.0)
    assert got.dtype == np.float64
    assert got[0, 0] == pytest.approx(np.float64(np.float32(0.1)), rel=1e-14)
    assert got[0, 1] == pytest.approx(0, abs=1e-28)


def test_variance_is_of_the_population():
    got = windowed_functionals(np.array([0.0, 0.1]), np.array([[1.0], [3.0]]), np.zeros(1), 1.0)
    assert got.tolist() == [[2.0, 1.0]]


def test_a_window_of_one_sample_has_that_mean_and_no_variance():
    time = np.arange(10) / 10
    values = np.random.default_rng(3).normal(size=(10, 2))
    got = windowed_functionals(time, values, time, 0.1)
    assert np.array_equal(got[:, :2], values)
    assert np.array_equal(got[:, 2:], np.zeros((10, 2)))


def test_windows_are_closed_at_both_ends():
    time = np.arange(11) / 10
    values = np.arange(11.0)[:, None]
    got = windowed_functionals(time, values, np.array([0.5]), 0.4)
    assert got.tolist() == [[5.0, 2.0]]


def test_windows_without_samples_are_nan():
    got = windowed_functionals(np.array([5.0]), np.ones((1, 2)), grid(1.0), 1.0)
    assert got.shape == (11, 4)
    assert np.isnan(got).all()


@pytest.mark.parametrize("points", [0, 5])
def test_an_empty_series(points):
    at = np.arange(points) / 10
    got = windowed_functionals(np.empty(0), np.empty((0, 3)), at, 1.0)
    assert got.shape == (points, 6)
    assert np.isnan(got).all()


def test_a_constant_series_has_no_variance_and_a_line_the_known_one():
    time = np.arange(2001) / 100
    values = np.stack([np.full(2001, 7.0), 2 * time], axis=1)
    got = windowed_functionals(time, values, np.array([10.0]), 4.0)
    # 401 samples with steps of 0.02: (401^2 - 1) / 12 * 0.02^2
    np.testing.assert_allclose(got[0], [7, 20, 0, (401**2 - 1) / 12 * 0.02**2], atol=1e-12)


def test_names_are_all_means_then_all_variances():
    assert functional_names(["a", "b"]) == ["a_mean", "b_mean", "a_variance", "b_variance"]
