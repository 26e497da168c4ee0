"""Repeats the experiment of an archive: its configuration and corpus table, with files found again.

Paths of the archive are those of another machine. A file is looked for in a given folder by the end
of its path: ``/data/corpus/media/p01.mp4`` is ``FOLDER/corpus/media/p01.mp4``, or else
``FOLDER/media/p01.mp4``, or else ``FOLDER/p01.mp4``.
"""

import copy
import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from softaer.comparison.frozen import CODE, CORPUS, Frozen, own_code
from softaer.comparison.settings import WITHOUT_EFFECT
from softaer.core.errors import InputError
from softaer.core.experiment import defaults
from softaer.core.patterns import fill, matches
from softaer.corpus import PATHS
from softaer.running.recordings import is_simulated

CONFIGURATION = "configuration.yaml"
TABLE = "recordings.csv"


def set_up(frozen: Frozen, folder: Path, files: Path | None) -> Path:
    """Write what a run needs that repeats an archive.

    Parameters
    ----------
    frozen
        The archive.
    folder
        Of the new run.
    files
        Folder with media, ratings and feature tables. ``None``: absolute paths are taken as they
        are, others are looked for in the current folder.

    Returns
    -------
    The configuration file.

    Raises
    ------
    InputError
        If a file is not found, or the folder has another configuration.
    """
    config = copy.deepcopy(dict(frozen.record["configuration"]))
    written: dict[str, bytes] = {}
    for keys, file in own_code(config).items():
        name = f"{CODE}/{Path(file).name}"
        written[name] = frozen.contents[name]
        section: Any = config
        for key in keys[:-1]:
            section = section[key]
        section[keys[-1]] = name
    usual = defaults()
    config |= {section: usual[section] for section in WITHOUT_EFFECT}
    if not is_simulated(config):
        _locate(config, files)
        if config["corpus"]["root"] is None:
            config["corpus"]["recordings"] = TABLE
            written[TABLE] = _located_table(frozen.contents[CORPUS], files)
    written[CONFIGURATION] = yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()
    for name, content in written.items():
        path = folder / name
        if path.is_file() and path.read_bytes() != content:
            raise InputError(
                f"{path}: found another content than that of {frozen.path}; expected a new folder"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / CONFIGURATION


def _locate(config: dict[str, Any], files: Path | None) -> None:
    """Put the paths of this machine into a configuration."""
    if config["corpus"]["root"] is not None:
        if files is None:
            raise InputError(
                f"config key 'corpus.root': found {config['corpus']['root']!r}, a folder of "
                "another machine, and no --media; expected the folder of the corpus"
            )
        config["corpus"]["root"] = str(files.resolve())
    if config["ratings"]["files"] is not None:
        config["ratings"]["files"] = _found(config["ratings"]["files"], files, "ratings.files")
    given = config["modalities"]
    for name, entry in given.items() if isinstance(given, Mapping) else ():
        if isinstance(entry.get("files"), str):
            entry["files"] = _found(entry["files"], files, f"modalities.{name}.files")


def _located_table(content: bytes, files: Path | None) -> bytes:
    source = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    sink = io.StringIO()
    table = csv.DictWriter(sink, source.fieldnames or (), lineterminator="\n")
    table.writeheader()
    for row in source:
        for column in PATHS:
            if row.get(column):
                where = f"recording {row['recording']!r}, column {column!r}"
                row[column] = _found(row[column], files, where, row["recording"])
        table.writerow(row)
    return sink.getvalue().encode()


def _found(path: str, files: Path | None, where: str, recording: str | None = None) -> str:
    """A path or pattern on this machine."""
    if files is None and os.path.isabs(path):
        ends = [path]
    else:
        parts = [part for part in Path(path).parts if part not in (os.sep, os.pardir)]
        above = str((files or Path()).resolve())
        ends = [os.path.join(above, *parts[first:]) for first in range(len(parts))]
    for end in ends:
        if matches(end if recording is None else fill(end, recording=recording)):
            return end
    raise InputError(
        f"{where}: no file {path!r}, or one with the same end of its path, in "
        f"{files or Path.cwd()}; expected one (--media names the folder)"
    )
