"""Parameters of rules that contain the location of a job's input.

A prefix or a storage provider moves inputs, so commands get their folders from the inputs
themselves. Snakemake does not compare parameters that depend on input between runs: the same
results on another scratch disk stay valid.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from softaer.core import places
from softaer.running.words import flag

if TYPE_CHECKING:
    from snakemake.iocontainers import InputFiles, Wildcards


def first(files: str | list[str]) -> str:
    """The first file of an input, which may be a single file."""
    return files if isinstance(files, str) else files[0]


def folder_of(name: str) -> Callable:
    """The folder of an input's files.

    Parameters
    ----------
    name
        Of the input.
    """
    return lambda wildcards, input: os.path.dirname(first(input.get(name)))


def folder_among(files: list[str], name: str) -> str:
    """The folder of a given name, among those of several files.

    Examples
    --------
    >>> folder_among(["r/status/landmarks/a.parquet", "r/status/audio_lld/a.parquet"], "audio_lld")
    'r/status/audio_lld'
    """
    folders = map(os.path.dirname, files)
    return next(folder for folder in folders if os.path.basename(folder) == name)


def results_by(name: str, pattern: str) -> Callable:
    """The folder of all results.

    Parameters
    ----------
    name
        Of an input.
    pattern
        Pattern of its files, from :mod:`softaer.core.places`.
    """

    def folder(wildcards: "Wildcards", input: "InputFiles") -> str:
        return os.path.join(places.root(first(input.get(name)), pattern), places.RESULTS)

    return folder


def flag_of(option: str, name: str) -> Callable:
    """Arguments ``OPTION FILE...`` with the files of an input; empty without files."""

    def words(wildcards: "Wildcards", input: "InputFiles") -> list:
        files = input.get(name)
        return flag(option, files if isinstance(files, str) else list(files))

    return words


def flag_of_folder(option: str, name: str) -> Callable:
    """Arguments ``OPTION FOLDER`` with the folder of an input's files; empty without files."""

    def words(wildcards: "Wildcards", input: "InputFiles") -> list:
        return [option, os.path.dirname(first(input.get(name)))] if input.get(name) else []

    return words
