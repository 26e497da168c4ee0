"""Claims: comparisons with their answers, and what a test partition of another size would find."""

import pandas as pd

from softaer.page.score_table import shown_bounds, with_minus

PAIR = ["hypothesis", "dimension", "target", "better", "worse"]
"""Columns that identify a comparison."""


KEYS = [*PAIR[:3], "comparisons", *PAIR[3:]]
"""Columns that say what is compared, in the order in which they are shown."""


def claims_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Comparisons as a reader wants them.

    Parameters
    ----------
    compared
        Hypotheses or claims, tables of the stage ``evaluate``.

    Returns
    -------
    The columns that say what is compared, its ``answer``, ``difference`` in CCC with its
    ``bounds``, ``p`` and the ``p (Holm)`` adjusted for the comparisons of the same hypothesis, and
    ``effect size``.
    """
    bounds = [shown_bounds(*row) for row in compared[["low", "high", "kind"]].to_numpy()]
    sizes = compared[["effect_size", "effect_low", "effect_high"]].to_numpy(dtype=float)
    keys = [name for name in KEYS if name in compared]
    return compared[[*keys, "answer", "difference"]].assign(
        bounds=bounds,
        p=compared["p_value"],
        **{"p (Holm)": compared["p_holm"]},
        **{"effect size": [_effect(*row) for row in sizes]},
    )


def _effect(size: float, low: float, high: float) -> str | None:
    if pd.isna(size):
        return None
    return f"{with_minus(f'{size:.2f}')} {shown_bounds(low, high, 'interval')}"


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
