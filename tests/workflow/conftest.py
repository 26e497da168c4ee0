"""A small corpus taken through the whole workflow once, for tests to look at and to edit."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT_FILES = ("Snakefile", "config.yaml", "workflow", "envs", "profiles")

SMALL = {
    "simulate": {"recordings": 4, "duration": 10},
    "model": {"layers": 1, "cells": 8},
    "training": {"max_epochs": 2},
}


@dataclass(frozen=True)
class Outcome:
    """How a run of Snakemake ended."""

    returncode: int
    output: str

    @property
    def rules(self) -> set[str]:
        """Rules in the job table of the run, without the targets that only name files."""
        table = re.findall(r"^(\w+) +\d+$", self.output, flags=re.MULTILINE)
        return set(table) - {"total", "all", "extract", "labels", "dataset", "train", "fuse"}


@dataclass(frozen=True)
class Project:
    """A copy of the project, and a folder in which it runs."""

    source: Path
    directory: Path

    def run(self, *arguments: str, config: dict | None = None, cores: int = 2) -> Outcome:
        """Run Snakemake from some other folder, as ``--directory`` allows."""
        configuration = self.directory / "experiment.yaml"
        configuration.write_text(yaml.safe_dump(SMALL | (config or {})))
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(self.source / "Snakefile")),
            *("--directory", str(self.directory), "--configfile", str(configuration)),
            *("--cores", str(cores), *arguments),
        ]
        done = subprocess.run(
            command,
            cwd=self.source.parent,
            env=os.environ | {"TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        return Outcome(done.returncode, done.stdout)

    def path(self, name: str) -> Path:
        """A path below the folder in which the project runs."""
        return self.directory / name


def copy_project(root: Path, source: Path) -> None:
    """Copy what a run needs."""
    source.mkdir(parents=True)
    for name in PROJECT_FILES:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy2(root / name, source / name)


@pytest.fixture
def empty_project(root: Path, tmp_path: Path) -> Project:
    """A copy of the project beside an empty folder."""
    copy_project(root, tmp_path / "project")
    (tmp_path / "run").mkdir()
    return Project(tmp_path / "project", tmp_path / "run")


@pytest.fixture(scope="session")
def finished_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small corpus, carried from nothing to the report. Tests leave it as they found it."""
    folder = tmp_path_factory.mktemp("finished")
    copy_project(root, folder / "project")
    (folder / "run").mkdir()
    project = Project(folder / "project", folder / "run")
    outcome = project.run()
    assert outcome.returncode == 0, outcome.output
    return project
