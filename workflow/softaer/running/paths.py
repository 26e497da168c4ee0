"""Paths in a configuration: relative to the file that contains them."""

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from softaer.core.errors import InputError
from softaer.core.experiment import is_own_file
from softaer.core.home import DEFAULTS
from softaer.page.published import NONE, SHIPPED

PATHS = {
    ("corpus", "recordings"): ("simulated",),
    ("corpus", "root"): (),
    ("model", "network_file"): (),
    ("apply", "recordings"): (),
    ("apply", "model"): (),
    ("report", "published"): (*SHIPPED, NONE),
}
"""Keys whose values are paths, and the words allowed instead."""


def experiment_name(files: Sequence[str]) -> str | None:
    """Name of an experiment: that of its configuration file; ``None`` without one of one's own.

    Parameters
    ----------
    files
        Configuration files; later ones win, and overlays are named after the first.

    Examples
    --------
    >>> experiment_name(["gru.yaml", "/somewhere/QUICK.yaml"])
    'gru + QUICK'
    >>> experiment_name([str(DEFAULTS)])
    """
    own = [Path(file).stem for file in files if Path(file).resolve() != DEFAULTS.resolve()]
    return " + ".join(dict.fromkeys(own)) or None


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
        folder = _folder((section, key), path, files, said)
        # The files of a pattern are looked for when recordings are read.
        if key != "files":
            _require(f"{section}.{key}", path, folder, words)
        found[section][key] = os.path.relpath(os.path.join(folder, path))
    return located_modalities(found, files, said)


def located_modalities(
    config: Mapping[str, Any], files: Sequence[str], said: Mapping[str, Any]
) -> dict[str, Any]:
    """The same for modalities alone: the tables they read, and the modules of their sources.

    Tables are not looked for, because there is one for each recording.
    """
    given = config["modalities"]
    if not isinstance(given, Mapping):
        return dict(config)
    found = {name: dict(entry) for name, entry in given.items()}
    for name, entry in found.items():
        for key in ("files", "source"):
            path = entry.get(key)
            if not isinstance(path, str) or os.path.isabs(path):
                continue
            if key == "source" and not path.endswith(".py"):
                continue
            folder = _folder(("modalities", name, key), path, files, said)
            if key == "source":
                _require(f"modalities.{name}.{key}", path, folder, ())
            entry[key] = os.path.relpath(os.path.join(folder, path))
    return {**config, "modalities": found}


def _folder(keys: Sequence[str], path: str, files: Sequence[str], said: Mapping[str, Any]) -> str:
    """The folder that a path is relative to: that of the last file which contains it."""
    if _get(said, *keys) is None:
        naming = (file for file in reversed(files) if _get(_read(file), *keys) == path)
        if (file := next(naming, None)) is not None:
            return os.path.dirname(os.path.abspath(file))
    return os.getcwd()


def _require(key: str, path: str, folder: str, words: Sequence[str]) -> None:
    whole = os.path.join(folder, path)
    if not os.path.exists(whole):
        raise InputError(
            f"config key '{key}': found {path!r}; no such file: {whole}; expected "
            + "".join(f"{word!r} or " for word in words)
            + f"a path relative to {folder}"
            + (", where the configuration lies that names it" if folder != os.getcwd() else "")
        )


def _read(file: str) -> Any:
    return yaml.safe_load(Path(file).read_text(encoding="utf-8"))


def _get(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content
