"""Jobs on a Slurm cluster that outlived the run that submitted them.

A killed run leaves its jobs in the queue. They would continue and write files that the next run
makes again, so the next run cancels them first. Snakemake's executor gives all jobs of a run the
same name and writes that name to the log of the run.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path

from softaer.core.errors import InputError

RUN = re.compile(r"SLURM run ID: (\S+)")

PATIENCE = 60.0
"""Longest time that jobs may take to end [s]."""


def end_orphans(logs: Path | str) -> list[str]:
    """Cancel the Slurm jobs of earlier runs in a folder.

    Parameters
    ----------
    logs
        Snakemake's logs of all runs in that folder; no other run may be active there.

    Returns
    -------
    Numbers of the cancelled jobs; empty without Slurm.

    Raises
    ------
    InputError
        If Slurm does not answer, or the jobs do not end.
    """
    if shutil.which("squeue") is None:
        return []
    runs = {
        run
        for log in Path(logs).glob("*.log")
        for run in RUN.findall(log.read_text(encoding="utf-8", errors="replace"))
    }
    orphans = sorted(_jobs_of(runs)) if runs else []
    if orphans:
        _call("scancel", *orphans)
        deadline = time.monotonic() + PATIENCE
        while left := _jobs_of(runs):
            if time.monotonic() > deadline:
                raise InputError(
                    f"Slurm jobs {', '.join(sorted(left))} of a former run in this folder do not "
                    "end; expected them to be gone before the next run"
                )
            time.sleep(0.5)
    return orphans


def _jobs_of(runs: set[str]) -> set[str]:
    lines = _call("squeue", "--me", "--noheader", "--format=%A %j").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {job for job, name in pairs if name.strip() in runs}


def _call(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise InputError(
            f"'{' '.join(command)}' does not answer: {said}; expected to learn of it whether jobs "
            "of a former run in this folder go on"
        ) from error
    return done.stdout
