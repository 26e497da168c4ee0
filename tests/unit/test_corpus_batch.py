"""Batches: enough work for a job, stable when recordings are added."""

import csv

import pytest

import media_files
from softaer.core.errors import InputError
from softaer.prepare import batch


def rows(*names, **columns):
    return [{"recording": name, "media": f"{name}.mkv", **columns} for name in names]


def fill(table, seconds=10.0, length=50, target=20.0):
    return batch.fill(table, [seconds] * len(table), [length] * len(table), target)


def test_a_batch_is_filled_until_it_is_long_enough():
    assert fill(rows(*"abcde")) == ["b00001", "b00001", "b00002", "b00002", "b00003"]


def test_partitions_and_unrated_recordings_are_kept_apart():
    table = [
        *rows("a", partition="train", annotations="a.csv"),
        *rows("b", partition="dev", annotations="b.csv"),
        *rows("c", partition="train", annotations="c.csv"),
        *rows("d"),
    ]
    assert fill(table) == ["b00001", "b00002", "b00001", "b00003"]


def test_batches_that_are_there_stay_and_their_names_are_not_given_again():
    table = [*rows("a", batch="b00001"), *rows("b", "c"), *rows("d", batch="mine")]
    assert fill(table) == ["b00001", "b00002", "b00002", "mine"]


def test_a_batch_fits_into_a_command():
    assert len(set(fill(rows(*"abcdef"), seconds=0.0, length=50_000, target=1e9))) == 3


@pytest.fixture
def corpus(tmp_path):
    for name, seconds in (("a", 2.0), ("b", 1.0), ("c", 3.0)):
        media_files.write(tmp_path / f"{name}.mkv", sound=[(0, media_files.tone(seconds))])
    (tmp_path / "recordings.csv").write_text(
        'subject,recording,media\ns1,a,a.mkv\ns2,b,b.mkv\n"s,3",c,c.mkv\n'
    )
    return tmp_path


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_filled_by_the_length_of_its_files(corpus):
    said = []
    table = corpus / "recordings.csv"
    batch.fill_table(table, table, minutes=2.5 / 60, say=said.append)
    filled = read(table)
    assert [row["batch"] for row in filled] == ["b00001", "b00001", "b00002"]
    assert list(filled[0]) == ["subject", "recording", "media", "batch"]
    assert filled[2]["subject"] == "s,3"
    assert said == [f"{table}: 3 recordings in 2 batches; 3 recordings (0.0 h) got a new batch"]
    again = table.read_bytes()
    batch.fill_table(table, table, minutes=100, say=said.append)
    assert table.read_bytes() == again
    batch.fill_table(table, table, minutes=100, anew=True, say=said.append)
    assert {row["batch"] for row in read(table)} == {"b00001"}


def test_a_table_that_is_wrong_is_refused(corpus):
    table = corpus / "recordings.csv"
    table.write_text("recording,subject\na,s1\n")
    with pytest.raises(InputError, match="line 2: recording 'a' has no file"):
        batch.fill_table(table, table)


def test_a_table_beside_another_has_names_of_its_own(corpus):
    batch.fill_table(corpus / "recordings.csv", corpus / "new.csv", prefix="new", say=print)
    assert {row["batch"] for row in read(corpus / "new.csv")} == {"new00001"}


def test_files_that_cannot_be_read_are_told_and_batched(corpus):
    (corpus / "b.mkv").write_bytes(b"nothing")
    said = []
    batch.fill_table(corpus / "recordings.csv", corpus / "out.csv", say=said.append)
    assert all(row["batch"] for row in read(corpus / "out.csv"))
    assert "batch" not in read(corpus / "recordings.csv")[0]
    assert said[0].startswith("1 files cannot be read and count as 0 s; the first: ")
    assert "b.mkv" in said[0]
