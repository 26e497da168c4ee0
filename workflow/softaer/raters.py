"""Raters: what is known of each, over the corpus and in each recording, and what was done.

Lags are those of :mod:`softaer.rater_lags`; gain, bias and noise those of the panel model
(:mod:`softaer.core.panel_model`), of the raters whom the screen finds in agreement. All else is
against what the other raters say: the common series of the model, estimated without the rater.

Intervals are bootstrap intervals over subjects (or recordings), given the series of the others.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.experiment import Evaluation, Labels
from softaer.core.grid import RATE, TOLERANCE
from softaer.core.inference import FEW_UNITS, interval, resample
from softaer.core.panel_model import PanelModel, fit, moments, most_likely
from softaer.core.reliability import correlations
from softaer.core.schema import RATER_RECORDINGS, RATERS
from softaer.corpus import rated, read_recordings
from softaer.rater_lags import (
    estimate_lags,
    moments_by_lag,
    pairs_with_others,
    panel,
    pooled_correlation,
    shift,
    smooth,
    standardise_raters,
    varies,
)
from softaer.rater_screen import AGREES, UNKNOWN

STILL = 10.0
"""Shortest time without any change that counts as standing still [s]; our choice."""

INVERTED = -0.5
"""Correlation with the others in a recording below which the trace counts as inverted there."""

OUTLYING = 3.5
"""Distance from the median, in standard deviations estimated from the median absolute deviation,
above which a recording is an outlier (Iglewicz & Hoaglin, 1993)."""

OF_MAD = 1.4826
"""Standard deviation of a normal distribution by its median absolute deviation."""

LEAST_RECORDINGS = 6
"""Smallest number of a rater's recordings in which outliers and drift are looked for."""

PARAMETERS = ("lag", "gain", "bias", "noise")


def still(trace: np.ndarray) -> float:
    """Share of a trace that is part of a stretch of :data:`STILL` without change; NaN is no part.

    Examples
    --------
    >>> still(np.append(np.full(300, 0.5), np.arange(100.0)))
    0.75
    """
    there = trace[~np.isnan(trace)]
    starts = np.flatnonzero(np.append(True, np.diff(there) != 0))
    lengths = np.diff(np.append(starts, len(there)))
    return float(lengths[lengths >= STILL * RATE].sum() / len(there))


def within(trace: np.ndarray, others: np.ndarray) -> float:
    """Correlation of a trace with what the others say; NaN if undefined."""
    found = pooled_correlation([(trace, others)])
    return found if np.isfinite(found) else np.nan


def of_recordings(
    names: Sequence[str],
    raters: Sequence[str],
    traces: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    model: PanelModel | None,
    weights: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of ``RATER_RECORDINGS`` without the dimension.

    Parameters
    ----------
    names, raters
        Of the recordings and of the panel.
    traces, others
        Ratings without lags, and what the others say, shape (K, T_i) each.
    model
        Of the panel.
    weights
        ``recording``, ``rater``, ``weight`` of the labels.
    """
    rows = []
    for name, own, rest in zip(names, traces, others, strict=True):
        somebody = (~np.isnan(own)).any(axis=0).sum()
        for k in np.flatnonzero(~np.isnan(own).all(axis=1)).tolist():
            there = own[k][~np.isnan(own[k])]
            row: dict[str, Any] = {"recording": name, "rater": raters[k]}
            row |= {"share": len(there) / somebody, "flat": not varies(there)}
            row |= {"still": still(own[k]), "agreement": within(own[k], rest[k])}
            if model is not None:
                both = ~np.isnan(own[k]) & ~np.isnan(rest[k])
                sums = moments(rest[k], np.zeros(len(rest[k])), own[k : k + 1])
                row["gain"] = most_likely(sums)[0][0]
                if both.any():
                    felt = model.gain[k] * (rest[k][both].mean() - model.level)
                    row["bias"] = own[k][both].mean() - model.level - felt
            rows.append(row)
    columns = ["recording", "rater", "share", "agreement", "gain", "bias", "flat", "still"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.merge(weights[["recording", "rater", "weight"]], how="left")
    return table.assign(outlier=outliers(table))


def outliers(table: pd.DataFrame) -> pd.Series:
    """What is unlike a rater's other recordings, or None.

    The agreement of a recording is compared as Fisher's z with the median of its raters: a
    recording that is hard for all is no outlier.

    Parameters
    ----------
    table
        ``recording``, ``rater``, ``agreement``, ``bias``.
    """
    z = np.arctanh(table["agreement"].clip(-0.999, 0.999))
    relative = z - z.groupby(table["recording"]).transform("median")
    words = pd.Series("", index=table.index, dtype=object)
    for name, column, values in (("r", "agreement", relative), ("bias", "bias", table["bias"])):
        groups = values.groupby(table["rater"])
        distance = values - groups.transform("median")
        scale = OF_MAD * distance.abs().groupby(table["rater"]).transform("median")
        far = distance < -OUTLYING * scale if name == "r" else distance.abs() > OUTLYING * scale
        odd = far & (scale > 0) & (groups.transform("count") >= LEAST_RECORDINGS)
        usual = table[column].groupby(table["rater"]).transform("median")
        for k in table.index[odd]:
            told = f"{name} {table[column][k]:.2f}, usually {usual[k]:.2f}"
            words[k] = "; ".join(filter(None, (words[k], told)))
    return words.where(words != "", None)


def drift(values: np.ndarray) -> tuple[float, float]:
    """Change of a rater's values from the first to the last recording, and its p value.

    By linear regression on the order of the recordings; NaN with fewer than
    :data:`LEAST_RECORDINGS`.

    Examples
    --------
    >>> change, p = drift(np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.6]))
    >>> round(change, 2), p < 0.001
    (0.57, True)
    """
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < LEAST_RECORDINGS:
        return np.nan, np.nan
    found = linregress(known, values[known])
    return float(found.slope * (known[-1] - known[0])), float(found.pvalue)


def lag_sums(
    recordings: Sequence[np.ndarray], steps: Mapping[int, int], rater: int, reach: int
) -> np.ndarray:
    """Moments of a rater with the mean of the others at every lag, shape (recordings, 3, lags)."""
    sums = np.zeros((len(recordings), 3, 2 * reach + 1))
    for place, traces in enumerate(recordings):
        for own, others in pairs_with_others([traces], rater, steps):
            sums[place] = moments_by_lag(own, others, reach)
    return sums


def best_lags(sums: np.ndarray) -> np.ndarray:
    """Lag with the highest correlation, as its place, from sums of shape (..., 3, lags)."""
    xy, xx, yy = np.moveaxis(sums, -2, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where((xx > 0) & (yy > 0), xy / np.sqrt(xx * yy), -np.inf)
    return np.argmax(r, axis=-1).astype(float)


def intervals(
    model: PanelModel,
    traces: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    units: np.ndarray,
    settings: Evaluation,
) -> dict[str, np.ndarray]:
    """Intervals of gain, bias and noise, shape (2, K) each; NaN with few units.

    Parameters
    ----------
    model
        Whose parameters are in their middle.
    traces, others
        See :func:`of_recordings`.
    units
        Number of each recording's unit, shape (recordings,).
    settings
        Number of draws, and their seed.
    """
    count, raters = int(units.max()) + 1, len(model.gain)
    nothing = np.full((2, raters), np.nan)
    if count <= FEW_UNITS:
        return dict.fromkeys(PARAMETERS[1:], nothing)
    sums = np.zeros((count, 6, raters))
    for unit, own, rest in zip(units, traces, others, strict=True):
        sums[unit] += moments(rest - model.level, np.zeros_like(rest), own - model.level)

    def parameters(of: np.ndarray) -> list[np.ndarray]:
        noise = np.where(model.used, model.noise**2, np.nan)
        prior = most_likely(np.moveaxis(of, -2, 0), noise, model.prior_bias)
        plain = most_likely(np.moveaxis(of, -2, 0))
        gain, bias, squares = (np.where(model.used, *two) for two in zip(prior, plain, strict=True))
        scale = gain[..., model.used].mean(axis=-1, keepdims=True)
        shift_of_all = bias[..., model.used].mean(axis=-1, keepdims=True)
        relative = np.where(model.used, gain / scale, gain)
        return [relative, np.where(model.used, bias - shift_of_all, bias), np.sqrt(squares)]

    counts = resample(count, settings.draws, settings.bootstrap_seed)
    drawn = parameters(np.tensordot(counts, sums, axes=1))
    whole = parameters(sums.sum(axis=0))
    points = (model.gain, model.bias, model.noise)
    found = {}
    for name, draws, middle, point in zip(PARAMETERS[1:], drawn, whole, points, strict=True):
        moved = draws - middle + point
        bounds = [interval(moved[:, k], count) for k in range(raters)]
        found[name] = np.stack(bounds, axis=1)
    found["noise"] = np.maximum(found["noise"], 0.0)
    return found


def lag_intervals(
    recordings: Sequence[np.ndarray],
    lags: pd.DataFrame,
    units: np.ndarray,
    max_lag: float,
    settings: Evaluation,
) -> np.ndarray:
    """Intervals of the lags [s], shape (2, K); NaN with few units and for lags not trusted.

    Parameters
    ----------
    recordings
        Ratings with their lags, shape (K, T_i) each.
    lags
        ``lag`` [s] and ``note`` of each rater, in order.
    units, settings
        See :func:`intervals`.
    max_lag
        Largest lag that is searched [s].
    """
    count, reach = int(units.max()) + 1, int(max_lag * RATE + TOLERANCE)
    found = np.full((2, len(lags)), np.nan)
    if count <= FEW_UNITS:
        return found
    smoothed = standardise_raters([np.stack([smooth(t) for t in own]) for own in recordings])
    trusted = np.flatnonzero(lags["lag"].notna() & lags["note"].isna()).tolist()
    steps = {k: round(lags["lag"].iloc[k] * RATE) for k in trusted}
    counts = resample(count, settings.draws, settings.bootstrap_seed)
    for k in trusted:
        of_recordings = lag_sums(smoothed, steps, k, reach)
        sums = np.stack([of_recordings[units == unit].sum(axis=0) for unit in range(count)])
        moved = best_lags(np.tensordot(counts, sums, axes=1)) - best_lags(sums.sum(axis=0))
        low, high = interval(moved, count) / RATE
        found[:, k] = lags["lag"].iloc[k] + np.array([low, high])
    return found


def done(row: Mapping[str, Any]) -> str:
    """What was done about a rater, from a row with verdict, excluded, weight_zero, recordings.

    Examples
    --------
    >>> done({"excluded": True, "verdict": "flat"})
    'excluded: flat'
    >>> done({"excluded": False, "verdict": "agrees", "weight_zero": 3, "recordings": 20})
    'kept; weight 0 in 3 of 20 recordings'
    """
    if row["excluded"]:
        return f"excluded: {row['verdict']}"
    kept = "kept" if row["verdict"] in (AGREES, UNKNOWN) else f"kept, though {row['verdict']}"
    if not row["weight_zero"]:
        return kept
    return f"{kept}; weight 0 in {row['weight_zero']} of {row['recordings']} recordings"


def describe(
    ratings: pd.DataFrame,
    screen: pd.DataFrame,
    weights: pd.DataFrame,
    unit_of: Mapping[str, str | None],
    lags: pd.DataFrame | None = None,
    max_lag: float = Labels.max_lag,
    settings: Evaluation | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is known of the raters of one dimension.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``rater``, ``value``; recordings in their order.
    screen
        ``rater``, ``verdict``, ``excluded``, see :mod:`softaer.rater_screen`.
    weights
        ``recording``, ``rater``, ``weight`` of the labels, without excluded raters.
    unit_of
        Unit of each recording, for the intervals.
    lags
        ``rater``, ``lag``, ``note``, if they have been estimated already.
    max_lag
        Largest lag that is searched [s].
    settings
        Number of draws of the intervals, and their seed.

    Returns
    -------
    Rows of ``RATERS`` and of ``RATER_RECORDINGS`` without the dimension.
    """
    settings = settings or Evaluation()
    names = list(dict.fromkeys(ratings["recording"]))
    units, _ = pd.factorize(np.array([str(unit_of.get(name) or name) for name in names]))
    raters, recordings = panel(ratings)
    judged = screen.set_index("rater").loc[raters]
    used = judged["verdict"].isin([AGREES, UNKNOWN]).to_numpy() & ~judged["excluded"].to_numpy()
    lags = _lags_of(raters, recordings, used, lags, max_lag)
    steps = [0 if np.isnan(lag) else round(lag * RATE) for lag in lags["lag"]]
    traces = [
        np.stack([shift(trace, step) for trace, step in zip(own, steps, strict=True)])
        for own in recordings
    ]
    model = fit(traces, used)
    nobody = [np.full_like(own, np.nan) for own in traces]
    others = nobody if model is None else list(map(model.estimates_of_others, traces))
    each = of_recordings(names, raters, traces, others, model, weights)
    whole, rest = np.concatenate(traces, axis=1), np.concatenate(others, axis=1)
    r, _ = correlations(whole)
    np.fill_diagonal(r, np.nan)
    r[:, ~used] = np.nan
    bounds = {name: np.full((2, len(raters)), np.nan) for name in PARAMETERS}
    bounds["lag"] = lag_intervals(
        [np.where(used[:, None], own, np.nan) for own in recordings],
        *(lags, units, max_lag, settings),
    )
    if model is not None:
        bounds |= intervals(model, traces, others, units, settings)
    frames = np.sum([(~np.isnan(own)).any(axis=0).sum() for own in recordings])
    rows = []
    for k, rater in enumerate(raters):
        own = each[each["rater"] == rater]
        odd = own.loc[own["outlier"].notna(), "recording"]
        row: dict[str, Any] = {"rater": rater, "recordings": len(own)}
        row["share"] = sum((~np.isnan(t[k])).sum() for t in recordings) / frames
        point = {"lag": lags["lag"].iloc[k] if lags["note"].iloc[k] is None else np.nan}
        for name in PARAMETERS[1:]:
            point[name] = np.nan if model is None else getattr(model, name)[k]
        for name in PARAMETERS:
            low, high = bounds[name][:, k]
            row |= {name: point[name], f"{name}_low": low, f"{name}_high": high}
        known = r[k][~np.isnan(r[k])]
        row["correlation"] = known.mean() if len(known) else np.nan
        pooled = pooled_correlation([(t[k], x[k]) for t, x in zip(traces, others, strict=True)])
        row["agreement"] = pooled if np.isfinite(pooled) else np.nan
        row["ccc"] = ccc(rest[k], whole[k])
        row |= {"weight": own["weight"].mean(), "weight_zero": int((own["weight"] == 0).sum())}
        row |= {"flat": int(own["flat"].sum()), "still": own["still"].mean()}
        row["inverted"] = int((own["agreement"] < INVERTED).sum())
        row |= {"outliers": len(odd), "outlier_recordings": ", ".join(odd) or None}
        for name in ("bias", "gain"):
            placed = own.set_index("recording")[name].reindex(names).to_numpy(dtype=float)
            row[f"{name}_drift"], row[f"{name}_drift_p"] = drift(placed)
        row |= judged.loc[rater, ["verdict", "excluded"]].to_dict()
        rows.append(row | {"done": done(row)})
    return pd.DataFrame(rows)[RATERS.names[1:]], each


def _lags_of(
    raters: Sequence[str],
    recordings: Sequence[np.ndarray],
    used: np.ndarray,
    known: pd.DataFrame | None,
    max_lag: float,
) -> pd.DataFrame:
    """``lag`` and ``note`` of each rater, in order; those who are not used have none."""
    if known is None:
        known = pd.DataFrame(columns=["rater", "lag", "note"])
        if used.any():
            known = estimate_lags([own[used] for own in recordings], max_lag)
            known["rater"] = np.array(raters)[used]
    table = known.set_index("rater")[["lag", "note"]].reindex(raters)
    note = table["note"].astype(object).where(table["note"].notna(), None)
    note = note.where(table["lag"].notna(), "not estimated")
    return table.assign(lag=table["lag"].astype(float), note=note)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--weights", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--screen", type=Path, required=True, help="verdicts on the raters")
    arguments.add_argument("--rater-lags", type=Path, help="lags, if they are estimated already")
    cli.add_settings(arguments, Labels, "max_lag")
    cli.add_settings(arguments, Evaluation)
    cli.add_output(arguments)
    cli.add_output(arguments, "--recordings-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    settings = cli.settings(options, Evaluation)
    unit_of = {r.recording: getattr(r, settings.resample) for r in recordings}
    place = {r.recording: k for k, r in enumerate(recordings)}
    ratings = tables.read_batches(options.ratings, recordings)
    ratings = ratings.sort_values("recording", key=lambda names: names.map(place), kind="stable")
    weights = tables.read_batches(options.weights, recordings)
    screen = tables.read(options.screen)
    lags = None if options.rater_lags is None else tables.read(options.rater_lags)
    with (
        tables.writer(options.output, RATERS) as raters_sink,
        tables.writer(options.recordings_output, RATER_RECORDINGS) as recordings_sink,
    ):
        for dimension, rows in ratings.groupby("dimension", sort=False):
            own = [None if t is None else t[t["dimension"] == dimension] for t in (weights, lags)]
            found, each = describe(
                *(rows, screen[screen["dimension"] == dimension], own[0], unit_of, own[1]),
                max_lag=cli.settings(options, Labels).max_lag,
                settings=settings,
            )
            for table, sink in ((found, raters_sink), (each, recordings_sink)):
                sink.append(table.assign(dimension=dimension))


if __name__ == "__main__":
    cli.run(main)
