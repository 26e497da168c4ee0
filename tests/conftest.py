"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]

collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # no doctests there, and one name for all


class Scheduling(LoadFileScheduling):
    """A file goes to one worker as a whole; files with real runs are split by test function.

    Files whose tests share a long run of their own stay whole. All tests that need Slurm go to the
    same worker, since a machine can have only one Slurm.
    """

    WHOLE = tuple(f"test_{name}.py" for name in ("apply", "faults", "module", "storage", "wheel"))

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/cluster/") and "gridengine" not in file:
            return "slurm"
        if file.startswith("tests/workflow/") and not file.endswith(self.WHOLE):
            return nodeid.partition("[")[0]
        return file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log) -> Scheduling:
    """The tests that go to one worker together."""
    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def importable() -> None:
    """Commands that tests start find the package, as they do in the environment of a rule."""
    os.environ["PYTHONPATH"] = str(ROOT / "workflow")


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real clips and real raters that lie beside the project, not in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real recordings and ratings at {folder}")
    return folder


@pytest.fixture(scope="session")
def clips(shared_data: Path) -> Path:
    """Real clips, sound and broken ones."""
    return shared_data / "clips"


@pytest.fixture(scope="session")
def faults(shared_data: Path) -> Path:
    """Inputs that are easily read wrong, a folder for each kind."""
    return shared_data / "faults"


@pytest.fixture(scope="session")
def booth(shared_data: Path) -> Path:
    """Ten raters who traced a stimulus whose truth is known."""
    return shared_data / "ratings" / "booth_green_intensity"
