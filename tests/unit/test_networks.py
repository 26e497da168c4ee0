"""Every network of the registry, those of users included, passes the same checks."""

import json
import re
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch

from own_network import MINE
from softaer.commands import export_onnx
from softaer.core.errors import InputError
from softaer.core.experiment import NETWORKS as DEFAULTS
from softaer.core.experiment import AttentionSettings, Model, Training, keys_of
from softaer.core.fields import Section
from softaer.core.weights import count_weights
from softaer.networks import architectures, attention, network
from softaer.networks.architectures import (
    NETWORKS,
    build,
    described,
    load_model,
    make_deterministic,
    register,
    save_model,
    settings_of,
)
from softaer.networks.network import Architecture, Network
from softaer.networks.sequences import RecordingSequence
from softaer.train import fit

SMALL = {
    "blstm": {"cells": 6},
    "gru": {"cells": 6},
    "tcn": {"cells": 8, "layers": 3},
    "attention": {"cells": 8, "layers": 2, "heads": 2, "reach": 0.5},
    "mine": {"width": 5},
}
"""Small settings of each network; a frame sees others on both sides, and not all of a recording."""

LENGTHS = [7, 1, 90, 90, 33]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture(autouse=True)
def registered(tmp_path, monkeypatch):
    """A network of a user's file; forgotten after each test."""
    monkeypatch.setattr(architectures, "_registered", {})
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    register(path)
    return path


def made(name, features=3, seed=3, **changes):
    make_deterministic(seed)
    settings = settings_of(name, SMALL[name] | changes)
    outputs = ("x_E", "x_sigma")
    model = build(Architecture(features=features, outputs=outputs, network=name, settings=settings))
    model.target_mean.copy_(torch.tensor([0.5, -0.25]))
    model.target_scale.copy_(torch.tensor([2.0, 0.125]))
    return model.eval()


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(length, 3)).astype(np.float32) for length in LENGTHS]


def test_the_networks_have_their_settings_and_their_class():
    assert list(NETWORKS) == list(DEFAULTS)
    for name, kind in NETWORKS.items():
        assert isinstance(DEFAULTS[name], kind.Settings)
        # Each setting is a key of the configuration, of the same meaning.
        assert set(asdict(DEFAULTS[name])) <= set(vars(Model()))
        assert set(asdict(DEFAULTS[name])) - set(keys_of(name)) <= {"cell"}


@pytest.mark.parametrize("name", SMALL)
def test_recordings_do_not_depend_on_their_company(name, sequences):
    model = made(name)
    alone = [model.predict([sequence])[0] for sequence in sequences]
    for at_once in (2, 16):
        together = model.predict(sequences, at_once=at_once)
        assert [out.shape for out in together] == [(length, 2) for length in LENGTHS]
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-6)
    assert np.ptp(alone[2][:, 0]) > 0.01, "the network has learnt to ignore its input"


def test_few_long_recordings_are_predicted_at_once():
    def sizes(lengths, frames):
        recordings = [np.zeros((length, 1)) for length in lengths]
        return [list(map(len, some)) for some in network._batches(recordings, 3, frames)]

    assert sizes([4, 4, 4, 4], 100) == [[4, 4, 4], [4]]
    assert sizes([4, 50, 4, 4, 4, 200, 1], 100) == [[4, 50], [4, 4, 4], [200], [1]]
    assert sizes([4, 50], 99) == [[4], [50]]
    assert sizes([], 99) == []


@pytest.mark.parametrize("name", SMALL)
def test_padding_does_not_matter(name):
    model = made(name)
    features, lengths = torch.randn(2, 40, 3), torch.tensor([40, 11])
    changed = features.clone()
    changed[1, 11:] = 1e6
    with torch.no_grad():
        before, after = model(features, lengths), model(changed, lengths)
        assert torch.equal(before[0], after[0])
        assert torch.equal(before[1, :11], after[1, :11])
        # The control: within its length, a change does matter.
        changed[1, 10] += 1
        assert not torch.equal(model(changed, lengths)[1, :10], before[1, :10])


@pytest.mark.parametrize("name", SMALL)
def test_padding_does_not_matter_to_gradients(name):
    model = made(name)
    features, lengths = torch.randn(2, 40, 3), torch.tensor([40, 11])
    known = torch.arange(40) < lengths[:, None]

    def gradients(changed):
        model.zero_grad()
        changed = changed.clone().requires_grad_()
        model(changed, lengths)[known].square().sum().backward()
        return [p.grad.clone() for p in model.parameters()], changed.grad

    own, of_features = gradients(features)
    changed = features.clone()
    changed[1, 11:] = 50.0
    others, _ = gradients(changed)
    assert not of_features[1, 11:].any()
    assert of_features[1, :11].any()
    for one, other in zip(own, others, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_both_directions_reach_a_frame(name, sequences):
    model = made(name)
    before = model.predict([sequences[2]])[0]
    changed = sequences[2].copy()
    changed[45] += 1
    differs = (model.predict([changed])[0] != before).any(axis=1)
    assert differs[41:45].all()
    assert differs[46:50].all()


@pytest.mark.parametrize(("name", "frames"), [("tcn", 7), ("attention", 10)])
def test_a_frame_sees_as_far_as_its_settings_say(name, frames, sequences):
    """With three layers of kernel 3: 1 + 2 + 4 frames; with two layers that reach 5 frames: 10."""
    model = made(name)
    before = model.predict([sequences[2]])[0]
    changed = sequences[2].copy()
    changed[45] += 1
    differs = np.flatnonzero((model.predict([changed])[0] != before).any(axis=1))
    assert (differs.min(), differs.max()) == (45 - frames, 45 + frames)


@pytest.mark.parametrize("name", ["tcn", "attention"])
def test_a_shift_of_the_recording_shifts_its_outputs(name, sequences):
    """No frame knows its absolute position."""
    model = made(name)
    whole, later = model.predict([sequences[2], sequences[2][13:]])
    np.testing.assert_allclose(whole[13 + 10 :], later[10:], atol=1e-5)


def attention_by_hand(layer, values):
    """Self-attention within a window, frame by frame."""
    length, cells = values.shape
    asked = layer.ask(values).view(length, 3, layer.heads, cells // layer.heads)
    out = torch.zeros(length, layer.heads, cells // layer.heads)
    for frame in range(length):
        seen = range(max(0, frame - layer.reach), min(length, frame + layer.reach + 1))
        for head in range(layer.heads):
            scores = torch.stack(
                [
                    asked[frame, 0, head] @ asked[k, 1, head] / (cells // layer.heads) ** 0.5
                    + layer.bias[head, k - frame + layer.reach]
                    for k in seen
                ]
            )
            weights = scores.softmax(0)
            out[frame, head] = weights @ asked[list(seen), 2, head]
    return layer.linear(out.flatten(1))


@pytest.mark.parametrize("length", [1, 4, 5, 6, 23])
def test_attention_is_what_the_equations_say(length):
    torch.manual_seed(2)
    layer = attention.LocalAttention(8, 2, 5)
    torch.nn.init.normal_(layer.bias)
    values = torch.randn(2, length, 8)
    with torch.no_grad():
        found = layer(values, torch.ones(2, length, dtype=torch.bool))
        for one, own in zip(values, found, strict=True):
            torch.testing.assert_close(own, attention_by_hand(layer, one), atol=1e-5, rtol=1e-4)


def test_attention_in_parts_is_that_at_once(monkeypatch):
    """The results and the gradients, which are computed from the parts again."""
    torch.manual_seed(2)
    layer = attention.LocalAttention(8, 2, 5)
    values, known = torch.randn(2, 83, 8), torch.arange(83) < torch.tensor([[83], [40]])

    def results():
        layer.zero_grad()
        out = layer(values, known)
        out[known].square().sum().backward()
        return [out[known].detach(), *(p.grad.clone() for p in layer.parameters())]

    whole = results()
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", 3 * 2 * 2 * 3 * 5**2)
    blocks = torch.zeros(2, 19, 5, 2, 4)
    assert len(list(layer._parts(blocks))) == 6, "17 blocks, 3 at a time"
    for one, other in zip(whole, results(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def task(seed, length=60, partition="train"):
    rng = np.random.default_rng(seed)
    kernel = np.hanning(15) / np.hanning(15).sum()
    state, noise = (np.convolve(rng.normal(size=length), kernel, "same") * 3 for _ in "12")
    features = np.stack([state, noise], axis=1).astype(np.float32)
    there = np.ones(length, dtype=bool)
    # The mean of what is just before and after a frame.
    target = (np.roll(state, 3) + np.roll(state, -3)).astype(np.float32)[:, None]
    return RecordingSequence(f"r{seed}", partition, features, there, there, target)


def trained(name, steps=80, **changes):
    training = Training(
        learning_rate=0.01, batch_size=4, max_steps=steps, evaluate_every=10, patience=99
    )
    training = replace(training, **changes)
    train = [task(seed, 40 + 5 * seed) for seed in range(8)]
    dev = [task(seed, 70, "dev") for seed in (8, 9)]
    settings = settings_of(name, SMALL[name])
    return fit(train, dev, ("m_E",), training, settings, 1, network=name)


@pytest.mark.parametrize("name", ["gru", "tcn", "attention"])
def test_a_task_is_learnt(name):
    _, curve = trained(name)
    assert curve["dev_ccc"].max() > 0.8
    assert curve["dev_ccc"].max() > trained(name, 1)[1]["dev_ccc"].max() + 0.2


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_twice_gives_the_same_bytes(name, precision, tmp_path):
    files = []
    for run in "ab":
        model, curve = trained(name, 6, precision=precision)
        paths = tmp_path / f"{run}.safetensors", tmp_path / f"{run}.json"
        save_model(model, {}, *paths)
        files.append([path.read_bytes() for path in paths])
        assert np.isfinite(curve["train_loss"]).all()
    assert files[0] == files[1]


@pytest.mark.parametrize("name", SMALL)
def test_a_network_comes_back_as_it_was_saved(name, sequences, tmp_path):
    model = made(name)
    files = tmp_path / "w.safetensors", tmp_path / "d.json"
    save_model(model, {"seed": 3}, *files)
    loaded = load_model(*files)
    assert type(loaded) is type(model)
    assert loaded.architecture == model.architecture
    for one, other in zip(loaded.predict(sequences), model.predict(sequences), strict=True):
        np.testing.assert_array_equal(one, other)
    assert count_weights(files[0]) == model.weights == loaded.weights
    content = json.loads(files[1].read_text())["architecture"]
    if name in ("blstm", "gru"):
        kinds = {"features", "outputs", "cell", "layers", "cells", "dropout"}
        assert content.keys() == kinds, "as always"
    else:
        assert content["network"] == name


def test_the_number_of_weights_is_known():
    """Of an LSTM: four gates of (d + h) h weights and 2 h biases in each direction."""
    cells, features = 6, 3
    layers = [4 * (cells * (d + cells) + 2 * cells) for d in (features, 2 * cells)]
    assert made("blstm").weights == 2 * sum(layers) + 2 * (2 * cells + 1)
    block = 2 * 8 + 8 * 8 * 3 + 8 + 8 * 8 + 8
    assert made("tcn").weights == (3 * 8 + 8) + 3 * block + 2 * 8 + 2 * (8 + 1)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 9, b"\x02" + b"\0" * 7 + b"[]"])
def test_weights_that_are_none_are_not_counted(content, tmp_path):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(InputError, match="not the weights of a network"):
        count_weights(tmp_path / "w")


@pytest.mark.parametrize("name", SMALL)
def test_onnx_gives_what_torch_gives(name, tmp_path):
    one = export_onnx.Standalone(made(name), np.array([1.0, 0, 2]), np.array([2.0, 1, 0.5])).eval()
    path = tmp_path / "network.onnx"
    export_onnx.export(one, path)
    assert export_onnx.difference(one, path) <= export_onnx.TOLERANCE
    # The control: another network of the same kind does not.
    other = export_onnx.Standalone(
        made(name, seed=4), np.array([1.0, 0, 2]), np.array([2.0, 1, 0.5])
    )
    assert export_onnx.difference(other.eval(), path) > export_onnx.TOLERANCE


@pytest.mark.parametrize("name", SMALL)
def test_cuda_gives_what_the_cpu_gives(name, sequences):
    if not torch.cuda.is_available():
        pytest.skip("no GPU on this machine")
    model = made(name)
    expected = model.predict(sequences)
    for one, other in zip(model.to("cuda").predict(sequences), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    first, second = (trained(name, 20)[0].cpu().state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


# Networks of users


def test_a_network_of_an_installed_package_is_found(monkeypatch, tmp_path):
    folder = tmp_path / "site"
    (folder / "mine_package-1.0.dist-info").mkdir(parents=True)
    (folder / "mine_package.py").write_text(MINE)
    about = folder / "mine_package-1.0.dist-info"
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[softaer.networks]\nsolo = mine_package:Mine\n")
    with pytest.raises(InputError, match="'solo': not known"):
        settings_of("solo", {})
    monkeypatch.syspath_prepend(str(folder))
    assert settings_of("solo", {"width": 7}).width == 7
    model = build(
        Architecture(
            features=3, outputs=("E",), network="solo", settings=settings_of("solo", {"width": 7})
        )
    )
    assert model.weights == 3 * 7 + 7 + 14 + 1


def test_the_example_of_the_documentation_is_a_network(root, tmp_path, sequences):
    page = (root / "docs/networks.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "frame_and_mean.py").write_text(example)
    assert register(tmp_path / "frame_and_mean.py") == ["frame_and_mean"]
    settings = settings_of("frame_and_mean", {"width": 8})
    model = build(
        Architecture(
            features=3, outputs=("x_E", "x_sigma"), network="frame_and_mean", settings=settings
        )
    )
    assert [len(out) for out in model.predict(sequences)] == LENGTHS
    one = export_onnx.Standalone(model, np.zeros(3), np.ones(3)).eval()
    export_onnx.export(one, tmp_path / "network.onnx")
    assert export_onnx.difference(one, tmp_path / "network.onnx") <= export_onnx.TOLERANCE


def test_a_network_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError) as caught:
        described({"features": 3, "outputs": ["E"], "network": "gone", "settings": {}})
    for word in ("gone", "tcn", "mine", "network_file"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 +", ["SyntaxError"]),
        ("import no_such_module", ["no_such_module"]),
        ("x = 1", ["NETWORKS"]),
        ("NETWORKS = {}", ["NETWORKS"]),
        ("NETWORKS = {'own': int}", ["own", "Network"]),
        ("NETWORKS = {'tcn': int}", ["tcn"]),
        ("NETWORKS = {'a/b': int}", ["a/b"]),
        (MINE.replace("    Settings = Settings\n", ""), ["mine", "Settings"]),
    ],
)
def test_a_file_without_networks_is_refused(text, words, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        register(path)
    for word in ("wrong.py", *words):
        assert word in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        register(tmp_path / "gone.py")


def test_a_network_that_sees_padding_is_refused(tmp_path):
    path = tmp_path / "leaking.py"
    path.write_text(MINE.replace("known[..., None].float()", "torch.ones_like(known[..., None])"))
    register(path)
    with pytest.raises(InputError, match="padding"):
        made("mine")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("mine", {"heigth": 3}, ["heigth", "width"]),
        ("tcn", {"heads": 3}, ["heads", "kernel"]),
        ("gru", {"cell": "lstm"}, ["cell", "layers"]),
        ("attention", {"cells": 9}, ["9 cells", "4 heads"]),
    ],
)
def test_settings_that_a_network_does_not_have(name, values, words):
    with pytest.raises(InputError) as caught:
        settings_of(name, values)
    for word in (name, *words):
        assert word in str(caught.value)


def test_a_network_without_its_methods_says_so():
    @dataclass(frozen=True)
    class Nothing(Section):
        pass

    class Empty(Network):
        Settings = Nothing

    with pytest.raises(NotImplementedError):
        Empty(Architecture(features=1, outputs=("E",), settings=Nothing()))


def test_memory_for_two_hours_is_bounded(tmp_path):
    """Attention of 72,000 frames, whose weights at once would need 20 GB for each head."""
    model = build(
        Architecture(
            features=3,
            outputs=("E",),
            network="attention",
            settings=AttentionSettings(layers=1, cells=8, heads=2, reach=5.0),
        )
    )
    (out,) = model.predict([np.zeros((72_000, 3), dtype=np.float32)])
    assert out.shape == (72_000, 1)
    blocks = torch.zeros(1, 1442, 50, 2, 4)
    layer = model.layers[0].attention
    largest = max(1440 - first - after for first, after in layer._parts(blocks))
    assert largest * 2 * 3 * 50**2 <= attention.SCORES_AT_ONCE


def test_the_command_trains_a_network_of_a_users_file(registered, tmp_path, monkeypatch):
    from softaer import train

    monkeypatch.setattr(architectures, "_registered", {})
    recordings = [task(s, 40) for s in range(3)] + [task(9, 40, "dev")]
    rows = pd.DataFrame(
        {
            "recording": [s.recording for s in recordings],
            "batch": "b",
            "partition": [s.partition for s in recordings],
            "annotations": "a.csv",
        }
    )
    rows.to_csv(tmp_path / "recordings.csv", index=False)
    sequences = {s.recording: s for s in recordings}
    monkeypatch.setattr(
        train,
        "load_sequences",
        lambda _, some, names: (sequences[r.recording] for r in some),
    )
    words = ["train", "--recordings", tmp_path / "recordings.csv", "--dataset", tmp_path]
    words += ["--scope", "m", "--objective", "E", "--seed", 1, "--max-steps", 4]
    words += ["--network", "mine", "--network-file", registered, "--settings", '{"width": 6}']
    outputs = {kind: tmp_path / f"{kind}.out" for kind in ("weights", "description", "curve")}
    for kind, path in outputs.items():
        words += [f"--{kind}-output", path]
    monkeypatch.setattr("sys.argv", list(map(str, words)))
    train.main()
    model = load_model(outputs["weights"], outputs["description"])
    assert type(model).__name__ == "Mine"
    assert model.architecture.settings.width == 6
