"""Copies of the project, and folders in which they run."""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import warm
from patience import HANGS

PROJECT_FILES = ("Snakefile", "config.yaml", "workflow", "envs", "profiles")

SMALL = {
    "seeds": [1],
    "simulate": {"recordings": 4, "duration": 10},
    "model": {"layers": 1, "cells": 8},
    "training": {"max_steps": 4},
}


TINY = {
    "simulate": {"recordings": 3, "duration": 8},
    "dimensions": ["arousal"],
    "tasks": ["multi"],
    "seeds": [1],
    "model": {"layers": 1, "cells": 4},
    "training": {"max_steps": 2},
    "evaluation": {"draws": 100},
    "video": {"refine": False},
}


TARGETS = {"total", "all", "extract", "labels", "dataset", "train", "fuse", "apply", "inspect"}
"""Rows of the job table that are no rules of a stage."""


@dataclass(frozen=True)
class Outcome:
    """How a run of Snakemake ended."""

    returncode: int
    output: str

    @property
    def rules(self) -> set[str]:
        """Rules in the job table of the run, without the targets that only name files."""
        return set(self._jobs) - TARGETS

    def count(self, rule: str) -> int:
        """Jobs of a rule in the job table of the run."""
        return self._jobs.get(rule, 0)

    @property
    def _jobs(self) -> dict[str, int]:
        table = re.findall(r"^(\w+) +(\d+)$", self.output, flags=re.MULTILINE)
        return {rule: int(count) for rule, count in table}


@dataclass(frozen=True)
class Project:
    """A copy of the project, and a folder in which it runs."""

    source: Path
    directory: Path

    def command(
        self,
        *arguments: str,
        config: dict | None = None,
        cores: int = 2,
        python: str | Path = sys.executable,
    ) -> list[str]:
        """Command that runs Snakemake with a configuration, which is written down."""
        configuration = self.directory / "experiment.yaml"
        configuration.write_text(yaml.safe_dump(SMALL | (config or {}), sort_keys=False))
        return [
            *(str(python), "-m", "snakemake", "--snakefile", str(self.source / "Snakefile")),
            *("--directory", str(self.directory), "--configfile", str(configuration)),
            *("--cores", str(cores), *arguments),
        ]

    def start(self, command: list[str], environment: dict | None = None) -> subprocess.Popen:
        """Start a command from some other folder, as a process group of its own."""
        return subprocess.Popen(
            command,
            cwd=self.source.parent,
            env=os.environ | {"TERM": "dumb"} | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        *arguments: str,
        config: dict | None = None,
        cores: int = 2,
        environment: dict | None = None,
        programs: Path | None = None,
    ) -> Outcome:
        """Run Snakemake to its end. It and its jobs start with their libraries loaded."""
        python = (programs or warm.programs()) / "python"
        command = self.command(*arguments, config=config, cores=cores, python=python)
        return self.finish(self.start(command, environment))

    def finish(self, process: subprocess.Popen) -> Outcome:
        """Wait for the end of a run."""
        try:
            output, _ = process.communicate(timeout=HANGS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return Outcome(process.returncode, output)

    def processes(self, stage: str | None = None) -> list[int]:
        """Processes that work in the project's folder: those of a stage, or all."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                here = Path(os.readlink(process / "cwd")) == self.directory
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if here and (stage is None or f"softaer.{stage}".encode() in words):
                found.append(int(process.name))
        return found

    def path(self, name: str) -> Path:
        """A path below the folder in which the project runs."""
        return self.directory / name


def new_project(root: Path, folder: Path) -> Project:
    """Copy what a run needs, beside an empty folder in which it will run."""
    source = folder / "project"
    source.mkdir(parents=True)
    for name in PROJECT_FILES:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy2(root / name, source / name)
    (folder / "run").mkdir()
    return Project(source, folder / "run")


def copied(project: Project, folder: Path) -> Project:
    """The same code on a copy of a finished run, time stamps and records included."""
    shutil.copytree(project.directory, folder, symlinks=True)
    return Project(project.source, folder)


RUN_TIMES = re.compile(rb'<section aria-labelledby="run-times".*?</section>', re.DOTALL)
"""What no two reports have in common."""

NAME = re.compile(rb"(<details><summary>)<strong>[^<]*</strong>: ")
"""The experiment's name, that of its configuration file, which a module that is imported lacks."""


def without_run_times(report: bytes) -> bytes:
    """A report without the section on run times, and without the name of the experiment."""
    text, found = RUN_TIMES.subn(b"", report)
    assert found == 1
    return NAME.sub(rb"\1", text)


def digest(path: Path) -> str:
    """Digest of a result, of a report without its run times."""
    data = path.read_bytes()
    if path.name == "report.html":
        data = without_run_times(data)
    return hashlib.sha256(data).hexdigest()


def digests(results: Path) -> dict[str, str]:
    """Digest of every result; what is said of a run is none: logs, benchmarks, its record."""
    aside = ("logs", "benchmarks", "experiment.yaml")
    return {
        str(path.relative_to(results)): digest(path)
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in aside
    }


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made once for all workers of the tests. They leave it as it is."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(f"{folder}.made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            Path(f"{folder}.made").touch()
    return folder


def undisturbed_run(root: Path, factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the results of the smallest experiment, run on this machine from nothing."""

    def make(folder: Path) -> None:
        outcome = new_project(root, folder).run(config=TINY)
        assert outcome.returncode == 0, outcome.output

    return digests(once(factory, "undisturbed", make) / "run/results")
