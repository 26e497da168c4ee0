"""Pinned versions of packages, from the files that define the environments."""

import re
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", re.MULTILINE)


def read_pins(folder: Path, pattern: str = "requirements*.txt") -> dict[str, str]:
    """Version of each package in a folder's ``requirements*.txt``, or in some of these files."""
    return {
        name: version
        for path in sorted(Path(folder).glob(pattern))
        for name, version in PIN.findall(path.read_text(encoding="utf-8"))
    }
