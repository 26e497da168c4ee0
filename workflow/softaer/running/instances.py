"""Instances of the grid: the networks that are trained to find the best settings.

If a setting of the grid makes no difference to a network, its values share one training.
"""

import itertools
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from softaer.core.code_digest import file_digest
from softaer.core.experiment import (
    ENTRY_POINTS,
    LIKELIHOOD,
    NETWORKS,
    OF_ANY_NETWORK,
    Model,
    keys_of,
    resolved,
    tried,
)
from softaer.core.fields import types
from softaer.core.places import SELECTION, filled_in
from softaer.core.tasks import OBJECTIVES, all_networks_of, networks
from softaer.running.recordings import is_simulated

if TYPE_CHECKING:
    from snakemake.iocontainers import Wildcards

Settings = dict[str, Any]

RECURRENT = ("blstm", "gru")
"""Networks whose dropout is between their layers."""


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

    A likelihood weighs E and sigma by itself.

    >>> sorted(idle({"task_weights": "fixed", "loss": "panel", "layers": 2}, "E+sigma"))
    ['task_weights', 'weight_sigma']

    A setting of the model is idle if it belongs to another network.

    >>> tcn = {"network": "tcn", "layers": 2, "cells": 8, "heads": 4, "task_weights": "fixed"}
    >>> idle(tcn, "E+sigma")
    {'heads'}
    """
    network = settings.get("network", Model.network)
    others = set(types(Model)) - {*OF_ANY_NETWORK, *keys_of(network)}
    found = others & set(settings)
    if len(OBJECTIVES[objective]) == 1 or settings.get("loss") == LIKELIHOOD:
        found |= {"weight_sigma", "task_weights"}
    elif settings["task_weights"] == "learned":
        found.add("weight_sigma")
    if network in RECURRENT and settings["layers"] == 1:
        found.add("dropout")  # between layers
    return found


def instances(
    grid: Mapping[str, Sequence[Any]],
    defaults: Mapping[str, Any],
    objective: str,
    simulated: bool = False,
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
    simulated
        See :func:`softaer.core.experiment.resolved`.

    Returns
    -------
    Name of each instance, and its settings that differ from the defaults. If no setting makes a
    difference, there is one instance, named by the number of cells, and by the network if it is not
    the default.

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
        whole = {**defaults, **chosen}
        # Null stands for the network's own value.
        of_network = resolved({"network": Model.network, **whole}, simulated)
        whole |= of_network
        without = idle(whole, objective)
        kept = {key: value for key, value in chosen.items() if key not in without}
        named = kept or {
            key: of_network[key]
            for key in ("network", "cells")
            if of_network.get(key, Model.network) != Model.network
        }
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
        self._config, self._modalities = config, modalities
        self._simulated = is_simulated(config)
        settings = config["model"] | config["training"]
        self.instances = {
            objective: instances(config["grid"], settings, objective, self._simulated)
            for objective in OBJECTIVES
        }
        self.all = self.of_tasks(config["tasks"])

    def own_code(self) -> list[str]:
        """What identifies the code of networks that do not come with the package."""
        model = self._config["model"]
        own = set(tried(self._config, "model.network")) - set(NETWORKS)
        file = model["network_file"]
        if not own:
            return []
        installed = [entry for entry in entry_points(group=ENTRY_POINTS) if entry.name in own]
        packages = {f"{e.dist.name}=={e.dist.version}" for e in installed if e.dist is not None}
        return [*([file_digest(file)] if file else []), *sorted(packages)]

    def of_tasks(self, tasks: Sequence[str]) -> list[tuple[str, str]]:
        """Scope and objective of the networks of some tasks."""
        return all_networks_of(tasks, self._config["dimensions"], self._config["targets"])

    def behind(self, wildcards: "Wildcards") -> list[tuple[str, str]]:
        """Scope and objective of the networks behind a prediction."""
        everything = (self._config["dimensions"], self._config["targets"])
        return networks(wildcards.task, wildcards.dimension, *everything)

    def overridden(self, section: str, wildcards: "Wildcards") -> Settings:
        """A section of the configuration, with the values of an instance; only keys that count."""
        values = self.instances[wildcards.objective][wildcards.instance]
        own = self._config[section]
        own = own | {key: value for key, value in values.items() if key in own}
        return resolved(own, self._simulated) if section == "model" else own

    @property
    def needs_panels(self) -> bool:
        """Whether a network learns from the single ratings."""
        return LIKELIHOOD in tried(self._config, "training.loss")

    def files_of(
        self, pattern: str, scope: str, objective: str, seeds: Sequence[int] | None = None
    ) -> list[str]:
        """A file of each instance and seed of a network; the modality stays a wildcard."""
        return [
            filled_in(pattern, scope=scope, objective=objective, instance=instance, seed=seed)
            for instance in self.instances[objective]
            for seed in (self._config["seeds"] if seeds is None else seeds)
        ]

    def files(
        self,
        pattern: str,
        some: Sequence[tuple[str, str]],
        seeds: Sequence[int] | None = None,
    ) -> list[str]:
        """A file of each instance and seed of some networks."""
        return [
            filled_in(path, modality=modality)
            for scope, objective in some
            for modality in self._modalities
            for path in self.files_of(pattern, scope, objective, seeds)
        ]

    def selections(self, some: Sequence[tuple[str, str]]) -> list[str]:
        """The selection file of each network."""
        return [
            filled_in(SELECTION, scope=scope, modality=modality, objective=objective)
            for scope, objective in some
            for modality in self._modalities
        ]
