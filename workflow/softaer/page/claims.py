"""Claims: comparisons with their answers, and what a test partition of another size would find."""

import pandas as pd

from softaer.core.inference import UNDECIDED
from softaer.page.score_table import shown_bounds

PAIR = ["hypothesis", "dimension", "target", "better", "worse"]
"""Columns that identify a comparison."""


def claims_table(hypotheses: pd.DataFrame) -> pd.DataFrame:
    """Comparisons as a reader wants them.

    Parameters
    ----------
    hypotheses
        Table of the stage ``evaluate``.

    Returns
    -------
    The columns of a comparison, its ``answer``, ``difference`` in CCC with its ``bounds``, ``p``
    and the ``p (Holm)`` adjusted for the comparisons of the same hypothesis, and ``effect size``.
    """
    bounds = [shown_bounds(*row) for row in hypotheses[["low", "high", "kind"]].to_numpy()]
    sizes = hypotheses[["effect_size", "effect_low", "effect_high"]].to_numpy(dtype=float)
    return hypotheses[[*PAIR, "answer", "difference"]].assign(
        bounds=bounds,
        p=hypotheses["p_value"],
        **{"p (Holm)": hypotheses["p_holm"]},
        **{"effect size": [_effect(*row) for row in sizes]},
    )


def _effect(size: float, low: float, high: float) -> str | None:
    return None if pd.isna(size) else f"{size:.2f} {shown_bounds(low, high, 'interval')}"


def tally(hypotheses: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Number of each answer for each hypothesis: ``yes``, ``no`` and ``undecided``."""
    kind = hypotheses["answer"].where(~hypotheses["answer"].str.startswith(UNDECIDED), UNDECIDED)
    counts = kind.groupby(hypotheses["hypothesis"], sort=False).value_counts()
    return {
        claim: {each: int(counts.get((claim, each), 0)) for each in ("yes", "no", UNDECIDED)}
        for claim in hypotheses["hypothesis"].unique()
    }


def power_table(power: pd.DataFrame) -> pd.DataFrame:
    """Power by planned number of units, one row per comparison and level.

    Parameters
    ----------
    power
        Table of the stage ``evaluate``.

    Returns
    -------
    The columns of a comparison, ``comparisons``, ``gain``, and one column per number of units:
    the share in which the gain is found, and in parentheses the smallest gain found in 80 %.
    """
    cells = [
        f"{100 * share:.0f} % ({'–' if pd.isna(least) else f'{least:.2f}'})"
        for share, least in power[["power", "smallest_gain"]].to_numpy()
    ]
    keys = [*PAIR, "comparisons", "gain"]
    wide = power[[*keys, "units"]].assign(cell=cells)
    wide = wide.set_index([*keys, "units"])["cell"].unstack("units", sort=False)
    return wide[sorted(wide)].rename(columns=str).reset_index()


def largest_gains(power: pd.DataFrame, units: int) -> list[dict[str, object]]:
    """For each hypothesis, how often its largest difference would be found again.

    Parameters
    ----------
    power
        Table of the stage ``evaluate``.
    units
        Number of units of this run.

    Returns
    -------
    ``hypothesis``, and of its comparison with the largest difference ``dimension``, ``target``,
    ``better`` and ``gain``; ``power`` and ``smallest_gain`` (``None`` if there is none) as the only
    comparison; ``comparisons`` of the hypothesis, and ``power_among`` them.
    """
    found = []
    for claim, rows in power[power["units"] == units].groupby("hypothesis", sort=False):
        alone = rows.loc[rows.loc[rows["comparisons"] == 1, "gain"].idxmax()]
        same = rows[(rows[PAIR] == alone[PAIR]).all(axis=1)]
        among = same.loc[same["comparisons"].idxmax()]
        least = alone["smallest_gain"]
        found.append(
            {
                "hypothesis": claim,
                **alone[["dimension", "target", "better", "gain", "power"]].to_dict(),
                "smallest_gain": None if pd.isna(least) else least,
                "comparisons": among["comparisons"],
                "power_among": among["power"],
            }
        )
    return found
