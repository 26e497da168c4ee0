"""Prediction: every labelled frame, in the units of the labels, by the network that was saved."""

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from softaer import predict as stage
from softaer import score, select, train
from softaer.core import places, schema, tables
from softaer.core.errors import InputError
from softaer.core.experiment import RecurrentSettings
from softaer.core.targets import read_targets
from softaer.corpus import read_recordings
from softaer.networks.architectures import make_deterministic, save_model
from softaer.networks.network import Architecture
from softaer.networks.recurrent import Recurrent
from softaer.networks.sequences import RecordingSequence
from softaer.predict import combine, predict

M = ("m_E", "m_sigma")


def network(*outputs, seed=0):
    make_deterministic(seed)
    model = Recurrent(
        Architecture(features=2, outputs=outputs, settings=RecurrentSettings(layers=1, cells=3))
    )
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
    model = network(*M)
    table = predict(model, sequence)
    np.testing.assert_allclose(table["time"], [0.1, 0.2, 0.4])
    whole = model.predict([sequence.features])[0]
    np.testing.assert_array_equal(table[[*M]], whole[[1, 2, 4]])


@pytest.mark.parametrize(("output", "other"), [("E", "sigma"), ("sigma", "E")])
def test_what_a_network_was_not_trained_for_is_missing(sequence, output, other):
    table = combine([predict(network(f"m_{output}"), sequence)], "m")
    assert table[output].notna().all()
    assert table[other].isna().all()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_networks_of_single_tasks_stand_side_by_side(sequence, order):
    parts = [predict(network(name, seed=i), sequence) for i, name in enumerate(M)]
    table = combine([parts[i] for i in order], "m")
    assert list(table.columns) == ["time", "E", "sigma"]
    np.testing.assert_array_equal(table["time"], parts[0]["time"])
    np.testing.assert_array_equal(table["E"], parts[0]["m_E"])
    np.testing.assert_array_equal(table["sigma"], parts[1]["m_sigma"])


@pytest.mark.parametrize("dimension", ["arousal", "valence"])
def test_a_joint_network_gives_each_dimension_its_own(sequence, dimension):
    outputs = ["arousal_E", "arousal_sigma", "valence_E", "valence_sigma"]
    model = network(*outputs)
    table = combine([predict(model, sequence)], dimension)
    whole = model.predict([sequence.features])[0][[1, 2, 4]]
    for target in ("E", "sigma"):
        np.testing.assert_array_equal(
            table[target], whole[:, outputs.index(f"{dimension}_{target}")]
        )


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
    for i, instance in enumerate(["cells,3", "cells,4"]):
        save(network(*M, seed=i), tmp_path, "E+sigma", instance)
    choose(tmp_path, "E+sigma", "cells,3")
    return tmp_path


def name(objective, instance=None):
    """Values of the wildcards of a network, or of one of its instances."""
    of_network = {"scope": "m", "modality": "audio", "objective": objective}
    return of_network if instance is None else of_network | {"instance": instance, "seed": 7}


def save(model, results, objective, instance):
    weights = places.within(results, places.WEIGHTS, **name(objective, instance))
    weights.parent.mkdir(parents=True)
    description = places.within(results, places.DESCRIPTION, **name(objective, instance))
    save_model(model, {}, weights, description)


def choose(results, objective, instance):
    table = pd.DataFrame({"instance": ["cells,3", "cells,4"], "dev_ccc": 0.5, "seeds": 1})
    path = places.within(results, places.SELECTION, **name(objective))
    tables.write(table.assign(chosen=table["instance"] == instance), schema.SELECTION, path)


def call(main, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    main()


def run(folder, monkeypatch, output="out.parquet", networks=("E+sigma",)):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--results", folder, "--dimension", "m", "--modality", "audio", "--seed", 7]
    words += ["--output", folder / output]
    for objective in networks:
        words += ["--network", "m", objective]
    call(stage.main, monkeypatch, *words)
    return tables.read(folder / output)


@pytest.mark.parametrize("chosen", ["cells,3", "cells,4"])
def test_the_instance_that_was_chosen_predicts(corpus, monkeypatch, chosen):
    choose(corpus, "E+sigma", chosen)
    seed = ["cells,3", "cells,4"].index(chosen)
    table = run(corpus, monkeypatch).set_index("recording").loc["c"]
    rows = tables.read(corpus / "dataset" / "y.parquet")
    features = np.zeros((5, 2), dtype=np.float32)
    features[[0, 1, 3, 4]] = rows[["f", "g"]].fillna(0.0)
    whole = network(*M, seed=seed).predict([features])[0]
    np.testing.assert_allclose(table[["E", "sigma"]], whole[[0, 1, 3, 4]], rtol=1e-6)


def test_the_instances_of_single_tasks_are_chosen_apart(corpus, monkeypatch):
    for target in ("E", "sigma"):
        for i, instance in enumerate(["cells,3", "cells,4"]):
            save(network(f"m_{target}", seed=i), corpus, target, instance)
    choose(corpus, "E", "cells,4")
    choose(corpus, "sigma", "cells,3")
    before = run(corpus, monkeypatch, networks=("E", "sigma"))
    choose(corpus, "sigma", "cells,4")
    after = run(corpus, monkeypatch, networks=("sigma", "E"))
    np.testing.assert_array_equal(before["E"], after["E"])
    assert (before["sigma"] != after["sigma"]).all()


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
    weights = places.within(corpus, places.WEIGHTS, **name("E+sigma", "cells,3"))
    weights.write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        run(corpus, monkeypatch)
    assert "weights.safetensors" in str(caught.value)
    assert not (corpus / "out.parquet").exists()


def train_select_predict(corpus, folder, monkeypatch):
    """From the dataset to a prediction by the better of two instances, and its scores."""
    recordings = ["--recordings", corpus / "recordings.csv", "--dataset", corpus / "dataset"]
    for cells in (2, 3):
        instance = name("E+sigma", f"cells,{cells}")
        files = {
            flag: places.within(folder, pattern, **instance)
            for flag, pattern in (
                ("--weights-output", places.WEIGHTS),
                ("--description-output", places.DESCRIPTION),
                ("--curve-output", places.CURVE),
            )
        }
        words = [*recordings, "--scope", "m", "--objective", "E+sigma", "--seed", 7]
        words += ["--layers", 1, "--cells", cells, "--max-steps", 4]
        call(train.main, monkeypatch, *words, *itertools.chain(*files.items()))
    words = ["--results", folder, "--modality", "audio"]
    chosen = ["--scope", "m", "--objective", "E+sigma", "--instances", "cells,2", "cells,3"]
    selection = places.within(folder, places.SELECTION, **name("E+sigma"))
    call(select.main, monkeypatch, *words, *chosen, "--seeds", 7, "--output", selection)
    words += [*recordings, "--dimension", "m", "--seed", 7, "--network", "m", "E+sigma"]
    call(stage.main, monkeypatch, *words, "--output", folder / "prediction.parquet")
    rated = [r for r in read_recordings(corpus / "recordings.csv") if r.annotations]
    targets = read_targets(corpus / "dataset", rated, "m")
    predictions = tables.read(folder / "prediction.parquet")
    return pd.concat(
        [score.score_predictions(targets, predictions, rated, target) for target in ("E", "sigma")]
    )


def test_the_same_seed_gives_the_same_scores(corpus, tmp_path, monkeypatch):
    scores = [train_select_predict(corpus, tmp_path / name, monkeypatch) for name in ("one", "two")]
    pd.testing.assert_frame_equal(*scores, check_exact=True)
    assert scores[0]["ccc"].notna().all()
    one, two = (
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert len(one) == 8
    assert one == two
