"""The configuration: completed with the defaults, then checked.

An error names the wrong key, the value found and the values expected.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from importlib.metadata import entry_points
from typing import Any

from softaer.core.errors import InputError
from softaer.core.experiment import (
    ENTRY_POINTS,
    FOUND,
    LIKELIHOOD,
    NETWORKS,
    OF_ANY_NETWORK,
    Configuration,
    Model,
    Training,
    defaults,
    is_own_file,
    keys_of,
    resolved,
    tried,
)
from softaer.core.fields import found, read, types, without_null
from softaer.core.tasks import JOIN
from softaer.layouts import Layout
from softaer.modalities import Modality, configured

REPLACED = {
    "training.max_epochs": "training.max_steps, training.patience and training.evaluate_every "
    "count steps of the optimiser, each with one mini-batch",
}
"""Keys of former versions, and what replaced them."""


PANEL_ALONE = ("panel", "none")
"""Estimator and scale of labels that need the scale ``panel`` as well."""


def filled(config: Mapping[str, Any], check: bool = True) -> dict[str, Any]:
    """Complete a configuration: missing keys get their defaults.

    Parameters
    ----------
    config
        Any number of keys.
    check
        Whether to check it, see :func:`checked`; once per run is enough.
    """
    from snakemake.utils import update_config

    whole = defaults()
    update_config(whole, config)
    labels = whole["labels"]
    if isinstance(labels, dict) and (labels.get("estimator"), labels.get("scale")) == PANEL_ALONE:
        labels["scale"] = "panel"
    if check:
        checked(whole)
    return whole


def checked(config: Mapping[str, Any]) -> Configuration:
    """Check a complete configuration: each key, and combinations of keys.

    Parameters
    ----------
    config
        With every key, as :func:`filled` gives it.

    Raises
    ------
    InputError
        Names the first wrong key.
    """
    from pydantic import ValidationError

    try:
        experiment = read(Configuration, config)
    except TypeError as error:
        raise InputError(f"configuration: {error}") from error
    except ValidationError as error:
        raise InputError(_explain(error.errors()[0], config)) from None
    _check_grid(config["grid"])
    _check_networks(experiment.model, config["model"], config["grid"])
    _check_across(experiment, config)
    return experiment


def _check_across(experiment: Configuration, config: Mapping[str, Any]) -> None:
    """Check keys against each other."""
    from softaer.core.grid import RATE, TOLERANCE  # jobs of a cluster should not import numpy

    if len(experiment.targets) == 1 and experiment.tasks != ("single",):
        raise InputError(
            f"config key 'tasks': found {config['tasks']} with targets {config['targets']}; "
            "expected [single], because the other tasks learn E and sigma together"
        )
    delay = config["delay"]
    if isinstance(delay, Mapping) and set(delay) != set(config["dimensions"]):
        raise InputError(
            f"config key 'delay': found delays of {sorted(delay)}; "
            f"expected one for each of {sorted(config['dimensions'])}"
        )
    for dimension, seconds in _given_delays(delay).items():
        if abs(seconds * RATE - round(seconds * RATE)) > TOLERANCE:
            raise InputError(
                f"config key {dimension!r}: found {seconds:g}; "
                f"expected a multiple of {1 / RATE:g} s"
            )
    _check_rate(experiment.video.rate, experiment.video.max_gap, "video")
    labels = experiment.labels
    if labels.estimator == "panel" and labels.scale != "panel":
        raise InputError(
            f"config key 'labels.scale': found {labels.scale!r}; expected panel (or none, which "
            "becomes panel) with 'labels.estimator: panel', which has a gain and a bias of each "
            "rater"
        )
    training = experiment.training
    if training.patience < training.evaluate_every:
        raise InputError(
            f"config key 'training.patience': found {training.patience} steps; expected at least "
            f"training.evaluate_every, {training.evaluate_every} steps"
        )
    if LIKELIHOOD in tried(config, "training.loss") and "single" in experiment.tasks:
        key = "grid.training.loss" if "training.loss" in config["grid"] else "training.loss"
        raise InputError(
            f"config key {key!r}: found {LIKELIHOOD} with tasks {config['tasks']}; expected tasks "
            "of multi and joint alone, because it is a likelihood of E and sigma together"
        )
    task = experiment.apply.task
    if task is not None and task not in experiment.tasks:
        raise InputError(
            f"config key 'apply.task': found {task!r}; expected one of {config['tasks']}"
        )
    if experiment.ratings.scale is not None:
        from softaer.readers.scales import read_scales

        read_scales(config["ratings"]["scale"])
    if experiment.ratings.format != FOUND and not is_own_file(experiment.ratings.format):
        from softaer.readers.forms import named

        named(experiment.ratings.format)
    possible = experiment.ratings.range
    if possible is not None and possible[0] >= possible[1]:
        raise InputError(
            f"config key 'ratings.range': found {config['ratings']['range']}; "
            "expected the lowest value first"
        )


def modalities(config: Mapping[str, Any], check: bool = True) -> dict[str, Modality]:
    """Modalities of an experiment, see :func:`softaer.modalities.configured`.

    Parameters
    ----------
    config
        The complete configuration, with paths relative to the working directory.
    check
        Whether to check their settings.

    Raises
    ------
    InputError
        Names the first wrong key.
    """
    found = configured(config, check)
    if check and isinstance(config["modalities"], Mapping):
        for name, modality in found.items():
            settings = modality.settings
            if settings.get("rate") is not None and modality.source.column == "video":
                _check_rate(settings["rate"], settings["max_gap"], f"modalities.{name}")
    return found


def fusions(config: Mapping[str, Any], names: Sequence[str], check: bool = True) -> list[str]:
    """Late fusions of an experiment by name; the last one is that of the packed model.

    Parameters
    ----------
    config
        The complete configuration.
    names
        Names of its modalities, in order. Those of a fusion are put in the same order.
    check
        Whether to check the configured subsets.

    Raises
    ------
    InputError
        If a subset has a modality that the experiment does not have, or occurs twice.
    """
    subsets = config["fusion"]["of"]
    if subsets is None:
        return [JOIN.join(names)] if len(names) > 1 else []
    for subset in subsets if check else []:
        for name in subset:
            if name not in names:
                raise InputError(
                    f"config key 'fusion.of': found {name!r} in {subset}; expected names of the "
                    f"modalities, {list(names)}"
                )
    found = [JOIN.join(name for name in names if name in subset) for subset in subsets]
    for place, fusion in enumerate(found if check else []):
        if fusion in found[:place]:
            raise InputError(
                f"config key 'fusion.of': found {fusion} twice; expected each subset once"
            )
    return found


def _check_rate(rate: float | None, max_gap: float, section: str) -> None:
    if rate is not None and 0 < rate * max_gap <= 1:
        raise InputError(
            f"config key '{section}.rate': found {rate:g} with {section}.max_gap "
            f"{max_gap:g}; expected more than 1 / {section}.max_gap, because otherwise the face "
            "counts as lost between two frames"
        )


def _check_grid(grid: Mapping[str, Sequence[Any]]) -> None:
    from pydantic import ValidationError

    known = {
        f"{section}.{name}": without_null(kind)
        for section, part in (("model", Model), ("training", Training))
        for name, kind in sorted(types(part).items())
        if name not in ("network_file", "settings")
    }
    for key, values in grid.items():
        if key in REPLACED:
            raise InputError(f"config key 'grid.{key}': no longer known; {REPLACED[key]}")
        if key not in known:
            raise InputError(f"config key 'grid.{key}': not known; expected one of {list(known)}")
        for value in values:
            try:
                read(known[key], value)
            except ValidationError:
                raise InputError(f"config key 'grid.{key}': {found(value, known[key])}") from None


def _check_networks(
    model: Model, said: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]
) -> None:
    """Check the networks, and that each key of the section ``model`` belongs to one of them."""
    names = list(grid.get("model.network", [model.network]))
    key = "grid.model.network" if "model.network" in grid else "model.network"
    own = [name for name in names if name not in NETWORKS]
    unsafe = [name for name in own if not name.isidentifier()]
    if unsafe:
        raise InputError(
            f"config key {key!r}: found {unsafe[0]!r}; expected a name of letters, digits and '_', "
            "since folders of results are named by it"
        )
    if model.network_file is None and own:
        installed = [entry.name for entry in entry_points(group=ENTRY_POINTS)]
        unknown = [name for name in own if name not in installed]
        if unknown:
            raise InputError(
                f"config key {key!r}: found {unknown[0]!r}; expected one of "
                f"{[*NETWORKS, *installed]}, or the name of a network in model.network_file"
            )
    having = {name for network in names for name in keys_of(network)}
    for name, value in said.items():
        if name in OF_ANY_NETWORK or name in having or (name == "cell" and "gru" in names):
            continue
        if value != getattr(Model, name, None):
            raise InputError(
                f"config key 'model.{name}': found {value!r}, which {' and '.join(names)} "
                f"{'do' if len(names) > 1 else 'does'} not have; expected "
                f"{getattr(Model, name)!r}" + _keys_that_count(names)
            )
    for name in (name.removeprefix("model.") for name in grid if name.startswith("model.")):
        if name not in (*OF_ANY_NETWORK, *having):
            raise InputError(
                f"config key 'grid.model.{name}': found a key that {' and '.join(names)} "
                f"{'do' if len(names) > 1 else 'does'} not have{_keys_that_count(names)}"
            )
    if model.settings and not own:
        raise InputError(
            f"config key 'model.settings': found {said['settings']!r} with "
            f"{' and '.join(names)}; expected {{}}, because it has settings of networks of your own"
        )
    _check_settings(names, said, grid)


def _keys_that_count(names: Sequence[str]) -> str:
    told = [f"{name} has {', '.join(keys_of(name)) or 'model.settings'}" for name in names]
    return f" ({'; '.join(told)})"


def _check_settings(
    names: Sequence[str], said: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]
) -> None:
    """Check the settings of the package's networks with each other."""
    keys = [key for key in grid if key.startswith("model.") and key != "model.network"]
    for name in (name for name in names if name in NETWORKS):
        for values in itertools.product(*(grid[key] for key in keys)):
            given = {key.removeprefix("model."): v for key, v in zip(keys, values, strict=True)}
            chosen = resolved({**said, **given, "network": name})
            try:
                replace(NETWORKS[name], **{key: chosen[key] for key in keys_of(name)})
            except ValueError as error:
                raise InputError(f"config key 'model' with network {name}: {error}") from None


def check_own_networks(config: Mapping[str, Any]) -> None:
    """Check networks that do not come with the package, and their settings.

    This imports torch if there are any. If it is only in the environment of the jobs, they check.

    Parameters
    ----------
    config
        Checked, with paths relative to the working directory.

    Raises
    ------
    InputError
        Names the network, and what is wrong with its file or its settings.
    """
    model = config["model"]
    own = [name for name in tried(config, "model.network") if name not in NETWORKS]
    if not own:
        return
    try:
        from softaer.networks.architectures import register, settings_of
    except ImportError:
        return
    if model["network_file"] is not None:
        register(model["network_file"])
    for name in own:
        settings_of(name, model["settings"])


def _explain(error: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    kind: Any = Configuration
    value: Any = config
    keys: list[str] = []
    for part in error["loc"]:
        if not isinstance(kind, type) or not is_dataclass(kind) or part not in types(kind):
            break
        keys.append(part)
        kind, value = types(kind)[part], value[part]
    if error["type"] == "unexpected_keyword_argument":
        name = ".".join(map(str, error["loc"]))
        if name in REPLACED:
            return f"config key {name!r}: no longer known; {REPLACED[name]}"
        return f"config key {name!r}: not known; expected one of {sorted(types(kind))}"
    if keys == ["grid"] and len(error["loc"]) > 1:
        name = error["loc"][1]
        return f"config key 'grid.{name}': found {value[name]!r}; expected a list of values"
    return f"config key {'.'.join(keys)!r}: {found(value, kind)}"


def check_layout(config: Mapping[str, Any], layout: Layout) -> None:
    """Check a configuration against the layout of the corpus.

    Parameters
    ----------
    config
        The configuration.
    layout
        Module of :mod:`softaer.layouts`.

    Raises
    ------
    InputError
        If a layout other than ``table`` has no folder and no table, or if sigma is a target
        although the release has no individual raters.
    """
    name, root = config["corpus"]["layout"], config["corpus"]["root"]
    if name != "table" and root is None and config["corpus"]["recordings"] == "simulated":
        raise InputError(
            f"config key 'corpus.root': found none with layout {name!r}; "
            "expected the folder of the corpus"
        )
    if root is not None and config["corpus"]["recordings"] != "simulated":
        raise InputError(
            f"config key 'corpus.root': found {root!r} in addition to 'corpus.recordings'; "
            "expected only one of them, because a table contains the paths of its files"
        )
    if not layout.RATERS and "sigma" in config["targets"]:
        raise InputError(
            f"config key 'targets': found {config['targets']}, but layout {name!r} has a gold "
            "standard and no individual raters, so sigma is unknown; "
            "expected [E] (with tasks: [single])"
        )


def _given_delays(delay: Any) -> dict[str, float]:
    """Delays by configuration key; empty if they are estimated."""
    if isinstance(delay, Mapping):
        return {f"delay.{dimension}": seconds for dimension, seconds in delay.items()}
    return {} if delay == "estimated" else {"delay": delay}


def delays(config: Mapping[str, Any]) -> dict[str, float]:
    """Annotation delay of each dimension [s], if delays are not estimated."""
    delay = config["delay"]
    if isinstance(delay, Mapping):
        return {dimension: float(delay[dimension]) for dimension in config["dimensions"]}
    return {dimension: float(delay) for dimension in config["dimensions"]}


def shows_frames(config: Mapping[str, Any], simulated: bool) -> bool:
    """Whether the report shows video frames.

    Without a word in the configuration, faces of people are not shown: the page gets mailed.

    Examples
    --------
    >>> [shows_frames({"report": {"frames": f}}, simulated=False) for f in (None, True, False)]
    [False, True, False]
    >>> [shows_frames({"report": {"frames": f}}, simulated=True) for f in (None, True, False)]
    [True, True, False]
    """
    asked = config["report"]["frames"]
    return simulated if asked is None else asked
