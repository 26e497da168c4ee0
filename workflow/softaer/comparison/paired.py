"""Paired scores: experiments on the frames that all of them score, subject by subject.

A frame is named by the recording and the time of its label, not by the time of its features, which
differs from it by the annotation delay: with 2 s and with 4 s of delay, the frame whose label is
that at 10 s has features at 8 s and at 6 s. Experiments are compared only if the labels of these
frames are the same, and if their test recordings are the same and of the same subjects.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from softaer.comparison.finished import Finished
from softaer.core import tables
from softaer.core.concordance import ccc_from_moments
from softaer.core.errors import InputError
from softaer.core.experiment import System
from softaer.core.grid import RATE, index
from softaer.core.inference import (
    Score,
    answer,
    bootstrap,
    bounds_of,
    compare,
    holm,
    resample,
)
from softaer.core.listing import first_few
from softaer.core.places import SCORES, within
from softaer.core.targets import read_panels, read_targets
from softaer.core.tasks import CONSTANT, TASKS
from softaer.corpus import Recording
from softaer.evaluate import read_sums
from softaer.page.headline import best_on_dev
from softaer.page.score_table import keyed, name_of
from softaer.page.trouble import typical

SAME = 1e-5
"""Labels whose relative difference is smaller are equal: float32 from different machines."""

BEST = "best on dev"
"""Model of an experiment that is chosen on dev, as in its report's headline."""


def on_test(recordings: Sequence[Recording]) -> list[Recording]:
    """Recordings of the test partition."""
    return [r for r in recordings if r.partition == "test"]


def check_recordings(runs: Sequence[Finished]) -> None:
    """Refuse experiments whose test recordings are not the same, and of the same subjects.

    Raises
    ------
    InputError
        Names the experiments and the recordings in which they differ.
    """
    first, *others = runs
    own = {r.recording: r.subject for r in on_test(first.rated)}
    if not own:
        raise InputError(f"{first.name}: no rated recording in test; expected some to compare on")
    for run in others:
        theirs = {r.recording: r.subject for r in on_test(run.rated)}
        parts = [
            f"only in {name}: {first_few(sorted(set(some) - set(other)))}"
            for name, some, other in ((first.name, own, theirs), (run.name, theirs, own))
            if set(some) - set(other)
        ]
        if parts:
            raise InputError(
                f"{first.name} and {run.name} have other test recordings ({len(own)} and "
                f"{len(theirs)}; {'; '.join(parts)}); expected the same"
            )
        moved = sorted(name for name in own if own[name] != theirs[name])
        if moved:
            raise InputError(
                f"{first.name} and {run.name}: recording {moved[0]!r} is of subject "
                f"{own[moved[0]]!r} and of {theirs[moved[0]]!r}; expected the same subjects"
            )


class Frames(NamedTuple):
    """Labelled frames of test that all experiments score, for one dimension.

    Attributes
    ----------
    targets
        For each experiment ``recording``, ``time`` [s, of its features], ``E``, ``sigma``; NaN
        where a frame is not shared.
    common
        Number of shared frames of each target.
    own
        For each experiment, the number of frames that it scores itself, of each target.
    """

    targets: list[pd.DataFrame]
    common: dict[str, int]
    own: list[dict[str, int]]


def common_frames(
    runs: Sequence[Finished], dimension: str, changed: Mapping[str, Sequence[str]]
) -> Frames:
    """Frames that all experiments score.

    Parameters
    ----------
    runs
        Experiments with the dimension.
    dimension
        Requested dimension.
    changed
        Keys that differ between them, for the message.

    Raises
    ------
    InputError
        If labels differ; says where, by how much, and which keys may be the reason.
    """
    shared = set.intersection(*({r.recording for r in run.scored} for run in runs))
    # Sigma of all is scored within the panels of the first, so that the same frames count alike.
    first, panel_of = runs[0], {}
    if first.rater_weights is not None:
        panel_of = read_panels(first.rater_weights, on_test(first.scored), dimension)
    tables_of, labels = [], []
    for run in runs:
        some = on_test(run.scored)
        table = read_targets(run.dataset, some, dimension)
        if panel_of:
            table["panel"] = table["recording"].map(panel_of).fillna(-1).astype(int)
        frame = index(table["time"].to_numpy()) + round(run.delays[dimension] * RATE)
        tables_of.append(table)
        labels.append(table.set_index([table["recording"], pd.Index(frame, name="frame")]))
    common: dict[str, int] = {}
    own: list[dict[str, int]] = [{} for _ in runs]
    masked = [table.copy() for table in tables_of]
    for target in shared_targets(runs):
        known = [one[target].dropna() for one in labels]
        both = functools.reduce(pd.Index.intersection, (one.index for one in known))
        both = both[both.get_level_values("recording").isin(shared)]
        for run, one in zip(runs[1:], known[1:], strict=True):
            _check_labels(
                (runs[0], run), dimension, target, known[0].loc[both], one.loc[both], changed
            )
        common[target] = len(both)
        for place, (table, one) in enumerate(zip(masked, labels, strict=True)):
            own[place][target] = len(known[place])
            table[target] = table[target].where(one.index.isin(both))
    return Frames(masked, common, own)


def _check_labels(
    pair: tuple[Finished, Finished],
    dimension: str,
    target: str,
    own: pd.Series,
    theirs: pd.Series,
    changed: Mapping[str, Sequence[str]],
) -> None:
    differs = ~np.isclose(own.to_numpy(), theirs.to_numpy(), rtol=SAME, atol=1e-7)
    if not differs.any():
        return
    (recording, frame) = own.index[differs.argmax()]
    keys = [
        key for key in changed if key.split(".")[0] in ("ratings", "labels", "corpus", "simulate")
    ]
    why = f"; keys that differ: {', '.join(keys)}" if keys else ""
    raise InputError(
        f"{pair[0].name} and {pair[1].name} have other labels: {dimension} {target} differs in "
        f"{int(differs.sum())} of {len(own)} shared frames of test (first: recording "
        f"{recording!r}, {frame / RATE:g} s: {own[differs].iloc[0]:.4g} and "
        f"{theirs[differs].iloc[0]:.4g}{why}); expected the same labels"
    )


def shared_targets(runs: Sequence[Finished]) -> list[str]:
    """Targets that all experiments have, in the order of the first."""
    return [t for t in runs[0].experiment.targets if all(t in r.experiment.targets for r in runs)]


def shared_dimensions(runs: Sequence[Finished]) -> list[str]:
    """Dimensions that all experiments have.

    Raises
    ------
    InputError
        If there is none.
    """
    found = [
        d for d in runs[0].experiment.dimensions if all(d in r.experiment.dimensions for r in runs)
    ]
    if not found:
        had = "; ".join(f"{run.name}: {', '.join(run.experiment.dimensions)}" for run in runs)
        raise InputError(f"the experiments share no dimension ({had}); expected at least one")
    return found


def best_models(run: Finished) -> dict[tuple[str, str], System]:
    """The model of each dimension and target that is best on dev, as in the report's headline."""
    return best_on_dev(tables.read(within(run.results, SCORES)))


class Models(NamedTuple):
    """Scores of one experiment in one dimension and target, on the shared frames.

    Attributes
    ----------
    units
        Subjects (or recordings), sorted; the same for all experiments.
    scores
        Of each model, over units.
    of_recordings
        Mean CCC over seeds of each recording, for each model.
    """

    units: list[str]
    scores: dict[System, Score]
    of_recordings: dict[System, pd.Series]


def score_models(
    run: Finished, targets: pd.DataFrame, dimension: str, first: Finished
) -> dict[str, Models]:
    """Scores of all models of an experiment for each target.

    Parameters
    ----------
    run
        The experiment.
    targets
        Its targets, see :class:`Frames`.
    dimension
        Of the targets.
    first
        The experiment whose settings of intervals are used.
    """
    recordings = on_test(run.scored)
    sums = read_sums(
        *(run.experiment, run.results, targets, recordings, dimension, "recording"),
    )
    found = {}
    settings = first.evaluation
    subject_of = {r.recording: r.given(settings.resample) for r in recordings}
    for (target, _), (names, moments) in sums.items():
        codes, units = pd.factorize(np.array([subject_of[name] for name in names]), sort=True)
        member = np.equal.outer(np.arange(len(units)), codes).astype(np.float64)
        counts = resample(len(units), settings.draws, settings.bootstrap_seed)
        scores, each = {}, {}
        for system, per_seed in moments.items():
            scores[system] = bootstrap(member @ per_seed, counts, trained=system.task in TASKS)
            each[system] = pd.Series(ccc_from_moments(per_seed).mean(axis=0), names)
        found[target] = Models(list(units), scores, each)
    return found


class Compared(NamedTuple):
    """What a comparison found.

    Attributes
    ----------
    table
        One row for each dimension, target, model and experiment: columns of :data:`COLUMNS`.
    frames
        ``dimension``, ``target``, ``frames`` (shared), and those that each experiment scores.
    recordings
        ``dimension``, ``target``, ``recording``, and the CCC of each experiment's best model.
    """

    table: pd.DataFrame
    frames: pd.DataFrame
    recordings: pd.DataFrame


COLUMNS = (
    *("dimension", "target", "model", "experiment", "modality", "task", "fusion"),
    *("ccc", "low", "high", "kind", "seeds", "units", "frames", "ccc_own_frames", "own_frames"),
    *("difference", "difference_low", "difference_high", "p_value", "p_holm", "better"),
)
"""Columns of the table. Differences are to the first experiment; ``better`` answers whether the
experiment is better than it."""


def compare_runs(runs: Sequence[Finished], changed: Mapping[str, Sequence[str]]) -> Compared:
    """Compare experiments with the first of them.

    Parameters
    ----------
    runs
        At least two.
    changed
        Keys that differ between them.

    Raises
    ------
    InputError
        If they have other test recordings, subjects or labels, or no dimension in common.
    """
    check_recordings(runs)
    best = [best_models(run) for run in runs]
    rows: list[dict] = []
    frames, recordings = [], []
    for dimension in shared_dimensions(runs):
        found = common_frames(runs, dimension, changed)
        models = [
            score_models(run, targets, dimension, runs[0])
            for run, targets in zip(runs, found.targets, strict=True)
        ]
        for target in shared_targets(runs):
            keys = {"dimension": dimension, "target": target}
            counts = {run.name: own[target] for run, own in zip(runs, found.own, strict=True)}
            frames.append({**keys, "frames": found.common[target], **counts})
            if not found.common[target]:
                raise InputError(
                    f"{' and '.join(run.name for run in runs)} score no common frame of "
                    f"{dimension} {target} in test; expected some"
                )
            here = [one[target] for one in models]
            chosen = [one.get((dimension, target)) for one in best]
            named: dict[str, list[System | None]] = {BEST: chosen}
            for system in dict.fromkeys(s for one in here for s in one.scores):
                own = [system if system in one.scores else None for one in here]
                if system.task != CONSTANT and own.count(None) < len(runs) - 1:
                    named[model_name(system)] = own
            for model, systems in named.items():
                part = _rows(runs, here, systems)
                rows += [
                    {**keys, "model": model, "frames": found.common[target], **r} for r in part
                ]
            each = pd.DataFrame(
                {
                    run.name: one.of_recordings[system]
                    for run, one, system in zip(runs, here, chosen, strict=True)
                    if system in one.of_recordings
                }
            )
            each = each.rename_axis("recording").reset_index()
            recordings.append(each.assign(**keys))
    table = pd.DataFrame(rows)
    table = table.merge(_own_scores(runs), how="left").merge(
        pd.DataFrame(frames).melt(
            ["dimension", "target", "frames"], var_name="experiment", value_name="own_frames"
        ),
        how="left",
    )
    return Compared(_answered(table), pd.DataFrame(frames), pd.concat(recordings))


def model_name(system: System) -> str:
    """Name of a model: ``audio+video (mean), multi``."""
    return f"{name_of(system.modality, system.task, system.fusion or '')}, {system.task}"


def _rows(
    runs: Sequence[Finished], models: Sequence[Models], systems: Sequence[System | None]
) -> list[dict]:
    """Score of a model in each experiment that has it, and its difference to the first."""
    reference = models[0].scores.get(systems[0]) if systems[0] else None
    rows = []
    for place, (run, own, system) in enumerate(zip(runs, models, systems, strict=True)):
        score = own.scores.get(system) if system else None
        if system is None or score is None:
            continue
        low, high, kind = bounds_of(score)
        row = {
            "experiment": run.name,
            **system._asdict(),
            **{"ccc": score.point, "low": low, "high": high, "kind": kind},
            **{"seeds": len(score.per_seed), "units": score.units},
        }
        if place and reference is not None:
            found = compare(score, reference)
            row |= {
                "difference": found.difference,
                "difference_low": found.low,
                "difference_high": found.high,
                "p_value": found.p_value,
                "fewest_seeds": found.seeds,
            }
        rows.append(row)
    return rows


def _own_scores(runs: Sequence[Finished]) -> pd.DataFrame:
    """Score of every model on the frames that its experiment scores, as in its report."""
    keys = ["dimension", "target", "modality", "task", "fusion"]
    parts = []
    for run in runs:
        scores = keyed(tables.read(within(run.results, SCORES)))
        mean = scores[scores["partition"] == "test"].groupby(keys)["ccc"].mean()
        parts.append(mean.rename("ccc_own_frames").reset_index().assign(experiment=run.name))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(fusion=found["fusion"].replace("", None))


def _answered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with p values adjusted within the best models, and within all others."""
    table = table.reindex(columns=[*table.columns, *(set(COLUMNS) - set(table.columns))])
    table["p_holm"], table["better"] = np.nan, None
    for is_best in (True, False):
        here = (table["model"] == BEST) == is_best
        some = here & table["p_value"].notna()
        if some.any():
            table.loc[some, "p_holm"] = holm(table.loc[some, "p_value"].to_numpy())
            columns = ["difference_low", "difference_high", "p_holm", "units", "fewest_seeds"]
            table.loc[some, "better"] = [
                answer(*row) for row in table.loc[some, columns].itertuples(index=False)
            ]
    return table[list(COLUMNS)]


def left_out(runs: Sequence[Finished]) -> list[str]:
    """What is not compared, in words: recordings, dimensions and targets that not all have."""
    said = []
    for run in runs:
        lost = {r.recording for r in on_test(run.rated)}
        lost -= {r.recording for r in on_test(run.scored)}
        if lost:
            said.append(
                f"{run.name} has no features for {len(lost)} test recordings "
                f"({first_few(sorted(lost))}), which are left out for all"
            )
    for what, of in _KINDS.items():
        names = [dict.fromkeys(of(run)) for run in runs]
        some = [
            n
            for n in dict.fromkeys(n for own in names for n in own)
            if not all(n in o for o in names)
        ]
        said += [
            f"{what} {name} is only in "
            + ", ".join(run.name for run, own in zip(runs, names, strict=True) if name in own)
            for name in some
        ]
    return said


_KINDS: dict[str, Callable[[Finished], Sequence[str]]] = {
    "dimension": lambda run: run.experiment.dimensions,
    "target": lambda run: run.experiment.targets,
}


def dev_differs(runs: Sequence[Finished]) -> list[str]:
    """Experiments whose recordings in dev are not those of the first."""
    own = {r.recording for r in runs[0].rated if r.partition == "dev"}
    return [
        run.name
        for run in runs[1:]
        if {r.recording for r in run.rated if r.partition == "dev"} != own
    ]


def typical_and_apart(recordings: pd.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """A typical recording, and the one in which experiments differ most.

    Parameters
    ----------
    recordings
        See :class:`Compared`.
    names
        Of the experiments.

    Returns
    -------
    What it is, by recording. Typical: the median of the mean CCC over experiments, dimensions and
    targets. Apart: the largest mean difference between the best and the worst experiment.
    """
    mean = recordings.set_index("recording")[list(names)]
    each = mean.mean(axis=1).groupby(level=0).mean()
    apart = (mean.max(axis=1) - mean.min(axis=1)).groupby(level=0).mean().dropna()
    if each.isna().all() or apart.empty:
        return {}
    found, farthest = {typical(each): "typical"}, str(apart.idxmax())
    also = f"{found[farthest]}, and " if farthest in found else ""
    return {**found, farthest: f"{also}where they differ most"}
