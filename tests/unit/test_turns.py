"""Turns: whose speech the functionals are of."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import audio_features as stage
from softaer import tables
from softaer.audio_features import audio_features
from softaer.errors import InputError
from softaer.schema import audio_lld as lld_schema
from softaer.turns import FEATURE, read_turns, within


@pytest.fixture
def turns_file(tmp_path):
    def write(text):
        path = tmp_path / "turns.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "text", ["6;8\n1.5;3\n2;4\n", "start,end\n1.5,3\n2,4\n6,8\n", "1.5\t4\n6\t8\n"]
)
def test_turns_are_sorted_and_joined_however_they_are_written(text, turns_file):
    np.testing.assert_array_equal(read_turns(turns_file(text)), [[1.5, 4.0], [6.0, 8.0]])


def test_a_subject_who_says_nothing_has_an_empty_file(turns_file):
    assert read_turns(turns_file("\n")).shape == (0, 2)


def test_turns_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file of turns"):
        read_turns(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1;2\n5;4\n", r"line 2: found a turn from 5 to 4 s"),
        ("-1;2\n", "line 1: found a turn from -1 to 2 s"),
        ("1;x\n2;3\n", "line 1, column 2: found 'x'"),
        ("1;2;3\n", "found 3 columns; expected start and end"),
        ("1;\n2;3\n", "found a turn from 1 to nan s"),
    ],
)
def test_turns_that_are_none_are_named(text, said, turns_file):
    path = turns_file(text)
    with pytest.raises(InputError, match=said) as error:
        read_turns(path)
    assert str(path) in str(error.value)


def test_bounds_belong_to_a_turn():
    inside = within(np.array([0.0, 1.0, 1.5, 2.0, 2.1, 5.0]), np.array([[1.0, 2.0], [5.0, 6.0]]))
    assert inside.tolist() == [False, True, True, True, False, True]
    assert not within(np.arange(3.0), np.empty((0, 2))).any()


def lld():
    time = 0.03 + np.arange(1000) / 100
    # The subject says 1, somebody else 9.
    own = (time >= 2) & (time <= 4)
    return pd.DataFrame({"time": time, "level": np.where(own, 1.0, 9.0).astype(np.float32)})


TURNS = np.array([[2.0, 4.0]])


def test_only_the_subjects_own_speech_counts():
    features = audio_features(lld(), window=2.0, turns=TURNS, mode="only")
    assert len(features) == len(audio_features(lld(), window=2.0))
    some = features.dropna()
    np.testing.assert_array_equal(some["level_mean"], 1.0)
    np.testing.assert_array_equal(some["level_variance"], 0.0)
    assert some["time"].iloc[0] == pytest.approx(1.0)
    assert some["time"].iloc[-1] == pytest.approx(5.0)


def test_the_share_of_own_speech_is_one_more_feature():
    plain = audio_features(lld(), window=2.0)
    features = audio_features(lld(), window=2.0, turns=TURNS, mode="flag")
    pd.testing.assert_frame_equal(features.drop(columns=FEATURE), plain)
    share = features.set_index("time")[FEATURE]
    assert share[3.0] == 1.0
    assert share[0.5] == 0.0
    assert share[2.0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("mode", "columns"), [("ignore", 4), ("only", 4), ("flag", 5)])
def test_the_stage_reads_turns_of_each_recording(mode, columns, tmp_path, turns_file, monkeypatch):
    frame = lld()
    frame.insert(0, "recording", "a")
    tables.write(frame, lld_schema(["level"]), tmp_path / "lld.parquet")
    turns = ["--recording", "a", str(turns_file("2;4\n"))] if mode != "ignore" else []
    output = tmp_path / "features.parquet"
    words = ["--lld", str(tmp_path / "lld.parquet"), "--window", "2", "--turns", mode, *turns]
    monkeypatch.setattr(sys, "argv", ["audio_features", *words, "--output", str(output)])
    stage.main()
    table = tables.read(output)
    assert table.shape[1] == columns
    assert table["level_mean"].isna().any() == (mode == "only")
