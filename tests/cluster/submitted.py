"""Running the workflow by a cluster's profile, and watching it."""

import subprocess
import time
from collections.abc import Callable, Sequence

from projects import TINY, Outcome, Project, digests

from patience import HANGS

LANDMARKS = "results/landmarks/train1.parquet"
"""What most tests make: one job of a few seconds."""


SOUND = TINY | {"modalities": ["audio"]}
"""The smallest experiment, without what takes longest."""


def command(project: Project, profile: str, *arguments: str, config: dict = TINY) -> list[str]:
    """Command that runs the smallest experiment with one of the profiles."""
    words = project.command(
        *("--workflow-profile", str(project.source / "profiles" / profile)),
        *("--latency-wait", "10"),
        *arguments,
        config=config,
    )
    at = words.index("--cores")
    return words[:at] + words[at + 2 :]


def wait_for(condition: Callable, process: subprocess.Popen):
    """Wait until something is so, as long as a run goes on."""
    deadline = time.monotonic() + HANGS
    while not (found := condition()):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def watch(
    project: Project, process: subprocess.Popen, look: Callable[[], Sequence[str]]
) -> tuple[Outcome, set[str]]:
    """Let a run come to its end; what was seen of the cluster meanwhile."""
    seen = set()
    deadline = time.monotonic() + HANGS
    while process.poll() is None and time.monotonic() < deadline:
        seen.update(look())
        time.sleep(0.2)
    return project.finish(process), seen


def assert_datasets(project: Project, local: dict[str, str], count: int = 6) -> None:
    """All datasets are there, and everything is as in a run on this machine."""
    found = digests(project.path("results"))
    assert found.items() <= local.items()
    assert sum(name.startswith("dataset/") for name in found) == count
