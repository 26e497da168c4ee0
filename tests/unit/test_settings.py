"""Flags of a command are the keys of a section: names, types, choices, defaults and remarks."""

import argparse
from dataclasses import dataclass, fields
from typing import Annotated, get_args

import pytest
from annotated_types import Ge, MinLen, Unit

from softaer.audio_lld import FEATURE_SETS
from softaer.core import cli, experiment
from softaer.core.correction import STEPS
from softaer.core.experiment import (
    Descriptors,
    Evaluation,
    Experiment,
    FaceFeatures,
    FeatureTable,
    Labels,
    Media,
    Model,
    Postprocessing,
    Ratings,
    TableFeatures,
    Tracking,
    Training,
)
from softaer.core.fields import Section, types
from softaer.networks.objectives import LOSSES
from softaer.networks.recurrent import CELLS

SECTIONS = (
    Media,
    Descriptors,
    Tracking,
    Ratings,
    Labels,
    Model,
    Training,
    Postprocessing,
    FeatureTable,
    TableFeatures,
    FaceFeatures,
)


def parsed(section, *words, names=()):
    arguments = argparse.ArgumentParser()
    cli.add_settings(arguments, section, *names)
    return cli.settings(arguments.parse_args(list(words)), section)


@pytest.mark.parametrize("section", [*SECTIONS, Evaluation])
def test_without_flags_all_is_as_by_default(section):
    assert parsed(section) == section()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_has_its_flag(section):
    arguments = argparse.ArgumentParser()
    cli.add_settings(arguments, section)
    text = arguments.format_help()
    for key in fields(section):
        assert f"--{key.name.replace('_', '-')}" in text


def test_values_have_the_type_of_their_key():
    words = ["--learning-rate", "0.5", "--batch-size", "2", "--loss", "ccc"]
    found = parsed(Training, *words, "--no-standardise-targets")
    expected = {"learning_rate": 0.5, "batch_size": 2, "loss": "ccc", "standardise_targets": False}
    assert found == Training(**expected)
    found = parsed(Ratings, "--range", "-1", "1.5", "--missing=-999", "--missing=-1", "--raters=-a")
    assert found == Ratings(range=(-1.0, 1.5), missing=(-999.0, -1.0), raters=("-a",))
    assert parsed(Tracking, "--rate", "12.5", "--no-refine") == Tracking(rate=12.5, refine=False)
    words = ["--face", "3", "--columns", "^AU", "--rate", "50", "--anchor", "start"]
    expected = FeatureTable(face=3, columns="^AU", rate=50.0, anchor="start")
    assert parsed(FeatureTable, *words) == expected
    assert parsed(FeatureTable, "--face", "first") == FeatureTable(face="first")


def test_a_list_may_be_empty_where_its_key_may():
    assert parsed(Postprocessing, "--steps") == Postprocessing(steps=())
    with pytest.raises(SystemExit):
        parsed(Postprocessing, "--median-windows")


def test_a_number_or_a_word():
    assert parsed(Ratings, "--last-holds", "end").last_holds == "end"
    assert parsed(Ratings, "--last-holds", "2.5").last_holds == 2.5
    with pytest.raises(SystemExit):
        parsed(Ratings, "--last-holds", "start")


@pytest.mark.parametrize(
    "words",
    [["--cell", "rnn"], ["--cells", "2.5"], ["--dropout", "none"], ["--learning-rate", "1"]],
)
def test_what_a_key_may_not_be_is_refused(words):
    with pytest.raises(SystemExit):
        parsed(Model, *words)


def test_some_keys_alone():
    assert parsed(Labels, "--against", "all", names=["against"]) == Labels(against="all")
    with pytest.raises(SystemExit):
        parsed(Labels, "--spread", "sample", names=["against"])


def test_keys_without_a_default_have_to_be_given():
    words = ["--dimensions", "a", "--targets", "E", "--modalities", "audio"]
    words += ["--tasks", "multi", "--seeds", "1", "2"]
    assert parsed(Experiment, *words) == Experiment(("a",), ("audio",), ("multi",), (1, 2), ("E",))
    with pytest.raises(SystemExit):
        parsed(Experiment, *words[:-3])


@dataclass(frozen=True)
class Heating(Section):
    power: Annotated[float, Ge(0), Unit("kW")] = 1.5
    """share of 100 % that
    is used"""
    rooms: Annotated[tuple[str, ...], MinLen(1)] = ("a", "b")


def test_help_says_what_a_key_is_its_unit_and_its_default():
    arguments = argparse.ArgumentParser()
    cli.add_settings(arguments, Heating)
    text = " ".join(arguments.format_help().split())
    assert "share of 100 % that is used [kW] (default: 1.5)" in text
    assert "(default: a b)" in text


def choices(section, key):
    return list(get_args(types(section)[key]))


def test_what_may_be_chosen_is_there():
    assert choices(Model, "cell") == list(CELLS)
    assert choices(Training, "loss") == list(LOSSES)
    assert choices(Descriptors, "feature_set") == list(FEATURE_SETS)
    assert list(get_args(experiment.Step)) == list(STEPS) == list(Postprocessing().steps)
