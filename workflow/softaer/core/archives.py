"""Zip files: the same contents give the same bytes."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

UNDATED = (1980, 1, 1, 0, 0, 0)
"""Date of every member."""


def zipped(contents: Mapping[str, bytes], path: Path) -> None:
    """Write a zip file without dates, owners and other traces of the machine.

    Parameters
    ----------
    contents
        Content of each member by its name, in their order.
    path
        Of the zip file.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            member = zipfile.ZipInfo(name, UNDATED)
            member.external_attr = 0o644 << 16
            file.writestr(member, content, zipfile.ZIP_DEFLATED)
