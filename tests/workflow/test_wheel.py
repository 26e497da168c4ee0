"""The installed package: built as a wheel, used from a folder that has nothing to do with a clone.

The environment is a new one that holds the wheel alone. Its third-party packages are those of the
environment that runs the tests: a line in a .pth file adds their folder, and installing gigabytes
for every run of the tests would show no more. softaer does not come that way, since of a folder
that was added so no further .pth file is read. That the metadata name these packages is compared
with envs/; a test of what it takes to install them is `make test` itself.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pandas as pd
import pytest
import yaml
from projects import TINY, once

from softaer import __version__

pytestmark = pytest.mark.workflow

NOT_FOUND = re.compile(r"No matching distribution found for hatch|Failed to establish a new connec")
"""What pip says where there is no package index."""


def build(root: Path, folder: Path) -> None:
    """Build a wheel; in a clean room, with the versions of envs/constraints.txt."""
    constraints = ["--build-constraint", str(root / "envs/constraints.txt")]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", *constraints]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(root)], capture_output=True, text=True
    )
    if NOT_FOUND.search(done.stdout + done.stderr):
        folder.mkdir(parents=True)
    else:
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory) -> Path:
    folder = once(tmp_path_factory, "wheel", lambda folder: build(root, folder))
    found = list(folder.glob("*.whl"))
    if not found:
        pytest.skip("no package index to take hatchling from")
    return found[0]


class Installed:
    """The wheel in an environment of its own, and a folder in which it is used."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.bin = folder / "venv/bin"
        self.here = folder / "here"
        self.here.mkdir()
        run = [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")]
        subprocess.run(run, check=True)
        self.packages = Path(self.said("import sysconfig; print(sysconfig.get_path('purelib'))"))
        (self.packages / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = [self.bin / "python", "-m", "pip", "install", "--no-deps", "--no-index"]
        self.call(*install, "--force-reinstall", "--no-warn-script-location", wheel)

    def call(self, *command: object, status: int = 0) -> str:
        """What a command says in the folder, which ends with a status."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.here,
            env=environment | {"SLURM_CONF": "/dev/null", "TERM": "dumb"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def said(self, code: str) -> str:
        """What Python prints."""
        return self.call(self.bin / "python", "-c", code).strip()

    def softaer(self, *words: object, status: int = 0) -> str:
        """What the command says."""
        return self.call(self.bin / "softaer", *words, status=status)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    return Installed(wheel, tmp_path_factory.mktemp("installed"))


def test_the_package_is_imported_from_where_it_was_installed(installed):
    assert installed.said("import softaer; print(softaer.__file__)") == str(
        installed.packages / "softaer/__init__.py"
    )
    assert installed.softaer("--version") == f"softaer {__version__}\n"
    assert "before a run:" in installed.softaer("--help")


def test_the_wheel_has_what_git_has_and_nothing_twice(wheel, root):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert len(set(names)) == len(names)
    found = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("no clone")
    expected = set()
    for name in filter(lambda name: (root / name).exists(), found.stdout.splitlines()):
        if name.startswith("workflow/softaer/"):
            expected.add(name.removeprefix("workflow/"))
        elif re.match(r"(workflow|envs|profiles)/|(Snakefile|(config|PAPER|QUICK)\.yaml)$", name):
            expected.add(f"softaer/_project/{name}")
    assert expected == {name for name in names if ".dist-info/" not in name}


def requirements(path: Path) -> set[str]:
    lines = [line.split("#")[0].strip().lower() for line in path.read_text().splitlines()]
    return set(filter(None, lines))


def test_the_metadata_ask_for_the_pins_of_the_environments(wheel, root):
    with zipfile.ZipFile(wheel) as file:
        (name,) = [name for name in file.namelist() if name.endswith("/METADATA")]
        metadata = HeaderParser().parsestr(file.read(name).decode())
    found = {"": set()}
    for line in metadata.get_all("Requires-Dist"):
        pin, _, condition = line.partition("; extra == ")
        found.setdefault(condition.strip("'\""), set()).add(pin)
    assert found[""] == requirements(root / "envs/requirements.txt")
    assert not any(pin.startswith("mediapipe") for pin in found[""])
    assert set(found) == {"", "test", "deep", "onnx", "benchmarks"}
    for extra in ("test", "deep", "onnx"):
        assert found[extra] == requirements(root / f"envs/requirements-{extra}.txt")


def test_requirements_are_the_packages_that_the_tests_ran_with(root):
    for pin in requirements(root / "envs/requirements.txt"):
        name, _, version = pin.partition("==")
        assert importlib.metadata.version(name).split("+")[0] == version


@pytest.fixture(scope="module")
def finished(installed) -> Installed:
    """The smallest experiment, from nothing to the report."""
    (installed.here / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    said = installed.softaer("run", "--cores", "2", "--configfile", "tiny.yaml")
    assert f"profile {installed.packages}/softaer/_project/profiles/default" in said
    return installed


def test_a_run_is_planned_in_any_folder(installed):
    words = ("--cores", "1", "-n", "--directory", "planned", "--configfile", "QUICK.yaml")
    said = installed.softaer("run", *words)
    assert re.search(r"^train_network +\d+$", said, re.MULTILINE)
    assert not (installed.here / "planned/results").exists()


def test_a_run_from_nothing_to_the_report(finished, root):
    results = finished.here / "results"
    assert (results / "report.html").stat().st_size > 100_000
    assert len(pd.read_csv(results / "ccc.csv")) > 5
    assert "Nothing to be done" in finished.softaer("run", "--configfile", "tiny.yaml")
    # What a clone makes of the same finished run: nothing either, since it is the same code.
    command = [sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--cores", "1"]
    assert "Nothing to be done" in finished.call(*command, "--configfile", "tiny.yaml")


def test_new_recordings_are_predicted(finished):
    films = finished.here / "results/corpus/media"
    shutil.copy2(films / "rec01.mp4", finished.here / "new.mp4")
    finished.softaer("pack", "results", "model.zip")
    finished.softaer("predict", "model.zip", "new.mp4")
    table = pd.read_csv(finished.here / "predictions/new.csv")
    assert list(table)[:4] == ["time", "arousal_E", "arousal_sigma", "arousal_spread"]
    assert len(table) >= 75


def test_a_table_is_made_of_a_folder(finished):
    folder = finished.here / "corpus"
    folder.mkdir()
    shutil.copy2(finished.here / "results/corpus/media/rec01.mp4", folder / "p01_t1.mp4")
    finished.softaer("init", "corpus")
    assert "p01_t1" in (folder / "recordings.csv").read_text()
    # Nobody has rated it, which is enough for features alone.
    assert "no recording has annotations" in finished.softaer(
        "check", "corpus/recordings.csv", status=1
    )
