"""A corpus is looked at before the workflow runs."""

import csv
import sys

import media_files
import numpy as np
import pytest

from softaer.agreement import krippendorff_alpha, pairwise_correlation
from softaer.corpus import __main__ as corpus
from softaer.errors import InputError

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


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    """Three recordings of six seconds with three raters; some may be spoilt before the check."""
    time = np.arange(0, 6.05, 0.1)
    for k, name in enumerate("abc"):
        frames = [(t, media_files.grey(90)) for t in np.arange(0, 6, 0.04)]
        sound = [(0, media_files.tone(6.0))]
        media_files.write(tmp_path / f"{name}.mkv", pictures=frames, sound=sound)
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

    def run(*words):
        argv = ["softaer.corpus", "check", str(tmp_path / "recordings.csv"), *words]
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
    assert "Nothing is wrong." in out
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
    assert "arousal: 3 raters, 3 to 3 for a recording" in out


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
            "no subject, but annotations",
        ),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_looked_at(spoil, said, checked):
    folder, run = checked
    spoil(folder)
    code, out, err = run("--dimensions", "arousal")
    assert code == 1
    assert said in err
    assert "1 thing to look at" in err
    assert out.count("train") >= 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",dev,b.mkv,b.csv", ",dev,b.mkv,", ["no annotations: b;", "in partition 'dev'"]),
        (",dev,b.mkv", ",test,b.mkv", ["no rated recording in partition 'dev'"]),
        (".csv", "", ["no recording has annotations: enough for the target 'extract' alone"]),
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
    assert "no dimension is known" in err


def test_a_table_that_is_wrong_ends_the_check(checked):
    folder, run = checked
    edit(folder / "recordings.csv", "train", "trian")
    with pytest.raises(InputError, match="line 2, column 'partition': found 'trian'"):
        run()


def keep(path, lines):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))


def stretch(path, factor):
    header, *lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    stretched = [",".join([f"{float(c[0]) * factor:.2f}", *c[1:]]) for c in cells]
    path.write_text("\n".join([header, *stretched]) + "\n")


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))
