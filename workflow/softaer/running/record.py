"""Record of a run in ``experiment.yaml``: its code, settings and inputs."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from softaer import __version__
from softaer.core.experiment import differences
from softaer.core.files import complete
from softaer.core.home import DEFAULTS, ENVIRONMENTS, PROJECT
from softaer.running.pins import read_pins

COMMIT = re.compile("[0-9a-f]{40}")

CHECKSUMS = ".snakemake/softaer.checksums.json"
"""Checksums of files by size and modification time, so that large files are read only once."""


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full, without YAML references."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def commit() -> str | None:
    """Commit of the code, with ``+`` if files differ from it; ``None`` if it is unknown."""
    if COMMIT.fullmatch(PROJECT.name):
        return PROJECT.name  # taken from a repository by workflow/rules/package.smk
    if not (PROJECT / ".git").exists():
        return _installed_commit()
    try:
        name = _git("rev-parse", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _installed_commit() -> str | None:
    """Commit from which an installed package was built, if it came from a repository."""
    try:
        origin = importlib.metadata.distribution("softaer").read_text("direct_url.json")
        return json.loads(origin or "{}").get("vcs_info", {}).get("commit_id")
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def _git(*words: str) -> str:
    command = ["git", "-C", str(PROJECT), *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=30
    ).stdout.strip()


def checksum(path: str) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(paths: Iterable[str], read: bool = True) -> dict[str, dict[str, Any]]:
    """Size [bytes] and SHA-256 of each file; ``None`` if it does not exist or is not yet read.

    Parameters
    ----------
    paths
        Of the files.
    read
        Whether to read files whose checksum is unknown.
    """
    cache = Path(CHECKSUMS)
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        known = {}

    def one(path: str) -> dict[str, Any]:
        try:
            state = os.stat(path)
            key = [state.st_size, state.st_mtime_ns]
            if path not in known or known[path][:2] != key:
                if not read:
                    return {"size": state.st_size, "sha256": None}
                known[path] = [*key, checksum(path)]
        except OSError:
            return {"size": None, "sha256": None}
        return {"size": state.st_size, "sha256": known[path][2]}

    paths = sorted(set(paths))
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(paths, pool.map(one, paths), strict=True))
    if read and cache.parent.is_dir():
        with complete(cache) as partial:
            partial.write_text(json.dumps(known))
    return found


def write(
    output: Path,
    config: Mapping[str, Any],
    defaults: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, Any]],
    given: Sequence[Mapping[str, Any]] = (),
    code: Mapping[str, str] | None = None,
) -> None:
    """Write the record of a run.

    Parameters
    ----------
    output
        YAML.
    config, defaults
        The complete configuration, and the defaults.
    inputs
        From :func:`checksums`.
    given
        The configuration as the user wrote it, from :func:`as_given`.
    code
        Digest of the code of each stage.
    """
    content = {
        "softaer": __version__,
        "commit": commit(),
        "command": shlex.join(sys.argv),
        "packages": versions(),
        "code": dict(code or {}),
        "given": list(given),
        "changed": differences(config, defaults),
        "configuration": dict(config),
        "inputs": dict(inputs),
    }
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    with complete(output) as partial:
        partial.write_text(
            yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True), encoding="utf-8"
        )


def as_given(files: Sequence[str], said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The configuration as the user wrote it, without the defaults.

    Parameters
    ----------
    files
        Configuration files; later ones win.
    said
        Values from the command line.

    Returns
    -------
    Name and content of each file, and of ``--config``, in the order in which they are applied. The
    content is ``None`` if the file is not on this machine.
    """
    own = [Path(file) for file in files if Path(file).resolve() != DEFAULTS.resolve()]
    found = [
        {"file": f.name, "content": yaml.safe_load(f.read_text("utf-8")) if f.is_file() else None}
        for f in own
    ]
    return found + ([{"file": "--config", "content": dict(said)}] if said else [])


OF_RUNS = tuple(f"requirements{ending}.txt" for ending in ("", "-nodeps", "-deep", "-deep-nodeps"))
"""Files with the packages that runs need; others are for tests."""


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that runs need and the environments pin."""
    found = {"python": platform.python_version()}
    for name in (name for file in OF_RUNS for name in read_pins(ENVIRONMENTS, file)):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def headline(scores: Path, ceiling: Path) -> str:
    """The best models with their scores on test, in one line, or why these are unknown."""
    try:
        from softaer.core import tables
        from softaer.page.headline import headline as best
        from softaer.page.score_table import name_of
    except ImportError:
        return "see the report"  # rules have their own environments
    if not (Path(scores).exists() and Path(ceiling).exists()):
        return "see the report"
    parts = [
        f"{entry['dimension']} {entry['target']} "
        + ("-" if entry["ccc"] is None else f"{entry['ccc']:.3f}")
        + f" ({name_of(entry['modality'], entry['task'], entry['fusion'])}, {entry['task']})"
        for entry in best(tables.read(scores), tables.read(ceiling))
    ]
    return "CCC on test of the best on dev: " + "; ".join(parts)
