"""Labels: E and sigma against hand computation, an independent implementation and real raters."""

import sys

import audmetric
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from softaer import labels
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.schema import RATER_LAGS, RATINGS
from softaer.labels import (
    ALONE,
    JUMPS,
    LEFT_OUT,
    jumps,
    label,
    median_estimate,
    notes_on,
    perception_uncertainty,
    rater_agreement,
    weighted_estimate,
    weights_from_agreement,
)
from softaer.rater_lags import align

NAN = np.nan
TASKS = ["TaskA", "TaskB"]


def real_ratings(booth, task):
    """Ten raters at 10 Hz, shape (10, T); some traces are a few frames longer than others."""
    folder = booth / task / "annotations_10hz"
    traces = [pd.read_csv(folder / f"{task}_ann{k}.csv")["Data"].to_numpy() for k in range(1, 11)]
    return np.stack([trace[: min(map(len, traces))] for trace in traces])


def as_table(traces):
    """Ratings of shape (K, T) as the stage takes them."""
    rater, frame = np.nonzero(~np.isnan(traces))
    return pd.DataFrame(
        {"time": frame / 10, "rater": [f"r{k}" for k in rater], "value": traces[rater, frame]}
    )


@pytest.mark.parametrize("task", TASKS)
def test_ewe_equals_an_independent_implementation(booth, task):
    recorded = pd.read_csv(booth / task / "ewe_audpsychometric_0.1.1.csv")
    table, weights = label(as_table(real_ratings(booth, task)))
    assert (weights["agreement"] > 0).all()
    np.testing.assert_allclose(table["time"], recorded["time_s"], atol=1e-9)
    np.testing.assert_allclose(table["E"], recorded["ewe"], atol=1e-8)


@pytest.mark.parametrize("task", TASKS)
def test_the_plain_mean_equals_the_published_average(booth, task):
    path = booth / task / "ground_truth_baselines" / "simple_average_ground_truth_10hz.csv"
    table, _ = label(as_table(real_ratings(booth, task)), estimator="mean")
    np.testing.assert_allclose(table["E"], pd.read_csv(path)["Data"], atol=5e-5)


@pytest.mark.parametrize(
    ("task", "estimator", "pearson", "concordance"),
    [
        ("TaskA", "mean", 0.776, 0.639),
        ("TaskB", "mean", 0.952, 0.917),
        ("TaskA", "ewe", 0.775, 0.637),
        ("TaskB", "ewe", 0.953, 0.917),
    ],
)
def test_agreement_with_the_objective_truth(booth, task, estimator, pearson, concordance):
    path = booth / task / "objective_truth" / f"{task}_normalized_10hz.csv"
    truth = pd.read_csv(path)["Data"].to_numpy()
    table, _ = label(as_table(real_ratings(booth, task)), estimator=estimator)
    length = min(len(truth), len(table))
    truth, estimate = truth[:length], table["E"].to_numpy()[:length]
    assert np.corrcoef(truth, estimate)[0, 1] == pytest.approx(pearson, abs=6e-4)
    assert audmetric.concordance_cc(truth, estimate) == pytest.approx(concordance, abs=6e-4)


@pytest.mark.parametrize("task", TASKS)
def test_sigma_about_the_mean_is_the_standard_deviation(booth, task):
    traces = real_ratings(booth, task)
    table, _ = label(as_table(traces), spread_about="mean")
    np.testing.assert_allclose(table["sigma"], traces.std(axis=0, ddof=1), atol=1e-12)
    table, _ = label(as_table(traces), spread="population", spread_about="mean")
    np.testing.assert_allclose(table["sigma"], traces.std(axis=0, ddof=0), atol=1e-12)


@pytest.mark.parametrize("film", [11, 32, 47])
def test_labels_of_muse_car_are_close_to_the_toolboxs_and_not_the_same(shared_data, film):
    """The RAAW of the MuSe-Toolbox standardises, aligns, and weights by CCC."""
    folder = shared_data / "ratings" / "muse_toolbox_examples"
    raw = pd.read_csv(folder / f"raw_arousal_{film}.csv").drop(columns="timestamp")
    fused = pd.read_csv(folder / f"fused_arousal_{film}.csv")["value"].to_numpy()
    estimate = label(as_table(raw.to_numpy().T))[0]["E"].to_numpy()
    assert 0.994 < np.corrcoef(estimate, fused)[0, 1] < 0.998
    assert 0.92 < audmetric.concordance_cc(fused, estimate) < 0.996


def test_agreement_with_the_others_by_hand():
    traces = np.array([[0.0, 1.0, 2.0, 1.0], [1.0, 1.0, 3.0, 0.0], [0.0, 2.0, 1.0, 3.0]])
    expected = [
        np.corrcoef(traces[0], (traces[1] + traces[2]) / 2)[0, 1],
        np.corrcoef(traces[1], (traces[0] + traces[2]) / 2)[0, 1],
        np.corrcoef(traces[2], (traces[0] + traces[1]) / 2)[0, 1],
    ]
    np.testing.assert_allclose(rater_agreement(traces), expected)
    mean = traces.mean(axis=0)
    np.testing.assert_allclose(
        rater_agreement(traces, "all"), [np.corrcoef(trace, mean)[0, 1] for trace in traces]
    )


def test_agreement_counts_the_frames_that_a_rater_shares_with_others():
    traces = np.array(
        [[0.0, 1.0, 2.0, NAN, 5.0], [0.0, 3.0, 1.0, 2.0, NAN], [1.0, 1.0, NAN, 0.0, NAN]]
    )
    others_of_first = [0.5, 2.0, 1.0]
    others_of_third = [0.0, 2.0, 2.0]
    agreement = rater_agreement(traces)
    assert agreement[0] == pytest.approx(np.corrcoef([0, 1, 2], others_of_first)[0, 1])
    assert agreement[2] == pytest.approx(np.corrcoef([1, 1, 0], others_of_third)[0, 1])


def test_agreement_is_not_defined_for_a_rater_alone_or_too_short():
    assert np.isnan(rater_agreement(np.array([[0.0, 1.0, 2.0]]))).all()
    assert np.isnan(rater_agreement(np.array([[0.0, 1.0, NAN], [NAN, 2.0, 1.0]]))).all()
    assert rater_agreement(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3])
def test_a_constant_trace_agrees_with_nobody(constant):
    rng = np.random.default_rng(0)
    traces = np.stack([rng.random(50), rng.random(50), np.full(50, constant)])
    assert np.isnan(rater_agreement(traces)).tolist() == [False, False, True]


@pytest.mark.parametrize("constants", [(0.1,), (0.1, 0.3), (0.25, 0.5)])
def test_nobody_agrees_with_constant_traces(constants):
    rng = np.random.default_rng(0)
    traces = np.stack([rng.random(100), *(np.full(100, value) for value in constants)])
    assert np.isnan(rater_agreement(traces)).all()
    table, weights = label(as_table(traces))
    assert weights["fallback"].all()
    np.testing.assert_allclose(table["E"], traces.mean(axis=0))


def test_negative_and_undefined_agreement_is_no_weight():
    weights, fallback = weights_from_agreement(np.array([0.5, -0.2, NAN, 0.0]))
    assert weights.tolist() == [0.5, 0, 0, 0]
    assert not fallback


@pytest.mark.parametrize("agreement", [[-0.1, 0.0, NAN], [NAN], [NAN, NAN]])
def test_without_any_agreement_all_raters_count_alike(agreement):
    weights, fallback = weights_from_agreement(np.array(agreement))
    assert (weights == 1).all()
    assert fallback


def test_a_rater_against_the_rest_has_no_say():
    up = np.arange(5.0)
    table, weights = label(as_table(np.stack([up, 2 * up, 3 * up, -up])))
    assert weights["agreement"].tolist() == pytest.approx([1, 1, 1, -1])
    assert weights["weight"].tolist() == pytest.approx([1, 1, 1, 0])
    np.testing.assert_allclose(table["E"], 2 * up)
    np.testing.assert_allclose(table["sigma"], np.sqrt((1 + 0 + 1) / 2) * up)
    assert (table["raters"] == 3).all()


def test_fallback_to_the_mean_is_marked():
    up = np.arange(5.0)
    table, weights = label(as_table(np.stack([up, -up])))
    assert weights["fallback"].all()
    np.testing.assert_allclose(table["E"], 0, atol=1e-12)
    _, weights = label(as_table(np.stack([up, up])))
    assert not weights["fallback"].any()


def test_weights_are_those_of_the_raters_present():
    traces = np.array([[1.0, 1.0, NAN, NAN], [3.0, NAN, 3.0, NAN], [5.0, 5.0, 5.0, 5.0]])
    weights = np.array([1.0, 3.0, 0.0])
    np.testing.assert_allclose(weighted_estimate(traces, weights), [2.5, 1, 3, 5])
    assert np.isnan(weighted_estimate(np.full((2, 1), NAN), np.ones(2))).all()


def test_sigma_by_hand():
    traces = np.array([[0.0, 1.0, 4.0], [2.0, NAN, NAN], [4.0, 3.0, NAN]])
    about = np.array([1.0, 1.0, 4.0])
    sample = perception_uncertainty(traces, about)
    np.testing.assert_allclose(sample, [np.sqrt((1 + 1 + 9) / 2), np.sqrt((0 + 4) / 1), NAN])
    population = perception_uncertainty(traces, about, "population")
    np.testing.assert_allclose(population, [np.sqrt((1 + 1 + 9) / 3), np.sqrt((0 + 4) / 2), NAN])


def test_sigma_may_be_taken_about_the_plain_mean():
    up = np.arange(5.0)
    traces = np.stack([up, 2 * up, 3 * up, -up])
    about_e, _ = label(as_table(traces))
    about_mean, _ = label(as_table(traces), spread_about="mean")
    np.testing.assert_allclose(about_mean["E"], about_e["E"])
    np.testing.assert_allclose(about_mean["sigma"], traces[:3].std(axis=0, ddof=1), atol=1e-12)
    biased = np.stack([up, up + np.sin(up), 2 * up + np.cos(7 * up)])
    about_e, about_mean = (label(as_table(biased), spread_about=a)[0] for a in ("E", "mean"))
    np.testing.assert_allclose(about_mean["sigma"], biased.std(axis=0, ddof=1))
    assert (about_e["sigma"] > about_mean["sigma"]).all()


def test_a_single_rater_has_no_sigma():
    table, weights = label(as_table(np.array([[0.5, 0.25, 0.0]])))
    assert table["E"].tolist() == [0.5, 0.25, 0.0]
    assert table["sigma"].isna().all()
    assert table["raters"].tolist() == [1, 1, 1]
    assert weights["fallback"].all()


def test_frames_without_a_rater_are_left_out():
    traces = np.array([[NAN, 1.0, NAN, 3.0], [NAN, 2.0, NAN, NAN]])
    table, _ = label(as_table(traces))
    np.testing.assert_allclose(table["time"], [0.1, 0.3])
    assert table["raters"].tolist() == [2, 1]
    assert table["sigma"].isna().tolist() == [False, True]


def test_weights_of_the_corpus_take_the_place_of_the_recordings():
    traces = np.array([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0]])
    over_corpus = pd.DataFrame(
        {"rater": ["r9", "r1", "r0"], "agreement": [1, 0.75, 0.25], "weight": [1, 0.75, 0.25]}
    )
    table, weights = label(as_table(traces), corpus_weights=over_corpus)
    np.testing.assert_allclose(table["E"], 0.25 * traces[0] + 0.75 * traces[1])
    assert weights["weight"].tolist() == [0.25, 0.75]


def test_the_median_is_that_of_the_raters_present():
    rng = np.random.default_rng(0)
    traces = rng.normal(size=(7, 200))
    np.testing.assert_array_equal(median_estimate(traces), np.median(traces, axis=0))
    traces[rng.random(traces.shape) < 0.6] = NAN
    traces[:, [0, 50]] = NAN
    known = [trace[~np.isnan(trace)] for trace in traces.T]
    expected = [np.median(some) if len(some) else NAN for some in known]
    np.testing.assert_array_equal(median_estimate(traces), expected)
    assert np.isnan(expected).sum() >= 2


def test_labels_of_the_median():
    rng = np.random.default_rng(1)
    traces = rng.normal(size=(5, 60)).cumsum(axis=1)
    traces[4] *= -30
    table, weights = label(as_table(traces), estimator="median")
    median = np.median(traces, axis=0)
    np.testing.assert_array_equal(table["E"], median)
    sigma = np.sqrt(((traces - median) ** 2).sum(axis=0) / 4)
    np.testing.assert_allclose(table["sigma"], sigma)
    about_mean, _ = label(as_table(traces), estimator="median", spread_about="mean")
    np.testing.assert_allclose(about_mean["sigma"], traces.std(axis=0, ddof=1))
    assert (weights["weight"] == 1).all()
    assert not weights["fallback"].any()
    np.testing.assert_allclose(weights["agreement"], rater_agreement(traces))


def test_one_rater_far_off_does_not_move_the_median():
    rng = np.random.default_rng(2)
    traces = rng.normal(size=(5, 40))
    before, _ = label(as_table(traces), estimator="median")
    traces[np.argmax(traces, axis=0), np.arange(40)] += 1e6
    after, _ = label(as_table(traces), estimator="median")
    np.testing.assert_array_equal(before["E"], after["E"])


def late(common, steps, dimension="x", recording="a"):
    """Ratings of raters who follow a common trace, each late by some grid points."""
    parts = []
    for rater, step in steps.items():
        frames = np.arange(len(common)) + step
        parts.append(pd.DataFrame({"time": frames / 10, "rater": rater, "value": common}))
    ratings = pd.concat(parts, ignore_index=True).assign(dimension=dimension, recording=recording)
    return ratings[ratings["time"] >= 0].reset_index(drop=True)


def lags_of(steps, dimension="x"):
    """Lags [s] as they are estimated: relative to their mean."""
    late_by = np.array(list(steps.values()))
    lags = (late_by - late_by.mean()) / 10
    return pd.DataFrame({"dimension": dimension, "rater": list(steps), "lag": lags})


@pytest.mark.parametrize(
    "steps",
    [
        {"a": 5, "b": 5, "c": 5},
        {"a": 0, "b": 6, "c": 3},
        {"a": 12, "b": 0, "c": 1, "d": 3},
        {"a": 0, "b": 1, "c": 0},
        {"a": 0, "b": 3},
        {"a": 0, "b": 1},
        {"a": 2, "b": 7, "c": 4, "d": 9},
    ],
    ids=str,
)
def test_lags_that_are_taken_out_leave_the_raters_in_step(steps):
    common = np.random.default_rng(0).normal(size=100).cumsum()
    table, _ = label(align(late(common, steps), lags_of(steps)))
    whole = table[table["raters"] == len(steps)]
    assert len(whole) >= 100 - max(steps.values())
    np.testing.assert_allclose(whole["sigma"], 0, atol=1e-9)
    # What is left is the delay that they share.
    first = whole.iloc[0]
    shared = round(first["time"] * 10) - np.argmin(np.abs(common - first["E"]))
    assert abs(shared - np.mean(list(steps.values()))) <= 0.5


def test_lags_left_in_are_taken_for_uncertainty():
    steps = {"a": 0, "b": 6, "c": 3}
    common = np.random.default_rng(0).normal(size=100).cumsum()
    table, _ = label(late(common, steps))
    assert table["sigma"].mean() > 0.1


def test_the_command_line_takes_lags_out_by_dimension(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    steps = {"x": {"a": 0, "b": 6, "c": 3}, "y": {"a": 4, "b": 0, "c": 2}}
    ratings = pd.concat(
        late(rng.normal(size=80).cumsum(), some, dimension, recording)
        for recording in ("p", "q")
        for dimension, some in steps.items()
    )
    tables.write(ratings, RATINGS, tmp_path / "ratings.parquet")
    lags = pd.concat(lags_of(some, dimension) for dimension, some in steps.items())
    lags = lags.assign(agreement=0.9, note=None)
    tables.write(lags, RATER_LAGS, tmp_path / "lags.parquet")
    words = ["--ratings", tmp_path / "ratings.parquet", "--estimator", "median"]
    words += ["--rater-lags", tmp_path / "lags.parquet"]
    words += ["--output", tmp_path / "labels.parquet"]
    words += ["--weights-output", tmp_path / "weights.parquet"]
    monkeypatch.setattr(sys, "argv", ["labels", *map(str, words)])
    labels.main()
    table = tables.read(tmp_path / "labels.parquet")
    counts = table[table["raters"] == 3].groupby(["recording", "dimension"]).size()
    assert len(counts) == 4
    assert (counts >= 74).all()
    np.testing.assert_allclose(table.loc[table["raters"] == 3, "sigma"], 0, atol=1e-9)


def panels(min_raters=2):
    """Small panels whose values are far apart or equal."""
    shape = st.tuples(st.integers(min_raters, 5), st.integers(3, 12))
    values = st.integers(-8, 8).map(lambda n: n / 8) | st.just(NAN)
    return hnp.arrays(np.float64, shape, elements=values)


@given(panels(), st.randoms(use_true_random=False))
def test_the_order_of_the_raters_does_not_matter(traces, random):
    order = list(range(len(traces)))
    random.shuffle(order)
    agreement = rater_agreement(traces)
    np.testing.assert_allclose(rater_agreement(traces[order]), agreement[order], atol=1e-9)
    weights, _ = weights_from_agreement(agreement)
    estimate = weighted_estimate(traces, weights)
    shuffled = weighted_estimate(traces[order], weights[order])
    np.testing.assert_allclose(shuffled, estimate, atol=1e-9)
    np.testing.assert_allclose(
        perception_uncertainty(traces[order], estimate),
        perception_uncertainty(traces, estimate),
        atol=1e-9,
    )


@given(panels())
def test_the_estimate_lies_between_the_raters(traces):
    weights, _ = weights_from_agreement(rater_agreement(traces))
    estimate = weighted_estimate(traces, weights)
    known = ~np.isnan(traces).all(axis=0)
    assert (np.isnan(estimate) == ~known).all()
    assert (estimate[known] <= np.nanmax(traces[:, known], axis=0) + 1e-9).all()
    assert (estimate[known] >= np.nanmin(traces[:, known], axis=0) - 1e-9).all()


def test_scale_and_offset_of_the_ratings_carry_over():
    rng = np.random.default_rng(1)
    traces = np.cumsum(rng.normal(size=(6, 200)), axis=1) + rng.normal(size=200).cumsum()
    table, weights = label(as_table(traces))
    scaled, same = label(as_table(3 * traces + 7))
    np.testing.assert_allclose(same["weight"], weights["weight"])
    np.testing.assert_allclose(scaled["E"], 3 * table["E"] + 7)
    np.testing.assert_allclose(scaled["sigma"], 3 * table["sigma"])


def test_the_command_line_labels_each_recording_and_dimension_by_itself(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    parts, expected = [], {}
    for recording in ("b", "a"):
        for dimension in ("valence", "arousal"):
            rows = as_table(rng.normal(size=(3, 20)))
            parts.append(rows.assign(recording=recording, dimension=dimension))
            expected[recording, dimension] = label(rows)
    tables.write(pd.concat(parts), RATINGS, tmp_path / "ratings.parquet")
    output, weights_output = tmp_path / "labels.parquet", tmp_path / "weights.parquet"
    words = ["--ratings", tmp_path / "ratings.parquet", "--output", output]
    words += ["--weights-output", weights_output]
    monkeypatch.setattr(sys, "argv", ["labels", *map(str, words)])
    labels.main()
    found = dict(list(tables.read(output).groupby(["recording", "dimension"])))
    found_weights = dict(list(tables.read(weights_output).groupby(["recording", "dimension"])))
    assert found.keys() == expected.keys()
    for key, (table, weights) in expected.items():
        np.testing.assert_array_equal(found[key]["E"], table["E"])
        np.testing.assert_array_equal(found[key]["sigma"], table["sigma"])
        np.testing.assert_array_equal(found_weights[key]["agreement"], weights["agreement"])


def test_what_was_odd_is_stored_and_printed(tmp_path, monkeypatch, capsys):
    up = np.linspace(-1, 1, 20)
    panels = {"apart": [up, -up], "alone": [up], "fine": [up, up + 0.1]}
    ratings = pd.concat(
        [
            as_table(np.stack(traces)).assign(recording=name, dimension="arousal")
            for name, traces in panels.items()
        ]
    )
    tables.write(ratings, RATINGS, tmp_path / "ratings.parquet")
    words = ["--ratings", tmp_path / "ratings.parquet", "--output", tmp_path / "labels.parquet"]
    words += ["--weights-output", tmp_path / "weights.parquet"]
    words += ["--notes-output", tmp_path / "notes.parquet"]
    monkeypatch.setattr(sys, "argv", ["labels", *map(str, words)])
    labels.main()
    notes = tables.read(tmp_path / "notes.parquet").set_index("recording")["note"]
    assert list(notes.index) == ["apart", "alone"]
    assert "no rater agrees" in notes["apart"]
    assert "no sigma" in notes["alone"]
    out = capsys.readouterr().out
    assert all(note in out for note in notes)


def panel_of(rng, raters=5, length=400, noise=0.15):
    """Raters who follow a common slow trace."""
    common = np.cumsum(rng.normal(size=length)) / 10
    return common + noise * rng.normal(size=(raters, length))


def notes_of(traces, **settings):
    ratings = as_table(traces)
    estimator = {"estimator": "ewe", "min_raters": 1, "spread": "sample", "spread_about": "E"}
    estimator |= settings
    return notes_on(ratings, *label(ratings, **estimator), **estimator)


def test_a_panel_in_order_has_no_notes():
    traces = panel_of(np.random.default_rng(0))
    traces[0, :30] = traces[1, 200:260] = traces[2, 350:] = NAN
    for estimator in ("ewe", "mean", "median"):
        assert notes_of(traces, estimator=estimator) == []


@pytest.mark.parametrize("kind", ["inverted", "flat"])
def test_a_rater_of_weight_zero_is_in_neither_e_nor_sigma_and_noted(kind):
    traces = panel_of(np.random.default_rng(1))
    without, _ = label(as_table(traces[1:]))
    traces[0] = -traces[0] if kind == "inverted" else 0.0
    table, weights = label(as_table(traces))
    assert weights["weight"].iloc[0] == 0
    assert (table["raters"] == len(traces) - 1).all()
    assert np.corrcoef(table["sigma"], without["sigma"])[0, 1] > 0.95
    whole = perception_uncertainty(traces, table["E"].to_numpy()).mean()
    (note,) = notes_of(traces)
    assert f"rater 'r0' has {LEFT_OUT}" in note
    assert note.endswith(f"{table['sigma'].mean():.3g} on average, {whole:.3g} with everybody")
    assert notes_of(traces, estimator="mean") == []  # there, this rater is in E


def test_where_only_raters_of_weight_zero_are_present_they_make_the_labels():
    traces = panel_of(np.random.default_rng(1), raters=6)
    traces[:2] *= -1
    traces[2:, :50] = NAN
    table, weights = label(as_table(traces))
    assert (weights["weight"] == 0).tolist() == [True] * 2 + [False] * 4
    assert table["raters"].tolist() == [2] * 50 + [4] * (len(table) - 50)
    np.testing.assert_allclose(table["E"][:50], traces[:2, :50].mean(axis=0))
    np.testing.assert_allclose(table["sigma"][:50], traces[:2, :50].std(axis=0, ddof=1))


def test_a_rater_with_whom_nobody_agrees_makes_no_sigma():
    angle = 2 * np.pi * np.arange(100) / 50
    up, wave = np.sin(angle), np.cos(angle)
    traces = np.stack([up, 0.3 * up + wave, 0.3 * up - wave])
    table, weights = label(as_table(traces))
    assert (weights["weight"] > 0).tolist() == [True, False, False]
    np.testing.assert_allclose(table["E"], traces[0])
    assert table["sigma"].isna().all()
    assert notes_of(traces) == [f"E is the trace of 'r0': {ALONE}"]
    assert label(as_table(traces), min_raters=2)[0].empty


def test_a_rater_of_weight_zero_who_does_not_drive_sigma_is_not_noted():
    traces = panel_of(np.random.default_rng(2), raters=12, noise=0.6)
    traces[0] = traces[1:].mean()
    assert label(as_table(traces))[1]["weight"].iloc[0] == 0
    assert notes_of(traces) == []


def test_a_real_panel_with_an_inverted_rater_is_noted_and_without_is_not(booth):
    traces = real_ratings(booth, "TaskA")
    assert notes_of(traces) == []
    traces[3] = 1 - traces[3]
    assert LEFT_OUT in notes_of(traces)[0]


def biased_panel(bias):
    """Three raters; one is biased and stops at frame 200, and is back at frame 300."""
    traces = panel_of(np.random.default_rng(3), raters=3, noise=0.05)
    traces[2] += bias * traces.std()
    traces[2, 200:300] = NAN
    return traces


@pytest.mark.parametrize("estimator", ["ewe", "mean"])
def test_an_absence_that_moves_e_is_noted(estimator):
    (note,) = notes_of(biased_panel(8.0), estimator=estimator)
    assert note.startswith(f"{JUMPS}: 2 times")
    assert "rater 'r2' at 20 s" in note or "rater 'r2' at 30 s" in note
    assert notes_of(biased_panel(0.5), estimator=estimator) == []
    assert notes_of(biased_panel(8.0), estimator="median") == []  # it is hardly moved


def test_jumps_by_hand():
    traces = np.array([[0.0, 0, 0, 0, NAN], [3.0, 3, NAN, NAN, NAN], [NAN, NAN, NAN, 6, 6]])
    frames, sizes = jumps(traces, np.ones(3), "mean", 1)
    assert frames.tolist() == [1, 2, 3]
    assert sizes.tolist() == [1.5, 3.0, 3.0]
    frames, _ = jumps(traces, np.ones(3), "mean", 2)
    assert frames.tolist() == []  # no two labelled frames side by side with different raters
    frames, sizes = jumps(traces, np.array([1.0, 0.0, 1.0]), "ewe", 1)
    assert sizes.tolist() == [0.0, 3.0, 3.0]


def test_frames_with_too_few_raters_have_no_label():
    traces = panel_of(np.random.default_rng(4), raters=3, length=30)
    traces[0, :10] = traces[1, :5] = NAN
    everything, weights = label(as_table(traces))
    assert len(everything) == 30
    assert everything["sigma"].isna().sum() == 5
    for least, frames in ((1, 30), (2, 25), (3, 20)):
        table, same = label(as_table(traces), min_raters=least)
        pd.testing.assert_frame_equal(table, everything[-frames:].reset_index(drop=True))
        pd.testing.assert_frame_equal(same, weights)
    assert label(as_table(traces), min_raters=4)[0].empty


def test_a_recording_without_enough_raters_anywhere_is_an_error(tmp_path, monkeypatch):
    ratings = as_table(panel_of(np.random.default_rng(5), raters=2, length=20))
    ratings = ratings.assign(recording="film", dimension="arousal")
    tables.write(ratings, RATINGS, tmp_path / "ratings.parquet")
    words = ["--ratings", tmp_path / "ratings.parquet", "--output", tmp_path / "labels.parquet"]
    words += ["--weights-output", tmp_path / "weights.parquet", "--min-raters", "3"]
    monkeypatch.setattr(sys, "argv", ["labels", *map(str, words)])
    with pytest.raises(InputError, match=r"'film', arousal: no frame has 3 raters.*min_raters"):
        labels.main()
    assert not (tmp_path / "labels.parquet").exists()
