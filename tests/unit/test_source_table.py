"""What a source of one's own returns is checked, and told from what is wrong with a recording."""

import json
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from softaer import source_table
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import TableFeatures
from softaer.modalities import Source
from softaer.signals.media import Account, Choice
from softaer.source_table import SourceError, read_rows

TIME = np.arange(5) / 4


@dataclass(frozen=True)
class Settings(TableFeatures):
    scale: float = 2.0


def source(table):
    def read(path, settings, choice, account):
        account.notes.append(f"channel {choice.channel}")
        return table(settings) if callable(table) else table

    return Source("own", Settings, "audio", lambda settings: ["f"], read)


def rows(table, **settings):
    account = Account()
    choice = Choice("r", channel=2)
    return read_rows(source(table), "r.wav", Settings(**settings), choice, account), account


def test_rows_hold_until_the_next_one():
    found, account = rows(lambda s: pd.DataFrame({"time": TIME, "f": s.scale * TIME}), scale=3.0)
    np.testing.assert_array_equal(found["time"], TIME)
    np.testing.assert_array_equal(found["start"], TIME)
    np.testing.assert_array_equal(found["end"], TIME + 0.25)
    np.testing.assert_array_equal(found["f"], np.float32(3 * TIME))
    assert account.notes == ["channel 2"]


def test_starts_and_ends_are_those_of_the_source():
    table = pd.DataFrame({"time": [1.0], "start": [0.5], "end": [1.5], "f": [np.nan]})
    found, _ = rows(table)
    assert found[["start", "time", "end"]].to_numpy().tolist() == [[0.5, 1.0, 1.5]]
    assert found["f"].isna().all()
    only, _ = rows(pd.DataFrame({"time": [1.0], "f": [0]}))
    assert only["end"].tolist() == [1.1]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"time": TIME, "g": TIME}), r"\['time', 'g'\]; expected 'time' and \['f'\]"),
        (pd.DataFrame({"f": TIME}), "expected 'time'"),
        (pd.DataFrame({"time": TIME[::-1], "f": TIME}), "increasing"),
        (pd.DataFrame({"time": [0.0, 0.0], "f": [1, 2]}), "increasing"),
        (pd.DataFrame({"time": [0.0, np.nan], "f": [1, 2]}), "finite"),
        (pd.DataFrame({"time": [0.0, 1.0], "f": [1, np.inf]}), "infinite"),
        (pd.DataFrame({"time": [0.0, 1.0], "f": [1, 1e39]}), "infinite"),
    ],
)
def test_what_a_source_must_not_return(table, words):
    with pytest.raises(SourceError, match=rf"source 'own', r\.wav: .*{words}"):
        rows(table)


FILE = """
from dataclasses import dataclass
import pandas as pd
from softaer.core.errors import InputError
from softaer.core.experiment import TableFeatures
from softaer.modalities import Source

@dataclass(frozen=True)
class Settings(TableFeatures):
    scale: float = 2.0

def read(path, settings, choice, account):
    if "bad" in path:
        raise InputError(f"{path}: too quiet")
    if "odd" in path:
        return pd.DataFrame({"time": [0.0, 0.1], "f": [1.0, float("inf")]})
    return pd.DataFrame({"time": [0.0, 0.1], "f": [settings.scale, 1.0]})

SOURCE = Source("own", Settings, "audio", lambda settings: ["f"], read)
"""


@pytest.fixture
def stage(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(FILE)
    for name in ("good", "bad", "odd"):
        (tmp_path / f"{name}.wav").touch()

    def run(*names, policy="fail", scale=5.0):
        words = [w for n in names for w in ("--recording", n, tmp_path / f"{n}.wav")]
        words += ["--source", tmp_path / "own.py", "--settings", json.dumps({"scale": scale})]
        words += ["--on-bad-recording", policy, "--output", tmp_path / "out.parquet"]
        words += ["--status-output", tmp_path / "status.parquet"]
        monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
        source_table.main()
        status = tables.read(tmp_path / "status.parquet").set_index("recording")
        return tables.read(tmp_path / "out.parquet"), status

    return run


def test_settings_reach_the_source_and_the_status_is_written(stage):
    found, status = stage("good")
    assert found["f"].tolist() == [5.0, 1.0]
    assert status.loc["good", "frames"] == 2
    assert status.loc["good", "decoded"] == pytest.approx(0.2)


def test_a_recording_that_cannot_be_read_stops_or_is_skipped(stage):
    with pytest.raises(InputError, match=r"recording 'bad': .*bad\.wav: too quiet"):
        stage("good", "bad")
    found, status = stage("good", "bad", policy="skip")
    assert set(found["recording"]) == {"good"}
    assert status.loc["bad", "reason"].endswith("bad.wav: too quiet")


def test_an_error_of_the_source_is_never_skipped(stage):
    with pytest.raises(SourceError, match="infinite"):
        stage("good", "odd", policy="skip")
