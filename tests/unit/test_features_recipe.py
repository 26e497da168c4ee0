"""The recipes of docs/features.md, with random weights in place of those that are not here."""

import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import media_files
from media_files import tone
from softaer.core.experiment import FeatureTable
from softaer.readers.features import read_features
from softaer.table_features import table_features

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
"""Of the convolutions of wav2vec 2.0 (Baevski et al., 2020, section 4.2) and HuBERT."""


class Convolutions:
    """Convolutions of wav2vec's geometry whose output is the mean magnitude of a frame."""

    def eval(self):
        return self

    def __call__(self, input_values):
        x = input_values[None].abs()
        for kernel, stride in zip(KERNELS, STRIDES, strict=True):
            weight = torch.full((1, 1, kernel), 1 / kernel)
            x = torch.nn.functional.conv1d(x, weight, stride=stride)
        return SimpleNamespace(last_hidden_state=x.transpose(1, 2))


def prepare(piece, sampling_rate, return_tensors):
    assert (sampling_rate, return_tensors) == (16_000, "pt")
    return {"input_values": torch.from_numpy(piece)[None]}


@pytest.fixture
def recipes(root):
    text = (root / "docs/features.md").read_text()
    return re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.M)


def test_speech_embeddings(tmp_path, monkeypatch, recipes):
    # A tone from 20.05 s on, which is not in the first piece of the recipe with a small piece.
    sound = tone(40.0)
    sound[: round(len(sound) * 20.05 / 40)] = 0
    media_files.write(tmp_path / "a.wav", sound=[(0.0, sound)])
    (tmp_path / "recordings.csv").write_text("recording,media\na,a.wav\n")
    transformers = ModuleType("transformers")
    transformers.AutoModel = SimpleNamespace(from_pretrained=lambda name: Convolutions())
    transformers.AutoFeatureExtractor = SimpleNamespace(from_pretrained=lambda name: prepare)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    folder = tmp_path / "w2v"
    monkeypatch.setattr(sys, "argv", ["embed.py", str(tmp_path / "recordings.csv"), str(folder)])
    tables = []
    for piece in ("PIECE = 1500", "PIECE = 700"):
        exec(recipes[0].replace("PIECE = 1500", piece), {})
        settings = FeatureTable(rate=50, anchor="start", frame=0.025)
        tables.append(read_features(folder / "a.npy", settings, 40.0, note=pytest.fail))
    pd.testing.assert_frame_equal(*tables)
    table = tables[0]
    assert len(table) == 1 + (640_000 - 400) // 320
    half = table["f0"].max() / 2
    first = table["time"][table["f0"] > half].iloc[0]
    assert abs(first - 20.05) <= 0.02
    on_grid = table_features(table, 0.2).set_index("time")["f0_mean"]
    assert on_grid[19.9] == 0
    assert on_grid[20.2] > half


def test_embeddings_of_utterances(tmp_path, monkeypatch, recipes):
    utterances = pd.DataFrame({"start": [0.5, 2.0], "end": [1.7, 4.0], "text": ["hi", "well"]})
    x = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
    (tmp_path / "text").mkdir()
    monkeypatch.chdir(tmp_path)
    model = SimpleNamespace(encode=lambda texts: x[: len(texts)])
    exec(recipes[1], {"pd": pd, "model": model, "utterances": utterances})
    table = read_features("text/rec01.parquet", note=pytest.fail)
    on_grid = table_features(table, 0.0)
    assert list(on_grid) == ["time", "0", "1", "2", "3", "4"]
    expected = np.full((40, 5), np.nan, np.float32)
    expected[5:17], expected[20:] = x[0], x[1]
    np.testing.assert_array_equal(on_grid.iloc[:, 1:], expected)
