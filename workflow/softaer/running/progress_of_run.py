"""What a run has done, what it does, and how long it will take.

Counts of jobs say little about time, since a training takes a thousand times as long as a table. So
the time left follows from benchmark files, of this run where it has some, else of former runs in
the folder; logs time the few jobs without. Stages that work through recordings are measured in
seconds per minute of media.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from softaer.core.listing import first_few
from softaer.core.places import BENCHMARK
from softaer.core.progress import duration

BENCHMARKS = BENCHMARK.partition("{")[0]

TIME = re.compile(r"\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]")
STARTED = re.compile(r"(?:local)?rule (\w+):")
FINISHED = re.compile(r"Finished jobid: (\d+) ")
PLANNED = re.compile(r"(\w+) +(\d+)")
DETAIL = re.compile(r"    (jobid|benchmark): (\S+)")


@dataclass(frozen=True)
class Job:
    """A job that has started; times are in seconds since the epoch.

    ``unit`` is that of its benchmark file, as in ``landmarks/train1``; empty without one.
    """

    rule: str
    started: float
    unit: str = ""
    ended: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class Log:
    """What Snakemake's log says of a run: planned jobs of each rule, and jobs that have started."""

    planned: Mapping[str, int]
    jobs: Sequence[Job]

    @property
    def total(self) -> int:
        """Number of planned jobs, without the target that asks for them."""
        return sum(self.planned.values())

    @property
    def done(self) -> list[Job]:
        """Jobs that have ended well."""
        return [job for job in self.jobs if job.ended is not None and not job.failed]

    @property
    def running(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self.jobs if job.ended is None]


@dataclass(frozen=True)
class Left:
    """Time left [s] of the jobs that can be foretold, and the rules of those that cannot."""

    seconds: float
    unknown: Mapping[str, int]


def read_log(text: str) -> Log:
    """Read a log of Snakemake.

    Parameters
    ----------
    text
        Of one run.
    """
    planned: dict[str, int] = {}
    jobs: dict[str, Job] = {}
    now, in_stats, opened, failing = 0.0, False, None, False
    number = ""
    for line in text.splitlines():
        if found := TIME.match(line):
            now = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y").timestamp()
        elif line == "Job stats:":
            planned, in_stats = {}, True
        elif in_stats:
            if row := PLANNED.fullmatch(line):
                planned[row[1]] = int(row[2])
            in_stats = bool(line)
        elif found := STARTED.fullmatch(line):
            opened, failing = found[1], False
        elif line.startswith("Error in rule"):
            opened, failing = None, True
        elif found := DETAIL.match(line):
            if found[1] == "jobid":
                number = found[2]
                if failing and number in jobs:
                    jobs[number] = replace(jobs[number], ended=now, failed=True)
                elif opened is not None:
                    jobs[number] = Job(opened, now)
            elif opened is not None:
                unit = found[2].partition(BENCHMARKS)[2].removesuffix(".tsv")
                jobs[number] = replace(jobs[number], unit=unit)
        elif (found := FINISHED.match(line)) and found[1] in jobs:
            jobs[found[1]] = replace(jobs[found[1]], ended=now)
    planned.pop("total", None)
    started = {job.rule for job in jobs.values()}
    planned = {rule: n for rule, n in planned.items() if rule != "all" or rule in started}
    return Log(planned, [job for job in jobs.values() if job.rule in planned])


def measured(benchmarks: Path, since: float) -> dict[str, dict[str, float]]:
    """Run time [s] of each unit of work, by stage.

    Parameters
    ----------
    benchmarks
        Folder with ``<stage>/**/*.tsv`` or ``<stage>.tsv``.
    since
        Start of the run [s since the epoch]. Of a stage that has files of this run, those of
        former runs are left out.
    """
    found: dict[str, dict[bool, dict[str, float]]] = {}
    for path in sorted(benchmarks.rglob("*.tsv")):
        unit = path.relative_to(benchmarks).as_posix().removesuffix(".tsv")
        new = path.stat().st_mtime >= since
        seconds = float(pd.read_csv(path, sep="\t")["s"].mean())
        found.setdefault(unit.partition("/")[0], {}).setdefault(new, {})[unit] = seconds
    return {stage: times.get(True) or times[False] for stage, times in found.items()}


def time_left(
    log: Log,
    times: Mapping[str, Mapping[str, float]],
    minutes: Mapping[str, float],
    now: float,
    former: Sequence[Log] = (),
) -> Left:
    """Time until a run ends, with as many jobs at once as it had so far.

    Parameters
    ----------
    log
        Of the run.
    times
        From :func:`measured`.
    minutes
        Media of each batch [min].
    now
        Seconds since the epoch.
    former
        Logs of other runs in the folder, for rules without benchmark files.
    """
    whole, unknown = 0.0, {}
    for rule, count in log.planned.items():
        own = [job for job in log.jobs if job.rule == rule and not job.failed]
        waiting = count - len(own)
        busy = [job for job in own if job.ended is None]
        if not (waiting or busy):
            continue
        units = times.get(_stage_of(rule, own, times), {})
        known = list(units.values()) or [
            job.ended - job.started
            for one in (log, *former)
            for job in one.done
            if job.rule == rule and job.ended is not None
        ]
        if not known:
            unknown[rule] = waiting + len(busy)
            continue
        each = sum(known) / len(known)
        lengths = [minutes.get(_batch(unit), 0.0) for unit in units]
        if units and all(lengths):
            pace = sum(units.values()) / sum(lengths)
            ahead = pace * _minutes_waiting(count, waiting, own, minutes)
            expected = [pace * minutes.get(_batch(job.unit), 0.0) for job in busy]
        else:
            ahead, expected = each * waiting, [each] * len(busy)
        whole += ahead
        whole += sum(
            max(seconds - (now - job.started), 0.0)
            for job, seconds in zip(busy, expected, strict=True)
        )
    return Left(whole / _at_once(log, now), unknown)


def _stage_of(rule: str, own: Sequence[Job], times: Mapping[str, Mapping[str, float]]) -> str:
    """The stage of a rule: from its benchmark files, or by its name (``labels_batch``)."""
    for job in own:
        if job.unit:
            return job.unit.partition("/")[0]
    fitting = [stage for stage in times if rule == stage or rule.startswith(f"{stage}_")]
    return max(fitting, key=len, default=rule)


def _batch(unit: str) -> str:
    return unit.rpartition("/")[2]


def _minutes_waiting(
    count: int, waiting: int, own: Sequence[Job], minutes: Mapping[str, float]
) -> float:
    """Media of the jobs that have not started [min].

    The log does not name them. If there are as many jobs as batches (or twice as many, ...), they
    are the other batches; else they have the mean of the batches that have not started.
    """
    started = [_batch(job.unit) for job in own]
    times, odd = divmod(count, len(minutes))
    if not odd:
        return max(times * sum(minutes.values()) - sum(minutes[batch] for batch in started), 0.0)
    others = [length for batch, length in minutes.items() if batch not in started]
    others = others or list(minutes.values())
    return waiting * sum(others) / len(others)


def _at_once(log: Log, now: float) -> float:
    """Mean number of jobs that ran at the same time, at least 1."""
    if not log.jobs:
        return 1.0
    whole = now - min(job.started for job in log.jobs)
    work = sum((now if job.ended is None else job.ended) - job.started for job in log.jobs)
    return max(work / whole, 1.0) if whole > 0 else 1.0


def told(log: Log, left: Left, active: bool) -> str:
    """The state of a run in one line.

    Parameters
    ----------
    log, left
        Of the run.
    active
        Whether a process runs it.
    """
    done, failed = len(log.done), sum(job.failed for job in log.jobs)
    words = f"{done} of {log.total} jobs done"
    words += f", {failed} failed" if failed else ""
    if done == log.total:
        spent = max(job.ended or 0.0 for job in log.jobs) - min(job.started for job in log.jobs)
        return f"finished: {words} in {duration(spent)}"
    if active:
        counts = Counter(job.rule for job in log.running)
        at_work = [f"{rule} ({n})" if n > 1 else rule for rule, n in counts.items()]
        words += f"; at work: {first_few(at_work)}" if at_work else ""
    time = f"about {duration(left.seconds)} left"
    if left.unknown:
        count = sum(left.unknown.values())
        jobs = "1 job that was" if count == 1 else f"{count} jobs that were"
        time += f", without {jobs} never timed ({first_few(left.unknown)})"
    return f"{'running' if active else 'not running'}: {words}; {time}"
