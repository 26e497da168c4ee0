"""Where one more rating would help the labels most.

With K raters whose ratings scatter by sigma, the mean has a squared error of sigma^2 / K, and their
standard deviation one of about sigma^2 / (2 (K - 1)). One more rater is expected to lower them by

    E      sigma^2 / (K (K + 1))
    sigma  sigma^2 / (2 K (K - 1)),   K = 1: sigma^2 / 2

Sigma of a few raters is noisy itself, so its square is shrunk towards the mean of the corpus, by
its reliability: without any, all that counts is how many have rated.
"""

import numpy as np
import pandas as pd

from softaer.core.grid import RATE

GAINS = ("E", "sigma")
"""What a rating can make better."""

BINS = 10
"""Bins of equal width over the range of E, for how rare a frame is."""

RAREST = 10.0
"""Largest weight of a frame for being rare."""


def shrunk(variance: np.ndarray, mean: float, reliability: float) -> np.ndarray:
    """The expected sigma^2 of frames, from what few raters gave.

    Parameters
    ----------
    variance
        Squares of the labels' sigma, shape (T,), NaN where there is none.
    mean
        Their mean over the corpus.
    reliability
        Of sigma, between 0 and 1.
    """
    share = min(max(reliability, 0.0), 1.0)
    known = np.where(np.isnan(variance), mean, variance)
    return share * known + (1 - share) * mean


def gain(variance: np.ndarray, raters: np.ndarray, target: str) -> np.ndarray:
    """How much one more rater is expected to lower the squared error of a label.

    Parameters
    ----------
    variance
        Expected sigma^2, shape (T,).
    raters
        Number of raters so far, at least 1, shape (T,).
    target
        One of :data:`GAINS`.
    """
    if target == "E":
        return variance / (raters * (raters + 1))
    return variance / (2 * raters * np.maximum(raters - 1, 1))


def rarity(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How much rarer frames are in the training data than if these covered the range evenly.

    Parameters
    ----------
    values
        E of frames, shape (T,).
    seen
        E of the frames of train, shape (N,).

    Returns
    -------
    1 where train is as dense as an even coverage would be, at most :data:`RAREST`.
    """
    edges = np.linspace(seen.min(), seen.max(), BINS + 1)[1:-1]
    share = np.bincount(np.searchsorted(edges, seen), minlength=BINS) / len(seen)
    with np.errstate(divide="ignore"):
        weight = np.minimum(1 / (BINS * share), RAREST)
    return weight[np.searchsorted(edges, values)]


def stretches(
    labels: pd.DataFrame,
    target: str,
    length: float,
    reliability: float,
    seen: np.ndarray | None = None,
) -> pd.DataFrame:
    """Stretches of recordings, the one where a rating helps most first.

    Parameters
    ----------
    labels
        ``recording``, ``time`` [s, on the grid], ``E``, ``sigma``, ``raters`` of one dimension.
    target
        One of :data:`GAINS`.
    length
        Of a stretch [s]; what is left at the end of a recording is shorter.
    reliability
        See :func:`shrunk`.
    seen
        E of the frames of train, if rare frames should count more.

    Returns
    -------
    ``recording``, ``start``, ``end`` [s], ``minutes``, ``raters``, ``sigma`` (means over labelled
    frames), ``rarity``, and ``gain`` (sum over its frames), sorted by gain per minute.
    """
    variance = labels["sigma"].to_numpy(np.float64) ** 2
    mean = float(np.nanmean(variance)) if (~np.isnan(variance)).any() else 1.0
    expected = shrunk(variance, mean, reliability)
    each = gain(expected, labels["raters"].to_numpy(np.float64), target)
    rare = np.ones(len(labels)) if seen is None else rarity(labels["E"].to_numpy(), seen)
    table = labels[["recording", "time", "raters", "sigma"]].assign(rarity=rare, gain=each * rare)
    table["start"] = np.floor(table["time"] / length + 1e-9) * length
    last = table.groupby("recording")["time"].transform("max") + 1 / RATE
    table["end"] = np.minimum(table["start"] + length, last)
    found = table.groupby(["recording", "start"], sort=False, as_index=False).agg(
        end=("end", "first"),
        raters=("raters", "mean"),
        sigma=("sigma", "mean"),
        rarity=("rarity", "mean"),
        gain=("gain", "sum"),
    )
    found.insert(3, "minutes", (found["end"] - found["start"]) / 60)
    order = (-found["gain"] / found["minutes"]).argsort(kind="stable")
    return found.iloc[order].reset_index(drop=True)


def within_budget(plan: pd.DataFrame, minutes: float | None) -> pd.DataFrame:
    """The first stretches of a plan that fit into some minutes; all without a limit."""
    spent = plan["minutes"].cumsum()
    plan = plan.assign(spent=spent)
    return plan if minutes is None else plan[spent <= minutes + 1e-9]
