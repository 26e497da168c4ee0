"""The time grid is exact, and series reach it without a value that was never observed."""

import numpy as np
import pytest

from softaer.core.grid import RATE, grid, index, interpolate


def test_grid_points_are_the_decimal_numbers_themselves():
    points = grid(7200.0)
    assert points.dtype == np.float64
    assert points.tolist() == [float(f"{k // 10}.{k % 10}") for k in range(72_001)]


@pytest.mark.parametrize(
    ("end", "count"),
    [(0.0, 1), (0.05, 1), (0.0999, 1), (0.1, 2), (0.1 + 0.2, 4), (0.3 - 1e-9, 4), (2.96, 30)],
)
def test_grid_holds_every_point_up_to_its_end(end, count):
    assert len(grid(end)) == count


@pytest.mark.parametrize("end", [-1.0, -0.01])
def test_grid_before_time_zero_is_empty(end):
    assert grid(end).shape == (0,)


def test_grid_of_a_sum_of_steps_does_not_lose_its_last_point():
    for count in range(1, 2000, 7):
        end = float(np.sum(np.full(count, 0.1)))
        assert len(grid(end)) == count + 1


def test_index_inverts_the_grid():
    points = grid(3600.0)
    assert np.array_equal(index(points), np.arange(len(points)))
    assert index(points + 1e-8).dtype == np.int64


def test_index_places_points_before_zero():
    assert index(np.array([-0.4, -0.1])).tolist() == [-4, -1]


@pytest.mark.parametrize("time", [0.05, 0.1001, 12.34, np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_index_refuses_times_off_the_grid(time):
    with pytest.raises(ValueError):  # noqa: PT011
        index(np.array([0.0, time]))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_interpolation_between_near_samples_is_numpys(shape):
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.integers(10, 301, 200)) / 1000
    values = rng.normal(size=(200, *shape))
    at = grid(time[-1])
    at = at[at >= time[0]]
    ours = interpolate(time, values, at, max_gap=0.3)
    columns = values.reshape(200, -1).T
    expected = np.stack([np.interp(at, time, column) for column in columns], axis=1)
    np.testing.assert_allclose(ours, expected.reshape(-1, *shape), rtol=0, atol=1e-12)


def test_nothing_is_extrapolated():
    values = interpolate(np.array([0.5, 1.0]), np.array([1.0, 2.0]), grid(2.0), max_gap=10)
    known = (grid(2.0) >= 0.5) & (grid(2.0) <= 1.0)
    assert np.array_equal(~np.isnan(values), known)


def test_long_gaps_stay_open_and_their_edges_known():
    time = np.array([0.0, 0.1, 0.2, 0.9, 1.0])
    values = np.array([1.0, 2.0, 3.0, 10.0, 11.0])
    got = interpolate(time, values, grid(1.0), max_gap=0.5)
    assert np.array_equal(got, [1, 2, 3, *[np.nan] * 6, 10, 11], equal_nan=True)


def test_a_gap_of_the_greatest_length_is_bridged():
    # 0.8 - 0.3 and 0.9 - 0.4 differ in float64; both are gaps of half a second.
    for first, last in [(0.3, 0.8), (0.4, 0.9), (1.1, 1.6)]:
        got = interpolate(np.array([first, last]), np.array([0.0, 1.0]), grid(2.0), max_gap=0.5)
        assert np.count_nonzero(~np.isnan(got)) == 6
    got = interpolate(np.array([0.3, 0.801]), np.array([0.0, 1.0]), grid(2.0), max_gap=0.5)
    assert np.flatnonzero(~np.isnan(got)).tolist() == [3]


@pytest.mark.parametrize("error", [-1e-9, 1e-9])
def test_samples_are_met_up_to_rounding(error):
    time = np.array([0.1, 0.9]) + error
    got = interpolate(time, np.array([5.0, 7.0]), grid(1.0), max_gap=0.2)
    assert got[[1, 9]].tolist() == [5.0, 7.0]
    assert np.isnan(got[[0, 2, 8, 10]]).all()


def test_holding_takes_the_last_sample_before_a_point():
    rng = np.random.default_rng(1)
    time = np.cumsum(rng.uniform(0.02, 0.2, 100))
    values = rng.normal(size=100)
    at = grid(time[-1])
    at = at[at >= time[0]]
    got = interpolate(time, values, at, max_gap=0.2, previous=True)
    expected = [values[max(k for k in range(100) if time[k] <= t + 1e-6)] for t in at]
    assert got.tolist() == expected


def test_holding_changes_on_the_sample_and_not_across_gaps():
    time = np.array([0.0, 0.2, 1.0])
    got = interpolate(time, np.array([1.0, 2.0, 3.0]), grid(1.2), max_gap=0.5, previous=True)
    assert got[:3].tolist() == [1.0, 1.0, 2.0]
    assert np.isnan(got[3:10]).all()
    assert got[10] == 3.0
    assert np.isnan(got[11:]).all()


@pytest.mark.parametrize("shape", [(0,), (0, 4)])
def test_an_empty_series_says_nothing(shape):
    got = interpolate(np.empty(0), np.empty(shape), grid(1.0), max_gap=1.0)
    assert got.shape == (11, *shape[1:])
    assert np.isnan(got).all()


def test_a_single_sample_is_known_at_its_own_time_only():
    got = interpolate(np.array([0.5]), np.array([9.0]), grid(1.0), max_gap=10)
    assert np.flatnonzero(~np.isnan(got)).tolist() == [5]
    assert got[5] == 9.0


def test_no_points_asked_for_gives_none():
    got = interpolate(np.array([0.0, 1.0]), np.zeros((2, 3)), np.empty(0), max_gap=1)
    assert got.shape == (0, 3)


def test_ten_points_a_second():
    assert RATE == 10
    assert grid(1.0)[1] == 0.1
