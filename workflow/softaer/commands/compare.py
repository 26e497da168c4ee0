"""Compares finished experiments: what differs in their settings, and what that changes in the
scores.

The first experiment is the reference. All are scored on the frames that each of them scores.
"""

import argparse
from pathlib import Path

from softaer.comparison.finished import names_of, read_finished
from softaer.comparison.page import write_comparison
from softaer.core.errors import InputError


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the experiments, their names and the output."""
    arguments.add_argument(
        "experiments", type=Path, nargs="+", metavar="EXPERIMENT", help="folder of a finished run"
    )
    arguments.add_argument("--names", nargs="+", help="of the experiments; default: their folders")
    arguments.add_argument(
        "--output", type=Path, default=Path("comparison"), help="folder for page and tables"
    )


def main(options: argparse.Namespace) -> None:
    """Compare the experiments named on the command line."""
    folders = options.experiments
    if len(folders) < 2:
        raise InputError(f"found one experiment, {folders[0]}; expected two or more")
    names = options.names or names_of(folders)
    if len(set(names)) != len(folders) or len(names) != len(folders):
        raise InputError(
            f"--names: found {' '.join(names)}; expected {len(folders)} different names"
        )
    runs = [read_finished(folder, name) for folder, name in zip(folders, names, strict=True)]
    for path in write_comparison(runs, options.output).values():
        print(path)
