"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # no doctests there, and one name for all


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
