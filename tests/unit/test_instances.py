"""The grid: instances that differ are trained, and each of them once."""

from types import SimpleNamespace

import torch
import yaml

from softaer.core.experiment import Training
from softaer.core.tasks import all_networks_of
from softaer.networks.objectives import LOSSES, Frames
from softaer.running.configuration import filled
from softaer.running.instances import Networks, idle, instances


def of_all_networks(config):
    """Instances of each network of an experiment, by its objective."""
    settings = config["model"] | config["training"]
    networks = all_networks_of(config["tasks"], config["dimensions"], config["targets"])
    return [
        (objective, instances(config["grid"], settings, objective)) for _, objective in networks
    ]


def test_the_protocol_of_the_paper_trains_no_network_twice(root):
    config = filled(yaml.safe_load((root / "PAPER.yaml").read_text()))
    whole = 1
    for values in config["grid"].values():
        whole *= len(values)
    found = of_all_networks(config)
    repeats = len(config["seeds"]) * len(config["modalities"])
    assert whole * len(found) * repeats == 720
    assert sum(len(some) for _, some in found) * repeats == 400
    for objective, some in found:
        assert len(some) == (whole if objective == "E+sigma" else whole // 3)


def test_a_setting_that_is_idle_changes_no_loss():
    """And the control: with both targets it does."""
    generator = torch.Generator().manual_seed(1)
    outputs, targets = torch.randn(2, 3, 5, 3, generator=generator)
    panel = torch.stack([torch.full((3, 5, 1), 4.0), *torch.rand(2, 3, 5, 1)], dim=-1)
    mask = torch.ones(3, 5, 3, dtype=torch.bool)
    config = filled({})

    def objective(names, **settings):
        training = Training(**settings)
        return LOSSES[training.loss](training, names, torch.device("cpu"))

    def loss(names, **settings):
        count = len(names)
        frames = Frames(targets[..., :count], mask[..., :count], panel)
        values = outputs if settings.get("loss") == "panel" else outputs[..., :count]
        return objective(names, **settings)(values, frames).item()

    one, both = ["m_E"], ["m_E", "m_sigma"]
    defaults = config["model"] | config["training"]
    for key in ("weight_sigma", "task_weights"):
        assert key in idle(defaults, "E")
        assert key not in idle(defaults, "E+sigma")
    assert loss(one, weight_sigma=0.5) == loss(one) == loss(one, task_weights="learned")
    assert loss(both, weight_sigma=0.5) != loss(both)
    assert not objective(one, task_weights="learned").learnt
    assert objective(both, task_weights="learned").learnt
    learned = {"task_weights": "learned"}
    assert "weight_sigma" in idle(defaults | learned, "E+sigma")
    assert loss(both, **learned, weight_sigma=0.5) == loss(both, **learned)
    likelihood = {"loss": "panel"}
    assert {"weight_sigma", "task_weights"} <= idle(defaults | likelihood, "E+sigma")
    assert loss(both, **likelihood) == loss(both, **likelihood, **learned)
    assert loss(both, **likelihood) == loss(both, **likelihood, weight_sigma=0.5)


def test_single_ratings_are_needed_if_one_instance_learns_from_them():
    """Settings that are idle with the likelihood are not tried with it."""
    grid = {"training.loss": ["mse", "panel"], "training.weight_sigma": [0.6, 1.0]}
    networks = Networks(filled({"grid": grid, "tasks": ["multi"]}), ["audio"])
    assert networks.needs_panels
    assert list(networks.instances["E+sigma"]) == [
        "loss~mse,weight_sigma~0.6",
        "loss~mse,weight_sigma~1.0",
        "loss~panel",
    ]
    assert not Networks(filled({}), ["audio"]).needs_panels
    assert Networks(
        filled({"training": {"loss": "panel"}, "tasks": ["joint"]}), ["audio"]
    ).needs_panels


def test_without_a_grid_the_number_of_cells_names_the_instance():
    config = filled({"model": {"cells": 12}})
    settings = config["model"] | config["training"]
    assert instances({}, settings, "E") == {"cells~12": {}}


def test_instances_are_in_the_order_of_the_grid():
    config = filled({})
    settings = config["model"] | config["training"]
    grid = {"training.learning_rate": [0.01, 0.001], "model.cells": [8, 4]}
    assert list(instances(grid, settings, "E+sigma")) == [
        "learning_rate~0.01,cells~8",
        "learning_rate~0.01,cells~4",
        "learning_rate~0.001,cells~8",
        "learning_rate~0.001,cells~4",
    ]


def of(config, **wildcards):
    """Instances of a network for both targets, and the model's settings of each."""
    found = Networks(filled(config), ["audio"])
    names = list(found.instances["E+sigma"])
    return {
        name: found.overridden("model", SimpleNamespace(objective="E+sigma", instance=name))
        for name in names
    }


BLSTM = {"network": "blstm", "cell": "lstm", "layers": 2, "cells": 64, "dropout": 0.0}


def test_a_network_gets_its_own_settings_only():
    assert of({}) == {"cells~64": BLSTM}
    own = {"corpus": {"recordings": "mine.csv"}}
    assert of(own) == {"cells~240": BLSTM | {"cells": 240}}
    assert of(own | {"model": {"cell": "gru"}}) == {
        "cells~240": BLSTM | {"cells": 240, "cell": "gru"}
    }
    (gru,) = of({"model": {"network": "gru"}}).items()
    assert gru == (
        "network~gru,cells~64",
        {"network": "gru", "layers": 2, "cells": 64, "dropout": 0.0},
    )
    (tcn,) = of(own | {"model": {"network": "tcn", "layers": 3}}).items()
    assert tcn == (
        "network~tcn,cells~128",
        {"network": "tcn", "layers": 3, "cells": 128, "kernel": 3, "dropout": 0.1},
    )
    mine = {"network": "mine", "network_file": "mine.py", "settings": {"width": 3}}
    assert of({"model": mine}) == {"network~mine": mine}


def test_a_grid_of_networks_trains_each_once_for_the_keys_that_it_has():
    grid = {"model.network": ["blstm", "tcn", "attention"], "model.kernel": [3, 5]}
    found = of({"model": {"cells": 16}, "grid": grid})
    assert list(found) == [
        "network~blstm",
        "network~tcn,kernel~3",
        "network~tcn,kernel~5",
        "network~attention",
    ]
    assert found["network~blstm"] == BLSTM | {"cells": 16}
    assert found["network~tcn,kernel~5"]["kernel"] == 5
    assert found["network~attention"]["heads"] == 4


def test_dropout_between_layers_is_idle_with_one_and_within_them_it_is_not():
    grid = {"model.dropout": [0.0, 0.2]}
    one = {"layers": 1}
    assert list(of({"model": one, "grid": grid})) == ["cells~64"]
    assert list(of({"model": one | {"network": "tcn"}, "grid": grid})) == [
        "dropout~0.0",
        "dropout~0.2",
    ]


def test_code_that_is_not_of_the_package_is_known_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("x = 1")

    def code(**model):
        return Networks(filled({"model": model}, check=False), ["audio"]).own_code()

    assert code(network_file=str(path)) == [], "none of its networks is used"
    before = code(network="mine", network_file=str(path))
    path.write_text("x = 2")
    assert len(before) == 1
    assert code(network="mine", network_file=str(path)) != before
