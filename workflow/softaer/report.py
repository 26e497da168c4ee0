"""Report: the scores, the data set and the curves on one self-contained page.

It renders what other stages have computed, and computes nothing but the mean over seeds.
"""

import importlib.metadata
import json
import platform
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup

from softaer import __version__, cli, figures, tables
from softaer.corpus import rated, read_recordings
from softaer.errors import InputError
from softaer.score import prediction_path
from softaer.targets import read_targets
from softaer.tasks import FUSED, OBJECTIVES, TARGETS, TASKS

PACKAGES = (
    "softaer",
    "snakemake",
    "av",
    "opensmile",
    "mediapipe",
    "numpy",
    "pandas",
    "pyarrow",
    "torch",
)
"""Packages whose versions are named, where they are installed."""


def score_table(scores: pd.DataFrame) -> list[dict]:
    """The paper's table: one row per modality and task, one cell per dimension, target, partition.

    Parameters
    ----------
    scores
        Long table of the stage ``score``.

    Returns
    -------
    Rows with ``modality``, ``task`` and ``cells``: for each (dimension, target, partition) in
    order, the mean CCC over seeds, or ``None``. The best cell of a column is marked by ``best``.
    """
    keys = ["dimension", "target", "partition", "modality", "task"]
    mean = scores.groupby(keys)["ccc"].mean().sort_index()
    columns = score_columns(scores)
    rows = []
    for modality, task in scores[["modality", "task"]].drop_duplicates().itertuples(index=False):
        cells = []
        for column in columns:
            value = mean.get((*column, modality, task))
            value = None if value is None or np.isnan(value) else value
            best = value is not None and value == mean[column].max()
            cells.append({"ccc": value, "best": best})
        rows.append({"modality": modality, "task": task, "cells": cells})
    order = list(dict.fromkeys(scores["modality"]))
    return sorted(rows, key=lambda row: (order.index(row["modality"]), row["task"] != "single"))


def score_columns(scores: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Dimension, target and partition of the score table's columns."""
    return [
        tuple(column)
        for column in scores[["dimension", "target", "partition"]]
        .drop_duplicates()
        .itertuples(index=False)
    ]


def trace_panels(options, modalities: list[str], task: str) -> tuple[str, list]:
    """Labels and predictions of one recording, for each dimension and target.

    The recording is the first of the test partition (of dev, without one) in the corpus table, so
    that nobody has chosen it.
    """
    recordings = rated(read_recordings(options.recordings))
    shown = next(
        (r for partition in ("test", "dev") for r in recordings if r.partition == partition), None
    )
    if shown is None:
        raise InputError(f"{options.recordings}: no rated recording in partitions test and dev")
    panels = []
    for dimension in options.dimensions:
        targets = read_targets(options.dataset, [shown], dimension)
        for target in TARGETS:
            series = {"label": targets}
            for modality in modalities:
                path = prediction_path(
                    options.predict,
                    options.fuse,
                    dimension,
                    modality,
                    task,
                    target,
                    options.seeds[0],
                )
                predictions = tables.read(path)
                series[modality] = predictions[predictions["recording"] == shown.recording]
            panels.append((dimension, target, series))
    return shown.recording, panels


def read_curves(options) -> pd.DataFrame:
    """Learning curves of all networks."""
    objectives = [o for o in OBJECTIVES if any(o in TASKS[t].values() for t in options.tasks)]
    parts = []
    for dimension in options.dimensions:
        for modality in options.modalities:
            for objective in objectives:
                for seed in options.seeds:
                    folder = options.train / dimension / modality / objective / f"seed{seed}"
                    curve = tables.read(folder / "learning_curve.parquet")
                    parts.append(
                        curve.assign(
                            dimension=dimension, modality=modality, objective=objective, seed=seed
                        )
                    )
    return pd.concat(parts, ignore_index=True)


def read_coefficients(options) -> pd.DataFrame:
    """Coefficients of all fusions; empty with a single modality."""
    parts = [
        tables.read(options.fuse / dimension / task / f"seed{seed}.coefficients.parquet").assign(
            dimension=dimension, task=task, seed=seed
        )
        for dimension in options.dimensions
        for task in options.tasks
        for seed in options.seeds
    ]
    wide = pd.concat(parts).pivot_table(
        index=["dimension", "target", "task", "seed"],
        columns="term",
        values="coefficient",
        sort=False,
    )
    return wide.reset_index()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that made the results."""
    found = {"python": platform.python_version(), "softaer": __version__}
    for package in PACKAGES[1:]:
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
    arguments.add_argument("--template", type=Path, required=True)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--scores", type=Path, required=True)
    arguments.add_argument("--summary", type=Path, required=True)
    arguments.add_argument("--check", type=Path, help="labels against planted truth")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--train", type=Path, required=True, help="folder of networks")
    arguments.add_argument("--predict", type=Path, required=True, help="folder of predictions")
    arguments.add_argument("--fuse", type=Path, required=True, help="folder of fused predictions")
    arguments.add_argument("--dimensions", nargs="+", required=True)
    arguments.add_argument("--modalities", nargs="+", required=True)
    arguments.add_argument("--tasks", nargs="+", choices=TASKS, required=True)
    arguments.add_argument("--seeds", nargs="+", type=int, required=True)
    arguments.add_argument("--config", type=json.loads, required=True, help="as JSON")
    cli.add_output(arguments)
    options = arguments.parse_args()

    scores = tables.read(options.scores)
    shown_modalities = list(dict.fromkeys(scores["modality"]))
    shown_task = options.tasks[-1]
    recording, panels = trace_panels(options, shown_modalities, shown_task)
    curves = figures.learning_curves(read_curves(options), options.dimensions)
    fused = any(FUSED in modality for modality in shown_modalities)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(options.template.read_text(encoding="utf-8")).render(
        simulated=options.check is not None,
        columns=score_columns(scores),
        scores=score_table(scores),
        seeds=options.seeds,
        counts=scores.groupby("partition", sort=False)[["recordings", "frames"]]
        .max()
        .to_dict("index"),
        summary=as_rows(tables.read(options.summary)),
        check=None if options.check is None else as_rows(tables.read(options.check)),
        coefficients=as_rows(read_coefficients(options)) if fused else None,
        traces=Markup(figures.traces(panels)),
        trace_recording=recording,
        trace_task=shown_task,
        trace_seed=options.seeds[0],
        curves=Markup(curves),
        config=yaml.safe_dump(options.config, sort_keys=False, allow_unicode=True),
        versions=versions(),
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
