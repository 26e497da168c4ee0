"""Rater lags: planted ones, and those of real raters whose stimulus is known."""

import sys

import audmetric
import numpy as np
import pandas as pd
import pytest

from softaer import rater_lags, tables
from softaer.rater_lags import align, estimate_lags, panel, pooled_correlation, shift
from softaer.ratings import ratings_on_grid
from softaer.schema import RATER_LAGS, RATINGS
from softaer.simulate.raters import RATERS, rate
from softaer.simulate.truth import plant

NAN = np.nan
TASKS = ["TaskA", "TaskB"]
PLANTED = np.array([rater.lag for rater in RATERS])


def smooth_noise(rng, count, width=15):
    kernel = np.hanning(2 * width + 1)
    return np.convolve(rng.standard_normal(count + 2 * width), kernel / kernel.sum(), mode="valid")


def late(common, steps, length):
    """A common series as raters see it who are late by some steps (early if negative)."""
    start = 100
    return np.stack([common[start - s : start - s + length] for s in steps])


def planted_panel(steps, seed=0, recordings=3, noise=0.1, length=300):
    rng = np.random.default_rng(seed)
    panels = []
    for _ in range(recordings):
        clean = late(smooth_noise(rng, length + 200), steps, length)
        panels.append(clean + noise * clean.std() * rng.standard_normal(clean.shape))
    return panels


def as_table(panels, dimension="arousal"):
    """Ratings as the stage takes them, from recordings of shape (K, T)."""
    parts = []
    for number, traces in enumerate(panels):
        rater, frame = np.nonzero(~np.isnan(traces))
        table = pd.DataFrame({"recording": f"rec{number}", "time": frame / 10})
        table["dimension"] = dimension
        table["rater"] = [f"r{k}" for k in rater]
        parts.append(table.assign(value=traces[rater, frame]))
    return pd.concat(parts, ignore_index=True)


def relative(lags):
    return np.asarray(lags) - np.mean(lags)


def simulated(seed, recordings=16, duration=40.0):
    """Ratings on the grid of a corpus as large as the simulated one of config.yaml."""
    parts = []
    for number in range(recordings):
        name = f"rec{number:02d}"
        truth = dict(iter(plant(name, seed, duration).groupby("dimension")))
        table = ratings_on_grid(rate(name, seed, truth), list(truth))
        parts.append(table.assign(recording=name))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def corpora():
    return {seed: simulated(seed) for seed in (1, 2, 3)}


def real_panel(booth, task):
    """Ten raters and the objective truth at 10 Hz, cut to the shortest."""
    folder = booth / task
    paths = [folder / "annotations_10hz" / f"{task}_ann{k}.csv" for k in range(1, 11)]
    traces = [pd.read_csv(path)["Data"].to_numpy() for path in paths]
    truth = pd.read_csv(folder / "objective_truth" / f"{task}_normalized_10hz.csv")["Data"]
    length = min(len(truth), *map(len, traces))
    return np.stack([trace[:length] for trace in traces]), truth.to_numpy()[:length]


def lag_against(truth, trace, reach=40):
    """Lag of a trace behind the truth with the highest correlation [s]."""
    scores = [np.corrcoef(trace[s:], truth[: len(truth) - s])[0, 1] for s in range(reach + 1)]
    return int(np.argmax(scores)) / 10


def test_shift_moves_earlier():
    np.testing.assert_array_equal(shift(np.arange(4.0), 1), [1, 2, 3, NAN])
    np.testing.assert_array_equal(shift(np.arange(4.0), -1), [NAN, 0, 1, 2])
    np.testing.assert_array_equal(shift(np.arange(4.0), 0), np.arange(4.0))
    for steps in (4, -4, 9):
        assert np.isnan(shift(np.arange(4.0), steps)).all()


def test_pooled_correlation_is_that_of_the_centred_recordings():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=n) + n, rng.normal(size=n) - n) for n in (20, 35)]
    pairs[0][0][3] = pairs[1][1][7] = NAN
    centred = []
    for x, y in pairs:
        known = ~np.isnan(x) & ~np.isnan(y)
        centred.append(np.stack([x[known] - x[known].mean(), y[known] - y[known].mean()]))
    expected = np.corrcoef(np.concatenate(centred, axis=1))[0, 1]
    assert pooled_correlation(pairs) == pytest.approx(expected)
    assert pooled_correlation([(np.ones(5), np.arange(5.0))]) == -np.inf
    assert pooled_correlation([(np.full(5, NAN), np.arange(5.0))]) == -np.inf


@pytest.mark.parametrize("seed", range(4))
def test_exact_lags_of_a_common_series_are_recovered(seed):
    steps = np.random.default_rng(seed).integers(-6, 7, size=5)
    lags = estimate_lags(planted_panel(steps, seed))
    np.testing.assert_allclose(lags, relative(steps) / 10, atol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("dimension", ["arousal", "valence"])
def test_planted_lags_of_the_simulated_raters(corpora, seed, dimension):
    ratings = corpora[seed]
    raters, recordings = panel(ratings[ratings["dimension"] == dimension])
    assert raters == [rater.rater for rater in RATERS]
    lags = estimate_lags(recordings)
    assert np.abs(lags - relative(PLANTED)).max() <= 0.3 + 1e-9


@pytest.mark.parametrize("task", TASKS)
def test_blind_lags_of_real_raters_are_those_against_the_truth(booth, task):
    traces, truth = real_panel(booth, task)
    against_truth = np.array([lag_against(truth, trace) for trace in traces])
    assert against_truth.min() >= 0.1
    assert against_truth.max() <= 2.3
    assert np.ptp(against_truth) >= 0.5
    lags = estimate_lags([traces])
    assert np.abs(lags - relative(against_truth)).max() <= 0.2


@pytest.mark.parametrize(
    ("task", "pearson", "concordance"), [("TaskA", 0.896, 0.738), ("TaskB", 0.969, 0.933)]
)
def test_fusion_of_aligned_real_raters(booth, task, pearson, concordance):
    traces, truth = real_panel(booth, task)
    ratings = as_table([traces])
    names, recordings = panel(ratings)
    lags = pd.DataFrame({"dimension": "arousal", "rater": names, "lag": estimate_lags(recordings)})
    fused = align(ratings, lags).groupby("time")["value"].agg(["mean", "count"])
    fused = fused.loc[fused["count"] == 10, "mean"]
    frame = np.rint(fused.index.to_numpy() * 10).astype(int)
    scores = []
    for steps in range(41):
        inside = (frame >= steps) & (frame - steps < len(truth))
        x, y = truth[frame[inside] - steps], fused.to_numpy()[inside]
        scores.append((np.corrcoef(x, y)[0, 1], audmetric.concordance_cc(x, y)))
    best = max(scores)
    assert best[0] >= pearson - 0.005
    assert best[1] >= concordance - 0.005


@pytest.mark.parametrize("common", [-20, 0, 20])
def test_a_common_offset_is_not_invented(common):
    steps = np.array([-2, 0, 5, 1])
    lags = estimate_lags(planted_panel(steps + common))
    assert lags.mean() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(lags, relative(steps) / 10, atol=1e-9)


def test_raters_absent_from_some_recordings():
    steps = np.array([0, 4, -3, 2, -6])
    panels = planted_panel(steps, recordings=4)
    panels[0][0] = panels[1][1] = panels[1][2] = NAN
    panels[2][3, 50:120] = NAN
    lags = estimate_lags(panels)
    np.testing.assert_allclose(lags, relative(steps) / 10, atol=1e-9)


def test_a_constant_rater_does_not_disturb_the_others():
    steps = np.array([0, 4, -3, 2])
    panels = planted_panel(steps)
    with_constant = [np.vstack([traces, np.full(traces.shape[1], 0.3)]) for traces in panels]
    lags = estimate_lags(with_constant)
    np.testing.assert_allclose(relative(lags[:4]), relative(steps) / 10, atol=1e-9)
    assert abs(lags[4]) <= 0.05 + 1e-9
    assert np.isfinite(lags).all()


def test_a_rater_without_common_frames_stays_where_it_is():
    steps = np.array([0, 4, -3, 2])
    panels = [np.vstack([traces, np.full(traces.shape[1], NAN)]) for traces in planted_panel(steps)]
    lone = np.full((5, 300), NAN)
    lone[4] = smooth_noise(np.random.default_rng(9), 300)
    lags = estimate_lags([*panels, lone])
    np.testing.assert_allclose(relative(lags[:4]), relative(steps) / 10, atol=1e-9)
    assert abs(lags[4]) <= 0.05 + 1e-9


def test_a_single_rater_has_no_lag():
    np.testing.assert_array_equal(estimate_lags([np.random.default_rng(0).random((1, 50))]), [0])


def test_a_recording_shorter_than_the_largest_lag():
    steps = np.array([0, 2, -1])
    panels = [*planted_panel(steps), np.random.default_rng(5).random((3, 4))]
    np.testing.assert_allclose(estimate_lags(panels), relative(steps) / 10, atol=1e-9)


def test_lags_do_not_depend_on_gain_and_bias_of_a_rater():
    panels = planted_panel(np.array([0, 4, -3, 2]))
    scale, bias = np.array([[1.0], [1.1], [0.9], [1.0]]), np.array([[0.0], [0.5], [-0.5], [0.2]])
    moved = [traces * scale + bias for traces in panels]
    np.testing.assert_allclose(estimate_lags(moved), estimate_lags(panels), atol=1e-9)


def test_no_lag_beyond_the_largest_is_looked_for():
    lags = estimate_lags(planted_panel(np.array([0, 0, 0, 30]), noise=0), max_lag=1.0)
    assert np.ptp(lags) <= 2.0 + 1e-9


def test_panel_lays_traces_out():
    ratings = pd.DataFrame(
        [("x", 0.0, "b", 1.0), ("x", 0.2, "a", 2.0), ("y", 0.1, "a", 3.0)],
        columns=["recording", "time", "rater", "value"],
    )
    raters, (x, y) = panel(ratings)
    assert raters == ["a", "b"]
    np.testing.assert_array_equal(x, [[NAN, NAN, 2.0], [1.0, NAN, NAN]])
    np.testing.assert_array_equal(y, [[NAN, 3.0], [NAN, NAN]])


def test_align_moves_each_rater_by_its_lag_and_drops_what_is_before_the_start():
    ratings = as_table([np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])])
    other = ratings.assign(dimension="valence")
    lags = pd.DataFrame(
        [
            ("arousal", "r0", 0.1),
            ("arousal", "r1", -0.2),
            ("valence", "r0", 0),
            ("valence", "r1", 0),
        ],
        columns=["dimension", "rater", "lag"],
    )
    moved = align(pd.concat([ratings, other]), lags)
    assert list(moved.columns) == list(ratings.columns)
    found = moved[moved["dimension"] == "arousal"].pivot(
        index="time", columns="rater", values="value"
    )
    np.testing.assert_allclose(found.index, [0.0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(found["r0"], [2, 3, NAN, NAN, NAN])
    np.testing.assert_array_equal(found["r1"], [NAN, NAN, 4, 5, 6])
    same = moved[moved["dimension"] == "valence"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, other)


@pytest.mark.parametrize("steps", [[0, 1], [0, 1, 2, 3], [0, 3, 1, 2, 5, 4], [0, 1, 4]])
def test_aligned_raters_are_in_step(steps):
    """What was found is taken out whole: also where mean zero puts lags between grid points."""
    steps = np.array(steps)
    panels = planted_panel(steps, recordings=2, noise=0.01)
    ratings = as_table(panels)
    raters, recordings = panel(ratings)
    lags = pd.DataFrame({"dimension": "arousal", "rater": raters, "lag": estimate_lags(recordings)})
    np.testing.assert_allclose(lags["lag"], relative(steps) / 10, atol=1e-9)
    _, aligned = panel(align(ratings, lags))
    np.testing.assert_allclose(estimate_lags(aligned), 0, atol=1e-9)


def test_alignment_sharpens_the_simulated_panel(corpora):
    """The spread of the raters falls, and stays a spread: it is no fit to noise."""
    ratings = corpora[1]
    ratings = ratings[ratings["dimension"] == "arousal"]
    raters, recordings = panel(ratings)
    lags = pd.DataFrame({"dimension": "arousal", "rater": raters, "lag": estimate_lags(recordings)})

    def spread(table):
        return table.groupby(["recording", "time"])["value"].std().mean()

    before, after = spread(ratings), spread(align(ratings, lags))
    assert 0.5 * before < after < before


def test_the_command_line_finds_lags_of_both_dimensions_over_all_batches(tmp_path, monkeypatch):
    steps = {"arousal": np.array([0, 4, -3, 1]), "valence": np.array([2, -1, 0, 5])}
    both = pd.concat(
        [as_table(planted_panel(s, seed), name) for seed, (name, s) in enumerate(steps.items())]
    )
    (tmp_path / "recordings.csv").write_text(
        "recording,media,annotations,batch\nrec0,0.mp4,0.csv,one\nrec1,1.mp4,1.csv,one\n"
        "rec2,2.mp4,2.csv,two\nunrated,3.mp4,,three\n"
    )
    for batch, names in {"one": ["rec0", "rec1"], "two": ["rec2"]}.items():
        rows = both[both["recording"].isin(names)]
        tables.write(rows, RATINGS, tmp_path / "ratings" / f"{batch}.parquet")
    words = ["--recordings", tmp_path / "recordings.csv", "--ratings", tmp_path / "ratings"]
    words += ["--max-lag", 2, "--output", tmp_path / "lags.parquet"]
    monkeypatch.setattr(sys, "argv", ["rater_lags", *map(str, words)])
    rater_lags.main()
    found = tables.read(tmp_path / "lags.parquet")
    tables.conform(found, RATER_LAGS)
    assert list(found["dimension"].unique()) == list(steps)
    for dimension, rows in found.groupby("dimension"):
        assert list(rows["rater"]) == ["r0", "r1", "r2", "r3"]
        np.testing.assert_allclose(rows["lag"], relative(steps[dimension]) / 10, atol=1e-9)
