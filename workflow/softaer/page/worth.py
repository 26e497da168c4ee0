"""What sigma and the labels are worth, in words that follow from the numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from softaer.core.tasks import ALONE, CLIMATOLOGY, LABEL, PREDICTED, RIDGE
from softaer.core.tasks import CONSTANT_SPREAD as CONSTANT
from softaer.page.score_table import with_minus

UNKNOWN = "not reachable"
"""Stands for a number that does not exist."""

SCORES = ("crps", "nll")
"""Proper scores of single ratings; lower is better."""


REFERENCES = {
    CLIMATOLOGY: "the mean and spread of all ratings of train",
    CONSTANT: "the same E with a spread that does not change",
    RIDGE: "ridge regression",
    ALONE: "σ alone as the spread, without the error of E",
    LABEL: "the label of the other raters",
}
"""What the prediction is compared with, in words."""


def verdict(scores: pd.DataFrame, series: str) -> dict[str, Any] | None:
    """How often the predicted distribution is better than another one.

    Parameters
    ----------
    scores
        Table ``DISTRIBUTION`` of the stage ``uncertainty``: scores of single ratings.
    series
        Name of the other one.

    Returns
    -------
    None if it is not in the table. ``cases`` (dimensions times tasks), ``with_interval`` (those
    with an interval), ``units``, and for each of :data:`SCORES`: ``better`` (number of cases),
    ``worse`` (their names), ``clearly_better`` and ``clearly_worse`` (numbers of cases in which
    the whole interval is on that side).
    """
    own = scores[scores["series"] == series]
    if own.empty:
        return None
    found: dict[str, Any] = {
        "cases": len(own),
        "with_interval": int(own["crps_low"].notna().sum()),
        "units": int(own["units"].min()),
    }
    for score in SCORES:
        difference = own[f"{score}_difference"]
        found[score] = {
            "better": int((difference < 0).sum()),
            "worse": list(_cases(own)[~(difference < 0)]),
            "clearly_better": int((own[f"{score}_high"] < 0).sum()),
            "clearly_worse": int((own[f"{score}_low"] > 0).sum()),
        }
    return found


def _cases(rows: pd.DataFrame) -> pd.Series:
    return rows["dimension"] + ", " + rows["task"]


def of_predictions(scores: pd.DataFrame) -> dict[str, Any]:
    """What the page says of the predicted distributions themselves.

    Parameters
    ----------
    scores
        See :func:`verdict`.

    Returns
    -------
    ``skill``, ``a``, ``b_squared``, ``r_deviation`` and ``r_of_others`` as ranges over the cases,
    ``blind`` (cases in which the correlation of sigma with the deviation of a rater who was left
    out is not above zero), ``in_sample`` (cases whose a is in-sample) and ``panels``.
    """
    own, others = (scores[scores["series"] == name] for name in (PREDICTED, LABEL))
    known = own["r_deviation_low"].where(own["r_deviation_low"].notna(), own["r_deviation"])
    return {
        **{name: _span(own[name]) for name in ("skill", "a", "b_squared", "r_deviation")},
        "r_of_others": _span(others["r_deviation"]) if len(others) else None,
        "blind": list(_cases(own)[~(known > 0)]),
        "in_sample": list(_cases(own)[own["out_of_fold"] == False]),  # noqa: E712
        "panels": int(own["panels"].max()) if len(own) else 0,
    }


def of_bands(covered: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page says of each band.

    Parameters
    ----------
    covered
        Table ``COVERED`` of the stage ``uncertainty``.

    Returns
    -------
    For each nominal share [%] ``coverage`` [%] as a range over the cases, ``few`` (whether dev has
    few units), and ``short`` (cases whose whole interval is below the nominal share).
    """
    found = []
    for nominal, rows in covered[covered["by"] == "all"].groupby("nominal"):
        short = rows["high"].where(rows["high"].notna(), np.inf) < nominal
        found.append(
            {
                "nominal": round(100 * nominal),
                "coverage": _span(100 * rows["coverage"], "{:.0f}"),
                "few": bool(rows["few"].any()),
                "short": list(_cases(rows)[short]),
            }
        )
    return found


def unreliable(reliability: pd.DataFrame) -> list[str]:
    """Dimensions whose sigma may have no reliability at all: its interval includes zero.

    Parameters
    ----------
    reliability
        Table of the stage ``agreement``.
    """
    own = reliability[reliability["target"] == "sigma"]
    doubtful = own["low"].where(own["low"].notna(), own["reliability"]) <= 0
    return list(dict.fromkeys(own["dimension"][doubtful]))


def _span(values: Sequence[float | None], form: str = "{:.2f}") -> str:
    """One value, or the two that differ, as text; ``not reachable`` without any."""
    known = sorted(value for value in values if value is not None and not pd.isna(value))
    texts = list(dict.fromkeys(form.format(value) for value in known))
    return with_minus(" to ".join(dict.fromkeys([texts[0], texts[-1]]))) if texts else UNKNOWN


def reliability_rows(reliability: pd.DataFrame) -> pd.DataFrame:
    """Reliability of the labels for the page: one row per dimension and target.

    Both rules of the prophecy are given as a range.

    Parameters
    ----------
    reliability
        Table of the stage ``agreement``.
    """
    rows = []
    for (dimension, target), both in reliability.groupby(["dimension", "target"], sort=False):
        first = both.iloc[0]
        limits = np.sqrt(both["reliability"].clip(lower=0))
        row = {
            "dimension": dimension,
            "target": "σ" if target == "sigma" else target,
            "raters": int(first["raters"]),
            "halves": f"{int(first['half'])} + {int(first['half'])}",
            "split_half": first["split_half"],
            "within_recordings": first["within"],
            "reliability": "–" if both["reliability"].isna().all() else _span(both["reliability"]),
            "95 %": "–"
            if both["low"].isna().all()
            else with_minus(f"[{both['low'].min():.2f}, {both['high'].max():.2f}]"),
            "highest_r": "–" if both["reliability"].isna().all() else _span(limits),
        }
        row |= {f"for 0.{w}": _span(both[f"raters_{w}0"], "{:.0f}") for w in (7, 8, 9)}
        rows.append(row)
    return pd.DataFrame(rows)
