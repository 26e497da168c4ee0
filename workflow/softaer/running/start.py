"""Before the first job: the folder is locked, and inputs are looked at.

A job would give up finished results for an input that it refuses; so inputs are looked at first.
"""

import atexit
import os
import re
import sys
import uuid
from typing import TYPE_CHECKING

from softaer.core import lock
from softaer.core.errors import InputError
from softaer.core.places import RESULTS
from softaer.core.tasks import FIRST_STAGES
from softaer.running.orphans import end_orphans
from softaer.running.snakemake_private import first_of, known_path, needed_jobs

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

_FIRST = re.compile(rf"-m softaer\.(?:{'|'.join(FIRST_STAGES)}) ")

_started: set[str] = set()
_name: str | None = None


def say(words: str) -> None:
    """Tell something on the error stream, where it does not disturb what is read by programs."""
    print(words, file=sys.stderr)


def say_last(*lines: str) -> None:
    """Print lines when all else has been said."""
    atexit.register(print, *lines, sep="\n", flush=True)


def name_run() -> None:
    """Give this run a name, once. Jobs inherit it, and do nothing when another has taken over."""
    global _name
    _name = _name or str(uuid.uuid4())
    os.environ[lock.RUN] = _name


def records_are_missing(results: str = RESULTS) -> bool:
    """Whether there are results of which Snakemake does not know how they were made."""
    if any(
        os.path.isdir(f".snakemake/{kind}") and any(os.scandir(f".snakemake/{kind}"))
        for kind in ("metadata", "incomplete")
    ):
        return False
    return any(
        not name.startswith(".")
        for folder, _, files in os.walk(results)
        if os.path.relpath(folder, results).split(os.sep)[0] not in ("logs", "benchmarks")
        for name in files
        if os.path.join(folder, name) != os.path.join(results, "experiment.yaml")
    )


def take_folder() -> None:
    """Lock the folder for this run, and wait for or end what a former one has left at work.

    Once for each process and folder: a Snakefile may use the workflow several times.

    Raises
    ------
    InputError
        If another run is at work in the folder, or jobs of a former one were ended.
    """
    folder = os.getcwd()
    if folder in _started:
        return
    _started.add(folder)
    try:
        if lock.hold(lock.LOCK):
            ended = end_orphans(".snakemake/log")
            if ended:
                # What is to be done was planned with files in view that these jobs take away at
                # their end.
                raise InputError(
                    f"Slurm jobs of a former run in this folder were ended: {' '.join(ended)}; "
                    "now run the same command again"
                )
            lock.take_over(lock.RUNS, os.environ[lock.RUN])
            lock.wait_for_jobs(lock.JOBS, say)
        else:
            say(
                "This file system knows no locks: start one run at a time, and end the jobs of a "
                "killed one yourself."
            )
    except OSError as error:
        raise InputError(f"{error.filename or '.snakemake'}: {error.strerror}") from None


def look_at_inputs(workflow: "Workflow") -> None:
    """Refuse inputs that a job would refuse, as long as its last results are still there."""
    jobs = [
        job
        for job in first_of(workflow, needed_jobs(workflow))
        if _FIRST.search(job.rule.shellcmd or "")
        and any(os.path.exists(known_path(path)) for path in job.output)
        and all(os.path.exists(path) for path in job.input)
    ]
    if not jobs:
        return
    try:
        from softaer.running import preflight
    except ImportError as error:
        # With an environment for each rule, the one of Snakemake may lack what the stages need.
        say(f"Inputs are not looked at before the first job: {error}")
        return
    for job in sorted(jobs, key=lambda job: list(job.output)):
        preflight.check(job.shellcmd)
