"""Settings in words: what differs from the defaults, for the head of a report."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from softaer.core.experiment import defaults, differences


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys, joined by dots.

    Examples
    --------
    >>> flat({"model": {"cells": 8}, "grid": {}, "seeds": [1]})
    {'model.cells': 8, 'grid': {}, 'seeds': [1]}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def shown(value: Any) -> str:
    """A value as a page shows it.

    Examples
    --------
    >>> shown(4.0), shown(None), shown(["E", "sigma"]), shown(True)
    ('4', 'null', 'E, sigma', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    return str(value) if value != {} else "none"


def departures_from_defaults(config: Mapping[str, Any]) -> pd.DataFrame:
    """Keys of a configuration that differ from the defaults.

    Parameters
    ----------
    config
        Complete, with paths relative to the working directory.

    Returns
    -------
    ``key``, ``here``, ``default``, as text; a key without a default has none.
    """
    usual = flat(defaults())
    rows = [
        (key, shown(value), shown(usual[key]) if key in usual else None)
        for key, value in flat(differences(config, defaults())).items()
    ]
    return pd.DataFrame(rows, columns=["key", "here", "default"])
