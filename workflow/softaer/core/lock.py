"""A lock on the working folder that ends with the process that holds it, however that ends.

Snakemake's own lock is a file that a killed run leaves behind, so that the next run is refused
until somebody unlocks by hand. This one belongs to the operating system (flock), which takes it
back.
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
"""Held by the run that is at work in a folder."""

RUNS = ".snakemake/softaer.runs"
"""The runs of a folder, a line each; the last one is in charge."""

JOBS = ".snakemake/softaer.jobs"
"""Shared by the jobs that are at work in a folder."""

RUN = "SOFTAER_RUN"
"""Variable of the environment with the name of the run that submitted a job."""

_held: dict[Path, TextIO] = {}


def join() -> None:
    """Take part in the work of a run, as one of its jobs: before a stage does anything.

    As long as the process lives, it shares a lock, so that a run can see what a killed one has left
    at work. A command that no run has started is let go on, and one that does not see its folder.

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
    """Wait until no job of a former run is at work any more.

    Every job shares a lock on a file as long as it runs (see :func:`join`), also one whose run was
    killed. It might finish after the next run has made the same output anew with other settings.

    Parameters
    ----------
    path
        File that the jobs share; made if it is not there.
    say
        Tells a person what is waited for.
    """
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Jobs of a former run are still at work in this folder; waiting for their end.")
            fcntl.flock(file, fcntl.LOCK_EX)


def take_over(path: Path | str, run: str) -> None:
    """Write down that from now on the jobs of this run, and of no former one, may work in a folder.

    Jobs of a killed run may wait in a cluster's queue and start when nobody counts on them.

    Parameters
    ----------
    path
        File with the runs of the folder, a line each, the last of which is in charge.
    run
        Name of this run; its jobs inherit it.
    """
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{run}\n")


def taken_over(path: Path | str, run: str | None) -> bool:
    """Whether another run has taken over since a run, whose job asks, was in charge.

    A job that knows of no run, or whose run is not written down, is let go on.
    """
    try:
        runs = Path(path).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False
    return run in runs and runs[-1] != run


def hold(path: Path | str) -> bool:
    """Lock a file until this process ends.

    Parameters
    ----------
    path
        File to lock; made if it is not there. It stays, and says who held it last.

    Returns
    -------
    Whether the file system knows locks; without them nothing is held.

    Raises
    ------
    InputError
        If another process holds the lock: which, where, and since when.
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
