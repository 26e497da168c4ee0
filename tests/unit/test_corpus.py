"""The corpus table: what is accepted, which cell is blamed, and how its paths are resolved."""

from dataclasses import replace
from pathlib import Path

import pytest

from softaer.core.errors import InputError
from softaer.corpus import (
    Recording,
    check_batches,
    folds,
    rated,
    read_recordings,
    read_rows,
    relevant,
    resolve,
    validate_rows,
)

VALID = """\
recording,subject,partition,media,annotations
one,ann,train,one.mp4,one.csv
two,ann,train,two.mp4,two.csv
three,bob,dev,three.mp4,three.csv
four,eve,test,four.mp4,four.csv
"""


@pytest.fixture
def check(tmp_path):
    """Writes a table and reads it the way the workflow does."""

    def run(text):
        path = tmp_path / "recordings.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        rows = read_rows(path)
        validate_rows(rows, path)
        return list(rows.values())

    return run


def refused(check, text, *words):
    with pytest.raises(InputError) as caught:
        check(text)
    for word in ("recordings.csv", *words):
        assert word in str(caught.value)


def test_a_valid_table(check):
    rows = check(VALID)
    assert [row["recording"] for row in rows] == ["one", "two", "three", "four"]
    assert rows[2] == {
        "recording": "three",
        "subject": "bob",
        "partition": "dev",
        "media": "three.mp4",
        "annotations": "three.csv",
    }


@pytest.mark.parametrize(
    "table",
    [
        "recording,media\na,a.mp4\n",
        "recording,audio\na,a.wav\n",
        "recording,video\na,a.avi\n",
        "recording,audio,video\na,a.wav,a.avi\n",
        "recording,media,audio,video\na,a.mp4,,\nb,,b.wav,b.avi\n",
        "media,recording\na.mp4,a\n",
        "\ufeffrecording,media\na,a.mp4\n",
        "recording,media\r\na,a.mp4\r\n",
        'recording,media\na,"my, file.mp4"\n',
        "recording,media,subject\na,a.mp4\n",
        "recording,media,subject\na,é/ü.mp4,Zoë\n",
        "recording,media,batch\na,a.mp4,x\nb,b.mp4,x\n",
    ],
    ids=[
        "media",
        "audio only",
        "video only",
        "one file for each",
        "either way, row by row",
        "columns in any order",
        "byte order mark",
        "carriage returns",
        "comma in a quoted path",
        "cells missing at the end",
        "unicode in paths and subjects",
        "batch",
    ],
)
def test_tables_that_are_valid(check, table):
    assert check(table)


@pytest.mark.parametrize("name", ["a", "A-1", "_x", "9", "rec.01", "a..b", "x" * 100])
def test_names_that_are_valid(check, name):
    assert check(f"recording,media\n{name},a.mp4\n")[0]["recording"] == name


BAD_NAMES = [
    "..",
    ".",
    ".hidden",
    "-rf",
    "a/b",
    "../a",
    "a\\b",
    "a b",
    " a",
    "a ",
    "a'b",
    "a$b",
    "a;b",
    "a*",
    "{a}",
    "é",
    "a\u0301",
    "x" * 101,
    "a\n",
    "a\nb",
]


@pytest.mark.parametrize("column", ["recording", "batch"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_could_not_be_part_of_a_path(check, name, column):
    row = {"recording": "fine", "batch": "fine"} | {column: name}
    table = f'recording,batch,media\nok,ok,ok.mp4\n"{row["recording"]}","{row["batch"]}",a.mp4\n'
    line = 3 + name.count("\n")
    refused(check, table, f"line {line}", f"'{column}'", repr(name))


def test_a_name_with_quotes(check):
    refused(check, 'recording,media\n"a""b",a.mp4\n', "line 2", "'recording'", 'a"b')


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", ["line 1", "'recording'"]),
        ("recording,media\n", []),
        ("recording,media,colour\na,a.mp4,red\n", ["line 1", "'colour'", "'annotations'"]),
        ("name,media\na,a.mp4\n", ["line 1", "'name'", "'recording'"]),
        ("recording,media,media\na,a.mp4,b.mp4\n", ["line 1", "'media'"]),
        ("recording;media\na;a.mp4\n", ["line 1", "recording;media"]),
        ("recording,media\na,a.mp4\nb,b.mp4,more\n", ["line 3", "3 cells", "2"]),
        ("recording,media\na,a.mp4\nb,b.mp4\na,c.mp4\n", ["line 4", "'recording'", "'a'", "2"]),
        ("recording,media\n,a.mp4\n", ["line 2", "recording"]),
        ("recording,subject\na,s\n", ["line 2", "'a'", "'media'", "'audio'", "'video'"]),
        ("recording,media,audio\na,a.mp4,a.wav\n", ["line 2", "'media'", "'audio'"]),
        ("recording,media,video\na,a.mp4,a.avi\n", ["line 2", "'media'", "'video'"]),
        ("recording,media,partition\na,a.mp4,valid\n", ["line 2", "'partition'", "'valid'", "dev"]),
        ("recording,media,partition\na,a.mp4,Train\n", ["line 2", "'partition'", "'Train'"]),
        (
            "recording,media,subject,partition\na,a.mp4,s,train\nb,b.mp4,t,dev\nc,c.mp4,s,test\n",
            ["line 4", "'partition'", "'s'", "'train'", "'test'", "line 2"],
        ),
        ('recording,media\na,"a.mp4\n', []),
        ("recording,media\né,a.mp4\n".encode("latin-1"), ["UTF-8"]),
        ("recording,media\na,a.mp4\n".encode("utf-16"), ["UTF-8"]),
    ],
    ids=[
        "empty file",
        "header only",
        "unknown column",
        "no recording column",
        "column twice",
        "semicolons",
        "too many cells",
        "recording twice",
        "recording without a name",
        "no file",
        "media beside audio",
        "media beside video",
        "unknown partition",
        "partition in capitals",
        "subject in two partitions",
        "open quote",
        "Latin-1",
        "UTF-16",
    ],
)
def test_tables_that_are_refused(check, table, words):
    refused(check, table, *words)


def test_lines_are_counted_as_an_editor_does(check):
    refused(check, "recording,media\na,a.mp4\n\n\nb c,b.mp4\n", "line 5", "'b c'")


def test_a_subject_without_a_partition_is_in_none(check):
    assert check("recording,media,subject,partition\na,a.mp4,s,\nb,b.mp4,s,dev\nc,c.mp4,s,\n")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as caught:
        read_rows(tmp_path / "nowhere.csv")
    assert "nowhere.csv" in str(caught.value)


def test_a_folder_in_place_of_a_table(tmp_path):
    with pytest.raises(InputError) as caught:
        read_rows(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_paths_are_relative_to_the_tables_folder(tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "recordings.csv").write_text(
        "recording,media,annotations\nin,clips/in.mp4,in.csv\nup,../up.mp4,\nabs,/data/abs.mp4,/r.csv\n"
    )
    monkeypatch.chdir(tmp_path)
    inside, above, absolute = read_recordings(Path("corpus/recordings.csv"))
    assert (inside.audio, inside.annotations) == ("corpus/clips/in.mp4", "corpus/in.csv")
    assert Path(above.audio).resolve() == tmp_path / "up.mp4"
    assert (absolute.audio, absolute.annotations) == ("/data/abs.mp4", "/r.csv")


def test_media_is_both_sound_and_pictures():
    (recording,) = resolve([{"recording": "a", "media": "a.mp4"}], Path("c"))
    assert recording.audio == recording.video == "c/a.mp4"


def test_a_stream_without_a_file_is_none():
    (recording,) = resolve([{"recording": "a", "video": "a.avi"}], Path("c"))
    assert (recording.audio, recording.video) == (None, "c/a.avi")


def test_without_a_batch_a_recording_is_one_by_itself():
    rows = [{"recording": "a", "media": "a"}, {"recording": "b", "media": "b", "batch": "x"}]
    assert [recording.batch for recording in resolve(rows, Path())] == ["a", "x"]


def test_rated_recordings_are_those_with_annotations():
    a, b = Recording("a", "a", annotations="a.csv"), Recording("b", "b")
    assert rated([a, b]) == [a]


def test_one_annotation_file_per_dimension_or_one_for_all():
    per_dimension = Recording("a", "a", annotations="r/{dimension}/a_{dimension}.csv")
    assert per_dimension.annotation_files(["arousal", "valence"]) == [
        "r/arousal/a_arousal.csv",
        "r/valence/a_valence.csv",
    ]
    assert Recording("a", "a", annotations="a.csv").annotation_files(["x", "y"]) == ["a.csv"]


@pytest.mark.parametrize("count", [3, 101])
def test_only_named_columns_are_relevant(count):
    recordings = [
        Recording(f"r{i}", f"b{i}", subject="s", partition="train", audio="x") for i in range(count)
    ]
    before = relevant(recordings, ["recording", "partition"])
    audio_moved = [replace(recordings[0], audio="y", batch="z"), *recordings[1:]]
    assert relevant(audio_moved, ["recording", "partition"]) == before
    moved = [*recordings[:-1], replace(recordings[-1], partition="dev")]
    assert relevant(moved, ["recording", "partition"]) != before
    assert relevant(recordings[:-1], ["recording", "partition"]) != before


def test_what_is_relevant_stays_short():
    recordings = [Recording(f"r{i}", "b") for i in range(101)]
    assert len(relevant(recordings[:100], ["recording"])) == 100
    (digest,) = relevant(recordings, ["recording"])
    assert len(digest) == 64


def test_a_column_that_is_not_there_is_a_programming_error():
    with pytest.raises(ValueError, match="colour"):
        relevant([], ["colour"])


def test_a_batch_that_does_not_fit_into_a_command_is_refused():
    rows = [
        {"recording": f"r{i}", "media": "x" * 200 + f"{i}.mp4", "batch": "big" if i else "small"}
        for i in range(600)
    ]
    recordings = resolve(rows, "folder")
    check_batches(recordings[:500], "recordings.csv")
    with pytest.raises(InputError) as caught:
        check_batches(recordings, "recordings.csv")
    for word in ("recordings.csv", "'big'", "120000"):
        assert word in str(caught.value)


def test_a_fold_is_a_subject_or_all_whom_a_group_joins():
    people = {"a": ("p", None), "b": ("p", None), "c": ("q", None)}
    recordings = [Recording(n, n, subject=s, group=g) for n, (s, g) in people.items()]
    assert folds(recordings) == {"a": "p", "b": "p", "c": "q"}
    # q meets p in one session and r in another: none of the three may stand on the other side.
    met = {
        "a": ("p", "s1"), "b": ("q", "s1"), "c": ("q", "s2"), "d": ("r", "s2"), "e": ("t", "s3"),
    }  # fmt: skip
    recordings = [Recording(n, n, subject=s, group=g) for n, (s, g) in met.items()]
    fold_of = folds(recordings)
    assert len({fold_of[n] for n in "abcd"}) == 1
    assert fold_of["e"] == "t"
    with pytest.raises(InputError, match="'f' has no 'subject'"):
        folds([*recordings, Recording("f", "f")])


@pytest.mark.parametrize("column", ["subject", "group"])
def test_a_subject_or_a_group_in_two_partitions_is_refused(column):
    rows = {
        2: {"recording": "a", column: "x", "partition": "train", "media": "a.mp4"},
        3: {"recording": "b", column: "x", "partition": "test", "media": "b.mp4"},
    }
    with pytest.raises(InputError, match=f"line 3, column 'partition': {column} 'x' is in 'test'"):
        validate_rows(rows, "t.csv")
    rows[3]["partition"] = "train"
    validate_rows(rows, "t.csv")


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("channel", ["1", "12"], ["0", "left", "1.5", "-1"]),
        ("audio_stream", ["1"], ["0", "a"]),
        ("video_stream", ["2"], ["#0"]),
        ("face", ["left", "right", "largest"], ["middle", "Left", "1"]),
    ],
)
def test_what_of_a_file_is_the_subjects_is_a_number_or_a_side(column, good, bad):
    row = {"recording": "a", "media": "a.mp4"}
    for cell in good:
        validate_rows({2: row | {column: cell}}, "t.csv")
    for cell in bad:
        with pytest.raises(InputError, match=f"line 2, column '{column}': found '{cell}'"):
            validate_rows({2: row | {column: cell}}, "t.csv")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P01", "P01 "),
        ("P01", " P01"),
        ("P01", "P01\u00a0"),
        ("P01", "\u200bP01"),
        ("J\u00f6rg", "Jo\u0308rg"),
    ],
)
@pytest.mark.parametrize("column", ["subject", "group"])
def test_one_person_in_two_spellings_that_look_alike_is_one(column, one, other, tmp_path):
    table = tmp_path / "recordings.csv"
    table.write_text(
        f'recording,{column},partition,media\na,"{one}",train,a.mp4\nb,"{other}",dev,b.mp4\n',
        encoding="utf-8",
    )
    rows = read_rows(table)
    assert rows[2][column] == rows[3][column]
    with pytest.raises(InputError, match=f"expected each {column} in one partition"):
        validate_rows(rows, table)


def test_paths_keep_their_blanks_and_their_form(tmp_path):
    table = tmp_path / "recordings.csv"
    table.write_text("recording,media\na,Jo\u0308rg .mp4\n", encoding="utf-8")
    assert read_rows(table)[2]["media"] == "Jo\u0308rg .mp4"
