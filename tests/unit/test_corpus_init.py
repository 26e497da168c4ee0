"""A corpus table out of a folder of media files."""

import csv
import sys

import media_files
import pytest

from softaer.corpus import __main__ as corpus
from softaer.corpus import read_recordings
from softaer.corpus.init import propose_partitions, rows_of_folder
from softaer.errors import InputError


def sound(path, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    return media_files.write(path, sound=[(0, media_files.tone(seconds))])


def pictures(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [(k / 10, media_files.grey(90)) for k in range(10)]
    return media_files.write(path, pictures=frames)


def both(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [(k / 10, media_files.grey(90)) for k in range(10)]
    return media_files.write(path, pictures=frames, sound=[(0, media_files.tone(1.0))])


def init(*words):
    sys.argv = ["softaer.corpus", "init", *map(str, words)]
    corpus.main()


@pytest.fixture(autouse=True)
def _arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", [])


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_of_media_becomes_a_table(tmp_path, capsys):
    for name in ("p1_a", "p1_b", "p2_a", "p3 a"):
        both(tmp_path / f"video/{name}.mkv")
    sound(tmp_path / "sound/p4_a.mka")
    pictures(tmp_path / "faces/p4_a.mkv")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "video/broken.mp4").write_bytes(b"nothing")
    for name in ("p1_a", "p3 a"):
        (tmp_path / f"{name}.csv").write_text("time,r1\n0,0\n")
    for dimension in ("arousal", "valence"):
        (tmp_path / "ratings" / dimension).mkdir(parents=True)
        (tmp_path / "ratings" / dimension / "p2_a.csv").write_text("time,r1\n0,0\n")
    init(tmp_path)
    rows = {row["recording"]: row for row in read(tmp_path / "recordings.csv")}
    assert set(rows) == {"p1_a", "p1_b", "p2_a", "p3_a", "p4_a"}
    assert rows["p3_a"]["media"] == "video/p3 a.mkv"
    assert rows["p4_a"]["media"] == ""
    assert rows["p4_a"]["audio"] == "sound/p4_a.mka"
    assert rows["p4_a"]["video"] == "faces/p4_a.mkv"
    assert rows["p1_a"]["annotations"] == "p1_a.csv"
    assert rows["p2_a"]["annotations"] == "ratings/{dimension}/p2_a.csv"
    assert rows["p1_b"]["annotations"] == ""
    said = capsys.readouterr().err
    assert "broken.mp4" in said
    assert "5 recordings of" in said
    assert len(read_recordings(tmp_path / "recordings.csv")) == 5


def test_subjects_are_the_beginnings_of_names_and_stay_in_one_partition(tmp_path):
    for name in ("anna_1", "anna_2", "ben_1", "cleo_1", "dora_1"):
        both(tmp_path / f"{name}.mkv")
    rows = rows_of_folder(tmp_path, lambda words: None)
    assert [row["subject"] for row in rows] == ["anna", "anna", "ben", "cleo", "dora"]
    assert len({row["partition"] for row in rows if row["subject"] == "anna"}) == 1
    assert {row["partition"] for row in rows} == {"train", "dev", "test"}


def test_a_subject_of_several_sessions_stays_one_subject(tmp_path):
    for subject in ("P1", "P2", "P3"):
        for session in ("s1", "s2"):
            both(tmp_path / subject / session / "talk.mkv")
    rows = rows_of_folder(tmp_path, lambda words: None)
    assert [row["subject"] for row in rows] == ["P1", "P1", "P2", "P2", "P3", "P3"]
    of = {
        row["subject"]: {r["partition"] for r in rows if r["subject"] == row["subject"]}
        for row in rows
    }
    assert all(len(partitions) == 1 for partitions in of.values())


def test_sound_and_pictures_side_by_side_are_one_recording_in_every_folder(tmp_path):
    for subject in ("P1", "P2"):
        sound(tmp_path / subject / "session1.mka")
        pictures(tmp_path / subject / "session1.mkv")
    rows = rows_of_folder(tmp_path, lambda words: None)
    assert [row["recording"] for row in rows] == ["session1", "P2_session1"]
    for row in rows:
        assert row["audio"].endswith(".mka")
        assert row["video"].endswith(".mkv")
        assert row["audio"].split("/")[-2] == row["video"].split("/")[-2]


def test_a_delivered_corpus_is_not_written_into(tmp_path):
    with pytest.raises(InputError, match="no --output"):
        init(tmp_path, "--layout", "recola")


def test_files_of_the_same_name_in_other_folders_keep_apart(tmp_path):
    for folder in ("a", "b"):
        both(tmp_path / folder / "talk.mkv")
    names = [row["recording"] for row in rows_of_folder(tmp_path, lambda words: None)]
    assert names == ["talk", "b_talk"]


def test_a_table_that_is_there_is_not_written_over(tmp_path):
    both(tmp_path / "a.mkv")
    (tmp_path / "recordings.csv").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        init(tmp_path)
    assert (tmp_path / "recordings.csv").read_text() == "mine"
    init(tmp_path, "--force")
    assert len(read(tmp_path / "recordings.csv")) == 1


@pytest.mark.parametrize("kind", ["empty", "absent"])
def test_a_folder_without_media_is_named(kind, tmp_path):
    folder = tmp_path if kind == "empty" else tmp_path / "absent"
    with pytest.raises(InputError, match=str(folder)):
        rows_of_folder(folder)


@pytest.mark.parametrize("count", [3, 4, 10, 37])
def test_partitions_are_near_their_shares_and_none_is_empty(count):
    seconds = {f"s{k:02}": 10.0 + k for k in range(count)}
    partitions = propose_partitions(seconds)
    assert set(partitions) == set(seconds)
    assert set(partitions.values()) == {"train", "dev", "test"}
    if count >= 10:
        train = sum(seconds[s] for s, p in partitions.items() if p == "train")
        assert 0.5 < train / sum(seconds.values()) < 0.7


def test_two_subjects_are_too_few_for_partitions():
    assert propose_partitions({"a": 1.0, "b": 1.0}) == {}
