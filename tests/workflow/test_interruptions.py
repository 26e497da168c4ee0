"""Whatever ends a run, the next plain run finishes it, and the results are those of a run that
nothing disturbed, byte by byte.

``SOFTAER_KILLS`` sets how many times runs are killed at least, 3 by default.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from projects import TINY, digests, new_project

from patience import HANGS

pytestmark = pytest.mark.workflow

KILLS = int(os.environ.get("SOFTAER_KILLS", "3"))

LONGEST_UNDISTURBED = 12.0
"""Longest time that a run is left alone before it is killed [s]."""

KILLS_OF_A_RUN = (3, 5)
"""Times that a run from nothing is killed before it is left to come to its end."""


def run_with_kills(project, chance: random.Random, kills: int) -> tuple[int, str]:
    """Start plain runs and kill them at random moments until one comes to its end.

    Every other time the whole process group is killed; else Snakemake alone, so that its jobs go on
    and write while the next run does the same.

    Returns
    -------
    How many runs were killed, and what the one that came to its end said.
    """
    killed = 0
    while True:
        process = project.start(project.command(config=TINY))
        patience = chance.uniform(0.5, LONGEST_UNDISTURBED) if killed < kills else HANGS
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            assert killed < kills, "the last run does not end"
            if killed % 2:
                os.kill(process.pid, signal.SIGKILL)
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.stdout.close()
            process.wait()
            killed += 1
            continue
        # Only an orphan that is still writing may make a run fail; plain repetition helps.
        if process.returncode == 0:
            return killed, output
        assert "another process has begun to write this file" in output, output


def test_killed_runs_are_finished_by_plain_repetition(empty_project, undisturbed):
    chance = random.Random(1)
    killed = rounds = 0
    while killed < KILLS:
        shutil.rmtree(empty_project.path("results"), ignore_errors=True)
        shutil.rmtree(empty_project.path(".snakemake"), ignore_errors=True)
        kills, output = run_with_kills(empty_project, chance, chance.randint(*KILLS_OF_A_RUN))
        killed += kills
        rounds += 1
        while empty_project.processes():
            time.sleep(0.1)
        assert digests(empty_project.path("results")) == undisturbed, output
        assert not list(empty_project.path("results").rglob(".partial-*"))
    print(f"{killed} kills in {rounds} runs from nothing; all results as undisturbed")


def test_a_run_that_is_still_at_work_keeps_another_out(empty_project):
    first = empty_project.start(empty_project.command(config=TINY))
    try:
        lock = empty_project.path(".snakemake/softaer.lock")
        while not (lock.exists() and lock.read_text()):
            assert first.poll() is None, first.stdout.read()
            time.sleep(0.05)
        second = empty_project.run(config=TINY)
        assert second.returncode != 0
        assert f"process {first.pid} on " in second.output
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.stdout.close()
        first.wait()


def test_jobs_of_a_killed_run_do_not_spoil_one_with_other_settings(root, empty_project, tmp_path):
    """A job that goes on after Snakemake was killed ends before its file is made anew."""
    other = TINY | {"training": {"max_steps": 4}}
    fresh = new_project(root, tmp_path / "fresh")
    assert fresh.run("train", config=other).returncode == 0

    first = empty_project.start(empty_project.command(config=TINY))
    victim = wait_for_stage(empty_project, "train", first)
    while not shares_the_lock(victim):  # before, it would see that another run has taken over
        assert first.poll() is None
        time.sleep(0.02)
    os.kill(victim, signal.SIGSTOP)
    os.kill(first.pid, signal.SIGKILL)
    first.stdout.close()
    first.wait()
    second = empty_project.start(empty_project.command("train", config=other))
    try:
        until = read_until(second, "Jobs of a former run are still at work")
    finally:
        os.kill(victim, signal.SIGCONT)
    outcome = empty_project.finish(second)
    assert outcome.returncode == 0, until + outcome.output
    assert digests(empty_project.path("results/train")) == digests(fresh.path("results/train"))


def shares_the_lock(process: int) -> bool:
    """Whether a job has joined the others that are at work in its folder."""
    locks = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    return any(words[1:5] == ["FLOCK", "ADVISORY", "READ", str(process)] for words in locks)


def read_until(process: subprocess.Popen, words: str) -> str:
    """What a run says, up to the line with some words."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"no {words!r} in:\n" + "".join(lines))


def wait_for_stage(project, stage: str, process: subprocess.Popen) -> int:
    """Wait until a stage is at work; its process."""
    while True:
        assert process.poll() is None, process.stdout.read()
        if found := project.processes(stage):
            return found[0]
        time.sleep(0.02)


def test_a_job_that_the_kernel_kills_is_named_and_done_again(empty_project, undisturbed):
    process = empty_project.start(empty_project.command(config=TINY))
    try:
        victim = wait_for_stage(empty_project, "landmarks", process)
        os.kill(victim, signal.SIGKILL)  # what the kernel does when memory runs out
        output, _ = process.communicate(timeout=HANGS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert "rule landmarks" in output
    assert "137" in output or "SIGKILL" in output or "Killed" in output, output
    outcome = empty_project.run(config=TINY)
    assert outcome.returncode == 0, outcome.output
    assert digests(empty_project.path("results")) == undisturbed


FULL_DISK = """
mount -t tmpfs -o size=3m tmpfs "$DIRECTORY" || exit 100
cp "$CONFIGURATION" "$DIRECTORY/experiment.yaml"
"$@"
first=$?
echo "FIRST RUN ENDED WITH $first"
mount -o remount,size=500m "$DIRECTORY" || exit 100
"$@"
second=$?
echo "SECOND RUN ENDED WITH $second"
mkdir "$KEEP"
cp -r "$DIRECTORY/results" "$KEEP/results"
[ $first -ne 0 ] && [ $second -eq 0 ]
"""


@pytest.fixture
def own_mounts() -> list[str]:
    """Command that gives another the right to mount file systems that only it sees."""
    command = ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") is None:
        pytest.skip("no unshare command, so that no small disk can be made")
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("not allowed to make name spaces, so that no small disk can be made")
    return command


def test_a_full_disk_is_named_and_room_is_all_that_is_needed(
    empty_project, undisturbed, own_mounts, tmp_path
):
    command = empty_project.command(config=TINY)
    configuration = tmp_path / "experiment.yaml"
    shutil.move(empty_project.path("experiment.yaml"), configuration)
    script = ["bash", "-c", FULL_DISK, "bash", *command]
    done = subprocess.run(
        [*own_mounts, *script],
        cwd=tmp_path,
        env=os.environ
        | {
            "DIRECTORY": str(empty_project.directory),
            "CONFIGURATION": str(configuration),
            "KEEP": str(tmp_path / "kept"),
            "TERM": "dumb",
        },
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "the disk is full" in output or "No space left on device" in output
    assert digests(tmp_path / "kept/results") == undisturbed
