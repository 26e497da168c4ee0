"""Paths of a configuration: relative to the file that names them."""

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from softaer.core.errors import InputError
from softaer.page.published import NONE, SHIPPED

PATHS = {
    ("corpus", "recordings"): ("simulated",),
    ("corpus", "root"): (),
    ("apply", "recordings"): (),
    ("apply", "model"): (),
    ("report", "published"): (*SHIPPED, NONE),
}
"""Keys whose values are paths, and the words that may stand there instead."""


def located(
    config: Mapping[str, Any], files: Sequence[str], said: Mapping[str, Any]
) -> dict[str, Any]:
    """A configuration whose paths are as seen from the working directory.

    Parameters
    ----------
    config
        Filled.
    files
        Files that it comes from, the last of which counts. What none of them names is relative to
        the working directory, as a Snakefile or a command says it.
    said
        What the command line says instead.

    Raises
    ------
    InputError
        Naming the key, if there is no such file or folder, and what the path is relative to.
    """
    found = copy.deepcopy(dict(config))
    contents = [(os.path.dirname(os.path.abspath(file)), _read(file)) for file in reversed(files)]
    for (section, key), words in PATHS.items():
        path = found[section][key]
        if path is None or path in words or os.path.isabs(path):
            continue
        folder = os.getcwd()
        if _get(said, section, key) is None:
            folder = next((f for f, c in contents if _get(c, section, key) == path), folder)
        whole = os.path.join(folder, path)
        if not os.path.exists(whole):
            raise InputError(
                f"config key '{section}.{key}': found {path!r}, but there is no {whole}; expected "
                + "".join(f"{word!r} or " for word in words)
                + f"a path relative to {folder}"
                + (", where the configuration lies that names it" if folder != os.getcwd() else "")
            )
        found[section][key] = os.path.relpath(whole)
    return found


def _read(file: str) -> Any:
    return yaml.load(
        Path(file).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )


def _get(content: Any, section: str, key: str) -> Any:
    part = content.get(section) if isinstance(content, Mapping) else None
    return part.get(key) if isinstance(part, Mapping) else None
