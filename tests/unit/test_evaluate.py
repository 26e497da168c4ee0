"""Evaluation: which models are compared, and the tables that the command writes."""

import itertools
import sys

import audmetric
import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import evaluate
from softaer.core import schema, tables
from softaer.core.concordance import moments
from softaer.core.experiment import Evaluation, System
from softaer.core.inference import FEW_UNITS, bootstrap, effect_size, resample
from softaer.core.places import final_prediction
from softaer.evaluate import CLAIMS, Compared, Pair, Sums, answered, pairs, together

NAN = np.nan


def systems(*modalities, tasks=("single", "multi"), methods=("least_squares", "mean")):
    return [
        System(modality, task, method)
        for modality in modalities
        for method in (methods if "+" in modality else [None])
        for task in tasks
    ]


def test_tasks_are_compared_within_each_modality():
    models = systems("audio", "video", "audio+video", tasks=("single", "multi", "joint"))
    found = [pair for pair in pairs(models, {}) if pair.claim in ("multi", "joint")]
    inputs = [("audio", None), ("video", None), ("audio+video", "least_squares")]
    assert set(found) == {
        Pair(better, System(m, better, f), System(m, worse, f))
        for (m, f), (better, worse) in itertools.product(
            inputs, (("multi", "single"), ("joint", "multi"))
        )
    }


def test_the_better_modality_is_chosen_on_dev():
    models = systems("audio", "video", "audio+video", tasks=("single",))
    fused = System("audio+video", "single", "least_squares")
    for on_dev, alone in ((0.9, "video"), (0.1, "audio")):
        scores = {System("audio", "single"): 0.3, System("video", "single"): on_dev}
        found = [pair for pair in pairs(models, scores) if pair.claim == "fusion"]
        assert found == [Pair("fusion", fused, System(alone, "single"), shared=True)]
    assert not [pair for pair in pairs(models, {}) if pair.claim == "fusion"]


def test_the_fusion_is_compared_with_the_plain_mean_unless_it_is_the_mean():
    fused = System("audio+video", "single", "rescaled")
    models = systems("audio", "audio+video", tasks=("single",), methods=("rescaled", "mean"))
    found = [pair for pair in pairs(models, {}) if pair.claim == "mean"]
    assert found == [Pair("mean", fused, fused._replace(fusion="mean"), shared=True)]
    models = systems("audio", "audio+video", tasks=("single",), methods=("mean",))
    found = pairs(models, {System("audio", "single"): 0.3})
    assert [pair.claim for pair in found] == ["fusion"]


def test_networks_are_compared_with_ridge_where_there_is_one():
    models = systems("audio", "audio+video", tasks=("single", "multi", "ridge", "constant"))
    found = [pair for pair in pairs(models, {}) if pair.claim == "ridge"]
    assert set(found) == {
        Pair("ridge", System(m, task, f), System(m, "ridge", f))
        for m, f in (("audio", None), ("audio+video", "least_squares"))
        for task in ("single", "multi")
    }
    without = [model for model in models if model.task != "ridge"]
    assert not [pair for pair in pairs(without, {}) if pair.claim == "ridge"]
    # A ridge regression is no claim of its own.
    assert all(pair.better.task in ("single", "multi") for pair in pairs(models, {}))


def test_p_values_are_adjusted_within_a_hypothesis():
    rows = pd.DataFrame({"hypothesis": list("aaab"), "p_value": [0.01, 0.02, 0.04, 0.04]})
    rows = rows.assign(low=0.1, high=0.2, resampled=20, seeds=3)
    found = answered(rows)
    assert list(found["p_holm"]) == pytest.approx([0.03, 0.04, 0.04, 0.04])
    assert list(found["answer"]) == ["yes"] * 4
    many = answered(pd.concat([rows] * 3, ignore_index=True))
    assert list(many["answer"]) != ["yes"] * 12
    assert (many["p_value"] < many["p_holm"]).all()


def test_a_constant_prediction_has_no_bounds():
    label, units = np.random.default_rng(0).normal(size=80), np.repeat(np.arange(8), 10)
    sums = moments(np.full(80, 0.3), label, units, 8)[None]
    own = Sums([str(i) for i in range(8)], {System("audio", "constant"): sums})
    found = evaluate.evaluate({("m", "E"): {"test": own}}, Evaluation())
    (row,) = found.intervals.itertuples()
    assert row.ccc == pytest.approx(0)
    assert np.isnan([row.low, row.high]).all()
    assert len(found.claims) == len(found.hypotheses) == len(found.power) == 0


PARTITIONS = {"a": "train", "b": "dev", "c": "dev"} | {f"t{i}": "test" for i in range(20)}
SUBJECTS = {name: name for name in PARTITIONS} | {f"t{i + 1}": f"t{i}" for i in range(0, 20, 2)}
SEEDS = (3, 8, 9)
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
    words += ["--claims-output", folder / "claims.parquet"]
    words += ["--hypotheses-output", folder / "hypotheses.parquet"]
    words += ["--power-output", folder / "power.parquet"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *map(str, words)])
    evaluate.main()
    found = [tables.read(folder / f"{name}.parquet") for name in ("intervals", "hypotheses")]
    tables.conform(found[0], schema.INTERVALS)
    tables.conform(found[1], schema.HYPOTHESES)
    tables.conform(tables.read(folder / "claims.parquet"), schema.CLAIMS)
    tables.conform(tables.read(folder / "power.parquet"), schema.POWER)
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
        assert row.seeds == 3
        assert row.resampled == {"dev": 2, "test": 10}[row.partition]
        assert row.kind == {"dev": "range", "test": "interval"}[row.partition]
        assert row.partition == "dev" or row.low < row.ccc < row.high


def test_few_units_have_the_range_of_their_own_scores(corpus, monkeypatch):
    folder, labels = corpus
    intervals, _ = run(folder, monkeypatch)
    for row in intervals[intervals["partition"] == "dev"].itertuples():
        column = row.target + ("_mean" if row.fusion == "mean" else "") + "_out_of_fold"
        own = []
        for name in ("b", "c"):
            scores = []
            for seed in SEEDS:
                path = final_prediction(folder, "m", row.modality, row.task, seed)
                here = labels[labels["recording"] == name]
                both = here.merge(tables.read(path), on=["recording", "time"]).dropna()
                scores.append(audmetric.concordance_cc(both[f"m_{row.target}"], both[column]))
            own.append(np.mean(scores))
        assert (row.low, row.high) == pytest.approx((min(own), max(own)), abs=1e-6)


def test_the_command_line_answers_the_hypotheses(corpus, monkeypatch):
    folder, _ = corpus
    _, answers = run(folder, monkeypatch)
    assert answers["hypothesis"].value_counts().to_dict() == {
        "multi-task > single-task": 6,
        "fusion > better modality": 4,
        "fusion > plain mean": 4,
    }
    rows = answers.set_index(["target", "better", "worse"])["answer"]
    for target in ("E", "sigma"):
        assert rows[target, "audio, multi", "audio, single"] == "yes"
        assert rows[target, "audio+video, multi", "audio+video, single"] == "no"
        assert rows[target, "audio+video, single", "video, single"] == "yes"
        assert rows[target, "audio+video, multi", "audio, multi"] == "no"
        assert rows[target, "audio+video, single", "audio+video (mean), single"] == "yes"
        assert (target, "video, multi", "video, single") in rows.index
    assert (answers["p_holm"] >= answers["p_value"]).all()
    assert set(answers["resampled"]) == {10}
    assert set(answers["seeds"]) == {3}


def test_claims_are_the_means_of_their_comparisons(corpus, monkeypatch):
    folder, _ = corpus
    _, answers = run(folder, monkeypatch)
    claims = tables.read(folder / "claims.parquet").set_index(["hypothesis", "target"])
    for key, rows in answers.groupby(["hypothesis", "target"]):
        assert claims.loc[key, "comparisons"] == len(rows)
        assert claims.loc[key, "difference"] == pytest.approx(rows["difference"].mean())
    # Audio gains by it, the fusion loses as much, and video stays the same.
    assert rows_of(answers, "multi-task > single-task", "E") >= {"yes", "no"}
    assert claims.loc[("fusion > plain mean", "E"), "answer"] == "yes"


def rows_of(answers, hypothesis, target):
    some = (answers["hypothesis"] == hypothesis) & (answers["target"] == target)
    return set(answers.loc[some, "answer"])


def compared(units=8, dimension="m", task="multi", names=None, seed=0):
    """A pair of equally noisy models with three trainings each."""
    rng = np.random.default_rng(seed)
    label, unit = rng.normal(size=units * 20), np.repeat(np.arange(units), 20)
    counts = resample(units, 200, 1)
    scores = [
        bootstrap([moments(label + rng.normal(size=len(label)), label, unit, units)] * 3, counts)
        for _ in range(2)
    ]
    pair = Pair("multi", System("audio", task), System("audio", "single"))
    return Compared(dimension, pair, *scores, names or [str(i) for i in range(units)])


def test_comparisons_on_other_units_are_not_averaged():
    assert together([compared(), compared(names=list("abcdefgh"))]) is None
    assert together([compared(), compared()]).resampled == 8


def test_trainings_of_dimensions_are_independent_except_joint_ones(monkeypatch):
    asked = []
    monkeypatch.setattr(evaluate, "compare_all", lambda *arguments: asked.append(arguments[2]))
    together([compared(), compared(dimension="n")])
    together([compared(), compared(dimension="n", task="joint")])
    assert asked == [["m", "n"], None]


def test_the_effect_size_is_that_of_the_subjects_own_scores(corpus, monkeypatch):
    folder, labels = corpus
    _, answers = run(folder, monkeypatch)
    row = answers.set_index(["target", "better", "worse"]).loc[
        ("E", "audio, multi", "audio, single")
    ]
    own = {task: np.zeros(10) for task in ("multi", "single")}
    for task, seed in itertools.product(own, SEEDS):
        path = final_prediction(folder, "m", "audio", task, seed)
        both = labels.merge(tables.read(path), on=["recording", "time"]).dropna()
        both = both[both["recording"].map(PARTITIONS) == "test"]
        groups = both.groupby(both["recording"].map(SUBJECTS))
        own[task] += [audmetric.concordance_cc(g["m_E"], g["E"]) / len(SEEDS) for _, g in groups]
    expected = effect_size(own["multi"] - own["single"])
    found = (row["effect_size"], row["effect_low"], row["effect_high"])
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_command_line_compares_networks_with_ridge(corpus, monkeypatch):
    folder, labels = corpus
    rng = np.random.default_rng(1)
    for modality in ("audio", "video", "audio+video"):
        layout = schema.FUSED_PREDICTIONS if "+" in modality else schema.POSTPROCESSED
        table = labels[["recording", "time"]].copy()
        for column in layout.names[2:]:
            known = labels[f"m_{column.split('_')[0]}"].fillna(0)
            table[column] = (known + 0.6 * rng.normal(size=len(table))).astype(np.float32)
        tables.write(table, layout, final_prediction(folder, "m", modality, "ridge", 0))
    intervals, answers = run(folder, monkeypatch, "--baselines", "ridge")
    rows = answers[answers["hypothesis"] == CLAIMS["ridge"]]
    assert len(rows) == 2 * 3 * 2
    found = rows.set_index(["target", "better"])["answer"]
    assert found["E", "audio, multi"] == "yes"
    assert found["E", "audio+video, multi"] == "no"
    assert set(rows["seeds"]) == {3}
    assert set(intervals.loc[intervals["task"] == "ridge", "seeds"]) == {1}


def test_one_seed_decides_nothing(corpus, monkeypatch):
    folder, _ = corpus
    monkeypatch.setattr("test_evaluate.SEEDS", SEEDS[:1])
    _, answers = run(folder, monkeypatch)
    assert set(answers["answer"]) == {"undecided (one seed)"}
    assert len(tables.read(folder / "power.parquet")) == 0


def test_few_subjects_decide_nothing(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "recordings.csv"
    text = path.read_text()
    for name in list(PARTITIONS)[3 + 2 * FEW_UNITS :]:
        text = text.replace(f"{name},{SUBJECTS[name]},test", f"{name},{SUBJECTS[name]},train")
    path.write_text(text)
    intervals, answers = run(folder, monkeypatch)
    assert set(answers["answer"]) == {"undecided (few units)"}
    assert set(answers["resampled"]) == {FEW_UNITS}
    assert set(intervals["kind"]) == set(answers["kind"]) == {"range"}


def test_the_power_stands_beside_every_comparison(corpus, monkeypatch):
    folder, _ = corpus
    _, answers = run(folder, monkeypatch)
    power = tables.read(folder / "power.parquet")
    assert set(power["units"]) == {4, 8, 10, 16, 32}
    keys = ["hypothesis", "target", "better", "worse"]
    both = power.merge(answers, on=keys)
    assert len(both) == len(power) == len(answers) * 5 * 2
    np.testing.assert_allclose(both["gain"], both["difference"].abs())
    assert (power.loc[power["units"] == 4, "power"] == 0).all()
    clear = both[(both["better"] == "audio, multi") & (both["units"] == 32)]
    assert (clear["power"] > 0.9).all()
    sizes = answers["hypothesis"].value_counts()
    among = power[power["comparisons"] > 1]
    assert (among["comparisons"] == among["hypothesis"].map(sizes)).all()


def test_the_same_seed_gives_the_same_tables(corpus, monkeypatch):
    folder, _ = corpus
    first, second = run(folder, monkeypatch), run(folder, monkeypatch)
    for a, b in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(a, b)
    other = run(folder, monkeypatch, "--bootstrap-seed", 2)
    assert (other[0]["ccc"] == first[0]["ccc"]).all()
    assert (other[0]["low"] != first[0]["low"]).any()


def test_recordings_can_be_drawn_instead_of_subjects(corpus, monkeypatch):
    folder, _ = corpus
    by_subject = run(folder, monkeypatch)[0]
    by_recording = run(folder, monkeypatch, "--resample", "recording")[0]
    np.testing.assert_allclose(by_subject["ccc"], by_recording["ccc"], atol=1e-9)
    resampled = by_recording.set_index("partition")["resampled"]
    assert set(resampled["test"]) == {20}
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
    absent = {"t0": "cannot be decoded", "t1": "cannot be decoded"}
    without, _ = run(folder, monkeypatch, without={"audio": absent, "video": absent})
    assert set(without.loc[without["partition"] == "test", "resampled"]) == {9}
    one_left, _ = run(folder, monkeypatch, without={"audio": absent})
    assert set(one_left.loc[one_left["partition"] == "test", "resampled"]) == {10}
    path = folder / "recordings.csv"
    text = path.read_text()
    path.write_text(text.replace("t0,t0,test", "t0,t0,train").replace("t1,t0,test", "t1,t0,train"))
    elsewhere, _ = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(without, elsewhere)


def test_a_corpus_without_test_has_no_answers(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace(",test,", ",train,"))
    intervals, answers = run(folder, monkeypatch)
    assert set(intervals["partition"]) == {"dev"}
    assert len(answers) == 0
