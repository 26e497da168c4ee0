"""The workflow as a module of another Snakefile: below a prefix, twice, and from git."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from projects import TINY, digests

import warm

pytestmark = pytest.mark.workflow

SNAKEFILE = re.compile(r"^```snakemake\n(module softaer:.*?)^```", re.DOTALL | re.MULTILINE)


def snakemake(folder: Path, *words: str, fails: bool = False) -> str:
    """Run Snakemake in a folder with a Snakefile of its own; what it says."""
    command = [warm.programs() / "snakemake", "--cores", "2", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def module(name: str, snakefile: str, config: dict, *rest: str) -> str:
    """Text that takes the workflow as a module."""
    lines = [
        f"module {name}:",
        f"    snakefile: {snakefile}",
        f"    config: {config!r}",
        *(f"    {line}" for line in rest),
        f"use rule * from {name} as {name}_*",
        "",
    ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def snakefile(root) -> str:
    return repr(str(root / "workflow/Snakefile"))


def of_the_readme(root: Path, snakefile: str, config: dict) -> str:
    """The Snakefile of the README, for the smallest experiment."""
    (text,) = SNAKEFILE.findall((root / "README.md").read_text(encoding="utf-8"))
    assert len(text.splitlines()) <= 11
    parts = ('"softaer/workflow/Snakefile"', '{"corpus": {"recordings": "recordings.csv"}}')
    for part, other in zip(parts, (snakefile, repr(config)), strict=True):
        assert text.count(part) == 1
        text = text.replace(part, other)
    return text


@pytest.fixture(scope="module")
def importer(root, snakefile, tmp_path_factory) -> Path:
    """A folder with nothing but the Snakefile of the README, a second instance, and a rule."""
    folder = tmp_path_factory.mktemp("importer")
    (folder / "Snakefile").write_text(
        'onstart:\n    print("OWN ONSTART")\n'
        'rule all:\n    input: "emotion/results/report.html",\n'
        '        "emotion/results/packed_model/model.json", "two/own.txt"\n'
        + of_the_readme(root, snakefile, TINY)
        + module("two", snakefile, TINY | {"modalities": ["audio"]}, 'prefix: "two"')
        + "rule own:\n"
        "    input: rules.two_score.output.csv\n"
        '    output: "two/own.txt"\n'
        '    shell: "echo PYTHONPATH=$PYTHONPATH > {output}; cat {input} >> {output}"\n'
    )
    return folder


@pytest.fixture(scope="module")
def said(importer) -> str:
    """What the run says that makes all of it."""
    return snakemake(importer)


def test_two_instances_run_side_by_side(importer, said):
    assert (importer / "emotion/results/report.html").stat().st_size > 100_000
    modalities = [
        set(pd.read_csv(importer / name / "results/ccc.csv")["modality"])
        for name in ("emotion", "two")
    ]
    assert modalities == [{"audio", "video", "audio+video"}, {"audio"}]
    assert not (importer / "results").exists()
    scores = (importer / "two/results/ccc.csv").read_text()
    assert (importer / "two/own.txt").read_text().endswith(scores)


def test_a_prefix_changes_no_result(importer, said, undisturbed):
    """Down to the report, which says where its figures come from."""
    assert digests(importer / "emotion/results") == undisturbed


def test_the_folder_is_locked_before_the_first_job(importer, said):
    """As without a module, and before what the importing Snakefile does itself."""
    assert "OWN ONSTART" in said
    assert (importer / ".snakemake/softaer.lock").read_text().startswith("process ")
    assert len((importer / ".snakemake/softaer.runs").read_text().splitlines()) == 1


def test_each_instance_says_where_its_results_are(importer, said):
    assert "Report:   emotion/results/report.html" in said
    record = yaml.safe_load((importer / "emotion/results/experiment.yaml").read_text())
    assert record["changed"] == TINY
    assert record["configuration"]["model"]["cell"] == "lstm"


def test_a_second_run_has_nothing_to_do(importer, said):
    assert "Nothing to be done" in snakemake(importer)


def test_results_that_a_bad_input_would_cost_are_kept(snakefile, root, tmp_path):
    """The look at inputs before the first job is made in a module too."""
    (tmp_path / "corpus/annotations").mkdir(parents=True)
    table = ["recording,subject,partition,media,annotations"]
    for number, partition in enumerate(("train", "dev", "test")):
        (tmp_path / f"corpus/r{number}.mp4").touch()
        lines = ["time,a,b", *(f"{k / 10},{k % 7},{k % 5}" for k in range(40))]
        (tmp_path / f"corpus/annotations/r{number}.csv").write_text("\n".join(lines) + "\n")
        table.append(f"r{number},s{number},{partition},r{number}.mp4,annotations/r{number}.csv")
    (tmp_path / "corpus/recordings.csv").write_text("\n".join(table) + "\n")
    config = {"corpus": {"recordings": "corpus/recordings.csv"}, "dimensions": ["arousal"]}
    (tmp_path / "Snakefile").write_text(module("softaer", snakefile, config, 'prefix: "x"'))
    snakemake(tmp_path, "softaer_labels")
    made = (tmp_path / "x/results/ratings/r1.parquet").read_bytes()
    ratings = tmp_path / "corpus/annotations/r1.csv"
    ratings.write_text(ratings.read_text() + "4.0,high,2\n")
    said = snakemake(tmp_path, "softaer_labels", fails=True)
    assert "corpus/annotations/r1.csv, line 42, column 'a': found 'high'" in said
    assert (tmp_path / "x/results/ratings/r1.parquet").read_bytes() == made


def test_some_rules_may_be_taken(snakefile, tmp_path):
    text = module("softaer", snakefile, TINY)
    text = text.replace("use rule * from", "use rule simulate_tables, simulate_truth from")
    (tmp_path / "Snakefile").write_text(text)
    listed = snakemake(tmp_path, "--list-rules")
    assert {"softaer_simulate_tables", "softaer_simulate_truth"} <= set(listed.split())
    assert "softaer_train_network" not in listed
    snakemake(tmp_path, "results/corpus/truth/rec02.parquet")


def test_the_workflow_is_taken_from_a_commit(root, tmp_path):
    """Nothing is checked out by Snakemake, and the package is there all the same."""
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("config.yaml", "workflow", "envs"):
        subprocess.run(["cp", "-r", str(root / name), str(repository)], check=True)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All", "--no-verify"]):
        subprocess.run([*git, *words], check=True)
    # What is not in the commit does not count.
    (repository / "workflow/softaer/simulate/truth.py").write_text("raise SystemExit('no')\n")
    folder = tmp_path / "importer"
    folder.mkdir()
    file = f'gitfile({str(repository)!r}, path="workflow/Snakefile", ref="HEAD")'
    (folder / "Snakefile").write_text(module("softaer", file, TINY, 'prefix: "a"'))
    snakemake(folder, "a/results/corpus/truth/rec01.parquet")
    assert "Nothing to be done" in snakemake(folder, "a/results/corpus/truth/rec01.parquet")
    (commit,) = (folder / ".snakemake/softaer").iterdir()
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert commit.name == head.stdout.strip()


def test_a_key_that_is_not_known_is_told(snakefile, tmp_path):
    (tmp_path / "Snakefile").write_text(module("softaer", snakefile, {"modell": {"cells": 4}}))
    said = snakemake(tmp_path, "--dry-run", fails=True)
    assert "config key 'modell': not known" in said
