"""Before the first job: the folder is locked, and inputs are checked.

A job would give up finished results for an input that it refuses, so inputs are checked first.
"""

import atexit
import os
import re
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from softaer.core import lock
from softaer.core.errors import InputError
from softaer.core.places import EXPERIMENT, RESULTS, within
from softaer.modalities import FIRST_STAGES
from softaer.running.orphans import end_orphans
from softaer.running.snakemake_private import first_of, known_path, needed_jobs

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

_FIRST = re.compile(rf"-m softaer\.(?:{'|'.join(FIRST_STAGES)}) ")

_started: set[str] = set()
_name: str | None = None


def say(words: str) -> None:
    """Print to the error stream, so that the output stays readable for programs."""
    print(words, file=sys.stderr)


def say_last(*lines: str) -> None:
    """Print lines after all other output; nothing without lines."""
    if lines:
        atexit.register(print, *lines, sep="\n", flush=True)


def name_run() -> None:
    """Name this run, once. Jobs inherit the name and do nothing if another run has taken over."""
    global _name
    _name = _name or str(uuid.uuid4())
    os.environ[lock.RUN] = _name


def records_are_missing(results: str = RESULTS) -> bool:
    """Whether there are results without Snakemake's records of how they were made."""
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
        if Path(folder, name) != within(Path(results), EXPERIMENT)
    )


def take_folder() -> None:
    """Lock the folder for this run, and wait for or cancel active jobs of an earlier run.

    Done once per process and folder, because a Snakefile may use the workflow several times.

    Raises
    ------
    InputError
        If another run is active in the folder, or if jobs of an earlier run were cancelled.
    """
    folder = os.getcwd()
    if folder in _started:
        return
    _started.add(folder)
    try:
        if lock.hold(lock.LOCK):
            ended = end_orphans(".snakemake/log")
            if ended:
                # This run was planned with files that these jobs remove when they end.
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
    """Refuse inputs that a job would refuse, while its previous results still exist."""
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
        # If rules have their own environments, that of Snakemake may lack the stages' packages.
        say(f"Inputs are not looked at before the first job: {error}")
        return
    for job in sorted(jobs, key=lambda job: list(job.output)):
        preflight.check(job.shellcmd)
