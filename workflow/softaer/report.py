"""Report: the scores, what they are worth, the data set and the curves on one self-contained page.

It renders what other stages have computed, and computes nothing but the mean over seeds.
"""

import importlib.metadata
import itertools
import json
import platform
from argparse import BooleanOptionalAction
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import plotly.offline
import yaml
from markupsafe import Markup

from softaer import __version__, cli, figures, tables
from softaer.ceiling import HUMAN
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored
from softaer.errors import InputError
from softaer.explorer import Experiment, explorer, in_order
from softaer.files import complete
from softaer.rater_lags import aligned_ratings
from softaer.report_template import SCRIPT, TEMPLATE
from softaer.score import prediction_path
from softaer.targets import read_targets
from softaer.tasks import JOIN, all_networks_of

PACKAGES = (
    "snakemake",
    "av",
    "opensmile",
    "mediapipe",
    "numpy",
    "pandas",
    "pyarrow",
    "torch",
    "plotly",
)
"""Packages whose versions are named, where they are installed."""


def score_table(
    scores: pd.DataFrame, intervals: pd.DataFrame, ceiling: pd.DataFrame
) -> dict[str, list]:
    """The paper's table, with the scores out of fold and the intervals that the paper lacks.

    Parameters
    ----------
    scores, intervals, ceiling
        Tables of the stages ``score``, ``evaluate`` and ``ceiling``.

    Returns
    -------
    columns
        (dimension, target) of each block of cells: dev in-sample, dev out of fold, test.
    rows
        ``name``, ``task`` and ``blocks``; a block has ``dimension``, ``dev``, ``out_of_fold``,
        ``test``, ``low``, ``high`` (``None`` where there is none) and ``best``: highest on test
        among the models.
    """
    keys = ["dimension", "target", "modality", "task", "partition"]
    mean = scores.groupby(keys)[["ccc", "ccc_out_of_fold"]].mean()
    bounds = intervals.set_index(keys)[["low", "high"]]
    columns = list(scores[["dimension", "target"]].drop_duplicates().itertuples(index=False))
    columns = [tuple(column) for column in columns]
    highest = scores[scores["partition"] == "test"].groupby(keys)["ccc"].mean()
    highest = highest.groupby(["dimension", "target"]).max()

    def get(table: pd.DataFrame, key: tuple, column: str) -> float | None:
        if key not in table.index or pd.isna(table.loc[key, column]):
            return None
        return float(table.loc[key, column])

    rows = []
    models = list(scores[["modality", "task"]].drop_duplicates().itertuples(index=False))
    for modality, task in models:
        blocks = []
        for column in columns:
            dev, test = (*column, modality, task, "dev"), (*column, modality, task, "test")
            value = get(mean, test, "ccc")
            blocks.append(
                {
                    "dimension": column[0],
                    "dev": get(mean, dev, "ccc"),
                    "out_of_fold": get(mean, dev, "ccc_out_of_fold"),
                    "test": value,
                    "low": get(bounds, test, "low"),
                    "high": get(bounds, test, "high"),
                    "best": value is not None and value == highest[column],
                }
            )
        rows.append({"name": modality, "task": task, "blocks": blocks})
    known = ceiling.set_index(["dimension", "target", "reference", "partition"])[["ccc"]]
    for reference in ceiling["reference"].unique():
        blocks = [
            {
                "dimension": column[0],
                "dev": get(known, (*column, reference, "dev"), "ccc"),
                "test": get(known, (*column, reference, "test"), "ccc"),
            }
            for column in columns
        ]
        rows.append({"name": reference, "task": "", "blocks": blocks})
    return {"columns": columns, "rows": rows}


def trace_panels(
    options, recordings: Sequence[Recording], modalities: list[str], task: str
) -> tuple[str, list[tuple[str, str, Mapping[str, pd.DataFrame]]]]:
    """Labels and predictions of one recording, for each dimension and target.

    The recording is the first of the test partition (of dev, without one) in the corpus table, so
    that nobody has chosen it.
    """
    shown = next(
        (r for partition in ("test", "dev") for r in recordings if r.partition == partition), None
    )
    if shown is None:
        raise InputError(f"{options.recordings}: no rated recording in partitions test and dev")
    panels = []
    for dimension in options.dimensions:
        targets = read_targets(options.dataset, [shown], dimension)
        predictions = {
            modality: tables.read(
                prediction_path(
                    options.results / "postprocess",
                    options.results / "fuse",
                    dimension,
                    modality,
                    task,
                    options.seeds[0],
                )
            )
            for modality in modalities
        }
        for target in options.targets:
            series = {"label": targets}
            for modality, table in predictions.items():
                series[modality] = table[table["recording"] == shown.recording]
            panels.append((dimension, target, series))
    return shown.recording, panels


def headline(scores: pd.DataFrame, ceiling: pd.DataFrame) -> list[dict[str, object]]:
    """For each dimension and target the model that is best on dev, and what it reaches on test.

    Chosen by the CCC on dev out of fold, mean over seeds, so that test does not choose.

    Returns
    -------
    ``dimension``, ``target``, ``modality``, ``task``, ``ccc`` on test (``None`` without a test
    partition), ``human`` (what one rater reaches, ``None`` where it is not known).
    """
    keys = ["dimension", "target", "modality", "task"]
    mean = scores.groupby([*keys, "partition"], sort=False)[["ccc", "ccc_out_of_fold"]].mean()
    human = ceiling[(ceiling["reference"] == HUMAN) & (ceiling["partition"] == "test")]
    human = human.set_index(["dimension", "target"])["ccc"].dropna()
    found = []
    for (dimension, target), rows in mean.groupby(["dimension", "target"], sort=False):
        on_dev = rows.xs("dev", level="partition") if "dev" in rows.index.levels[4] else rows[:0]
        # What was fitted on dev would win there: in-sample scores count if there are no others.
        order = on_dev["ccc_out_of_fold"].dropna()
        order = on_dev["ccc"].dropna() if order.empty else order
        if order.empty:
            continue
        best = order.idxmax()
        value = rows["ccc"].get((*best, "test"))
        found.append(
            {
                "dimension": dimension,
                "target": target,
                "modality": best[2],
                "task": best[3],
                "ccc": None if value is None or pd.isna(value) else float(value),
                "human": human.get((dimension, target)),
            }
        )
    return found


def explorer_data(options, recordings: Sequence[Recording]) -> dict:
    """What the interactive traces are drawn from."""
    shown = in_order(recordings)
    ratings = aligned_ratings(options.ratings, shown, options.rater_lags)
    experiment = Experiment(
        results=options.results,
        dataset=options.dataset,
        dimensions=options.dimensions,
        targets=options.targets,
        modalities=options.modalities,
        tasks=options.tasks,
        seed=options.seeds[0],
        delays=cli.delays(options),
    )
    return explorer(experiment, shown, ratings)


def in_page(content: dict) -> Markup:
    """JSON that nothing in it can end the element of, in which it stands."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def absences(recordings: Sequence[Recording], paths: Sequence[Path]) -> pd.DataFrame:
    """Recordings without any features of a modality.

    Parameters
    ----------
    recordings
        Rated recordings.
    paths
        The coverage of each modality, a table named after it.

    Returns
    -------
    ``recording``, ``partition``, ``without``, ``frames`` (labelled ones), ``scored`` (whether
    another modality has features), ``reason``; in the order of the recordings.
    """
    kept = {r.recording for r in scored(recordings, paths)}
    tables_of = {path.stem: tables.read(path).set_index("recording") for path in paths}
    rows = []
    for recording, (modality, table) in itertools.product(recordings, tables_of.items()):
        name = recording.recording
        if name in table.index and table.loc[name, "present"] == 0:
            rows.append(
                {
                    "recording": name,
                    "partition": recording.partition,
                    "without": modality,
                    "frames": int(table.loc[name, "frames"]),
                    "scored": name in kept,
                    "reason": table.loc[name, "reason"],
                }
            )
    columns = ["recording", "partition", "without", "frames", "scored", "reason"]
    return pd.DataFrame(rows, columns=columns)


def read_selections(options, modalities: list[str]) -> pd.DataFrame:
    """Scores on dev of all instances of the grid, and which were chosen."""
    pairs = all_networks_of(options.tasks, options.dimensions, options.targets)
    parts = [
        tables.read(options.results / "select" / scope / modality / f"{objective}.parquet").assign(
            scope=scope, modality=modality, objective=objective
        )
        for (scope, objective), modality in itertools.product(pairs, modalities)
    ]
    first = ["scope", "modality", "objective"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *(name for name in table.columns if name not in first)]]


def read_curves(options, selections: pd.DataFrame) -> pd.DataFrame:
    """Learning curves of the networks that were chosen."""
    parts = []
    for row, seed in itertools.product(
        selections[selections["chosen"]].itertuples(index=False), options.seeds
    ):
        folder = options.results / "train" / row.scope / row.modality / row.objective
        curve = tables.read(folder / row.instance / f"seed{seed}" / "learning_curve.parquet")
        columns = {"scope": row.scope, "modality": row.modality, "objective": row.objective}
        parts.append(curve.assign(**columns, seed=seed))
    return pd.concat(parts, ignore_index=True)


def read_models(options, folder: str, suffix: str, modalities: list[str]) -> pd.DataFrame:
    """Tables that stages keep beside their predictions, one under the other."""
    parts = []
    for dimension, modality, task, seed in itertools.product(
        options.dimensions, modalities, options.tasks, options.seeds
    ):
        path = prediction_path(
            options.results / folder, options.results / folder, dimension, modality, task, seed
        )
        keys = {"dimension": dimension, "modality": modality, "task": task, "seed": seed}
        table = tables.read(path.with_suffix(f".{suffix}.parquet"))
        parts.append(pd.DataFrame(keys, index=table.index).join(table))
    return pd.concat(parts, ignore_index=True)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that made the results."""
    found = {"python": platform.python_version(), "softaer": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def as_rows(frame: pd.DataFrame) -> dict[str, list]:
    """A table as ``header`` and ``rows`` for the template, NaN as ``None``."""
    return {
        "header": list(frame.columns),
        "rows": frame.astype(object).where(frame.notna(), None).to_numpy().tolist(),
    }


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--template", type=Path, default=TEMPLATE)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    cli.add_experiment(arguments)
    cli.add_coverage(arguments)
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_delays(arguments)
    arguments.add_argument("--rater-lags", type=Path, help="lags to take out of the traces")
    arguments.add_argument("--simulated", action=BooleanOptionalAction, default=False)
    arguments.add_argument("--config", type=json.loads, required=True, help="as JSON")
    cli.add_output(arguments)
    options = arguments.parse_args()

    def table(name: str) -> pd.DataFrame:
        return tables.read(options.results / f"{name}.parquet")

    scores = table("ccc")
    recordings = rated(read_recordings(options.recordings))
    in_scores = scored(recordings, options.coverage)
    traces = explorer_data(options, in_scores)
    single = [modality for modality in options.modalities if JOIN not in modality]
    fused = [modality for modality in options.modalities if JOIN in modality]
    task = options.tasks[-1]
    recording, panels = trace_panels(options, in_scores, options.modalities, task)
    selections = read_selections(options, single)
    uncertainty = table("uncertainty")
    estimated = {}
    if options.config["delay"] == "estimated":
        delays = table("annotation_delay")
        estimated["Delay of the annotations"] = as_rows(
            delays[delays["chosen"]].drop(columns="chosen")
        )
    if options.config["labels"]["alignment"] == "estimated":
        estimated["Lags of the raters"] = as_rows(table("rater_lags"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(options.template.read_text(encoding="utf-8")).render(
        simulated=options.simulated,
        headline=headline(scores, table("ceiling")),
        claims=table("hypotheses")["answer"].value_counts().to_dict(),
        scores=score_table(scores, table("intervals"), table("ceiling")),
        seeds=options.seeds,
        tasks=options.tasks,
        modalities=single,
        modalities_shown=options.modalities,
        counts=scores.groupby("partition", sort=False)[["recordings", "frames"]]
        .max()
        .to_dict("index"),
        resample=options.config["evaluation"]["resample"],
        draws=options.config["evaluation"]["draws"],
        hypotheses=as_rows(table("hypotheses")),
        uncertainty=Markup(figures.uncertainty(uncertainty)) if len(uncertainty) else None,
        interval_coverage=as_rows(coverage_table(uncertainty)),
        summary=as_rows(table("summary")),
        absences=as_rows(absences(recordings, options.coverage)),
        check=as_rows(table("simulate_check")) if options.simulated else None,
        selections=as_rows(selections),
        steps=as_rows(read_models(options, "postprocess", "steps", single)),
        coefficients=as_rows(read_models(options, "fuse", "coefficients", fused))
        if fused
        else None,
        estimated=estimated,
        figure=Markup(figures.traces(panels)),
        trace_recording=recording,
        trace_task=task,
        trace_seed=options.seeds[0],
        explorer=in_page(traces),
        explorer_every=traces["every"],
        explorer_script=Markup(SCRIPT.read_text(encoding="utf-8")),
        plotly=Markup(plotly.offline.get_plotlyjs()),
        curves=Markup(figures.learning_curves(read_curves(options, selections))),
        config=yaml.safe_dump(options.config, sort_keys=False, allow_unicode=True),
        versions=versions(),
    )
    with complete(options.output) as partial:
        partial.write_text(page, encoding="utf-8")


def coverage_table(uncertainty: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the ratings, one column per nominal share."""
    rows = uncertainty[uncertainty["figure"] == "coverage"]
    rows = rows.assign(nominal=(100 * rows["x"]).round().astype(int).astype(str) + " %")
    wide = rows.pivot_table(
        index=["dimension", "task", "series"], columns="nominal", values="y", sort=False
    )
    return wide.reset_index().replace({np.nan: None})


if __name__ == "__main__":
    cli.run(main)
