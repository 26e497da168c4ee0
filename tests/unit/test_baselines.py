"""Baselines: a ridge regression with context, chosen on dev, and the mean of train."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge as Reference

from softaer import baselines as stage
from softaer.baselines import CONTEXTS, PENALTIES, fit_ridge, inputs
from softaer.core import schema, tables
from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.networks.sequences import RecordingSequence

NAN = np.nan


def sequence(features, targets, partition="train", present=None):
    length = len(features)
    present = np.ones(length, dtype=bool) if present is None else present
    values = np.where(present[:, None], features, 0).astype(np.float32)
    labels = np.asarray(targets, dtype=np.float32).reshape(length, -1)
    return RecordingSequence("r", partition, values, present, np.ones(length, dtype=bool), labels)


def test_the_windows_are_means_around_the_frame():
    features = np.random.default_rng(0).normal(size=(50, 2))
    found = inputs(features, 1.5)
    # 1.5 s are 15 frames; the inner window has 5 on each side.
    windows = [slice(20 - 15, 20 - 5), slice(20 - 5, 20 + 6), slice(20 + 6, 20 + 16)]
    expected = np.concatenate([features[w].mean(axis=0) for w in windows])
    np.testing.assert_allclose(found[20], expected, rtol=1e-9)
    np.testing.assert_array_equal(inputs(features, 0.0), features)


def test_at_the_edges_a_window_is_the_part_inside_the_recording():
    features = np.arange(20.0)[:, None] + 1
    found = inputs(features, 1.0)
    np.testing.assert_allclose(found[0], [0, features[:4].mean(), features[4:11].mean()])
    np.testing.assert_allclose(found[19], [features[9:16].mean(), features[16:].mean(), 0])
    short = inputs(features[:2], 8.0)
    assert short.shape == (2, 3)
    assert np.isfinite(short).all()


def planted(rng, weights, lag, noise, length=400):
    """A label that follows the features by some frames, and another one from noise."""
    slow = np.cumsum(rng.normal(size=(length + 60, len(weights))), axis=0)
    slow = (slow - slow.mean(axis=0)) / slow.std(axis=0)
    features = slow + noise * rng.normal(size=slow.shape)
    label = 0.3 + slow @ weights
    return features[30:-30], np.stack(
        [label[30 - lag : length + 30 - lag], rng.normal(size=length)], axis=1
    )


def test_a_planted_relation_is_found_and_noise_is_not():
    rng = np.random.default_rng(1)
    data = [planted(rng, [0.5, -0.3, 0.0], 0, 0.1) for _ in range(9)]
    train = [sequence(*d) for d in data[:5]]
    dev = [sequence(*d, "dev") for d in data[5:7]]
    (model, for_noise), tried = fit_ridge(train, dev)
    assert len(tried) == 2 * len(CONTEXTS) * len(PENALTIES)
    assert tried.groupby("column")["chosen"].sum().tolist() == [1, 1]
    features, labels = map(np.concatenate, zip(*data[7:], strict=True))
    assert ccc(labels[:, 0], model.predict(features)) > 0.95
    assert abs(ccc(labels[:, 1], for_noise.predict(features))) < 0.1


def test_context_is_chosen_where_frames_are_noisy_and_not_where_they_are_exact():
    rng = np.random.default_rng(2)
    for noise, most in ((3.0, 8.0), (0.0, 0.0)):
        data = [planted(rng, [0.5, -0.3], 0, noise) for _ in range(7)]
        dev = [sequence(*d, "dev") for d in data[5:]]
        (model, _), _ = fit_ridge([sequence(*d) for d in data[:5]], dev)
        assert (model.context > 0) == (most > 0)


@pytest.mark.parametrize("context", [0.0, 2.0])
@pytest.mark.parametrize("penalty", [1.0, 0.01])
def test_the_fit_is_that_of_scikit_learn(context, penalty):
    rng = np.random.default_rng(3)
    present = rng.random(200) < 0.8
    features, labels = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
    labels[:20, 0] = NAN
    labels[50:90, 1] = NAN
    other = sequence(rng.normal(size=(100, 3)), rng.normal(size=(100, 2)))
    train = [sequence(features, labels, present=present), other]
    models, _ = fit_ridge(train, train, [context], [penalty])
    x = np.concatenate([inputs(s.features, context) for s in train])
    for column, model in enumerate(models):
        y = np.concatenate([s.targets[:, column] for s in train])
        known = ~np.isnan(y) & np.concatenate([s.present for s in train])
        reference = Reference(penalty * known.sum()).fit(x[known], y[known])
        np.testing.assert_allclose(model.weights, reference.coef_, rtol=1e-6, atol=1e-9)
        assert model.intercept == pytest.approx(reference.intercept_, abs=1e-9)


def test_the_choice_is_that_of_the_best_score_on_dev():
    rng = np.random.default_rng(4)
    data = [planted(rng, [0.5, -0.3], 10, 1.0) for _ in range(5)]
    train, dev = [sequence(*d) for d in data[:3]], [sequence(*d, "dev") for d in data[3:]]
    models, tried = fit_ridge(train, dev)
    for column, model in enumerate(models):
        truth = np.concatenate([s.targets[:, column] for s in dev])
        predicted = np.concatenate([model.predict(s.features) for s in dev])
        own = tried[tried["column"] == column]
        assert ccc(truth, predicted) == pytest.approx(own["dev_ccc"].max(), abs=1e-9)
        assert own.loc[own["chosen"], "context"].item() == model.context


def test_without_dev_the_first_one_is_taken():
    rng = np.random.default_rng(5)
    train = [sequence(*planted(rng, [0.5], 0, 0.1))]
    (model, _), tried = fit_ridge(train, [])
    assert model.context == CONTEXTS[0]
    assert tried.loc[tried["chosen"], "penalty"].tolist() == [PENALTIES[0]] * 2
    assert tried["dev_ccc"].isna().all()


PARTITIONS = {"a": "train", "b": "train", "c": "dev", "d": "test"}


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(6)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    for name in PARTITIONS:
        features, labels = planted(rng, [0.5, -0.3], 0, 0.1, length=120)
        table = pd.DataFrame({"recording": name, "time": np.arange(120) / 10})
        table[["m_E", "m_sigma"]], table[["f", "g"]] = labels, features
        table.loc[3:5, ["f", "g"]] = NAN
        names = schema.dataset(["m_E", "m_sigma"], ["f", "g"])
        path = tmp_path / "dataset" / f"{name}.parquet"
        tables.write(table.drop(index=[7, 8]), names, path)
    return tmp_path


def run(folder, monkeypatch, *more):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--dimension", "m", *more]
    names = ("ridge", "constant", "choice")
    for name in names:
        words += [f"--{name}-output", folder / f"{name}.parquet"]
    monkeypatch.setattr(sys, "argv", ["baselines", *map(str, words)])
    stage.main()
    return [tables.read(folder / f"{name}.parquet") for name in names]


def changed(folder, name, **values):
    path = folder / "dataset" / f"{name}.parquet"
    table = tables.read(path).assign(**values)
    tables.write(table, schema.dataset(["m_E", "m_sigma"], ["f", "g"]), path)


def test_the_command_line_predicts_every_labelled_frame(corpus, monkeypatch):
    ridge, constant, choice = run(corpus, monkeypatch)
    for table in (ridge, constant):
        tables.conform(table, schema.PREDICTIONS)
        assert table.groupby("recording").size().to_dict() == dict.fromkeys(PARTITIONS, 118)
        assert table[["E", "sigma"]].notna().all(axis=None)
    labels = pd.concat([tables.read(corpus / "dataset" / f"{n}.parquet") for n in PARTITIONS])
    truth = labels.loc[labels["recording"] == "d", "m_E"].to_numpy()
    found = ridge.loc[ridge["recording"] == "d", "E"].to_numpy()
    assert ccc(truth, found) > 0.9
    of_train = labels.loc[labels["recording"].isin(["a", "b"]), "m_E"].mean()
    assert constant["E"].nunique() == 1
    assert constant["E"].iloc[0] == pytest.approx(of_train, abs=1e-6)
    assert ccc(truth, constant.loc[constant["recording"] == "d", "E"].to_numpy()) == 0
    assert choice[choice["chosen"]]["target"].tolist() == ["E", "sigma"]


def test_labels_of_test_reach_nothing_and_those_of_dev_only_the_choice(corpus, monkeypatch):
    before = run(corpus, monkeypatch)
    changed(corpus, "d", m_E=np.float32(9), m_sigma=np.float32(9))
    for table, other in zip(before, run(corpus, monkeypatch), strict=True):
        pd.testing.assert_frame_equal(table, other)
    rng = np.random.default_rng(0)
    changed(corpus, "c", m_E=rng.normal(size=118).astype(np.float32))
    _, constant, choice = run(corpus, monkeypatch)
    pd.testing.assert_frame_equal(constant, before[1])
    assert not np.allclose(choice["dev_ccc"], before[2]["dev_ccc"])


def test_the_same_bytes_twice(corpus, monkeypatch):
    contents = []
    for _ in "12":
        run(corpus, monkeypatch)
        contents.append([(corpus / f"{n}.parquet").read_bytes() for n in ("ridge", "constant")])
    assert contents[0] == contents[1]


def test_without_sigma_there_is_only_e(corpus, monkeypatch):
    whole = run(corpus, monkeypatch)
    ridge, constant, choice = run(corpus, monkeypatch, "--targets", "E")
    for table, other in ((ridge, whole[0]), (constant, whole[1])):
        assert table["sigma"].isna().all()
        pd.testing.assert_series_equal(table["E"], other["E"])
    assert set(choice["target"]) == {"E"}


def test_features_that_are_never_there_are_refused(corpus, monkeypatch):
    for name in ("a", "b"):
        changed(corpus, name, f=np.float32(NAN), g=np.float32(NAN))
    with pytest.raises(InputError) as caught:
        run(corpus, monkeypatch)
    assert "training partition" in str(caught.value)
