"""A small corpus taken through the whole workflow once, for tests to look at and to edit."""

import shutil
import subprocess
from pathlib import Path

import pytest
from projects import Project, new_project, once, undisturbed_run

import warm
from debian_packages import UnavailableError, provide, tell

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

ISOLATED = ("unshare", "--net", "--map-root-user")
"""Command that takes the network away from another."""

COUNT_REQUESTS = '"$@"; ended=$?; cat /proc/net/snmp /proc/net/snmp6 > "$0"; exit $ended'


def can_isolate() -> bool:
    """Whether the network can be taken away here."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ISOLATED, "true"], capture_output=True).returncode == 0


@pytest.fixture
def empty_project(root: Path, tmp_path: Path) -> Project:
    """A copy of the project beside an empty folder."""
    return new_project(root, tmp_path)


def carry_out(root: Path, folder: Path) -> None:
    """Carry the small corpus from nothing to the report.

    Where that is allowed, it is made without a network, and what was asked of one is counted in
    ``network.txt``.
    """
    project = new_project(root, folder)
    within = []
    if can_isolate():
        within = [*ISOLATED, "bash", "-c", COUNT_REQUESTS, str(project.path("network.txt"))]
    with warm.started(*within) as programs:
        # The executor for Slurm asks a Slurm on this machine, if there is one, for its settings.
        outcome = project.run(environment={"SLURM_CONF": "/dev/null"}, programs=programs)
    assert outcome.returncode == 0, outcome.output


@pytest.fixture(scope="session")
def finished_project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small corpus, carried from nothing to the report. Tests leave it as they found it.

    It is made once for all workers of the tests; each has a copy, since tests edit it.
    """
    made = once(tmp_path_factory, "finished", lambda folder: carry_out(root, folder))
    own = tmp_path_factory.mktemp("finished")
    shutil.copytree(made, own, symlinks=True, dirs_exist_ok=True)
    return Project(own / "project", own / "run")


@pytest.fixture(scope="session")
def undisturbed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the results of the smallest experiment, run on this machine from nothing."""
    return undisturbed_run(root, tmp_path_factory)


@pytest.fixture(scope="session")
def browser_program() -> str:
    """A browser, installed if it may be."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        try:
            provide(["chromium"], ["chromium"])
        except UnavailableError as error:
            pytest.skip(tell("browser", error))
        program = shutil.which("chromium")
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    return program
