"""The workflow on a real Slurm: results as on one machine, and what faults of a cluster cost."""

import base64
import os
import signal
import subprocess
from pathlib import Path

import pytest
from projects import Project, digests
from submitted import LANDMARKS, assert_datasets, command, wait_for, watch

pytestmark = pytest.mark.workflow

CLUSTER = "slurm"

FAST = str(Path(__file__).with_name("fast_snakemake.py"))

AS_A_TEST = [
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
]
"""What a test sets besides the profile; there is no accounting to ask."""


def on_slurm(project: Project, *arguments: str, fast: bool = True) -> list[str]:
    """Command that runs the workflow with the profile for Slurm."""
    words = command(project, "slurm", *AS_A_TEST, *arguments)
    if fast:
        at = words.index("-m")
        words[at : at + 2] = [FAST]
    return words


def run(project: Project, *arguments: str, fast: bool = True):
    return project.finish(project.start(on_slurm(project, *arguments, fast=fast)))


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
        digests(simulated.path("results/landmarks"))["train1.parquet"]
        == local["landmarks/train1.parquet"]
    )


def test_a_job_over_its_memory_gets_more(simulated, slurm):
    process = simulated.start(
        on_slurm(simulated, LANDMARKS, "--set-resources", "landmarks:mem_mb=250*attempt**2")
    )
    outcome, requests = watch(simulated, process, lambda: slurm.jobs("%m"))
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output
    assert {"250M", "1000M"} <= requests
    assert simulated.path(LANDMARKS).exists()


def test_a_job_over_its_time_gets_more(simulated, slurm):
    process = simulated.start(
        on_slurm(simulated, LANDMARKS, "--set-resources", "landmarks:runtime=attempt")
    )
    (pid, *_) = wait_for(lambda: simulated.processes("landmarks"), process)
    os.kill(pid, signal.SIGSTOP)  # it will not be done within its minute
    outcome, requests = watch(simulated, process, lambda: slurm.jobs("%l"))
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output
    assert {"1:00", "2:00"} <= requests
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


def finished_features(project: Project) -> list[Path]:
    """Features of jobs that Snakemake has seen end; others are begun anew by the next run."""
    begun = {
        base64.urlsafe_b64decode(mark.name).decode()
        for mark in project.path(".snakemake/incomplete").glob("*")
        if mark.is_file()
    }
    found = project.path("results/audio_features").glob("[!.]*.parquet")
    return [path for path in found if str(path.relative_to(project.directory)) not in begun]


def test_a_killed_run_leaves_no_jobs_that_write_into_the_next(simulated, slurm, local):
    """Snakemake is killed while its jobs go on; the next run ends them and keeps what was done.

    From media to the datasets; all else is submitted in the same way.
    """
    process = simulated.start(on_slurm(simulated, "dataset"))
    wait_for(lambda: finished_features(simulated), process)
    slurm.hold(True)
    wait_for(lambda: slurm.jobs("%t").count("PD") > 1, process)
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    orphans = set(slurm.jobs())
    slurm.hold(False)
    # A result that is made anew is another file; one that Snakemake touches at a job's end is not.
    done = {path: path.stat().st_ino for path in finished_features(simulated)}
    assert done
    outcome = run(simulated, "dataset")
    assert outcome.returncode != 0
    _, _, told = outcome.output.partition("Slurm jobs of a former run in this folder were ended: ")
    ended = set(told.partition(";")[0].split())
    assert ended
    assert ended <= orphans  # the others came to their end meanwhile
    assert not slurm.jobs()
    outcome = run(simulated, "dataset")
    assert outcome.returncode == 0, outcome.output
    assert {path: path.stat().st_ino for path in done} == done
    assert_datasets(simulated, local)
