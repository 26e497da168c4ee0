"""Report: scores, their evaluation, the data set and learning curves on one self-contained page.

It renders the results of other stages and computes only the mean over seeds.
"""

import base64
import importlib.metadata
import itertools
import json
import platform
from argparse import BooleanOptionalAction
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import plotly.offline
import yaml
from markupsafe import Markup

from softaer import __version__
from softaer.core import cli, tables
from softaer.core.code_digest import code_digest
from softaer.core.experiment import Experiment, tried
from softaer.core.files import complete
from softaer.core.home import SCRIPT, TEMPLATE
from softaer.core.inference import FEW_UNITS
from softaer.core.late_fusion import HIGH_INFLATION
from softaer.core.places import DESCRIPTION, RIDGE, WEIGHTS, beside_prediction, within
from softaer.core.weights import count_weights
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored
from softaer.figures import element
from softaer.figures.learning_curves import read_selections
from softaer.labels import ALONE, JUMPS, LEFT_OUT
from softaer.modalities import Modality, colours, configured
from softaer.page import cautions, summary
from softaer.page.against_ridge import against_ridge
from softaer.page.claims import claims_table, largest_gains, power_table
from softaer.page.explorer import explorer, in_order
from softaer.page.groups import group_blocks
from softaer.page.headline import headline
from softaer.page.oddities import oddities
from softaer.page.published import SHIPPED, departures, read_published, side_by_side
from softaer.page.raters import raters_rows, sentences
from softaer.page.run_times import run_times
from softaer.page.score_table import other_scores, panels_of_test, score_table, with_minus
from softaer.page.sections import on_page
from softaer.page.settings import departures_from_defaults
from softaer.page.template import as_rows, in_page, render
from softaer.page.trouble import SHOWN, trouble_rows, typical_and_worst
from softaer.page.worth import (
    REFERENCES,
    of_bands,
    of_predictions,
    reliability_rows,
    unreliable,
    verdict,
)
from softaer.rater_lags import add_preparation, prepared

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
"""Packages whose versions are shown, if they are installed."""

STAGES = (
    "simulate.truth",
    "simulate.portraits",
    "simulate.raters",
    "simulate.media",
    "recording_lengths",
    "ratings",
    "rating_scales",
    "rater_screen",
    "rater_statistics",
    "rater_traces",
    "rater_lags",
    "rater_weights",
    "labels",
    "raters",
    "agreement",
    "ceiling",
    "annotation_delay",
    "standardisation",
    "panel_moments",
    "dataset",
    "coverage",
    "train",
    "select",
    "predict",
    "baselines",
    "postprocess",
    "fuse",
    "score",
    "recording_scores",
    "evaluate",
    "predictive",
    "uncertainty",
)
"""Stages whose code affects the scores or their evaluation, besides those of the modalities."""


OF_LABELS = {
    "raters of weight 0": (LEFT_OUT,),
    "only one rater who counts": (ALONE,),
    "jumps of E": (JUMPS,),
}
"""Kinds of unusual labels, by words of the notes on them."""


def all_stages(modalities: Iterable[Modality]) -> list[str]:
    """Stages whose code affects the scores of an experiment or their evaluation, in order."""
    place = STAGES.index("recording_lengths")
    own = [stage for modality in modalities for stage in modality.source.stages]
    return list(dict.fromkeys([*STAGES[:place], *own, *STAGES[place:]]))


def frame_pairs(table: pd.DataFrame) -> dict[str, list[list[dict]]]:
    """Pairs of frames of each dimension, for the template.

    Parameters
    ----------
    table
        Table of the stage ``frame_pairs``.

    Returns
    -------
    The pairs of each dimension, two frames each: the table's columns, with ``picture`` as a data
    URI or ``None``.
    """
    found: dict[str, list[list[dict]]] = {}
    for (dimension, _), rows in table.groupby(["dimension", "pair"], sort=False):
        frames = rows.to_dict("records")
        for frame in frames:
            data = frame["picture"]
            if data is not None:
                text = base64.b64encode(data).decode("ascii")
                frame["picture"] = f"data:image/jpeg;base64,{text}"
        found.setdefault(dimension, []).append(frames)
    return found


def absences(recordings: Sequence[Recording], paths: Sequence[Path]) -> pd.DataFrame:
    """Recordings without any features of a modality.

    Parameters
    ----------
    recordings
        Rated recordings.
    paths
        The coverage tables, named after their modalities.

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


def read_models(experiment: Experiment, results: Path, modalities: Sequence[str]) -> pd.DataFrame:
    """Fitted parameters of the final predictions of some modalities, stacked."""
    parts = []
    models = [(t, s) for t in experiment.all_tasks for s in experiment.seeds_of(t)]
    for dimension, modality, (task, seed) in itertools.product(
        experiment.dimensions, modalities, models
    ):
        path = beside_prediction(results, dimension, modality, task, seed, experiment.whole)
        keys = {"dimension": dimension, "modality": modality, "task": task, "seed": seed}
        table = tables.read(path)
        parts.append(pd.DataFrame(keys, index=table.index).join(table))
    return pd.concat(parts, ignore_index=True)


def collinear(coefficients: pd.DataFrame) -> pd.DataFrame:
    """The highest variance inflation of each term of networks, where it is high."""
    high = coefficients[coefficients["variance_inflation"] > HIGH_INFLATION]
    keys = ["dimension", "target", "task", "term"]
    if coefficients["modality"].nunique() > 1:
        keys.insert(2, "modality")
    return high.groupby(keys, sort=False)["variance_inflation"].max().reset_index()


def contributions_table(contributions: pd.DataFrame) -> pd.DataFrame:
    """What each modality adds, mean over seeds, on test or, without it, on dev."""
    partition = "test" if (contributions["partition"] == "test").any() else "dev"
    some = contributions[contributions["partition"] == partition]
    keys = ["dimension", "target", "task", "modality"]
    mean = some.groupby(keys, sort=False)[["alone", "fused", "without", "adds"]].mean()
    names = {"fused": "all together", "without": "all but it", "adds": "it adds"}
    return mean.rename(columns=names).reset_index()


def read_ridge(experiment: Experiment, results: Path) -> pd.DataFrame:
    """Contexts and penalties of the ridge regressions that were chosen."""
    parts = []
    for dimension, modality in itertools.product(experiment.dimensions, experiment.single):
        table = tables.read(within(results, RIDGE, dimension=dimension, modality=modality))
        chosen = table[table["chosen"]].drop(columns="chosen")
        parts.append(chosen.assign(dimension=dimension, modality=modality))
    table = pd.concat(parts, ignore_index=True)
    return table[["dimension", "modality", "target", "context", "penalty", "dev_ccc"]]


def with_weights(selections: pd.DataFrame, results: Path, seed: int) -> pd.DataFrame:
    """Instances of the grid with the size of their networks, which is the same for all seeds."""
    keys = ("scope", "modality", "objective", "instance")
    sizes = [
        count_weights(within(results, WEIGHTS, **{key: row[key] for key in keys}, seed=seed))
        for row in selections.to_dict("records")
    ]
    place = selections.columns.get_loc("instance") + 1
    return pd.concat(
        [selections.iloc[:, :place], pd.DataFrame({"weights": sizes}), selections.iloc[:, place:]],
        axis=1,
    )


def in_float32(selections: pd.DataFrame, results: Path, seeds: Sequence[int]) -> tuple[int, int]:
    """Number of networks that were trained in float32, and number of all."""
    keys = ("scope", "modality", "objective", "instance")
    found = [
        json.loads(
            within(results, DESCRIPTION, **{key: row[key] for key in keys}, seed=seed).read_text()
        )
        for row in selections.to_dict("records")
        for seed in seeds
    ]
    return sum(one["training"]["precision"] == "float32" for one in found), len(found)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that produced the results."""
    found = {"python": platform.python_version(), "softaer": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def verdicts(scores: pd.DataFrame) -> dict[str, dict]:
    """Whether the predicted distribution beats each of the others, by its name in words."""
    found = {words: verdict(scores, series) for series, words in REFERENCES.items()}
    return {words: one for words, one in found.items() if one is not None}


def shown_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of single ratings as the page shows them: intervals as text, fewer columns."""
    left_out = ["modality", "a", "b_squared", "out_of_fold", "ratings", "units", "panels"]
    table = scores.drop(columns=left_out)
    for name in ("crps", "nll", "r_deviation"):
        low, high = table.pop(f"{name}_low"), table.pop(f"{name}_high")
        bounds = [
            "–" if pd.isna(a) else with_minus(f"[{a:.3f}, {b:.3f}]")
            for a, b in zip(low, high, strict=True)
        ]
        before = f"{name}_difference" if f"{name}_difference" in table else name
        table.insert(table.columns.get_loc(before) + 1, f"{name} 95 %", bounds)
    return table


def noted(oddities: pd.DataFrame, words: str) -> int:
    """Number of recordings with a note that contains some words."""
    some = oddities[oddities["note"].str.contains(words, regex=False)]
    return int(some["recording"].nunique())


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--benchmarks", type=Path, required=True, help="folder of run times")
    arguments.add_argument("--template", type=Path, default=TEMPLATE)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    cli.add_settings(arguments, Experiment)
    cli.add_coverage(arguments)
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_delays(arguments)
    add_preparation(arguments)
    arguments.add_argument("--contributions", type=Path, help="table of what modalities add")
    arguments.add_argument("--thumbnails", type=Path, nargs="+", help="frames of recordings")
    arguments.add_argument("--groups", type=Path, help="table of the scores of groups")
    arguments.add_argument("--noting", nargs="+", default=[], help="stages that noted oddities")
    arguments.add_argument("--published", help=f"scores of others: CSV, or one of {list(SHIPPED)}")
    arguments.add_argument("--name", help="of the experiment")
    arguments.add_argument("--release", help="what the corpus is, if that is known")
    arguments.add_argument("--simulated", action=BooleanOptionalAction, default=False)
    arguments.add_argument("--config", type=json.loads, required=True, help="as JSON")
    cli.add_output(arguments)
    options = arguments.parse_args()

    def table(name: str) -> pd.DataFrame:
        return tables.read(options.results / f"{name}.parquet")

    def figure(name: str) -> Markup:
        path = options.results / "figures" / f"{name}.svg"
        return Markup(element(path.read_text(encoding="utf-8")))

    scores, ceiling, claims = map(table, ("ccc", "ceiling", "claims"))
    recordings = rated(read_recordings(options.recordings))
    in_scores = scored(recordings, options.coverage)
    experiment = cli.settings(options, Experiment)
    coefficients = (
        read_models(experiment, options.results, experiment.fused) if experiment.fused else None
    )
    steps = read_models(experiment, options.results, experiment.single)
    selections = read_selections(experiment, options.results)
    each = table("recordings")
    uncertainty, distribution = map(table, ("uncertainty", "distribution"))
    covered, reliability = map(table, ("covered", "agreement/reliability"))
    intervals, power = table("intervals"), table("power")
    own = score_table(scores, intervals, ceiling)
    on_test = intervals[intervals["partition"] == "test"]
    units = int(on_test["resampled"].max()) if len(on_test) else 0
    published = side_by_side(read_published(options.published), own) if options.published else None
    estimated = {}
    if options.config["delay"] == "estimated":
        delays = table("annotation_delay")
        estimated["Delay of the annotations"] = as_rows(
            delays[delays["chosen"]].drop(columns="chosen")
        )
    if options.config["labels"]["alignment"] == "estimated":
        estimated["Lags of the raters"] = as_rows(table("rater_lags"))
    modalities = configured(options.config)
    settings = {name: modality.settings for name, modality in modalities.items()}
    odd = oddities(options.results / "status", options.noting, recordings)
    pairs, absent = frame_pairs(table("frame_pairs")), absences(recordings, options.coverage)
    shown = on_page(
        options.config["report"]["without"],
        {
            "pairs": bool(pairs),
            "uncertainty": len(uncertainty) > 0,
            "fusion": coefficients is not None,
        },
    )
    traces = (
        explorer(
            *(experiment, options.results, options.dataset, in_order(in_scores)),
            prepared(tables.read_batches(options.ratings, in_order(in_scores)), options),
            cli.delays(options),
            options.coverage,
            options.thumbnails or [],
        )
        if "traces" in shown
        else None
    )
    chosen = summary.chosen_rows(headline(scores, ceiling), own)
    ridge, raters = against_ridge(scores), table("raters")
    dev_subjects = len({r.subject for r in in_scores if r.partition == "dev"})
    resample = options.config["evaluation"]["resample"]
    page = render(
        options.template,
        name=options.name,
        changed=as_rows(departures_from_defaults(options.config)),
        simulated=options.simulated,
        sections=shown,
        done=summary.what_was_done(
            *(experiment, summary.networks_of(options.config), recordings),
            *(raters["rater"].nunique(), options.simulated),
        ),
        chosen=chosen,
        not_the_highest=summary.not_the_highest(chosen),
        answers={
            "Is ridge regression beaten?": summary.ridge_beaten(claims, ridge),
            "Do the claims hold?": summary.claims_hold(claims),
            "What is σ worth?": summary.sigma_worth(distribution),
        },
        cautions=list(
            filter(
                None,
                [
                    cautions.of_units(units, resample),
                    cautions.of_seeds(len(experiment.seeds)),
                    cautions.of_dev(dev_subjects),
                    cautions.of_ridge(chosen),
                    cautions.of_reliability(reliability),
                    cautions.of_sigma(distribution),
                    cautions.of_raters(raters),
                    cautions.of_absences(absent),
                    cautions.of_inputs(odd, len(recordings), OF_LABELS),
                ],
            )
        ),
        tested=len(claims) > 0,
        claims=as_rows(claims_table(claims)),
        scores=own,
        panels=panels_of_test(scores),
        other_scores=as_rows(other_scores(scores)),
        kinds=sorted(set(on_test["kind"])),
        units=units,
        dev_subjects=dev_subjects,
        few=FEW_UNITS,
        seeds=experiment.seeds,
        tasks=experiment.tasks,
        modalities=experiment.single,
        colours=colours(experiment.single),
        modalities_shown=experiment.modalities,
        counts=scores.groupby("partition", sort=False)[["recordings", "frames"]]
        .max()
        .to_dict("index"),
        resample=resample,
        draws=options.config["evaluation"]["draws"],
        hypotheses=as_rows(claims_table(table("hypotheses"))),
        power=as_rows(power_table(power)) if len(power) else None,
        largest_gains=largest_gains(power, units),
        uncertainty=figure("uncertainty") if len(uncertainty) else None,
        verdicts=verdicts(distribution),
        predicted=of_predictions(distribution),
        distribution=as_rows(shown_scores(distribution)),
        bands=of_bands(covered),
        covered=as_rows(covered.drop(columns=["modality", "few", "units"])),
        unreliable=unreliable(reliability),
        summary=as_rows(table("summary")),
        absences=as_rows(absent),
        oddities=as_rows(odd),
        left_out=noted(odd, LEFT_OUT),
        jumping=noted(odd, JUMPS),
        all_recordings=len(recordings),
        check=as_rows(table("simulate_check")) if options.simulated else None,
        published=published,
        origin=SHIPPED.get(options.published),
        departures=departures(options.published, options.config | settings, experiment.single),
        release=options.release,
        agreement={name: as_rows(table(f"agreement/{name}")) for name in ("dimensions", "raters")},
        reliability=as_rows(reliability_rows(reliability)),
        agreement_figure=figure("agreement"),
        each_rater=as_rows(raters_rows(raters)),
        of_raters=sentences(raters),
        raters_figure=figure("raters"),
        aligned=options.config["labels"]["alignment"] == "estimated",
        pairs=pairs,
        run_times=as_rows(run_times(options.benchmarks)),
        digests={stage: code_digest(stage) for stage in all_stages(modalities.values())},
        selections=as_rows(with_weights(selections, options.results, experiment.seeds[0])),
        in_float32=in_float32(selections, options.results, experiment.seeds)
        if tried(options.config, "training.precision") == ["bfloat16"]
        else None,
        steps=as_rows(steps[steps["kept"]]),
        steps_left_out=as_rows(steps[~steps["kept"]]),
        ridge=ridge,
        ridge_choice=as_rows(read_ridge(experiment, options.results))
        if experiment.baselines
        else None,
        coefficients=as_rows(coefficients) if coefficients is not None else None,
        collinear=as_rows(collinear(coefficients)) if coefficients is not None else None,
        contributions=as_rows(contributions_table(tables.read(options.contributions)))
        if options.contributions
        else None,
        contributions_figure=figure("contributions") if options.contributions else None,
        groups=group_blocks(tables.read(options.groups)) if options.groups else [],
        fusions=experiment.fused,
        fusion_method=experiment.fusion.replace("_", " "),
        estimated=estimated,
        scores_figure=figure("scores"),
        figure=figure("traces"),
        trouble=trouble_rows(each),
        trouble_shown=SHOWN,
        trace_recordings=typical_and_worst(each, options.results),
        trace_task=experiment.tasks[-1],
        trace_seed=experiment.seeds[0],
        explorer=in_page(traces) if traces else None,
        explorer_every=traces["every"] if traces else 1,
        explorer_script=Markup(SCRIPT.read_text(encoding="utf-8")),
        plotly=Markup(plotly.offline.get_plotlyjs()),
        curves=figure("learning_curves"),
        config=yaml.safe_dump(options.config, sort_keys=False, allow_unicode=True),
        versions=versions(),
    )
    with complete(options.output) as partial:
        partial.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
