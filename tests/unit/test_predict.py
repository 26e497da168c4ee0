"""Prediction: every labelled frame, in the units of the labels, by the network that was saved."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from softaer import predict as stage
from softaer import schema, tables
from softaer.errors import InputError
from softaer.model import Architecture, Blstm, make_deterministic, save_model
from softaer.predict import predict
from softaer.sequences import RecordingSequence


def network(*outputs):
    make_deterministic(0)
    model = Blstm(Architecture(features=2, outputs=outputs, layers=1, cells=3))
    model.target_mean.copy_(torch.arange(1.0, 1.0 + len(outputs)))
    return model


@pytest.fixture
def sequence():
    rng = np.random.default_rng(0)
    labelled = np.array([False, True, True, False, True])
    features = rng.normal(size=(5, 2)).astype(np.float32)
    targets = np.full((5, 2), np.nan, dtype=np.float32)
    return RecordingSequence("a", "test", features, labelled & [1, 1, 0, 1, 1], labelled, targets)


def test_one_row_per_frame_of_the_dataset(sequence):
    model = network("E", "sigma")
    table = predict(model, sequence)
    np.testing.assert_allclose(table["time"], [0.1, 0.2, 0.4])
    whole = model.predict([sequence.features])[0]
    np.testing.assert_array_equal(table[["E", "sigma"]], whole[[1, 2, 4]])


@pytest.mark.parametrize(("output", "other"), [("E", "sigma"), ("sigma", "E")])
def test_what_a_network_was_not_trained_for_is_missing(sequence, output, other):
    table = predict(network(output), sequence)
    assert table[output].notna().all()
    assert table[other].isna().all()


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "recordings.csv").write_text(
        "recording,subject,partition,media,annotations,batch\n"
        "a,s,train,a.mp4,a.csv,x\nb,t,dev,b.mp4,b.csv,x\nc,u,test,c.mp4,c.csv,y\nd,u,,d.mp4,,y\n"
    )
    rng = np.random.default_rng(1)
    for batch, recordings in {"x": {"a": 6, "b": 4}, "y": {"c": 5}}.items():
        parts = []
        for recording, count in recordings.items():
            table = pd.DataFrame({"recording": recording, "time": np.arange(count) / 10})
            table[["m_E", "m_sigma", "f", "g"]] = rng.normal(size=(count, 4))
            table.loc[1, ["f", "g"]] = np.nan
            parts.append(table.drop(index=2))
        names = schema.dataset(["m_E", "m_sigma"], ["f", "g"])
        tables.write(pd.concat(parts), names, tmp_path / "dataset" / f"{batch}.parquet")
    save_model(network("E", "sigma"), {}, tmp_path / "w.safetensors", tmp_path / "d.json")
    return tmp_path


def run(folder, monkeypatch, output="out.parquet"):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--dimension", "m", "--weights", folder / "w.safetensors"]
    words += ["--description", folder / "d.json", "--output", folder / output]
    monkeypatch.setattr(sys, "argv", ["predict", *map(str, words)])
    stage.main()
    return tables.read(folder / output)


def test_every_frame_of_every_rated_recording_is_predicted(corpus, monkeypatch):
    table = run(corpus, monkeypatch)
    assert table.groupby("recording").size().to_dict() == {"a": 5, "b": 3, "c": 4}
    assert table[["E", "sigma"]].notna().all(axis=None)
    np.testing.assert_allclose(table.loc[table["recording"] == "b", "time"], [0, 0.1, 0.3])


def test_predictions_do_not_depend_on_the_labels_or_on_other_recordings(corpus, monkeypatch):
    before = run(corpus, monkeypatch).set_index("recording").loc["b"]
    path = corpus / "dataset" / "x.parquet"
    table = tables.read(path)
    table[["m_E", "m_sigma"]] = 0.0
    table.loc[table["recording"] == "a", ["f", "g"]] *= 9
    tables.write(table, schema.dataset(["m_E", "m_sigma"], ["f", "g"]), path)
    pd.testing.assert_frame_equal(run(corpus, monkeypatch).set_index("recording").loc["b"], before)


def test_the_same_bytes_twice(corpus, monkeypatch):
    run(corpus, monkeypatch, "one.parquet")
    run(corpus, monkeypatch, "two.parquet")
    assert (corpus / "one.parquet").read_bytes() == (corpus / "two.parquet").read_bytes()


def test_a_file_that_is_no_model(corpus, monkeypatch):
    (corpus / "w.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        run(corpus, monkeypatch)
    assert "w.safetensors" in str(caught.value)
    assert not (corpus / "out.parquet").exists()
