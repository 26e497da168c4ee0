"""Locations of all files that are not modules, in a checkout or in the installed package."""

import os
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""Folder of this package."""

_INSTALLED = PACKAGE / "_project"

PROJECT = _INSTALLED if _INSTALLED.is_dir() else PACKAGE.parents[1]
"""Folder with the default configuration, the workflow, its environments and its profiles."""

DEFAULTS = PROJECT / "config.yaml"
"""The configuration with every key and its default."""

ENVIRONMENTS = PROJECT / "envs"
PROFILES = PROJECT / "profiles"

TEMPLATE = PROJECT / "workflow" / "report" / "report.html.j2"
"""Page of the report."""

SCRIPT = TEMPLATE.with_name("explorer.js")
"""Script of that page."""

_PARTS = tuple(TEMPLATE.with_name(f"{name}.html.j2") for name in ("style", "parts", "traces"))

PAGE = (TEMPLATE, SCRIPT, *_PARTS)
"""All files that the report is filled into."""

PREDICTIONS = TEMPLATE.with_name("predictions.html.j2")
"""Page of recordings without ratings."""

PREDICTIONS_PAGE = (PREDICTIONS, SCRIPT, *_PARTS)
"""All files that it is filled into."""

COMPARISON = TEMPLATE.with_name("comparison.html.j2")
"""Page that compares experiments."""


def package_alone() -> str:
    """A folder that contains only this package, for another Python to import it.

    The folder of an installed package also contains all other packages of its Python.
    """
    folder = os.path.abspath(".snakemake/softaer-package")
    link = os.path.join(folder, PACKAGE.name)
    if os.path.realpath(link) != str(PACKAGE):
        os.makedirs(folder, exist_ok=True)
        new = f"{link}.{os.getpid()}"
        os.symlink(PACKAGE, new)
        os.replace(new, link)
    return folder
