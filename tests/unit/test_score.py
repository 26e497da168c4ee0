"""Scores: the concordance over the concatenated frames of dev and of test."""

import itertools
import sys

import audmetric
import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import score
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.places import final_prediction
from softaer.corpus import Recording
from softaer.score import score_predictions

PARTITIONS = {"a": "train", "b": "dev", "c": "dev", "d": "test"}
RECORDINGS = [Recording(name, name, partition=part) for name, part in PARTITIONS.items()]


@pytest.fixture
def targets():
    rng = np.random.default_rng(0)
    table = pd.concat(
        pd.DataFrame({"recording": name, "time": np.arange(30) / 10, "E": rng.normal(size=30) + i})
        for i, name in enumerate(PARTITIONS)
    )
    return table.reset_index(drop=True)


@pytest.fixture
def predictions(targets):
    noise = np.random.default_rng(1).normal(size=len(targets))
    return targets.assign(E=targets["E"] + noise)


def test_concordance_over_the_concatenated_frames(targets, predictions):
    table = score_predictions(targets, predictions, RECORDINGS, "E").set_index("partition")
    for partition, names in {"dev": ["b", "c"], "test": ["d"]}.items():
        here = targets["recording"].isin(names)
        expected = audmetric.concordance_cc(targets["E"][here], predictions["E"][here])
        assert table.loc[partition, "ccc"] == pytest.approx(expected, abs=1e-9)
        assert table.loc[partition, "recordings"] == len(names)
        assert table.loc[partition, "frames"] == 30 * len(names)
    assert list(table.index) == ["dev", "test"]


def test_the_order_of_the_rows_does_not_matter(targets, predictions):
    expected = score_predictions(targets, predictions, RECORDINGS, "E")
    shuffled = predictions.sample(frac=1, random_state=0)
    found = score_predictions(targets.iloc[::-1], shuffled, RECORDINGS, "E")
    pd.testing.assert_frame_equal(found, expected)


def test_frames_without_a_label_do_not_count(targets, predictions):
    targets.loc[(targets["recording"] == "d") & (targets["time"] > 1.95), "E"] = np.nan
    table = score_predictions(targets, predictions, RECORDINGS, "E").set_index("partition")
    here = (targets["recording"] == "d") & (targets["time"] < 1.95)
    expected = audmetric.concordance_cc(targets["E"][here], predictions["E"][here])
    assert table.loc["test", "frames"] == 20
    assert table.loc["test", "ccc"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", ["no row", "no value"])
def test_a_labelled_frame_without_a_prediction_is_an_error(targets, predictions, kind):
    here = (predictions["recording"] == "c") & (predictions["time"] > 2.85)
    if kind == "no row":
        predictions = predictions[~here]
    else:
        predictions.loc[here, "E"] = np.nan
    with pytest.raises(InputError) as caught:
        score_predictions(targets, predictions, RECORDINGS, "E")
    for word in ("'c'", "2.9", "1", "E"):
        assert word in str(caught.value)


def test_a_frame_that_is_predicted_twice_is_an_error(targets, predictions):
    twice = pd.concat([predictions, predictions[predictions["recording"] == "d"].head(5)])
    with pytest.raises((InputError, pd.errors.MergeError)):
        score_predictions(targets, twice, RECORDINGS, "E")


def test_a_partition_without_recordings_has_no_row(targets, predictions):
    without_test = RECORDINGS[:3]
    targets = targets[targets["recording"] != "d"]
    table = score_predictions(targets, predictions, without_test, "E")
    assert list(table["partition"]) == ["dev"]


def test_where_predictions_lie():
    def path(*args):
        return str(final_prediction("r", "mood", *args, 3))

    assert path("audio", "single") == "r/postprocess/mood/audio/single/seed3.parquet"
    assert path("video", "joint") == "r/postprocess/mood/video/joint/seed3.parquet"
    assert path("audio+video", "multi") == "r/fuse/mood/multi/seed3.parquet"


def test_beside_the_score_stand_those_of_other_versions(targets, predictions):
    rng = np.random.default_rng(4)
    columns = {"ccc": "E", "ccc_raw": "E_raw", "ccc_out_of_fold": "E_out_of_fold"}
    for column in ("E_raw", "E_out_of_fold"):
        predictions[column] = targets["E"] + rng.normal(size=len(targets))
    table = score_predictions(targets, predictions, RECORDINGS, "E").set_index("partition")
    for partition, names in {"dev": ["b", "c"], "test": ["d"]}.items():
        here = targets["recording"].isin(names)
        for score_name, column in columns.items():
            found = table.loc[partition, score_name]
            if (partition, score_name) == ("test", "ccc_out_of_fold"):
                assert np.isnan(found)
            else:
                expected = audmetric.concordance_cc(targets["E"][here], predictions[column][here])
                assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("missing", ["E_raw", "E_out_of_fold"])
def test_a_version_that_there_is_not_has_no_score(targets, predictions, missing):
    everything = predictions.assign(E_raw=predictions["E"], E_out_of_fold=predictions["E"])
    table = score_predictions(targets, everything.drop(columns=missing), RECORDINGS, "E")
    assert table[missing.replace("E", "ccc", 1)].isna().all()
    assert table["ccc"].notna().all()


def test_estimates_out_of_fold_that_cannot_be_made_have_no_score(targets, predictions):
    predictions = predictions.assign(E_out_of_fold=np.nan)
    table = score_predictions(targets, predictions, RECORDINGS, "E")
    assert table["ccc_out_of_fold"].isna().all()
    assert table["ccc"].notna().all()


def test_an_estimate_for_a_part_of_dev_is_no_score_of_dev(targets, predictions):
    known = predictions.assign(E_out_of_fold=predictions["E"])
    whole = score_predictions(targets, known, RECORDINGS, "E").set_index("partition")
    assert whole.loc["dev", "ccc_out_of_fold"] == whole.loc["dev", "ccc"]
    part = known.assign(E_out_of_fold=known["E"].where(known["recording"] != "b"))
    table = score_predictions(targets, part, RECORDINGS, "E").set_index("partition")
    assert np.isnan(table.loc["dev", "ccc_out_of_fold"])


def test_recordings_that_lack_the_modality_are_counted(targets, predictions):
    table = score_predictions(targets, predictions, RECORDINGS, "E", {"a", "c"})
    assert table.set_index("partition")["lacking"].to_dict() == {"dev": 1, "test": 0}
    table = score_predictions(targets, predictions, RECORDINGS, "E")
    assert (table["lacking"] == 0).all()


def test_beside_the_concordance_stand_other_scores(targets, predictions):
    table = score_predictions(targets, predictions, RECORDINGS, "E").set_index("partition")
    for partition, names in {"dev": ["b", "c"], "test": ["d"]}.items():
        here = targets["recording"].isin(names)
        y = targets["E"][here].to_numpy(dtype=float)
        x = predictions.set_index(["recording", "time"]).loc[
            list(zip(targets["recording"][here], targets["time"][here], strict=True)), "E"
        ]
        x = x.to_numpy(dtype=float)
        row = table.loc[partition]
        assert row["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean((x - y) ** 2)))
        assert row["mae"] == pytest.approx(np.mean(np.abs(x - y)))
        recording = targets["recording"][here].to_numpy()
        own = {n: audmetric.concordance_cc(y[recording == n], x[recording == n]) for n in names}
        values = list(own.values())
        assert row["ccc_recording_mean"] == pytest.approx(np.mean(values), abs=1e-9)
        assert row["ccc_recording_median"] == pytest.approx(np.median(values), abs=1e-9)
        assert row["ccc_recording_worst"] == pytest.approx(min(values), abs=1e-9)
        assert row["worst_recording"] == min(own, key=own.get)


def test_one_long_recording_dominates_the_concordance_but_not_the_mean_over_recordings():
    rng = np.random.default_rng(0)
    rows = []
    for name, level, frames in (("b", 0.0, 20), ("c", 5.0, 900)):
        label = level + rng.normal(size=frames)
        table = pd.DataFrame({"recording": name, "time": np.arange(frames) / 10, "E": label})
        rows.append(table.assign(prediction=level + rng.normal(size=frames)))
    frames = pd.concat(rows, ignore_index=True)
    targets = frames[["recording", "time", "E"]]
    predictions = frames[["recording", "time"]].assign(E=frames["prediction"])
    (row,) = score_predictions(targets, predictions, RECORDINGS, "E").to_dict("records")
    assert row["ccc"] > 0.3
    assert row["ccc_recording_mean"] < 0.15


def test_a_recording_without_a_concordance_is_not_the_worst():
    targets = pd.DataFrame({"recording": list("bbcc"), "time": [0, 0.1] * 2, "E": [1.0, 1, 0, 1]})
    (row,) = score_predictions(targets, targets, RECORDINGS, "E").to_dict("records")
    assert row["worst_recording"] == "c"
    assert row["ccc_recording_mean"] == row["ccc_recording_worst"] == 1


@pytest.fixture
def corpus(targets, tmp_path):
    """Labels of two dimensions, and the predictions of them by path."""
    rng = np.random.default_rng(2)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{name},s{name},{part},{name}.mp4,{name}.csv" for name, part in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    labels = {}
    for name, rows in targets.groupby("recording"):
        table = rows[["recording", "time"]].copy()
        for column in ("x_E", "x_sigma", "y_E", "y_sigma"):
            table[column] = rng.normal(size=30).astype(np.float32)
        labels[name] = table
        names = schema.dataset(["x_E", "x_sigma", "y_E", "y_sigma"], ["f"])
        tables.write(table.assign(f=0.0), names, tmp_path / "dataset" / f"{name}.parquet")
    everything = pd.concat(labels.values(), ignore_index=True)
    written = {}
    for dimension in ("x", "y"):
        for modality in ("audio", "audio+video"):
            for task in ("single", "multi", "joint"):
                path = final_prediction(tmp_path, dimension, modality, task, 7)
                fused = "+" in modality
                kind = schema.FUSED_PREDICTIONS if fused else schema.POSTPROCESSED
                table = everything[["recording", "time"]].copy()
                values = rng.normal(size=(len(table), len(kind.names) - 2))
                table[kind.names[2:]] = values.astype(np.float32)
                tables.write(table, kind, path)
                written[path] = table
    return tmp_path, everything, written


def run(folder, monkeypatch, *more, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--results", folder]
    words += ["--dimensions", "x", "y", "--modalities", "audio", "audio+video"]
    words += ["--tasks", "single", "multi", "joint", "--seeds", 7, "--fusion", "rescaled"]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--coverage", *coverage, *more]
    words += ["--output", folder / "ccc.parquet", "--csv-output", folder / "ccc.csv"]
    monkeypatch.setattr(sys, "argv", ["score", *map(str, words)])
    score.main()
    return tables.read(folder / "ccc.parquet")


def test_the_command_line_scores_every_prediction(corpus, monkeypatch):
    folder, everything, written = corpus
    table = run(folder, monkeypatch)
    assert len(table) == 2 * (1 + 2) * 3 * 2 * 2
    assert set(table.loc[table["modality"] == "audio+video", "fusion"]) == {"rescaled", "mean"}
    assert table.loc[table["modality"] == "audio", "fusion"].isna().all()
    for row in table.itertuples():
        target = f"{row.target}_mean" if row.fusion == "mean" else row.target
        args = (row.dimension, row.modality, row.task, row.seed)
        predicted = written[final_prediction(folder, *args)]
        here = everything["recording"].map(PARTITIONS) == row.partition
        truth = everything.loc[here, f"{row.dimension}_{row.target}"]
        for name, suffix in (("ccc", ""), ("ccc_raw", "_raw"), ("ccc_out_of_fold", "_out_of_fold")):
            absent = (suffix == "_raw" and "+" in row.modality) or (
                suffix == "_out_of_fold" and row.partition == "test"
            )
            if absent:
                assert np.isnan(getattr(row, name))
            else:
                expected = audmetric.concordance_cc(truth, predicted.loc[here, f"{target}{suffix}"])
                assert getattr(row, name) == pytest.approx(expected, abs=1e-6)
    text = pd.read_csv(folder / "ccc.csv")
    pd.testing.assert_frame_equal(text, table, check_dtype=False, rtol=0, atol=1e-6)


def test_the_csv_has_the_prediction_averaged_over_seeds(corpus, monkeypatch):
    folder, everything, written = corpus
    rng = np.random.default_rng(1)
    for path, table in list(written.items()):
        values = table.columns[2:]
        other = table.assign(**{n: rng.normal(size=len(table)).astype(np.float32) for n in values})
        tables.write(other, tables.schema(path), path.with_name("seed8.parquet"))
        written[path.with_name("seed8.parquet")] = other
    table = run(folder, monkeypatch, "--seeds", 8)  # beside seed 7
    text = pd.read_csv(folder / "ccc.csv")
    assert len(text) == 1.5 * len(table)
    of_mean = text[text["seed"] == "mean"]
    assert not of_mean.duplicated(
        ["dimension", "target", "modality", "task", "partition", "fusion"]
    ).any()
    rows = text[text["seed"] != "mean"].astype({"seed": int})
    pd.testing.assert_frame_equal(rows, table, check_dtype=False, rtol=0, atol=1e-6)
    for row in of_mean[of_mean["fusion"] != "mean"].itertuples():
        both = [
            written[final_prediction(folder, row.dimension, row.modality, row.task, seed)]
            for seed in (7, 8)
        ]
        here = everything["recording"].map(PARTITIONS) == row.partition
        predicted = (both[0][row.target] + both[1][row.target])[here] / 2
        truth = everything.loc[here, f"{row.dimension}_{row.target}"]
        assert row.ccc == pytest.approx(audmetric.concordance_cc(truth, predicted), abs=1e-5)


def test_baselines_are_scored_once_and_beside_the_tasks(corpus, monkeypatch):
    folder, everything, _ = corpus
    without = run(folder, monkeypatch)
    constant = everything[["recording", "time"]].assign(E=np.float32(0.25), sigma=np.float32(0.25))
    for dimension, modality, task in itertools.product(
        "xy", ("audio", "audio+video"), ("ridge", "constant")
    ):
        kind = schema.FUSED_PREDICTIONS if "+" in modality else schema.POSTPROCESSED
        values = {name: constant[name.split("_")[0]] for name in kind.names[2:]}
        table = constant[["recording", "time"]].assign(**values)
        tables.write(table, kind, final_prediction(folder, dimension, modality, task, 0))
    table = run(folder, monkeypatch, "--baselines", "ridge", "constant")
    own = table["task"].isin(["ridge", "constant"])
    pd.testing.assert_frame_equal(table[~own].reset_index(drop=True), without)
    assert len(table[own]) == 2 * (1 + 2) * 2 * 2 * 2
    assert set(table.loc[own, "seed"]) == {0}
    assert (table.loc[own, "ccc"] == 0).all()


def test_a_recording_that_lacks_all_modalities_is_not_scored(corpus, monkeypatch):
    folder, everything, written = corpus
    absent = {"c": "cannot be decoded"}
    table = run(folder, monkeypatch, without={"audio": absent, "video": absent})
    for row in table[table["partition"] == "dev"].itertuples():
        target = f"{row.target}_mean" if row.fusion == "mean" else row.target
        args = (row.dimension, row.modality, row.task, row.seed)
        predicted = written[final_prediction(folder, *args)]
        here = everything["recording"] == "b"
        truth = everything.loc[here, f"{row.dimension}_{row.target}"]
        expected = audmetric.concordance_cc(truth, predicted.loc[here, target])
        assert row.ccc == pytest.approx(expected, abs=1e-6)
        assert (row.recordings, row.frames) == (1, 30)


def test_a_recording_that_lacks_one_modality_is_scored_like_any_other(corpus, monkeypatch):
    folder, _, _ = corpus
    expected = run(folder, monkeypatch)
    found = run(folder, monkeypatch, without={"audio": {"c": "no audio stream"}})
    pd.testing.assert_frame_equal(found.assign(lacking=0), expected)


@pytest.mark.parametrize(
    ("modality", "counts"),
    [("audio", {"audio": 1, "audio+video": 1}), ("video", {"audio": 0, "audio+video": 1})],
)
def test_the_table_counts_recordings_that_lack_a_modality(corpus, monkeypatch, modality, counts):
    folder, _, _ = corpus
    table = run(folder, monkeypatch, without={modality: {"c": "why", "a": "in train"}})
    for name, rows in table.groupby("modality"):
        assert set(rows.loc[rows["partition"] == "dev", "lacking"]) == {counts[name]}
        assert set(rows.loc[rows["partition"] == "test", "lacking"]) == {0}
