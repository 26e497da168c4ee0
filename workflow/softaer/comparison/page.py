"""Results of a comparison as a page, a CSV and a LaTeX table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from softaer.comparison import drawing
from softaer.comparison.finished import Finished
from softaer.comparison.paired import (
    BEST,
    Compared,
    best_models,
    compare_runs,
    dev_differs,
    left_out,
    model_name,
    shared_dimensions,
    shared_targets,
    typical_and_apart,
)
from softaer.comparison.settings import changed, normalised
from softaer.core.files import complete
from softaer.core.home import COMPARISON
from softaer.core.inference import FEW_UNITS
from softaer.latex_table import SYMBOLS, bounds_of, cell_of, escaped, row_of
from softaer.page.score_table import shown_bounds
from softaer.page.template import as_rows, render
from softaer.running.recordings import is_simulated

FILES = {"page": "comparison.html", "csv": "comparison.csv", "latex": "comparison.tex"}
"""Names of the files, in the folder of the output."""


def latex(table: pd.DataFrame, names: Sequence[str]) -> str:
    """Scores of the best models as LaTeX, for a document with ``booktabs``.

    Parameters
    ----------
    table
        See :class:`softaer.comparison.paired.Compared`.
    names
        Of the experiments; the first is the reference.
    """
    best = table[table["model"] == BEST].set_index(["dimension", "target", "experiment"])
    columns = list(dict.fromkeys((d, t) for d, t, _ in best.index))
    kinds = {"interval": "brackets: 95 \\% intervals", "range": "parentheses: range of the units"}
    said = "; ".join(words for kind, words in kinds.items() if kind in set(best["kind"]))
    heads = [escaped(f"{dimension} ") + SYMBOLS[target] for dimension, target in columns]
    lines = [
        "% Needs \\usepackage{booktabs}. CCC on test, on shared frames; mean over seeds; "
        f"{said}.".replace("\\%", "%"),
        rf"\begin{{tabular}}{{l{'rr' * len(columns)}}}",
        r"\toprule",
        row_of(["", *(rf"\multicolumn{{2}}{{c}}{{{head}}}" for head in heads)]),
        " ".join(rf"\cmidrule(lr){{{2 + 2 * n}-{3 + 2 * n}}}" for n in range(len(columns))),
        row_of(["experiment", *["CCC", "difference"] * len(columns)]),
        r"\midrule",
    ]
    for name in names:
        cells = [escaped(name)]
        for column in columns:
            cells += (
                _cells(best.loc[(*column, name)]) if (*column, name) in best.index else ["--"] * 2
            )
        lines.append(row_of(cells))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _cells(row: pd.Series) -> list[str]:
    """Score and difference with their bounds."""
    cells = []
    for value, low, high in (
        ("ccc", "low", "high"),
        ("difference", "difference_low", "difference_high"),
    ):
        cell = cell_of(None if pd.isna(row[value]) else row[value])
        bounds = shown_bounds(row[low], row[high], row["kind"])
        cells.append(cell if bounds is None else rf"{cell} {{\scriptsize {bounds_of(bounds)}}}")
    return cells


def score_blocks(table: pd.DataFrame, names: Sequence[str], model: bool) -> list[dict[str, Any]]:
    """Rows of the page's tables, of each dimension and target.

    Parameters
    ----------
    table
        See :class:`softaer.comparison.paired.Compared`.
    names
        Of the experiments, in order.
    model
        Whether of all models by name, or of the best ones.

    Returns
    -------
    ``dimension``, ``target``, ``frames``, and ``rows``: a table's row each, with bounds in words.
    """
    some = table[(table["model"] != BEST) == model]
    blocks = []
    for (dimension, target), rows in some.groupby(["dimension", "target"], sort=False):
        found = [
            row
            | {
                "bounds": shown_bounds(row["low"], row["high"], row["kind"]),
                "difference_bounds": shown_bounds(
                    row["difference_low"], row["difference_high"], row["kind"]
                ),
            }
            for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
        ]
        order = {name: place for place, name in enumerate(names)}
        models = list(dict.fromkeys(row["model"] for row in found))
        found.sort(key=lambda row: (models.index(row["model"]), order[row["experiment"]]))
        head = {"dimension": dimension, "target": target, "frames": found[0]["frames"]}
        blocks.append(head | {"rows": found})
    return blocks


def each_recording(recordings: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """CCC of each recording in each experiment, where they differ most first."""
    apart = recordings[list(names)].max(axis=1) - recordings[list(names)].min(axis=1)
    ordered = recordings.assign(apart=apart).sort_values("apart", ascending=False, kind="stable")
    return ordered[["recording", "dimension", "target", *names, "apart"]]


def _traces(runs: Sequence[Finished], found: Compared, names: Sequence[str]) -> list[dict]:
    best = [best_models(run) for run in runs]
    shown = []
    for recording, why in typical_and_apart(found.recordings, names).items():
        panels = {
            (dimension, target): drawing.read_traces(runs, best, recording, dimension, target)
            for dimension in shared_dimensions(runs)
            for target in shared_targets(runs)
        }
        figure = Markup(drawing.svg(drawing.draw_traces(panels, names)))
        shown.append({"recording": recording, "why": why, "figure": figure})
    return shown


def write_comparison(runs: Sequence[Finished], output: Path) -> Mapping[str, Path]:
    """Compare experiments and write what was found.

    Parameters
    ----------
    runs
        At least two; the first is the reference.
    output
        Folder.

    Returns
    -------
    Path of each of :data:`FILES`.

    Raises
    ------
    InputError
        If they cannot be compared; nothing is written then.
    """
    names = [run.name for run in runs]
    settings = [normalised(run.config, run.results.parent) for run in runs]
    differing = changed(settings)
    found = compare_runs(runs, differing)
    dimensions, targets = shared_dimensions(runs), shared_targets(runs)
    curves = {run.name: drawing.read_dev_curves(run) for run in runs}
    evaluation = runs[0].evaluation
    page = render(
        COMPARISON,
        colours={},
        names=names,
        look=[drawing.look_of(place)["color"] for place in range(len(runs))],
        simulated=any(is_simulated(run.config) for run in runs),
        changed=differing,
        code=changed([run.code for run in runs]),
        left_out=left_out(runs),
        best=score_blocks(found.table, names, False),
        models=score_blocks(found.table, names, True),
        best_models=[
            {f"{d} {t}": model_name(system) for (d, t), system in best_models(run).items()}
            for run in runs
        ],
        frames=as_rows(found.frames),
        recordings=as_rows(each_recording(found.recordings, names)),
        kinds=sorted(set(found.table["kind"])),
        few=FEW_UNITS,
        resample=evaluation.resample,
        draws=evaluation.draws,
        curves=Markup(drawing.svg(drawing.draw_curves(curves, dimensions, targets))),
        tasks=[run.experiment.tasks[-1] for run in runs],
        other_dev=dev_differs(runs),
        traces=_traces(runs, found, names),
        files=FILES,
    )
    paths = {kind: Path(output) / name for kind, name in FILES.items()}
    Path(output).mkdir(parents=True, exist_ok=True)
    with complete(paths["csv"]) as partial:
        found.table.to_csv(partial, index=False, float_format="%.6f")
    with complete(paths["latex"]) as partial:
        partial.write_text(latex(found.table, names), encoding="utf-8")
    with complete(paths["page"]) as partial:
        partial.write_text(page, encoding="utf-8")
    return paths
