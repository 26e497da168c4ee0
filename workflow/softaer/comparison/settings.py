"""Settings of experiments: what differs between them, whatever form it was written in.

Configurations are compared key by key after defaults are filled in, paths are made absolute, and
keys that have no effect are left out: ``cells: null`` and ``cells: 240`` are the same network, and
``delay: 4`` is the same as 4 s for each dimension.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from softaer.core.experiment import is_own_file, resolved
from softaer.page.settings import flat, shown
from softaer.running import configuration
from softaer.running.paths import PATHS
from softaer.running.recordings import is_simulated

WITHOUT_EFFECT = ("apply", "inspect", "report")
"""Sections that change no score."""


def normalised(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of an experiment in one form, by keys joined with dots.

    Parameters
    ----------
    config
        Complete configuration.
    folder
        Folder of the run, to which its paths are relative.
    """
    whole = {section: config[section] for section in config if section not in WITHOUT_EFFECT}
    simulated = is_simulated(config)
    for (section, key), words in PATHS.items():
        if section in whole:
            whole[section] = {**whole[section]}
            path = whole[section][key]
            if path is not None and path not in words:
                whole[section][key] = _absolute(folder, path)
    form, files = whole["ratings"]["format"], whole["ratings"]["files"]
    whole["ratings"] = {
        **whole["ratings"],
        "format": _absolute(folder, form) if is_own_file(form) else form,
        "files": None if files is None else _absolute(folder, files),
    }
    if not simulated:
        del whole["simulate"]
    whole["model"] = resolved(whole["model"], simulated)
    if config["delay"] != "estimated":
        whole["delay"] = configuration.delays(config)
        whole.pop("max_delay")
    modalities = configuration.modalities(config, check=False)
    for section in ("audio", "video"):
        whole.pop(section)
    whole["modalities"] = {
        name: {"source": modality.source.name, **_located(modality.settings, folder)}
        for name, modality in modalities.items()
    }
    fused = configuration.fusions(config, list(modalities), check=False)
    whole["fusion"] = {**whole["fusion"], "of": fused}
    return flat(whole)


def _located(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    files = settings.get("files")
    return (
        {**settings, "files": _absolute(folder, files)} if isinstance(files, str) else {**settings}
    )


def _absolute(folder: Path, path: str) -> str:
    return os.path.normpath(os.path.join(folder.resolve(), path))


ABSENT = "–"
"""Shown for a key that an experiment does not have."""


def changed(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Keys that differ between experiments, with the value of each as a page shows it.

    Examples
    --------
    >>> changed([{"delay": 4.0, "seeds": [1]}, {"delay": 2, "seeds": [1]}])
    {'delay': ['4', '2']}
    """
    keys = dict.fromkeys(key for one in settings for key in one)
    found = {}
    for key in keys:
        values = [shown(one[key]) if key in one else ABSENT for one in settings]
        if len(set(values)) > 1:
            found[key] = values
    return found
