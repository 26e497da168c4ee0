"""A Slurm for the tests, and projects that run on it."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "workflow"))

from projects import Project, new_project
from slurm import Slurm, UnavailableError, install, missing_programs


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster of three nodes; ``SOFTAER_INSTALL_SLURM=1`` allows to install its packages."""
    # Not in pytest's own folder: all users have to get at the socket of munge.
    folder = Path(tempfile.mkdtemp(prefix="softaer-slurm-"))
    cluster = Slurm(folder)
    try:
        if missing_programs() and os.environ.get("SOFTAER_INSTALL_SLURM") == "1":
            install()
        cluster.start()
        yield cluster
    except UnavailableError as error:
        pytest.skip(f"no Slurm: {error}")
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture
def cluster_project(root: Path, tmp_path: Path, slurm: Slurm) -> Iterator[Project]:
    """A copy of the project beside an empty folder; its jobs do not outlive the test."""
    yield new_project(root, tmp_path)
    slurm.cancel_all()
