"""Clusters for the tests, and projects that run on them."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gridengine
import pytest
import slurm as slurm_
from daemons import kill
from gridengine import GridEngine
from slurm import Slurm

from debian_packages import UnavailableError, provide, tell

sys.path.append(str(Path(__file__).parents[1] / "workflow"))

from projects import TINY, Project, new_project, undisturbed_run


@contextmanager
def started(kind: Callable, module, name: str) -> Iterator:
    """A cluster, or a skip."""
    # Not in pytest's own folder: all users have to get at the socket of munge.
    folder = Path(tempfile.mkdtemp(prefix="softaer-cluster-"))
    cluster = kind(folder)
    try:
        provide(module.PROGRAMS, module.PACKAGES)
        cluster.start()
        yield cluster
    except UnavailableError as error:
        pytest.skip(tell(name, error))
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A Slurm of three nodes."""
    with started(Slurm, slurm_, "Slurm") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def grid_engine() -> Iterator[GridEngine]:
    """A Grid Engine of one node."""
    with started(GridEngine, gridengine, "Grid Engine") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Slurm | GridEngine:
    """The cluster of a test module, which names it in ``CLUSTER``."""
    return request.getfixturevalue(request.module.CLUSTER)


@pytest.fixture
def cluster_project(root: Path, tmp_path: Path, cluster) -> Iterator[Project]:
    """A copy of the project beside an empty folder; its jobs do not outlive the test."""
    project = new_project(root, tmp_path)
    yield project
    cluster.cancel_all()
    for pid in project.processes():  # a Snakemake whose test failed
        kill(pid)


@pytest.fixture
def simulated(cluster_project: Project, corpus: Path) -> Project:
    """A project whose corpus is there and whose extraction is not."""
    shutil.copytree(corpus, cluster_project.directory, dirs_exist_ok=True)
    return cluster_project


@pytest.fixture(scope="module")
def corpus(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smallest experiment's corpus has been made, and nothing else."""
    project = new_project(root, tmp_path_factory.mktemp("corpus"))
    targets = [f"results/corpus/media/rec0{number}.mp4" for number in (1, 2, 3)]
    outcome = project.run(*targets, "results/corpus/recordings.csv", config=TINY)
    assert outcome.returncode == 0, outcome.output
    return project.directory


@pytest.fixture(scope="module")
def local(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the results of a run on this machine."""
    return undisturbed_run(root, tmp_path_factory)
