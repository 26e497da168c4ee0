"""The configuration: the defaults are stated once in effect, and a wrong key is named."""

import copy
import subprocess
import sys
from dataclasses import is_dataclass

import pytest
import yaml
from snakemake.utils import update_config

from own_network import MINE
from softaer.core.errors import InputError
from softaer.core.experiment import Configuration, Training, defaults
from softaer.core.fields import expected, types
from softaer.running import configuration


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


def nested(config, key, value):
    """A change below a key that has dots of its own."""
    return {**config, "grid": {key.removeprefix("grid."): value}}


def changed(config, key, value):
    config = copy.deepcopy(config)
    *sections, last = key.split(".")
    section = config
    for name in sections:
        section = section[name]
    section[last] = value
    return config


def test_the_projects_configuration_holds_every_key_with_its_default(config):
    assert config == defaults()
    assert configuration.checked(config) == Configuration()


def sections():
    for name, kind in types(Configuration).items():
        if is_dataclass(kind):
            yield name, kind


def test_a_few_keys_are_enough():
    given = {"training": {"max_steps": 3}, "delay": {"arousal": 2.0}}
    config = configuration.filled(given, check=False)
    assert config["training"] == defaults()["training"] | {"max_steps": 3}
    assert config["delay"] == {"arousal": 2.0}
    assert config | {"training": 0, "delay": 0} == defaults() | {"training": 0, "delay": 0}
    assert configuration.filled({}) == defaults()


def test_filling_leaves_what_was_given_as_it_was():
    given = {"audio": {"window": 2}}
    filled = configuration.filled(given)
    assert given == {"audio": {"window": 2}}
    filled["audio"]["window"] = 3
    assert given == {"audio": {"window": 2}}
    assert configuration.filled({})["audio"]["window"] == 4.0


def test_what_is_checked_is_typed():
    checked = configuration.checked(configuration.filled({"seeds": [3], "audio": {"window": 2}}))
    assert checked.seeds == (3,)
    assert checked.audio.window == 2.0
    assert checked.training == Training()


def test_filling_is_light():
    code = (
        "import sys; from softaer.running import configuration;"
        "from softaer.core import experiment; experiment.defaults();"
        "print({'pydantic', 'numpy', 'pandas', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        ({"targets": ["E"]}, "tasks"),
        ({"delay": {"arousal": 4}}, "delay"),
        ({"video": {"rate": 2}}, "video.rate"),
        ({"apply": {"task": "joint"}}, "apply.task"),
        ({"training": {"loss": "panel"}}, "training.loss"),
        ({"grid": {"training.loss": ["mse", "panel"]}}, "grid.training.loss"),
    ],
)
def test_keys_are_checked_against_defaults_of_others(overlay, key):
    with pytest.raises(InputError, match=f"'{key}'"):
        configuration.filled(overlay)


@pytest.mark.parametrize("tasks", [["multi"], ["joint"], ["multi", "joint"]])
def test_the_likelihood_is_for_tasks_that_learn_e_and_sigma_together(tasks):
    for overlay in ({"training": {"loss": "panel"}}, {"grid": {"training.loss": ["ccc", "panel"]}}):
        configuration.filled(overlay | {"tasks": tasks})


def test_every_key_says_what_is_expected():
    for _, section in [("", Configuration), *sections()]:
        for kind in types(section).values():
            assert expected(kind)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("delay", 0),
        ("delay", {"arousal": 4, "valence": 3.6}),
        ("ratings.range", [-1, 1]),
        ("seeds", [0, 5, 7]),
        ("dimensions", ["arousal", "valence", "dominance-2"]),
        ("training.weight_sigma", 0),
        ("training.weight_sigma", 2),
        ("training.learning_rate", 1),
        ("tasks", ["multi"]),
        ("tasks", ["joint"]),
        ("modalities", ["video"]),
        ("video.rate", 12.5),
        ("video.rate", 3),
        ("delay", "estimated"),
        ("labels.estimator", "median"),
        ("labels.alignment", "estimated"),
        ("model.cell", "gru"),
        ("training.loss", "ccc"),
        ("training.task_weights", "learned"),
        ("training.piece", 20),
        ("training.precision", "bfloat16"),
        ("postprocessing.steps", []),
        ("postprocessing.steps", ["scaling", "centring"]),
        ("postprocessing.max_shift", 0),
        ("evaluation.resample", "subject"),
        ("grid", {"training.learning_rate": [1e-3, 3e-4], "model.cell": ["lstm", "gru"]}),
        ("grid", {"training.standardise_targets": [True, False]}),
        ("model", {"network": "gru"}),
        ("model", {"network": "gru", "cell": "gru"}),
        ("model", {"network": "tcn", "layers": 4, "cells": 16, "kernel": 5, "dropout": 0}),
        ("model", {"network": "attention", "cells": 64, "heads": 8, "reach": 30}),
        ("model", {"network": "mine", "network_file": "mine.py", "settings": {"width": 3}}),
        ("grid", {"model.network": ["blstm", "tcn", "attention"], "model.kernel": [3, 5]}),
    ],
)
def test_values_that_are_valid(config, key, value):
    configuration.checked(changed(config, key, value))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("extra", 1, ["labels"]),
        ("dimension", ["arousal"], ["dimensions"]),
        ("training.steps", 3, ["max_steps"]),
        ("training.max_epochs", 20, ["max_steps", "evaluate_every"]),
        ("audio.windw", 3, ["window"]),
        ("labels", None, ["None"]),
        ("report.without", ["claim"], ["claims", "traces"]),
        ("audio", "IS13_ComParE", ["IS13_ComParE"]),
        ("corpus.recordings", 3, ["3", "recordings.csv"]),
        ("corpus.recordings", "", ["recordings.csv"]),
        ("simulate.recordings", 2, ["2", "1000"]),
        ("simulate.recordings", 1001, ["1001", "1000"]),
        ("simulate.duration", "40 s", ["40 s", "seconds"]),
        ("simulate.duration", 1, ["1", "8"]),
        ("simulate.seed", -1, ["-1"]),
        ("dimensions", "arousal", ["arousal", "list"]),
        ("dimensions", [], ["[]"]),
        ("dimensions", ["arousal", "arousal"], ["arousal", "once"]),
        ("dimensions", ["a_b"], ["a_b", "letters"]),
        ("dimensions", ["a/b"], ["a/b"]),
        ("dimensions", ["../a"], ["../a"]),
        ("dimensions", ["a b"], ["a b"]),
        ("dimensions", ["1st"], ["1st"]),
        ("dimensions", ["é"], ["é"]),
        ("dimensions", ["a\n"], ["letters"]),
        ("dimensions", [1], ["1", "letters"]),
        ("modalities", ["audio", "text"], ["text", "video"]),
        ("modalities", ["audio", "audio"], ["audio"]),
        ("targets", ["sigma"], ["sigma", "E"]),
        ("targets", ["E", "E"], ["E"]),
        ("tasks", ["multi", "single", "triple"], ["triple", "single"]),
        ("tasks", [], ["[]"]),
        ("seeds", 1, ["1", "list"]),
        ("seeds", [1, 1], ["once"]),
        ("seeds", [-1], ["-1"]),
        ("seeds", [1.5], ["1.5", "integers"]),
        ("audio.feature_set", "eGeMAPS", ["eGeMAPS", "IS13_ComParE"]),
        ("audio.window", 0, ["0"]),
        ("audio.window", 61, ["61", "60"]),
        ("video.refine", "yes", ["yes", "true"]),
        ("video.refine", 1, ["1", "true"]),
        ("video.min_detection_confidence", 1.1, ["1.1"]),
        ("video.registration", "affine", ["affine", "similarity"]),
        ("video.max_gap", -0.1, ["-0.1"]),
        ("video.rate", 0, ["0", "above 0"]),
        ("video.rate", "all", ["all", "null"]),
        ("video.rate", 2, ["2", "max_gap 0.5"]),
        ("ratings.interpolation", "cubic", ["cubic", "hold"]),
        ("ratings.range", [1, -1], ["[1, -1]", "lowest"]),
        ("ratings.range", [1, 1], ["[1, 1]", "lowest"]),
        ("ratings.range", [0], ["[0]", "highest"]),
        ("ratings.range", [0, 1, 2], ["highest"]),
        ("ratings.range", ["0", "1"], ["'0'"]),
        ("labels.estimator", "mode", ["mode", "ewe", "median"]),
        ("labels.spread_about", "sigma", ["sigma", "mean"]),
        ("labels.alignment", "yes", ["yes", "estimated"]),
        ("labels.max_lag", 0, ["0", "seconds"]),
        ("delay", -1, ["-1", "seconds"]),
        ("delay", "guessed", ["guessed", "estimated"]),
        ("max_delay", 0, ["0", "seconds"]),
        ("delay", "4 s", ["4 s", "seconds"]),
        ("delay", None, ["None", "seconds"]),
        ("delay", {"arousal": 4}, ["arousal", "valence"]),
        ("delay", {"arousal": 4, "valence": 4, "x": 4}, ["'x'", "valence"]),
        ("delay", {"arousal": 4, "valence": -4}, ["-4"]),
        ("model.cell", "rnn", ["rnn", "lstm", "gru"]),
        ("model.network", "lstm", ["lstm", "blstm", "tcn", "network_file"]),
        ("model.network", None, ["None", "blstm"]),
        ("model.network", "my/net", ["my/net"]),
        ("model.kernel", 3, ["3", "blstm", "None", "layers"]),
        ("model.heads", 0, ["0", "64"]),
        ("model.settings", {"width": 3}, ["width", "blstm", "of your own"]),
        ("model.settings", 3, ["3"]),
        ("model.layers", 0, ["0", "16"]),
        ("model.cells", 2.5, ["2.5", "integer"]),
        ("model.dropout", 1, ["1"]),
        ("training.learning_rate", "1e-3", ["1e-3", "0.001"]),
        ("training.learning_rate", 0, ["0"]),
        ("training.batch_size", "4", ["'4'", "integer"]),
        ("training.max_steps", 0, ["0"]),
        ("training.patience", 5, ["5 steps", "evaluate_every"]),
        ("training.loss", "mae", ["mae", "mse", "ccc"]),
        ("training.task_weights", "equal", ["equal", "fixed", "learned"]),
        ("training.weight_sigma", 2.1, ["2.1"]),
        ("training.piece", -1, ["-1", "seconds"]),
        ("training.precision", "half", ["half", "float32", "bfloat16"]),
        ("training.standardise_targets", "no", ["no", "false"]),
        ("grid", None, ["None", "lists"]),
        ("grid", [1], ["[1]", "lists"]),
        ("postprocessing.steps", ["clipping"], ["clipping", "centring"]),
        ("postprocessing.median_windows", [0], ["0", "seconds"]),
        ("postprocessing.max_shift", -1, ["-1", "seconds"]),
        ("evaluation.resample", "frame", ["frame", "recording", "subject"]),
        ("evaluation.draws", 10, ["10", "100"]),
    ],
)
def test_the_key_that_is_wrong_is_named(config, key, value, words):
    with pytest.raises(InputError) as caught:
        configuration.checked(changed(config, key, value))
    for word in (f"'{key}'", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("grid.training.rate", [0.1], ["training.learning_rate"]),
        ("grid.model.learning_rate", [0.1], ["model.cells"]),
        ("grid.audio.window", [2.0, 4.0], []),
        ("grid.learning_rate", [0.1], []),
        ("grid.model", [1], []),
        ("grid.training.max_epochs", [20, 100], ["no longer", "training.max_steps"]),
        ("grid.model.cells", 120, ["120"]),
        ("grid.model.cells", [], ["[]"]),
        ("grid.model.cells", [120, 0], ["0", "4096"]),
        ("grid.model.cells", [120.5], ["120.5", "integer"]),
        ("grid.model.cells", [120.0], ["120.0", "integer"]),
        ("grid.model.cell", ["lstm", "rnn"], ["rnn", "gru"]),
        ("grid.model.cells", [120, None], ["None", "4096"]),
        ("grid.model.network", ["blstm", "rnn"], ["rnn", "tcn"]),
        ("grid.model.kernel", [3], ["blstm", "layers"]),
        ("grid.model.settings", [{}], ["model.cells"]),
        ("grid.training.learning_rate", ["1e-3"], ["1e-3", "0.001"]),
        ("grid.training.learning_rate", [float("nan")], ["nan"]),
        ("grid.training.weight_sigma", [0.5, 2.5], ["2.5", "from 0 to 2"]),
        ("grid.training.standardise_targets", [1], ["1", "true or false"]),
        ("grid.training.loss", ["mse", "mae"], ["mae", "ccc"]),
    ],
)
def test_the_key_of_the_grid_that_is_wrong_is_named(config, key, value, words):
    with pytest.raises(InputError) as caught:
        configuration.checked(nested(config, key, value))
    for word in (key, *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("key", ["audio.window", "learning_rate", "model"])
def test_of_a_key_that_the_grid_does_not_take_is_said_what_it_takes(config, key):
    with pytest.raises(InputError) as caught:
        configuration.checked(nested(config, key, [1]))
    assert "training." in str(caught.value)


def test_the_full_protocol_is_valid_over_the_projects_configuration(root, config):
    over = yaml.safe_load((root / "PAPER.yaml").read_text())
    update_config(config, over)
    configuration.checked(config)
    assert len(config["seeds"]) == len(set(config["seeds"])) == 5
    assert config["grid"] == over["grid"]
    assert config["training"]["batch_size"] == defaults()["training"]["batch_size"]


@pytest.mark.parametrize("key", ["model.cells", "training.batch_size", "simulate.recordings"])
def test_an_integer_is_written_as_one(config, key):
    # The command lines take 8 where an integer is wanted, not 8.0.
    with pytest.raises(InputError) as caught:
        configuration.checked(changed(config, key, 8.0))
    assert f"'{key}'" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("delay", ".nan"),
        ("delay", ".inf"),
        ("training.learning_rate", ".nan"),
        ("training.learning_rate", ".inf"),
        ("ratings.max_gap", ".nan"),
    ],
)
def test_numbers_that_are_none(config, key, text):
    with pytest.raises(InputError) as caught:
        configuration.checked(changed(config, key, yaml.safe_load(text)))
    assert f"'{key}'" in str(caught.value)


def test_a_key_that_yaml_does_not_take_for_text_is_named_too(config):
    with pytest.raises(InputError) as caught:
        configuration.checked(config | yaml.safe_load("1: one"))
    assert "1" in str(caught.value)


def test_one_delay_for_all_dimensions(config):
    assert configuration.delays(config | {"delay": 3}) == {"arousal": 3.0, "valence": 3.0}


def test_a_delay_for_each_dimension_in_the_order_of_the_dimensions(config):
    found = configuration.delays(config | {"delay": {"valence": 3.6, "arousal": 4}})
    assert list(found.items()) == [("arousal", 4.0), ("valence", 3.6)]


def over(config, **sections):
    """The configuration with some keys changed in several sections."""
    return config | {name: config[name] | keys for name, keys in sections.items()}


@pytest.mark.parametrize(
    ("model", "grid", "words"),
    [
        ({"network": "tcn", "heads": 4}, {}, ["model.heads", "tcn", "kernel"]),
        ({"network": "tcn", "cell": "gru"}, {}, ["model.cell", "gru", "tcn"]),
        ({"network": "tcn", "kernel": 4}, {}, ["model.kernel", "odd"]),
        ({"network": "attention", "cells": 10}, {}, ["attention", "10 cells", "4 heads"]),
        ({"network": "attention", "cells": 16}, {"model.heads": [4, 3]}, ["16 cells", "3 heads"]),
        ({"network": "attention"}, {"model.kernel": [3]}, ["grid.model.kernel", "reach"]),
        ({"heads": 4}, {"model.network": ["blstm", "tcn"]}, ["model.heads", "blstm and tcn"]),
        ({"network": "mine"}, {}, ["mine", "network_file"]),
    ],
)
def test_keys_of_another_network_are_refused(config, model, grid, words):
    with pytest.raises(InputError) as caught:
        configuration.checked(over(config, model=model, grid=grid))
    for word in words:
        assert word in str(caught.value)


def test_a_key_may_belong_to_one_of_several_networks(config):
    grid = {"model.network": ["blstm", "attention"]}
    configuration.checked(over(config, model={"heads": 2, "layers": 1}, grid=grid))


def test_settings_of_a_network_of_ones_own_are_checked_before_the_run(config, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    own = {"network": "mine", "network_file": str(path)}
    configuration.check_own_networks(over(config, model=own | {"settings": {"width": 8}}))
    with pytest.raises(InputError, match=r"'wide'.*'width'"):
        configuration.check_own_networks(over(config, model=own | {"settings": {"wide": 8}}))
    with pytest.raises(InputError, match="another"):
        configuration.check_own_networks(over(config, model=own | {"network": "another"}))
    path.write_text("NETWORKS = 3")
    with pytest.raises(InputError, match=str(path)):
        configuration.check_own_networks(over(config, model=own))
    # A network of the package needs no file, and none is run.
    configuration.check_own_networks(over(config, model=own | {"network": "tcn"}))
