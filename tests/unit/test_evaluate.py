"""Evaluation: concordance, intervals and answers against independent references and simulations."""

import itertools
import sys

import audmetric
import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import evaluate
from softaer.core import schema, tables
from softaer.core.places import final_prediction
from softaer.evaluate import (
    answer,
    bootstrap,
    ccc_from_moments,
    compare,
    hypotheses,
    interval,
    moments,
    permutation_test,
    resample,
)

NAN = np.nan


def frames_of(units, length=50, signal=1.0, noise=1.0, seed=0, **more):
    """Labels and a prediction ``y`` of them; ``more`` names predictions by their noise."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"unit": np.repeat([f"u{i}" for i in range(units)], length)})
    level = np.repeat(rng.normal(size=units) * 0.5, length)
    table["label"] = level + rng.normal(size=len(table))
    for name, size in {"y": noise, **more}.items():
        table[name] = signal * table["label"] + size * rng.normal(size=len(table))
    return table


def units_of(frames):
    return sorted(frames["unit"].unique())


def evaluated(frames, prediction="y", draws=500, seed=1):
    units = units_of(frames)
    return bootstrap([moments(frames, prediction, units)], resample(len(units), draws, seed))


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_concordance_from_moments_is_that_of_any_concatenation(offset):
    frames = frames_of(5)
    frames["label"] += offset
    frames["y"] += offset + 0.3
    sums = moments(frames, "y", units_of(frames))
    groups = dict(iter(frames.groupby("unit")))
    for chosen in ([0], [1, 3], [0, 0, 2], [0, 1, 2, 3, 4], [4, 4, 4, 1, 1]):
        joined = pd.concat([groups[f"u{i}"] for i in chosen])
        expected = audmetric.concordance_cc(joined["label"], joined["y"])
        assert ccc_from_moments(sums[chosen].sum(axis=0)) == pytest.approx(expected, abs=1e-9)


def test_moments_of_units_of_unequal_length_in_the_order_asked_for():
    frames = pd.DataFrame({"unit": ["b", "a", "b"], "label": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]})
    found = moments(frames, "y", ["b", "a"])
    np.testing.assert_array_equal(found, [[2, 10, 4, 52, 10, 22], [1, 5, 2, 25, 4, 10]])


def test_concordance_of_constants():
    def of(x, y):
        frames = pd.DataFrame({"unit": "u", "label": y, "y": x})
        return ccc_from_moments(moments(frames, "y", ["u"]).sum(axis=0))

    assert of(np.zeros(4), np.arange(4.0)) == 0
    assert np.isnan(of(np.full(4, 0.3), np.full(4, 0.3)))


def test_draws_are_with_replacement_and_repeatable():
    counts = resample(7, 300, 4)
    assert counts.shape == (300, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert (counts == 0).any()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
    np.testing.assert_array_equal(counts, resample(7, 300, 4))
    assert not np.array_equal(counts, resample(7, 300, 5))


def test_the_point_is_the_plain_concordance_averaged_over_seeds():
    frames = frames_of(6, z=2.0)
    units = units_of(frames)
    per_seed = [moments(frames, name, units) for name in ("y", "z")]
    counts = resample(6, 20, 1)
    point, draws, _ = bootstrap(per_seed, counts)
    expected = [audmetric.concordance_cc(frames["label"], frames[name]) for name in ("y", "z")]
    assert point == pytest.approx(np.mean(expected), abs=1e-9)
    groups = dict(iter(frames.groupby("unit")))
    for draw in (0, 7):
        again = [groups[u] for u, n in zip(units, counts[draw], strict=True) for _ in range(int(n))]
        joined = pd.concat(again)
        expected = [audmetric.concordance_cc(joined["label"], joined[name]) for name in ("y", "z")]
        assert draws[draw] == pytest.approx(np.mean(expected), abs=1e-9)


def test_the_interval_is_from_percentile_to_percentile():
    draws = np.random.default_rng(0).permutation(np.arange(1001) / 1000)
    assert interval(draws) == pytest.approx((0.025, 0.975))
    with_gaps = np.concatenate([draws, np.full(500, NAN)])
    assert interval(with_gaps) == pytest.approx((0.025, 0.975))
    for nothing in (np.full(10, 0.4), np.full(10, NAN), np.empty(0)):
        assert np.isnan(interval(nothing)).all()


def test_the_interval_covers_the_planted_concordance():
    """Units with effects of their own: frames of a unit are no independent observations."""
    hits, runs, units, length = 0, 200, 25, 20
    rng = np.random.default_rng(0)
    truth = 2 * 2.0 / (2.0 + (2.0 + 1.5))
    for _ in range(runs):
        common = rng.normal(size=(units, 1)) + rng.normal(size=(units, length))
        off = np.sqrt(0.75) * (rng.normal(size=(units, 1)) + rng.normal(size=(units, length)))
        frames = pd.DataFrame({"unit": np.repeat([f"u{i:02d}" for i in range(units)], length)})
        frames["label"], frames["y"] = common.ravel(), (common + off).ravel()
        low, high = interval(evaluated(frames, draws=300)[1])
        hits += low <= truth <= high
    assert 0.86 <= hits / runs <= 0.99


def test_more_units_give_a_narrower_interval():
    few, many = (np.diff(interval(evaluated(frames_of(n))[1]))[0] for n in (5, 80))
    assert many < few / 2


def test_few_units_move_the_percentiles_out():
    draws = np.random.default_rng(0).normal(size=200_000)
    plain, moved = interval(draws), interval(draws, 10)
    assert plain == pytest.approx((-1.96, 1.96), abs=0.02)
    # t with 9 degrees of freedom is 2.262, times sqrt(10 / 9)
    assert moved == pytest.approx((-2.385, 2.385), abs=0.05)
    assert interval(draws, 1e6) == pytest.approx(plain, abs=1e-3)


def test_intervals_of_few_units_cover_the_planted_value():
    covered, runs = 0, 150
    truth = 2 * 1.25 / (1.25 + 2.25)
    for seed in range(runs):
        frames = frames_of(8, seed=seed)
        low, high = interval(evaluated(frames, draws=400).draws, 8)
        covered += low <= truth <= high
    assert 0.85 <= covered / runs <= 1.0


def test_identical_predictions_do_not_differ_and_decide_nothing():
    frames = frames_of(10)
    found = compare(evaluated(frames), evaluated(frames))
    assert found["difference"] == 0
    assert found["answer"] == "undecided"


def test_a_clear_difference_is_answered_either_way():
    frames = frames_of(12, noise=0.3, worse=2.0)
    good, bad = evaluated(frames), evaluated(frames, "worse")
    forth, back = compare(good, bad), compare(bad, good)
    assert forth["answer"] == "yes"
    assert 0 < forth["low"] < forth["difference"] < forth["high"]
    assert back["answer"] == "no"
    assert back["difference"] == -forth["difference"]
    assert back["low"] == pytest.approx(-forth["high"])


def test_differences_are_paired():
    """What both models share from unit to unit does not blur their difference."""
    rng = np.random.default_rng(0)
    frames = frames_of(12, noise=0.0)
    hard = np.repeat(rng.uniform(0, 3, size=12), 50) * rng.normal(size=len(frames))
    frames["a"] = frames["label"] + hard
    frames["b"] = frames["label"] + hard + 0.4 * rng.normal(size=len(frames))
    a, b = evaluated(frames, "a"), evaluated(frames, "b")
    found = compare(a, b)
    alone = np.diff(interval(a[1]))[0]
    assert found["high"] - found["low"] < alone / 2
    assert found["answer"] == "yes"


@pytest.mark.parametrize("units", [4, 15])
def test_equal_models_are_seldom_told_apart(units):
    """Also with as few recordings as test has in the simulated corpus of config.yaml."""
    decided, runs = 0, 100
    for seed in range(runs):
        frames = frames_of(units, seed=seed, other=1.0)
        found = compare(evaluated(frames, draws=300), evaluated(frames, "other", draws=300))
        decided += found["answer"] != "undecided"
    assert decided / runs <= 0.15


def test_the_answer_follows_the_interval():
    assert answer(0.01, 0.2, 0.01) == "yes"
    assert answer(-0.2, -0.01, 0.01) == "no"
    for low, high in ((-0.1, 0.1), (0.0, 0.1), (-0.1, 0.0), (NAN, NAN)):
        assert answer(low, high, 0.01) == "undecided"


def test_the_permutation_test_has_to_agree():
    assert answer(0.01, 0.2, 0.05) == "undecided"
    assert answer(-0.2, -0.01, 0.3) == "undecided"


@pytest.mark.parametrize(("units", "smallest"), [(2, 0.5), (4, 0.125), (6, 0.03125)])
def test_a_clear_difference_is_as_unlikely_as_the_number_of_units_allows(units, smallest):
    frames = frames_of(units, noise=0.2, worse=3.0)
    found = permutation_test(evaluated(frames), evaluated(frames, "worse"))
    assert found == pytest.approx(smallest)


def test_p_values_of_equal_models_are_uniform():
    values = []
    for seed in range(150):
        frames = frames_of(15, seed=seed, other=1.0)
        values.append(permutation_test(evaluated(frames), evaluated(frames, "other")))
    assert np.mean(np.array(values) < 0.05) <= 0.11
    assert 0.4 < np.mean(values) < 0.6


def smooth(rng, units, length):
    kernel = np.hanning(41)
    noise = [np.convolve(rng.standard_normal(length + 40), kernel, "valid") for _ in range(units)]
    return np.stack(noise) / np.sqrt((kernel**2).sum())


def test_permuted_labels_give_intervals_that_include_zero():
    """A prediction that is good before; afterwards it belongs to the labels of others."""
    rng = np.random.default_rng(0)
    units, length, runs = 20, 200, 60
    included = 0
    for _ in range(runs):
        label = smooth(rng, units, length) + 0.3 * rng.normal(size=(units, 1))
        prediction = label + 0.5 * smooth(rng, units, length)
        order = np.roll(rng.permutation(units), 1)
        moved = np.empty_like(label)
        moved[np.roll(order, 1)] = label[order]
        frames = pd.DataFrame({"unit": np.repeat([f"u{i:02d}" for i in range(units)], length)})
        frames["label"], frames["y"] = label.ravel(), prediction.ravel()
        assert interval(evaluated(frames, draws=300)[1])[0] > 0.5
        frames["label"] = moved.ravel()
        low, high = interval(evaluated(frames, draws=300)[1])
        included += low <= 0 <= high
    assert included / runs >= 0.88


def test_a_single_unit_says_nothing_of_an_interval():
    frames = frames_of(1, worse=3.0)
    good = evaluated(frames)
    assert good.point == pytest.approx(audmetric.concordance_cc(frames["label"], frames["y"]))
    assert np.isnan(interval(good.draws)).all()
    found = compare(good, evaluated(frames, "worse"))
    assert found["difference"] > 0
    assert found["answer"] == "undecided"


def scores_with(**points):
    """Scores of predictions that are the better the higher their number: audio_single=0.5."""
    frames = frames_of(12, **{name: 10 * (1 - value) ** 3 for name, value in points.items()})
    return {
        (name.rsplit("_", 1)[0].replace("fused", "audio+video"), name.rsplit("_", 1)[1]): (
            evaluated(frames, name)
        )
        for name in points
    }


def test_the_better_modality_is_chosen_on_dev():
    scores = scores_with(audio_single=0.5, video_single=0.2, fused_single=0.4)
    for on_dev, alone, expected in ((0.9, "video", "yes"), (0.1, "audio", "no")):
        (row,) = hypotheses(scores, {("audio", "single"): 0.3, ("video", "single"): on_dev})
        assert row["hypothesis"] == "fusion > better modality"
        assert (row["better"], row["worse"]) == ("audio+video, single", f"{alone}, single")
        assert row["answer"] == expected


def test_tasks_are_compared_within_each_modality():
    scores = scores_with(audio_single=0.2, audio_multi=0.5, audio_joint=0.5, video_single=0.6)
    scores |= scores_with(video_multi=0.3, video_joint=0.9)
    rows = {(r["better"], r["worse"]): r for r in hypotheses(scores, {})}
    assert set(rows) == {
        (f"{m}, {a}", f"{m}, {b}")
        for m, (a, b) in itertools.product(
            ("audio", "video"), (("multi", "single"), ("joint", "multi"))
        )
    }
    assert rows["audio, multi", "audio, single"]["answer"] == "yes"
    assert rows["video, multi", "video, single"]["answer"] == "no"
    assert rows["audio, joint", "audio, multi"]["difference"] == pytest.approx(0, abs=0.05)
    assert rows["video, joint", "video, multi"]["hypothesis"] == "joint > multi-task"


PARTITIONS = {"a": "train", "b": "dev", "c": "dev"} | {f"t{i}": "test" for i in range(6)}
SUBJECTS = {name: name for name in PARTITIONS} | {"t1": "t0", "t3": "t2", "t5": "t4"}
SEEDS = (3, 8)
NOISE = {
    ("audio", "single"): 1.0,
    ("audio", "multi"): 0.1,
    ("video", "single"): 0.6,
    ("video", "multi"): 0.6,
    ("audio+video", "single"): 0.1,
    ("audio+video", "multi"): 2.0,
}


@pytest.fixture
def corpus(tmp_path):
    """Predictions of a dimension ``m`` whose quality is planted by their noise."""
    rng = np.random.default_rng(5)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},{SUBJECTS[n]},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    parts = []
    for name in PARTITIONS:
        table = pd.DataFrame({"recording": name, "time": np.arange(40) / 10})
        table[["m_E", "m_sigma"]] = rng.normal(size=(40, 2)).astype(np.float32)
        table.loc[37:, ["m_E", "m_sigma"]] = NAN
        parts.append(table)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table.assign(f=0.0), names, tmp_path / "dataset" / f"{name}.parquet")
    labels = pd.concat(parts, ignore_index=True)
    for (modality, task), seed in itertools.product(NOISE, SEEDS):
        fused = "+" in modality
        table = labels[["recording", "time"]].copy()
        suffixes = ["", "_out_of_fold"] if fused else ["", "_raw", "_out_of_fold"]
        for target, suffix in itertools.product(("E", "sigma"), suffixes):
            noise = NOISE[modality, task] * rng.normal(size=len(table))
            known = labels[f"m_{target}"].fillna(0)
            worse = 0.5 * rng.normal(size=len(table)) if suffix == "_out_of_fold" else 0
            table[f"{target}{suffix}"] = (known + noise + worse).astype(np.float32)
            if fused:
                plain = known + 2 * noise + worse
                table[f"{target}_mean{suffix}"] = plain.astype(np.float32)
        path = final_prediction(tmp_path, "m", modality, task, seed)
        layout = schema.FUSED_PREDICTIONS if fused else schema.POSTPROCESSED
        tables.write(table.sample(frac=1, random_state=seed), layout, path)
    return tmp_path, labels


def run(folder, monkeypatch, *more, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--results", folder, "--dimensions", "m"]
    words += ["--modalities", "audio", "video", "audio+video", "--tasks", "single", "multi"]
    words += ["--seeds", *SEEDS, "--draws", 400, *more]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--coverage", *coverage]
    words += ["--intervals-output", folder / "intervals.parquet"]
    words += ["--hypotheses-output", folder / "hypotheses.parquet"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, words)])
    evaluate.main()
    found = [tables.read(folder / f"{name}.parquet") for name in ("intervals", "hypotheses")]
    tables.conform(found[0], schema.INTERVALS)
    tables.conform(found[1], schema.HYPOTHESES)
    return found


def test_the_command_line_scores_test_and_dev_out_of_fold(corpus, monkeypatch):
    folder, labels = corpus
    intervals, _ = run(folder, monkeypatch)
    assert len(intervals) == 2 * (len(NOISE) + 2) * 2
    for row in intervals.itertuples():
        column = row.target + ("_mean" if row.fusion == "mean" else "")
        column += "_out_of_fold" if row.partition == "dev" else ""
        here = labels["recording"].map(PARTITIONS) == row.partition
        expected = []
        for seed in SEEDS:
            key = (row.modality, row.task, seed)
            path = final_prediction(folder, "m", *key)
            both = labels[here].merge(tables.read(path), on=["recording", "time"]).dropna()
            expected.append(audmetric.concordance_cc(both[f"m_{row.target}"], both[column]))
        assert row.ccc == pytest.approx(np.mean(expected), abs=1e-6)
        assert row.partition == "dev" or row.low < row.ccc < row.high
        assert row.seeds == 2
        assert row.resampled == {"dev": 2, "test": 6}[row.partition]


def test_the_command_line_answers_the_hypotheses(corpus, monkeypatch):
    folder, _ = corpus
    _, answers = run(folder, monkeypatch)
    assert len(answers) == 2 * 5
    rows = answers.set_index(["target", "better", "worse"])["answer"]
    for target in ("E", "sigma"):
        assert rows[target, "audio, multi", "audio, single"] == "yes"
        assert rows[target, "audio+video, multi", "audio+video, single"] == "no"
        assert rows[target, "audio+video, single", "video, single"] == "yes"
        assert rows[target, "audio+video, multi", "audio, multi"] == "no"
        assert (target, "video, multi", "video, single") in rows.index


def test_the_same_seed_gives_the_same_tables(corpus, monkeypatch):
    folder, _ = corpus
    first, second = run(folder, monkeypatch), run(folder, monkeypatch)
    for a, b in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(a, b)
    other = run(folder, monkeypatch, "--bootstrap-seed", 2)
    assert (other[0]["ccc"] == first[0]["ccc"]).all()
    assert (other[0]["low"] != first[0]["low"]).any()


def test_subjects_can_be_drawn_instead_of_recordings(corpus, monkeypatch):
    folder, _ = corpus
    by_recording = run(folder, monkeypatch)[0]
    by_subject = run(folder, monkeypatch, "--resample", "subject")[0]
    np.testing.assert_allclose(by_subject["ccc"], by_recording["ccc"], atol=1e-9)
    resampled = by_subject.set_index("partition")["resampled"]
    assert set(resampled["test"]) == {3}
    assert set(resampled["dev"]) == {2}


def test_a_dev_of_one_subject_leaves_the_answers_on_test(corpus, monkeypatch):
    """No fusion can be estimated out of fold then; what is compared on test does not need it."""
    folder, _ = corpus
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace("c,c,dev", "c,b,dev"))
    for task, seed in itertools.product(("single", "multi"), SEEDS):
        fused = folder / "fuse" / "m" / task / f"seed{seed}.parquet"
        table = tables.read(fused)
        dev = table["recording"].map(PARTITIONS) == "dev"
        table.loc[dev, ["E_out_of_fold", "sigma_out_of_fold"]] = NAN
        tables.write(table, schema.FUSED_PREDICTIONS, fused)
    intervals, answers = run(folder, monkeypatch)
    assert set(intervals.loc[intervals["partition"] == "test", "modality"]) == {
        "audio",
        "video",
        "audio+video",
    }
    rows = answers.set_index(["target", "better", "worse"])["answer"]
    assert rows["E", "audio, multi", "audio, single"] == "yes"


def test_a_recording_that_lacks_all_modalities_is_not_drawn(corpus, monkeypatch):
    folder, _ = corpus
    absent = {"t0": "cannot be decoded"}
    without, _ = run(folder, monkeypatch, without={"audio": absent, "video": absent})
    assert set(without.loc[without["partition"] == "test", "resampled"]) == {5}
    one_left, _ = run(folder, monkeypatch, without={"audio": absent})
    assert set(one_left.loc[one_left["partition"] == "test", "resampled"]) == {6}
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace("t0,t0,test", "t0,t0,train"))
    elsewhere, _ = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(without, elsewhere)


def test_a_corpus_without_test_has_no_answers(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace(",test,", ",train,"))
    intervals, answers = run(folder, monkeypatch)
    assert set(intervals["partition"]) == {"dev"}
    assert len(answers) == 0
