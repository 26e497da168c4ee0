"""Concordance: Lin's coefficient, against an independent implementation and by hand."""

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softaer.core.concordance import (
    ccc,
    ccc_from_moments,
    ccc_of_each,
    ccc_of_recordings,
    errors,
    moments,
    pearson,
)


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_an_independent_implementation(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 500))
    x = rng.normal(size=n) * rng.uniform(0.1, 10) + rng.normal()
    y = rng.uniform(-1, 1) * x + rng.normal(size=n) * rng.uniform(0, 2) + rng.normal()
    assert ccc(x, y) == pytest.approx(audmetric.concordance_cc(x, y), abs=1e-9)


def test_lins_formula_in_population_form():
    x, y = np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 5.0])
    covariance = np.mean((x - x.mean()) * (y - y.mean()))
    expected = 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert ccc(x, y) == pytest.approx(expected)
    pearson = np.corrcoef(x, y)[0, 1]
    bias = 2 * x.std() * y.std() / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert ccc(x, y) == pytest.approx(pearson * bias)


def test_identity_opposition_and_offset():
    x = np.array([-1.0, 0.0, 1.0])
    assert ccc(x, x) == pytest.approx(1)
    assert ccc(x, -x) == pytest.approx(-1)
    assert ccc(x, x + 1) == pytest.approx(4 / 7)
    assert ccc(x, 2 * x) == pytest.approx(0.8)


def test_a_large_offset_costs_no_digits():
    x = np.sin(np.arange(100.0))
    assert ccc(x + 1e8, 0.5 * x + 1e8) == pytest.approx(ccc(x, 0.5 * x), rel=1e-6)


def test_float32_is_computed_in_double_precision():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=10_000) + 100).astype(np.float32)
    y = (x + rng.normal(size=10_000)).astype(np.float32)
    assert ccc(x, y) == ccc(x.astype(np.float64), y.astype(np.float64))


def test_pairs_with_a_missing_value_are_left_out():
    x = np.array([1.0, np.nan, 3.0, 4.0, 9.0])
    y = np.array([1.0, 2.0, 2.0, 5.0, np.nan])
    assert ccc(x, y) == ccc(x[[0, 2, 3]], y[[0, 2, 3]])


@pytest.mark.parametrize("x", [[], [np.nan, np.nan], [np.nan, 1.0]])
def test_without_a_pair_there_is_no_concordance(x):
    assert np.isnan(ccc(np.array(x), np.array([1.0, np.nan][: len(x)])))


@pytest.mark.parametrize("value", [0.0, 0.5, 0.1, 1 / 3])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 49])
def test_two_equal_constants_have_no_concordance(value, n):
    assert np.isnan(ccc(np.full(n, value), np.full(n, value)))


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3])
def test_a_constant_beside_a_series_has_none(value):
    x = np.random.default_rng(0).normal(size=50)
    assert ccc(x, np.full(50, value)) == pytest.approx(0, abs=1e-12)
    assert ccc(np.full(50, value), x) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.tuples(*[st.integers(-99, 99)] * 2), min_size=2, max_size=30))
def test_it_is_symmetric_and_at_most_one(pairs):
    x, y = np.array(pairs).T / 8
    value = ccc(x, y)
    np.testing.assert_equal(ccc(y, x), value)
    assert np.isnan(value) or -1 - 1e-9 <= value <= 1 + 1e-9


def test_moments_of_units_of_unequal_length_in_the_order_of_their_numbers():
    label, y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    found = moments(y, label, np.array([0, 1, 0]), 2)
    np.testing.assert_array_equal(found, [[2, 10, 4, 52, 10, 22], [1, 5, 2, 25, 4, 10]])


def test_concordance_of_constants_from_moments():
    def of(x, y):
        return ccc_from_moments(moments(x, y, np.zeros(len(x), dtype=int), 1)[0])

    assert of(np.zeros(4), np.arange(4.0)) == 0
    assert np.isnan(of(np.full(4, 0.3), np.full(4, 0.3)))


def test_other_scores_against_numpy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200).astype(np.float32)
    y = (0.5 * x + rng.normal(size=200) + 3).astype(np.float32)
    assert pearson(x, y) == pytest.approx(audmetric.pearson_cc(x, y), abs=1e-6)
    assert pearson(x, 2 * y - 7) == pytest.approx(pearson(x, y), abs=1e-6)
    rmse, mae = errors(x, y)
    assert rmse == pytest.approx(np.sqrt(np.mean(np.square(y - x, dtype=float))), rel=1e-6)
    assert mae == pytest.approx(audmetric.mean_absolute_error(x, y), rel=1e-6)
    assert mae < rmse
    assert np.isnan(pearson(x, np.ones(200)))


def test_each_recording_counts_the_same_however_long_it_is():
    """One long recording whose level is far from the others' makes the pooled CCC look good."""
    rng = np.random.default_rng(0)
    labels = [rng.normal(size=40) for _ in range(5)] + [5 + rng.normal(size=800)]
    predictions = [label.mean() + rng.normal(size=len(label)) for label in labels]
    each = ccc_of_each(labels, predictions)
    assert each == pytest.approx(
        [audmetric.concordance_cc(*p) for p in zip(labels, predictions, strict=True)]
    )
    assert ccc_of_recordings(labels, predictions) == pytest.approx(each.mean())
    assert ccc_of_recordings(labels, predictions) < 0.2
    assert ccc(np.concatenate(labels), np.concatenate(predictions)) > 0.6


def test_recordings_without_a_concordance_are_left_out():
    labels = [np.zeros(3), np.arange(3.0), np.full(3, np.nan)]
    assert ccc_of_recordings(labels, [np.zeros(3), np.arange(3.0), np.ones(3)]) == 1
    assert np.isnan(ccc_of_recordings(labels[:1], [np.zeros(3)]))
    assert np.isnan(ccc_of_recordings([], []))
