"""Page of recordings without ratings: E and sigma over time, and what they rest on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.offline
from markupsafe import Markup

from softaer.core.grid import RATE, gaps, index
from softaer.core.home import PREDICTIONS, SCRIPT
from softaer.core.tasks import DISTANCE, FACE, FAR, SPEECH, TARGETS, output_name
from softaer.modalities import colours
from softaer.page import explorer
from softaer.page.explorer import thinning
from softaer.page.template import in_page, render

TASK = "predicted"
"""Stands for the task in the traces, of which there is one."""


def predicted_page(
    tables: Mapping[str, pd.DataFrame], series: str, failed: Sequence[str] = ()
) -> str:
    """The page.

    Parameters
    ----------
    tables
        By recording, its predictions: ``time`` [s], and the columns of
        :attr:`softaer.predictor.Predictor.columns`. A recording of which nothing is predicted has
        no rows.
    series
        Fusion or modality that is predicted from.
    failed
        Why others have no predictions; each names a file.

    Returns
    -------
    HTML that needs nothing else, with traces as in the report.
    """
    columns = list(next(iter(tables.values())).columns) if tables else []
    modalities = _before(columns, DISTANCE)
    rows = [_row(name, table, modalities) for name, table in tables.items()]
    shown = {name: table for name, table in tables.items() if len(table)}
    notes = {row["recording"]: _notes(row) for row in rows}
    content = traces(shown, series, notes) if shown else None
    return render(
        PREDICTIONS,
        rows=rows,
        dimensions=_dimensions(columns),
        targets=_targets(columns),
        modalities=modalities,
        evidence=_evidence(columns),
        series=series,
        far=FAR,
        unlike=[row for row in rows if row["unlike"]],
        failed=list(failed),
        colours=colours(modalities),
        explorer=in_page(content) if content else None,
        every=content["every"] if content else 1,
        explorer_script=Markup(SCRIPT.read_text(encoding="utf-8")),
        plotly=Markup(plotly.offline.get_plotlyjs()),
    )


def traces(
    tables: Mapping[str, pd.DataFrame], series: str, notes: Mapping[str, Sequence[str]]
) -> dict:
    """Data for the page's script, in the form of :func:`softaer.page.explorer.explorer`.

    There are neither labels nor raters; ``notes`` say what is odd about a recording.
    """
    columns = list(next(iter(tables.values())).columns)
    dimensions, targets = _dimensions(columns), _targets(columns)
    modalities = _before(columns, DISTANCE)
    values = sum(len(table) for table in tables.values()) * len(dimensions) * len(targets)
    every = thinning(values)

    def one(table: pd.DataFrame, dimension: str, target: str) -> dict:
        column = table[output_name(dimension, target)].to_numpy()
        trace = explorer.series(_frames(table), column, _length(table), every)
        return {"label": None, "predictions": {TASK: {series: trace}}}

    return {
        "every": every,
        "rate": RATE / every,
        "dimensions": dimensions,
        "targets": targets,
        "tasks": [TASK],
        "modalities": [series],
        "recordings": [
            {
                "name": name,
                "partition": None,
                "frames": _length(table),
                "gaps": {m: _gaps(table, m).tolist() for m in modalities},
                "pictures": [],
                "notes": notes[name],
                "dimensions": {
                    dimension: {"raters": {}}
                    | {target: one(table, dimension, target) for target in targets}
                    for dimension in dimensions
                },
            }
            for name, table in tables.items()
        ],
    }


def _frames(table: pd.DataFrame) -> np.ndarray:
    return index(table["time"].to_numpy())


def _length(table: pd.DataFrame) -> int:
    return int(_frames(table).max()) + 1


def _gaps(table: pd.DataFrame, modality: str) -> np.ndarray:
    present = table[output_name(modality, DISTANCE)].notna().to_numpy()
    return gaps(table["time"].to_numpy(), present)


def _row(name: str, table: pd.DataFrame, modalities: Sequence[str]) -> dict:
    """What the table of the page says of a recording."""
    columns = list(table.columns)
    means = {
        (dimension, target): _mean(table[output_name(dimension, target)])
        for dimension in _dimensions(columns)
        for target in _targets(columns)
    }
    rests = {}
    for modality in modalities:
        distance = table[output_name(modality, DISTANCE)]
        share = float(distance.notna().mean()) if len(table) else 0.0
        rests[modality] = (share, _median(distance))
    return {
        "recording": name,
        "seconds": len(table) / RATE,
        "means": means,
        "evidence": {kind: _mean(table[kind]) for kind in _evidence(columns)},
        "rests": rests,
        "unlike": [m for m, (_, middle) in rests.items() if middle is not None and middle > FAR],
    }


def _notes(row: dict) -> list[str]:
    return [
        f"Its {modality} is {row['rests'][modality][1]:.1f} times as far from train as train is."
        for modality in row["unlike"]
    ]


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None


def _median(values: pd.Series) -> float | None:
    return float(values.median()) if values.notna().any() else None


def _before(columns: Sequence[str], ending: str) -> list[str]:
    return [name.removesuffix(f"_{ending}") for name in columns if name.endswith(f"_{ending}")]


def _evidence(columns: Sequence[str]) -> list[str]:
    return [kind for kind in (SPEECH, FACE) if kind in columns]


def _targets(columns: Sequence[str]) -> list[str]:
    return [target for target in TARGETS if _before(columns, target)]


def _dimensions(columns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name for target in TARGETS for name in _before(columns, target)))
