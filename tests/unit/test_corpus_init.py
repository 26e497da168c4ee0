"""A corpus table out of a folder of media files."""

import base64
import csv
import hashlib
import re
import sys
from itertools import cycle, pairwise, product
from pathlib import Path

import pytest

import media_files
from softaer import __main__ as corpus
from softaer.core.errors import InputError
from softaer.corpus import read_recordings
from softaer.prepare import init as init_module
from softaer.prepare.annotations import annotations_cell, why_no_ratings
from softaer.prepare.init import propose_partitions, rows_of_folder
from softaer.prepare.persons import doubts, from_pattern, name_of, propose_subjects
from softaer.readers.delimited import read_annotations
from softaer.signals.probe import Contents, Stream

BOTH = (
    Stream("audio", 1, True, "aac", "", 0.0, None, 16_000.0),
    Stream("video", 1, True, "h264", "", 0.0, None, 25.0),
)


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
    sys.argv = ["softaer", "init", *map(str, words)]
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
    with pytest.raises(InputError, match="exists already"):
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


def names(pattern, *values):
    """Paths of all combinations of values."""
    return [Path(f"{pattern.format(*combination)}.mp4") for combination in product(*values)]


def proposed(paths):
    """Subjects, partitions and doubts for recordings of equal length."""
    subjects, _ = propose_subjects(paths)
    partitions = propose_partitions({who: float(subjects.count(who)) for who in subjects})
    return subjects, partitions, doubts(paths, subjects, partitions)


PEOPLE = ["anna", "ben", "cleo", "dora", "emil"]
NUMBERS = [f"P{k:02}" for k in range(1, 9)]


@pytest.mark.parametrize(
    ("paths", "people"),
    [
        (names("sess{}_{}_cam1", (1, 2, 3), NUMBERS), NUMBERS),
        (names("sess{}_P05_cam1", (1, 2)), ["P05"]),
        (names("session{}/{}/rec", (1, 2, 3), NUMBERS), NUMBERS),
        (names("session{}/{}", (1, 2, 3), PEOPLE), PEOPLE),
        (names("2024-01-0{}_{}", (1, 2, 3), PEOPLE), PEOPLE),
        (names("take{}_subject{:02}", (1, 2), range(4)), [f"subject{k:02}" for k in range(4)]),
        (names("sub-0{}_ses-0{}_video", (1, 2, 3), (1, 2)), ["sub-01", "sub-02", "sub-03"]),
        (names("study_{}_s{}", NUMBERS, (1, 2)), NUMBERS),
        (names("{}_s{}", PEOPLE, (1, 2)), PEOPLE),
        (names("{}/talk", PEOPLE), PEOPLE),
        (names("{}_{}/video", PEOPLE, (1, 2)), PEOPLE),
        (names("{}_{}", (1001, 1002, 1003), (1, 2)), ["1001", "1002", "1003"]),
        (names("{}_{}", ("pre", "mid", "post"), (101, 102, 103)), ["101", "102", "103"]),
        (names("{}_{}", ("before", "after"), (1001, 1002, 1003)), ["1001", "1002", "1003"]),
        (names("{}/{}", ("pre", "mid", "post"), (101, 102, 103)), ["101", "102", "103"]),
        (names("{}_{}", ("happy", "sad", "angry"), ("01", "02", "03")), ["01", "02", "03"]),
        (names("{}_{}", ("happy", "sad", "angry"), PEOPLE), PEOPLE),
        (
            names("Session1/Ses0{}{}_impro0{}", (1, 2), "FM", (1, 2, 3, 4)),
            ["Ses01F", "Ses01M", "Ses02F", "Ses02M"],
        ),
        (
            [
                Path(f"{who}_{sentence}.wav")
                for who in range(1001, 1006)
                for sentence in ("IEO_ANG_HI", "TIE_SAD_XX", "IOM_DIS_LO", "IWW_NEU_MD")
            ],
            ["1001", "1002", "1003", "1004", "1005"],
        ),
    ],
)
def test_persons_are_found_in_names_and_nothing_is_doubted(paths, people):
    subjects, _, doubted = proposed(paths)
    assert sorted(set(subjects)) == people
    for path, subject in zip(paths, subjects, strict=True):
        assert subject in str(path)
    assert doubted == []


@pytest.mark.parametrize(
    ("paths", "part", "pattern"),
    [
        (names("exp{}_{}", "ABC", NUMBERS), "P01", r"'P\d+'"),
        (names("s{}_{}", (1, 2, 3), PEOPLE), "anna", "and a pattern for it"),
        (names("{}_left_{}", "abcd", NUMBERS), "P01", r"'P\d+'"),
        ([Path(f"{a}_{b}.mp4") for a, b in pairwise(NUMBERS)], "P0", "P"),
        (names("p{}s{}", range(1, 6), (1, 2)), "p", r"'p\d+'"),
        (names("p{}s{}/cam", range(1, 6), (1, 2)), "p", r"'p\d+'"),
        (names("s0{}p0{}", (1, 2), range(1, 6)), "p0", r"'p\d+'"),
        (names("{}{}", NUMBERS, "ab"), "P0", r"'P\d+'"),
        (names("{}a0{}{}a", ("03", "08", "09", "10"), (1, 2), "FNW"), "0", "and a pattern for it"),
        (names("{}{}", PEOPLE, (1, 2)), "", "and a pattern for it"),
        (names("{}{}", map(str.title, PEOPLE), ("Talk", "A")), "", "and a pattern for it"),
        (names("{}_{}/cam{}", PEOPLE, ("x", "y"), (1, 2)), "", "and a pattern for it"),
        (names("{}_{}", ("foo", "bar", "baz"), range(101, 106)), "101", "and a pattern for it"),
        (names("{}_{}", ("happy", "sad", "angry"), (1, 2, 3, 4)), "1", "and a pattern for it"),
        (
            names("{}_t{}", ("P1", "P2"), (1,)) + names("{}_t{}", ("P01", "P02"), (2,)),
            "P1' or 'P01'",
            r"'P\d+'",
        ),
        (names("P{}_x", (1, 2, 3)) + names("p{}_y", (1, 2, 3)), "P1' or 'p1'", r"'(?i)P\d+'"),
    ],
)
def test_a_part_of_names_that_stands_in_several_partitions_is_told(paths, part, pattern):
    _, partitions, doubted = proposed(paths)
    assert set(partitions.values()) == {"train", "dev", "test"}
    (line,) = doubted
    assert line.startswith(f"part '{part}")
    assert "run again with --subject" in line
    assert pattern in line
    assert sum(partition in line for partition in ("train", "dev", "test")) >= 2


@pytest.mark.parametrize(
    "paths",
    [
        names("{}_s{}_cam1", NUMBERS, (1, 2)),
        names("{}_{}", PEOPLE, ["talk", "game"]),
        names("{}_take{}_cam{}", PEOPLE, range(1, 9), (1, 2)),
        names("{}_{:02}", PEOPLE, range(1, 13)),
        names("cohort1_{}_day{}", NUMBERS, (1, 2)),
        names("{}_{:03}", PEOPLE, range(1, 13)),
        names("{}_{}", range(101, 106), range(501, 513)),
        names("GX0100{:02}", range(8)),
        names("{}", NUMBERS),
        [
            Path(f"{who}_{size}.mp4")
            for who, size in zip(PEOPLE, cycle(("720p", "1080p")), strict=False)
        ],
        [
            Path(f"{who}_{what}.mp4")
            for who, what in zip(PEOPLE, cycle(("talk", "game")), strict=False)
        ],
        [Path(f"group{k // 2}_{who}/{t}.mp4") for k, who in enumerate(PEOPLE) for t in "ab"],
        [Path(f"{hashlib.md5(bytes([k])).hexdigest()}.mp4") for k in range(60)],
        [
            Path(f"{base64.urlsafe_b64encode(hashlib.md5(bytes([k])).digest()).decode()[:11]}.mp4")
            for k in range(60)
        ],
    ],
)
def test_sessions_and_devices_that_recur_are_no_persons(paths):
    assert proposed(paths)[2] == []


def test_a_name_is_one_however_its_accents_are_encoded():
    stems = ["Jörg_1", "Jo\u0308rg_2", "Zoë_1", "Zoe\u0308_2", "Ann_1", "Ann_2"]
    paths = [Path(f"{stem}.mp4") for stem in stems]
    subjects, _, doubted = proposed(paths)
    assert subjects == ["Jörg", "Jörg", "Zoë", "Zoë", "Ann", "Ann"]
    assert doubted == []
    assert from_pattern("(J.rg)", "--subject", [[stems[0]], [stems[1]]]) == ["Jörg", "Jörg"]
    assert from_pattern("Jo\u0308rg", "--subject", [[stems[0]], [stems[1]]]) == ["Jörg", "Jörg"]
    assert name_of(paths[1]) == "J_rg_2"


def test_subjects_that_are_written_in_two_ways_or_stand_in_others_files_are_told():
    paths = [Path(f"{stem}.wav") for stem in ("P5_a", "P5_b", "P05_c", "p5_d", "P6_a", "P7_a")]
    (line,) = [line for line in proposed(paths)[2] if "may be the same person" in line]
    assert all(f"'{name}'" in line for name in ("P05", "P5", "p5"))
    assert "P6" not in line
    paths = [Path(f"{stem}.wav") for stem in ("anna_ben", "anna_1", "ben_1", "ben_2", "cleo_1")]
    subjects, _ = propose_subjects(paths)
    apart = {"anna": "train", "ben": "test", "cleo": "dev"}
    (line,) = doubts(paths, subjects, apart)
    assert line.startswith("subject 'ben' is also in file names of 'anna'")
    assert doubts(paths, subjects, {**apart, "ben": "train"}) == []


@pytest.fixture
def unread_media(monkeypatch):
    """Media files by name alone: how long they are is told, and nothing is opened."""

    def use(folder, lengths):
        for name in lengths:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        monkeypatch.setattr(
            init_module,
            "probe_all",
            lambda paths: [
                Contents(lengths[p.relative_to(folder).as_posix()], streams=BOTH) for p in paths
            ],
        )
        return folder

    return use


def table_of(folder, **options):
    said = []
    return rows_of_folder(folder, said.append, **options), said


def test_a_pattern_finds_the_subject(tmp_path, unread_media):
    stems = [p.name for p in names("exp{}_{}", "ABC", NUMBERS)]
    folder = unread_media(tmp_path, dict.fromkeys([*stems, "calibration.mp4"], 60.0))
    rows, said = table_of(folder, subject=r"P\d+")
    by_name = {row["recording"]: row for row in rows}
    assert {row.get("subject") for row in rows} == {*NUMBERS, None}
    assert set(by_name["calibration"]) == {"recording", "media"}
    for number in NUMBERS:
        assert len({by_name[f"exp{e}_{number}"]["partition"] for e in "ABC"}) == 1
    (line,) = [line for line in said if line.startswith("WARNING")]
    assert line == (
        "WARNING: --subject does not match the path of calibration; "
        "they have no subject and no partition"
    )
    assert "25 recordings of 8 subjects, 25.0 min" in said


def test_a_group_of_the_pattern_is_the_subject_and_endings_are_not_searched(tmp_path, unread_media):
    folder = unread_media(tmp_path, dict.fromkeys(["x/anna-a.mp4", "x/ben-b.mp4", "y.mp4"], 1.0))
    rows, _ = table_of(folder, subject=r"(?:x/(anna)|(ben))-")
    assert [row.get("subject") for row in rows] == ["anna", "ben", None]
    with pytest.raises(InputError, match=r"--subject: '\\\\d' matches no path, such as 'x/anna-a'"):
        table_of(folder, subject=r"\d")


@pytest.mark.parametrize("option", ["subject", "group"])
def test_what_is_no_pattern_is_named(option, tmp_path, unread_media):
    folder = unread_media(tmp_path, {"a.mp4": 1.0})
    with pytest.raises(
        InputError, match=rf"--{option}: found 'P\('; expected a regular expression"
    ):
        table_of(folder, **{option: "P("})


def test_a_pattern_that_finds_two_subjects_in_one_recording_is_named(tmp_path):
    sound(tmp_path / "A1/x.mka")
    pictures(tmp_path / "B2/x.mkv")
    with pytest.raises(InputError, match=r"finds \['A1', 'B2'\]"):
        rows_of_folder(tmp_path, lambda words: None, r"[AB]\d")


def test_groups_are_kept_in_one_partition(tmp_path, unread_media):
    stems = [f"dyad{k // 2}_P{k:02}_{take}.mp4" for k in range(12) for take in (1, 2)]
    folder = unread_media(tmp_path, dict.fromkeys(stems, 60.0))
    rows, said = table_of(folder, subject=r"P\d+", group=r"dyad\d+")
    partitions = {}
    for row in rows:
        assert row["group"] == row["recording"].split("_")[0]
        partitions.setdefault(row["group"], set()).add(row["partition"])
    assert all(len(own) == 1 for own in partitions.values())
    assert set.union(*partitions.values()) == {"train", "dev", "test"}
    assert any("no subject or group is in two of them" in line for line in said)
    # Without the groups, somebody is kept apart from the other of the dyad.
    alone, _ = table_of(folder, subject=r"P\d+")
    apart = {}
    for row in alone:
        apart.setdefault(row["recording"].split("_")[0], set()).add(row["partition"])
    assert any(len(own) > 1 for own in apart.values())


def test_groups_that_join_all_subjects_leave_no_partitions(tmp_path, unread_media):
    folder = unread_media(tmp_path, dict.fromkeys(["s_a.mp4", "s_b.mp4", "s_c.mp4"], 60.0))
    rows, said = table_of(folder, subject="_(.)", group="s")
    assert not any("partition" in row for row in rows)
    assert any("at least three subjects in different groups" in line for line in said)


def test_two_hundred_subjects_can_be_read(tmp_path, unread_media):
    lengths = {f"P{k:03}_{take}.mp4": 90.0 for k in range(200) for take in (1, 2, 3)}
    rows, said = table_of(unread_media(tmp_path, lengths))
    assert len(rows) == 600
    text = "\n".join(said)
    for k in range(200):
        assert f"P{k:03}: 3, 4.5 min" in text
    assert max(map(len, said)) <= 100
    assert len(said) < 80
    assert (
        "  train (subjects: 120, recordings: 360, 540.0 min); recordings and time of each:" in said
    )


@pytest.mark.parametrize("unknown", [0.0, None, float("nan")])
def test_where_a_length_is_not_known_recordings_are_counted(unknown, tmp_path, unread_media):
    # By time, the long one would be all of train.
    lengths = {f"p{k}_1.mp4": 10.0 for k in range(10)} | {"p0_1.mp4": 9000.0}
    rows, said = table_of(unread_media(tmp_path / "known", lengths))
    assert sum(row["partition"] == "train" for row in rows) == 1
    assert not any("length unknown" in line for line in said)
    rows, said = table_of(unread_media(tmp_path / "unknown", lengths | {"p3_1.mp4": unknown}))
    assert sum(row["partition"] == "train" for row in rows) == 6
    assert any(line.startswith("length unknown: p3_1; ") for line in said)


LONG = "time,rater,dimension,value\n0,r1,arousal,0.1\n"
OPENFACE = (
    "frame, face_id, timestamp, confidence, success, gaze_0_x, AU01_r\n1, 0, 0.0, 0.98, 1, 0.1, 0\n"
)
FACES = ", ".join(f"x_{k}" for k in range(300))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LONG, None),
        ("time,r1,r2\n0,0.1,\n0.1,,0.2\n", None),
        ("time, anna , ben\n0, 0.1, 0.3\n", None),
        ("time,r1\n" + "".join(f"{k / 10},\n" for k in range(20000)) + "2000,1\n", None),
        (OPENFACE, "OpenFace"),
        ("timestamp,AU12_r,AU12_c\n0,0.1,1\n", "OpenFace"),
        ("name;frameTime;F0final_sma;loudness_sma3\n'x';0.0;1;2\n", "openSMILE"),
        ("time,F0semitoneFrom27.5Hz_sma3nz,jitterLocal_sma3nz\n0,1,2\n", "openSMILE"),
        (f"time, {FACES}\n0{', 1' * 300}\n", "300 columns besides 'time'"),
        ("participant,age,gender\nP01,23,f\n", "no column 'time'; .* participant, age, gender"),
        ("time,word\n0.5,hello\n", "line 2, column 'word': found 'hello'"),
        ("start,end\n0,1\n", "turns"),
        ("", "empty"),
        ("\ufeff\n\n", "empty"),
        ("time,r1\n", "only a header"),
        ("time,rater,dimension,value\n", "only a header"),
        ("time,arousal,valence\n0,0.1,0.2\n", "dimensions"),
        ("timestamp,value\n0,0.1\n", "no column 'time'"),
        ("time,r1\n0,n/a\n", "line 2, column 'r1': found 'n/a'"),
        ("x" * 100_000, "more than 65536 bytes"),
        ("time,hr,eda\n0,61,0.2\n", r"features or sensors \(hr, eda\)"),
        ("time,hr\n0,61\n", r"features or sensors \(hr\)"),
        ("time,x,y\n0,1,2\n", r"features or sensors \(x, y\)"),
        ("time,x_0,y_0,x_1,y_1\n0,1,2,3,4\n", "features or sensors .x_0, y_0, x_1, y_1"),
        ("time,ECG [mV],Resp,marker\n0,1,2,3\n", "features or sensors .ecg"),
        ("time,gsr,ibi,heart_rate\n0,1,2,3\n", "features or sensors"),
        ("time,hr,jt\n0,0.1,0.2\n", None),
        ("time,x,anna,eda\n0,0.1,0.2,0.3\n", None),
        ("time,FM1,FF1\n0,0.1,0.2\n", None),
    ],
)
def test_what_counts_as_ratings_is_what_the_reader_reads(text, reason, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    if reason is None:
        assert why_no_ratings(path) is None
        assert len(read_annotations(path, "arousal"))
    else:
        assert re.search(reason, why_no_ratings(path))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (LONG.encode("utf-16"), "it is encoded in UTF-16; expected text in UTF-8"),
        (b"\xfe\xff" + LONG.encode("utf-16-be"), "it is encoded in UTF-16"),
        (LONG.encode("utf-32"), "it is encoded in UTF-32"),
        (LONG.encode("utf-16-le"), "it contains bytes of value 0, as UTF-16 does"),
        ("time,r1,Jörg\n0,0,0\n".encode("latin-1"), "line 1 contains byte 0xf6, .* Latin-1"),
        (b"\xef\xbb\xbf" + LONG.encode(), None),
        ("time,r1,Jörg\n0,0,0\n".encode(), None),
        (("time,Jö\n" + "0,0\n" * 40_000).encode(), None),
    ],
)
def test_ratings_in_another_encoding_do_not_count_and_it_is_named(data, reason, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    if reason is None:
        assert why_no_ratings(path) is None
    else:
        assert re.match(reason, why_no_ratings(path))


WIDE = "time,r1,r2\n0,0,0\n"


@pytest.mark.parametrize(
    ("sheets", "cell", "said"),
    [
        (
            {"ratings/arousal": WIDE, "ratings/valence": WIDE},
            "ratings/{dimension}/p1.csv",
            ["'{dimension}' stands for arousal, valence (recordings: 1)", "r1, r2"],
        ),
        ({"arousal_raw": WIDE, "valence_raw": WIDE}, "{dimension}/p1.csv", ["arousal_raw, val"]),
        ({"arousal": LONG, "valence": LONG}, "{dimension}/p1.csv", ["stands for", "r1"]),
        (
            {"ratings/anna": "time,value\n0,0\n", "ratings/ben": "time,value\n0,0\n"},
            "ratings/{rater}/p1.csv",
            ["'{rater}' stands for anna, ben"],
        ),
        (
            {"ratings/one": WIDE, "ratings/two": WIDE},
            "ratings/{dimension}/p1.csv",
            ["WARNING: folders one, two are used as dimensions, but none is a known dimension"],
        ),
        ({"ratings/anna": LONG, "ratings/ben": LONG}, None, ["unclear which file belongs to p1"]),
        ({"ratings/raw": WIDE, "ratings/clean": WIDE}, None, ["unclear which file belongs to p1"]),
        ({"arousal_v1": WIDE, "arousal_v2": WIDE}, None, ["unclear which file belongs to p1"]),
        ({"ratings": LONG, "other": WIDE}, None, ["unclear which file belongs to p1"]),
        (
            {"ratings": LONG, "phys": "time,hr,eda\n0,61,0.2\n"},
            "ratings/p1.csv",
            ["features or sensors (hr, eda) (phys/p1.csv)", "raters in the first 64 kB of each"],
        ),
    ],
)
def test_what_the_folders_of_ratings_stand_for_is_told(sheets, cell, said, tmp_path, unread_media):
    folder = unread_media(tmp_path, {"p1.mp4": 1.0})
    for place, text in sheets.items():
        (folder / place).mkdir(parents=True)
        (folder / place / "p1.csv").write_text(text)
    (row,), lines = table_of(folder)
    assert row.get("annotations") == (None if cell is None else str(folder / cell))
    for words in said:
        assert any(words in line for line in lines)
    assert any("none is a known" in line for line in lines) == any("WARN" in line for line in said)


def test_files_go_together_however_their_accents_are_encoded(tmp_path, unread_media):
    media = ["Jörg_1.mp4", "Jo\u0308rg_2.mp4", "Ann_1.mp4", "Bo_1.mp4"]
    folder = unread_media(tmp_path, dict.fromkeys(media, 1.0))
    (folder / "Jo\u0308rg_1.csv").write_text(WIDE)
    (folder / "Jörg_2.turns.csv").write_text("0;1\n")
    rows, said = table_of(folder)
    by_name = {row["recording"]: row for row in rows}
    assert by_name["J_rg_1"]["annotations"] == str(folder / "Jo\u0308rg_1.csv")
    assert by_name["J_rg_2"]["turns"] == str(folder / "Jörg_2.turns.csv")
    assert by_name["J_rg_1"]["subject"] == by_name["J_rg_2"]["subject"] == "Jörg"
    assert by_name["J_rg_1"]["partition"] == by_name["J_rg_2"]["partition"]
    assert "annotations" not in by_name["J_rg_2"]
    assert not any(line.startswith("WARNING") for line in said)


@pytest.mark.parametrize(
    "name",
    [
        "booth_green_intensity/TaskA/annotations_raw",
        "booth_green_intensity/TaskB/annotations_10hz",
        "studyforrest_gumpemotions",
    ],
)
def test_real_ratings_are_taken_for_ratings_once_their_time_is_named(name, shared_data, tmp_path):
    files = sorted((shared_data / "ratings" / name).glob("*.csv"))
    assert files
    path = tmp_path / "a.csv"
    for file in files:
        text = file.read_text(encoding="utf-8-sig")
        path.write_text(re.sub(r"(?i)\A\s*time\w*(\(sec\))?", "time", text))
        assert why_no_ratings(path) is None, file


def test_a_table_of_features_is_not_taken_for_ratings_and_named(tmp_path, unread_media):
    folder = unread_media(tmp_path, dict.fromkeys(["video/p1_a.mp4", "video/p1_b.mp4"], 1.0))
    for kind, text in (("openface", OPENFACE), ("ratings", LONG), ("meta", "age,sex\n1,f\n")):
        (folder / kind).mkdir()
        (folder / kind / "p1_a.csv").write_text(text)
    (folder / "openface" / "p1_b.csv").write_text(OPENFACE)
    (folder / "other.csv").write_text(LONG)
    rows, said = table_of(folder)
    assert [row.get("annotations") for row in rows] == [str(folder / "ratings/p1_a.csv"), None]
    text = "\n".join(said)
    assert "it has columns of OpenFace (openface/p1_a.csv, openface/p1_b.csv)" in text
    assert "no column 'time'; its first line is age, sex (meta/p1_a.csv)" in text
    assert "CSV files without a media file of the same name: other.csv" in text
    assert "recordings with annotations: 1" in text


def test_ratings_of_one_name_belong_to_the_media_in_their_folders(tmp_path, unread_media):
    media = [f"media/{who}/talk.mp4" for who in ("a", "b", "c")]
    folder = unread_media(tmp_path, dict.fromkeys(media, 1.0))
    for place in ("ratings/a/arousal", "ratings/a/valence", "ratings/b", "elsewhere"):
        (folder / place).mkdir(parents=True)
        (folder / place / "talk.csv").write_text("time,r1\n0,0\n")
    rows, said = table_of(folder)
    assert [row.get("annotations") for row in rows] == [
        str(folder / "ratings/a/{dimension}/talk.csv"),
        str(folder / "ratings/b/talk.csv"),
        None,
    ]
    assert any("elsewhere/talk.csv" in line and "may belong to talk or" in line for line in said)


def test_several_ratings_of_a_recording_are_not_guessed(tmp_path, unread_media):
    assert annotations_cell([Path("a/x.csv"), Path("b/c/x.csv")]) is None
    folder = unread_media(tmp_path, {"x.mp4": 1.0})
    for place in ("a", "b/c"):
        (folder / place).mkdir(parents=True)
        (folder / place / "x.csv").write_text(LONG)
    rows, said = table_of(folder)
    assert "annotations" not in rows[0]
    assert any("unclear which file belongs to x (a/x.csv, b/c/x.csv)" in line for line in said)


def test_turns_beside_the_media_are_taken_for_turns(tmp_path, unread_media):
    folder = unread_media(tmp_path, dict.fromkeys(["a.mp4", "b.mp4", "c.mp4"], 9.0))
    (folder / "a.turns.csv").write_text("0;1\n")
    (folder / "a.csv").write_text(LONG)
    (folder / "turns").mkdir()
    (folder / "turns" / "b.csv").write_text("start,end\n0,1\n")
    (folder / "turns" / "c.csv").write_text("0,5;1\n")
    rows, said = table_of(folder)
    assert [row.get("turns") for row in rows] == [
        str(folder / "a.turns.csv"),
        str(folder / "turns/b.csv"),
        None,
    ]
    assert [row.get("annotations") for row in rows] == [str(folder / "a.csv"), None, None]
    assert any("not used as turns" in line and "turns/c.csv" in line for line in said)


def test_folders_are_named_with_what_becomes_of_them(tmp_path, unread_media):
    folder = unread_media(tmp_path / "corpus", {"video/a.mp4": 1.0, "b.mp4": 1.0})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/c.mp4").touch()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "lost.mp4").symlink_to(tmp_path / "nothing")
    (folder / ".trash").mkdir()
    (folder / ".trash/d.mp4").touch()
    (folder / "._a.mp4").touch()
    (folder / "docs").mkdir()
    (folder / "docs/readme.txt").touch()
    rows, said = table_of(folder)
    assert sorted(row["recording"] for row in rows) == ["a", "b"]
    for line in (
        "ignored (hidden folders): .trash",
        "ignored (hidden files): ._a.mp4",
        "ignored (links to folders, which are not followed): linked",
        "ignored (not a file, or a broken link): lost.mp4",
        "media files in: . (1), video (1)",
        "folders named after a kind of file, not a person: video",
        "folders that are not used: docs (1 .txt)",
    ):
        assert line in said


def test_two_media_files_of_one_name_are_told(tmp_path, unread_media):
    folder = unread_media(tmp_path, {"a.mkv": 1.0, "a.mp4": 1.0, "b.mp4": 1.0})
    _, said = table_of(folder)
    (line,) = [line for line in said if "have the same name" in line]
    assert "a.mkv and a.mp4" in line


def test_patterns_come_from_the_command_line(tmp_path, capsys):
    for name in ("x1_P1", "x2_P1", "x1_P2", "x3_P3"):
        sound(tmp_path / f"{name}.mka", 0.2)
    init(tmp_path, "--subject", r"P\d+", "--group", r"x\d+")
    rows = read(tmp_path / "recordings.csv")
    assert [(row["subject"], row["group"]) for row in rows] == [
        ("P1", "x1"),
        ("P2", "x1"),
        ("P1", "x2"),
        ("P3", "x3"),
    ]
    assert "P1: 2, 0.0 min" in capsys.readouterr().err
    with pytest.raises(InputError, match="--group: found with --layout"):
        init(tmp_path, "--layout", "recola", "--group", "x", "--output", tmp_path / "t.csv")
