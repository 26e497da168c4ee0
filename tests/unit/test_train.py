"""Training: a planted task is learnt, twice the same, from the frames that count alone."""

import json
import sys
from dataclasses import replace

import audmetric
import numpy as np
import pandas as pd
import pytest
import torch

from softaer import schema, tables, train
from softaer.errors import InputError
from softaer.model import load_model
from softaer.sequences import RecordingSequence
from softaer.train import Training, fit, masked_mse

SMALL = {"layers": 1, "cells": 6}
QUICK = Training(seed=1, learning_rate=0.02, batch_size=2, max_epochs=3, input_noise=0.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sequence(seed, length=60, partition="train"):
    """Two features that tell E and sigma at once, and a third that tells nothing."""
    rng = np.random.default_rng(seed)
    kernel = np.hanning(15) / np.hanning(15).sum()
    state, spread, noise = (np.convolve(rng.normal(size=length), kernel, "same") * 3 for _ in "123")
    features = np.stack([state, spread, noise], axis=1).astype(np.float32)
    targets = np.stack([0.3 * state + 0.1, 0.1 * np.abs(spread) + 0.2], axis=1).astype(np.float32)
    everywhere = np.ones(length, dtype=bool)
    return RecordingSequence(f"r{seed}", partition, features, everywhere, everywhere, targets)


@pytest.fixture(scope="module")
def train_set():
    return [sequence(seed, 50 + 5 * seed) for seed in range(6)]


@pytest.fixture(scope="module")
def dev_set():
    return [sequence(seed, 60, "dev") for seed in (20, 21)]


@pytest.fixture(scope="module")
def learnt(train_set, dev_set):
    training = Training(
        seed=1, learning_rate=0.03, batch_size=2, max_epochs=25, patience=25, input_noise=0.05
    )
    return fit(train_set, dev_set, ("E", "sigma"), training, layers=1, cells=12)


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("column", [0, 1])
def test_a_planted_task_is_learnt(learnt, column):
    model, _ = learnt
    unseen = [sequence(seed) for seed in (40, 41, 42)]
    predicted = np.concatenate(model.predict([s.features for s in unseen]))
    truth = np.concatenate([s.targets for s in unseen])
    assert audmetric.concordance_cc(truth[:, column], predicted[:, column]) > 0.8


def test_the_weights_returned_are_those_of_the_best_epoch(learnt, dev_set):
    model, curve = learnt
    best = curve[curve["best"]].set_index("target")["dev_ccc"]
    mean = curve.groupby("epoch")["dev_ccc"].mean()
    assert set(curve.loc[curve["best"], "epoch"]) == {mean.idxmax()}
    predicted = np.concatenate(model.predict([s.features for s in dev_set]))
    truth = np.concatenate([s.targets for s in dev_set])
    for column, name in enumerate(("E", "sigma")):
        score = audmetric.concordance_cc(truth[:, column], predicted[:, column])
        assert best[name] == pytest.approx(score, abs=1e-6)


def test_the_best_epoch_need_not_be_the_last(train_set, dev_set):
    wild = Training(seed=1, learning_rate=0.3, batch_size=1, max_epochs=8, patience=8)
    model, curve = fit(train_set, dev_set, ("E",), wild, **SMALL)
    best = curve.loc[curve["best"]].iloc[0]
    assert best["epoch"] < curve["epoch"].max()
    assert train.score(model, dev_set, [0]) == [pytest.approx(best["dev_ccc"], abs=1e-6)]


def test_training_stops_when_patience_ends(train_set, dev_set):
    wild = Training(seed=1, learning_rate=0.3, batch_size=1, max_epochs=40, patience=2)
    _, curve = fit(train_set, dev_set, ("E",), wild, **SMALL)
    epochs = curve["epoch"].max()
    assert epochs < 40
    assert epochs - curve.loc[curve["best"], "epoch"].item() == 2


def test_the_loss_of_training_falls(learnt):
    _, curve = learnt
    loss = curve.drop_duplicates("epoch")["train_loss"].to_numpy()
    assert loss[-1] < 0.5 * loss[0]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_same_seed_gives_the_same_weights(train_set, dev_set, dropout):
    noisy = replace(QUICK, input_noise=0.2)
    network = {"layers": 2, "cells": 4, "dropout": dropout}
    first, curve = fit(train_set, dev_set, ("E",), noisy, **network)
    torch.rand(3)
    second, again = fit(train_set, dev_set, ("E",), noisy, **network)
    assert same(weights_of(first), weights_of(second))
    pd.testing.assert_frame_equal(curve, again)
    other, _ = fit(train_set, dev_set, ("E",), replace(noisy, seed=2), **network)
    assert not same(weights_of(first), weights_of(other))


@pytest.mark.parametrize("outputs", [("E",), ("sigma",), ("E", "sigma")])
@pytest.mark.parametrize("weight_sigma", [0.0, 0.5, 1.0, 2.0])
def test_the_weights_of_the_losses_sum_to_two(outputs, weight_sigma):
    weights = Training(weight_sigma=weight_sigma).task_weights(outputs)
    assert len(weights) == len(outputs)
    assert sum(weights) == 2
    if len(outputs) == 2:
        assert weights == (2 - weight_sigma, weight_sigma)


@pytest.mark.parametrize(("weight_sigma", "ignored"), [(0.0, 1), (2.0, 0)])
def test_a_target_of_weight_zero_is_not_learnt_from(train_set, dev_set, weight_sigma, ignored):
    training = replace(QUICK, weight_sigma=weight_sigma, max_epochs=1, standardise_targets=False)
    states = []
    for factor in (1, -7):
        scale = np.ones(2, dtype=np.float32)
        scale[ignored] = factor
        changed = [replace(s, targets=s.targets * scale) for s in train_set]
        model, curve = fit(changed, dev_set, ("E", "sigma"), training, **SMALL)
        states.append(weights_of(model))
    assert same(*states)
    assert np.isfinite(curve["train_loss"]).all()


def with_gap(sequences, features=0.0, target=np.nan, present=False):
    """Frames 10 to 19 of each recording without features or label."""
    changed = []
    for s in sequences:
        f, y, here = s.features.copy(), s.targets.copy(), s.present.copy()
        f[10:20], y[10:20], here[10:20] = features, target, present
        changed.append(replace(s, features=f, targets=y, present=here))
    return changed


def test_a_label_of_a_frame_without_features_teaches_nothing(train_set, dev_set):
    training = replace(QUICK, standardise_targets=False)
    states = [
        weights_of(fit(with_gap(train_set, target=t), dev_set, ("E",), training, **SMALL)[0])
        for t in (np.nan, 0.0, 100.0)
    ]
    assert same(states[0], states[1])
    assert same(states[0], states[2])
    counted = with_gap(train_set, target=100.0, present=True)
    assert not same(states[0], weights_of(fit(counted, dev_set, ("E",), training, **SMALL)[0]))


def test_a_frame_without_a_label_has_no_gradient():
    outputs = torch.randn(2, 5, 2, requires_grad=True)
    mask = torch.rand(2, 5, 2) > 0.4
    targets = torch.randn(2, 5, 2)
    masked_mse(outputs, targets, mask).sum().backward()
    gradient = outputs.grad.clone()
    assert (gradient[~mask] == 0).all()
    assert (gradient[mask] != 0).all()
    outputs.grad = None
    masked_mse(outputs, torch.where(mask, targets, 1e9), mask).sum().backward()
    assert torch.equal(outputs.grad, gradient)


def test_the_loss_is_the_mean_over_the_frames_that_count():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(2, 2, 6, 2))
    mask = rng.random((2, 6, 2)) < 0.5
    mask[..., 1] &= False
    mask[0, 0, 1] = True
    expected = [((outputs - targets)[..., i][mask[..., i]] ** 2).mean() for i in (0, 1)]
    loss = masked_mse(*map(torch.from_numpy, (outputs, targets, mask)))
    np.testing.assert_allclose(loss, expected)
    assert (
        masked_mse(torch.ones(1, 1, 1), torch.zeros(1, 1, 1), torch.zeros(1, 1, 1) > 0).item() == 0
    )


def test_padding_does_not_count_in_the_loss(dev_set):
    short, long = sequence(1, 20), sequence(2, 50)
    start = replace(QUICK, max_epochs=1, learning_rate=1e-9, standardise_targets=False)
    frames, losses = [20, 50], []
    for part in ([short], [long], [short, long]):
        _, curve = fit(part, dev_set, ("E",), start, **SMALL)
        losses.append(curve["train_loss"].item())
    assert losses[2] == pytest.approx(np.average(losses[:2], weights=frames), rel=1e-5)


def test_targets_are_learnt_in_units_of_their_spread(train_set, dev_set):
    """Labels on another scale are predicted on that scale, by the same network."""
    model, _ = fit(train_set, dev_set, ("E",), QUICK, **SMALL)
    scaled = [
        [replace(s, targets=s.targets * 8 + 64) for s in part] for part in (train_set, dev_set)
    ]
    other, _ = fit(*scaled, ("E",), QUICK, **SMALL)
    features = [dev_set[0].features]
    np.testing.assert_allclose(
        other.predict(features)[0], model.predict(features)[0] * 8 + 64, rtol=1e-3
    )


def test_constant_targets_do_not_divide_by_zero(train_set, dev_set):
    constant = [replace(s, targets=np.full_like(s.targets, 0.5)) for s in train_set]
    model, curve = fit(constant, dev_set, ("E",), QUICK, **SMALL)
    assert np.isfinite(curve["train_loss"]).all()
    assert np.isfinite(model.predict([dev_set[0].features])[0]).all()


@pytest.mark.parametrize("partition", ["train", "dev"])
@pytest.mark.parametrize("kind", ["empty", "without features", "without labels"])
def test_a_partition_without_anything_to_learn_from(train_set, dev_set, partition, kind):
    parts = {"train": train_set, "dev": dev_set}
    parts[partition] = {
        "empty": [],
        "without features": [replace(s, present=~s.present) for s in parts[partition]],
        "without labels": [
            replace(s, targets=s.targets * np.float32([1, np.nan])) for s in parts[partition]
        ],
    }[kind]
    with pytest.raises(InputError) as caught:
        fit(parts["train"], parts["dev"], ("E", "sigma"), QUICK, **SMALL)
    words = [f"'{partition}'"] + (["sigma"] if kind == "without labels" else [])
    for word in words:
        assert word in str(caught.value)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus table and datasets of two batches."""
    folder = tmp_path_factory.mktemp("corpus")
    partitions = {"a": "train", "b": "train", "c": "dev", "d": "test"}
    lines = ["recording,subject,partition,media,annotations,batch"]
    names = ["mood_E", "mood_sigma"]
    parts = {"one": [], "two": []}
    for seed, (name, partition) in enumerate(partitions.items()):
        batch = "one" if name in "ab" else "two"
        lines.append(f"{name},s{name},{partition},{name}.mp4,{name}.csv,{batch}")
        s = sequence(seed, 30)
        table = pd.DataFrame({"recording": name, "time": s.time})
        table[names] = s.targets
        table[["f1", "f2", "f3"]] = s.features
        parts[batch].append(table)
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
    for batch, some in parts.items():
        tables.write(
            pd.concat(some), schema.dataset(names, ["f1", "f2", "f3"]), folder / f"{batch}.parquet"
        )
    return folder


def run(corpus, output, monkeypatch, *more):
    output.mkdir()
    words = ["--recordings", corpus / "recordings.csv", "--dataset", corpus, "--dimension", "mood"]
    words += ["--objective", "E+sigma", "--layers", 1, "--cells", 3, "--max-epochs", 2, *more]
    words += ["--weights-output", output / "weights.safetensors"]
    words += ["--description-output", output / "description.json"]
    words += ["--curve-output", output / "learning_curve.parquet"]
    monkeypatch.setattr(sys, "argv", ["train", *map(str, words)])
    train.main()
    return {path.name: path.read_bytes() for path in output.iterdir()}


def test_the_command_line_gives_the_same_files_twice(corpus, tmp_path, monkeypatch):
    first = run(corpus, tmp_path / "1", monkeypatch, "--seed", 5)
    assert run(corpus, tmp_path / "2", monkeypatch, "--seed", 5) == first
    assert run(corpus, tmp_path / "3", monkeypatch, "--seed", 6) != first
    model = load_model(tmp_path / "1/weights.safetensors", tmp_path / "1/description.json")
    assert model.architecture.outputs == ("E", "sigma")
    assert model.architecture.features == 3


def test_the_description_says_what_was_asked_for(corpus, tmp_path, monkeypatch):
    flags = [
        "--seed",
        5,
        "--weight-sigma",
        0.5,
        "--learning-rate",
        0.01,
        "--no-standardise-targets",
    ]
    files = run(corpus, tmp_path / "1", monkeypatch, *flags)
    found = json.loads(files["description.json"])["training"]
    assert found["dimension"] == "mood"
    assert found["task_weights"] == [1.5, 0.5]
    assert (found["seed"], found["learning_rate"]) == (5, 0.01)
    assert found["standardise_targets"] is False
    curve = tables.read(tmp_path / "1/learning_curve.parquet")
    assert list(curve["target"]) == ["E", "sigma"] * 2


def test_the_test_partition_is_not_looked_at(corpus, tmp_path, monkeypatch):
    first = run(corpus, tmp_path / "1", monkeypatch)
    changed = tmp_path / "corpus"
    changed.mkdir()
    for path in corpus.iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    table = tables.read(changed / "two.parquet")
    columns = table.columns[2:]
    table.loc[table["recording"] == "d", columns] *= -50
    names = list(columns)
    tables.write(table, schema.dataset(names[:2], names[2:]), changed / "two.parquet")
    assert run(changed, tmp_path / "2", monkeypatch) == first
