"""Corpora in the layouts in which they are delivered: found, read, labelled and learnt from."""

import delivered
import numpy as np
import pandas as pd
import pytest
from projects import TINY

from softaer import layouts
from softaer.core.errors import InputError
from softaer.corpus import validate_rows

MAKE = {
    "avec2017_sewa": lambda root: delivered.avec(root, "avec2017_sewa"),
    "avec2018": lambda root: delivered.avec(root, "avec2018"),
    "avec2019": lambda root: delivered.avec(root, "avec2019"),
    "sewa_raters": delivered.sewa_raters,
    "recola": delivered.recola,
    "muse_car": delivered.muse_car,
    "deam": delivered.deam,
}

FOUND = {
    "avec2017_sewa": "train Train_01 Train_02 dev Devel_01 test Test_01",
    "avec2018": "train Train_DE_01 Train_DE_02 dev Devel_DE_01 test Test_DE_01 Test_HU_01",
    "avec2019": "train Train_DE_01 Train_HU_01 dev Devel_HU_01 test Test_CN_01 Test_DE_01",
    "sewa_raters": "train Train_DE_01 Train_HU_01 dev Devel_DE_01 test Test_HU_01",
    "recola": "train train_1 train_2 dev dev_1 test test_1",
    "muse_car": "train 1 2 dev 3 test 7",
    "deam": "train 3 4 test 5 dev 16",
}

EXPERIMENT = TINY | {"modalities": ["audio"], "delay": 2.0, "simulate": {}}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Folders of all made-up corpora."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, make in MAKE.items():
        make(folder / name)
    delivered.recola(folder / "recola_original", original=True)
    return folder


@pytest.mark.parametrize("name", MAKE)
def test_recordings_are_found_with_their_partitions_and_files(name, corpora):
    rows = layouts.layout(name).rows(corpora / name)
    words = []
    for row in rows:
        words += [] if row["partition"] in words else [row["partition"]]
        words.append(row["recording"])
        assert row["audio"].endswith(".mp3" if name == "deam" else ".wav")
        assert name == "deam" or row["video"].endswith((".avi", ".mp4"))
    assert " ".join(words) == FOUND[name]
    assert len({row["subject"] for row in rows}) == len(rows)
    unrated = [row["recording"] for row in rows if "annotations" not in row]
    assert unrated == (["Test_CN_01"] if name == "avec2019" else [])
    assert all("turns" in row for row in rows if name == "avec2017_sewa")


def test_the_original_release_of_recola_has_no_partitions(corpora):
    rows = layouts.layout("recola").rows(corpora / "recola_original")
    assert [row["recording"] for row in rows] == ["P16", "P17", "P19"]
    assert all("partition" not in row for row in rows)
    assert rows[0]["annotations"].endswith("emotional_behaviour/{dimension}/P16.csv")


def read(name, corpora, place=0, dimension="arousal"):
    layout = layouts.layout(name)
    path = layout.rows(corpora / name)[place]["annotations"].replace("{dimension}", dimension)
    table = layout.read_annotations(path, dimension)
    return table[table["dimension"] == dimension]


@pytest.mark.parametrize("name", ["avec2017_sewa", "avec2018", "avec2019"])
def test_a_gold_standard_is_one_rater(name, corpora):
    table = read(name, corpora)
    time, value = delivered.trace(0, 10)
    np.testing.assert_allclose(table["time"], time)
    np.testing.assert_allclose(table["value"], value, atol=1e-4)
    assert set(table["rater"]) == {"gold"}


@pytest.mark.parametrize(
    ("name", "place", "raters", "rate", "step"),
    [
        ("sewa_raters", 0, [f"rater{k}" for k in range(1, 7)], 10, 0.01),
        ("sewa_raters", 1, [f"rater{k}" for k in range(1, 6)], 10, 0.01),
        ("recola", 0, ["FM1", "FM2", "FM3", "FF1", "FF2", "FF3"], 25, 0.02),
        ("muse_car", 0, ["2", "4", "9"], 4, 0.02),
    ],
)
def test_raters_are_told_apart(name, place, raters, rate, step, corpora):
    table = read(name, corpora, place)
    time, value = delivered.trace(place, rate)
    assert list(table["rater"].unique()) == raters
    for k, rater in enumerate(raters):
        rows = table[table["rater"] == rater]
        np.testing.assert_allclose(rows["time"], time, atol=1e-6)
        np.testing.assert_allclose(rows["value"], value + step * k, atol=1e-4)


@pytest.mark.parametrize(
    ("place", "raters"), [(0, [f"w{k}" for k in range(5)]), (1, [f"4_row{k}" for k in range(1, 6)])]
)
def test_each_row_of_deam_is_a_rater_and_begins_after_15_seconds(place, raters, corpora):
    table = read("deam", corpora, place)
    assert list(table["rater"].unique()) == raters
    time = np.arange(15, delivered.DEAM_SECONDS, 0.5)
    for k, rater in enumerate(raters):
        rows = table[table["rater"] == rater]
        np.testing.assert_allclose(rows["time"], time)
        level = delivered.DEAM_LEVELS[k]
        truth = np.clip(0.6 * np.sin(2 * np.pi * (time / 8 + place / 5)) + level, -1, 1)
        np.testing.assert_allclose(rows["value"], truth, atol=1e-4)


def test_averages_of_deam_are_no_raters(corpora):
    path = corpora / "deam/annotations/annotations averaged per song"
    path = path / "dynamic (per second annotations)/arousal.csv"
    with pytest.raises(InputError, match=r"'song_id'.*a row per rater"):
        layouts.layout("deam").read_annotations(path, "arousal")


def test_the_partition_of_a_song_does_not_depend_on_the_others():
    songs = list(map(str, range(1, 2059)))
    shares = pd.Series([layouts.layout("deam").partition_of(song) for song in songs])
    found = shares.value_counts(normalize=True)
    assert found["train"] == pytest.approx(0.6, abs=0.05)
    assert found["dev"] == pytest.approx(0.2, abs=0.05)
    assert found["test"] == pytest.approx(0.2, abs=0.05)


def test_the_three_dimensions_of_sewa_raters_lie_side_by_side(corpora):
    for shift, dimension in enumerate(("arousal", "valence", "liking")):
        table = read("sewa_raters", corpora, dimension=dimension)
        expected = delivered.trace(0, 10)[1] + 0.1 * shift
        np.testing.assert_allclose(
            table.loc[table["rater"] == "rater1", "value"], expected, atol=1e-4
        )


@pytest.mark.workflow
@pytest.mark.parametrize("name", MAKE)
def test_a_delivered_corpus_is_learnt_from(name, corpora, empty_project):
    raters = layouts.layout(name).RATERS
    config = EXPERIMENT | {"corpus": {"layout": name, "root": str(corpora / name)}}
    if not raters:
        config |= {"targets": ["E"], "tasks": ["single"]}
    if name == "sewa_raters":
        config |= {"dimensions": ["liking"]}
    # The report takes longest; one corpus of each kind is carried so far.
    target = "all" if name in ("avec2017_sewa", "sewa_raters") else "train"
    outcome = empty_project.run(target, config=config)
    assert outcome.returncode == 0, outcome.output
    first = FOUND[name].split()[1]
    labels = pd.read_parquet(empty_project.path(f"results/labels/{first}.parquet"))
    assert labels["E"].notna().all()
    assert labels["sigma"].notna().all() == raters
    assert labels["sigma"].isna().all() != raters
    weights = list(empty_project.path("results/train").rglob("weights.safetensors"))
    assert len(weights) == 1
    listed = pd.read_csv(empty_project.path("results/corpus/listed.csv"), dtype=str)
    assert listed["recording"].tolist() == [
        word for word in FOUND[name].split() if word not in ("train", "dev", "test")
    ]
    if target == "all":
        scores = pd.read_csv(empty_project.path("results/ccc.csv"))
        assert set(scores["target"]) == ({"E", "sigma"} if raters else {"E"})
        # Sigma is the same everywhere in this corpus, so that of a constant there is no CCC.
        assert scores.loc[scores["task"] != "constant", "ccc"].notna().all()
        page = empty_project.path("results/report.html").read_text(encoding="utf-8")
        if raters:
            assert "None of the 48 published scores" in page, "liking"
        else:
            assert "arousal: this run, and Han et al. 2017 on SEWA German" in page
            assert '<td class="published">0.234</td>' in page
            assert "This run is on SEWA as in AVEC 2017" in page
    again = empty_project.run(target, config=config)
    assert "Nothing to be done" in again.output


@pytest.mark.workflow
def test_without_raters_sigma_is_refused(corpora, empty_project):
    corpus = {"layout": "avec2017_sewa", "root": str(corpora / "avec2017_sewa")}
    outcome = empty_project.run("train", config=EXPERIMENT | {"corpus": corpus})
    assert outcome.returncode != 0
    assert "'targets'" in outcome.output
    assert "no individual raters" in outcome.output


@pytest.mark.workflow
def test_a_table_says_which_recordings_of_a_layout_there_are(corpora, empty_project):
    """RECOLA's original release has no partitions; a table of one's own gives them."""
    rows = layouts.layout("recola").rows(corpora / "recola_original")
    for row, partition in zip(rows, ("train", "dev", "test"), strict=True):
        row["partition"] = partition
    pd.DataFrame(rows).to_csv(empty_project.path("recordings.csv"), index=False)
    config = EXPERIMENT | {"corpus": {"layout": "recola", "recordings": "recordings.csv"}}
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode == 0, outcome.output
    labels = pd.read_parquet(empty_project.path("results/labels/P16.parquet"))
    assert labels["raters"].unique().tolist() == [6]
    whole = EXPERIMENT | {"corpus": {"layout": "recola", "root": str(corpora / "recola_original")}}
    outcome = empty_project.run("labels", config=whole)
    assert outcome.returncode != 0
    assert "has annotations but no partition" in outcome.output


@pytest.mark.workflow
def test_a_layout_of_ones_own_is_one_file(empty_project, corpora):
    module = empty_project.source / "workflow/softaer/layouts/ours.py"
    module.write_text(
        "from softaer.layouts.recola import RATERS, read_annotations, rows\n"
        '__all__ = ["RATERS", "read_annotations", "rows"]\n'
    )
    config = EXPERIMENT | {"corpus": {"layout": "ours", "root": str(corpora / "recola")}}
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode == 0, outcome.output
    assert empty_project.path("results/labels/train_1.parquet").exists()


@pytest.mark.parametrize("name", MAKE)
def test_rows_of_layouts_are_valid_rows_of_a_table(name, corpora):
    validate_rows(dict(enumerate(layouts.layout(name).rows(corpora / name))), name)


@pytest.mark.parametrize("name", MAKE)
def test_a_folder_without_the_corpus_is_named(name, tmp_path):
    (tmp_path / "something").mkdir()
    with pytest.raises(InputError, match=r"expected .* found folders \['something'\]"):
        layouts.layout(name).rows(tmp_path)
    with pytest.raises(InputError, match="no folder"):
        layouts.layout(name).rows(tmp_path / "absent")


def test_folders_of_cultures_of_any_name_and_endings_in_either_case_are_found(tmp_path):
    for name in ("Train_DE_01", "Devel_DE_02"):
        delivered.write_sound(tmp_path / f"German/audio/{name}.WAV", 1)
        delivered.write_pictures(tmp_path / f"video/{name}.avi")
        delivered.write_rows(tmp_path / f"German/labels/{name}.csv", [("a", "0.0", "0", "0", "0")])
    rows = layouts.layout("avec2018").rows(tmp_path)
    assert [row["recording"] for row in rows] == ["Train_DE_01", "Devel_DE_02"]
    for row in rows:
        assert row["audio"].endswith(".WAV")
        assert row["video"].endswith(".avi")
        assert "German/labels" in row["annotations"]


def test_numbered_features_are_no_raters_whatever_their_folder_is_called(tmp_path):
    delivered.muse_car(tmp_path)
    for file in (tmp_path / "annotations").rglob("*.csv"):
        file.write_text(file.read_text().replace(",", ";"))
    for width in (3, 128):
        header = ["timestamp", *(["segment_id"] if width == 3 else []), *map(str, range(width))]
        path = tmp_path / f"a_features/net{width}/1.csv"
        delivered.write_rows(path, [header, [0] * len(header)], ",")
    rows = layouts.layout("muse_car").rows(tmp_path)
    assert "annotations/{dimension}/1.csv" in rows[0]["annotations"]
    assert {row.get("face") for row in rows if "video" in row} <= {"largest"}


@pytest.mark.parametrize("name", ["sewa_raters", "avec2017_sewa"])
def test_a_first_line_with_a_cell_missing_is_no_header(name, tmp_path):
    path = tmp_path / "a.csv"
    width = 11 if name == "sewa_raters" else 5
    path.write_text("\n".join(";".join(["a", f"0.{k}", *["1"] * (width - 2)]) for k in range(3)))
    path.write_text(path.read_text().replace("0.0;1;", "0.0;;", 1))
    table = layouts.layout(name).read_annotations(path, "arousal")
    assert table["time"].min() == 0
    assert len(table[(table["dimension"] == "arousal") & (table["time"] == 0.1)]) >= 1


def test_a_layout_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match=r"'sewa'.*'avec2017_sewa'.*'table'"):
        layouts.layout("sewa")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("avec2017_sewa", "'a';0.0;x;0;0\n", r"line 1, column 3: found 'x'; expected a number"),
        ("avec2017_sewa", "name;arousal\nb;1\n", "expected name, time"),
        ("sewa_raters", "a;0.0;1;2;3;4\n", "found 6 columns"),
        ("recola", "0.0;1;2\n0.1;1;2\n", "expected 'time;FM1"),
        ("recola", "time;FM1\n0.0;1\n0.1\n", "line 3: found 1 cells; expected 2"),
        ("muse_car", "timestamp,loudness\n0,1\n", "named by a number"),
        ("muse_car", "", "empty; expected an annotation file"),
        ("recola", "time;FM1\n", "a header alone"),
    ],
)
def test_annotations_that_are_none_are_named(name, text, said, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        layouts.layout(name).read_annotations(path, "arousal")
    assert str(path) in str(error.value)
