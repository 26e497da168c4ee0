"""Agreement of the raters: every pair, every rater with the labels' weights, every dimension, and
what labels from such raters are worth.

Computed over the concatenated frames of all rated recordings, after removing the raters' lags if
they are estimated. A rater's name stands for the same person in all recordings. If a corpus numbers
its raters anew in each recording, pairs of raters are meaningless, but alpha and the split-half
reliability, for which only the raters of the same recording are compared, are still correct.

The reliability of a label is the correlation of two halves of the panel, as plain mean (E) and
standard deviation (sigma) of their raters, averaged over ways to halve it. It is extended to the
whole panel, and to any number of raters, by the prophecy of Spearman and Brown.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Evaluation
from softaer.core.inference import FEW_UNITS, interval, resample
from softaer.core.reliability import (
    correlation_from_moments,
    correlations,
    intraclass_correlation,
    krippendorff_alpha,
    raters_needed,
    spearman_brown,
    split_moments,
    splits_of_panel,
)
from softaer.core.schema import (
    AGREEMENT_CURVE,
    AGREEMENT_DIMENSIONS,
    AGREEMENT_PAIRS,
    AGREEMENT_RATERS,
    AGREEMENT_RELIABILITY,
)
from softaer.core.tasks import TARGETS
from softaer.corpus import rated, read_recordings
from softaer.labels import traces_of
from softaer.rater_lags import add_preparation, prepared
from softaer.rater_weights import traces_of_corpus

SCHEMAS = {
    "pairs": AGREEMENT_PAIRS,
    "raters": AGREEMENT_RATERS,
    "dimensions": AGREEMENT_DIMENSIONS,
    "reliability": AGREEMENT_RELIABILITY,
    "curve": AGREEMENT_CURVE,
}
"""Tables of this stage."""

WANTED = (70, 80, 90)
"""Reliabilities for which the number of raters is given [%]."""

FARTHEST = 30
"""Number of raters to which the curve is drawn at least."""

Panels = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""For each recording the numbers of its raters, shape (K,), and their ratings, shape (K, T)."""


def pairs_table(traces: pd.DataFrame) -> pd.DataFrame:
    """``rater``, ``other``, ``correlation``, ``frames``: every pair of raters once."""
    correlation, frames = correlations(traces.to_numpy(dtype=np.float64))
    rows = [
        (traces.index[i], traces.index[j], correlation[i, j], frames[i, j])
        for i, j in combinations(range(len(traces)), 2)
    ]
    return pd.DataFrame(rows, columns=["rater", "other", "correlation", "frames"])


def raters_table(traces: pd.DataFrame, pairs: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Each rater's amount of ratings, agreement with the others, and weight.

    Parameters
    ----------
    traces, pairs
        See :func:`softaer.rater_weights.traces_of_corpus` and :func:`pairs_table`.
    weights
        ``rater``, ``weight`` and ``fallback`` per recording, of the same dimension.

    Returns
    -------
    ``rater``, ``recordings``, ``frames``, ``correlation`` (mean with the others), ``weight``,
    ``weight_low``, ``weight_high`` (over recordings), ``fallbacks`` (recordings in which all raters
    have equal weights because they do not agree).
    """
    rows = []
    for rater, trace in traces.iterrows():
        there = trace.dropna()
        own = pairs[(pairs["rater"] == rater) | (pairs["other"] == rater)]
        weight = weights[weights["rater"] == rater]
        rows.append(
            {
                "rater": rater,
                "recordings": there.index.get_level_values("recording").nunique(),
                "frames": len(there),
                "correlation": own["correlation"].mean(),
                "weight": weight["weight"].mean(),
                "weight_low": weight["weight"].min(),
                "weight_high": weight["weight"].max(),
                "fallbacks": int(weight["fallback"].sum()),
            }
        )
    return pd.DataFrame(rows)


def panels(ratings: pd.DataFrame) -> Panels:
    """The panel of each recording.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value`` of one dimension.

    Returns
    -------
    See :data:`Panels`; raters are numbered over the corpus, and absent ones are NaN.
    """
    names = np.unique(ratings["rater"])
    found = {}
    for recording, rows in ratings.groupby("recording", sort=False):
        raters, traces = traces_of(rows)
        found[str(recording)] = np.searchsorted(names, raters), traces
    return found


def intraclass(by_recording: Panels) -> tuple[float, float, int]:
    """ICC(2,1), ICC(2,k) and the number of frames, see :func:`intraclass_correlation`.

    Frames count that all raters of the recording have rated. Recordings with the same raters are
    concatenated; the results of different panels are averaged with their numbers of frames.
    """
    groups: dict[tuple[int, ...], list[np.ndarray]] = {}
    for raters, values in by_recording.values():
        whole = values[:, ~np.isnan(values).any(axis=0)]
        groups.setdefault(tuple(raters.tolist()), []).append(whole)
    together = [np.concatenate(parts, axis=1) for parts in groups.values()]
    rows = [(*intraclass_correlation(values), values.shape[1]) for values in together]
    known = np.array([row for row in rows if not np.isnan(row[:2]).any()])
    if len(known) == 0:
        return np.nan, np.nan, 0
    single, mean = np.average(known[:, :2], axis=0, weights=known[:, 2])
    return float(single), float(mean), int(known[:, 2].sum())


def moments_of_halves(by_recording: Panels, size: int) -> np.ndarray:
    """:func:`split_moments` of all recordings, shape (2, splits, recordings, 6).

    A split orders the raters of the corpus, so that the same raters are on one side in all
    recordings. Recordings with fewer than two times ``size`` raters are zero.
    """
    most = 1 + max(int(raters.max()) for raters, _ in by_recording.values())
    orders = splits_of_panel(most, size)
    return np.stack(
        [
            split_moments(values, raters, orders, size)
            if len(raters) >= 2 * size
            else np.zeros((len(TARGETS), len(orders), 6))
            for raters, values in by_recording.values()
        ],
        axis=2,
    )


def mean_correlation(sums: np.ndarray, within: bool = False) -> float:
    """Mean over splits of the correlation of the halves; NaN where none is defined."""
    found = correlation_from_moments(sums, within)
    known = found[~np.isnan(found)]
    return float(known.mean()) if len(known) else np.nan


def drawn_correlations(
    sums: np.ndarray, units: Sequence[str], settings: Evaluation
) -> tuple[np.ndarray, int]:
    """:func:`mean_correlation` in bootstrap draws of units.

    Parameters
    ----------
    sums
        Moments, shape (splits, recordings, 6).
    units
        Unit of each recording.
    settings
        Number of draws, and their seed.

    Returns
    -------
    One value per draw, none with :data:`FEW_UNITS` units or fewer; and the number of units.
    """
    whose, names = pd.factorize(np.array(units))
    if len(names) <= FEW_UNITS:
        return np.empty(0), len(names)
    of_units = np.stack([sums[:, whose == unit].sum(axis=1) for unit in range(len(names))])
    counts = resample(len(names), settings.draws, settings.bootstrap_seed)
    drawn = np.tensordot(counts, of_units, axes=1)[:, :, None, :]
    return np.array([mean_correlation(sums) for sums in drawn]), len(names)


def extended(value: float, draws: np.ndarray, units: int, factor: float) -> dict[str, float]:
    """Reliability with ``factor`` times as many raters, and its interval from draws of units."""
    low, high = interval(spearman_brown(draws, factor), units)
    return {"reliability": float(spearman_brown(value, factor)), "low": low, "high": high}


def reliability_tables(
    by_recording: Panels, units: Sequence[str], settings: Evaluation
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reliability of E and sigma from this panel, and against the number of raters.

    The panel has as many raters as the median recording. Sigma needs two raters in each half.

    Parameters
    ----------
    by_recording
        See :func:`panels`.
    units
        What each recording belongs to, itself or a subject: what is drawn for the intervals.
    settings
        Number of draws, and their seed.

    Returns
    -------
    Rows of ``AGREEMENT_RELIABILITY`` and ``AGREEMENT_CURVE`` without the dimension.
    """
    raters = int(np.median([len(raters) for raters, _ in by_recording.values()]))
    half = raters // 2
    sums = {size: moments_of_halves(by_recording, size) for size in range(1, half + 1)}
    rows, curve = [], []
    for place, rule in ((0, "K"), (1, "K"), (1, "K - 1")):
        least, less = 1 + place, int(rule != "K")
        if half < least:
            continue
        own = sums[half][place]
        used = own[..., 0].any(axis=0)
        of_used = [unit for unit, kept in zip(units, used, strict=True) if kept]
        value = mean_correlation(own)
        draws = drawn_correlations(own[:, used], of_used, settings)
        name: dict[str, Any] = {"target": TARGETS[place], "rule": rule}
        needed = {w: raters_needed(value, half - less, w / 100) for w in WANTED}
        rows.append(
            name
            | {"raters": raters, "half": half, "splits": len(own), "recordings": int(used.sum())}
            | {"split_half": value, "within": mean_correlation(own, within=True)}
            | extended(value, *draws, (raters - less) / (half - less))
            | {f"raters_{w}": None if n is None else n + less for w, n in needed.items()}
        )
        for count in range(least, max(FARTHEST, 2 * raters) + 1):
            measured = mean_correlation(sums[count][place]) if count in sums else np.nan
            curve.append(
                name
                | {"raters": count, "measured": measured}
                | extended(value, *draws, (count - less) / (half - less))
            )
    reliability = pd.DataFrame(rows, columns=AGREEMENT_RELIABILITY.names[1:])
    counts = {f"raters_{wanted}": "Int64" for wanted in WANTED}
    return reliability.astype(counts), pd.DataFrame(curve, columns=AGREEMENT_CURVE.names[1:])


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--weights", type=Path, required=True, help="folder of batches")
    add_preparation(arguments)
    cli.add_settings(arguments, Evaluation)
    for name in SCHEMAS:
        cli.add_output(arguments, f"--{name}-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    ratings = prepared(tables.read_batches(options.ratings, recordings), options)
    weights = tables.read_batches(options.weights, recordings)
    settings = cli.settings(options, Evaluation)
    unit_of = {r.recording: getattr(r, settings.resample) for r in recordings}
    with ExitStack() as stack:
        sinks = {
            name: stack.enter_context(tables.writer(getattr(options, f"{name}_output"), schema))
            for name, schema in SCHEMAS.items()
        }
        for dimension, rows in ratings.groupby("dimension", sort=False):
            traces = traces_of_corpus(rows)
            pairs = pairs_table(traces)
            values = traces.to_numpy(dtype=np.float64)
            by_recording = panels(rows)
            single, mean, frames = intraclass(by_recording)
            summary = {
                "raters": len(traces),
                "recordings": rows["recording"].nunique(),
                "frames": int(((~np.isnan(values)).sum(axis=0) > 1).sum()),
                "correlation": pairs["correlation"].mean(),
                "alpha": krippendorff_alpha(values),
                "icc_single": single,
                "icc_mean": mean,
                "icc_frames": frames,
            }
            units = [unit_of[recording] for recording in by_recording]
            reliability, curve = reliability_tables(by_recording, units, settings)
            found = {
                "pairs": pairs,
                "raters": raters_table(traces, pairs, weights[weights["dimension"] == dimension]),
                "dimensions": pd.DataFrame([summary]),
                "reliability": reliability,
                "curve": curve,
            }
            for name, table in found.items():
                sinks[name].append(table.assign(dimension=dimension))


if __name__ == "__main__":
    cli.run(main)
