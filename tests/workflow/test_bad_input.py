"""Bad input is named for the person who has to mend it; finished results stay as they were."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from projects import Project, digests
from snakemake.utils import update_config

from softaer.core.errors import InputError
from softaer.corpus import check_files, read_rows, resolve, validate_rows
from softaer.running import configuration

pytestmark = pytest.mark.workflow

OWN_CORPUS = {"corpus": {"recordings": "recordings.csv"}}


def snapshot(project: Project) -> dict:
    """Content and time of every result."""
    results = project.path("results")
    return {
        name: (digest, (results / name).stat().st_mtime_ns)
        for name, digest in digests(results).items()
    }


def assert_refused(project: Project, words: list[str], *arguments: str, config: dict) -> None:
    """A run ends with an error that has all the words, and no result is touched."""
    before = snapshot(project)
    outcome = project.run(*arguments, config=config)
    assert outcome.returncode != 0, outcome.output
    for word in words:
        assert word in outcome.output, outcome.output
    assert "Traceback (most recent call last)" not in outcome.output, outcome.output
    assert snapshot(project) == before


@contextmanager
def refused(words: list[str]) -> Iterator[None]:
    """A function of a run ends with an error that has all the words."""
    with pytest.raises(InputError) as error:
        yield
    for word in words:
        assert word in str(error.value)


BAD_SETTINGS = {
    "unknown section": ({"trainig": {}}, ["'trainig'", "training"]),
    "unknown key": (
        {"training": {"learning_rat": 0.1}},
        ["training.learning_rat", "learning_rate"],
    ),
    "fraction for a count": ({"model": {"cells": 2.5}}, ["model.cells", "2.5", "an integer"]),
    "text for a count": ({"model": {"layers": "two"}}, ["model.layers", "'two'", "an integer"]),
    "truth for a count": ({"model": {"layers": True}}, ["model.layers", "True", "an integer"]),
    "not a number": (
        {"training": {"learning_rate": float("nan")}},
        ["training.learning_rate", "nan", "a number above 0"],
    ),
    "YAML's text for a number": (
        {"training": {"learning_rate": "1e-3"}},
        ["training.learning_rate", "'1e-3'", "written 0.001"],
    ),
    "a list for a section": ({"audio": [1]}, ["'audio'", "[1]"]),
    "no dimension": ({"dimensions": []}, ["dimensions", "[]", "a list of names"]),
    "a dimension twice": ({"dimensions": ["a", "a"]}, ["dimensions", "each once"]),
    "a dimension that leaves": ({"dimensions": ["../up"]}, ["dimensions", "'../up'", "letters"]),
    "a dimension with a space": ({"dimensions": ["my mood"]}, ["dimensions", "'my mood'"]),
    "a dimension in quotes": ({"dimensions": ["'"]}, ["dimensions", "letters"]),
    "unknown modality": ({"modalities": ["smell"]}, ["modalities", "'smell'", "'audio'"]),
    "no task": ({"tasks": []}, ["tasks", "'single'"]),
    "negative seed": ({"seeds": [-1]}, ["seeds", "-1", "0 or more"]),
    "a seed twice": ({"seeds": [1, 1]}, ["seeds", "each once"]),
    "no window": ({"audio": {"window": 0}}, ["audio.window", "above 0"]),
    "confidence above one": (
        {"video": {"min_detection_confidence": 1.5}},
        ["video.min_detection_confidence", "1.5", "0 to 1"],
    ),
    "range upside down": ({"ratings": {"range": [1, -1]}}, ["ratings.range", "lowest value first"]),
    "half a range": ({"ratings": {"range": [1]}}, ["ratings.range", "[lowest, highest]"]),
    "unknown estimator": ({"labels": {"estimator": "mode"}}, ["labels.estimator", "'mode'", "ewe"]),
    "delay of one dimension": ({"delay": {"arousal": 4.0}}, ["delay", "valence"]),
    "delay of a stranger": (
        {"delay": {"arousal": 4.0, "valence": 4.0, "liking": 4.0}},
        ["delay", "liking"],
    ),
    "negative delay": ({"delay": -1.0}, ["delay", "-1.0", "seconds"]),
    "delay between grid points": ({"delay": 0.25}, ["delay", "0.25", "multiple of 0.1 s"]),
    "unknown key in the grid": (
        {"grid": {"model.cellz": [1]}},
        ["grid.model.cellz", "model.cells"],
    ),
    "no value in the grid": ({"grid": {"model.cells": []}}, ["grid.model.cells", "[]"]),
    "bad value in the grid": (
        {"grid": {"model.cells": [8, -1]}},
        ["grid.model.cells", "-1", "an integer"],
    ),
    "unknown step": (
        {"postprocessing": {"steps": ["smoothing"]}},
        ["postprocessing.steps", "'smoothing'", "median_filter"],
    ),
    "few draws": ({"evaluation": {"draws": 10}}, ["evaluation.draws", "10", "100 or more"]),
    "unknown policy": ({"on_bad_recording": "ignore"}, ["on_bad_recording", "'ignore'", "'skip'"]),
    "no duration": ({"media": {"max_duration": 0}}, ["media.max_duration", "above 0"]),
    "half a stream": ({"media": {"max_streams": 1.5}}, ["media.max_streams", "1.5"]),
    "no table": ({"corpus": {"recordings": "nowhere.csv"}}, ["nowhere.csv", "no such file"]),
    "a folder for a table": ({"corpus": {"recordings": "results"}}, ["results", "CSV"]),
}


SETTINGS_OF_A_TABLE = ("no table", "a folder for a table")
"""Settings with which nothing is wrong before the table is read."""

TYPED_SETTINGS = (
    *SETTINGS_OF_A_TABLE,
    "unknown key",
    "a list for a section",
    "bad value in the grid",
    "delay of one dimension",
)
"""Those that whole runs are given, too."""


@pytest.mark.parametrize("name", TYPED_SETTINGS)
def test_a_run_with_a_bad_setting(finished_project, name):
    config, words = BAD_SETTINGS[name]
    assert_refused(finished_project, words, config=config)


def test_published_scores_beside_simulated_ones(finished_project):
    words = ["'report.published'", "'han2017'", "simulated corpus", "expected null or 'none'"]
    assert_refused(finished_project, words, config={"report": {"published": "han2017"}})


@pytest.mark.parametrize("name", [n for n in BAD_SETTINGS if n not in SETTINGS_OF_A_TABLE])
def test_a_bad_setting(root, name):
    """By the function that a run calls first."""
    overlay, words = BAD_SETTINGS[name]
    config = yaml.safe_load((root / "config.yaml").read_text())
    update_config(config, overlay)
    with refused(words):
        configuration.filled(config)


@pytest.fixture(scope="module")
def labelled(finished_project, tmp_path_factory) -> Project:
    """The small corpus as somebody's own, with labels."""
    folder = tmp_path_factory.mktemp("labelled") / "run"
    made = finished_project.path("results/corpus")
    for kind in ("media", "annotations"):
        shutil.copytree(made / kind, folder / kind)
    table = pd.read_csv(made / "recordings.csv").drop(columns="batch")
    table.to_csv(folder / "recordings.csv", index=False)
    project = Project(finished_project.source, folder)
    outcome = project.run("labels", config=OWN_CORPUS)
    assert outcome.returncode == 0, outcome.output
    return project


@pytest.fixture
def corpus(labelled) -> Iterator[Project]:
    """The same; its table and first annotation file are put back afterwards."""
    paths = [labelled.path(name) for name in ("recordings.csv", "annotations/rec01.csv")]
    before = {path: path.read_bytes() for path in paths}
    yield labelled
    for path, content in before.items():
        path.write_bytes(content)


def with_cell(column: str, value: str | None, row: int = 0):
    """Edit of a cell of the table."""

    def edit(table: str) -> str:
        lines = [line.split(",") for line in table.splitlines()]
        cell = "" if value is None else value
        if "," in cell or '"' in cell or "\n" in cell:
            cell = '"' + cell.replace('"', '""') + '"'
        lines[1 + row][lines[0].index(column)] = cell
        return "\n".join(map(",".join, lines)) + "\n"

    return edit


NAME = ["line 2", "column 'recording'", "expected a name of letters"]

BAD_TABLES = {
    "nothing in it": (lambda t: "", ["line 1", "'recording'"]),
    "only a header": (lambda t: t.splitlines()[0] + "\n", ["no recordings"]),
    "no names": (lambda t: t.replace("recording,", "name,", 1), ["line 1", "'name'"]),
    "unknown column": (lambda t: t.replace("media", "movie", 1), ["line 1", "'movie'", "'media'"]),
    "a column twice": (lambda t: t.replace("media", "subject", 1), ["line 1", "each once"]),
    "too many cells": (
        lambda t: t.replace("\n", ",x\n").replace(",x", "", 1),
        ["line 2", "6 cells"],
    ),
    "open quotes": (lambda t: t + '"rec', ["cannot be read as CSV"]),
    "a name twice": (with_cell("recording", "rec02"), ["line 3", "'rec02' again", "line 2"]),
    "a name with a space": (with_cell("recording", "my rec"), [*NAME, "'my rec'"]),
    "a name in quotes": (with_cell("recording", 'a"b'), [*NAME]),
    "a name with a semicolon": (with_cell("recording", "a;reboot"), [*NAME, "a;reboot"]),
    "a name in Greek": (with_cell("recording", "σ"), [*NAME, "σ"]),
    "a name with a slash": (with_cell("recording", "a/b"), [*NAME, "a/b"]),
    "a name that goes up": (with_cell("recording", "../../etc/x"), [*NAME, "../../etc/x"]),
    "dots for a name": (with_cell("recording", ".."), [*NAME, "'..'"]),
    "a name like a flag": (with_cell("recording", "--help"), [*NAME, "--help"]),
    "a name of two lines": (with_cell("recording", "a\nb"), ["column 'recording'"]),
    "a long name": (with_cell("recording", "a" * 101), ["line 2", "column 'recording'"]),
    "no name": (with_cell("recording", None), ["line 2", "recording"]),
    "unknown partition": (with_cell("partition", "trian"), ["line 2", "'trian'", "'train', 'dev'"]),
    "a subject in two partitions": (
        with_cell("subject", "s01", row=1),
        ["line 3", "column 'partition'", "subject 's01'", "line 2"],
    ),
    "nobody": (with_cell("subject", None), ["recording 'rec01'", "no subject"]),
    "no partition": (with_cell("partition", None), ["recording 'rec01'", "no partition"]),
    "no file": (with_cell("media", None), ["line 2", "'rec01' has no file"]),
    "no such annotations": (with_cell("annotations", "annotations/x.csv"), ["annotations/x.csv"]),
    "nothing rated": (
        lambda t: "\n".join(line.rpartition(",")[0] for line in t.splitlines()) + "\n",
        ["no recording has annotations"],
    ),
}


BAD_EXPERIMENTS = ("nobody", "no partition", "nothing rated")
"""Tables of recordings that are none of an experiment: only the rules can tell."""

TYPED_TABLES = (
    *BAD_EXPERIMENTS,
    "nothing in it",
    "a name with a semicolon",
    "a name that goes up",
    "unknown partition",
    "no such annotations",
)
"""Those that whole runs are given, too."""


def spoilt(corpus: Project, name: str) -> tuple[Path, list[str]]:
    """The table with one of the faults, and the words that tell it."""
    edit, words = BAD_TABLES[name]
    path = corpus.path("recordings.csv")
    path.write_text(edit(path.read_text()))
    return path, [path.name, *words]


@pytest.mark.parametrize("name", TYPED_TABLES)
def test_a_run_with_a_bad_table(corpus, name):
    _, words = spoilt(corpus, name)
    assert_refused(corpus, words, "labels", config=OWN_CORPUS)


def check_table(path: Path) -> None:
    """What a run does first."""
    rows = read_rows(path)
    validate_rows(rows, path)
    check_files(resolve(rows.values(), path.parent), ["arousal", "valence"], path)


@pytest.mark.parametrize("name", [n for n in BAD_TABLES if n not in BAD_EXPERIMENTS])
def test_a_bad_table(corpus, name):
    path, words = spoilt(corpus, name)
    with refused(words):
        check_table(path)


def test_a_table_in_another_encoding(corpus):
    path = corpus.path("recordings.csv")
    path.write_bytes(path.read_bytes() + "märz,s9,test,a.mp4,b.csv\n".encode("latin-1"))
    assert_refused(corpus, ["recordings.csv", "UTF-8"], "labels", config=OWN_CORPUS)


def test_a_batch_that_leaves(corpus):
    path = corpus.path("recordings.csv")
    pd.read_csv(path).assign(batch="../b").to_csv(path, index=False)
    words = ["recordings.csv, line 2", "column 'batch'", "../b"]
    assert_refused(corpus, words, "labels", config=OWN_CORPUS)


@pytest.mark.parametrize("partition", ["train", "dev"])
def test_an_empty_partition(corpus, partition):
    path = corpus.path("recordings.csv")
    table = pd.read_csv(path)
    table[table["partition"] != partition].to_csv(path, index=False)
    words = ["recordings.csv", f"no rated recording in partition '{partition}'"]
    assert_refused(corpus, words, config=OWN_CORPUS)


def test_a_media_file_that_is_not_there(corpus):
    path = corpus.path("recordings.csv")
    path.write_text(with_cell("media", "media/missing.mp4")(path.read_text()))
    assert_refused(corpus, ["media/missing.mp4"], "extract", config=OWN_CORPUS)


def replaced(number: int, line: str):
    """Edit of a line of an annotation file."""

    def edit(text: str) -> str:
        lines = text.splitlines()
        lines[number - 1] = line
        return "\n".join(lines) + "\n"

    return edit


BAD_ANNOTATIONS = {
    "nothing in it": (lambda t: "", ["line 1", "'time'"]),
    "only a header": (lambda t: t.splitlines()[0] + "\n", ["no ratings of 'arousal'"]),
    "open quotes": (lambda t: t + '"', ["cannot be read as CSV"]),
    "no times": (lambda t: t.replace("time", "t", 1), ["line 1", "'time'"]),
    "no dimension": (lambda t: t.replace("dimension", "what", 1), ["line 1", "'dimension'"]),
    "one column per rater": (
        lambda t: "time,r1,r2\n0.0,0.1,0.2\n0.1,0.1,0.2\n",
        ["several dimensions", "{dimension}"],
    ),
    "text for a value": (replaced(3, "0.1,r1,arousal,n/a"), ["line 3", "'value'", "'n/a'"]),
    "no value": (replaced(3, "0.1,r1,arousal,"), ["line 3", "'value'", "empty cell"]),
    "an endless value": (replaced(3, "0.1,r1,arousal,inf"), ["line 3", "'value'", "'inf'"]),
    "no number for a time": (replaced(3, "nan,r1,arousal,0.1"), ["line 3", "'time'", "'nan'"]),
    "a time in words": (replaced(3, "0:01,r1,arousal,0.1"), ["line 3", "'time'", "'0:01'"]),
    "a time before the start": (replaced(3, "-5,r1,arousal,0.1"), ["rec01", "negative time -5 s"]),
    "a cell too few": (replaced(3, "0.1,r1,arousal"), ["line 3", "3 cells", "expected 4"]),
    "nobody": (replaced(3, "0.1,,arousal,0.1"), ["line 3", "'rater'", "empty cell"]),
    "a dimension that nobody rated": (
        lambda t: "".join(line for line in t.splitlines(True) if "valence" not in line),
        ["rec01", "no ratings of 'valence'", "arousal"],
    ),
    "values too far apart": (
        lambda t: (
            t.splitlines()[0]
            + "".join(
                f"\n{40 * k}.05,r1,{d},0.1" for d in ("arousal", "valence") for k in (1, 2, 3)
            )
        ),
        ["rec01", "no rating of 'arousal' reaches the grid", "at most 1 s apart"],
    ),
}


@pytest.mark.parametrize(("edit", "words"), BAD_ANNOTATIONS.values(), ids=BAD_ANNOTATIONS)
def test_bad_annotations(corpus, edit, words):
    path = corpus.path("annotations/rec01.csv")
    path.write_text(edit(path.read_text()))
    assert_refused(corpus, ["annotations/rec01.csv", *words], "labels", config=OWN_CORPUS)


def test_annotations_in_another_encoding(corpus):
    path = corpus.path("annotations/rec01.csv")
    path.write_bytes(path.read_text().replace("r1", "Jörg").encode("latin-1"))
    assert_refused(corpus, ["annotations/rec01.csv", "UTF-8"], "labels", config=OWN_CORPUS)


def test_values_outside_the_stated_range(corpus):
    words = ["annotations/rec01.csv", "'arousal'", "expected -0.001 to 0.001"]
    config = OWN_CORPUS | {"ratings": {"range": [-0.001, 0.001]}}
    assert_refused(corpus, words, "labels", config=config)


def test_a_setting_that_no_annotation_answers_to(corpus):
    words = ["annotations/rec01.csv", "no ratings of 'liking'", "arousal"]
    config = OWN_CORPUS | {"dimensions": ["arousal", "liking"]}
    assert_refused(corpus, words, "labels", config=config)


def test_annotations_of_another_recording_or_in_milliseconds(corpus):
    """Found where labels meet features."""
    path = corpus.path("annotations/rec01.csv")
    ratings = pd.read_csv(path)
    ratings.assign(time=1000 * ratings["time"]).to_csv(path, index=False)
    config = OWN_CORPUS | {"ratings": {"max_gap": 100.0}}
    outcome = corpus.run("results/dataset/audio/rec01.parquet", config=config)
    assert outcome.returncode != 0
    assert "recording 'rec01'" in outcome.output
    assert "are after the end of the recording" in outcome.output


def single_rater(ratings: pd.DataFrame) -> pd.DataFrame:
    return ratings[ratings["rater"] == "r1"]


def constant_raters(ratings: pd.DataFrame) -> pd.DataFrame:
    return ratings.assign(value=0.25)


@pytest.mark.parametrize("change", [single_rater, constant_raters])
def test_raters_that_cannot_be_weighed_give_their_mean(corpus, change):
    path = corpus.path("annotations/rec01.csv")
    change(pd.read_csv(path)).to_csv(path, index=False)
    outcome = corpus.run("labels", config=OWN_CORPUS)
    assert outcome.returncode == 0, outcome.output
    labels = pd.read_parquet(corpus.path("results/labels/rec01.parquet"))
    assert labels["E"].notna().all()
    if change is single_rater:
        assert labels["sigma"].isna().all()
        assert (labels["raters"] == 1).all()
    else:
        assert (labels["E"] == 0.25).all()
        assert (labels.loc[labels["raters"] > 1, "sigma"] == 0).all()
    said = "one rater alone" if change is single_rater else "no rater agrees with the others"
    assert said in corpus.path("results/logs/labels/rec01.log").read_text()
    notes = pd.read_parquet(corpus.path("results/status/labels/rec01.parquet"))
    assert notes["note"].str.contains(said).all()
    assert len(notes) == len(labels["dimension"].unique())


def test_a_corpus_with_one_rater_has_no_sigma_to_learn(corpus):
    kept = {path: path.read_bytes() for path in corpus.path("annotations").iterdir()}
    try:
        for path in kept:
            single_rater(pd.read_csv(path)).to_csv(path, index=False)
        config = OWN_CORPUS | {"dimensions": ["arousal"], "modalities": ["audio"]}
        outcome = corpus.run("train", config=config)
        assert outcome.returncode != 0
        words = "label of arousal_sigma; expected at least one (sigma needs two raters"
        assert words in outcome.output
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
