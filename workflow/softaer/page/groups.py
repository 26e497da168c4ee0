"""Groups of recordings on the report's page."""

from typing import Any

import pandas as pd

from softaer.page.score_table import shown_bounds


def group_blocks(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Scores of groups, for the template.

    Parameters
    ----------
    table
        Table of the stage ``group_scores``.

    Returns
    -------
    One entry for each column that forms groups: ``column``, ``few`` (names of its groups with too
    few units for an interval), and ``rows``: those of the table, with ``bounds`` in words and
    ``coverage`` by modality; ``None`` where a value is missing.
    """
    names = [name for name in table if name.startswith("coverage_")]
    blocks = []
    for column, some in table.groupby("column", sort=False):
        rows = some.astype(object).where(some.notna(), None).to_dict("records")
        for row in rows:
            row["bounds"] = shown_bounds(row["low"], row["high"], row["kind"])
            row["coverage"] = {n.removeprefix("coverage_"): row.pop(n) for n in names}
        few = list(dict.fromkeys(row["value"] for row in rows if row["few"]))
        blocks.append({"column": column, "few": few, "rows": rows})
    return blocks
