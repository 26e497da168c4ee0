"""Training: a planted task is learnt, twice the same, from the frames that count alone."""

import importlib
import io
import json
import re
import sys
from dataclasses import replace

import audmetric
import numpy as np
import pandas as pd
import pytest
import torch
from processors import NEEDS_BFLOAT16

from softaer import train
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.experiment import RecurrentSettings, Training
from softaer.core.tasks import output_names
from softaer.networks.architectures import load_model
from softaer.networks.objectives import LOSSES, Concordance, PerOutput, SquaredError, fixed_weights
from softaer.networks.precision import computed
from softaer.networks.sequences import RecordingSequence
from softaer.train import fit

OUTPUTS = ("mood_E", "mood_sigma")
OF_LABELS = [name for name, objective in LOSSES.items() if issubclass(objective, PerOutput)]
"""Losses that compare outputs with labels; tests of the other one are in test_objectives.py."""

SMALL = {"settings": RecurrentSettings(layers=1, cells=6), "seed": 1}
QUICK = Training(
    learning_rate=0.02, batch_size=2, max_steps=9, evaluate_every=3, patience=99, input_noise=0.0
)


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


def narrow(sequences, *columns):
    """The same recordings with some of their targets."""
    return [replace(s, targets=s.targets[:, list(columns)]) for s in sequences]


@pytest.fixture(scope="module")
def train_e(train_set):
    return narrow(train_set, 0)


@pytest.fixture(scope="module")
def dev_e(dev_set):
    return narrow(dev_set, 0)


@pytest.fixture(scope="module")
def learnt(train_set, dev_set):
    training = Training(
        learning_rate=0.03, batch_size=2, max_steps=75, evaluate_every=3, input_noise=0.05
    )
    return fit(train_set, dev_set, OUTPUTS, training, RecurrentSettings(layers=1, cells=12), 1)


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


def test_the_weights_returned_are_those_of_the_best_evaluation(learnt, dev_set):
    model, curve = learnt
    best = curve[curve["best"]].set_index("output")["dev_ccc"]
    mean = curve.groupby("step")["dev_ccc"].mean()
    assert set(curve.loc[curve["best"], "step"]) == {mean.idxmax()}
    predicted = np.concatenate(model.predict([s.features for s in dev_set]))
    truth = np.concatenate([s.targets for s in dev_set])
    for column, name in enumerate(OUTPUTS):
        score = audmetric.concordance_cc(truth[:, column], predicted[:, column])
        assert best[name] == pytest.approx(score, abs=1e-6)


def test_the_best_step_need_not_be_the_last(train_e, dev_e):
    wild = Training(learning_rate=0.3, batch_size=1, max_steps=48, evaluate_every=6)
    model, curve = fit(train_e, dev_e, OUTPUTS[:1], wild, **SMALL)
    best = curve.loc[curve["best"]].iloc[0]
    assert best["step"] < curve["step"].max()
    assert train.score(model, dev_e) == [pytest.approx(best["dev_ccc"], abs=1e-6)]


def test_the_score_that_selects_can_be_that_of_recordings(learnt, dev_set):
    """A long recording at another level dominates the score over frames, not that over both."""
    model, _ = learnt
    short, far = dev_set[0], sequence(5, length=600)
    far = replace(far, targets=far.targets + 3)
    both = [short, far]
    over_frames, over_both = (train.score(model, both, by) for by in ("frames", "recordings"))
    predicted = model.predict([s.features for s in (short, far)])
    for column in range(2):
        y = [s.targets[:, column] for s in (short, far)]
        x = [p[:, column] for p in predicted]
        own = [audmetric.concordance_cc(*series) for series in zip(y, x, strict=True)]
        assert over_both[column] == pytest.approx(np.mean(own), abs=1e-6)
        pooled = audmetric.concordance_cc(np.concatenate(y), np.concatenate(x))
        assert over_frames[column] == pytest.approx(pooled, abs=1e-6)
        assert over_both[column] > over_frames[column] + 0.2


def test_the_weights_kept_are_those_of_the_chosen_score(train_e, dev_e):
    wild = Training(
        learning_rate=0.3, batch_size=1, max_steps=48, evaluate_every=6, score="recordings"
    )
    model, curve = fit(train_e, dev_e, OUTPUTS[:1], wild, **SMALL)
    best = curve.loc[curve["best"], "dev_ccc"].item()
    assert curve["dev_ccc"].max() == best
    assert train.score(model, dev_e, "recordings") == [pytest.approx(best, abs=1e-6)]
    assert train.score(model, dev_e, "frames") != [pytest.approx(best, abs=1e-6)]


def test_training_stops_when_patience_ends(train_e, dev_e):
    wild = Training(learning_rate=0.3, batch_size=1, max_steps=240, evaluate_every=6, patience=12)
    _, curve = fit(train_e, dev_e, OUTPUTS[:1], wild, **SMALL)
    steps = curve["step"].max()
    assert steps < 240
    assert steps - curve.loc[curve["best"], "step"].item() == 12


@pytest.mark.parametrize("recordings", [1, 2, 6])
def test_training_is_as_long_for_any_number_of_recordings(train_e, dev_e, recordings, monkeypatch):
    """An epoch has one step or six: the number of steps and of evaluations stays."""
    taken = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (taken.append(1), step(self))[1])
    training = replace(QUICK, batch_size=1, max_steps=11)
    _, curve = fit(train_e[:recordings], dev_e, OUTPUTS[:1], training, **SMALL)
    assert len(taken) == 11
    assert curve["step"].to_list() == [3, 6, 9, 11]


@pytest.mark.parametrize("size", [1, 2, 4, 9])
def test_every_recording_comes_once_before_any_comes_again(size):
    batches = train._mini_batches(6, size, torch.Generator().manual_seed(1))
    rounds = 3
    seen = [next(batches) for _ in range(rounds * -(-6 // size))]
    assert all(len(some) <= size for some in seen)
    order = [number for some in seen for number in some]
    parts = [order[6 * k : 6 * k + 6] for k in range(rounds)]
    assert all(sorted(part) == list(range(6)) for part in parts)
    assert parts[0] != parts[1] or parts[1] != parts[2]


def test_the_loss_of_training_falls(learnt):
    _, curve = learnt
    loss = curve.drop_duplicates("step")["train_loss"].to_numpy()
    assert loss[-1] < 0.5 * loss[0]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_same_seed_gives_the_same_weights(train_e, dev_e, dropout):
    noisy = replace(QUICK, input_noise=0.2)
    network = {"settings": RecurrentSettings(layers=2, cells=4, dropout=dropout), "seed": 1}
    first, curve = fit(train_e, dev_e, OUTPUTS[:1], noisy, **network)
    torch.rand(3)
    second, again = fit(train_e, dev_e, OUTPUTS[:1], noisy, **network)
    assert same(weights_of(first), weights_of(second))
    pd.testing.assert_frame_equal(curve, again)
    other, _ = fit(train_e, dev_e, OUTPUTS[:1], noisy, **(network | {"seed": 2}))
    assert not same(weights_of(first), weights_of(other))


@pytest.mark.parametrize("threads", [1, 2])
def test_training_reaches_what_a_plain_loop_over_torch_does(
    train_e, dev_e, threads, root, monkeypatch
):
    monkeypatch.syspath_prepend(root / "tests/benchmarks")
    benchmark = importlib.import_module("training")
    size = benchmark.Size(features=3, layers=1, cells=12)
    training = replace(QUICK, learning_rate=0.03, input_noise=0.1, max_steps=24)
    bare = benchmark.bare_fit(train_e, dev_e, training, size, 1)
    ours = benchmark.our_fit(train_e, dev_e, training, size, 1, threads)
    assert bare > 0.5
    assert ours == pytest.approx(bare, abs=1e-3)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_number_of_threads_does_not_change_the_weights(train_set, dev_set, cell, precision):
    training = replace(QUICK, piece=2.0, precision=precision)
    network = {"settings": RecurrentSettings(cell, 2, 16, 0.2), "seed": 1}
    one, two = (
        fit(train_set, dev_set, OUTPUTS, training, **network, threads=threads) for threads in (1, 2)
    )
    assert same(weights_of(one[0]), weights_of(two[0]))
    pd.testing.assert_frame_equal(one[1], two[1])


@NEEDS_BFLOAT16
def test_precision_is_that_of_the_products_alone(train_e, dev_e):
    models = [
        fit(train_e, dev_e, OUTPUTS[:1], replace(QUICK, precision=precision), **SMALL)[0]
        for precision in ("float32", "bfloat16")
    ]
    full, half = map(weights_of, models)
    assert not same(full, half)
    for name, value in half.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, full[name], atol=0.02, rtol=0.05)


def test_a_processor_without_bfloat16_computes_in_float32(
    train_e, dev_e, corpus, tmp_path, monkeypatch, capsys
):
    """oneDNN would refuse the recurrent layers there."""
    bfloat16 = ["--precision", "bfloat16"]
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    models = [
        fit(train_e, dev_e, OUTPUTS[:1], replace(QUICK, precision=precision), **SMALL)[0]
        for precision in ("float32", "bfloat16")
    ]
    assert same(*map(weights_of, models))
    files = run(corpus, tmp_path / "1", monkeypatch, *bfloat16)
    assert json.loads(files["description.json"])["training"]["precision"] == "float32"
    assert "no instructions for bfloat16: float32 is used" in capsys.readouterr().out
    run(corpus, tmp_path / "2", monkeypatch)
    assert "no instructions" not in capsys.readouterr().out


@pytest.mark.parametrize("loss", OF_LABELS)
def test_pieces_in_half_precision_learn_a_planted_task(train_set, dev_set, loss):
    training = replace(
        QUICK,
        learning_rate=0.03,
        max_steps=45,
        piece=2.5,
        precision="bfloat16",
        loss=loss,
    )
    _, curve = fit(train_set, dev_set, OUTPUTS, training, RecurrentSettings(layers=1, cells=12), 1)
    assert (curve.loc[curve["best"], "dev_ccc"] > 0.8).all()


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [(0.0, [60]), (6.0, [60]), (99.0, [60]), (3.0, [30, 30]), (1.6, [15] * 4), (0.01, [1] * 60)],
)
def test_a_recording_is_cut_into_pieces_of_equal_length(seconds, lengths):
    whole = sequence(3, 60)
    pieces = train.cut(whole, seconds)
    assert [len(piece) for piece in pieces] == lengths
    for name in ("features", "present", "labelled", "targets"):
        joined = np.concatenate([getattr(piece, name) for piece in pieces])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_pieces_leave_the_number_of_steps_alone(train_e, dev_e, monkeypatch):
    """And no step sees beyond a piece: recordings are learnt from as their pieces are."""
    taken = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (taken.append(1), step(self))[1])
    counts = []
    for piece in (0.0, 1.5):
        taken.clear()
        fit(train_e, dev_e, OUTPUTS[:1], replace(QUICK, piece=piece), **SMALL)
        counts.append(len(taken))
    assert counts[0] == counts[1] == QUICK.max_steps
    one = replace(QUICK, batch_size=6, max_steps=1, piece=1.5)
    pieces = [piece for s in train_e for piece in train.cut(s, 1.5)]
    cut, _ = fit(train_e, dev_e, OUTPUTS[:1], one, **SMALL)
    given, _ = fit(pieces, dev_e, OUTPUTS[:1], replace(one, piece=0.0, batch_size=99), **SMALL)
    for name, value in weights_of(cut).items():
        torch.testing.assert_close(value, given.state_dict()[name], atol=1e-5, rtol=1e-4)


LINE = re.compile(
    r"step (\d+) of at most (\d+): loss (-?\d+\.\d{3}), dev CCC (-?\d\.\d{3}) "
    r"\(best (-?\d\.\d{3}) at step (\d+)\), (\d+\.\d) s, at most (?:(\d+) min )?(\d+) s left"
)


def test_a_line_per_evaluation_tells_the_learning_curve(train_set, dev_set):
    lines = []
    wild = replace(QUICK, learning_rate=0.3, max_steps=36, patience=9)
    _, curve = fit(train_set, dev_set, OUTPUTS, wild, **SMALL, report=lines.append)
    mean = curve.groupby("step")[["train_loss", "dev_ccc"]].mean()
    told = [LINE.fullmatch(line).groups() for line in lines]
    assert [int(line[0]) for line in told] == list(mean.index)
    assert {line[1] for line in told} == {"36"}
    np.testing.assert_allclose([float(line[2]) for line in told], mean["train_loss"], atol=6e-4)
    np.testing.assert_allclose([float(line[3]) for line in told], mean["dev_ccc"], atol=6e-4)
    np.testing.assert_allclose(
        [float(line[4]) for line in told], mean["dev_ccc"].cummax(), atol=6e-4
    )
    best = [mean["dev_ccc"].loc[:step].idxmax() for step in mean.index]
    assert [int(line[5]) for line in told] == best


@pytest.mark.parametrize(
    ("step", "seconds", "end"),
    [
        (30, 15.1, "15.1 s, at most 1 min 26 s left"),
        (10, 2.0, "2.0 s, at most 38 s left"),
        (190, 68400.0, "68400.0 s, at most 60 min 0 s left"),
        (200, 20.0, "20.0 s, at most 0 s left"),
    ],
)
def test_the_time_left_is_that_of_the_steps_until_now(step, seconds, end):
    line = train.progress(Training(max_steps=200), step, 0.4119, 0.531, 0.54, 10, seconds)
    start = f"step {step} of at most 200: loss 0.412, dev CCC 0.531 (best 0.540 at step 10), "
    assert line == start + end


@pytest.mark.parametrize("scope", ["mood", "mood+will", "mood+will+wit"])
@pytest.mark.parametrize("objective", ["E", "sigma", "E+sigma"])
@pytest.mark.parametrize("weight_sigma", [0.0, 0.5, 1.0, 2.0])
def test_the_weights_of_the_losses_sum_to_two(scope, objective, weight_sigma):
    outputs = output_names(scope, objective)
    weights = fixed_weights(Training(weight_sigma=weight_sigma), outputs)
    assert len(weights) == len(outputs)
    assert sum(weights) == pytest.approx(2)
    dimensions = scope.count("+") + 1
    if objective == "E+sigma":
        expected = (2 - weight_sigma, weight_sigma) * dimensions
        assert weights == pytest.approx(tuple(weight / dimensions for weight in expected))
    else:
        assert len(set(weights)) == 1


@pytest.mark.parametrize(("weight_sigma", "ignored"), [(0.0, 1), (2.0, 0)])
def test_a_target_of_weight_zero_is_not_learnt_from(train_set, dev_set, weight_sigma, ignored):
    training = replace(QUICK, weight_sigma=weight_sigma, max_steps=3, standardise_targets=False)
    states = []
    for factor in (1, -7):
        scale = np.ones(2, dtype=np.float32)
        scale[ignored] = factor
        changed = [replace(s, targets=s.targets * scale) for s in train_set]
        model, curve = fit(changed, dev_set, OUTPUTS, training, **SMALL)
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


def test_a_label_of_a_frame_without_features_teaches_nothing(train_e, dev_e):
    training = replace(QUICK, standardise_targets=False)
    states = [
        weights_of(fit(with_gap(train_e, target=t), dev_e, OUTPUTS[:1], training, **SMALL)[0])
        for t in (np.nan, 0.0, 100.0)
    ]
    assert same(states[0], states[1])
    assert same(states[0], states[2])
    counted = with_gap(train_e, target=100.0, present=True)
    assert not same(states[0], weights_of(fit(counted, dev_e, OUTPUTS[:1], training, **SMALL)[0]))


@pytest.mark.parametrize("loss", [SquaredError.losses, Concordance.losses])
def test_a_frame_without_a_label_has_no_gradient(loss):
    outputs = torch.randn(2, 5, 2, requires_grad=True)
    mask = torch.rand(2, 5, 2) > 0.4
    targets = torch.randn(2, 5, 2)
    loss(outputs, targets, mask).sum().backward()
    gradient = outputs.grad.clone()
    assert (gradient[~mask] == 0).all()
    assert (gradient[mask] != 0).all()
    outputs.grad = None
    loss(outputs, torch.where(mask, targets, 1e9), mask).sum().backward()
    assert torch.equal(outputs.grad, gradient)


def test_the_loss_is_the_mean_over_the_frames_that_count():
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(2, 2, 6, 2))
    mask = rng.random((2, 6, 2)) < 0.5
    mask[..., 1] &= False
    mask[0, 0, 1] = True
    expected = [((outputs - targets)[..., i][mask[..., i]] ** 2).mean() for i in (0, 1)]
    loss = SquaredError.losses(*map(torch.from_numpy, (outputs, targets, mask)))
    np.testing.assert_allclose(loss, expected)
    assert (
        SquaredError.losses(
            torch.ones(1, 1, 1), torch.zeros(1, 1, 1), torch.zeros(1, 1, 1) > 0
        ).item()
        == 0
    )


def test_a_loss_of_one_minus_the_concordance():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(3, 40, 2)) * [1, 5] + [0, 100]
    outputs = truth * [0.5, -1] + rng.normal(size=truth.shape)
    mask = rng.random(truth.shape) < 0.7
    loss = Concordance.losses(*map(torch.from_numpy, (outputs, truth, mask)))
    for i in (0, 1):
        known = mask[..., i]
        expected = audmetric.concordance_cc(truth[..., i][known], outputs[..., i][known])
        assert loss[i].item() == pytest.approx(1 - expected, abs=1e-9)


def test_the_gradient_of_the_concordance_is_right():
    generator = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(2, 2, 6, 2, dtype=torch.float64, generator=generator)
    mask = torch.rand(2, 6, 2, generator=generator) < 0.7
    outputs.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: Concordance.losses(x, targets, mask), outputs)


def test_a_constant_output_finds_its_way_to_concordance():
    """Also the output of a network that tells frames apart no more than at its start."""
    targets = torch.sin(torch.arange(60.0) / 5)[None, :, None]
    mask = torch.ones_like(targets, dtype=bool)
    outputs = torch.full_like(targets, 3.0, requires_grad=True)
    optimiser = torch.optim.Adam([outputs], 0.1)
    for _ in range(200):
        optimiser.zero_grad()
        loss = Concordance.losses(outputs, targets, mask).sum()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01


@pytest.mark.parametrize("kind", ["constant", "constant and equal", "one frame", "no frame"])
def test_concordance_that_is_not_defined_is_a_loss_of_one_and_no_gradient_of_nan(kind):
    targets = torch.full((2, 5, 1), 0.5)
    outputs = torch.full_like(targets, 0.5 if kind == "constant and equal" else 2.0)
    outputs.requires_grad_()
    mask = torch.ones_like(targets, dtype=bool)
    if kind.endswith("frame"):
        mask[:] = False
        mask[0, 0] = kind == "one frame"
    loss = Concordance.losses(outputs, targets, mask)
    loss.sum().backward()
    assert loss.tolist() == [1.0]
    assert torch.isfinite(outputs.grad).all()


def test_the_loss_of_concordance_learns_a_planted_task(train_set, dev_set):
    training = Training(
        learning_rate=0.03, batch_size=2, max_steps=45, evaluate_every=3, loss="ccc"
    )
    model, curve = fit(
        train_set, dev_set, OUTPUTS, training, RecurrentSettings(layers=1, cells=12), 1
    )
    assert (curve["train_loss"] >= 0).all()
    unseen = [sequence(seed) for seed in (40, 41, 42)]
    predicted = np.concatenate(model.predict([s.features for s in unseen]))
    truth = np.concatenate([s.targets for s in unseen])
    for column in (0, 1):
        assert audmetric.concordance_cc(truth[:, column], predicted[:, column]) > 0.8


LEARNED = Training(
    learning_rate=0.03,
    batch_size=2,
    max_steps=45,
    evaluate_every=3,
    input_noise=0.0,
    task_weights="learned",
)


@pytest.fixture
def optimisers(monkeypatch):
    """Optimisers that training has made."""
    made = []

    class Adam(torch.optim.Adam):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(torch.optim, "Adam", Adam)
    return made


def test_learned_weights_favour_the_target_with_less_noise(train_set, dev_set, optimisers):
    rng = np.random.default_rng(3)
    noisy = []
    for s in train_set:
        targets = s.targets.copy()
        targets[:, 1] = rng.normal(size=len(s))
        noisy.append(replace(s, targets=targets))
    model, _ = fit(noisy, dev_set, OUTPUTS, LEARNED, RecurrentSettings(layers=1, cells=12), 1)
    (log_variances,) = optimisers[0].param_groups[1]["params"]
    weights = torch.exp(-log_variances).tolist()
    assert weights[0] > 1.2 * weights[1]
    predicted = np.concatenate(model.predict([s.features for s in dev_set]))
    truth = np.concatenate([s.targets for s in dev_set])
    assert audmetric.concordance_cc(truth[:, 0], predicted[:, 0]) > 0.8


@pytest.mark.parametrize("loss", OF_LABELS)
def test_learned_weights_start_as_the_fixed_ones_and_then_change(train_set, dev_set, loss):
    learned = replace(LEARNED, max_steps=2, evaluate_every=1, batch_size=len(train_set), loss=loss)
    runs = [
        fit(train_set, dev_set, OUTPUTS, replace(learned, task_weights=how), **SMALL)
        for how in ("fixed", "learned")
    ]
    losses = [curve.drop_duplicates("step")["train_loss"].to_list() for _, curve in runs]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-6)
    assert losses[0][1] != pytest.approx(losses[1][1], rel=1e-3)
    again = fit(train_set, dev_set, OUTPUTS, learned, **SMALL)
    assert same(weights_of(runs[1][0]), weights_of(again[0]))
    pd.testing.assert_frame_equal(runs[1][1], again[1])


def test_a_single_task_has_no_weights_to_learn(train_e, dev_e):
    models = [
        fit(train_e, dev_e, OUTPUTS[:1], replace(QUICK, task_weights=how), **SMALL)[0]
        for how in ("fixed", "learned")
    ]
    assert same(*map(weights_of, models))


def test_weight_decay_does_not_touch_the_learned_weights(train_set, dev_set, optimisers):
    fit(train_set, dev_set, OUTPUTS, replace(LEARNED, max_steps=3, weight_decay=0.1), **SMALL)
    network, weights = optimisers[0].param_groups
    assert (network["weight_decay"], weights["weight_decay"]) == (0.1, 0)


def test_a_network_of_gated_units_learns_too(train_e, dev_e):
    training = replace(LEARNED, task_weights="fixed")
    model, curve = fit(train_e, dev_e, OUTPUTS[:1], training, RecurrentSettings("gru", 1, 12), 1)
    assert model.architecture.settings.cell == "gru"
    assert curve.loc[curve["best"], "dev_ccc"].item() > 0.8


def test_a_joint_network_learns_all_dimensions(train_set, dev_set):
    """The second dimension is the first, turned upside down and on another scale."""
    both = [
        [replace(s, targets=np.hstack([s.targets, 5 - 40 * s.targets])) for s in part]
        for part in (train_set, dev_set)
    ]
    outputs = output_names("mood+will", "E+sigma")
    training = replace(LEARNED, task_weights="fixed", max_steps=75)
    model, curve = fit(*both, outputs, training, RecurrentSettings(layers=1, cells=12), 1)
    assert model.architecture.outputs == ("mood_E", "mood_sigma", "will_E", "will_sigma")
    best = curve[curve["best"]].set_index("output")["dev_ccc"]
    assert list(best.index) == outputs
    assert (best > 0.7).all()
    predicted = np.concatenate(model.predict([s.features for s in both[1]]))
    truth = np.concatenate([s.targets for s in both[1]])
    for column, name in enumerate(outputs):
        score = audmetric.concordance_cc(truth[:, column], predicted[:, column])
        assert best[name] == pytest.approx(score, abs=1e-6)


def test_padding_does_not_count_in_the_loss(dev_e):
    short, long = narrow([sequence(1, 20), sequence(2, 50)], 0)
    start = replace(QUICK, max_steps=1, learning_rate=1e-9, standardise_targets=False)
    frames, losses = [20, 50], []
    for part in ([short], [long], [short, long]):
        _, curve = fit(part, dev_e, OUTPUTS[:1], start, **SMALL)
        losses.append(curve["train_loss"].item())
    assert losses[2] == pytest.approx(np.average(losses[:2], weights=frames), rel=1e-5)


def test_targets_are_learnt_in_units_of_their_spread(train_e, dev_e):
    """Labels on another scale are predicted on that scale, by the same network."""
    model, _ = fit(train_e, dev_e, OUTPUTS[:1], QUICK, **SMALL)
    scaled = [[replace(s, targets=s.targets * 8 + 64) for s in part] for part in (train_e, dev_e)]
    other, _ = fit(*scaled, OUTPUTS[:1], QUICK, **SMALL)
    features = [dev_e[0].features]
    np.testing.assert_allclose(
        other.predict(features)[0], model.predict(features)[0] * 8 + 64, rtol=1e-3
    )


@pytest.mark.parametrize("loss", OF_LABELS)
def test_constant_targets_do_not_divide_by_zero(train_e, dev_e, loss):
    constant = [replace(s, targets=np.full_like(s.targets, 0.5)) for s in train_e]
    training = replace(QUICK, loss=loss)
    model, curve = fit(constant, dev_e, OUTPUTS[:1], training, **SMALL)
    assert np.isfinite(curve["train_loss"]).all()
    assert np.isfinite(model.predict([dev_e[0].features])[0]).all()


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
        fit(parts["train"], parts["dev"], OUTPUTS, QUICK, **SMALL)
    words = [f"'{partition}'"] + (["mood_sigma"] if kind == "without labels" else [])
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
    words = ["--recordings", corpus / "recordings.csv", "--dataset", corpus, "--scope", "mood"]
    words += ["--objective", "E+sigma", "--layers", 1, "--cells", 3, "--max-steps", 4]
    words += ["--evaluate-every", 2]
    words += ["--seed", 1, *more]
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
    assert model.architecture.outputs == OUTPUTS
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
        "--loss",
        "ccc",
        "--task-weights",
        "learned",
        "--cell",
        "gru",
        "--piece",
        1.5,
        "--precision",
        "bfloat16",
    ]
    files = run(corpus, tmp_path / "1", monkeypatch, *flags)
    content = json.loads(files["description.json"])
    assert content["architecture"]["outputs"] == ["mood_E", "mood_sigma"]
    assert content["architecture"]["cell"] == "gru"
    found = content["training"]
    assert (found["loss"], found["task_weights"]) == ("ccc", "learned")
    assert found["weight_sigma"] == 0.5
    assert (found["seed"], found["learning_rate"]) == (5, 0.01)
    assert found["standardise_targets"] is False
    precision = computed("bfloat16", torch.device("cpu"))
    assert (found["piece"], found["precision"]) == (1.5, precision)
    curve = tables.read(tmp_path / "1/learning_curve.parquet")
    assert list(curve["output"]) == [*OUTPUTS] * 2


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


class Log(io.StringIO):
    """What has reached the file: all that was written before the last flush."""

    there = ""

    def flush(self):
        self.there = self.getvalue()


def test_the_log_grows_with_every_evaluation(corpus, tmp_path, monkeypatch):
    """The line of an evaluation can be read before the next one."""
    log, seen, score = Log(), [], train.score

    def looking(*args):
        seen.append(log.there.splitlines())
        return score(*args)

    monkeypatch.setattr(train, "score", looking)
    monkeypatch.setattr(sys, "stdout", log)
    run(corpus, tmp_path / "1", monkeypatch, "--max-steps", 8)
    assert [len(lines) for lines in seen] == [0, 1, 2, 3]
    assert [LINE.fullmatch(line)[1] for line in seen[-1]] == ["2", "4", "6"]
