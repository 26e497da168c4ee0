"""What a Slurm and a Grid Engine of the tests share: starting and ending daemons."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from debian_packages import UnavailableError, missing_programs
from patience import SILENT


def require(programs: Iterable[str], name: str) -> None:
    """Require what a cluster is started with.

    Raises
    ------
    UnavailableError
        Without root's rights or one of the programs.
    """
    if os.geteuid() != 0:
        raise UnavailableError(f"only root can start a {name}")
    if missing := missing_programs(programs):
        raise UnavailableError(f"without {', '.join(missing)} there is no {name} to start")


def run(command: Sequence[str], environment: dict | None = None) -> subprocess.CompletedProcess:
    """Run one of a scheduler's clients, which may hang."""
    try:
        return subprocess.run(
            command,
            env=os.environ | (environment or {}),
            capture_output=True,
            text=True,
            timeout=SILENT / 10,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "")


def wait_until(condition: Callable, complaint: str, seconds: float = SILENT) -> None:
    """Wait until something is so.

    Raises
    ------
    UnavailableError
        If it does not become so.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise UnavailableError(complaint)
        time.sleep(0.1)


def pid_of(path: Path) -> int:
    """The process whose number a file has."""
    return int(path.read_text())


def alive(path: Path) -> bool:
    """Whether the process whose number a file has is there."""
    try:
        return Path(f"/proc/{pid_of(path)}").exists()
    except (FileNotFoundError, ValueError):  # it has taken its file away
        return False


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)


def descendants(pid: int) -> list[int]:
    """Processes below a process, the lowest first."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [*descendants(child), child]
    except OSError:
        pass
    return found


def end(daemons: Sequence[Path]) -> None:
    """End daemons, the last started first, by the files with their numbers."""
    for path in reversed(daemons):
        if alive(path):
            kill(pid_of(path), signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(map(alive, daemons)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for path in filter(alive, daemons):
        kill(pid_of(path))
