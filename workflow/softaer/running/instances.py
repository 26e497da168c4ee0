"""Instances of the grid: the networks that are trained to find the best settings.

If a setting of the grid makes no difference to a network, its values share one training.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from softaer.core.experiment import SIMULATED_CELLS, Model
from softaer.core.places import SELECTION, filled_in
from softaer.core.tasks import OBJECTIVES, all_networks_of, networks
from softaer.running.recordings import is_simulated

if TYPE_CHECKING:
    from snakemake.iocontainers import Wildcards

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
    Name of each instance, and its settings that differ from the defaults. If no setting makes a
    difference, there is one instance, named by the number of cells.

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


class Networks:
    """Networks of an experiment, and the files of their instances.

    Parameters
    ----------
    config
        The complete configuration.
    modalities
        In the order of the fusion.
    """

    def __init__(self, config: Mapping[str, Any], modalities: Sequence[str]) -> None:
        model = config["model"]
        if model["cells"] is None:
            model = model | {"cells": SIMULATED_CELLS if is_simulated(config) else Model.cells}
        self._config, self._modalities = {**config, "model": model}, modalities
        settings = model | config["training"]
        self.instances = {
            objective: instances(config["grid"], settings, objective) for objective in OBJECTIVES
        }
        self.all = self.of_tasks(config["tasks"])

    def of_tasks(self, tasks: Sequence[str]) -> list[tuple[str, str]]:
        """Scope and objective of the networks of some tasks."""
        return all_networks_of(tasks, self._config["dimensions"], self._config["targets"])

    def behind(self, wildcards: "Wildcards") -> list[tuple[str, str]]:
        """Scope and objective of the networks behind a prediction."""
        everything = (self._config["dimensions"], self._config["targets"])
        return networks(wildcards.task, wildcards.dimension, *everything)

    def overridden(self, section: str, wildcards: "Wildcards") -> Settings:
        """A section of the configuration, with the values of an instance."""
        values = self.instances[wildcards.objective][wildcards.instance]
        own = self._config[section]
        return own | {key: value for key, value in values.items() if key in own}

    def files_of(
        self, pattern: str, scope: str, objective: str, seeds: Sequence[int] | None = None
    ) -> list[str]:
        """A file of each instance and seed of a network; the modality stays a wildcard."""
        return [
            filled_in(pattern, scope=scope, objective=objective, instance=instance, seed=seed)
            for instance in self.instances[objective]
            for seed in (self._config["seeds"] if seeds is None else seeds)
        ]

    def files(self, pattern: str, some: Sequence[tuple[str, str]]) -> list[str]:
        """A file of each instance and seed of some networks."""
        return [
            filled_in(path, modality=modality)
            for scope, objective in some
            for modality in self._modalities
            for path in self.files_of(pattern, scope, objective)
        ]

    def selections(self, some: Sequence[tuple[str, str]]) -> list[str]:
        """The selection file of each network."""
        return [
            filled_in(SELECTION, scope=scope, modality=modality, objective=objective)
            for scope, objective in some
            for modality in self._modalities
        ]
