"""Scales: from the scale of the raters' tool to that of the corpus.

``{from: [0, 100], to: [-1, 1]}`` is a linear map; ``from: declared`` uses the range that the file
declares. Traces of tools without limits are ``standardised``: each trace has mean 0 and standard
deviation 1 over its frames. ``ranks`` are for ordinal ratings: the mean rank of a value among those
of its trace, from 0 to 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from softaer.core.errors import InputError
from softaer.readers.raters import Note

STANDARDISED, RANKS, DECLARED = "standardised", "ranks", "declared"

Span = tuple[float, float]

STILL = 1e-9
"""A trace is flat if its range is at most this share of its largest value: rounding errors."""

EXPECTED = (
    "expected {from: [lowest, highest], to: [lowest, highest]} (from: declared takes the file's "
    "range), standardised, ranks, or one of these for each dimension or rater by name"
)


@dataclass(frozen=True)
class Linear:
    """A linear map between two scales; ``origin`` is ``None`` if the file declares it."""

    origin: Span | None
    target: Span


Scale = Linear | str


@dataclass(frozen=True)
class Scales:
    """Scale of each trace.

    Attributes
    ----------
    whole
        Of all traces; ``None``: values stay as they are.
    by_name
        Of some dimensions and raters by name; a rater's wins over a dimension's.
    """

    whole: Scale | None = None
    by_name: Mapping[str, Scale | None] = None  # type: ignore[assignment]

    def of(self, dimension: str, rater: str) -> Scale | None:
        """Scale of a trace."""
        for name in (rater, dimension):
            if self.by_name and name in self.by_name:
                return self.by_name[name]
        return self.whole

    def __bool__(self) -> bool:
        return self.whole is not None or bool(self.by_name)


def read_scales(value: Any) -> Scales:
    """Scales from the configuration.

    Parameters
    ----------
    value
        Of ``ratings.scale``.

    Raises
    ------
    InputError
        Names the key, and what was found.

    Examples
    --------
    >>> read_scales({"from": [0, 100], "to": [-1, 1]}).of("arousal", "anna")
    Linear(origin=(0.0, 100.0), target=(-1.0, 1.0))
    >>> read_scales({"anna": "standardised"}).of("arousal", "ben") is None
    True
    """
    if isinstance(value, Mapping) and not {"from", "to"} & set(value):
        return Scales(None, {str(name): _scale(one, f".{name}") for name, one in value.items()})
    return Scales(_scale(value, ""), {})


def _scale(value: Any, key: str) -> Scale | None:
    if value is None or value in (STANDARDISED, RANKS):
        return value
    if isinstance(value, Mapping) and set(value) == {"from", "to"}:
        origin = None if value["from"] == DECLARED else _span(value["from"])
        target = _span(value["to"])
        if target is not None and (origin is not None or value["from"] == DECLARED):
            return Linear(origin, target)
    raise InputError(f"config key 'ratings.scale{key}': found {value!r}; {EXPECTED}")


def _span(value: Any) -> Span | None:
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        return None
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


def rescaled(
    samples: pd.DataFrame,
    scales: Scales,
    declared: Mapping[tuple[str, str], Span],
    where: object = "annotations",
) -> tuple[pd.DataFrame, np.ndarray]:
    """Samples on the corpus's scale, for linear maps.

    Parameters
    ----------
    samples
        ``time``, ``rater``, ``dimension``, ``value``; NaN where a held value ends.
    scales
        Of the corpus.
    declared
        Range that the files declare, by dimension and rater.
    where
        Names the recording in errors.

    Returns
    -------
    samples, known
        The same rows, and whether the scale of each is known, shape (n,).

    Raises
    ------
    InputError
        If a value is outside its scale, or a file declares none; names rater, value and time.
    """
    value = samples["value"].to_numpy(copy=True)
    known = np.zeros(len(samples), dtype=bool)
    groups = samples.groupby(["dimension", "rater"], sort=False).indices
    for (dimension, rater), rows in groups.items():
        scale = scales.of(dimension, rater)
        if scale is None:
            continue
        known[rows] = True
        if not isinstance(scale, Linear):
            continue
        span = scale.origin or declared.get((dimension, rater))
        if span is None:
            raise InputError(
                f"{where}: the files of rater {rater!r} declare no range of {dimension!r}; "
                "expected 'ratings: scale: {from: [lowest, highest], ...}'"
            )
        own = value[rows]
        outside = np.flatnonzero((own < span[0]) | (own > span[1]))
        if len(outside):
            first = samples.iloc[rows[outside[0]]]
            raise InputError(
                f"{where}: rater {rater!r} has {first['value']:g} for {dimension!r} at "
                f"{first['time']:g} s; expected {span[0]:g} to {span[1]:g} (ratings.scale)"
            )
        low, high = scale.target
        value[rows] = low + (own - span[0]) * ((high - low) / (span[1] - span[0]))
    return samples.assign(value=value), known


def refuse_declared(
    declared: Mapping[tuple[str, str], Span],
    samples: pd.DataFrame,
    scales: Scales,
    where: object = "annotations",
) -> None:
    """Refuse raters whose files declare different scales, unless the configuration maps them.

    Parameters
    ----------
    declared, scales, where
        See :func:`rescaled`.
    samples
        ``dimension``, ``rater`` of the traces that count.

    Raises
    ------
    InputError
        Names two raters and their scales.
    """
    first: dict[str, tuple[str, Span]] = {}
    pairs = samples[["dimension", "rater"]].drop_duplicates().itertuples(index=False, name=None)
    for dimension, rater in pairs:
        span = declared.get((dimension, rater))
        if span is None or scales.of(dimension, rater) is not None:
            continue
        other, known = first.setdefault(dimension, (rater, span))
        if known != span:
            raise InputError(
                f"{where}: the file of rater {other!r} declares a scale of {dimension!r} from "
                f"{known[0]:g} to {known[1]:g}, that of {rater!r} from {span[0]:g} to {span[1]:g}; "
                "expected one scale, or 'ratings: scale: {from: declared, to: [-1, 1]}'"
            )


def relative(
    samples: pd.DataFrame, on_grid: pd.DataFrame, scales: Scales, note: Note
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Traces that are standardised, or replaced by their ranks.

    Parameters
    ----------
    samples, on_grid
        Samples, and traces on the grid, of a recording.
    scales
        Of the corpus.
    note
        Called with the number of flat traces, which have no standard deviation and become 0, or 0.5
        as ranks.

    Returns
    -------
    samples, on_grid
        The same rows. Means, standard deviations and ranks are those of the frames, so that a value
        that holds for long counts for long.
    """
    of_samples, of_grid = samples["value"].to_numpy(copy=True), on_grid["value"].to_numpy(copy=True)
    at = samples.groupby(["dimension", "rater"], sort=False).indices
    flat: dict[str, list[str]] = {}
    for (dimension, rater), rows in on_grid.groupby(
        ["dimension", "rater"], sort=False
    ).indices.items():
        scale = scales.of(dimension, rater)
        if scale not in (STANDARDISED, RANKS):
            continue
        own, there = of_grid[rows], at[dimension, rater]
        if np.ptp(own) <= STILL * np.abs(own).max():
            flat.setdefault(dimension, []).append(rater)
            still = 0.0 if scale == STANDARDISED else 0.5
            of_grid[rows] = still
            of_samples[there] = np.where(np.isnan(of_samples[there]), np.nan, still)
        elif scale == STANDARDISED:
            mean, deviation = own.mean(), own.std()
            of_grid[rows] = (own - mean) / deviation
            of_samples[there] = (of_samples[there] - mean) / deviation
        else:
            ranks = (rankdata(own) - 1) / (len(own) - 1)
            values, first = np.unique(own, return_index=True)
            of_grid[rows] = ranks
            of_samples[there] = np.where(
                np.isnan(of_samples[there]),
                np.nan,
                np.interp(of_samples[there], values, ranks[first]),
            )
    for dimension, raters in flat.items():
        note(
            f"{len(raters)} traces of {dimension!r} are flat and cannot be put on a common scale; "
            f"they have one value throughout ({', '.join(raters[:3])})"
        )
    return samples.assign(value=of_samples), on_grid.assign(value=of_grid)
