"""Instances of the grid: which networks are trained to find the best settings.

An instance that cannot differ from another is none: where a setting of the grid makes no difference
to a network, its values share one training.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from softaer.core.tasks import OBJECTIVES

Settings = dict[str, Any]


def idle(settings: Mapping[str, Any], objective: str) -> set[str]:
    """Settings of model and training that make no difference to a network.

    Parameters
    ----------
    settings
        All of both sections, by key.
    objective
        What the network learns.

    Examples
    --------
    >>> sorted(idle({"task_weights": "fixed", "layers": 2}, "sigma"))
    ['task_weights', 'weight_sigma']
    >>> idle({"task_weights": "learned", "layers": 2}, "E+sigma")
    {'weight_sigma'}
    """
    found = set()
    if len(OBJECTIVES[objective]) == 1:
        found |= {"weight_sigma", "task_weights"}
    elif settings["task_weights"] == "learned":
        found.add("weight_sigma")
    if settings["layers"] == 1:
        found.add("dropout")  # between layers
    return found


def instances(
    grid: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any], objective: str
) -> dict[str, Settings]:
    """Distinct instances of a grid for a network.

    Parameters
    ----------
    grid
        Values to try, by ``section.key``.
    defaults
        All settings of model and training, by key.
    objective
        What the network learns.

    Returns
    -------
    Name of each instance, and its settings that differ from the defaults. Without a setting that
    makes a difference there is one instance, named by the number of cells.

    Examples
    --------
    >>> defaults = {"task_weights": "fixed", "layers": 2, "cells": 240}
    >>> grid = {"model.cells": [120, 240], "training.weight_sigma": [0.6, 1.0]}
    >>> instances(grid, defaults, "E")
    {'cells~120': {'cells': 120}, 'cells~240': {'cells': 240}}
    >>> len(instances(grid, defaults, "E+sigma"))
    4
    """
    keys = [key.partition(".")[2] for key in grid]
    found: dict[str, Settings] = {}
    for values in itertools.product(*grid.values()):
        chosen = dict(zip(keys, values, strict=True))
        without = idle({**defaults, **chosen}, objective)
        kept = {key: value for key, value in chosen.items() if key not in without}
        named = kept or {"cells": defaults["cells"]}
        found.setdefault(",".join(f"{key}~{value}" for key, value in named.items()), kept)
    return found
