"""A lock on the working folder that ends with the process that holds it, even if that is killed.

Snakemake's own lock is a file that a killed run leaves behind, so that the next run is refused
until somebody removes the lock by hand. This one belongs to the operating system (flock), which
releases it.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TextIO

from softaer.core.errors import InputError

LOCK = ".snakemake/softaer.lock"
"""Held by the run that is active in a folder."""

RUNS = ".snakemake/softaer.runs"
"""The runs of a folder, one per line; the last one is in charge."""

JOBS = ".snakemake/softaer.jobs"
"""Shared by the jobs that are active in a folder."""

RUN = "SOFTAER_RUN"
"""Environment variable with the name of the run that submitted a job."""

_held: dict[Path, TextIO] = {}


def join() -> None:
    """Register as a job of a run, before a stage does anything.

    As long as the process lives, it shares a lock, so that a new run can see active jobs of a
    killed one. A command that was not started by a run, or that cannot see the folder, may
    continue.

    Raises
    ------
    InputError
        If another run has taken over since.
    """
    if RUN not in os.environ:
        return
    path = Path(JOBS)
    if path.parent.is_dir():
        with contextlib.suppress(OSError):
            file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
            _held[path.absolute()] = file
            fcntl.flock(file, fcntl.LOCK_SH)
    if taken_over(RUNS, os.environ[RUN]):
        raise InputError("A later run has taken over this folder.")


def wait_for_jobs(path: Path | str, say: Callable[[str], None] = print) -> None:
    """Wait until no job of an earlier run is active.

    Every job shares a lock on a file while it runs (see :func:`join`), even if its run was
    killed. It might finish after the next run has made the same output with other settings.

    Parameters
    ----------
    path
        File that the jobs share; created if necessary.
    say
        Prints the reason for waiting.
    """
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Jobs of a former run are still at work in this folder; waiting for their end.")
            fcntl.flock(file, fcntl.LOCK_EX)


def take_over(path: Path | str, run: str) -> None:
    """Record that from now on only the jobs of this run may work in a folder.

    Jobs of a killed run may still wait in a cluster's queue and start later.

    Parameters
    ----------
    path
        File with the runs of the folder, one per line; the last one is in charge.
    run
        Name of this run; its jobs inherit it.
    """
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{run}\n")


def taken_over(path: Path | str, run: str | None) -> bool:
    """Whether another run has taken over since the run of this job was in charge.

    A job without a run, or whose run is not recorded, may continue.
    """
    try:
        runs = Path(path).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False
    return run in runs and runs[-1] != run


def is_held(path: Path | str) -> bool:
    """Whether a process of this machine holds a lock, see :func:`hold`; nothing is locked."""
    path = Path(path)
    if not path.exists():
        return False
    number = str(path.stat().st_ino)
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return any("FLOCK" in line and f":{number} " in line for line in lines)


def hold(path: Path | str) -> bool:
    """Lock a file until this process ends.

    Parameters
    ----------
    path
        File to lock; created if necessary. It stays and names its last holder.

    Returns
    -------
    Whether the file system supports locks; otherwise nothing is locked.

    Raises
    ------
    InputError
        If another process holds the lock; names the process, its machine and its start time.
    """
    path = Path(path).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 - open as long as the process lives
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "an unknown process"
        file.close()
        raise InputError(
            f"{path}: {holder} is at work in this folder; expected one run at a time"
        ) from error
    except OSError:
        file.close()
        return False
    file.truncate(0)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}\n")
    file.flush()
    _held[path] = file
    return True
