"""Writes a finished run into an archive: settings, tables, digests and versions, without media.

Others repeat the run and compare the results with softaer verify.
"""

import argparse
from pathlib import Path

from softaer.comparison.finished import names_of
from softaer.comparison.frozen import freeze
from softaer.core import cli
from softaer.core.listing import first_few


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the folder of the run and the archive."""
    cli.add_directory(arguments, "folder of a finished run")
    arguments.add_argument(
        "-o", "--output", type=Path, default=Path("frozen.zip"), help="the archive"
    )
    arguments.add_argument("--name", help="of the run; default: its folder")
    arguments.add_argument(
        "--ratings", action="store_true", help="include the traces of single raters"
    )
    arguments.add_argument("--licence", help="of the archive: an address, or a name")


def main(options: argparse.Namespace) -> None:
    """Freeze the run named on the command line."""
    name = options.name or names_of([options.directory])[0]
    absent = freeze(options.directory, options.output, name, options.ratings, options.licence)
    if absent:
        print(f"not in the run, which another version has made: {first_few(absent)}")
    print(f"{options.output}: try  softaer verify {options.output} {options.directory}")
