"""Networks other than the paper's, from the configuration to the packed model and to ONNX."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from projects import TINY, copied, new_project
from rerun_cases import TRAINING

from own_network import MINE
from softaer.commands import export_onnx
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.networks import architectures
from softaer.predictor import Predictor

pytestmark = pytest.mark.workflow

TCN = TINY | {"model": {"network": "tcn", "layers": 2, "cells": 8}}


@pytest.fixture(scope="module")
def convolutional(root, tmp_path_factory):
    """The smallest experiment, with a temporal convolutional network."""
    project = new_project(root, tmp_path_factory.mktemp("convolutional"))
    outcome = project.run(config=TCN)
    assert outcome.returncode == 0, outcome.output
    return project


def networks_of(project):
    packed = json.loads(project.path("results/packed_model/model.json").read_text())
    return [entry["architecture"] for entry in packed["networks"]]


def predicted(project, tmp_path):
    """Predictions of random features by the packed model, whose networks ONNX computes as well."""
    predictor = Predictor.load(project.path("results/packed_model"))
    names = {m: list(t["feature"]) for m, t in predictor.standardisations.items()}
    rng = np.random.default_rng(0)
    features = {
        modality: pd.DataFrame(rng.normal(size=(30, len(own))), columns=own).assign(
            time=np.arange(30) / 10
        )
        for modality, own in names.items()
    }
    for network in predictor.networks:
        standardisation = predictor.standardisations[network.modality]
        one = export_onnx.Standalone(
            network.model.cpu(),
            standardisation["mean"].to_numpy(),
            standardisation["scale"].to_numpy(),
        ).eval()
        export_onnx.export(one, tmp_path / "network.onnx")
        assert export_onnx.difference(one, tmp_path / "network.onnx") <= export_onnx.TOLERANCE
    return predictor.predict_features(features)


def test_the_packed_model_has_the_network_of_the_configuration(convolutional, tmp_path):
    for architecture in networks_of(convolutional):
        assert architecture["network"] == "tcn"
        assert architecture["settings"] == {"layers": 2, "cells": 8, "kernel": 3, "dropout": 0.1}
    assert predicted(convolutional, tmp_path)["arousal_E"].std() > 0


def test_networks_that_learn_from_single_ratings(convolutional, tmp_path):
    project = copied(convolutional, tmp_path / "run")
    training = TINY["training"] | {"loss": "panel"}
    outcome = project.run(config=TCN | {"training": training})
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == {"panel_moments"} | TRAINING
    assert {architecture["head"] for architecture in networks_of(project)} == {"panel"}
    table = predicted(project, tmp_path)
    assert table["arousal_E"].std() > 0
    assert table["arousal_sigma"].min() > 0
    labels = tables.read(project.path("results/labels/train1.parquet"))
    moments = tables.read(project.path("results/panel_moments/train1.parquet"))
    both = moments.assign(time=(moments["time"] + 4.0).round(1)).merge(
        labels, on=["recording", "time", "dimension"], validate="one_to_one"
    )
    dataset = tables.read(project.path("results/dataset/audio/train1.parquet"))
    assert len(both) == len(moments) == len(dataset)
    assert (both["number"] >= both["raters"]).all()
    # Weights move E away from the mean, but not far.
    assert (both["mean"] - both["E"]).abs().max() < both["sigma"].max()


def test_the_report_and_the_log_say_how_many_weights_there_are(convolutional):
    predictor = Predictor.load(convolutional.path("results/packed_model"))
    page = convolutional.path("results/report.html").read_text()
    table = page[page.index('<h2 id="selection">') :]
    logs = "".join(p.read_text() for p in convolutional.path("results/logs/train").rglob("*.log"))
    for network in predictor.networks:
        assert re.search(rf"<td[^>]*>{network.model.weights}</td>", table)
        assert f"tcn with {network.model.weights} weights" in logs


def test_a_network_of_a_file_of_ones_own(convolutional, tmp_path, monkeypatch):
    """One file registers it: nothing else is edited, and nothing but training is done again."""
    monkeypatch.setattr(architectures, "_registered", {})
    project = copied(convolutional, tmp_path / "run")
    project.path("my networks").mkdir()
    path = project.path("my networks/mine.py")
    path.write_text(MINE)
    model = {"network": "mine", "network_file": "my networks/mine.py", "settings": {"width": 6}}
    outcome = project.run(config=TINY | {"model": model})
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == TRAINING
    for architecture in networks_of(project):
        assert architecture["network"] == "mine"
        assert architecture["settings"] == {"width": 6}
    with pytest.raises(InputError, match="mine"):
        Predictor.load(project.path("results/packed_model"))
    predictor = Predictor.load(project.path("results/packed_model"), path)
    assert {type(network.model).__name__ for network in predictor.networks} == {"Mine"}
    again = project.run(config=TINY | {"model": model})
    assert again.rules == set(), again.output
    path.write_text(MINE.replace("tanh", "sigmoid"))
    edited = project.run("--dry-run", config=TINY | {"model": model})
    assert {"train_network", "predict"} <= edited.rules
    wrong = project.run("--dry-run", config=TINY | {"model": model | {"settings": {"wide": 6}}})
    assert wrong.returncode != 0
    assert "'wide'" in wrong.output


def test_a_search_among_networks(convolutional, tmp_path):
    project = copied(convolutional, tmp_path / "run")
    grid = {"model.network": ["blstm", "tcn"], "model.layers": [1]}
    outcome = project.run(config=TINY | {"model": {"cells": 4}, "grid": grid})
    assert outcome.returncode == 0, outcome.output
    selection = tables.read(project.path("results/select/arousal/audio/E+sigma.parquet"))
    assert list(selection["instance"]) == ["network~blstm,layers~1", "network~tcn,layers~1"]
    assert selection["chosen"].sum() == 1
    chosen = selection.loc[selection["chosen"], "instance"].item()
    audio = networks_of(project)[0]
    assert audio.get("network", "blstm") in chosen
