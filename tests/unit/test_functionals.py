"""Functionals in windows are those of a plain loop, whatever the series looks like."""

import math
from typing import get_args

import numpy as np
import pytest

from softaer.core.experiment import Functional
from softaer.core.grid import grid
from softaer.signals.functionals import FUNCTIONALS, functional_names, windowed_functionals


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


def test_names_go_functional_by_functional():
    assert functional_names(["a", "b"], ["p10", "sd"]) == ["a_p10", "b_p10", "a_sd", "b_sd"]


def test_the_configuration_offers_what_there_is():
    assert [*get_args(Functional), "voiced"] == list(FUNCTIONALS)


PLAIN = {
    "mean": lambda _, x: np.mean(x),
    "variance": lambda _, x: np.var(x),
    "sd": lambda _, x: np.std(x),
    "min": lambda _, x: np.min(x),
    "max": lambda _, x: np.max(x),
    "range": lambda _, x: np.max(x) - np.min(x),
    **{f"p{q}": lambda _, x, q=q: np.percentile(x, q) for q in (10, 25, 50, 75, 90)},
    "slope": lambda t, x: np.polyfit(t - t[0], x, 1)[0] if len(x) > 1 else np.nan,
    "voiced": lambda _, x: np.mean(x > 0),
}
"""What numpy computes of the samples of one window, at their times."""


def plain(functional, time, values, at, window):
    out = np.full((len(at), values.shape[1]), np.nan)
    for row, centre in zip(out, at, strict=True):
        inside = np.abs(time - centre) <= window / 2 + 1e-6
        for column in range(values.shape[1]):
            here = inside & ~np.isnan(values[:, column])
            if here.any():
                row[column] = PLAIN[functional](time[here], values[here, column])
    return out


def irregular(missing):
    """Times with holes, and columns with their own NaN: none, some, the same, in blocks, all."""
    rng = np.random.default_rng(4)
    time = np.sort(rng.uniform(0, 12, 400))
    time = time[(time < 4) | (time > 7)]
    values = rng.normal(size=(len(time), 5)) * [1, 1e-3, 1e3, 1, 1] + [0, 5, 1e6, -2, 0]
    if missing:
        values[rng.random(len(time)) < 0.3, 1:3] = np.nan
        values[(time > 1) & (time < 9), 3] = np.nan
        values[:, 4] = np.nan
    return time, values


@pytest.mark.parametrize("functional", FUNCTIONALS)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("window", [0.05, 0.5, 4.0])
def test_each_functional_is_that_of_numpy(functional, missing, window):
    time, values = irregular(missing)
    at = grid(15.0)
    got = windowed_functionals(time, values, at, window, [functional])
    expected = plain(functional, time, values, at, window)
    assert np.isnan(expected).any()
    assert not np.isnan(expected).all()
    size = np.nanmax(np.abs(values), axis=0, initial=1.0) ** (2 if functional == "variance" else 1)
    if functional == "slope":  # two samples may be close to each other
        size /= np.diff(time).min()
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    assert (np.nan_to_num(np.abs(got - expected)) <= 1e-12 * size).all()


def test_several_functionals_are_those_one_by_one():
    time, values = irregular(missing=True)
    chosen = ["slope", "p90", "mean", "p10"]
    together = windowed_functionals(time, values, grid(13.0), 1.0, chosen)
    one_by_one = [windowed_functionals(time, values, grid(13.0), 1.0, [f]) for f in chosen]
    assert np.array_equal(together, np.hstack(one_by_one), equal_nan=True)


def test_a_gap_in_one_column_does_not_touch_the_others():
    time, values = irregular(missing=False)
    whole = windowed_functionals(time, values, grid(13.0), 1.0)
    values[100:150, 2] = np.nan
    gap = windowed_functionals(time, values, grid(13.0), 1.0)
    others = [0, 1, 3, 4, 5, 6, 8, 9]
    np.testing.assert_allclose(gap[:, others], whole[:, others], rtol=1e-12)
    assert not np.allclose(gap[:, 2], whole[:, 2], equal_nan=True)


@pytest.mark.parametrize(
    ("functional", "value"),
    [("sd", 0.0), ("range", 0.0), ("slope", np.nan), ("voiced", 1.0)]
    + [(name, 3.5) for name in ("mean", "min", "max", "p10", "p50", "p90")],
)
def test_a_single_sample(functional, value):
    got = windowed_functionals(np.zeros(1), np.full((1, 1), 3.5), np.zeros(1), 1.0, [functional])
    assert np.array_equal(got, [[value]], equal_nan=True)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_the_slope_of_a_line_is_known_at_any_time_and_height(offset):
    time = offset + np.arange(400) / 100
    values = np.stack([3 * (time - offset), np.full(400, 1e6), -(time - offset)], axis=1)
    got = windowed_functionals(time, values, offset + np.arange(5.0), 1.5, ["slope"])
    np.testing.assert_allclose(got, np.tile([3, 0, -1], (5, 1)), rtol=1e-6, atol=1e-9)


def test_no_functional_gives_no_column():
    assert windowed_functionals(np.zeros(1), np.ones((1, 2)), grid(0.5), 1.0, []).shape == (6, 0)
