"""An edit reruns the stages that it concerns and those that follow, and no other."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import rerun_cases
from projects import Project, copied, digests, once
from rerun_cases import FILES, MODULES, SCORES, SETTINGS

pytestmark = pytest.mark.workflow

OWN_TABLE = "results/corpus/recordings.csv"
OWN_CORPUS = {"corpus": {"recordings": OWN_TABLE}, "report": {"frames": True}}


@contextmanager
def edited(path: Path, new: str) -> Iterator[None]:
    """Give a file other content for a while."""
    text = path.read_text()
    path.write_text(new)
    try:
        yield
    finally:
        path.write_text(text)


def rules_that_rerun(project: Project, config: dict | None = None) -> set[str]:
    """Rules that a run would execute, by a dry run."""
    outcome = project.run("--dry-run", config=config)
    assert outcome.returncode == 0, outcome.output
    return outcome.rules


def test_the_page_has_the_table_of_the_cases():
    assert rerun_cases.page() == rerun_cases.PAGE.read_text(encoding="utf-8"), (
        "run: python tests/workflow/rerun_cases.py"
    )


@pytest.mark.parametrize("case", SETTINGS, ids=lambda case: case.edit.strip("`"))
def test_a_change_of_configuration(finished_project, case):
    assert rules_that_rerun(finished_project, case.config) == case.rules


@pytest.mark.parametrize("case", MODULES, ids=lambda case: case.module)
def test_an_edit_of_a_module(finished_project, case):
    module = finished_project.source / f"workflow/softaer/{case.module}.py"
    with edited(module, module.read_text() + "\nMORE = 1\n"):
        assert rules_that_rerun(finished_project) == case.rules


def test_every_rule_has_an_edit_of_its_module(finished_project):
    outcome = finished_project.run("--forceall", "--dry-run")
    assert outcome.rules == set().union(*(case.rules for case in MODULES))


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("labels", '"""Labels: the emotional', '"""Labels of every frame: the emotional'),
        ("panels/weighting", "def rater_agreement(", "# A remark.\n\n\ndef rater_agreement("),
        ("signals/sound", "AUDIO_RATE = 16_000", "UNUSED = 1\nAUDIO_RATE = 16_000"),
    ],
    ids=["docstring", "comment", "unused name"],
)
def test_an_edit_without_effect(finished_project, module, old, new):
    path = finished_project.source / f"workflow/softaer/{module}.py"
    text = path.read_text()
    assert text.count(old) == 1
    with edited(path, text.replace(old, new)):
        assert rules_that_rerun(finished_project) == FILES["comment"].rules


@pytest.mark.parametrize(
    ("module", "old", "new", "concerned"),
    [
        ("signals/sound", "MAX_AUDIO_JITTER = 0.05", "MAX_AUDIO_JITTER = 0.06", "audio_lld"),
        ("signals/pictures", "MOST_STRETCHED = 8", "MOST_STRETCHED = 9", "landmarks"),
        ("signals/following", "TAKEN_UP = 1.0", "TAKEN_UP = 2.0", "landmarks"),
        ("readers/raters", "SHARE = 0.01", "SHARE = 0.02", "ratings"),
        ("fuse", 'INTERCEPT = "intercept"', 'INTERCEPT = "constant"', "fuse"),
        ("core/inference", "EXACT_UNITS = 12", "EXACT_UNITS = 11", "evaluate"),
    ],
    ids=lambda value: value if value.isidentifier() else "",
)
def test_an_edit_of_what_a_stage_uses(finished_project, module, old, new, concerned):
    (case,) = [case for case in MODULES if case.module == concerned]
    path = finished_project.source / f"workflow/softaer/{module}.py"
    text = path.read_text()
    assert text.count(old) == 1
    with edited(path, text.replace(old, new)):
        assert rules_that_rerun(finished_project) == case.rules


def test_an_edit_of_the_look_of_the_figures(finished_project):
    path = finished_project.source / "workflow/softaer/figures/__init__.py"
    with edited(path, path.read_text().replace('"font.size": 9', '"font.size": 8')):
        drawn = rules_that_rerun(finished_project)
    assert drawn - {"report"} == {
        rule for case in MODULES for rule in case.rules if "figure_" in rule
    }


def test_an_edit_of_the_template_of_the_report(finished_project):
    path = finished_project.source / "workflow/report/report.html.j2"
    with edited(path, path.read_text().replace("<h1 id", "<h1  id")):
        assert rules_that_rerun(finished_project) == {"report"}


def test_another_version_of_a_library_that_makes_values(finished_project):
    (case,) = [case for case in MODULES if case.module == "landmarks"]
    path = finished_project.source / "envs/requirements-nodeps.txt"
    with edited(path, path.read_text().replace("mediapipe==0.10.21", "mediapipe==0.10.20")):
        assert rules_that_rerun(finished_project) == case.rules


def another(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """A table with one more recording of test, a batch of its own."""
    more = rows[rows["partition"] == "test"].iloc[[0]].assign(recording=name, batch=name)
    return pd.concat([rows, more])


@pytest.fixture(scope="module")
def own_corpus(finished_project, tmp_path_factory) -> Project:
    """The small corpus and a recording more, as a table that nobody simulates any more."""

    def make(folder: Path) -> None:
        project = copied(finished_project, folder / "run")
        assert rules_that_rerun(project, OWN_CORPUS) == {"ceiling"} | SCORES
        write_rows(project, another(pd.read_csv(project.path(OWN_TABLE)), "rec98"))
        outcome = project.run(config=OWN_CORPUS)
        assert outcome.returncode == 0, outcome.output

    made = Project(finished_project.source, once(tmp_path_factory, "own_corpus", make) / "run")
    return copied(made, tmp_path_factory.mktemp("own_corpus") / "run")


@pytest.fixture
def rows(own_corpus) -> Iterator[pd.DataFrame]:
    """Rows of the table of recordings, which is put back afterwards."""
    path = own_corpus.path(OWN_TABLE)
    before = path.read_bytes()
    yield pd.read_csv(path)
    path.write_bytes(before)


def write_rows(own_corpus: Project, rows: pd.DataFrame) -> None:
    """Write the table of recordings, each recording a batch of its own."""
    rows.to_csv(own_corpus.path(OWN_TABLE), index=False)


@pytest.mark.parametrize("kind", ["annotations", "media"])
def test_a_touched_file(own_corpus, kind):
    (path, *_) = sorted(own_corpus.path(f"results/corpus/{kind}").iterdir())
    os.utime(path)
    assert rules_that_rerun(own_corpus, OWN_CORPUS) == FILES[f"touched {kind}"].rules


def test_a_changed_annotation_file(own_corpus, rows):
    name = rows.loc[rows["partition"] == "test", "annotations"].iloc[0]
    path = own_corpus.path(f"results/corpus/{name}")
    with edited(path, path.read_text() + "0.05,r9,arousal,0.1\n"):
        assert rules_that_rerun(own_corpus, OWN_CORPUS) == FILES["changed annotations"].rules


def test_a_new_recording_is_the_only_one_that_is_extracted(own_corpus, rows):
    write_rows(own_corpus, another(rows, "rec99"))
    outcome = own_corpus.run("--dry-run", config=OWN_CORPUS)
    assert outcome.rules == FILES["new recording"].rules
    for rule in ("audio_lld", "landmarks", "audio_features", "video_features", "ratings"):
        assert outcome.count(rule) == 1
    assert outcome.count("dataset_batch") == 2


def test_a_recording_that_is_taken_out(own_corpus, rows):
    write_rows(own_corpus, rows[rows["recording"] != "rec98"])
    assert rules_that_rerun(own_corpus, OWN_CORPUS) == FILES["removed recording"].rules


def test_published_scores_concern_the_report_alone(own_corpus, tmp_path):
    project = copied(own_corpus, tmp_path / "run")
    shown = OWN_CORPUS | {"report": {"published": "han2017", "frames": True}}
    outcome = project.run(config=shown)
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == {"report"}
    assert "Han et al. 2017" in project.path("results/report.html").read_text(encoding="utf-8")
    assert rules_that_rerun(project, shown) == set()
    table = project.source / "workflow/softaer/published/han2017.csv"
    with edited(table, table.read_text().replace("0.450", "0.451")):
        assert rules_that_rerun(project, shown) == {"report"}
        assert rules_that_rerun(own_corpus, OWN_CORPUS) == set()


def test_a_subject_that_is_renamed(own_corpus, rows):
    subject = rows.loc[rows["partition"] == "train", "subject"].iloc[0]
    write_rows(own_corpus, rows.replace({"subject": {subject: "somebody"}}))
    assert rules_that_rerun(own_corpus, OWN_CORPUS) == FILES["renamed subject"].rules


def test_a_clone_of_a_finished_project_has_nothing_to_do(finished_project, tmp_path):
    """Code, results and Snakemake's records under git, cloned: all time stamps are new."""
    source = tmp_path / "source"
    shutil.copytree(finished_project.source, source)
    for name in ("results", ".snakemake/metadata"):
        shutil.copytree(finished_project.path(name), source / name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "--force", "--all"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], cwd=source, check=True)
    subprocess.run(["git", "clone", "-q", source, tmp_path / "clone"], check=True)
    clone = Project(tmp_path / "clone", tmp_path / "clone")
    before = digests(clone.path("results"))
    assert rules_that_rerun(clone) == FILES["copied"].rules
    assert digests(clone.path("results")) == before


def test_results_without_records_are_told_of(finished_project, tmp_path):
    shutil.copytree(finished_project.path("results"), tmp_path / "run/results")
    copy = Project(finished_project.source, tmp_path / "run")
    words = "changes of code and settings will not be noticed"
    assert words in copy.run("--dry-run").output
    # A fresh clone has a folder for results, kept there by a hidden file.
    shutil.rmtree(copy.path("results"))
    copy.path("results").mkdir()
    copy.path("results/.gitkeep").touch()
    assert words not in copy.run("--dry-run").output
    assert words not in finished_project.run("--dry-run").output


def test_a_change_of_the_delay_leaves_extraction_and_labels_as_they_are(finished_project, tmp_path):
    project = copied(finished_project, tmp_path / "run")
    kept = [
        path
        for stage in ("audio_lld", "landmarks", "video_features", "labels")
        for path in project.path(f"results/{stage}").glob("*.parquet")
    ]
    stamps = {path: path.stat().st_mtime_ns for path in kept}
    dataset = project.path("results/dataset/audio/train1.parquet")
    before = dataset.read_bytes()
    for config, same in (({"delay": 3.0}, False), ({}, True)):
        outcome = project.run("dataset", config=config)
        assert outcome.returncode == 0, outcome.output
        assert (dataset.read_bytes() == before) == same
        assert {path: path.stat().st_mtime_ns for path in kept} == stamps
