"""One file per rater: patterns, what they match, and what init and import say about it."""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tool_files
from test_rating_forms import command, silence
from tool_files import RATERS, RECORDINGS

import media_files
import study
from softaer import layouts, ratings
from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.core.patterns import Match, files_of, fill, matches, places, with_data
from softaer.corpus import check_files, read_rows, resolve, with_files
from softaer.prepare import check, import_ratings
from softaer.prepare.check_ratings import dimensions_of
from softaer.prepare.init import rows_of_folder
from softaer.prepare.rater_files import configuration_for, find_patterns, rating_files, tell


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("time,value\n0,0\n1,0.5\n2,0.4\n")


def test_a_pattern_stands_for_the_files_of_all_raters(tmp_path):
    touch(tmp_path, "anna/p1_arousal.csv", "ben/p1_arousal.csv", "ben/p1_valence.csv", "x/p2.csv")
    pattern = f"{tmp_path}/{{rater}}/{{recording}}_{{dimension}}.csv"
    assert places(pattern) == ["rater", "recording", "dimension"]
    found = matches(fill(pattern, recording="p1"))
    assert [(m.rater, m.dimension) for m in found] == [
        ("anna", "arousal"),
        ("ben", "arousal"),
        ("ben", "valence"),
    ]
    own = files_of(fill(pattern, recording="p1"), ["arousal", "valence"])
    assert [(m.rater, m.dimension) for m in own] == [
        ("anna", "arousal"),
        ("ben", "arousal"),
        ("ben", "valence"),
    ]
    assert files_of(fill(pattern, recording="p3"), ["arousal"]) == []


@pytest.mark.parametrize(
    ("pattern", "raters"),
    [
        ("p1_{rater}.csv", ["anna", "b_eva", "ben"]),
        ("p1_{rater:[a-z]+}.csv", ["anna", "ben"]),
        ("p[1]_{rater}.csv", ["kim"]),
        ("p1_{rater}_{rater}.csv", []),
    ],
)
def test_what_a_rater_may_be_called(pattern, raters, tmp_path):
    touch(tmp_path, "p1_anna.csv", "p1_ben.csv", "p1_b_eva.csv", "p[1]_kim.csv")
    assert [m.rater for m in matches(f"{tmp_path}/{pattern}")] == raters


def test_a_wrong_expression_is_named():
    with pytest.raises(InputError, match=r"pattern 'a_\{rater:\[a\}.csv'.*regular expression"):
        matches("a_{rater:[a}.csv")


def test_a_placeholder_twice_is_the_same_text(tmp_path):
    touch(tmp_path, "anna/p1_anna.csv", "ben/p1_anna.csv")
    found = matches(f"{tmp_path}/{{rater}}/p1_{{rater}}.csv")
    assert [m.path for m in found] == [f"{tmp_path}/anna/p1_anna.csv"]


def test_files_without_a_rater_are_returned_whether_they_exist():
    assert files_of("r/{dimension}/p1.csv", ["a", "b"]) == [
        Match("r/a/p1.csv", dimension="a"),
        Match("r/b/p1.csv", dimension="b"),
    ]
    assert files_of("r/p1.csv", ["a", "b"]) == [Match("r/p1.csv")]


def test_the_data_of_an_annotation_belong_to_it(tmp_path):
    touch(tmp_path, "a.annotation", "a.annotation~", "b.annotation")
    assert with_data(f"{tmp_path}/a.annotation") == [
        f"{tmp_path}/a.annotation",
        f"{tmp_path}/a.annotation~",
    ]
    assert with_data(f"{tmp_path}/b.annotation") == [f"{tmp_path}/b.annotation"]


def recordings(folder, names, cell):
    rows = [{"recording": name, "audio": f"{name}.wav", "annotations": cell} for name in names]
    return resolve(rows, folder)


def test_all_raters_files_are_inputs_and_read(tmp_path):
    touch(tmp_path, "anna/p1.csv", "ben/p1.csv", "ben/p2.csv")
    one, two = recordings(tmp_path, ["p1", "p2"], "{rater}/{recording}.csv")
    assert one.annotation_files(["arousal"]) == [
        f"{tmp_path}/anna/p1.csv",
        f"{tmp_path}/ben/p1.csv",
    ]
    assert two.annotation_files(["arousal"]) == [f"{tmp_path}/ben/p2.csv"]
    _, table = ratings.read_recording(
        "p1", one.given("annotations"), layouts.layout("table"), ["arousal"], Ratings()
    )
    assert list(table["rater"].unique()) == ["anna", "ben"]
    assert dimensions_of([one], layouts.layout("table")) == []  # no file says it


def test_a_recording_without_a_file_is_refused_with_the_pattern(tmp_path):
    touch(tmp_path, "anna/p1.csv")
    some = recordings(tmp_path, ["p1", "p3"], "{rater}/{recording}.csv")
    with pytest.raises(InputError, match=r"'p3': no such annotation file.*\{rater\}.*import"):
        check_files(some, ["arousal"], "recordings.csv")


def test_a_file_that_two_recordings_claim_is_refused_until_the_pattern_says_whose(tmp_path):
    touch(tmp_path, "p1_b_eva.csv", "p1_ann.csv", "p1_b_ann.csv")
    touch(tmp_path, "p1.wav", "p1_b.wav")
    some = recordings(tmp_path, ["p1", "p1_b"], "{recording}_{rater}.csv")
    with pytest.raises(InputError, match=r"'b_ann'|'b_eva'.*\{rater:\[a-z\]\+\}"):
        check_files(some, ["arousal"], "recordings.csv")
    clear = recordings(tmp_path, ["p1", "p1_b"], "{recording}_{rater:[a-z]+}.csv")
    check_files(clear, ["arousal"], "recordings.csv")
    assert [len(r.annotation_files(["arousal"])) for r in clear] == [1, 2]


def test_several_raters_in_the_file_of_one_are_refused(tmp_path):
    path = tmp_path / "anna" / "p1.csv"
    path.parent.mkdir()
    path.write_text("time,r1,r2\n0,0,0\n1,1,1\n")
    with pytest.raises(InputError, match=r"found 2 raters \(r1, r2\).*'anna'"):
        ratings.read_files(
            *("p1", f"{tmp_path}/{{rater}}/p1.csv", layouts.layout("table"), ["a"]), Ratings()
        )


def test_a_file_of_another_dimension_than_its_path_says_is_refused(tmp_path):
    tool_files.nova(tmp_path)
    swapped = tmp_path / "p01" / "novice.arousal.anna.annotation"
    swapped.write_text(swapped.read_text().replace('name="arousal"', 'name="valence"'))
    pattern = f"{tmp_path}/p01/novice.{{dimension}}.{{rater}}.annotation"
    with pytest.raises(InputError, match=r"found ratings of \['valence'\]; expected 'arousal'"):
        ratings.read_files("p01", pattern, layouts.layout("table"), ["arousal"], Ratings())


def test_files_in_the_configuration_instead_of_the_table(tmp_path):
    touch(tmp_path, "anna/p1.csv", "ben/p1.csv")
    bare = resolve([{"recording": name, "audio": "x.wav"} for name in ("p1", "p2")], tmp_path)
    pattern = f"{tmp_path}/{{rater}}/{{recording}}.csv"
    one, two = with_files(bare, pattern, "recordings.csv")
    assert one.annotations == f"{tmp_path}/{{rater}}/p1.csv"
    assert two.annotations is None
    assert with_files(bare, None, "recordings.csv") is bare
    for wrong, said in (
        ("ratings/{rater}.csv", r"expected '\{recording\}'"),
        (f"{tmp_path}/none/{{recording}}.csv", "no file matches"),
    ):
        with pytest.raises(InputError, match=said):
            with_files(bare, wrong, "recordings.csv")
    with pytest.raises(InputError, match="annotations of 'p1'; expected only one"):
        with_files([one, two], pattern, "recordings.csv")


def imported(tmp_path, *words, capsys):
    """Run import, and return the cells and what it said."""
    output = tmp_path / "made.csv"
    command(None, import_ratings, *words, "--output", output)
    rows = read_rows(output).values()
    return {row["recording"]: row.get("annotations") for row in rows}, capsys.readouterr().err


def test_import_fills_a_table_by_a_pattern(tmp_path, capsys):
    folder, elsewhere = tmp_path / "media", tmp_path / "ratings"
    silence(folder)
    tool_files.spreadsheet(elsewhere)
    command(None, __import__("softaer.prepare.init", fromlist=["init"]), folder)
    capsys.readouterr()
    cells, said = imported(
        *(tmp_path, elsewhere, "--pattern", "rater_{rater}/{recording}_{dimension}.csv"),
        *("--table", folder / "recordings.csv"),
        capsys=capsys,
    )
    assert cells == {
        name: f"ratings/rater_{{rater}}/{name}_{{dimension}}.csv" for name in RECORDINGS
    }
    assert "'{rater}' stands for anna, ben, eva" in said
    assert "ratings: {scale: {from: [0, 100], to: [-1, 1]}}" in said
    # The same without a pattern, and with the media alone.
    (tmp_path / "made.csv").unlink()
    again, _ = imported(tmp_path, elsewhere, "--media", folder, capsys=capsys)
    assert again == cells


def test_import_says_what_it_matched_and_what_not(tmp_path, capsys):
    """Orphans, doubles, and near-misses in case and blanks."""
    silence(tmp_path / "media")
    folder = tmp_path / "ratings"
    tool_files.spreadsheet(folder)
    os.rename(folder / "rater_anna/p01_arousal.csv", folder / "rater_anna/P01_arousal.csv")
    os.rename(folder / "rater_anna/p02_arousal.csv", folder / "rater_anna/p02 _arousal.csv")
    os.rename(folder / "rater_ben/p03_arousal.csv", folder / "rater_ben/p99_arousal.csv")
    (folder / "rater_Ben").mkdir()
    os.rename(folder / "rater_ben/p03_valence.csv", folder / "rater_Ben/p03_valence.csv")
    pattern = "rater_{rater}/{recording}_{dimension}.csv"
    _, said = imported(
        *(tmp_path, folder, "--pattern", pattern, "--media", tmp_path / "media"), capsys=capsys
    )
    assert "files without a recording of that name: rater_ben/p99_arousal.csv" in said
    assert "nearly the name of a recording: rater_anna/P01_arousal.csv (has 'P01'; the rec" in said
    assert "nearly the name of a recording: rater_anna/p02 _arousal.csv" in said
    assert "raters ['Ben', 'ben'] differ only in case or signs" in said
    assert "recordings without some of the 7 files of the others" in said


def test_init_says_what_is_nearly_a_recording(tmp_path, capsys):
    silence(tmp_path)
    tool_files.carma(tmp_path)
    os.rename(tmp_path / "carma/anna/p01_arousal.csv", tmp_path / "carma/anna/P01_arousal.csv")
    os.rename(tmp_path / "carma/ben/p02_arousal.csv", tmp_path / "carma/ben/other_arousal.csv")
    said = []
    rows = rows_of_folder(tmp_path, said.append)
    text = "\n".join(said)
    assert all("annotations" in row for row in rows)
    assert "nearly the name of a recording: carma/anna/P01_arousal.csv (has 'P01'; the" in text
    assert "files of ratings without a recording of that name: carma/ben/other_arousal.csv" in text
    assert "recordings without some of the 6 files of the others: p01 (1), p02 (1)" in text


def test_names_that_begin_alike_are_told_apart(tmp_path):
    """The longest name counts: p1_b_eva.csv is p1_b's."""
    silence(tmp_path)
    for name in RECORDINGS:
        (tmp_path / f"{name}.wav").rename(
            tmp_path / {"p01": "p1.wav", "p02": "p1_b.wav"}.get(name, f"{name}.wav")
        )
    touch(tmp_path, "p1_eva.csv", "p1_ann.csv", "p1_b_eva.csv", "p1_b_ann.csv")
    matched = import_ratings.matched_by(
        tmp_path,
        "{recording}_{rater}.csv",
        sorted(tmp_path.glob("*.csv")),
        {"p1": ["p1"], "p1_b": ["p1_b"]},
    )[0]
    assert {name: [m.rater for m in some] for name, some in matched.items()} == {
        "p1": ["ann", "eva"],
        "p1_b": ["ann", "eva"],
    }


def test_a_file_that_does_not_say_who_rated_is_refused_with_the_way_out(tmp_path, capsys):
    silence(tmp_path / "media")
    folder = tmp_path / "ratings"
    tool_files.continuum(folder)
    with pytest.raises(
        InputError, match=r"does not say who rated; expected --pattern .*'\{rater\}'"
    ):
        imported(
            *(tmp_path, folder / "anna", "--pattern", "{dimension}/{recording}.csv"),
            *("--media", tmp_path / "media"),
            capsys=capsys,
        )
    path = str(folder / "anna" / "{dimension}" / "p01.csv")
    with pytest.raises(InputError, match=r"does not say who rated.*softaer import"):
        ratings.read_files("p01", path, layouts.layout("table"), ["arousal"], Ratings())
    with pytest.raises(InputError, match=r"which dimension it is.*\{dimension\}"):
        ratings.read_files(
            *("p01", str(folder / "{rater}" / "arousal" / "p01.csv"), layouts.layout("table")),
            *(["arousal", "valence"], Ratings()),
        )


def test_an_existing_table_is_not_overwritten(tmp_path):
    table = tmp_path / "recordings.csv"
    table.write_text("recording,audio\np1,p1.wav\n")
    with pytest.raises(InputError, match="exists already"):
        command(None, import_ratings, tmp_path, "--table", table)
    with pytest.raises(InputError, match="--media: found with --table"):
        command(None, import_ratings, tmp_path, "--table", table, "--media", tmp_path)


def test_check_reads_the_files_of_raters(tmp_path, capsys):
    silence(tmp_path)
    tool_files.continuum(tmp_path)
    arguments = argparse.ArgumentParser()
    check.add_arguments(arguments)
    command(None, __import__("softaer.prepare.init", fromlist=["init"]), tmp_path)
    with pytest.raises(SystemExit):  # the sound is silent
        check.main(arguments.parse_args([str(tmp_path / "recordings.csv")]))
    out = capsys.readouterr().out
    for dimension in tool_files.DIMENSIONS:
        assert f"{dimension}: {len(RATERS)} raters, 3 to 3 per recording" in out


def sheets(folder, *names):
    """Spreadsheets of one rater, which need the rater in their paths."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("time;value\n0;0,1\n1;0,5\n2;0,4\n")
    return {Path(name): "spreadsheet" for name in names}


@pytest.mark.parametrize(
    ("names", "recordings_", "pattern", "raters"),
    [
        (
            [f"rater_{r}/{p}_arousal.csv" for r in (1, 2, 3) for p in (1, 2)],
            ["1", "2"],
            "rater_{rater}/{recording}_{dimension}.csv",
            ["1", "2", "3"],
        ),
        (
            [f"p{p}/p{p}_{r}.csv" for r in ("anna", "ben") for p in (1, 2)],
            ["p1", "p2"],
            "{recording}/{recording}_{rater}.csv",
            ["anna", "ben"],
        ),
        (
            [f"{r}/arousal/p{p}-{r}.csv" for r in ("anna", "anna-maria") for p in (1, 2)],
            ["p1", "p2"],
            "{rater}/{dimension}/{recording}-{rater}.csv",
            ["anna", "anna-maria"],
        ),
        (
            [f"s{p}/valence_{r}.csv" for r in ("r1", "r10", "r2") for p in (1, 2)],
            ["s1", "s2"],
            "{recording}/{dimension}_{rater}.csv",
            ["r1", "r10", "r2"],
        ),
        (["a/p1.csv", "a/p2.csv"], ["p1", "p2"], "a/{recording}.csv", []),
        (
            [f"{r}/P0{p}_talk_arousal.csv" for r in ("anna", "ben") for p in (1, 2)],
            ["P01_talk", "P02_talk"],
            "{rater}/{recording}_{dimension}.csv",
            ["anna", "ben"],
        ),
    ],
)
def test_patterns_are_found(names, recordings_, pattern, raters, tmp_path):
    found = sheets(tmp_path, *names)
    patterns, orphans, near = find_patterns(tmp_path, found, {name: [name] for name in recordings_})
    assert [one.pattern for one in patterns] == [pattern]
    assert (orphans, near) == ([], [])
    (one,) = patterns
    assert sorted(one.matched) == recordings_
    for name, some in one.matched.items():
        assert sorted({m.rater for m in some if m.rater}) == raters
        # Reading the cell finds the same files.
        cell = fill(f"{tmp_path}/{pattern}", recording=name)
        assert len(files_of(cell, ["arousal", "valence"])) == len(some)


def rated_with(folder, raters, names=("P01_talk", "P02_talk")):
    """Files of raters with a tool each, and their forms."""
    time = np.arange(0, 5, 0.02)
    table = pd.DataFrame({"time": time, "value": np.sin(time)})
    rows = [table.assign(rater=r, dimension=d) for r in raters for d in study.DIMENSIONS]
    for name in names:
        study.write_ratings(pd.concat(rows), folder, name)
    return rating_files(folder, sorted(folder.rglob("*.csv")))[0]


def test_raters_with_several_tools_share_a_pattern(tmp_path):
    found = rated_with(tmp_path, list(study.TOOLS))
    assert set(found.values()) == {"carma", "continuum", "spreadsheet", "pagan"}
    recordings_ = {name: [name] for name in ("P01_talk", "P02_talk")}
    patterns, orphans, near = find_patterns(tmp_path, found, recordings_)
    (one,) = patterns
    assert one.pattern == "{rater}/{recording}_{dimension}.csv"
    assert (orphans, near) == ([], [])
    assert [len(some) for some in one.matched.values()] == [8, 8]
    assert configuration_for(tmp_path, one) == {
        "interpolation": {"pagan": "hold"},
        "scale": {"anna": {"from": "declared", "to": [-1, 1]}},
    }
    said = []
    tell(one, list(recordings_), said.append, [])
    assert "  carma: anna" in said
    assert "  spreadsheet: carla" in said


def test_recordings_without_ratings_take_no_place_in_a_partition(tmp_path):
    names = [f"P{k:02d}_talk" for k in range(1, 9)]
    for name in names:
        media_files.write(tmp_path / f"{name}.wav", sound=[(0, media_files.tone(1.0))])
    alone = {row["recording"]: row for row in rows_of_folder(tmp_path, lambda words: None)}
    assert all("partition" in row for row in alone.values())
    rated_with(tmp_path, ["anna", "ben"], names[:6])
    rows = {row["recording"]: row for row in rows_of_folder(tmp_path, lambda words: None)}
    assert [name for name in names if "partition" in rows[name]] == names[:6]
    assert {rows[name]["partition"] for name in names[:6]} == {"train", "dev", "test"}


def test_files_without_a_place_for_the_rater_keep_their_forms_apart(tmp_path):
    """Here the log says who rated, and beside it lie somebody's notes for each recording."""
    touch(tmp_path, "P01_talk_arousal.csv", "P02_talk_arousal.csv")
    for name in ("P01_talk", "P02_talk"):
        (tmp_path / f"{name}.csv").write_text("time;anna;ben\n0;0,1;0,2\n1;0,2;0,3\n")
    found = rating_files(tmp_path, sorted(tmp_path.rglob("*.csv")))[0]
    found |= {Path(f"P0{k}_talk_arousal.csv"): "table" for k in (1, 2)}
    recordings_ = {name: [name] for name in ("P01_talk", "P02_talk")}
    patterns, _, _ = find_patterns(tmp_path, found, recordings_)
    assert {(one.pattern, one.form) for one in patterns} == {
        ("{recording}_{dimension}.csv", "table"),
        ("{recording}.csv", "spreadsheet"),
    }


def test_a_file_that_may_belong_to_two_recordings_is_not_guessed(tmp_path):
    found = sheets(tmp_path, "1_2.csv", "2_1.csv", "1_x.csv")
    patterns, _, near = find_patterns(tmp_path, found, {"1": ["1"], "2": ["2"]})
    assert sorted(near) == [
        "1_2.csv (may belong to any of ['1', '2'])",
        "2_1.csv (may belong to any of ['1', '2'])",
    ]
    assert [one.pattern for one in patterns] == ["{recording}_x.csv"]


def test_segments_with_words_are_no_ratings(tmp_path, capsys):
    """A transcript is told, and not used."""
    silence(tmp_path)
    for name in RECORDINGS:
        (tmp_path / "words").mkdir(exist_ok=True)
        (tmp_path / "words" / f"{name}.csv").write_text("start,end,label\n0,1,hello\n")
    said = []
    rows = rows_of_folder(tmp_path, said.append)
    assert not any("annotations" in row for row in rows)
    (line,) = [line for line in said if "words/{recording}.csv" in line]
    assert "not used as annotations" in line
    assert "line 2, column 'label': found 'hello'" in line
