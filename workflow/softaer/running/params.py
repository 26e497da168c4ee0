"""Parameters of rules that say where a job's input lies.

A prefix or a storage provider moves inputs, so commands learn of their folders from the inputs
themselves. Snakemake compares no parameter between runs that depends on input: the same results on
another scratch disk are the same results.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from softaer.core import places
from softaer.running.snakemake_private import of_input
from softaer.running.words import flag

if TYPE_CHECKING:
    from snakemake.iocontainers import InputFiles, Wildcards


def first(files: str | list[str]) -> str:
    """The first of an input's files, which may be one alone."""
    return files if isinstance(files, str) else files[0]


def folder_of(name: str) -> Callable:
    """The folder of an input's files.

    Parameters
    ----------
    name
        Of the input.
    """
    return of_input(lambda wildcards, input: os.path.dirname(first(input.get(name))))


def results_by(name: str, pattern: str) -> Callable:
    """The folder of all results.

    Parameters
    ----------
    name
        Of an input.
    pattern
        What its files are called, one of :mod:`softaer.core.places`.
    """

    def folder(wildcards: "Wildcards", input: "InputFiles") -> str:
        return os.path.join(places.root(first(input.get(name)), pattern), places.RESULTS)

    return of_input(folder)


def flag_of(option: str, name: str) -> Callable:
    """Arguments ``OPTION FILE...`` with the files of an input, or nothing without any."""

    def words(wildcards: "Wildcards", input: "InputFiles") -> list:
        files = input.get(name)
        return flag(option, files if isinstance(files, str) else list(files))

    return of_input(words)
