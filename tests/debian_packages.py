"""Programs that some tests need and that pip does not bring."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from patience import HANGS

ALLOWED = "SOFTAER_INSTALL_PACKAGES"
"""Environment variable that allows the tests, set to 1, to install packages of Debian or Ubuntu."""


class UnavailableError(Exception):
    """What a test needs cannot be had here."""


def missing_programs(programs: Iterable[str]) -> list[str]:
    """Programs that are not installed."""
    return [name for name in programs if shutil.which(name) is None]


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
                timeout=HANGS,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(f"{' '.join(packages)} cannot be installed: {error}") from error
    finally:
        if ours:
            policy.unlink()


def allowed() -> bool:
    """Whether packages may be installed."""
    return os.environ.get(ALLOWED) == "1"


def provide(programs: Iterable[str], packages: Sequence[str]) -> None:
    """Install packages if one of the programs is missing and that is allowed.

    Raises
    ------
    UnavailableError
        If they cannot be installed.
    """
    if missing_programs(programs) and allowed():
        install(packages)


def tell(what: str, error: UnavailableError) -> str:
    """Reason to skip a test; loud where what is missing was asked for."""
    if allowed():
        print(f"{what} was asked for and is not there: {error}", file=sys.__stderr__)
    return f"no {what}: {error}"
