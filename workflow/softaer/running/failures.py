"""Failed jobs in a few words: the unit of work, the reason and the log, without the commands."""

from collections.abc import Iterator
from pathlib import Path

MOST = 20
"""Number of failed jobs that are told one by one."""

ERROR = "error: "
"""Beginning of the line with which a stage ends on bad input, see :mod:`softaer.core.cli`."""

TRACEBACK = "Traceback (most recent call last)"


def reason(log: Path) -> str | None:
    """Why a job failed, according to its log; ``None`` if it says nothing of it."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    if last.startswith(ERROR):
        return last.removeprefix(ERROR)
    return f"a bug: {last}" if any(line.startswith(TRACEBACK) for line in lines) else None


def failures(logs: Path, since: float) -> Iterator[tuple[str, str, Path]]:
    """Jobs that failed in a run.

    Parameters
    ----------
    logs
        Folder of all logs.
    since
        Start of the run [s, since the epoch]; older logs are those of former runs.

    Yields
    ------
    The unit of work (``landmarks/rec07``), the reason, and the log; sorted.
    """
    for log in sorted(logs.rglob("*.log")):
        if log.stat().st_mtime >= since and (why := reason(log)) is not None:
            yield log.relative_to(logs).with_suffix("").as_posix(), why, log


def told(logs: Path, since: float) -> list[str]:
    """The same as lines to print; empty if no log says why a job failed.

    The arguments are those of :func:`failures`.
    """
    found = list(failures(logs, since))
    if not found:
        return []
    lines = [f"{len(found)} {'job' if len(found) == 1 else 'jobs'} failed:"]
    for unit, why, log in found[:MOST]:
        lines += [f"  {unit}: {why}", f"    log: {log}"]
    if len(found) > MOST:
        lines.append(f"  and {len(found) - MOST} more")
    return lines
