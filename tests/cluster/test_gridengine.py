"""The workflow on a real Grid Engine: the same profile for another scheduler."""

import os
import signal
import subprocess

import pytest
from daemons import wait_until
from projects import TINY, Project
from submitted import LANDMARKS, SOUND, assert_datasets, command, wait_for

pytestmark = pytest.mark.workflow

CLUSTER = "grid_engine"

AS_A_TEST = ["--seconds-between-status-checks", "1"]


def start(project: Project, cluster, *arguments: str, config: dict = TINY) -> subprocess.Popen:
    """Start the workflow with the profile for Grid Engine."""
    words = command(project, "gridengine", *AS_A_TEST, *arguments, config=config)
    return project.start(words, cluster.environment)


def test_results_are_those_of_a_local_run(simulated, cluster, local):
    """From media to the datasets of the sound; all else is submitted in the same way."""
    outcome = simulated.finish(start(simulated, cluster, "dataset", config=SOUND))
    assert outcome.returncode == 0, outcome.output
    assert_datasets(simulated, local, count=3)
    again = simulated.finish(start(simulated, cluster, "dataset", "--dry-run", config=SOUND))
    assert "Nothing to be done" in again.output


def test_a_job_that_somebody_deletes_is_submitted_again(simulated, cluster):
    process = start(simulated, cluster, LANDMARKS)
    wait_for(lambda: simulated.processes("landmarks"), process)
    cluster.delete(*cluster.jobs())
    outcome = simulated.finish(process)
    assert outcome.returncode == 0, outcome.output
    assert "Trying to restart job" in outcome.output
    assert simulated.path(LANDMARKS).exists()


def test_jobs_of_a_killed_run_that_start_late_do_nothing(simulated, cluster):
    """They wait in the queue while a later run makes what they were to make."""
    cluster.hold(True)
    process = start(simulated, cluster, LANDMARKS)
    (orphan,) = wait_for(cluster.jobs, process)
    os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    outcome = simulated.run(LANDMARKS, config=TINY)
    assert outcome.returncode == 0, outcome.output
    made = simulated.path(LANDMARKS).stat().st_mtime_ns
    cluster.hold(False)
    wait_until(lambda: orphan not in cluster.jobs(), "the orphan does not end")
    assert simulated.path(LANDMARKS).stat().st_mtime_ns == made
    logs = simulated.path(".snakemake/gridengine_logs").glob("*")
    assert any("A later run has taken over" in log.read_text() for log in logs)
