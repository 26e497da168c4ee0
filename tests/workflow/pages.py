"""Pages of the documentation, and what they say to type."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import warm
from patience import HANGS


def blocks(page: Path, language: str) -> list[str]:
    """Blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)


def commands(page: Path) -> list[str]:
    """Commands of a page, without remarks."""
    lines = "\n".join(blocks(page, "bash")).replace("\\\n", " ").splitlines()
    lines = [re.sub(r"\s+#.*|^#.*", "", line).strip() for line in lines]
    return [part for line in lines if line for part in re.split(r"\s*(?:&&|;)\s*", line)]


def environment(folder: Path, source: Path | None = None) -> dict[str, str]:
    """Environment of commands in a folder, which has the source, or imports it from elsewhere."""
    return os.environ | {
        "PATH": os.pathsep.join(
            [str(warm.programs()), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "PYTHONPATH": str((source or folder) / "workflow"),
        "SNAKEMAKE_OUTPUT_CACHE": str(folder / "cache"),
        "SLURM_CONF": "/dev/null",
        "TERM": "dumb",
    }


def run_until_ended(
    command: str, folder: Path, source: Path | None = None
) -> subprocess.CompletedProcess:
    """Run a server, and end it once it says that it serves."""
    program, *words = shlex.split(command)
    assert program == "python"
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env=environment(folder, source),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        said = []
        for line in server.stdout:
            said.append(line)
            if line == "Ctrl-C ends it\n":
                server.terminate()  # in the background, a shell lets it ignore Ctrl-C
    assert said[-2:] == ["Ctrl-C ends it\n", "ended\n"], "".join(said)
    return subprocess.CompletedProcess(command, server.returncode, "".join(said), "")


def run(command: str, folder: Path, source: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder, source),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
