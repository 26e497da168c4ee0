"""Paths in a configuration: relative to the file that contains them."""

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from softaer.core.errors import InputError
from softaer.core.experiment import is_own_file
from softaer.page.published import NONE, SHIPPED

PATHS = {
    ("corpus", "recordings"): ("simulated",),
    ("corpus", "root"): (),
    ("apply", "recordings"): (),
    ("apply", "model"): (),
    ("report", "published"): (*SHIPPED, NONE),
}
"""Keys whose values are paths, and the words allowed instead."""


def located(
    config: Mapping[str, Any], files: Sequence[str], said: Mapping[str, Any]
) -> dict[str, Any]:
    """A configuration with paths relative to the working directory.

    Parameters
    ----------
    config
        Complete.
    files
        Files that it comes from; later ones win. Paths that are in none of them come from a
        Snakefile or a command and are relative to the working directory.
    said
        Values from the command line, which win over the files.

    Raises
    ------
    InputError
        If a file or folder does not exist; names the key and what the path is relative to.
    """
    found = copy.deepcopy(dict(config))
    form = found["ratings"]["format"]
    keys = PATHS | {("ratings", "files"): ()}
    if is_own_file(form):
        keys |= {("ratings", "format"): ("found",)}
    for (section, key), words in keys.items():
        path = found[section][key]
        if path is None or path in words or os.path.isabs(path):
            continue
        folder = os.getcwd()
        if _get(said, section, key) is None:
            naming = (file for file in reversed(files) if _get(_read(file), section, key) == path)
            if (file := next(naming, None)) is not None:
                folder = os.path.dirname(os.path.abspath(file))
        whole = os.path.join(folder, path)
        # The files of a pattern are looked for when recordings are read.
        if key != "files" and not os.path.exists(whole):
            raise InputError(
                f"config key '{section}.{key}': found {path!r}; no such file: {whole}; expected "
                + "".join(f"{word!r} or " for word in words)
                + f"a path relative to {folder}"
                + (", where the configuration lies that names it" if folder != os.getcwd() else "")
            )
        found[section][key] = os.path.relpath(whole)
    return found


def _read(file: str) -> Any:
    return yaml.safe_load(Path(file).read_text(encoding="utf-8"))


def _get(content: Any, section: str, key: str) -> Any:
    part = content.get(section) if isinstance(content, Mapping) else None
    return part.get(key) if isinstance(part, Mapping) else None
