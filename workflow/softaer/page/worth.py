"""What sigma and the labels are worth, in words that follow from the numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

SCORES = ("crps", "nll")
"""Proper scores of single ratings; lower is better."""


def verdict(scores: pd.DataFrame, series: str) -> dict[str, Any]:
    """How often a series is better than a constant sigma.

    Parameters
    ----------
    scores
        Table of the stage ``uncertainty``: scores of single ratings.
    series
        Name of the series.

    Returns
    -------
    ``cases`` (dimensions times tasks), ``with_interval`` (those with an interval), ``units``, and
    for each of :data:`SCORES`: ``better`` (number of cases), ``worse`` (their names),
    ``clearly_better`` and ``clearly_worse`` (numbers of cases in which the whole interval is on
    that side).
    """
    own = scores[scores["series"] == series]
    found: dict[str, Any] = {
        "cases": len(own),
        "with_interval": int(own["crps_low"].notna().sum()),
        "units": int(own["units"].min()) if len(own) else 0,
    }
    names = own["dimension"] + ", " + own["task"]
    for score in SCORES:
        difference = own[f"{score}_difference"]
        found[score] = {
            "better": int((difference < 0).sum()),
            "worse": list(names[~(difference < 0)]),
            "clearly_better": int((own[f"{score}_high"] < 0).sum()),
            "clearly_worse": int((own[f"{score}_low"] > 0).sum()),
        }
    return found


def _span(values: Sequence[float | None], form: str = "{:.2f}") -> str:
    """One value, or the two that differ, as text; ``not reachable`` without any."""
    known = sorted(value for value in values if value is not None and not pd.isna(value))
    texts = list(dict.fromkeys(form.format(value) for value in known))
    return " to ".join(dict.fromkeys([texts[0], texts[-1]])) if texts else "not reachable"


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
            else f"[{both['low'].min():.2f}, {both['high'].max():.2f}]",
            "highest_r": "–" if both["reliability"].isna().all() else _span(limits),
        }
        row |= {f"for 0.{w}": _span(both[f"raters_{w}0"], "{:.0f}") for w in (7, 8, 9)}
        rows.append(row)
    return pd.DataFrame(rows)
