"""The network: padding means nothing, and a file that is no model is refused, not run."""

import json
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from processors import NEEDS_BFLOAT16
from safetensors.torch import load_file, save_file

from patience import SILENT
from softaer.core.errors import InputError
from softaer.core.experiment import RecurrentSettings
from softaer.networks import recurrence
from softaer.networks.architectures import load_model, make_deterministic, save_model
from softaer.networks.network import Architecture
from softaer.networks.recurrent import CELLS, Recurrent

SETTINGS = RecurrentSettings(layers=2, cells=5, dropout=0.25)
ARCHITECTURE = Architecture(features=3, outputs=("x_E", "x_sigma"), settings=SETTINGS)
LENGTHS = [7, 1, 30, 30, 12]


def with_settings(**changes):
    return replace(ARCHITECTURE, settings=replace(SETTINGS, **changes))


def small(**settings):
    return Architecture(features=2, outputs=("E",), settings=RecurrentSettings(**settings))


@pytest.fixture
def model():
    make_deterministic(3)
    model = Recurrent(ARCHITECTURE)
    model.target_mean.copy_(torch.tensor([0.5, -0.25]))
    model.target_scale.copy_(torch.tensor([2.0, 0.125]))
    return model.eval()


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in LENGTHS]


def test_recordings_do_not_depend_on_their_company(model, sequences):
    alone = [model.predict([sequence])[0] for sequence in sequences]
    for at_once in (1, 2, 16):
        together = model.predict(sequences, at_once=at_once)
        assert [out.shape for out in together] == [(length, 2) for length in LENGTHS]
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_what_stands_in_the_padding_does_not_matter(model):
    features = torch.randn(2, 9, 3)
    lengths = torch.tensor([9, 4])
    changed = features.clone()
    changed[1, 4:] = 1e6
    with torch.no_grad():
        before, after = model(features, lengths), model(changed, lengths)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1, :4], after[1, :4])


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def known_frames():
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]


def outputs_and_gradients(model, hidden, features):
    """What comes out of the frames that count, and the gradients of the weights and features."""
    features = features.clone().requires_grad_()
    outputs = hidden(features)
    known = known_frames()
    model.zero_grad()
    outputs[known].float().square().sum().backward()
    gradients = {name: value.grad for name, value in model.recurrent.named_parameters()}
    return outputs[known].detach(), gradients | {"features": features.grad}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("threads", [1, 2])
def test_padded_recordings_give_what_packed_ones_do(one_thread, cell, threads):
    """Packed sequences, torch's own way, are what a graphics card is given."""
    make_deterministic(4)
    model = Recurrent(with_settings(cell=cell, dropout=0.0), threads)
    features = torch.randn(len(LENGTHS), max(LENGTHS), 3)
    ours, gradients = outputs_and_gradients(model, lambda x: model._padded(x, LENGTHS), features)
    packed, expected = outputs_and_gradients(
        model, lambda x: model._packed(x, torch.tensor(LENGTHS)), features
    )
    torch.testing.assert_close(ours, packed, atol=1e-6, rtol=1e-5)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("half", [False, pytest.param(True, marks=NEEDS_BFLOAT16)])
def test_two_threads_give_the_bytes_of_one(one_thread, cell, half):
    make_deterministic(4)
    model = Recurrent(with_settings(cell=cell, cells=48, dropout=0.0))
    features = torch.randn(len(LENGTHS), max(LENGTHS), 3)

    def hidden(features):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return model._padded(features, LENGTHS)

    found = []
    for model.threads in (1, 2):
        found.append(outputs_and_gradients(model, hidden, features))
    (outputs, gradients), (others, other_gradients) = found
    assert half == (not torch.equal(outputs, model._padded(features, LENGTHS)[known_frames()]))
    assert torch.equal(outputs, others)
    for name, gradient in gradients.items():
        assert torch.equal(gradient, other_gradients[name]), name


def test_the_directions_of_a_layer_are_computed_at_once(monkeypatch):
    """Each waits for the other; with one thread neither would go on."""
    together = threading.Barrier(2, timeout=SILENT)
    run = recurrence.RECURRENCES["lstm"]

    def meeting(*args, **options):
        together.wait()
        return run(*args, **options)

    monkeypatch.setitem(recurrence.RECURRENCES, "lstm", meeting)
    model = Recurrent(with_settings(dropout=0.0), threads=2)
    model(torch.randn(2, 9, 3), torch.tensor([9, 4])).sum().backward()


def test_a_recording_is_turned_round_within_its_length():
    frames = torch.arange(8.0).reshape(2, 4, 1)
    turned = recurrence.reverse(frames, [4, 2])
    assert turned[..., 0].tolist() == [[3, 2, 1, 0], [5, 4, 6, 7]]


def test_both_directions_reach_every_frame(model, sequences):
    before = model.predict([sequences[4]])[0]
    changed = sequences[4].copy()
    changed[6] += 1
    assert (model.predict([changed])[0] != before).any(axis=1).all()


def test_a_network_of_one_layer_equals_the_equations_of_an_lstm():
    make_deterministic(0)
    model = Recurrent(small(layers=1, cells=3))
    x = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    weights = {name: value.numpy().astype(float) for name, value in model.state_dict().items()}

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    def direction(frames, suffix):
        hidden = cell = np.zeros(3)
        out = []
        for frame in frames:
            gates = weights[f"recurrent.weight_ih_l0{suffix}"] @ frame
            gates = (
                gates
                + weights[f"recurrent.bias_ih_l0{suffix}"]
                + weights[f"recurrent.bias_hh_l0{suffix}"]
            )
            gates = gates + weights[f"recurrent.weight_hh_l0{suffix}"] @ hidden
            enter, forget, new, leave = np.split(gates, 4)
            cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
            hidden = sigmoid(leave) * np.tanh(cell)
            out.append(hidden)
        return np.array(out)

    hidden = np.hstack([direction(x, ""), direction(x[::-1], "_reverse")[::-1]])
    expected = hidden @ weights["read_out.weight"].T + weights["read_out.bias"]
    np.testing.assert_allclose(model.predict([x])[0], expected, atol=1e-6)


def test_a_network_of_one_layer_equals_the_equations_of_a_gru():
    make_deterministic(0)
    model = Recurrent(small(cell="gru", layers=1, cells=3))
    x = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    weights = {name: value.numpy().astype(float) for name, value in model.state_dict().items()}

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    def direction(frames, suffix):
        hidden = np.zeros(3)
        out = []
        for frame in frames:
            from_input, from_hidden = (
                weights[f"recurrent.weight_{kind}_l0{suffix}"] @ values
                + weights[f"recurrent.bias_{kind}_l0{suffix}"]
                for kind, values in (("ih", frame), ("hh", hidden))
            )
            reset, update = np.split(sigmoid(from_input[:6] + from_hidden[:6]), 2)
            new = np.tanh(from_input[6:] + reset * from_hidden[6:])
            hidden = (1 - update) * new + update * hidden
            out.append(hidden)
        return np.array(out)

    hidden = np.hstack([direction(x, ""), direction(x[::-1], "_reverse")[::-1]])
    expected = hidden @ weights["read_out.weight"].T + weights["read_out.bias"]
    np.testing.assert_allclose(model.predict([x])[0], expected, atol=1e-6)


def test_predictions_are_in_the_units_of_the_labels(model, sequences):
    with torch.no_grad():
        raw = model(torch.from_numpy(sequences[2][None]), torch.tensor([30]))[0].numpy()
    predicted = model.predict([sequences[2]])[0]
    np.testing.assert_allclose(predicted, raw * [2.0, 0.125] + [0.5, -0.25], rtol=1e-5)
    assert predicted.dtype == np.float32


def test_prediction_does_not_drop_anything(model, sequences):
    model.train()
    first, second = model.predict(sequences), model.predict(sequences)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_default_is_the_network_of_the_paper():
    default = Architecture(features=130, outputs=("x_E", "x_sigma"))
    settings = default.settings
    assert default.network == "blstm"
    assert (settings.cell, settings.layers, settings.cells) == ("lstm", 2, 240)


@pytest.fixture
def files(tmp_path, model):
    weights, description = tmp_path / "weights.safetensors", tmp_path / "description.json"
    save_model(model, {"seed": 3}, weights, description)
    return weights, description


def test_a_model_comes_back_as_it_was_saved(files, model, sequences):
    loaded = load_model(*files)
    assert loaded.architecture == ARCHITECTURE
    assert loaded.state_dict().keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
        assert value.dtype == torch.float32
    for one, other in zip(loaded.predict(sequences), model.predict(sequences), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cell", CELLS)
def test_every_kind_of_cell_comes_back(tmp_path, sequences, cell):
    make_deterministic(5)
    outputs = ("a_E", "a_sigma", "b_E", "b_sigma")
    settings = RecurrentSettings(cell=cell, layers=1, cells=4)
    network = {"lstm": "blstm", "gru": "gru"}[cell]
    model = Recurrent(Architecture(features=3, outputs=outputs, network=network, settings=settings))
    save_model(model, {}, tmp_path / "w.safetensors", tmp_path / "d.json")
    loaded = load_model(tmp_path / "w.safetensors", tmp_path / "d.json")
    assert loaded.architecture == model.architecture
    for one, other in zip(loaded.predict(sequences), model.predict(sequences), strict=True):
        assert one.shape[1] == 4
        np.testing.assert_array_equal(one, other)


def test_the_same_model_gives_the_same_bytes(files, tmp_path, model):
    again = tmp_path / "again.safetensors", tmp_path / "again.json"
    save_model(model, {"seed": 3}, *again)
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


def test_the_description_says_how_the_model_was_trained(files):
    content = json.loads(files[1].read_text())
    assert content["training"] == {"seed": 3}
    assert content["architecture"]["outputs"] == ["x_E", "x_sigma"]


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def refused(files, name):
    with pytest.raises(InputError) as caught:
        load_model(*files)
    assert name in str(caught.value)


@pytest.mark.parametrize("dump", [lambda o, p: p.write_bytes(pickle.dumps(o)), torch.save])
def test_a_pickle_in_place_of_weights_is_refused_and_not_run(files, tmp_path, dump):
    trace = tmp_path / "was_here"
    dump(Hostile(trace), files[0])
    refused(files, "weights.safetensors")
    assert not trace.exists()
    # Unpickled, it would have run.
    pickle.loads(pickle.dumps(Hostile(trace))).close()
    assert trace.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100])
def test_weights_that_are_none(files, content):
    files[0].write_bytes(content)
    refused(files, "weights.safetensors")


def test_weights_that_are_cut_off(files):
    files[0].write_bytes(files[0].read_bytes()[:-10])
    refused(files, "weights.safetensors")


@pytest.mark.parametrize("which", [0, 1])
def test_files_that_are_not_there(files, which):
    files[which].unlink()
    refused(files, files[which].name)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text",
        "[]",
        "{}",
        '{"architecture": {}}',
        '{"architecture": {"outputs": ["E"]}}',
        '{"architecture": {"features": 3, "outputs": 7}}',
        '{"architecture": {"features": 3, "outputs": ["E"], "heads": 8}}',
        '{"architecture": {"features": "3", "outputs": ["E"]}}',
        '{"architecture": {"features": 3, "outputs": ["E"], "cells": -1}}',
        '{"architecture": {"features": 3, "outputs": ["E"], "cell": "rnn"}}',
    ],
)
def test_descriptions_that_are_none(files, content):
    files[1].write_text(content)
    refused(files, "description.json")


@pytest.mark.parametrize(
    "change",
    [{"cells": 6}, {"layers": 3}, {"features": 4}, {"outputs": ["x_E"]}, {"cell": "gru"}],
    ids=str,
)
def test_weights_of_another_architecture(files, change):
    content = json.loads(files[1].read_text())
    content["architecture"] |= change
    files[1].write_text(json.dumps(content))
    refused(files, "weights.safetensors")


def test_weights_that_lack_a_tensor(files):
    state = load_file(files[0])
    del state["target_scale"]
    save_file(state, files[0])
    refused(files, "weights.safetensors")


def test_the_seed_decides_the_weights():
    def first_weight(seed):
        make_deterministic(seed)
        return Recurrent(ARCHITECTURE).read_out.weight.detach().clone()

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))
