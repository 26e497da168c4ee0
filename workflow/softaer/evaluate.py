"""Evaluation: intervals for the scores on test, tests of claims, and the power of such tests.

Scores are CCC over the concatenated frames of a partition, averaged over seeds. Subjects (or
recordings) are drawn with replacement, and the scatter of the seeds is added. All models use the
same draws, so that differences are paired. A claim is answered with yes if the whole interval of
the difference is above zero and a permutation test agrees after adjustment for the number of
comparisons, with no if it is below zero, and otherwise undecided. It is asked of each pair of
models, and of the mean difference over dimensions, modalities and tasks, which answers it in
general. :mod:`softaer.core.inference` has the statistics, :mod:`softaer.core.power` the power with
a planned number of subjects.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli, schema, tables
from softaer.core.concordance import moments
from softaer.core.experiment import Evaluation, Experiment, System
from softaer.core.inference import (
    Difference,
    Score,
    answer,
    bootstrap,
    bounds_of,
    compare,
    compare_all,
    holm,
    resample,
)
from softaer.core.places import final_prediction
from softaer.core.power import power
from softaer.core.schema import HYPOTHESES, INTERVALS, POWER
from softaer.core.targets import as_scored, read_targets
from softaer.core.tasks import JOIN, PLAIN_MEAN, RIDGE, TASKS
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored
from softaer.page.score_table import name_of

PARTITIONS = ("dev", "test")

CLAIMS = {
    "multi": "multi-task > single-task",
    "joint": "joint > multi-task",
    "fusion": "fusion > better modality",
    "mean": "fusion > plain mean",
    "ridge": "network > ridge",
}
"""Hypotheses by what they compare; ``multi`` and ``fusion`` are the paper's claims."""


class Pair(NamedTuple):
    """Two models that a claim compares.

    ``shared`` tells whether both use the same networks, as a fusion and one of its modalities do.
    """

    claim: str
    better: System
    worse: System
    shared: bool = False


def pairs(systems: Iterable[System], on_dev: Mapping[System, float]) -> list[Pair]:
    """Comparisons that the claims need, of the models that there are.

    Parameters
    ----------
    systems
        Models with a score on test.
    on_dev
        CCC on dev. It determines the better modality, so that test need not be used for that.
        Without it, fusion is not compared with a modality.
    """
    systems = list(systems)
    methods = dict.fromkeys(system.fusion for system in systems if system.fusion is not None)
    configured = next((m for m in methods if m != PLAIN_MEAN), PLAIN_MEAN)
    networks = [s for s in systems if s.task in TASKS and s.fusion in (None, configured)]
    tasks = [task for task in TASKS if any(s.task == task for s in networks)]
    found = [
        Pair(second, system._replace(task=second), system._replace(task=first))
        for first, second in itertools.pairwise(tasks)
        for system in networks
        if system.task == first
    ]
    fused = [system for system in networks if JOIN in system.modality]
    for system in fused:
        parts = [System(part, system.task) for part in system.modality.split(JOIN)]
        parts = [part for part in parts if part in on_dev]
        if parts:
            found.append(Pair("fusion", system, max(parts, key=on_dev.__getitem__), shared=True))
    found += [Pair("mean", s, s._replace(fusion=PLAIN_MEAN), shared=True) for s in fused]
    found += [Pair("ridge", system, system._replace(task=RIDGE)) for system in networks]
    return [p for p in found if p.better != p.worse and {p.better, p.worse} <= set(systems)]


def name(system: System) -> str:
    """Name of a model in the table of hypotheses: ``audio, multi``."""
    return f"{name_of(system.modality, system.task, system.fusion or '')}, {system.task}"


ANSWER = ("p_holm", "answer")
"""Columns that need all comparisons of a hypothesis."""


def answered(rows: pd.DataFrame) -> pd.DataFrame:
    """Comparisons with their adjusted p values and answers.

    Parameters
    ----------
    rows
        ``hypothesis`` and the columns of :class:`softaer.core.inference.Difference`, of a whole
        table.

    Returns
    -------
    The rows with ``p_holm``, adjusted over all comparisons of the same hypothesis, and ``answer``.
    """
    adjusted = rows.groupby("hypothesis")["p_value"].transform(lambda p: holm(p.to_numpy()))
    rows = rows.assign(p_holm=adjusted)
    columns = ["low", "high", "p_holm", "resampled", "seeds"]
    return rows.assign(answer=[answer(*row) for row in rows[columns].itertuples(index=False)])


class Compared(NamedTuple):
    """The scores of a pair of models of a dimension, and the names of their units."""

    dimension: str
    pair: Pair
    better: Score
    worse: Score
    units: list[str]


def together(compared: Sequence[Compared]) -> Difference | None:
    """Mean difference over the comparisons of a hypothesis.

    Returns
    -------
    None if they do not have the same units, because dimensions are labelled in other recordings.
    """
    first = compared[0]
    if any(each.units != first.units for each in compared):
        return None
    # A joint network belongs to all dimensions.
    joint = any("joint" in (each.pair.better.task, each.pair.worse.task) for each in compared)
    return compare_all(
        [(each.better, each.worse) for each in compared],
        first.pair.shared,
        None if joint else [each.dimension for each in compared],
    )


class Sums(NamedTuple):
    """Names of the units of a partition, and each model's moments, shape (seeds, units, 6)."""

    units: list[str]
    moments: dict[System, np.ndarray]


def read_sums(
    experiment: Experiment,
    results: Path,
    frames: pd.DataFrame,
    recordings: Sequence[Recording],
    dimension: str,
    unit: str,
    systems: Iterable[System] | None = None,
) -> dict[tuple[str, str], Sums]:
    """Moments of models of a dimension.

    Parameters
    ----------
    experiment
        The predictions of the run.
    results
        Folder of all results.
    frames
        Targets of the recordings, see :func:`softaer.core.targets.read_targets`; a frame is scored
        if it has one. If they have ``panel``, sigma is scored within panels.
    recordings
        Scored recordings of dev and test.
    dimension
        Dimension of the labels.
    unit
        ``recording`` or ``subject``.
    systems
        Requested models; default: all.

    Returns
    -------
    For each target and each partition with labels, the models with a prediction of every labelled
    frame. On dev, predictions are those out of fold.
    """
    partition = frames["recording"].map({r.recording: r.partition for r in recordings})
    unit_of = frames["recording"].map({r.recording: getattr(r, unit) for r in recordings})
    found: dict[tuple[str, str], Sums] = {}
    places = {}
    for target, part in itertools.product(experiment.targets, PARTITIONS):
        here = ((partition == part) & frames[target].notna()).to_numpy()
        if here.any():
            codes, units = pd.factorize(unit_of[here], sort=True)
            some = frames[here]
            places[target, part] = some, codes, as_scored(target, some, some[target])
            found[target, part] = Sums(list(units), {})
    for system in experiment.systems if systems is None else systems:
        columns = {
            key: system.column(key[0]) + ("_out_of_fold" if key[1] == "dev" else "")
            for key in found
        }
        per_seed: dict[tuple[str, str], list[np.ndarray]] = {key: [] for key in found}
        for seed in experiment.seeds_of(system.task):
            model = (dimension, system.modality, system.task, seed)
            path = final_prediction(results, *model, experiment.whole)
            prediction = frames[["recording", "time"]].merge(
                tables.read(path, ["recording", "time", *columns.values()]),
                on=["recording", "time"],
                how="left",
                validate="one_to_one",
            )
            for key, (some, codes, label) in places.items():
                column = prediction[columns[key]].set_axis(frames.index)
                values = as_scored(key[0], some, column)
                if not np.isnan(values).any():
                    sums = moments(values, label, codes, len(found[key].units))
                    per_seed[key].append(sums)
        for place, of_seeds in per_seed.items():
            if len(of_seeds) == len(experiment.seeds_of(system.task)):
                found[place].moments[system] = np.stack(of_seeds)
    return found


class Evaluated(NamedTuple):
    """Tables of :mod:`softaer.core.schema`."""

    intervals: pd.DataFrame
    claims: pd.DataFrame
    hypotheses: pd.DataFrame
    power: pd.DataFrame


def evaluate(sums: Mapping[tuple[str, str], Mapping[str, Sums]], settings: Evaluation) -> Evaluated:
    """Intervals of all scores, answers to all hypotheses, and their power.

    Parameters
    ----------
    sums
        For each dimension and target, the moments by partition.
    settings
        Numbers of the bootstrap.
    """
    intervals, rows = [], []
    compared: list[Compared] = []
    for (dimension, target), partitions in sums.items():
        scores: dict[str, dict[System, Score]] = {name: {} for name in PARTITIONS}
        for partition, (units, moments_of) in partitions.items():
            counts = resample(len(units), settings.draws, settings.bootstrap_seed)
            for system, per_seed in moments_of.items():
                score = bootstrap(per_seed, counts, trained=system.task in TASKS)
                scores[partition][system] = score
                keys = {"dimension": dimension, "target": target, "partition": partition}
                bounds = bounds_of(score)._asdict()
                numbers = {"ccc": score.point, "seeds": len(per_seed), "resampled": len(units)}
                intervals.append(keys | system._asdict() | bounds | numbers)
        on_dev = {system: score.point for system, score in scores["dev"].items()}
        for pair in pairs(scores["test"], on_dev):
            both = scores["test"][pair.better], scores["test"][pair.worse]
            compared.append(Compared(dimension, pair, *both, partitions["test"].units))
            keys = {"hypothesis": CLAIMS[pair.claim], "dimension": dimension, "target": target}
            keys |= {"better": name(pair.better), "worse": name(pair.worse)}
            rows.append(keys | compare(*both, pair.shared)._asdict())
    hypotheses = answered(pd.DataFrame(rows, columns=_unanswered(HYPOTHESES)))
    among = hypotheses.groupby("hypothesis")["p_value"].transform("count")
    keys = hypotheses[["hypothesis", "dimension", "target", "better", "worse"]].to_dict("records")
    planned = [
        key | row
        for key, each, comparisons, gain in zip(
            keys, compared, among, hypotheses["difference"].abs(), strict=True
        )
        for row in power(
            *(each.better, each.worse, each.pair.shared), comparisons=comparisons, gain=gain
        )
    ]
    means = [
        {"hypothesis": claim, "target": target, "comparisons": len(places)} | mean._asdict()
        for (claim, target), places in hypotheses.groupby(
            ["hypothesis", "target"], sort=False
        ).groups.items()
        if (mean := together([compared[place] for place in places])) is not None
    ]
    claims = answered(pd.DataFrame(means, columns=_unanswered(schema.CLAIMS)))
    return Evaluated(
        pd.DataFrame(intervals, columns=INTERVALS.names),
        claims[schema.CLAIMS.names],
        hypotheses[HYPOTHESES.names],
        pd.DataFrame(planned, columns=POWER.names),
    )


def _unanswered(table: pa.Schema) -> list[str]:
    return [name for name in table.names if name not in ANSWER]


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    cli.add_panels(arguments)
    cli.add_settings(arguments, Evaluation)
    cli.add_output(arguments, "--intervals-output")
    cli.add_output(arguments, "--claims-output")
    cli.add_output(arguments, "--hypotheses-output")
    cli.add_output(arguments, "--power-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    settings = cli.settings(options, Evaluation)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    recordings = [r for r in recordings if r.partition in PARTITIONS]
    sums: dict[tuple[str, str], dict[str, Sums]] = {}
    for dimension in experiment.dimensions if recordings else ():
        frames = read_targets(options.dataset, recordings, dimension, options.rater_weights)
        found = read_sums(
            *(experiment, options.results, frames), *(recordings, dimension, settings.resample)
        )
        for (target, partition), own in found.items():
            sums.setdefault((dimension, target), {})[partition] = own
    evaluated = evaluate(sums, settings)
    tables.write(evaluated.intervals, INTERVALS, options.intervals_output)
    tables.write(evaluated.claims, schema.CLAIMS, options.claims_output)
    tables.write(evaluated.hypotheses, HYPOTHESES, options.hypotheses_output)
    tables.write(evaluated.power, POWER, options.power_output)


if __name__ == "__main__":
    cli.run(main)
