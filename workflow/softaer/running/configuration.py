"""Checking of config.yaml: which key is wrong, what was found there, and what was expected."""

import math
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from softaer.core.errors import InputError
from softaer.core.home import DEFAULTS, SCHEMAS


def filled(config: Mapping[str, Any], check: bool = True) -> dict[str, Any]:
    """A configuration with defaults for the keys that it does not have."""
    import yaml
    from snakemake.utils import update_config

    whole = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    update_config(whole, config)
    if check:
        schema = SCHEMAS / "config.schema.yaml"
        _check(whole, yaml.safe_load(schema.read_text(encoding="utf-8")))
    return whole


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against its schema and across keys.

    Parameters
    ----------
    config
        The configuration as it was read.
    schema
        JSON schema; its keys' descriptions say what was expected.

    Raises
    ------
    InputError
        Naming the first key that is wrong.
    """
    import jsonschema

    from softaer.core.grid import RATE, TOLERANCE

    # 8.0 is an integer and .nan a number to JSON schema, but neither is to the command lines.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: _is_number(value) and isinstance(value, int),
            "number": lambda _, value: _is_number(value),
        }
    )
    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    validator = strict(schema)
    for error in sorted(validator.iter_errors(config), key=lambda e: [str(p) for p in e.path]):
        raise InputError(_explain(error, schema))
    for key, values in config.get("grid", {}).items():
        section, _, name = key.partition(".")
        known = schema["properties"][section]["properties"]
        if name not in known:
            raise InputError(
                f"config key 'grid.{key}': not known; "
                f"expected one of {[f'{section}.{other}' for other in sorted(known)]}"
            )
        for value in values:
            if not strict(known[name]).is_valid(value):
                raise InputError(
                    f"config key 'grid.{key}': found {value!r}; "
                    f"expected {known[name]['description']}"
                )
    targets, tasks = config.get("targets", ["E", "sigma"]), config.get("tasks", ["single"])
    if len(targets) == 1 and list(tasks) != ["single"]:
        raise InputError(
            f"config key 'tasks': found {tasks} with targets {targets}; expected [single], since "
            "the others learn E and sigma together"
        )
    delay = config.get("delay")
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
    video = {"rate": None, "max_gap": 0.5} | config.get("video", {})
    if video["rate"] is not None and 0 < video["rate"] * video["max_gap"] <= 1:
        raise InputError(
            f"config key 'video.rate': found {video['rate']:g} with video.max_gap "
            f"{video['max_gap']:g}; expected more than 1 / video.max_gap, since the face between "
            "two frames would count as lost"
        )
    task = config.get("apply", {}).get("task")
    if task is not None and task not in tasks:
        raise InputError(f"config key 'apply.task': found {task!r}; expected one of {tasks}")
    low_high = config.get("ratings", {}).get("range")
    if low_high is not None and low_high[0] >= low_high[1]:
        raise InputError(
            f"config key 'ratings.range': found {low_high}; expected the lowest value first"
        )


_check = check


def check_layout(config: Mapping[str, Any], layout: ModuleType) -> None:
    """Check a configuration against what the corpus's layout can give.

    Parameters
    ----------
    config
        The configuration.
    layout
        Module of :mod:`softaer.layouts`.

    Raises
    ------
    InputError
        If a layout other than ``table`` has nothing to read, or sigma is to be learnt where a
        release has no individual raters.
    """
    name, root = config["corpus"]["layout"], config["corpus"]["root"]
    if name != "table" and root is None and config["corpus"]["recordings"] == "simulated":
        raise InputError(
            f"config key 'corpus.root': found none with layout {name!r}; "
            "expected the folder of the corpus"
        )
    if root is not None and config["corpus"]["recordings"] != "simulated":
        raise InputError(
            f"config key 'corpus.root': found {root!r} beside 'corpus.recordings'; expected one of "
            "them, since a table says itself where its files are"
        )
    if not layout.RATERS and "sigma" in config["targets"]:
        raise InputError(
            f"config key 'targets': found {config['targets']}, but layout {name!r} has a gold "
            "standard and no individual raters, whose disagreement sigma is; "
            "expected [E] (with tasks: [single])"
        )


def _given_delays(delay: Any) -> dict[str, float]:
    """Delays by the key of the configuration; none if they are estimated or not there."""
    if isinstance(delay, Mapping):
        return {f"delay.{dimension}": seconds for dimension, seconds in delay.items()}
    return {"delay": delay} if _is_number(delay) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _explain(error, schema: Mapping[str, Any]) -> str:
    keys = [part for part in error.path if isinstance(part, str)]
    if error.validator == "additionalProperties" and keys == ["grid"]:
        patterns = error.schema["patternProperties"]
        name = next(
            n for n in map(str, error.instance) if not any(re.search(p, n) for p in patterns)
        )
        known = [
            f"{section}.{key}"
            for section in ("model", "training")
            for key in sorted(schema["properties"][section]["properties"])
        ]
        return f"config key 'grid.{name}': not known; expected one of {known}"
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(map(str, set(error.instance) - set(known)))
        name = ".".join([*keys, unknown[0]])
        return f"config key {name!r}: not known; expected one of {known}"
    here: Mapping[str, Any] = schema
    for key in keys:
        here = here.get("properties", {}).get(key, here)
    expected = here.get("description", error.message)
    return f"config key {'.'.join(keys)!r}: found {error.instance!r}; expected {expected}"


def delays(config: Mapping[str, Any]) -> dict[str, float]:
    """Delay of the annotations for each dimension [s]; not for delays that are estimated."""
    delay = config["delay"]
    if isinstance(delay, Mapping):
        return {dimension: float(delay[dimension]) for dimension in config["dimensions"]}
    return {dimension: float(delay) for dimension in config["dimensions"]}
