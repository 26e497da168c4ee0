"""Turns: whose speech the functionals are of."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import audio_features as stage
from softaer.audio_features import audio_features
from softaer.audio_lld import compute_lld
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.schema import audio_lld as lld_schema
from softaer.signals.sound import audio_blocks
from softaer.signals.turns import FEATURE, read_turns, within


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
        ("1;\n2;3\n", "line 1, column 2: found an empty cell"),
        ("start,end\n0,5,1,2\n", "line 2: found 4 columns; .* with decimal points"),
        ("0,5,1,2\n", "line 1: found 4 columns; .* with decimal points"),
        ("0;1\n0,5;1,2\n", "line 2, column 1: found '0,5'; .* decimal point"),
        ("0,5;1,2\n", "line 1, column 1: found '0,5'"),
        ("0\t1,2\n", "line 1, column 2: found '1,2'"),
        ('"0,5","1,2"\n', "line 1, column 1: found '0,5'"),
        ("start,end\n0;1\n", "line 2: found 1 columns"),
        ("0 1\n", "line 1: found 1 columns"),
        ("start;end\n0;1\nstart;end\n2;3\n", "line 3, column 1: found 'start'"),
        ("00:00:01;00:00:02\n", "line 1, column 1: found '00:00:01'"),
        ("start,end\n\n1,00:02.5\n", "line 3, column 2: found '00:02.5'"),
        ("0;1 s\n", "line 1, column 2: found '1 s'"),
        ("1_0;2_0\n", "line 1, column 1: found '1_0'"),
        ("nan;nan\n1;2\n", "line 1, column 1: found 'nan'"),
        ("0;inf\n", "line 1, column 2: found 'inf'"),
        ("0;1e999\n", "line 1: found a turn from 0 to inf s"),
        ("end,start\n2,1\n", "line 1, column 1: found 'end'; expected the start"),
        ("onset,duration\n0,1\n", "line 1, column 2: found 'duration'; expected their end"),
        ("start_ms,end_ms\n0,1\n", "line 1, column 1: found 'start_ms'"),
        ("startMs,endMs\n0,1\n", "line 1, column 1: found 'startMs'"),
        ("start [ms],end [ms]\n0,1\n", r"line 1, column 1: found 'start \[ms\]'"),
        ("start frame,end frame\n0,1\n", "line 1, column 1: found 'start frame'"),
        ("start,endms\n0,1\n", "line 1, column 2: found 'endms'"),
        ("Begin Time - msec,End Time - msec\n0,1\n", "line 1, column 1: found 'Begin Time - msec'"),
        ("Beginn;Dauer\n0;1\n", "line 1, column 2: found 'Dauer'; expected their end"),
        ("Start;Länge\n0;1\n", "line 1, column 2: found 'Länge'"),
        ("Start;La\u0308nge\n0;1\n", "line 1, column 2: found 'Länge'"),
        ("début;longueur\n0;1\n", "line 1, column 2: found 'longueur'"),
        ("Ende;Anfang\n2;1\n", "line 1, column 1: found 'Ende'; expected the start"),
        ("bis;von\n2;1\n", "line 1, column 1: found 'bis'"),
        ("sep=;\nstart;end\n0;1\n", "line 1, column 1: found 'sep='"),
    ],
)
def test_turns_that_are_none_are_named(text, said, turns_file):
    path = turns_file(text)
    with pytest.raises(InputError, match=said) as error:
        read_turns(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "header",
    [
        *("start,end", "Begin Time (s),End Time (s)", "onset,offset", "from,to", "a,b"),
        *("tmin,tmax", "x_min,x_max", "tMin,tMax", "Anfang,Ende", "début,fin", "von,bis"),
        *("Begin Time - ss.msec,End Time - ss.msec", "start [s.ms],end [s.ms]"),
        *("items_start,items_end", "systems start,systems end", "language_start,language_end"),
        *("microphone_start,microphone_end",),
    ],
)
def test_headers_of_tools_are_known(header, turns_file):
    np.testing.assert_array_equal(read_turns(turns_file(f"{header}\n0.5,1\n")), [[0.5, 1.0]])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("0;1\n2;3\n".encode("utf-16"), "line 1, column 1: encoded in UTF-16; expected .* UTF-8"),
        (b"\xfe\xff" + "0;1\n".encode("utf-16-be"), "encoded in UTF-16"),
        ("0;1\n".encode("utf-32"), "encoded in UTF-32"),
        ("0;1\n".encode("utf-16-le"), "line 1, column 1: found a byte of value 0"),
        ("start;Ende für\n0;1\n".encode("latin-1"), "line 1, column 2: found byte 0xfc"),
        (b"0;1\n2;\xbd\n", "line 2, column 2: found byte 0xbd, which is not UTF-8"),
        (b"PK\x03\x04\x00\x00", "line 1, column 1: found a byte of value 0"),
    ],
)
def test_another_encoding_is_named_with_its_place(data, said, tmp_path):
    path = tmp_path / "turns.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said) as error:
        read_turns(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf0;1\r\n", b"\xef\xbb\xbfstart;end\n0;1\n"])
def test_a_byte_order_mark_of_utf_8_is_no_part_of_a_cell(data, tmp_path):
    path = tmp_path / "turns.csv"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_turns(path), [[0.0, 1.0]])


def test_a_folder_is_no_file_of_turns(tmp_path):
    with pytest.raises(InputError, match="a folder; expected a file of turns"):
        read_turns(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [("0;1000\n2000;2500\n", 2), ("2000;2500\n0;1000\n", 1), ("0;4.1\n", 1), ("8;9\n0;1\n", 1)],
)
def test_turns_beyond_the_recording_are_refused_with_their_line(text, line, turns_file):
    path = turns_file(text)
    read_turns(path)  # its length is not known here
    with pytest.raises(InputError, match=f"line {line}, column 2: turns end at .* at 3.0 s"):
        read_turns(path, 3.0)


@pytest.mark.parametrize(
    ("text", "turns", "said"),
    [
        ("0;1\n2;2.5\n", [[0, 1], [2, 2.5]], []),
        ("0;1\n2;3.05\n", [[0, 1], [2, 3]], []),
        (
            "0;1\n2;3.9\n",
            [[0, 1], [2, 3]],
            ["turns that end up to 0.90 s after the recording (3.0 s) and were cut: 1"],
        ),
        ("0;1\n3.5;3.9\n", [[0, 1]], ["turns that end up to 0.90 s", "turns end at 1 s"]),
        ("0;3\n", [[0, 3]], ["turns cover 100 % of the sound"]),
        (
            "0;2\n1;3\n",
            [[0, 3]],
            ["turns that overlap the previous one and were joined: 1", "turns cover 100 %"],
        ),
        ("0;2\n1.95;2.9\n", [[0, 2.9]], []),
        ("\n", [], ["turns cover 0 % of the sound"]),
        ("start;end\n", [], ["turns cover 0 % of the sound"]),
        ("0;0.001\n", [[0, 0.001]], ["turns cover 0 % of the sound"]),
        ("0;0.5\n1;1.2\n", [[0, 0.5], [1, 1.2]], ["turns end at 1.2 s, the recording at 3.0 s"]),
    ],
)
def test_what_is_odd_in_turns_is_noted_and_nothing_else(text, turns, said, turns_file):
    path = turns_file(text)
    notes = []
    np.testing.assert_array_equal(read_turns(path, 3.0, notes.append), np.reshape(turns, (-1, 2)))
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert note.startswith(f"{path}: {words}")


@pytest.mark.parametrize("seconds", [None, 0.0, float("nan")])
def test_without_a_length_turns_are_as_they_are_written(seconds, turns_file):
    notes = []
    turns = read_turns(turns_file("0;1000\n"), seconds, notes.append)
    np.testing.assert_array_equal(turns, [[0.0, 1000.0]])
    assert notes == []


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


def run_stage(folder, turns, monkeypatch, mode="only"):
    """Run the stage for one recording of 10 s; its table."""
    frame = lld()
    frame.insert(0, "recording", "a")
    tables.write(frame, lld_schema(["level"]), folder / "lld.parquet")
    output = folder / "features.parquet"
    words = ["--lld", str(folder / "lld.parquet"), "--turns", mode, "--recording", "a", str(turns)]
    monkeypatch.setattr(sys, "argv", ["audio_features", *words, "--output", str(output)])
    stage.main()
    return tables.read(output)


@pytest.mark.parametrize("mode", ["only", "flag"])
def test_the_stage_refuses_milliseconds(mode, tmp_path, turns_file, monkeypatch):
    path = turns_file("start,end\n0,1000\n2000,2500\n")
    with pytest.raises(InputError, match=r"line 3, column 2: turns end at 2500 s, .* at 10.0 s"):
        run_stage(tmp_path, path, monkeypatch, mode)
    assert not (tmp_path / "features.parquet").exists()


def test_the_stage_logs_what_is_odd(tmp_path, turns_file, monkeypatch, capsys):
    run_stage(tmp_path, turns_file("0;10\n"), monkeypatch)
    assert "recording 'a': " in (said := capsys.readouterr().out)
    assert "turns cover 100 % of the sound" in said
    run_stage(tmp_path, turns_file("0;2\n6;8\n"), monkeypatch)
    assert capsys.readouterr().out == ""


def test_real_files_of_turns(shared_data):
    folder = shared_data / "faults" / "turns"
    with pytest.raises(InputError, match=r"line 3, column 2: turns end at 2500 s, .* at 3.0 s"):
        read_turns(folder / "ms.csv", 3.0)
    with pytest.raises(InputError, match="UTF-16"):
        read_turns(folder / "utf16.csv", 3.0)
    notes = []
    np.testing.assert_array_equal(
        read_turns(folder / "s.csv", 3.0, notes.append), [[0.0, 1.0], [2.0, 2.5]]
    )
    assert notes == []


def test_the_stage_knows_the_length_of_real_sound(shared_data, tmp_path, monkeypatch):
    folder = shared_data / "faults" / "turns"
    sound = audio_blocks(folder / "a.wav")
    frame = pd.concat(compute_lld(sound, "IS13_ComParE"), ignore_index=True)
    names = [name for name in frame.columns if name != "time"]
    frame.insert(0, "recording", "a")
    tables.write(frame, lld_schema(names), tmp_path / "lld.parquet")
    words = ["--lld", tmp_path / "lld.parquet", "--turns", "only", "--recording", "a"]
    output = tmp_path / "features.parquet"
    for name in ("ms", "s"):
        file = folder / f"{name}.csv"
        arguments = [*words, file, "--output", output]
        monkeypatch.setattr(sys, "argv", ["audio_features", *map(str, arguments)])
        if name == "ms":
            with pytest.raises(InputError, match=r"turns end at 2500 s, the recording at 3\.0 s"):
                stage.main()
        else:
            stage.main()
            assert len(tables.read(output)) == 30


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
