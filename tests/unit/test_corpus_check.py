"""A corpus is looked at before the workflow runs."""

import csv
import os
import re
import shutil
import sys
import time as clock

import av
import numpy as np
import pytest

import media_files
from softaer import __main__ as corpus
from softaer.core.errors import InputError
from softaer.core.inference import FEW_UNITS
from softaer.core.reliability import krippendorff_alpha, pairwise_correlation
from softaer.prepare.check import ENOUGH_FOR_CLAIMS

NAN = np.nan

# Krippendorff, Computing Krippendorff's alpha-reliability (2011): 4 observers, 12 units.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_alpha_is_the_published_one():
    assert krippendorff_alpha(PUBLISHED) == pytest.approx(0.849, abs=5e-4)


def test_alpha_does_not_depend_on_where_zero_lies():
    assert krippendorff_alpha(PUBLISHED + 1e6) == pytest.approx(krippendorff_alpha(PUBLISHED))


def test_alpha_is_one_for_agreement_and_near_zero_for_chance():
    rng = np.random.default_rng(1)
    trace = rng.standard_normal(5000)
    assert krippendorff_alpha(np.stack([trace, trace])) == pytest.approx(1)
    assert abs(krippendorff_alpha(rng.standard_normal((3, 5000)))) < 0.03
    assert np.isnan(krippendorff_alpha(np.array([[1.0, NAN], [NAN, 2.0]])))
    assert np.isnan(krippendorff_alpha(np.ones((2, 5))))


def test_correlation_is_the_mean_over_pairs():
    a = np.arange(10.0)
    assert pairwise_correlation(np.stack([a, 2 * a, -a])) == pytest.approx(-1 / 3)
    assert np.isnan(pairwise_correlation(np.ones((2, 10))))


@pytest.fixture(scope="module")
def six_seconds(tmp_path_factory):
    """Grey pictures and a tone."""
    frames = [(t, media_files.grey(90)) for t in np.arange(0, 6, 0.04)]
    path = tmp_path_factory.mktemp("media") / "six_seconds.mkv"
    return media_files.write(path, pictures=frames, sound=[(0, media_files.tone(6.0))])


@pytest.fixture
def checked(six_seconds, tmp_path, monkeypatch, capsys):
    """Three recordings of six seconds with three raters; some may be spoilt before the check."""
    time = np.arange(0, 6.05, 0.1)
    for k, name in enumerate("abc"):
        shutil.copy(six_seconds, tmp_path / f"{name}.mkv")
        lines = ["time,rater,dimension,value"]
        for rater in range(3):
            values = np.sin(time + k) + 0.1 * np.cos((2 + rater) * time)
            lines += [
                f"{t:.2f},r{rater},arousal,{v:.4f}" for t, v in zip(time, values, strict=True)
            ]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    rows = ["recording,subject,partition,media,annotations"]
    for name, part in zip("abc", ("train", "dev", "test"), strict=True):
        rows.append(f"{name},s{name},{part},{name}.mkv,{name}.csv")
    (tmp_path / "recordings.csv").write_text("\n".join(rows) + "\n")

    def run(*words, table=True):
        named = [str(tmp_path / "recordings.csv")] if table else []
        argv = ["softaer", "check", *named, *map(str, words)]
        monkeypatch.setattr(sys, "argv", argv)
        try:
            corpus.main()
        except SystemExit as end:
            return end.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return tmp_path, run


def test_a_sound_corpus_is_shown(checked):
    folder, run = checked
    code, out, err = run("--csv", str(folder / "found.csv"))
    assert (code, err) == (0, "")
    assert "No problems found." in out
    with open(folder / "found.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["recording"] for row in rows] == ["a", "b", "c"]
    for row in rows:
        assert row["dimension"] == "arousal"
        assert float(row["seconds"]) == pytest.approx(6, abs=0.3)
        assert float(row["rate"]) == pytest.approx(10, abs=0.1)
        assert (row["raters"], row["size"]) == ("3", "64x48")
        assert float(row["audio"]) == 16_000
        assert float(row["coverage"]) > 0.95
        assert float(row["r"]) > 0.95
        assert float(row["alpha"]) > 0.95
    assert "arousal: 3 raters, 3 to 3 per recording" in out


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "a.mkv").write_bytes(b"no"), "recording 'a': "),
        (lambda f: (f / "b.csv").unlink(), "no such annotation file"),
        (lambda f: (f / "c.csv").write_text("time,rater,dimension,value\n0,r,arousal,x\n"), "'x'"),
        (lambda f: keep(f / "a.csv", 20), "ratings of 'arousal' cover"),
        (lambda f: stretch(f / "a.csv", 2), "the recording at 6"),
        (
            lambda f: edit(f / "recordings.csv", ",sa,train", ",,train"),
            "annotations but no subject",
        ),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_looked_at(spoil, said, checked):
    folder, run = checked
    spoil(folder)
    code, out, err = run("--dimensions", "arousal")
    assert code == 1
    assert said in err
    assert "1 problem:" in err
    assert out.count("train") >= 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            ",dev,b.mkv,b.csv",
            ",dev,b.mkv,",
            ["no annotations, not used for training: b", "in partition 'dev'"],
        ),
        (",dev,b.mkv", ",test,b.mkv", ["no rated recording in partition 'dev'"]),
        (".csv", "", ["no recording has annotations: only the target 'extract' can be made"]),
    ],
    ids=["one unrated", "no dev", "none rated"],
)
def test_what_is_not_enough_for_an_experiment_is_told(old, new, said, checked):
    folder, run = checked
    table = folder / "recordings.csv"
    text = table.read_text()
    if new == "":
        text = text.replace(",a.csv", ",").replace(",b.csv", ",").replace(",c.csv", ",")
    table.write_text(text.replace(old, new))
    code, _, err = run()
    assert code == 1
    for words in said:
        assert words in err


def test_all_that_is_wrong_is_told_at_once(checked):
    folder, run = checked
    (folder / "a.mkv").write_bytes(b"no")
    (folder / "b.csv").unlink()
    code, _, err = run("--dimensions", "arousal")
    assert code == 1
    assert "a.mkv" in err
    assert "b.csv" in err


def test_turns_are_looked_at(checked):
    folder, run = checked
    edit(folder / "recordings.csv", "annotations\na", "annotations,turns\na")
    edit(folder / "recordings.csv", "b.csv", "b.csv,b_turns.csv")
    edit(folder / "recordings.csv", "a.csv", "a.csv,")
    edit(folder / "recordings.csv", "c.csv", "c.csv,")
    code, _, err = run()
    assert code == 1
    assert "recording 'b': " in err
    assert "no such file of turns" in err


def test_dimensions_may_stand_in_the_name_of_a_file(checked):
    folder, run = checked
    for name in "abc":
        text = (folder / f"{name}.csv").read_text()
        for dimension in ("arousal", "mood"):
            (folder / f"{name}_{dimension}.csv").write_text(text.replace("arousal", dimension))
        edit(folder / "recordings.csv", f"{name}.csv", f"{name}_{{dimension}}.csv")
    code, out, _ = run()
    assert code == 0
    assert "mood: 3 raters" in out


def test_unknown_dimensions_are_told(checked):
    folder, run = checked
    edit(folder / "recordings.csv", "a.csv", "nowhere/{dimension}.csv")
    edit(folder / "recordings.csv", "b.csv", "")
    edit(folder / "recordings.csv", "c.csv", "")
    code, _, err = run()
    assert code == 1
    assert "no dimension was found" in err


def test_a_table_that_is_wrong_ends_the_check(checked):
    folder, run = checked
    edit(folder / "recordings.csv", "train", "trian")
    with pytest.raises(InputError, match="line 2, column 'partition': found 'trian'"):
        run()


def rewrite(path, change):
    """Change the values of an annotation file, by time and rater."""
    header, *lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines]
    changed = [
        f"{time},{rater},{dimension},{change(float(time), rater, float(value))}"
        for time, rater, dimension, value in rows
    ]
    path.write_text("\n".join([header, *changed]) + "\n")


def raters_in(out, dimension="arousal"):
    """The rows of a dimension's raters that the check shows, by rater."""
    lines = out.split(f"\n{dimension}: ")[1].splitlines()
    names = lines[1].split()
    table = lines[2 : lines.index("")] if "" in lines else lines[2:]
    rows = [dict(zip(names, line.split(), strict=True)) for line in table]
    return {row["rater"]: row for row in rows}


def test_raters_are_shown_over_the_corpus(checked):
    code, out, _ = checked[1]()
    assert code == 0
    found = raters_in(out)
    assert sorted(found) == ["r0", "r1", "r2"]
    for row in found.values():
        assert row["recordings"] == "3"
        assert row["share"] == "100%"
        assert (row["flat"], row["inverted"]) == ("0", "0")
        assert float(row["minimum"]) == pytest.approx(-1.05, abs=0.06)
        assert float(row["maximum"]) == pytest.approx(1.05, abs=0.06)
        assert float(row["r"]) > 0.95


@pytest.mark.parametrize(
    ("change", "said", "row"),
    [
        (lambda t, r, v: 0.3 if r == "r1" else v, "1 of 9 traces of 'arousal' are flat", "flat"),
        (
            lambda t, r, v: -v if r == "r1" else v,
            "1 of 9 traces of 'arousal' are inverted",
            "inverted",
        ),
    ],
    ids=["flat", "inverted"],
)
def test_flat_and_inverted_traces_are_told(change, said, row, checked):
    folder, run = checked
    rewrite(folder / "b.csv", change)
    code, out, err = run()
    assert code == 1
    assert said in err
    assert "the first is that of 'r1' in recording 'b'" in err
    assert raters_in(out)["r1"][row] == "1"
    assert raters_in(out)["r2"][row] == "0"


def test_nobody_is_inverted_where_nobody_agrees(checked):
    folder, run = checked
    shapes = {"r0": np.sin, "r1": np.cos, "r2": lambda t: -np.sin(t + 0.7)}
    rewrite(folder / "a.csv", lambda t, r, v: shapes[r](t))
    code, out, _ = run()
    assert code == 0
    assert float(raters_in(out)["r2"]["r"]) < 0.5
    for name in "bc":
        rewrite(folder / f"{name}.csv", lambda t, r, v: shapes[r](t))
    code, _, err = run()
    assert code == 1
    assert "rater 'r2' correlates negatively with the others in 'arousal': mean r -" in err
    assert "over 3 recordings" in err
    assert "agree with each other" not in err


@pytest.mark.parametrize(
    ("change", "names", "said"),
    [
        (
            lambda t, r, v: 50 + 45 * v if r == "r1" else v,
            "b",
            "recording 'b': ratings of 'arousal'",
        ),
        (lambda t, r, v: 50 + 45 * v if r == "r1" else v, "abc", "over all recordings: ratings of"),
        (lambda t, r, v: 50 + 45 * v, "b", "by recordings 'b', but"),
        (lambda t, r, v: -999 if t < 1 and r == "r2" else v, "c", "'r2' has -999"),
        (lambda t, r, v: -1 if t < 1 else (v + 1.2) / 2.4, "c", "give -1 for 'arousal'"),
    ],
    ids=["a rater in a recording", "a rater", "a recording", "a code", "minus one"],
)
def test_scales_and_codes_are_told(change, names, said, checked):
    folder, run = checked
    for name in names:
        rewrite(folder / f"{name}.csv", change)
    code, _, err = run()
    assert code == 1
    assert said in err


def test_a_column_that_is_no_rater_and_a_name_in_another_case_are_told(checked):
    folder, run = checked
    edit(folder / "a.csv", "r2", "frame")
    edit(folder / "b.csv", "0.00,r0,arousal", "0.00,r0,Arousal")
    edit(folder / "c.csv", "r1", " r1 ")
    code, out, err = run()
    assert code == 1
    assert "2 problems:" in err
    assert "recording 'a': column 'frame' of 'arousal'" in err
    assert "recording 'b': 1 ratings of 'Arousal' are not used" in err
    assert sorted(raters_in(out)) == ["r0", "r1", "r2"]


def test_a_rater_whose_name_changes_its_case_from_file_to_file_is_told(checked):
    folder, run = checked
    edit(folder / "b.csv", "r1", "R1")
    code, _, err = run()
    assert code == 1
    assert "raters ['R1', 'r1'] of several recordings differ only in case" in err


def test_a_rater_in_other_units_is_told_unless_scales_are_free(experiment):
    folder, check = experiment
    for name in "abc":
        rewrite(folder / f"{name}.csv", lambda t, r, v: 50 + 45 * v if r == "r1" else 5 + 4 * v)
    code, _, err = check("dimensions: [arousal]\n")
    assert code == 1
    for name in "abc":
        assert f"recording '{name}': raters of 'arousal' agree in shape, but not in" in err
    assert check("dimensions: [arousal]\nratings: {scales: free}\n")[0] == 0


def test_a_recording_that_may_be_on_another_scale_is_told(checked):
    folder, run = checked
    for name in "abc":
        rewrite(folder / f"{name}.csv", lambda t, r, v: 3 + 1.8 * v)
    assert run()[0] == 0
    rewrite(folder / "b.csv", lambda t, r, v: 25 * (v - 1))
    code, _, err = run()
    assert code == 1
    assert "over all recordings: ratings of 'arousal' from" in err
    assert "by recordings 'b', but" in err


def test_many_things_of_a_kind_are_counted(checked):
    folder, run = checked
    rows = (folder / "recordings.csv").read_text().splitlines()
    for k in range(40):
        (folder / f"x{k}.csv").write_text((folder / "a.csv").read_text().replace("r2", "frame"))
        rows.append(f"x{k},sx{k},train,a.mkv,x{k}.csv")
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    code, _, err = run()
    assert code == 1
    assert "40 problems:" in err
    assert err.count("'frame'") == 4
    assert "and 37 more of this kind, the last: recording 'x39'" in err


def test_partitions_that_are_small_for_the_report_are_remarked(checked):
    folder, run = checked
    code, out, _ = run()
    assert code == 0
    assert "dev has 1 subject (or group)" in out
    assert "test has 1 rated recording of 1 subject" in out
    rows = (folder / "recordings.csv").read_text().splitlines()
    for part, count in (("dev", 2), ("test", 5)):
        rows += [f"{part}{k},s{part}{k},{part},a.mkv,a.csv" for k in range(count)]
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    code, out, _ = run()
    assert code == 0
    assert "dev has" not in out
    assert "test has" not in out
    (folder / "recordings.csv").write_text("\n".join(rows[:-3]) + "\n")
    out = " ".join(run()[1].split())
    assert "test has 3 rated recordings of 3 subjects: scores have no interval" in out
    assert "no claim can be decided; expected 6 or more subjects" in out
    # Recordings of the same subject do not help.
    rows[-3:] = [f"again{k},stest0,test,a.mkv,a.csv" for k in range(9)]
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    assert "test has 12 rated recordings of 3 subjects" in run()[1]


def test_enough_subjects_for_claims_is_what_the_evaluation_asks_for():
    assert ENOUGH_FOR_CLAIMS == FEW_UNITS + 1


def test_a_group_is_as_one_subject_in_dev(checked):
    folder, run = checked
    table = folder / "recordings.csv"
    rows = [f"{line}," for line in table.read_text().splitlines()]
    rows[0] = rows[0][:-1] + ",group"
    rows += [f"d{k},sd{k},dev,a.mkv,a.csv,session" for k in range(3)]
    table.write_text("\n".join(rows) + "\n")
    assert "dev has 2 subjects (or groups)" in run()[1]


@pytest.fixture
def experiment(checked):
    """Writes a configuration beside the corpus and checks it."""
    folder, run = checked

    def check(text, *words, table=True):
        path = folder / "experiment.yaml"
        path.write_text(text)
        return run("--configfile", path, *words, table=table)

    return folder, check


def test_it_judges_with_the_settings_of_the_experiment(experiment):
    folder, check = experiment
    assert check("dimensions: [arousal]\n")[0] == 0
    code, _, err = check("dimensions: [arousal, valence]\n")
    assert code == 1
    assert "no ratings of 'valence'" in err
    assert check("dimensions: [arousal, valence]\n", "--dimensions", "arousal")[0] == 0
    code, _, err = check("dimensions: [arousal]\nratings: {range: [0, 1]}\n")
    assert code == 1
    assert "expected 0 to 1" in err
    rewrite(folder / "a.csv", lambda t, r, v: -999 if t < 1 and r == "r2" else v)
    assert check("dimensions: [arousal]\n")[0] == 1
    code, out, err = check("dimensions: [arousal]\nratings: {missing: [-999]}\n")
    assert (code, err) == (0, "")
    assert "10 values of rater 'r2' are missing" in out
    assert float(raters_in(out)["r2"]["minimum"]) > -2


def test_it_looks_at_the_raters_of_the_experiment(experiment):
    _, check = experiment
    code, out, _ = check("dimensions: [arousal]\nratings: {raters: [r0, r2]}\n")
    assert code == 0
    assert sorted(raters_in(out)) == ["r0", "r2"]
    code, _, err = check("dimensions: [arousal]\nratings: {raters: [r0, r9]}\n")
    assert code == 1
    assert "rater 'r9' of ratings.raters has no ratings of 'arousal'" in err


def test_one_rater_is_told_where_sigma_is_asked_for(experiment):
    _, check = experiment
    one = "dimensions: [arousal]\nratings: {raters: [r0]}\n"
    code, _, err = check(one)
    assert code == 1
    assert (
        "3 of 3 recordings have only one rater of 'arousal' and thus no sigma: 'a', 'b', 'c'" in err
    )
    assert check(one + "targets: [E]\ntasks: [single]\n")[0] == 0


def test_what_is_held_covers_the_recording(experiment):
    folder, check = experiment
    for k, name in enumerate("abc"):
        rows = [
            f"{t},r{j},arousal,{v}" for j in range(2) for t, v in ((0, 0.1), (2 + k, 0.4 + 0.1 * j))
        ]
        (folder / f"{name}.csv").write_text("\n".join(["time,rater,dimension,value", *rows]) + "\n")
    code, _, err = check("dimensions: [arousal]\n")
    assert code == 1
    assert "interpolation: hold" in err
    code, out, err = check("dimensions: [arousal]\nratings: {interpolation: hold}\n")
    assert (code, err) == (0, "")
    assert raters_in(out)["r1"]["share"] == "100%"


def test_the_table_may_be_that_of_the_experiment(experiment, monkeypatch):
    folder, check = experiment
    monkeypatch.chdir(folder)
    own = "dimensions: [arousal]\ncorpus: {recordings: recordings.csv}\n"
    code, out, _ = check(own, table=False)
    assert code == 0
    assert "arousal: 3 raters" in out
    with pytest.raises(InputError, match="no table; expected"):
        check("dimensions: [arousal]\n", table=False)


def test_later_files_count_more(checked):
    folder, run = checked
    (folder / "one.yaml").write_text(
        "dimensions: [arousal]\nratings: {range: [0, 1], max_gap: 2}\n"
    )
    (folder / "two.yaml").write_text("ratings: {range: null}\n")
    assert run("--configfile", folder / "one.yaml", folder / "two.yaml")[0] == 0
    assert run("--configfile", folder / "two.yaml", folder / "one.yaml")[0] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ratings: {interpolation: cubic}\n", "'ratings.interpolation': found 'cubic'"),
        ("ratings: {last_holds: never}\n", "'ratings.last_holds': found 'never'"),
        ("ratings: {raters: [1, 2]}\n", "'ratings.raters'"),
        ("ratings: {holds: 3}\n", "'ratings.holds': not known"),
        ("ratings: [\n", "experiment.yaml: cannot be read as YAML"),
        ("- a\n", "experiment.yaml: found list; expected keys and values"),
        ("corpus: {layout: nowhere}\n", "'corpus.layout': found 'nowhere'"),
    ],
)
def test_a_configuration_that_is_wrong_ends_the_check(text, words, experiment):
    with pytest.raises(InputError, match=re.escape(words)):
        experiment[1](text)


def test_a_configuration_that_is_not_there_ends_the_check(checked):
    with pytest.raises(InputError, match=r"gone\.yaml: no such file"):
        checked[1]("--configfile", checked[0] / "gone.yaml")


def test_faults_of_real_files_are_told(shared_data, monkeypatch, capsys):
    table = shared_data / "faults" / "extra_columns" / "recordings.csv"
    monkeypatch.setattr(sys, "argv", ["softaer", "check", str(table)])
    with pytest.raises(SystemExit) as end:
        corpus.main()
    assert end.value.code == 1
    err = capsys.readouterr().err
    for words in ("'f': column 'frame'", "'m': column 'mean'", "'r1' has -999", "3 problems:"):
        assert words in err


def keep(path, lines):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))


def stretch(path, factor):
    header, *lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    stretched = [",".join([f"{float(c[0]) * factor:.2f}", *c[1:]]) for c in cells]
    path.write_text("\n".join([header, *stretched]) + "\n")


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_a_file_that_was_cut_off_is_told(checked):
    folder, run = checked
    path = folder / "b.mkv"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    status, _, said = run()
    assert status == 1
    assert "packets end before the length stated in the header [s]: 'b' (" in said
    assert "'a' (" not in said


def test_damaged_packets_do_not_make_a_file_unreadable(checked):
    folder, run = checked
    path = folder / "b.mkv"
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = [bytes(p) for p in container.demux(video=0) if p.size][70]
    place = content.index(packet[:64])
    content[place : place + 8] = bytes(8)
    path.write_bytes(content)
    assert "cannot be decoded" not in run()[2]


def test_an_annotation_file_of_a_dimension_from_the_future_is_told(checked):
    folder, run = checked
    table = folder / "recordings.csv"
    (folder / "arousal").mkdir()
    shutil.copy(folder / "a.csv", folder / "arousal" / "a.csv")
    table.write_text(table.read_text().replace("a.csv", "{dimension}/a.csv"))
    assert "in the future" not in run()[2]
    later = clock.time() + 7200
    os.utime(folder / "arousal" / "a.csv", (later, later))
    assert "arousal/a.csv: last changed 2.0 h in the future" in run()[2]
