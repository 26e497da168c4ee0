"""Post-processing: a chain of simple corrections of a prediction, fitted on dev.

Median filter, centring, scaling and time shift (Valstar et al., 2016), in this order. A step is
kept only where it improves the CCC on dev out of fold: fitted without a subject, applied to that
subject, for each subject in turn. A step that helps only the frames it was fitted on is left out.

    centring      y + (mean of labels - mean of y)
    scaling       mean(y) + (y - mean(y)) sd of labels / sd of y
    time shift    y(t - s)
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.ndimage import median_filter

from softaer import cli, tables
from softaer.concordance import ccc
from softaer.corpus import folds, rated, read_recordings
from softaer.coverage import having
from softaer.grid import RATE
from softaer.schema import POSTPROCESSED, POSTPROCESSING_STEPS
from softaer.targets import read_targets

FILTERED_AT_ONCE = 256
"""Filtered predictions that are remembered: with four windows those of 64 recordings."""


@dataclass(frozen=True)
class Trace:
    """Prediction and label of one recording, float64, shape (T,) each, on consecutive frames."""

    recording: str
    subject: str
    prediction: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Step:
    """A fitted step; what ``value`` means is the step's own affair."""

    name: str
    value: tuple[float, ...]

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Corrected prediction of one recording."""
        return STEPS[self.name].apply(prediction, *self.value)


@dataclass(frozen=True)
class Kind:
    """How a kind of step is fitted on some traces, and applied to one."""

    fit: Callable[[Sequence[Trace], "Options"], tuple[float, ...]]
    apply: Callable[..., np.ndarray]


@dataclass(frozen=True)
class Options:
    """What the steps search through: median windows [s], and the largest shift either way [s]."""

    median_windows: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    max_shift: float = 2.0


def _pooled(traces: Sequence[Trace]) -> tuple[np.ndarray, np.ndarray]:
    x = np.concatenate([t.prediction for t in traces])
    y = np.concatenate([t.label for t in traces])
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def pooled_ccc(traces: Sequence[Trace]) -> float:
    """CCC over the concatenated frames; -1 where it is not defined."""
    value = ccc(*reversed(_pooled(traces)))
    return -1.0 if np.isnan(value) else value


def _median(prediction: np.ndarray, window: float) -> np.ndarray:
    values = np.asarray(prediction, dtype=np.float64)
    return _filtered(values.tobytes(), 2 * round(window * RATE / 2) + 1)


@lru_cache(FILTERED_AT_ONCE)
def _filtered(prediction: bytes, size: int) -> np.ndarray:
    """Every fold asks for the same predictions again; what they share is read-only."""
    values = median_filter(np.frombuffer(prediction), size=size, mode="nearest")
    values.flags.writeable = False
    return values


def _fit_median(traces: Sequence[Trace], options: Options) -> tuple[float, ...]:
    return (_best(traces, options.median_windows, _median),)


def _fit_centre(traces: Sequence[Trace], options: Options) -> tuple[float, ...]:
    x, y = _pooled(traces)
    return (float(y.mean() - x.mean()),)


def _fit_scale(traces: Sequence[Trace], options: Options) -> tuple[float, ...]:
    x, y = _pooled(traces)
    return (float(x.mean()), float(y.std() / x.std()) if x.std() > 0 else 1.0)


def _shift(prediction: np.ndarray, seconds: float) -> np.ndarray:
    """Move later by some seconds; the first or last value stands in for what is not there."""
    at = np.clip(np.arange(len(prediction)) - round(seconds * RATE), 0, len(prediction) - 1)
    return prediction[at]


def _fit_shift(traces: Sequence[Trace], options: Options) -> tuple[float, ...]:
    reach = round(options.max_shift * RATE)
    candidates = sorted((k / RATE for k in range(-reach, reach + 1)), key=abs)
    return (_best(traces, candidates, _shift),)


def _best(
    traces: Sequence[Trace], candidates: Sequence[float], apply: Callable[..., np.ndarray]
) -> float:
    """The candidate with the highest CCC; of equal ones the first."""
    scores = [pooled_ccc([_with(t, apply(t.prediction, c)) for t in traces]) for c in candidates]
    return candidates[int(np.argmax(scores))]


STEPS = {
    "median_filter": Kind(_fit_median, _median),
    "centring": Kind(_fit_centre, lambda y, offset: y + offset),
    "scaling": Kind(_fit_scale, lambda y, mean, factor: mean + (y - mean) * factor),
    "time_shift": Kind(_fit_shift, _shift),
}
"""Kinds of steps in the order in which they are tried."""


def _with(trace: Trace, prediction: np.ndarray) -> Trace:
    return Trace(trace.recording, trace.subject, prediction, trace.label)


def fit_chain(traces: Sequence[Trace], names: Sequence[str], options: Options) -> list[Step]:
    """Fit steps one after the other, each on what the ones before it have made."""
    chain = []
    for name in names:
        step = Step(name, STEPS[name].fit(traces, options))
        traces = [_with(t, step.apply(t.prediction)) for t in traces]
        chain.append(step)
    return chain


def apply_chain(chain: Sequence[Step], prediction: np.ndarray) -> np.ndarray:
    """Corrected prediction of one recording."""
    for step in chain:
        prediction = step.apply(prediction)
    return prediction


def leave_one_subject_out(
    traces: Sequence[Trace], fit: Callable[[Sequence[Trace]], Sequence[Step]]
) -> list[Trace]:
    """Traces corrected by chains that were fitted without their subject, in the order given.

    A subject without others stays as it is.
    """
    corrected = {}
    for subject in dict.fromkeys(t.subject for t in traces):
        others = [t for t in traces if t.subject != subject]
        chain = fit(others) if others else []
        for trace in traces:
            if trace.subject == subject:
                corrected[trace.recording] = _with(trace, apply_chain(chain, trace.prediction))
    return [corrected[t.recording] for t in traces]


def choose_steps(
    traces: Sequence[Trace], names: Sequence[str], options: Options
) -> tuple[list[str], dict[str, float]]:
    """Keep each step in turn if it improves the CCC out of fold.

    Returns
    -------
    kept
        Names of the steps, in order.
    gains
        For each step tried, how much it changed the CCC out of fold. With a single subject nothing
        can be tried, and nothing is kept.
    """
    kept: list[str] = []
    gains: dict[str, float] = {}
    if len({t.subject for t in traces}) < 2:
        return kept, gains
    score = pooled_ccc(traces)
    for name in names:
        candidate = [*kept, name]
        out_of_fold = leave_one_subject_out(
            traces, lambda others, c=candidate: fit_chain(others, c, options)
        )
        gains[name] = pooled_ccc(out_of_fold) - score
        if gains[name] > 0:
            kept, score = candidate, score + gains[name]
    return kept, gains


def choose_and_fit(traces: Sequence[Trace], names: Sequence[str], options: Options) -> list[Step]:
    """Choose the steps that help some traces out of fold, and fit them on all of these."""
    return fit_chain(traces, choose_steps(traces, names, options)[0], options)


def postprocess(
    dev: Sequence[Trace], names: Sequence[str], options: Options
) -> tuple[list[Step], dict[str, float], list[Trace]]:
    """Choose and fit a chain on dev, and estimate it out of fold.

    Parameters
    ----------
    dev
        Recordings of the development partition.
    names
        Steps to try.
    options
        What they search through.

    Returns
    -------
    chain
        Fitted on all of dev.
    gains
        See :func:`choose_steps`.
    out_of_fold
        Every recording of dev as corrected by a chain that was chosen and fitted without its
        subject.
    """
    kept, gains = choose_steps(dev, names, options)
    out_of_fold = leave_one_subject_out(dev, lambda others: choose_and_fit(others, names, options))
    return fit_chain(dev, kept, options), gains, out_of_fold


def read_predictions(path: Path) -> pd.DataFrame:
    """Predictions sorted by recording and time."""
    return tables.read(path).sort_values(["recording", "time"], ignore_index=True)


def read_traces(
    predictions: pd.DataFrame, targets: pd.DataFrame, target: str, subject_of: dict[str, str]
) -> list[Trace]:
    """Traces of the recordings of a prediction that is sorted by recording and time."""
    both = predictions.merge(
        targets, on=["recording", "time"], suffixes=("", "_label"), validate="one_to_one"
    )
    return [
        Trace(
            recording,
            subject_of[recording],
            rows[target].to_numpy(dtype=np.float64),
            rows[f"{target}_label"].to_numpy(dtype=np.float64),
        )
        for recording, rows in both.groupby("recording", sort=False)
    ]


def read_corpus(options: argparse.Namespace) -> tuple[set[str], dict[str, str], pd.DataFrame]:
    """Recordings of dev, the fold of every recording, the targets of a dimension.

    A fold is what is left out together: a subject, or all whom a group joins. Recordings of dev
    have at least one of the modalities whose coverage is given.
    """
    recordings = rated(read_recordings(options.recordings))
    there = set().union(*map(having, options.coverage))
    dev = {r.recording for r in recordings if r.partition == "dev" and r.recording in there}
    return dev, folds(recordings), read_targets(options.dataset, recordings, options.dimension)


def with_absent(predictions: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """Predictions with the columns of targets that nobody has predicted, null throughout."""
    absent = [name for name in schema.names if name not in predictions]
    return predictions.assign(**dict.fromkeys(absent, np.float32(np.nan)))


def add_search(arguments: argparse.ArgumentParser) -> None:
    """Add the steps to try and what they search through."""
    default = Options()
    arguments.add_argument("--steps", nargs="*", choices=STEPS, default=list(STEPS))
    arguments.add_argument(
        "--median-windows", type=float, nargs="+", default=default.median_windows, help="seconds"
    )
    arguments.add_argument("--max-shift", type=float, default=default.max_shift, help="seconds")


def read_search(options: argparse.Namespace) -> tuple[list[str], Options]:
    """Steps in the order of :data:`STEPS`, and options: the arguments of :func:`add_search`."""
    names = [name for name in STEPS if name in options.steps]
    return names, Options(tuple(options.median_windows), options.max_shift)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--predictions", type=Path, required=True)
    add_search(arguments)
    cli.add_targets(arguments)
    cli.add_coverage(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--steps-output")
    options = arguments.parse_args()

    dev, subject_of, targets = read_corpus(options)
    table = read_predictions(options.predictions)
    names, search = read_search(options)
    steps = []
    for target in options.targets:
        traces = read_traces(table, targets, target, subject_of)
        chain, gains, out_of_fold = postprocess(
            [t for t in traces if t.recording in dev], names, search
        )
        estimates = {t.recording: t.prediction for t in out_of_fold}
        final = [apply_chain(chain, t.prediction) for t in traces]
        held_out = [estimates.get(t.recording, y) for t, y in zip(traces, final, strict=True)]
        table[f"{target}_raw"] = table[target]
        table[target] = np.concatenate(final).astype(np.float32)
        table[f"{target}_out_of_fold"] = np.concatenate(held_out).astype(np.float32)
        fitted = {step.name: step.value for step in chain}
        for name in names:
            steps.append(
                {
                    "target": target,
                    "step": name,
                    "kept": name in fitted,
                    "value": fitted[name][-1] if name in fitted else None,
                    # Scaling also has a mean that it turns about.
                    "about": fitted[name][0] if len(fitted.get(name, ())) > 1 else None,
                    "gain": gains.get(name),
                }
            )
    tables.write(with_absent(table, POSTPROCESSED), POSTPROCESSED, options.output)
    columns = ["target", "step", "kept", "value", "about", "gain"]
    tables.write(pd.DataFrame(steps, columns=columns), POSTPROCESSING_STEPS, options.steps_output)


if __name__ == "__main__":
    cli.run(main)
