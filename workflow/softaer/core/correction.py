"""Corrections of a prediction: a chain of simple steps (Valstar et al., 2016).

centring      y + (mean of labels - mean of y)
scaling       mean(y) + (y - mean(y)) sd of labels / sd of y
time shift    y(t - s)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy.ndimage import median_filter

from softaer.core.concordance import ccc
from softaer.core.experiment import Postprocessing
from softaer.core.grid import RATE

FILTERED_AT_ONCE = 256
"""Number of cached filtered predictions: with four windows, those of 64 recordings."""


@dataclass(frozen=True)
class Trace:
    """Prediction and label of one recording, float64, shape (T,) each, on consecutive frames."""

    recording: str
    subject: str
    prediction: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Step:
    """A fitted step; the meaning of ``value`` depends on the step."""

    name: str
    value: tuple[float, ...]

    def apply(self, prediction: np.ndarray) -> np.ndarray:
        """Corrected prediction of one recording."""
        return STEPS[self.name].apply(prediction, *self.value)


@dataclass(frozen=True)
class Kind:
    """Fitting of a kind of step on some traces, and its application to one."""

    fit: Callable[[Sequence[Trace], Postprocessing], tuple[float, ...]]
    apply: Callable[..., np.ndarray]


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
    """Cached, because every fold needs the same predictions; the shared arrays are read-only."""
    values = median_filter(np.frombuffer(prediction), size=size, mode="nearest")
    values.flags.writeable = False
    return values


def _fit_median(traces: Sequence[Trace], search: Postprocessing) -> tuple[float, ...]:
    return (_best(traces, search.median_windows, _median),)


def _fit_centre(traces: Sequence[Trace], search: Postprocessing) -> tuple[float, ...]:
    x, y = _pooled(traces)
    return (float(y.mean() - x.mean()),)


def _fit_scale(traces: Sequence[Trace], search: Postprocessing) -> tuple[float, ...]:
    x, y = _pooled(traces)
    return (float(x.mean()), float(y.std() / x.std()) if x.std() > 0 else 1.0)


def _shift(prediction: np.ndarray, seconds: float) -> np.ndarray:
    """Shift to later by some seconds; the first or last value fills the missing frames."""
    at = np.clip(np.arange(len(prediction)) - round(seconds * RATE), 0, len(prediction) - 1)
    return prediction[at]


def _fit_shift(traces: Sequence[Trace], search: Postprocessing) -> tuple[float, ...]:
    reach = round(search.max_shift * RATE)
    candidates = sorted((k / RATE for k in range(-reach, reach + 1)), key=abs)
    return (_best(traces, candidates, _shift),)


def _best(
    traces: Sequence[Trace], candidates: Sequence[float], apply: Callable[..., np.ndarray]
) -> float:
    """The candidate with the highest CCC; the first one in case of a tie."""
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


def fit_chain(traces: Sequence[Trace], names: Sequence[str], search: Postprocessing) -> list[Step]:
    """Fit steps one after the other, each on the result of the steps before it."""
    chain = []
    for name in names:
        step = Step(name, STEPS[name].fit(traces, search))
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
    """Traces corrected by chains that were fitted without their subject, in the given order.

    With only one subject, the traces are unchanged.
    """
    corrected = {}
    for subject in dict.fromkeys(t.subject for t in traces):
        others = [t for t in traces if t.subject != subject]
        chain = fit(others) if others else []
        for trace in traces:
            if trace.subject == subject:
                corrected[trace.recording] = _with(trace, apply_chain(chain, trace.prediction))
    return [corrected[t.recording] for t in traces]


def names_of(search: Postprocessing) -> list[str]:
    """Names of the steps to try, in the order of :data:`STEPS`."""
    return [name for name in STEPS if name in search.steps]


def choose_steps(
    traces: Sequence[Trace], search: Postprocessing
) -> tuple[list[str], dict[str, float]]:
    """Keep each step in turn if it improves the CCC out of fold.

    Returns
    -------
    kept
        Names of the steps, in order.
    gains
        For each step tried, the change of the CCC out of fold. With a single subject, no step can
        be tried, and none is kept.
    """
    kept: list[str] = []
    gains: dict[str, float] = {}
    if len({t.subject for t in traces}) < 2:
        return kept, gains
    score = pooled_ccc(traces)
    for name in names_of(search):
        candidate = [*kept, name]
        fit = partial(fit_chain, names=candidate, search=search)
        out_of_fold = leave_one_subject_out(traces, fit)
        gains[name] = pooled_ccc(out_of_fold) - score
        if gains[name] > 0:
            kept, score = candidate, score + gains[name]
    return kept, gains


def choose_and_fit(traces: Sequence[Trace], search: Postprocessing) -> list[Step]:
    """Choose the steps that improve the CCC out of fold, and fit them on all traces."""
    return fit_chain(traces, choose_steps(traces, search)[0], search)
