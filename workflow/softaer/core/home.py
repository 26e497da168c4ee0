"""Where all that is no module lies: in a checkout, or in the installed package."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""Folder of this package."""

_INSTALLED = PACKAGE / "_project"

PROJECT = _INSTALLED if _INSTALLED.is_dir() else PACKAGE.parents[1]
"""Folder with the default configuration, the workflow, its environments and its profiles."""

DEFAULTS = PROJECT / "config.yaml"
"""The configuration with every key and its default."""

SNAKEFILE = PROJECT / "workflow" / "Snakefile"
SCHEMAS = PROJECT / "workflow" / "schemas"
ENVIRONMENTS = PROJECT / "envs"
PROFILES = PROJECT / "profiles"

TEMPLATE = PROJECT / "workflow" / "report" / "report.html.j2"
"""Page of the report."""

SCRIPT = TEMPLATE.with_name("explorer.js")
"""What moves on that page."""
