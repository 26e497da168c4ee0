"""One line about a run: what is done, at work and left, by time and not by counts of jobs."""

import fcntl
import os
import subprocess
import sys
from datetime import datetime

import pytest

from softaer.core import lock
from softaer.running.progress_of_run import Left, measured, read_log, time_left, told

START = datetime(2026, 1, 5, 10, 0, 0)

STATS = """\
Job stats:
job              count
-------------  -------
landmarks            2
train_network        3
all                  1
total                6

Select jobs to execute...
"""


def at(seconds):
    return f"[{datetime.fromtimestamp(START.timestamp() + seconds):%a %b %d %H:%M:%S %Y}]\n"


def started(seconds, number, rule, unit):
    text = at(seconds) + f"localrule {rule}:\n    input: a.mp4\n    jobid: {number}\n"
    return text + f"    benchmark: results/benchmarks/{unit}.tsv\n    wildcards: a=b\n"


def ended(seconds, number, rule):
    return at(seconds) + f"Finished jobid: {number} (Rule: {rule})\n"


def failed(seconds, number, rule):
    return at(seconds) + f"Error in rule {rule}:\n    message: None\n    jobid: {number}\n"


LANDMARKS = started(0, 1, "landmarks", "landmarks/a") + ended(10, 1, "landmarks")


def benchmark(folder, unit, seconds, stamp):
    path = folder / f"{unit}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tcpu_time\n{seconds}\t0:00:01\t1.0\n")
    os.utime(path, (stamp, stamp))


def test_a_log_says_what_was_planned_done_and_is_at_work():
    text = STATS + LANDMARKS + started(12, 5, "train_network", "train/arousal/audio/E/seed1")
    log = read_log(text)
    assert log.planned == {"landmarks": 2, "train_network": 3}
    assert log.total == 5
    assert [(job.rule, job.unit) for job in log.done] == [("landmarks", "landmarks/a")]
    assert [job.rule for job in log.running] == ["train_network"]
    assert log.running[0].started == START.timestamp() + 12
    log = read_log(text + failed(20, 5, "train_network"))
    assert log.running == []
    assert [job.failed for job in log.jobs] == [False, True]
    # Snakemake tries it again.
    log = read_log(text + failed(20, 5, "train_network") + started(21, 5, "train_network", "x/y"))
    assert [job.rule for job in log.running] == ["train_network"]


def test_time_left_follows_minutes_of_media_and_benchmarks_not_counts(tmp_path):
    log = read_log(STATS + LANDMARKS)
    benchmark(tmp_path, "landmarks/a", 10.0, START.timestamp() + 10)
    benchmark(tmp_path, "train/arousal/audio/E/seed1", 600.0, START.timestamp() - 900)
    times = measured(tmp_path, START.timestamp())
    now = START.timestamp() + 10
    # One minute took 10 s, and six are to come; three trainings as long as that of a former run.
    left = time_left(log, times, {"a": 1.0, "b": 6.0}, now)
    assert left == Left(60.0 + 3 * 600.0, {})
    # The same number of jobs, with less media.
    assert time_left(log, times, {"a": 1.0, "b": 0.5}, now).seconds == 5.0 + 3 * 600.0
    # Without lengths, a job counts like another.
    assert time_left(log, times, {}, now).seconds == 10.0 + 3 * 600.0


def test_benchmarks_of_this_run_come_before_those_of_former_runs(tmp_path):
    benchmark(tmp_path, "train/a/seed1", 600.0, START.timestamp() - 900)
    assert measured(tmp_path, START.timestamp()) == {"train": {"train/a/seed1": 600.0}}
    benchmark(tmp_path, "train/a/seed2", 20.0, START.timestamp() + 30)
    assert measured(tmp_path, START.timestamp()) == {"train": {"train/a/seed2": 20.0}}


def test_what_was_never_timed_is_told_and_not_guessed(tmp_path):
    log = read_log(STATS + LANDMARKS)
    benchmark(tmp_path, "landmarks/a", 10.0, START.timestamp() + 10)
    times = measured(tmp_path, START.timestamp())
    left = time_left(log, times, {"a": 1.0, "b": 1.0}, START.timestamp() + 10)
    assert left == Left(10.0, {"train_network": 3})
    assert told(log, left, True) == (
        "running: 1 of 5 jobs done; about 10 s left, without 3 jobs that were never timed "
        "(train_network)"
    )
    # A log of a former run times it.
    other = STATS + started(0, 5, "train_network", "train/x") + ended(40, 5, "train_network")
    left = time_left(log, times, {"a": 1.0, "b": 1.0}, START.timestamp() + 10, [read_log(other)])
    assert left == Left(130.0, {})


def test_jobs_that_run_at_once_and_have_begun_take_less():
    text = STATS + started(0, 1, "landmarks", "landmarks/a")
    text += started(0, 2, "landmarks", "landmarks/b") + ended(100, 2, "landmarks")
    log = read_log(text.replace("train_network        3\n", ""))
    times = {"landmarks": {"landmarks/b": 100.0}}
    left = time_left(log, times, {"a": 1.5, "b": 1.0}, START.timestamp() + 100)
    # 150 s of work less 100 s; two jobs at once.
    assert left == Left(25.0, {})


def test_a_run_that_has_ended_or_stopped_is_called_so():
    text = STATS.replace("train_network        3\n", "") + LANDMARKS
    log = read_log(text)
    assert told(log, Left(10.0, {}), False) == "not running: 1 of 2 jobs done; about 10 s left"
    text += started(12, 2, "landmarks", "landmarks/b")
    assert "at work: landmarks; about" in told(read_log(text), Left(10.0, {}), True)
    log = read_log(text + ended(75, 2, "landmarks"))
    assert told(log, Left(0.0, {}), False) == "finished: 2 of 2 jobs done in 1 min 15 s"
    log = read_log(text + failed(75, 2, "landmarks"))
    assert "1 of 2 jobs done, 1 failed" in told(log, Left(10.0, {}), False)


def test_a_lock_is_seen_without_taking_it(tmp_path):
    path = tmp_path / "lock"
    assert not lock.is_held(path)
    with open(path, "w") as file:
        assert not lock.is_held(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert lock.is_held(path)
    assert not lock.is_held(path)


@pytest.mark.parametrize("run", [True, False])
def test_on_the_command_line(tmp_path, run):
    if run:
        log = tmp_path / ".snakemake/log/2026-01-05T100000.snakemake.log"
        log.parent.mkdir(parents=True)
        log.write_text("Building DAG of jobs...\n" + STATS + LANDMARKS)
        # A dry run leaves a log that says nothing.
        log.with_name("2026-01-06T100000.snakemake.log").write_text("Job stats:\n")
        benchmark(tmp_path / "results/benchmarks", "landmarks/a", 10.0, START.timestamp() + 10)
    command = [sys.executable, "-m", "softaer", "status", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if run:
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("not running: 1 of 5 jobs done; about 10 s left, without 3")
    else:
        assert done.returncode == 1
        assert "expected the folder of a run" in done.stderr
