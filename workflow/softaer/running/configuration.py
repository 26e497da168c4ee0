"""The configuration: completed with the defaults, then checked.

An error names the wrong key, the value found and the values expected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from softaer.core.errors import InputError
from softaer.core.experiment import FOUND, Configuration, Model, Training, defaults, is_own_file
from softaer.core.fields import found, read, types
from softaer.layouts import Layout

REPLACED = {
    "training.max_epochs": "training.max_steps, training.patience and training.evaluate_every "
    "count steps of the optimiser, each with one mini-batch",
}
"""Keys of former versions, and what replaced them."""


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
    video = experiment.video
    if video.rate is not None and 0 < video.rate * video.max_gap <= 1:
        raise InputError(
            f"config key 'video.rate': found {video.rate:g} with video.max_gap "
            f"{video.max_gap:g}; expected more than 1 / video.max_gap, because otherwise the face "
            "counts as lost between two frames"
        )
    training = experiment.training
    if training.patience < training.evaluate_every:
        raise InputError(
            f"config key 'training.patience': found {training.patience} steps; expected at least "
            f"training.evaluate_every, {training.evaluate_every} steps"
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


def _check_grid(grid: Mapping[str, Sequence[Any]]) -> None:
    from pydantic import ValidationError

    known = {
        f"{section}.{name}": kind
        for section, part in (("model", Model), ("training", Training))
        for name, kind in sorted(types(part).items())
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
