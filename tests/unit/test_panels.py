"""Steps from ratings to labels: each does what its source says, and nothing where it must not."""

import sys
from dataclasses import fields as keys_of
from typing import get_args

import audmetric
import numpy as np
import pandas as pd
import pytest
from rating_tables import table_of
from scipy.signal import savgol_filter
from scipy.stats import spearmanr, trim_mean

from softaer import rater_statistics, rater_traces, rater_weights
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import ESTIMATION, OVER_CORPUS, PREPARATION, WEIGHTING, Labels
from softaer.core.fields import types
from softaer.core.schema import RATINGS
from softaer.labels import aligned, label
from softaer.panels import scaling, smoothing, steps, warping
from softaer.panels.estimators import trimmed_estimate, weighted_estimate
from softaer.panels.weighting import MEASURES, agreement_over, rater_agreement
from softaer.simulate.noise import smooth_noise

NAN = np.nan
TABLES = {
    "scale": steps.SCALES,
    "smoothing": steps.SMOOTHINGS,
    "relative": steps.RELATIVES,
    "elastic": steps.WARPS,
    "measure": MEASURES,
    "estimator": steps.ESTIMATORS,
}


def drawn(seed: int, raters: int = 5, frames: int = 600, noise: float = 0.3) -> np.ndarray:
    """Raters who follow one truth, shape (K, T)."""
    rng = np.random.default_rng(seed)
    truth = smooth_noise(rng, frames, 30)
    return truth + noise * np.stack([smooth_noise(rng, frames, 8) for _ in range(raters)])


@pytest.mark.parametrize("key", TABLES)
def test_the_configuration_and_the_table_of_a_step_have_the_same_names(key):
    named = set(get_args(types(Labels)[key]))
    assert named - {steps.NONE} == set(TABLES[key])


def test_scales_over_the_corpus_are_those_that_get_statistics():
    over = {name for name, scale in steps.SCALES.items() if scale.over == "corpus"}
    assert over == set(OVER_CORPUS)


def test_stages_share_out_all_keys_and_the_order_is_that_of_the_steps():
    names = [key.name for key in keys_of(Labels)]
    others = {"screen", "flat_below", "unrelated_below", "alignment", "weights"}
    assert set(names) - others == {*PREPARATION, *WEIGHTING, *ESTIMATION}
    order = [
        "screen",
        "scale",
        "smoothing",
        "relative",
        "alignment",
        "elastic",
        "estimator",
        "measure",
    ]
    order += ["smooth_estimate", "spread"]
    assert [name for name in names if name in order] == order


def test_an_unknown_name_is_refused_with_those_that_exist():
    with pytest.raises(InputError) as caught:
        label(table_of(drawn(0)), estimator="mode")
    for said in ("labels: estimator", "'mode'", "ewe", "median", "trimmed_mean"):
        assert said in str(caught.value)


# Scaling.


def test_a_rater_over_the_corpus_has_mean_0_and_deviation_1():
    ratings = pd.concat([table_of(2 * drawn(1) + 1, "a"), table_of(drawn(2) - 1, "b")])
    statistics = scaling.statistics(ratings)
    after = steps.prepared_ratings(ratings, Labels(scale="rater"), statistics)
    found = after.groupby("rater")["value"].agg(["mean", lambda v: v.std(ddof=0)])
    np.testing.assert_allclose(found, np.tile([0, 1], (5, 1)), atol=1e-12)
    # Recordings keep their differences; scaled within each, they lose them.
    assert after.groupby("recording")["value"].mean()["a"] > 0.2
    alone = steps.prepared_ratings(ratings, Labels(scale="recording"))
    of_each = alone.groupby(["recording", "rater"])["value"].agg(["mean", lambda v: v.std(ddof=0)])
    np.testing.assert_allclose(of_each, np.tile([0, 1], (10, 1)), atol=1e-12)


def test_range_and_centre():
    ratings = table_of(drawn(3))
    statistics = scaling.statistics(ratings)
    spans = steps.prepared_ratings(ratings, Labels(scale="range"), statistics)
    found = spans.groupby("rater")["value"].agg(["min", "max"])
    np.testing.assert_allclose(found, np.tile([-1, 1], (5, 1)))
    level = steps.prepared_ratings(ratings, Labels(scale="centre"), statistics)
    shifts = ratings["value"] - level["value"]
    assert shifts.groupby(ratings["rater"]).agg(np.ptp).max() < 1e-12
    assert level.groupby("rater")["value"].mean().abs().max() < 1e-12


@pytest.mark.parametrize("scale", [scale for scale in steps.SCALES if scale != "panel"])
def test_a_flat_trace_becomes_zero(scale):
    traces = np.stack([np.full(50, 0.1 + 0.2), drawn(4, 1, 50)[0]])
    ratings = table_of(traces)
    after = steps.prepared_ratings(ratings, Labels(scale=scale), scaling.statistics(ratings))
    assert (after.loc[after["rater"] == "r0", "value"] == 0).all()
    assert after.loc[after["rater"] == "r1", "value"].std() > 0


def test_gain_and_level_of_a_rater_do_not_matter_after_scaling():
    """And they do without it."""
    traces = drawn(5)
    changed = traces * np.array([[3.0], [1], [1], [0.5], [1]]) + np.array(
        [[0], [2.0], [0], [0], [0]]
    )
    before, after = (
        label(
            steps.prepared_ratings(
                table_of(t), Labels(scale="rater"), scaling.statistics(table_of(t))
            )
        )[0]
        for t in (traces, changed)
    )
    pd.testing.assert_frame_equal(before, after, atol=1e-10)
    assert np.abs(label(table_of(traces))[0]["E"] - label(table_of(changed))[0]["E"]).max() > 0.3


# Smoothing, and changes.


def test_the_median_removes_a_spike_and_keeps_a_step():
    step = np.repeat([0.0, 1.0], 30)
    spiky = step.copy()
    spiky[[10, 45]] = [5, -5]
    np.testing.assert_array_equal(smoothing.median(spiky, 0.5), step)
    assert np.abs(smoothing.savitzky_golay(spiky, 0.5) - step).max() > 1


def test_savitzky_golay_is_scipys_and_keeps_a_cubic():
    trace = drawn(6, 1)[0]
    found = smoothing.savitzky_golay(trace, 1.0)
    np.testing.assert_array_equal(found, savgol_filter(trace, 11, 3))
    cubic = np.polyval([2, -1, 0.5, 3], np.linspace(-1, 1, 80))
    np.testing.assert_allclose(smoothing.savitzky_golay(cubic, 1.0), cubic, atol=1e-12)
    assert np.abs(smoothing.moving_average(cubic, 1.0) - cubic).max() > 1e-3


@pytest.mark.parametrize(
    "filtered", [smoothing.median, smoothing.savitzky_golay, smoothing.moving_average]
)
def test_a_gap_stays_a_gap_and_nothing_crosses_it(filtered):
    trace = np.concatenate([np.zeros(30), [NAN] * 5, np.ones(3), [NAN], np.ones(30)])
    np.testing.assert_allclose(filtered(trace, 1.1), trace)


def test_changes_are_slopes_per_second_and_do_not_see_a_level():
    ramp = 0.5 * np.arange(60) / 10
    found = smoothing.changes(ramp + 7)
    np.testing.assert_allclose(found[5:-5], 0.5)
    assert np.isnan(found[:5]).all()
    assert np.isnan(found[-5:]).all()
    ramp[30] = NAN
    assert np.isnan(smoothing.changes(ramp)[[25, 35]]).all()
    # A peak of the change is where the trace rises most.
    rise = np.tanh((np.arange(100) - 40) / 5)
    assert np.nanargmax(smoothing.changes(rise)) == 40


def test_the_order_is_scale_smooth_change():
    trace = drawn(7, 1)[0]
    settings = Labels(scale="recording", smoothing="savitzky_golay", relative="changes")
    expected = smoothing.changes(savgol_filter((trace - trace.mean()) / trace.std(), 11, 3))
    np.testing.assert_allclose(steps.prepared(trace, settings, None), expected)
    np.testing.assert_array_equal(steps.prepared(trace, Labels(), None), trace)


# Weights.


def test_agreement_by_pairs_by_hand():
    traces = drawn(8, 3)
    r = np.corrcoef(traces)
    expected = (r.sum(axis=1) - 1) / 2
    np.testing.assert_allclose(rater_agreement(traces, "pairs"), expected)
    c = [[audmetric.concordance_cc(a, b) for b in traces] for a in traces]
    np.testing.assert_allclose(
        rater_agreement(traces, "pairs", "ccc"), (np.sum(c, axis=1) - 1) / 2, atol=1e-9
    )
    flat = np.vstack([traces, np.ones(traces.shape[1])])
    found = rater_agreement(flat, "pairs")
    np.testing.assert_allclose(found[:3], expected)
    assert np.isnan(found[3])


def test_measures_see_what_they_should():
    x = drawn(9, 1)[0]
    others = np.stack([x, x])

    def agreement(trace, measure):
        return rater_agreement(np.vstack([trace, others]), "others", measure)[0]

    assert agreement(3 * x + 1, "pearson") == pytest.approx(1)
    assert agreement(3 * x + 1, "ccc") < 0.5
    bent = np.exp(2 * x)
    assert agreement(bent, "spearman") == pytest.approx(1)
    assert agreement(bent, "pearson") < 0.97
    assert agreement(bent, "spearman") == pytest.approx(spearmanr(bent, x).statistic)
    drift = x + np.linspace(0, 20, len(x))
    assert agreement(drift, "changes") == pytest.approx(1, abs=1e-6)
    assert agreement(drift, "pearson") < 0.5


def test_changes_over_a_corpus_do_not_cross_recordings():
    parts = [drawn(10, 3, 100), drawn(11, 3, 100) + 50]
    inside = [np.stack([smoothing.changes(t) for t in part]) for part in parts]
    expected = rater_agreement(np.concatenate(inside, axis=1))
    np.testing.assert_allclose(agreement_over(parts, measure="changes"), expected)
    joined = rater_agreement(np.concatenate(parts, axis=1), measure="changes")
    assert np.abs(joined - expected).max() > 1e-3
    ratings = pd.concat([table_of(parts[0], "a"), table_of(parts[1], "b")])
    table = rater_weights.corpus_weights(ratings, measure="changes")
    np.testing.assert_allclose(table["agreement"], expected)


def test_weights_over_the_corpus_are_those_of_aligned_traces():
    parts = [bent_panel(20)[1], bent_panel(21)[1]]
    parts[1][2] = NAN  # a rater who did not rate this recording
    ratings = pd.concat([table_of(parts[0], "a"), table_of(parts[1], "b")])
    plain = rater_weights.corpus_weights(ratings)["agreement"]
    after = rater_weights.corpus_weights(ratings, elastic="ctw")["agreement"]
    assert (after > plain).all()


# Estimators and sigma.


def test_the_trimmed_mean_is_scipys():
    traces = drawn(12, 11)
    for trim in (0.0, 0.1, 0.2, 0.45):
        np.testing.assert_allclose(trimmed_estimate(traces, trim), trim_mean(traces, trim, axis=0))
    gone = np.where(np.arange(11)[:, None] < 6, NAN, traces)
    np.testing.assert_allclose(trimmed_estimate(gone, 0.2), trim_mean(traces[6:], 0.2, axis=0))
    assert np.isnan(trimmed_estimate(np.full((3, 4), NAN))).all()


def given(estimator, traces):
    """Weights over the corpus, where an estimator needs them."""
    if estimator != "panel":
        return {}
    return {"corpus_weights": rater_weights.corpus_weights(table_of(traces), estimator="panel")}


@pytest.mark.parametrize("estimator", steps.ESTIMATORS)
def test_sigma_is_the_spread_of_those_in_e_about_the_delivered_e(estimator):
    traces = drawn(13)
    traces[0] = -traces[0]  # has no part in ewe, and none in its sigma
    of_sigma = slice(1, None) if steps.ESTIMATORS[estimator].weighted else slice(None)
    for settings in ({}, {"smooth_estimate": 2.0}, {"elastic": "ctw"}):
        own = settings | given(estimator, traces)
        table, _ = label(table_of(traces), estimator=estimator, **own)
        seen = steps.in_step(traces, settings.get("elastic", "none"), 3.0)
        squares = (seen[of_sigma] - table["E"].to_numpy()) ** 2
        known = ~np.isnan(seen).any(axis=0)
        expected = np.sqrt(squares.sum(axis=0) / (len(squares) - 1))
        np.testing.assert_allclose(table["sigma"].to_numpy()[known], expected[known])


@pytest.mark.parametrize("estimator", steps.ESTIMATORS)
def test_e_and_sigma_are_in_the_unit_of_the_scaled_traces(estimator):
    traces = drawn(14)
    one, _ = label(table_of(traces), estimator=estimator, **given(estimator, traces))
    two, _ = label(table_of(2 * traces), estimator=estimator, **given(estimator, 2 * traces))
    np.testing.assert_allclose(two[["E", "sigma"]], 2 * one[["E", "sigma"]])


def test_the_moving_average_of_e():
    traces = drawn(15)
    plain, _ = label(table_of(traces), estimator="mean")
    smooth, _ = label(table_of(traces), estimator="mean", smooth_estimate=1.1)
    expected = np.convolve(plain["E"], np.ones(11) / 11, "valid")
    np.testing.assert_allclose(smooth["E"].to_numpy()[5:-5], expected)
    assert smooth["E"].iloc[0] == pytest.approx(plain["E"].iloc[:6].mean())


# Elastic alignment.


def summed_by_loop(x, y, reach):
    """Least sum of squared distances along a path in the band."""
    total = np.full((len(x) + 1, len(y) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(x)):
        for j in range(max(0, i - reach), min(len(y), i + reach + 1)):
            best = min(total[i, j], total[i, j + 1], total[i + 1, j])
            total[i + 1, j + 1] = (x[i] - y[j]) ** 2 + best
    return total[-1, -1]


@pytest.mark.parametrize(("frames", "reach"), [(30, 4), (25, 40), (40, 1), (12, 0), (1, 3)])
def test_paths_are_the_shortest(frames, reach):
    x = np.random.default_rng(frames).normal(size=(3, frames))
    for own, (i, j) in zip(x, warping.warp_paths(x, x[0], reach), strict=True):
        assert ((own[i] - x[0][j]) ** 2).sum() == pytest.approx(summed_by_loop(own, x[0], reach))
        assert (i[0], j[0], i[-1], j[-1]) == (0, 0, frames - 1, frames - 1)
        steps_of = np.stack([np.diff(i), np.diff(j)])
        assert np.isin(steps_of, [0, 1]).all()
        assert (steps_of.sum(axis=0) > 0).all()
        assert np.abs(i - j).max() <= reach


def test_paths_cost_as_much_as_tslearns():
    tslearn = pytest.importorskip("tslearn.metrics", reason="no tslearn (0.10.0) to compare with")
    x, y = drawn(16, 2, 200)
    ((i, j),) = warping.warp_paths(x[None], y, 20)
    _, distance = tslearn.dtw_path(x, y, sakoe_chiba_radius=20)
    assert np.sqrt(((x[i] - y[j]) ** 2).sum()) == pytest.approx(distance)


def bent_panel(seed, frames=1200, raters=6, noise=0.1):
    """Truth, and raters whose delays change slowly about zero by 1.5 s, shape (T,) and (K, T)."""
    rng = np.random.default_rng(seed)
    truth, time = smooth_noise(rng, frames, 25), np.arange(frames)
    delays = 15 * np.stack([smooth_noise(rng, frames, 150) for _ in range(raters)])
    delays -= delays.mean(axis=0)
    followed = np.stack([np.interp(time - delay, time, truth) for delay in delays])
    return truth, followed + noise * np.stack([smooth_noise(rng, frames, 8) for _ in delays])


def away(estimate, truth):
    known = ~np.isnan(estimate)
    return 1 - np.corrcoef(estimate[known], truth[known])[0, 1]


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_delays_that_change_are_taken_out(elastic):
    for seed in range(3):
        truth, panel = bent_panel(seed)
        before = away(weighted_estimate(panel, np.ones(6)), truth)
        after = away(weighted_estimate(steps.in_step(panel, elastic, 3.0), np.ones(6)), truth)
        assert after < 0.85 * before


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_where_raters_only_disagree_alignment_does_not_help(elastic):
    """The control: no delay is planted, and the mean is not brought closer to the truth."""
    for seed in range(3):
        rng = np.random.default_rng(100 + seed)
        truth = smooth_noise(rng, 1200, 25)
        panel = truth + 0.6 * np.stack([smooth_noise(rng, 1200, 8) for _ in range(6)])
        before = away(weighted_estimate(panel, np.ones(6)), truth)
        after = away(weighted_estimate(steps.in_step(panel, elastic, 3.0), np.ones(6)), truth)
        assert after > 0.98 * before


def test_unrelated_traces_become_alike():
    """So agreement after an elastic alignment proves nothing; ctw inflates it less."""
    found = {name: [] for name in ("none", *steps.WARPS)}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        panel = np.stack([smooth_noise(rng, 1200, 25) for _ in range(5)])
        for name, values in found.items():
            values.append(np.nanmean(rater_agreement(steps.in_step(panel, name, 3.0), "pairs")))
    none, dtw, ctw = (np.mean(found[name]) for name in ("none", "dtw", "ctw"))
    assert dtw > ctw > none
    assert dtw > none + 0.2


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_equal_traces_stay_and_a_common_delay_is_not_touched(elastic):
    trace = drawn(17, 1)[0]
    for shift in (0, 15):
        panel = np.tile(np.roll(trace, shift), (3, 1))
        np.testing.assert_allclose(steps.in_step(panel, elastic, 3.0), panel, atol=1e-9)


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_gain_and_level_of_a_rater_do_not_change_the_paths(elastic):
    _, panel = bent_panel(4, 600)
    warp = steps.WARPS[elastic].warping
    _, paths = warp(panel, 30)
    _, others = warp(panel * np.arange(1, 7)[:, None] + 3, 30)
    np.testing.assert_allclose(paths, others, atol=1e-6)


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_paths_run_forward_within_reach_about_the_raters_common_time(elastic):
    _, panel = bent_panel(5, 800)
    aligned_panel, paths = steps.WARPS[elastic].warping(panel, 20)
    assert aligned_panel.shape == paths.shape == panel.shape
    assert (np.diff(paths, axis=1) >= -1e-9).all()
    middle = paths[:, 50:-50].mean(axis=0) - np.arange(50, 750)
    assert np.abs(middle).mean() < 2


@pytest.mark.parametrize("elastic", steps.WARPS)
def test_gaps_stay_and_flat_or_single_raters_do_not_matter(elastic):
    _, panel = bent_panel(6, 600)
    panel[0, 100:150] = panel[1, :40] = panel[2, 400:] = NAN
    panel[3] = 0.7
    found = steps.in_step(panel, elastic, 3.0)
    assert np.isnan(found[np.isnan(panel)]).all()
    assert (np.isnan(found) & ~np.isnan(panel)).sum() < 0.1 * panel.size
    np.testing.assert_allclose(found[3], 0.7)
    alone = panel[4:5]
    np.testing.assert_array_equal(steps.in_step(alone, elastic, 3.0), alone)


def test_aligned_ratings_are_the_aligned_traces():
    _, panel = bent_panel(7, 600)
    panel[0, 100:150] = NAN
    table = aligned(table_of(panel), "ctw", 3.0)
    direct, _ = label(table_of(panel), elastic="ctw", estimator="mean")
    after, _ = label(table, estimator="mean")
    np.testing.assert_allclose(direct["E"], after["E"])
    assert aligned(table, "none", 3.0) is table


# The stages.


def run(stage, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    stage.main()


def test_stages_scale_and_smooth_a_batch_with_statistics_of_the_corpus(tmp_path, monkeypatch):
    parts = {"a": table_of(drawn(18), "a"), "b": table_of(drawn(19) + 1, "b")}
    (tmp_path / "ratings").mkdir()
    for batch, rows in parts.items():
        tables.write(rows, RATINGS, tmp_path / "ratings" / f"{batch}.parquet")
    (tmp_path / "recordings.csv").write_text(
        "recording,subject,partition,annotations,batch\na,s1,train,a.csv,a\nb,s2,dev,b.csv,b\n"
    )
    run(
        *(rater_statistics, monkeypatch, "--recordings", tmp_path / "recordings.csv"),
        *("--ratings", tmp_path / "ratings", "--output", tmp_path / "statistics.parquet"),
    )
    settings = Labels(scale="rater", smoothing="median", smoothing_window=0.7)
    statistics = scaling.statistics(pd.concat(parts.values()))
    pd.testing.assert_frame_equal(tables.read(tmp_path / "statistics.parquet"), statistics)
    for batch, rows in parts.items():
        run(
            *(rater_traces, monkeypatch, "--ratings", tmp_path / "ratings" / f"{batch}.parquet"),
            *("--statistics", tmp_path / "statistics.parquet", "--scale", "rater"),
            *("--smoothing", "median", "--smoothing-window", 0.7),
            *("--output", tmp_path / "traces.parquet"),
        )
        expected = steps.prepared_ratings(rows, settings, statistics)
        pd.testing.assert_frame_equal(tables.read(tmp_path / "traces.parquet"), expected)
        assert len(expected) == len(rows)


def test_traces_too_short_for_a_change_are_refused(tmp_path, monkeypatch):
    traces = {"long": drawn(1), "short": drawn(1)[:, :8]}
    rows = pd.concat([table_of(some, name, "arousal") for name, some in traces.items()])
    tables.write(rows, RATINGS, tmp_path / "r.parquet")
    words = ("--ratings", tmp_path / "r.parquet", "--output", tmp_path / "t.parquet")
    run(rater_traces, monkeypatch, *words)
    with pytest.raises(InputError, match=r"'short', arousal.*relative"):
        run(rater_traces, monkeypatch, *words, "--relative", "changes")


def test_defaults_leave_ratings_as_they_are():
    rows = table_of(drawn(2))
    pd.testing.assert_frame_equal(steps.prepared_ratings(rows, Labels()), rows)
