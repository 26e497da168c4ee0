"""Processes that tests start, wait for and kill."""

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from patience import SILENT


@contextmanager
def python(code: str, *arguments: object, wait: float = SILENT) -> Iterator[subprocess.Popen]:
    """Run code in another process until it has printed a line; the process is killed at the end.

    The line is in the attribute ``said``; it is empty if none came within the time [s].
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready, _, _ = select.select([process.stdout], [], [], wait)
        process.said = process.stdout.readline().strip() if ready else ""
        yield process
    finally:
        kill(process)
        process.stdin.close()
        process.stdout.close()


def kill(process: subprocess.Popen) -> None:
    """End a process so that it can clean nothing up, and wait until it has gone."""
    process.kill()
    process.wait(timeout=SILENT)
