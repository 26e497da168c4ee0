"""Reliability: published examples, planted panels, and real raters."""

import numpy as np
import pandas as pd
import pytest

from softaer.agreement import (
    drawn_correlations,
    intraclass,
    mean_correlation,
    moments_of_halves,
    panels,
    reliability_tables,
)
from softaer.core.experiment import Evaluation
from softaer.core.inference import FEW_UNITS
from softaer.core.reliability import (
    SPLITS,
    correlation_from_moments,
    intraclass_correlation,
    raters_needed,
    spearman_brown,
    split_moments,
    splits_of_panel,
)

SETTINGS = Evaluation(draws=200)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Ratings of six targets by four judges (Shrout & Fleiss, 1979, table 2)."""


def table_of(recordings):
    """Ratings of {recording: {rater: trace}} as a table; None where a rater is absent."""
    rows = [
        (recording, frame / 10, rater, float(value))
        for recording, traces in recordings.items()
        for rater, trace in traces.items()
        for frame, value in enumerate(trace)
        if value is not None and not np.isnan(value)
    ]
    return pd.DataFrame(rows, columns=["recording", "time", "rater", "value"])


def test_icc_of_the_published_example():
    single, mean = intraclass_correlation(SHROUT_FLEISS.T)
    assert single == pytest.approx(0.29, abs=0.005)
    assert mean == pytest.approx(0.62, abs=0.005)


def test_icc_sees_biases_of_raters_and_is_undefined_without_two_raters_or_variation():
    rng = np.random.default_rng(0)
    common = rng.normal(size=5000)
    close = common + 0.5 * rng.normal(size=(4, 5000))
    assert intraclass_correlation(close)[0] == pytest.approx(0.8, abs=0.02)
    biased = close + np.array([[-1.0], [0.0], [0.0], [1.0]])
    # Variance between these raters 2/3: 1 / (1 + 0.25 + 2/3).
    assert intraclass_correlation(biased)[0] == pytest.approx(1 / (1.25 + 2 / 3), abs=0.02)
    assert np.isnan(intraclass_correlation(close[:1])).all()
    assert np.isnan(intraclass_correlation(np.ones((3, 10)))).all()


def test_icc_of_several_panels_is_their_mean_over_complete_frames():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=n) + 0.7 * rng.normal(size=(3, n)) for n in (40, 60))
    a[1, :10] = np.nan
    ratings = table_of(
        {"a": dict(zip("xyz", a, strict=True)), "b": dict(zip("uvw", b, strict=True))}
    )
    single, mean, frames = intraclass(panels(ratings))
    own, other = intraclass_correlation(a[:, 10:]), intraclass_correlation(b)
    assert frames == 90
    assert single == pytest.approx((30 * own[0] + 60 * other[0]) / 90)
    assert mean == pytest.approx((30 * own[1] + 60 * other[1]) / 90)
    same = table_of({"a": dict(zip("xyz", a, strict=True)), "b": dict(zip("xyz", b, strict=True))})
    together = np.concatenate([a[:, 10:], b], axis=1)
    assert intraclass(panels(same))[:2] == pytest.approx(intraclass_correlation(together))


@pytest.mark.parametrize(
    ("raters", "size", "count"), [(4, 2, 3), (6, 3, 10), (5, 2, 15), (2, 1, 1)]
)
def test_a_small_panel_is_split_in_every_way_once(raters, size, count):
    orders = splits_of_panel(raters, size)
    assert len(orders) == count
    assert (np.sort(orders, axis=1) == np.arange(raters)).all()
    pairs = {
        frozenset([frozenset(o[:size].tolist()), frozenset(o[size : 2 * size].tolist())])
        for o in orders
    }
    assert len(pairs) == count


def test_a_large_panel_is_split_at_random_the_same_every_time():
    orders = splits_of_panel(20, 10)
    assert orders.shape == (SPLITS, 20)
    np.testing.assert_array_equal(orders, splits_of_panel(20, 10))


def test_moments_of_two_halves_by_hand():
    rng = np.random.default_rng(2)
    ratings = 100 + rng.normal(size=(5, 50))
    ratings[0, :20] = np.nan
    orders = np.array([[1, 3, 0, 4, 2], [4, 2, 1, 0, 3]])
    sums = split_moments(ratings, np.arange(5), orders, 2)
    for split, order in enumerate(orders):
        halves = [ratings[order[:2]], ratings[order[2:4]]]
        with np.errstate(invalid="ignore"):
            means = [np.nanmean(h, axis=0) for h in halves]
            spreads = [np.std(h, axis=0, ddof=1) for h in halves]  # NaN if one is absent
        known = ~np.isnan(spreads).any(axis=0)
        expected = np.corrcoef(*means)[0, 1], np.corrcoef(*(s[known] for s in spreads))[0, 1]
        found = correlation_from_moments(sums[:, split, None])
        assert found == pytest.approx(np.array(expected), abs=1e-9)
        assert sums[1, split, 0] == known.sum()


def test_correlation_within_recordings_ignores_their_levels():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 2, 400)) + np.array([[[0.0], [9.0]]] * 2)
    sums = np.array([[n, a.sum(), b.sum(), a @ a, b @ b, a @ b]
                     for n, a, b in zip((400, 400), x, y, strict=True)])  # fmt: skip
    assert correlation_from_moments(sums) > 0.9
    assert abs(correlation_from_moments(sums, within=True)) < 0.15
    assert np.isnan(correlation_from_moments(np.array([[3.0, 3, 6, 3, 12, 6]])))


def test_the_prophecy_holds_for_raters_whose_errors_are_independent():
    rng = np.random.default_rng(4)
    traces = rng.normal(size=20_000) + rng.normal(size=(12, 20_000))
    by_recording = {"a": (np.arange(12), traces)}
    measured = {k: mean_correlation(moments_of_halves(by_recording, k)[0]) for k in (1, 2, 6)}
    assert measured[1] == pytest.approx(0.5, abs=0.02)
    for k in (2, 6):
        assert measured[k] == pytest.approx(k / (k + 1), abs=0.02)
        assert spearman_brown(measured[1], k) == pytest.approx(measured[k], abs=0.02)
    assert raters_needed(measured[2], 2, 0.8) in (4, 5)
    assert raters_needed(measured[2], 2, 0.9) in (9, 10)


def test_values_of_zero_or_less_are_not_extended():
    assert spearman_brown(np.array([-0.2, 0.0]), 5).tolist() == [-0.2, 0.0]
    assert raters_needed(0.0, 3, 0.7) is None
    assert raters_needed(np.nan, 3, 0.7) is None
    assert raters_needed(1.0, 3, 0.9) == 1


def corpus(rng, recordings=10, raters=6, frames=300, varying=True, same=True):
    """Raters who scatter about a common E by a sigma that changes, or does not."""
    found = {}
    for k in range(recordings):
        emotion = np.repeat(rng.normal(size=frames // 10), 10)
        sigma = np.repeat(rng.uniform(0.2, 2.0, frames // 10) if varying else 1.0, 10)
        sigma = np.broadcast_to(sigma, frames) if varying else np.ones(frames)
        traces = emotion + sigma * rng.normal(size=(raters, frames))
        names = [f"r{j}" if same else f"{k}-{j}" for j in range(raters)]
        found[f"rec{k}"] = dict(zip(names, traces, strict=True))
    return panels(table_of(found))


def tables_of(by_recording, units=None):
    rows, curve = reliability_tables(by_recording, units or list(by_recording), SETTINGS)
    return rows.set_index(["target", "rule"]), curve


@pytest.mark.parametrize("same", [True, False])
def test_reliability_does_not_depend_on_whether_raters_are_numbered_anew(same):
    rows, _ = tables_of(corpus(np.random.default_rng(5), same=same))
    e = rows.loc[("E", "K")]
    # Mean sigma^2 of 1.48 on one rater: reliability of three is 3 / (3 + 1.48), of six 6 / 7.48.
    assert e["split_half"] == pytest.approx(3 / 4.48, abs=0.04)
    assert e["reliability"] == pytest.approx(6 / 7.48, abs=0.04)
    assert e["low"] < e["reliability"] < e["high"]
    assert (rows["recordings"] == 10).all()
    assert rows.loc[("sigma", "K"), "split_half"] > 0.2


def test_a_sigma_that_never_changes_has_no_reliability():
    rows, _ = tables_of(corpus(np.random.default_rng(6), varying=False))
    for rule in ("K", "K - 1"):
        assert abs(rows.loc[("sigma", rule), "split_half"]) < 0.05
        assert rows.loc[("sigma", rule), "low"] < 0.1
    assert rows.loc[("E", "K"), "reliability"] > 0.7


def test_raters_who_do_not_agree_reach_no_reliability():
    rng = np.random.default_rng(7)
    traces = rng.normal(size=(4, 200))
    traces[2:] = -traces[:2]
    rows, curve = tables_of({"a": (np.arange(4), traces)})
    assert rows.loc[("E", "K"), "split_half"] <= 0
    assert rows.loc[("E", "K"), ["raters_70", "raters_80", "raters_90"]].isna().all()
    assert (curve.loc[curve["target"] == "E", "reliability"] <= 0).all()


def test_sigma_has_two_answers_and_the_curve_meets_what_is_measured():
    rows, curve = tables_of(corpus(np.random.default_rng(8), raters=8, recordings=20))
    by_k, less = rows.loc[("sigma", "K")], rows.loc[("sigma", "K - 1")]
    assert by_k["split_half"] == less["split_half"]
    assert by_k["reliability"] < less["reliability"]
    assert by_k["raters_80"] > less["raters_80"]
    curve = curve.set_index(["target", "rule", "raters"])
    for key in (("E", "K"), ("sigma", "K"), ("sigma", "K - 1")):
        line = curve.loc[key]
        assert line.loc[4, "reliability"] == pytest.approx(line.loc[4, "measured"])
        assert (np.diff(line["reliability"]) > 0).all()
        assert line.loc[rows.loc[key, "raters_80"], "reliability"] >= 0.8
        assert line.loc[rows.loc[key, "raters_80"] - 1, "reliability"] < 0.8
        assert line["measured"].notna().sum() == (4 if key[0] == "E" else 3)
    # Two raters hardly determine sigma: K - 1 tells this from four, K does not.
    two = curve.xs(2, level="raters").loc["sigma"]
    assert abs(two["reliability"]["K - 1"] - two["measured"]["K - 1"]) < abs(
        two["reliability"]["K"] - two["measured"]["K"]
    )


@pytest.mark.parametrize(
    ("raters", "targets"), [(1, []), (2, ["E"]), (3, ["E"]), (4, ["E", "sigma"])]
)
def test_small_panels_have_what_can_be_known(raters, targets):
    rows, curve = tables_of(corpus(np.random.default_rng(9), raters=raters))
    assert list(dict.fromkeys(rows.index.get_level_values("target"))) == targets
    assert set(curve["target"]) == set(targets)


def test_recordings_with_fewer_raters_are_left_out():
    rng = np.random.default_rng(10)
    by_recording = corpus(rng, recordings=3)
    by_recording["few"] = np.arange(3), rng.normal(size=(3, 50))
    rows, _ = tables_of(by_recording)
    assert (rows["recordings"] == 3).all()
    assert (rows["raters"] == 6).all()


def test_intervals_need_enough_units():
    by_recording = corpus(np.random.default_rng(11), recordings=12)
    sums = moments_of_halves(by_recording, 3)[0]
    draws, units = drawn_correlations(sums, list(by_recording), SETTINGS)
    assert (len(draws), units) == (SETTINGS.draws, 12)
    assert np.std(draws) > 0
    subjects = [f"s{k % FEW_UNITS}" for k in range(12)]
    assert len(drawn_correlations(sums, subjects, SETTINGS)[0]) == 0
    rows, _ = tables_of(by_recording, subjects)
    assert rows[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(("task", "e", "sigma"), [("TaskA", 0.95, 0.34), ("TaskB", 0.965, 0.415)])
def test_real_raters_agree_on_e_and_hardly_on_sigma(booth, task, e, sigma):
    """Ten raters of one trace, five against five."""
    folder = booth / task / "annotations_10hz"
    traces = [pd.read_csv(folder / f"{task}_ann{k}.csv")["Data"] for k in range(1, 11)]
    frames = min(map(len, traces))
    values = np.stack([trace.to_numpy()[:frames] for trace in traces])
    rows, curve = tables_of({"a": (np.arange(10), values)})
    assert rows.loc[("E", "K"), "split_half"] == pytest.approx(e, abs=0.01)
    assert rows.loc[("sigma", "K"), "split_half"] == pytest.approx(sigma, abs=0.02)
    assert rows.loc[("E", "K"), "raters_80"] <= 2
    assert 15 <= rows.loc[("sigma", "K - 1"), "raters_70"] <= 22
    assert rows[["low", "high"]].isna().all(axis=None)
    line = curve[(curve["target"] == "E") & curve["measured"].notna()]
    assert list(line["raters"]) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(line["reliability"], line["measured"], atol=0.03)


def test_names_are_not_compared_between_recordings():
    """Raters whose numbers mean other persons in each recording: nothing changes but the names."""
    rng = np.random.default_rng(12)
    by_recording = corpus(rng)
    shuffled = {
        name: (rng.permutation(raters), traces) for name, (raters, traces) in by_recording.items()
    }
    first, second = (tables_of(some)[0]["split_half"] for some in (by_recording, shuffled))
    np.testing.assert_allclose(first, second, atol=0.03)
