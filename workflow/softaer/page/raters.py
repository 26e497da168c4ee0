"""What is known of each rater, as a table and in words that follow from the numbers."""

from collections.abc import Sequence

import pandas as pd

from softaer.page.score_table import with_minus

LEVEL = 0.05
"""Drift is told if its p value, times the number of values that were tested, is below this."""

MOST_NAMES = 5
"""Names that are listed; further ones are counted."""

CLEAN = "agrees"
"""Verdict on a rater in agreement with the others."""


def raters_rows(raters: pd.DataFrame) -> pd.DataFrame:
    """The table of the stage ``raters`` for people: intervals and p values beside their values.

    Parameters
    ----------
    raters
        Table of the stage ``raters``.
    """
    table = raters[["dimension", "rater", "recordings", "share"]].copy()
    for name in ("lag", "gain", "bias", "noise"):
        columns = zip(raters[name], raters[f"{name}_low"], raters[f"{name}_high"], strict=True)
        table[name] = [_with_interval(*values) for values in columns]
    names = ["correlation", "agreement", "ccc", "weight", "weight_zero", "flat", "still"]
    table[[*names, "inverted", "outliers"]] = raters[[*names, "inverted", "outliers"]]
    for name in ("bias_drift", "gain_drift"):
        pairs = zip(raters[name], raters[f"{name}_p"], strict=True)
        table[name] = ["–" if pd.isna(v) else f"{_signed(v)} (p {p:.2g})" for v, p in pairs]
    return table.assign(done=raters["done"])


def sentences(raters: pd.DataFrame) -> list[str]:
    """What is unusual about the raters, and what was done.

    Parameters
    ----------
    raters
        Table of the stage ``raters``.

    Returns
    -------
    One line per dimension, kind and treatment.
    """
    lines = []
    for dimension, own in raters.groupby("dimension", sort=False):
        odd = own[own["verdict"] != CLEAN]
        if odd.empty:
            lines.append(f"{dimension}: {_all(len(own))} the others.")
        for (verdict, done), some in odd.groupby(["verdict", _treatment(odd)], sort=False):
            what = "cannot be judged" if verdict == "unknown" else f"{_be(some)} {verdict}"
            lines.append(f"{dimension}: {_count(some, own)} {what}, and {done}: {_names(some)}.")
        silent = own[(own["weight_zero"] > 0) & (own["verdict"] == CLEAN)]
        if len(silent):
            traces = int(silent["weight_zero"].sum())
            lines.append(
                f"{dimension}: {traces} of {int(own['recordings'].sum())} traces, of raters who "
                f"agree over the corpus, {'has' if traces == 1 else 'have'} weight 0 in their "
                f"recording: {_names(silent)}."
            )
        if own["outliers"].any():
            odd_traces = int(own["outliers"].sum())
            lines.append(
                f"{dimension}: {odd_traces} of {int(own['recordings'].sum())} traces "
                f"{'is' if odd_traces == 1 else 'are'} unlike the other traces of their rater: "
                f"{_outliers(own)}."
            )
        lines += [f"{dimension}: {line}" for line in _drifts(own)]
    return lines


def _drifts(own: pd.DataFrame) -> list[str]:
    """Raters whose bias or gain changes over the recordings, after Bonferroni's correction."""
    tests = int(own[["bias_drift_p", "gain_drift_p"]].notna().sum().sum())
    return [
        f"the {name} of rater {row['rater']!r} changes by {_signed(row[f'{name}_drift'])} from the "
        f"first to the last recording (p = {row[f'{name}_drift_p'] * tests:.2g} for {tests} tests)."
        for row in own.to_dict("records")
        for name in ("bias", "gain")
        if row[f"{name}_drift_p"] * tests < LEVEL
    ]


def _treatment(odd: pd.DataFrame) -> pd.Series:
    out = odd["done"].str.startswith("excluded")
    return out.map({True: "left out of E and σ", False: "kept"})


def _all(raters: int) -> str:
    return f"all {raters} raters agree with"


def _be(some: pd.DataFrame) -> str:
    return "is" if len(some) == 1 else "are"


def _count(some: pd.DataFrame, own: pd.DataFrame) -> str:
    return f"{len(some)} of {len(own)} raters"


def _names(some: pd.DataFrame) -> str:
    return _listed([repr(name) for name in some["rater"]])


def _outliers(own: pd.DataFrame) -> str:
    odd = own[own["outliers"] > 0]
    pairs = zip(odd["rater"], odd["outlier_recordings"], strict=True)
    return _listed([f"{rater!r} in {recordings}" for rater, recordings in pairs])


def _listed(words: Sequence[str]) -> str:
    more = len(words) - MOST_NAMES
    return ", ".join(words[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _signed(value: float) -> str:
    return with_minus(f"{value:+.2f}")


def _with_interval(value: float, low: float, high: float) -> str:
    if pd.isna(value):
        return "–"
    bounds = "" if pd.isna(low) else f" [{low:.2f}, {high:.2f}]"
    return with_minus(f"{value:.2f}{bounds}")
