"""Runs the workflow in the current folder: Snakemake, with all further words as its arguments.

Signals and the exit status are those of Snakemake, because it replaces this process.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from softaer.core.home import DEFAULTS, PROFILES, PROJECT

EXAMPLES = f"""
  softaer run --configfile my_experiment.yaml               on all cores, into ./results
  softaer run extract --cores 4 --configfile my.yaml        one target, on four cores
  softaer run --configfile my_experiment.yaml QUICK.yaml    small networks, short training
  softaer run --workflow-profile slurm --configfile my_experiment.yaml
  softaer run --dry-run                                     what would be done

Without --cores all of them are used, unless a profile says how many. Overlays (QUICK.yaml,
PAPER.yaml) and profiles (slurm, gridengine) of the package are taken where the current folder has
none of their name. snakemake --help has all arguments.

Every key of the configuration, with its default: {DEFAULTS}
"""

NAMES_FILES = ("--configfile", "--configfiles", "--workflow-profile")
"""Options of Snakemake that may be followed by a file or folder of the package."""

SAYS_HOW_MANY = re.compile(
    r"--(cores|jobs|executor|profile|workflow-profile)(=|$)|-([cje]$|[cj]\d)"
)
"""Options that set the number of cores, directly or through a profile."""


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Accept all words as arguments of Snakemake."""
    arguments.usage = "softaer run [argument of snakemake ...]"
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.epilog = EXAMPLES
    arguments.allow_abbrev = False
    arguments.set_defaults(others=[])


def command(words: Sequence[str]) -> list[str]:
    """The command that runs Snakemake on this package's workflow.

    Parameters
    ----------
    words
        Arguments of Snakemake.
    """
    cores = [] if any(map(SAYS_HOW_MANY.match, words)) else ["--cores", "all"]
    snakefile = ["--snakefile", str(PROJECT / "Snakefile")]
    return [sys.executable, "-m", "snakemake", *snakefile, *cores, *_packaged(words)]


def _packaged(words: Sequence[str]) -> Iterator[str]:
    """Words with full paths for files of this package that the current folder lacks."""
    names_files = False
    for word in words:
        if word.startswith("-"):
            option, equals, value = word.partition("=")
            names_files = option in NAMES_FILES
            yield f"{option}={_path(value)}" if names_files and equals else word
        else:
            yield _path(word) if names_files else word


def _path(name: str) -> str:
    if not Path(name).exists():
        for folder in (PROJECT, PROFILES):
            if (folder / name).exists():
                return str(folder / name)
    return name


def main(options: argparse.Namespace) -> None:
    """Replace this process by Snakemake."""
    words = command(options.others)
    # Modules are never imported from the folder of an experiment.
    os.execve(words[0], words, os.environ | {"PYTHONSAFEPATH": "1"})
