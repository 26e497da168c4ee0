"""What a Slurm and a Grid Engine of the tests share: installing, starting and ending daemons."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


class UnavailableError(Exception):
    """Why there can be no cluster here."""


def missing_programs(programs: Iterable[str]) -> list[str]:
    """Programs that are not installed."""
    return [name for name in programs if shutil.which(name) is None]


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


def install(packages: Sequence[str]) -> None:
    """Install packages of Debian or Ubuntu, without starting what they bring.

    Raises
    ------
    UnavailableError
        If they cannot be installed.
    """
    with open(Path(tempfile.gettempdir()) / "softaer-install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of the tests install at the same time
        _install(packages)


def _install(packages: Sequence[str]) -> None:
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120", *command],
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=240,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(f"{' '.join(packages)} cannot be installed: {error}") from error
    finally:
        if ours:
            policy.unlink()


def run(command: Sequence[str], environment: dict | None = None) -> subprocess.CompletedProcess:
    """Run one of a scheduler's clients, which may hang."""
    try:
        return subprocess.run(
            command,
            env=os.environ | (environment or {}),
            capture_output=True,
            text=True,
            timeout=10,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "")


def wait_until(condition: Callable, complaint: str, seconds: float = 30) -> None:
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
    return path.exists() and Path(f"/proc/{pid_of(path)}").exists()


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
