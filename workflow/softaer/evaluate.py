"""Evaluation: intervals for the scores on test, and tests of the paper's hypotheses.

Scores are CCC over the concatenated frames of a partition, averaged over seeds. Recordings (or
subjects) are drawn with replacement. All seeds and models use the same draws, so that differences
are paired. The 95 % interval is an expanded percentile interval (Hesterberg, 2015). With few
recordings it is still rough, so a permutation test must agree: the answer to "a is better than b"
is yes if the whole interval of the difference is above zero and p < 0.05, no if it is below zero
and p < 0.05, and otherwise undecided.
"""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from softaer.core import cli, tables
from softaer.core.experiment import Evaluation, Experiment
from softaer.core.places import final_prediction
from softaer.core.schema import HYPOTHESES, INTERVALS
from softaer.core.targets import read_targets
from softaer.core.tasks import JOIN, TASKS
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored

LEVEL = 0.05
"""Significance level of the tests; the intervals cover the rest."""

EXACT_UNITS = 12
"""Largest number of units for which all permutations are tried."""

CLAIMS = {
    "multi": "multi-task > single-task",
    "joint": "joint > multi-task",
    "fusion": "fusion > better modality",
}
"""Hypotheses by what they compare; the first and the last are the paper's claims."""


def moments(frames: pd.DataFrame, prediction: Hashable, units: Sequence[str]) -> np.ndarray:
    """Sums over the frames of each unit that determine the CCC over any union of units.

    Parameters
    ----------
    frames
        ``unit``, ``label`` and the prediction's column, without NaN.
    prediction
        Name of the column.
    units
        Units in the requested order.

    Returns
    -------
    float64 array of shape (units, 6): n, sum x, sum y, sum xx, sum yy, sum xy.
    """
    x, y = frames[prediction].astype(np.float64), frames["label"].astype(np.float64)
    sums = pd.DataFrame({"n": 1.0, "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y})
    return sums.groupby(frames["unit"]).sum().loc[list(units)].to_numpy()


def ccc_from_moments(sums: np.ndarray) -> np.ndarray:
    """CCC from summed moments, shape (..., 6) to (...); NaN if both series are constant."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    mean_x, mean_y = x / n, y / n
    cov = xy / n - mean_x * mean_y
    spread = xx / n - mean_x**2 + yy / n - mean_y**2 + (mean_x - mean_y) ** 2
    with np.errstate(invalid="ignore"):
        return np.where(spread > 1e-12, 2 * cov / spread, np.nan)


def resample(units: int, draws: int, seed: int) -> np.ndarray:
    """Number of times each unit is in each draw, shape (draws, units); rows sum to ``units``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)


class Score(NamedTuple):
    """Mean CCC over seeds on all units and in every draw, and each seed's moments by unit."""

    point: float
    draws: np.ndarray
    per_seed: Sequence[np.ndarray]


def bootstrap(per_seed: Sequence[np.ndarray], counts: np.ndarray) -> Score:
    """Mean CCC over seeds on all units, and in every draw.

    Parameters
    ----------
    per_seed
        Moments of each seed's predictions, shape (units, 6).
    counts
        See :func:`resample`.
    """
    point = np.mean([ccc_from_moments(m.sum(axis=0)) for m in per_seed])
    draws = np.mean([ccc_from_moments(counts @ m) for m in per_seed], axis=0)
    return Score(float(point), draws, per_seed)


def interval(draws: np.ndarray, units: float = np.inf) -> tuple[float, float]:
    """Expanded percentile interval (Hesterberg, 2015).

    With few units, the draws vary too little. The percentiles are moved out to those of a t
    interval with the right divisor: Phi(-sqrt(n / (n - 1)) t) for n units.

    Parameters
    ----------
    draws
        Bootstrap draws; those without a defined value are left out.
    units
        Number of units from which the draws were made.

    Returns
    -------
    low, high
        NaN if the draws do not differ, as with a single unit; they are uninformative then.
    """
    known = draws[~np.isnan(draws)]
    if len(known) == 0 or np.ptp(known) == 0:
        return np.nan, np.nan
    quantile = norm.ppf(LEVEL / 2)
    if np.isfinite(units):
        quantile = student.ppf(LEVEL / 2, units - 1) * np.sqrt(units / (units - 1))
    low, high = np.quantile(known, [norm.cdf(quantile), norm.cdf(-quantile)])
    return float(low), float(high)


def permutation_test(better: Score, worse: Score) -> float:
    """Two-sided p value of a difference: how often it is as large with models swapped per unit.

    If two models are equally good, it does not matter which of them predicted a unit. All ways to
    swap them are tried, or 4096 at random if there are more than 12 units (Pitman, 1937). With n
    units p is at least 2^(1 - n): five units or fewer cannot decide anything at the 5 % level.
    """
    units = len(better.per_seed[0])
    if units <= EXACT_UNITS:
        swaps = np.array(list(itertools.product([False, True], repeat=units)))
    else:
        swaps = np.random.default_rng(units).random((2**EXACT_UNITS, units)) < 0.5
        swaps[0] = False
    difference = np.zeros(len(swaps))
    for a, b in zip(better.per_seed, worse.per_seed, strict=True):
        first = ccc_from_moments(a.sum(axis=0) + swaps @ (b - a))
        second = ccc_from_moments(b.sum(axis=0) + swaps @ (a - b))
        difference += first - second
    if np.isnan(difference[0]):
        return np.nan
    return float((np.abs(difference) >= np.abs(difference[0]) - 1e-12).mean())


def answer(low: float, high: float, p_value: float) -> str:
    """``yes``, ``no`` or ``undecided``: the interval and the permutation test must agree.

    With few units the interval alone decides too often.
    """
    if not p_value < LEVEL:
        return "undecided"
    if low > 0:
        return "yes"
    return "no" if high < 0 else "undecided"


def compare(better: Score, worse: Score) -> dict[str, float | str]:
    """Difference of two scores with its interval, p-value and the answer."""
    low, high = interval(better.draws - worse.draws, len(better.per_seed[0]))
    p_value = permutation_test(better, worse)
    return {
        "difference": better.point - worse.point,
        "low": low,
        "high": high,
        "p_value": p_value,
        "answer": answer(low, high, p_value),
    }


def hypotheses(
    scores: Mapping[tuple[str, str], Score], on_dev: Mapping[tuple[str, str], float]
) -> list[dict]:
    """The paper's comparisons for one dimension and target.

    Parameters
    ----------
    scores
        For each modality and task, the result of :func:`bootstrap` on test.
    on_dev
        CCC on dev of each modality and task. It determines the better modality, so that test need
        not be used for that. Without it, fusion is not compared.

    Returns
    -------
    Rows with ``hypothesis``, ``better``, ``worse`` and the result of :func:`compare`.
    """
    modalities = list(dict.fromkeys(modality for modality, _ in scores))
    tasks = list(dict.fromkeys(task for _, task in scores))
    pairs: list[tuple[str, tuple[str, str], tuple[str, str]]] = []
    for first, second in itertools.pairwise(
        [t for t in ("single", "multi", "joint") if t in tasks]
    ):
        pairs += [(second, (m, second), (m, first)) for m in modalities]
    for fused in (m for m in modalities if JOIN in m):
        for task in tasks:
            parts = [part for part in fused.split(JOIN) if (part, task) in on_dev]
            if not parts:
                continue
            alone = max(parts, key=lambda m: on_dev[m, task])
            pairs.append(("fusion", (fused, task), (alone, task)))
    return [
        {
            "hypothesis": CLAIMS[kind],
            "better": ", ".join(better),
            "worse": ", ".join(worse),
            **compare(scores[better], scores[worse]),
        }
        for kind, better, worse in pairs
    ]


def read_frames(
    experiment: Experiment,
    results: Path,
    dataset: Path,
    recordings: Sequence[Recording],
    dimension: str,
    target: str,
    partition: str,
    unit: str,
) -> pd.DataFrame:
    """Labelled frames of a partition with all predictions of a target side by side.

    Parameters
    ----------
    experiment
        The predictions of the run.
    results, dataset
        Folder of all results, and folder with the targets.
    recordings
        Scored recordings.
    dimension, target, partition
        Selection of the labels.
    unit
        ``recording`` or ``subject``.

    Returns
    -------
    ``unit``, ``label`` and one column per (system, seed); empty if the partition is empty.
    On dev, predictions are those out of fold; NaN if there are none.
    """
    unit_of = {r.recording: getattr(r, unit) for r in recordings}
    some = [r for r in recordings if r.partition == partition]
    if not some:
        return pd.DataFrame(columns=["unit", "label"])
    frames = read_targets(dataset, some, dimension)[["recording", "time", target]]
    frames = frames.rename(columns={target: "label"})
    models = [(s, seed) for s in experiment.systems for seed in experiment.seeds_of(s.task)]
    for system, seed in models:
        column = system.column(target) + ("_out_of_fold" if partition == "dev" else "")
        path = final_prediction(results, dimension, system.modality, system.task, seed)
        prediction = tables.read(path, ["recording", "time", column])
        frames = frames.merge(
            prediction.rename(columns={column: (system, seed)}),
            on=["recording", "time"],
            how="left",
            validate="one_to_one",
        )
    return frames.assign(unit=frames["recording"].map(unit_of)).dropna(subset=["label"])


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    cli.add_settings(arguments, Evaluation)
    cli.add_output(arguments, "--intervals-output")
    cli.add_output(arguments, "--hypotheses-output")
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    settings = cli.settings(options, Evaluation)
    recordings = scored(rated(read_recordings(options.recordings)), options.coverage)
    intervals, answers = [], []
    for dimension, target in itertools.product(experiment.dimensions, experiment.targets):
        points: dict[str, dict] = {}
        for partition in ("dev", "test"):
            frames = read_frames(
                *(experiment, options.results, options.dataset, recordings),
                *(dimension, target, partition, settings.resample),
            )
            units = sorted(frames["unit"].unique())
            if not units:
                continue
            counts = resample(len(units), settings.draws, settings.bootstrap_seed)
            scores = {}
            for system in experiment.systems:
                columns = [(system, seed) for seed in experiment.seeds_of(system.task)]
                if frames[columns].notna().all(axis=None):
                    sums = [moments(frames, column, units) for column in columns]
                    scores[system] = bootstrap(sums, counts)
            # The paper's comparisons are of networks and of the configured fusion.
            points[partition] = {
                (system.modality, system.task): score
                for system, score in scores.items()
                if system.task in TASKS and system.fusion in (None, experiment.fusion)
            }
            for system, score in scores.items():
                low, high = interval(score.draws, len(units))
                row: dict[str, Any] = {**system._asdict(), "partition": partition}
                row |= {"ccc": score.point, "low": low, "high": high}
                row |= {"seeds": len(experiment.seeds_of(system.task))}
                row |= {"dimension": dimension, "target": target, "resampled": len(units)}
                intervals.append(row)
        on_dev = {key: score.point for key, score in points.get("dev", {}).items()}
        for row in hypotheses(points.get("test", {}), on_dev):
            answers.append(row | {"dimension": dimension, "target": target})
    columns = [field.name for field in INTERVALS]
    tables.write(pd.DataFrame(intervals, columns=columns), INTERVALS, options.intervals_output)
    columns = [field.name for field in HYPOTHESES]
    tables.write(pd.DataFrame(answers, columns=columns), HYPOTHESES, options.hypotheses_output)


if __name__ == "__main__":
    cli.run(main)
