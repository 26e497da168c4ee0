"""Rater lags: planted ones, and those of real raters whose stimulus is known."""

import sys

import audmetric
import numpy as np
import pandas as pd
import pytest

from softaer import rater_lags
from softaer.core import tables
from softaer.core.schema import RATER_LAGS, RATINGS
from softaer.rater_lags import align, estimate_lags, panel, pooled_correlation, shift
from softaer.ratings import ratings_on_grid
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
    """Lags [s] without their median, which is rounded down to the grid."""
    steps = np.rint(np.asarray(lags) * 10)
    return (steps - np.floor(np.median(steps))) / 10


def lags_of(panels, max_lag=3.0):
    return estimate_lags(panels, max_lag)["lag"].to_numpy()


def table_of(panels, max_lag=3.0):
    """Lags as the stage writes them, of one dimension and raters r0, r1, ..."""
    table = estimate_lags(panels, max_lag)
    return table.assign(dimension="arousal", rater=[f"r{k}" for k in range(len(table))])


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
    lags = lags_of(planted_panel(steps, seed))
    np.testing.assert_allclose(lags, relative(steps / 10), atol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("dimension", ["arousal", "valence"])
def test_planted_lags_of_the_simulated_raters(corpora, seed, dimension):
    ratings = corpora[seed]
    raters, recordings = panel(ratings[ratings["dimension"] == dimension])
    assert raters == [rater.rater for rater in RATERS]
    lags = lags_of(recordings)
    assert np.abs(lags - relative(PLANTED)).max() <= 0.3 + 1e-9


@pytest.mark.parametrize("task", TASKS)
def test_blind_lags_of_real_raters_are_those_against_the_truth(booth, task):
    traces, truth = real_panel(booth, task)
    against_truth = np.array([lag_against(truth, trace) for trace in traces])
    assert against_truth.min() >= 0.1
    assert against_truth.max() <= 2.3
    assert np.ptp(against_truth) >= 0.5
    lags = lags_of([traces])
    assert np.abs(lags - relative(against_truth)).max() <= 0.2


@pytest.mark.parametrize(
    ("task", "pearson", "concordance"), [("TaskA", 0.896, 0.738), ("TaskB", 0.969, 0.933)]
)
def test_fusion_of_aligned_real_raters(booth, task, pearson, concordance):
    traces, truth = real_panel(booth, task)
    ratings = as_table([traces])
    names, recordings = panel(ratings)
    lags = table_of(recordings).assign(rater=names)
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
    lags = lags_of(planted_panel(steps + common))
    assert np.floor(np.median(np.rint(lags * 10))) == 0
    np.testing.assert_allclose(lags, relative(steps / 10), atol=1e-9)


def test_raters_absent_from_some_recordings():
    steps = np.array([0, 4, -3, 2, -6])
    panels = planted_panel(steps, recordings=4)
    panels[0][0] = panels[1][1] = panels[1][2] = NAN
    panels[2][3, 50:120] = NAN
    lags = lags_of(panels)
    np.testing.assert_allclose(lags, relative(steps / 10), atol=1e-9)


def test_a_constant_rater_does_not_disturb_the_others():
    steps = np.array([0, 4, -3, 2])
    panels = planted_panel(steps)
    with_constant = [np.vstack([traces, np.full(traces.shape[1], 0.3)]) for traces in panels]
    lags = lags_of(with_constant)
    np.testing.assert_allclose(lags[:4], relative(steps / 10), atol=1e-9)
    assert lags[4] == 0


def test_a_rater_without_common_frames_stays_where_it_is():
    steps = np.array([0, 4, -3, 2])
    panels = [np.vstack([traces, np.full(traces.shape[1], NAN)]) for traces in planted_panel(steps)]
    lone = np.full((5, 300), NAN)
    lone[4] = smooth_noise(np.random.default_rng(9), 300)
    lags = lags_of([*panels, lone])
    np.testing.assert_allclose(lags[:4], relative(steps / 10), atol=1e-9)
    assert lags[4] == 0


def test_a_single_rater_has_no_lag():
    np.testing.assert_array_equal(lags_of([np.random.default_rng(0).random((1, 50))]), [0])


def test_a_recording_shorter_than_the_largest_lag():
    steps = np.array([0, 2, -1])
    panels = [*planted_panel(steps), np.random.default_rng(5).random((3, 4))]
    np.testing.assert_allclose(lags_of(panels), relative(steps / 10), atol=1e-9)


def test_lags_do_not_depend_on_gain_and_bias_of_a_rater():
    panels = planted_panel(np.array([0, 4, -3, 2]))
    scale, bias = np.array([[1.0], [1.1], [0.9], [1.0]]), np.array([[0.0], [0.5], [-0.5], [0.2]])
    moved = [traces * scale + bias for traces in panels]
    np.testing.assert_allclose(lags_of(moved), lags_of(panels), atol=1e-9)


def of_one_rater(panels, make):
    """Panels in which another rater has been added to each recording, from its traces."""
    return [np.vstack([traces, make(traces)]) for traces in panels]


def random_walk(count):
    """Wanders far, and has nothing to do with anybody."""
    return np.random.default_rng(8).standard_normal(count).cumsum()


IN_STEP = np.zeros(5, dtype=int)
STEPS = {"in step": IN_STEP, "planted": np.array([0, 4, -3, 2, -6])}
ODD = {
    "noise": (lambda t: np.random.default_rng(8).standard_normal(t.shape[1]), "does not agree"),
    "a walk": (lambda t: random_walk(t.shape[1]), "does not agree"),
    "the negative": (lambda t: -t.mean(axis=0), "runs against the others: r = -"),
    "constant": (lambda t: np.full(t.shape[1], 0.3), "never changes"),
    "a constant per recording": (lambda t: np.full(t.shape[1], t[0, 0]), "never changes"),
    "5 s late": (lambda t: shift(t[0], -50), "3 s, is at the edge"),
    "5 s early": (lambda t: shift(t[0], 50), "-3 s, is at the edge"),
    "3.3 s late": (lambda t: shift(t[0], -33), "3 s, is at the edge"),
    "never there": (lambda t: np.full(t.shape[1], NAN), "no frames in common"),
}


@pytest.fixture(scope="module", params=STEPS)
def sound_raters(request):
    """Steps of five raters, what they have drawn, and their lags."""
    steps = STEPS[request.param]
    panels = planted_panel(steps, recordings=2, length=1200)
    return steps, panels, estimate_lags(panels)


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_rater_gets_no_lag_and_moves_nobody(kind, sound_raters):
    make, said = ODD[kind]
    steps, panels, alone = sound_raters
    found = estimate_lags(of_one_rater(panels, make))
    np.testing.assert_array_equal(found["lag"][:5], alone["lag"])
    np.testing.assert_allclose(found["lag"][:5], relative(steps / 10))
    assert found["note"][:5].isna().all()
    assert found["lag"][5] == 0
    assert said in found["note"][5]


@pytest.mark.parametrize("late", [-29, -12, 8, 29])
def test_a_rater_within_the_search_is_no_odd_one(late):
    panels = planted_panel(IN_STEP, recordings=4, length=600)
    found = estimate_lags(of_one_rater(panels, lambda t: shift(t[0], -late)))
    np.testing.assert_allclose(found["lag"], [0, 0, 0, 0, 0, late / 10])
    assert found["note"].isna().all()
    assert (found["agreement"] > 0.9).all()


def test_the_agreement_of_an_odd_rater_is_that_without_a_lag():
    panels = planted_panel(IN_STEP, noise=0.1)
    found = estimate_lags(of_one_rater(panels, lambda t: -t.mean(axis=0)))
    assert found["agreement"][5] < -0.9
    found = estimate_lags(of_one_rater(panels, lambda t: np.full(t.shape[1], 0.3)))
    assert np.isnan(found["agreement"][5])


def test_several_odd_raters_move_nobody():
    steps = np.array([0, 4, -3, 2, -6])
    rng = np.random.default_rng(2)
    panels = planted_panel(steps, recordings=4, length=600)
    for make in (
        lambda t: -t[0],
        lambda t: shift(t[1], -50),
        lambda t: smooth_noise(rng, t.shape[1]),
        lambda t: np.full(t.shape[1], 1.0),
    ):
        panels = of_one_rater(panels, make)
    found = estimate_lags(panels)
    np.testing.assert_allclose(found["lag"], [*relative(steps / 10), 0, 0, 0, 0])
    assert found["note"].notna().tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("raters", "turned"), [(3, 1), (4, 2), (5, 2), (6, 3)])
def test_no_camp_is_shifted_until_it_agrees_with_its_opposite(raters, turned, seed):
    """Some drag the joystick the other way: slow traces, so some lag or other would fit."""
    panels = planted_panel(np.zeros(raters, dtype=int), seed, recordings=4, length=600)
    sign = np.where(np.arange(raters) < turned, -1, 1)[:, None]
    found = estimate_lags([sign * traces for traces in panels])
    assert (found["lag"] == 0).all()
    against = found["note"].str.contains("runs against", na=False)
    assert against.sum() >= turned
    if 2 * turned < raters:
        assert against.tolist() == [True] * turned + [False] * (raters - turned)
        assert found["note"].isna().sum() == raters - turned


@pytest.mark.parametrize("raters", [2, 3, 6])
def test_unrelated_raters_are_not_trusted(raters):
    trusted = 0
    for seed in range(20 if raters < 6 else 6):
        rng = np.random.default_rng(seed)
        walk = seed % 2
        panels = [
            np.stack(
                [
                    rng.standard_normal(400).cumsum() if walk else smooth_noise(rng, 400)
                    for _ in range(raters)
                ]
            )
            for _ in range(2)
        ]
        found = estimate_lags(panels)
        kept = found["note"].isna()
        assert (found.loc[~kept, "lag"] == 0).all()
        trusted += kept.any()
    assert trusted <= 1


@pytest.mark.parametrize("seed", range(3))
def test_raters_who_agree_weakly_are_trusted(seed):
    """Pairs of raters correlate by .4; what they share is found in ten minutes all the same."""
    steps = np.array([0, 6, -4, 2])
    panels = planted_panel(steps, seed, recordings=10, length=600, noise=0)
    rng = np.random.default_rng(seed)
    noisy = [
        t + 1.2 * t.std() / 0.27 * np.stack([smooth_noise(rng, t.shape[1]) for _ in steps])
        for t in panels
    ]
    pair = np.corrcoef(np.concatenate(noisy, axis=1)[:2, :])[0, 1]
    assert pair < 0.55
    found = estimate_lags(noisy)
    assert found["note"].isna().all()
    assert np.abs(found["lag"] - relative(steps / 10)).max() <= 0.6


@pytest.mark.parametrize("steps", [[0, 10], [0, 7], [5, 0]])
def test_two_raters_share_the_lag_between_them(steps):
    found = estimate_lags(planted_panel(np.array(steps)))
    np.testing.assert_allclose(found["lag"], relative(np.array(steps) / 10))
    assert found["note"].isna().all()


@pytest.mark.parametrize("kind", ["unrelated", "opposite", "apart"])
def test_two_raters_who_do_not_agree_are_both_left_where_they_are(kind):
    rng = np.random.default_rng(1)
    a, b, c = (smooth_noise(rng, 500) for _ in range(3))
    other = {"unrelated": b, "opposite": -a, "apart": np.full(500, NAN)}[kind]
    panels = [np.stack([a, other])]
    if kind == "apart":
        panels.append(np.stack([np.full(500, NAN), c]))
    found = estimate_lags(panels)
    assert (found["lag"] == 0).all()
    assert found["note"].notna().all()


def test_identical_raters_have_no_lag():
    trace = smooth_noise(np.random.default_rng(0), 600)
    found = estimate_lags([np.stack([trace] * 4)])
    assert (found["lag"] == 0).all()
    np.testing.assert_allclose(found["agreement"], 1)
    assert found["note"].isna().all()


def test_raters_in_step_for_too_short_a_time_are_not_trusted():
    """A common trend of a few seconds is nothing that chance could not make."""
    found = estimate_lags(planted_panel(np.array([0, 3, -2]), recordings=1, length=50))
    assert (found["lag"] == 0).all()
    assert found["note"].str.contains("chance").all()


@pytest.mark.parametrize("max_lag", [0.0, 0.1, 0.27, 1.0])
@pytest.mark.parametrize("steps", [[0, 0, 0, 30], [0, 9, 18, 27], [-9, 0, 0, 9], [0, 0, 19, 19]])
def test_no_lag_reaches_the_largest(steps, max_lag):
    found = estimate_lags(planted_panel(np.array(steps), noise=0.05), max_lag=max_lag)
    assert (found["lag"].abs() < max(max_lag, 1e-9)).all()
    np.testing.assert_allclose(found["lag"] * 10, np.rint(found["lag"] * 10), atol=1e-9)


def test_without_a_search_nobody_lies_at_its_edge():
    found = estimate_lags(planted_panel(IN_STEP), max_lag=0.0)
    assert (found["lag"] == 0).all()
    assert found["note"].isna().all()


@pytest.mark.parametrize("task", TASKS)
def test_odd_raters_beside_real_ones_move_nobody(booth, task):
    traces, _ = real_panel(booth, task)
    alone = estimate_lags([traces])
    assert alone["note"].isna().all()
    rng = np.random.default_rng(0)
    odd = [-traces[0], np.full(traces.shape[1], 0.3), shift(traces[0], -50)]
    odd.append(rng.standard_normal(traces.shape[1]).cumsum())
    found = estimate_lags([np.vstack([traces, odd])])
    np.testing.assert_array_equal(found["lag"][:10], alone["lag"])
    assert (found["lag"][10:] == 0).all()
    assert found["note"][:10].isna().all()
    assert found["note"][10:].notna().all()


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
    """What was found is taken out whole: also where the median lies between grid points."""
    steps = np.array(steps)
    panels = planted_panel(steps, recordings=2, noise=0.01)
    ratings = as_table(panels)
    raters, recordings = panel(ratings)
    lags = table_of(recordings).assign(rater=raters)
    np.testing.assert_allclose(lags["lag"], relative(steps / 10), atol=1e-9)
    _, aligned = panel(align(ratings, lags))
    np.testing.assert_allclose(lags_of(aligned), 0, atol=1e-9)


def test_alignment_sharpens_the_simulated_panel(corpora):
    """The spread of the raters falls, and stays a spread: it is no fit to noise."""
    ratings = corpora[1]
    ratings = ratings[ratings["dimension"] == "arousal"]
    raters, recordings = panel(ratings)
    lags = table_of(recordings).assign(rater=raters)

    def spread(table):
        return table.groupby(["recording", "time"])["value"].std().mean()

    before, after = spread(ratings), spread(align(ratings, lags))
    assert 0.5 * before < after < before


def test_the_command_line_finds_lags_of_both_dimensions_over_all_batches(
    tmp_path, monkeypatch, capsys
):
    steps = {"arousal": np.array([0, 4, -3, 1]), "valence": np.array([2, -1, 0, 5])}
    both = pd.concat(
        as_table(of_one_rater(planted_panel(s, seed), lambda t: -t[0]), name)
        for seed, (name, s) in enumerate(steps.items())
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
        assert list(rows["rater"]) == ["r0", "r1", "r2", "r3", "r4"]
        expected = [*relative(steps[dimension] / 10), 0]
        np.testing.assert_allclose(rows["lag"], expected, atol=1e-9)
        assert rows["note"].notna().tolist() == [False] * 4 + [True]
    assert capsys.readouterr().out.count("runs against the others") == 2
