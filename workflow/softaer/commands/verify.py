"""Repeats the experiment of an archive, and says of each table whether the results agree.

A run that has ended in the folder is compared as it is; otherwise the experiment is run there, with
further words as arguments of Snakemake (--cores 4). The exit status is 1 if results do not agree.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from softaer.commands.run import command
from softaer.comparison.finished import read_finished
from softaer.comparison.frozen import read_frozen
from softaer.comparison.repeated import set_up
from softaer.comparison.verified import compare_run, told
from softaer.core.places import REPORT, RESULTS, within


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the archive, the folder of the repeated run, and the folder of its inputs."""
    arguments.add_argument("archive", type=Path, metavar="ARCHIVE", help="made by softaer freeze")
    arguments.add_argument(
        "directory",
        type=Path,
        metavar="DIRECTORY",
        help="of the repeated run, or of a finished run to compare",
    )
    arguments.add_argument(
        "--media",
        type=Path,
        help="folder with media, ratings and feature tables; default: the paths of the archive",
    )
    arguments.add_argument(
        "--tolerance",
        type=float,
        default=1e-6,
        help="difference between numbers that still agree, absolute and relative",
    )
    arguments.allow_abbrev = False
    arguments.set_defaults(others=[])


def main(options: argparse.Namespace) -> None:
    """Verify the archive named on the command line."""
    frozen, folder = read_frozen(options.archive), options.directory
    results = folder / RESULTS if (folder / RESULTS).is_dir() else folder
    if not within(results, REPORT).is_file():
        config = set_up(frozen, folder, options.media)
        words = ["--directory", str(folder), "--configfile", str(config), *options.others]
        # Modules are never imported from the folder of an experiment.
        done = subprocess.run(command(words), env=os.environ | {"PYTHONSAFEPATH": "1"})
        if done.returncode:
            sys.exit(done.returncode)
    compared = compare_run(frozen, read_finished(folder, folder.name), options.tolerance)
    print(f"{options.archive} and {folder}", *told(*compared), sep="\n")
    sys.exit(0 if all(answer.agrees for answer in compared[0]) else 1)
