"""Lengths of recordings, for raters' values that are held to the end."""

import sys

import pandas as pd
import pytest

import media_files
from softaer import recording_lengths
from softaer.core import tables
from softaer.core.schema import RECORDING_LENGTHS


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Runs the stage on files of a folder."""

    def run(*recordings):
        words = [
            word for name, file in recordings for word in ("--recording", name, tmp_path / file)
        ]
        argv = ["stage", *words, "--output", tmp_path / "lengths.parquet"]
        monkeypatch.setattr(sys, "argv", list(map(str, argv)))
        recording_lengths.main()
        assert tables.columns(tmp_path / "lengths.parquet") == RECORDING_LENGTHS.names
        return tables.read(tmp_path / "lengths.parquet").set_index("recording")["seconds"]

    media_files.write(tmp_path / "short.mkv", sound=[(0, media_files.tone(2.0))])
    media_files.write(tmp_path / "long.mkv", sound=[(0, media_files.tone(3.0))])
    (tmp_path / "broken.mkv").write_bytes(b"no")
    return run


def test_the_longer_file_counts(measured):
    found = measured(("a", "short.mkv"), ("b", "long.mkv"), ("a", "long.mkv"), ("b", "long.mkv"))
    assert list(found.index) == ["a", "b"]
    assert found["a"] == found["b"] == pytest.approx(3.0, abs=0.1)


def test_what_is_not_known_is_null(measured, capsys):
    found = measured(("a", "gone.mkv"), ("b", "broken.mkv"), ("c", "short.mkv"), ("a", "gone.mkv"))
    assert found["c"] == pytest.approx(2.0, abs=0.1)
    assert found[["a", "b"]].isna().all()
    out = capsys.readouterr().out
    assert "recording 'a': its length is not known" in out
    assert "broken.mkv" in out
    assert "recording 'c'" not in out


def test_a_batch_without_media_has_an_empty_table(measured):
    pd.testing.assert_index_equal(measured().index, pd.Index([], name="recording", dtype="str"))
