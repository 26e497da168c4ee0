"""The workflow on a real Slurm: results as on one machine, and what faults of a cluster cost."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from projects import TINY, Project, digests, undisturbed_run

pytestmark = pytest.mark.workflow

FAST = str(Path(__file__).with_name("fast_snakemake.py"))

AS_A_TEST = [
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--latency-wait", "10"),
]
"""What a test sets besides the profile; there is no accounting to ask."""


def on_slurm(project: Project, *arguments: str, fast: bool = True) -> list[str]:
    """Command that runs the workflow with the profile for Slurm."""
    command = project.command(
        *("--workflow-profile", str(project.source / "profiles/slurm")),
        *AS_A_TEST,
        *arguments,
        config=TINY,
    )
    command = command[: command.index("--cores")] + command[command.index("--cores") + 2 :]
    if fast:
        at = command.index("-m")
        command[at : at + 2] = [FAST]
    return command


def run(project: Project, *arguments: str, fast: bool = True):
    return project.finish(project.start(on_slurm(project, *arguments, fast=fast)))


@pytest.fixture(scope="module")
def local(root, tmp_path_factory) -> dict[str, str]:
    """Digests of the results of a run on this machine."""
    return undisturbed_run(root, tmp_path_factory.mktemp("local"))


@pytest.fixture
def simulated(cluster_project) -> Project:
    """A project whose corpus is there and whose extraction is not."""
    targets = [f"results/corpus/media/rec0{number}.mp4" for number in (1, 2, 3)]
    outcome = cluster_project.run(*targets, "results/corpus/recordings.csv", config=TINY)
    assert outcome.returncode == 0, outcome.output
    return cluster_project


LANDMARKS = "results/landmarks/s1.parquet"


def wait_for(condition, process: subprocess.Popen, seconds: float = 120):
    """Wait until something is so, as long as a run goes on."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_results_are_those_of_a_local_run(cluster_project, local):
    outcome = run(cluster_project)
    assert outcome.returncode == 0, outcome.output
    assert digests(cluster_project.path("results")) == local
    again = run(cluster_project)
    assert "Nothing to be done" in again.output


def test_with_the_executor_as_it_is(simulated, local):
    outcome = run(simulated, LANDMARKS, fast=False)
    assert outcome.returncode == 0, outcome.output
    assert (
        digests(simulated.path("results/landmarks"))["s1.parquet"] == local["landmarks/s1.parquet"]
    )


def test_a_job_over_its_memory_gets_more(simulated, slurm):
    process = simulated.start(
        on_slurm(simulated, LANDMARKS, "--set-resources", "landmarks:mem_mb=400*attempt")
    )
    requests = set()

    def over():
        requests.update(slurm.jobs("%m %k"))
        return process.poll() is not None

    deadline = time.monotonic() + 300
    while not over() and time.monotonic() < deadline:
        time.sleep(0.2)
    outcome = simulated.finish(process)
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output
    assert any(line.startswith("400M") for line in requests), requests
    assert any(line.startswith("800M") for line in requests), requests
    assert simulated.path(LANDMARKS).exists()


def test_a_job_that_somebody_cancels_is_submitted_again(simulated, slurm):
    process = simulated.start(on_slurm(simulated, LANDMARKS))
    wait_for(lambda: simulated.processes("landmarks"), process)
    subprocess.run(["scancel", *slurm.jobs()], check=True)
    outcome = simulated.finish(process)
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output


def test_a_node_that_goes_down_costs_what_ran_there(simulated, slurm):
    process = simulated.start(on_slurm(simulated, LANDMARKS))
    wait_for(lambda: simulated.processes("landmarks"), process)
    (node,) = slurm.jobs("%N")
    slurm.stop_node(node)
    try:
        outcome = simulated.finish(process)
    finally:
        slurm.start_node(node)
        slurm.wait_for_nodes()
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output
    assert simulated.path(LANDMARKS).exists()


def test_a_killed_run_leaves_no_jobs_that_write_into_the_next(cluster_project, slurm, local):
    """Snakemake is killed while its jobs go on; the next run ends them and keeps what was done."""
    process = cluster_project.start(on_slurm(cluster_project))
    features = cluster_project.path("results/audio_features")
    wait_for(lambda: list(features.glob("*.parquet")), process, seconds=300)
    wait_for(lambda: slurm.jobs(), process)
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    orphans = slurm.jobs()
    assert orphans
    done = {path: path.stat().st_mtime_ns for path in features.glob("*.parquet")}
    outcome = run(cluster_project)
    assert outcome.returncode != 0
    _, _, told = outcome.output.partition("Slurm jobs of a former run in this folder were ended: ")
    assert set(orphans) <= set(told.partition(";")[0].split())
    assert not slurm.jobs()
    outcome = run(cluster_project)
    assert outcome.returncode == 0, outcome.output
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert digests(cluster_project.path("results")) == local
