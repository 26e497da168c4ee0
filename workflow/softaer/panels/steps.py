"""The steps from ratings to labels, in their order, with everything that can be chosen in each.

This is the place to add a method: a function, an entry in the table of its step with its unit and
its source, and its name in :class:`softaer.core.experiment.Labels`. The tables of docs/labels.md
are written from here (``python tests/label_tables.py``).
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import Labels
from softaer.core.grid import RATE, index
from softaer.panels import scaling, smoothing, warping
from softaer.panels.estimators import median_estimate, trimmed_estimate, weighted_estimate

T = TypeVar("T")

NONE = "none"
"""Name of a step that is left out."""


class Scale(NamedTuple):
    """A way to scale a trace.

    Attributes
    ----------
    scaled
        Function of values, shape (n,), and the rater's levels.
    over
        Whether the levels are those of the rater's whole corpus, or of the recording.
    unit
        Unit of the scaled traces, of E and of sigma.
    says, source
        For the documentation.
    """

    scaled: Callable[[np.ndarray, scaling.Levels], np.ndarray]
    over: Literal["corpus", "recording"]
    unit: str
    says: str
    source: str


class Filter(NamedTuple):
    """A filter of a single trace.

    Attributes
    ----------
    filtered
        Function of a trace, shape (T,), NaN in gaps, and a window [s].
    unit
        Unit of the filtered trace, where "unit" is that before.
    says, source
        For the documentation.
    """

    filtered: Callable[[np.ndarray, float], np.ndarray]
    unit: str
    says: str
    source: str


class Warp(NamedTuple):
    """An elastic alignment, see :mod:`softaer.panels.warping`."""

    warping: warping.Warping
    says: str
    source: str


class Estimator(NamedTuple):
    """An estimator of E.

    Attributes
    ----------
    estimate
        Function of traces, shape (K, T), weights, shape (K,), and the share that is trimmed.
    weighted
        Whether the weights are the raters' agreement; otherwise all are one.
    about
        What sigma is the spread about, with ``labels: spread_about: E``.
    says, source
        For the documentation.
    """

    estimate: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    weighted: bool
    about: str
    says: str
    source: str


TOOLBOX = "MuSe-Toolbox (Stappen et al., 2021)"
"""Source of what the toolbox does."""

SCALES: dict[str, Scale] = {
    "rater": Scale(
        scaling.standardised,
        "corpus",
        "standard deviations of the rater",
        "mean 0 and standard deviation 1 of each rater over the corpus",
        TOOLBOX,
    ),
    "range": Scale(
        scaling.ranged,
        "corpus",
        "half the rater's range",
        "least value of each rater in the corpus to −1, largest to 1; rests on two values",
        TOOLBOX,
    ),
    "centre": Scale(
        scaling.centred,
        "corpus",
        "rating",
        "mean 0 of each rater over the corpus",
        "our choice: bias alone is taken out",
    ),
    "panel": Scale(
        scaling.calibrated,
        "corpus",
        "rating, on the scale of the panel",
        "without the gain and the bias of each rater in the model of the panel",
        "factor analysis with one factor (Rubin & Thayer, 1982), with priors",
    ),
    "recording": Scale(
        scaling.standardised,
        "recording",
        "standard deviations of the trace",
        "mean 0 and standard deviation 1 of each trace; recordings no longer differ in level",
        TOOLBOX,
    ),
}

SMOOTHINGS: dict[str, Filter] = {
    "median": Filter(
        smoothing.median, "unit", "running median: keeps steps, removes spikes", "Tukey (1977)"
    ),
    "savitzky_golay": Filter(
        smoothing.savitzky_golay,
        "unit",
        "cubic polynomial in each window: keeps peaks",
        "Savitzky & Golay (1964)",
    ),
}

RELATIVES: dict[str, Filter] = {
    "changes": Filter(
        lambda trace, _: smoothing.changes(trace),
        "unit per second",
        f"change over {smoothing.STEP:g} s, centred on the frame",
        "RankTrace (Lopes, Yannakakis & Liapis, 2017)",
    ),
}

WARPS: dict[str, Warp] = {
    "dtw": Warp(
        warping.dynamic_time_warping,
        "dynamic time warping to the barycentre of the panel (DBA)",
        "Petitjean, Ketterlin & Gancarski (2011)",
    ),
    "ctw": Warp(
        warping.canonical_time_warping,
        "generalised canonical time warping: smooth paths to the mean of the standardised traces",
        "Zhou & De la Torre (2016)",
    ),
}

ESTIMATORS: dict[str, Estimator] = {
    "ewe": Estimator(
        lambda traces, weights, trim: weighted_estimate(traces, weights),
        True,
        "the weighted mean",
        "mean weighted by agreement, evaluator weighted estimator",
        "Grimm & Kroschel (2005)",
    ),
    "mean": Estimator(
        lambda traces, weights, trim: weighted_estimate(traces, weights),
        False,
        "the mean: the standard deviation",
        "mean of the raters present",
        "",
    ),
    "median": Estimator(
        lambda traces, weights, trim: median_estimate(traces),
        False,
        "the median",
        "median of the raters present",
        "",
    ),
    "panel": Estimator(
        lambda traces, weights, trim: weighted_estimate(traces, weights),
        True,
        "the weighted mean",
        "most likely common series: mean of the calibrated traces, weighted by 1 / noise²",
        "factor analysis with one factor (Rubin & Thayer, 1982), with priors",
    ),
    "trimmed_mean": Estimator(
        lambda traces, weights, trim: trimmed_estimate(traces, trim),
        False,
        "the trimmed mean",
        "mean without the lowest and highest raters of each frame",
        "Tukey (1962)",
    ),
}


def chosen(table: Mapping[str, T], name: str, key: str) -> T:
    """The entry of a step's table.

    Parameters
    ----------
    table
        One of the tables of this module.
    name
        Of the entry.
    key
        Key of the configuration, for the message.

    Raises
    ------
    InputError
        If there is no such entry; the message names those that exist.
    """
    if name not in table:
        raise InputError(
            f"config key 'labels: {key}': found {name!r}; expected one of {sorted(table)}"
        )
    return table[name]


def prepared(trace: np.ndarray, settings: Labels, of_rater: scaling.Levels | None) -> np.ndarray:
    """A rater's trace after scaling, smoothing and change in place of level, in this order.

    Parameters
    ----------
    trace
        Shape (T,), NaN where the rater is absent.
    settings
        The steps.
    of_rater
        The rater's levels over the corpus, if the scale needs them.
    """
    known = ~np.isnan(trace)
    if settings.scale != NONE and known.any():
        scale = chosen(SCALES, settings.scale, "scale")
        of = scaling.levels(trace[known]) if scale.over == "recording" else of_rater
        assert of is not None
        trace = np.where(known, scale.scaled(trace, of), np.nan)
    for table, key in ((SMOOTHINGS, "smoothing"), (RELATIVES, "relative")):
        name = getattr(settings, key)
        if name != NONE:
            trace = chosen(table, name, key).filtered(trace, settings.smoothing_window)
    return trace


def prepared_ratings(
    ratings: pd.DataFrame, settings: Labels, statistics: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Ratings after the steps of :func:`prepared`.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``rater``, ``value``.
    settings
        The steps.
    statistics
        See :func:`softaer.panels.scaling.statistics`; needed by scales over the corpus.

    Returns
    -------
    The same columns, in the same order; rows without a value after a step are left out.
    """
    of_raters = {}
    if statistics is not None:
        of_raters = {
            (row["dimension"], row["rater"]): scaling.Levels(
                *(row[name] for name in scaling.Levels._fields)
            )
            for row in statistics.to_dict("records")
        }
    values = np.full(len(ratings), np.nan)
    frames = index(ratings["time"].to_numpy())
    before = ratings["value"].to_numpy()
    groups = ratings.groupby(["recording", "dimension", "rater"], sort=False).indices
    for (_, dimension, rater), rows in groups.items():
        start = frames[rows].min()
        trace = np.full(frames[rows].max() - start + 1, np.nan)
        trace[frames[rows] - start] = before[rows]
        after = prepared(trace, settings, of_raters.get((dimension, rater)))
        values[rows] = after[frames[rows] - start]
    kept = ~np.isnan(values)
    return ratings.assign(value=values)[kept].reset_index(drop=True)


def in_step(traces: np.ndarray, elastic: str, max_lag: float) -> np.ndarray:
    """Traces of a panel, shape (K, T), after the elastic alignment, if one is chosen."""
    if elastic == NONE:
        return traces
    return warping.warped(traces, chosen(WARPS, elastic, "elastic").warping, max_lag)


def smoothed(estimate: np.ndarray, window: float) -> np.ndarray:
    """E after the moving average, shape (T,), if the window [s] has three frames or more."""
    return smoothing.moving_average(estimate, window) if window * RATE >= 2 else estimate
