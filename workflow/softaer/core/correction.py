"""Corrections of a prediction: a chain of simple steps (Valstar et al., 2016).

median filter  over a window
centring       y + (mean of labels - mean of y)
scaling        mean(y) + (y - mean(y)) sd of labels / sd of y
time shift     y(t - s)

All candidates are judged by the CCC, and each is also fitted without every subject in turn.
Centring and scaling are linear, so they commute with the filter and the shift. Hence the CCC of any
chain, over any subjects, follows from sums over the frames of each subject, for each window and
shift. They are computed once, and added up for every fold (:class:`Search`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import median_filter

from softaer.core.concordance import sums_of
from softaer.core.experiment import Postprocessing
from softaer.core.grid import RATE

FILTERED_AT_ONCE = 256
"""Number of cached filtered predictions: with four windows, those of 64 recordings."""

TIE = 1e-12
"""Differences in CCC up to this are rounding; the first candidate of a tie is chosen."""


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
        return STEPS[self.name](prediction, *self.value)


def _median(prediction: np.ndarray, window: float) -> np.ndarray:
    values = np.asarray(prediction, dtype=np.float64)
    return _filtered(values.tobytes(), 2 * round(window * RATE / 2) + 1)


@lru_cache(FILTERED_AT_ONCE)
def _filtered(prediction: bytes, size: int) -> np.ndarray:
    """Cached, because every fold needs the same predictions; the shared arrays are read-only."""
    values = median_filter(np.frombuffer(prediction), size=size, mode="nearest")
    values.flags.writeable = False
    return values


def _shift(prediction: np.ndarray, seconds: float) -> np.ndarray:
    """Shift to later by some seconds; the first or last value fills the missing frames."""
    at = np.clip(np.arange(len(prediction)) - round(seconds * RATE), 0, len(prediction) - 1)
    return prediction[at]


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "median_filter": _median,
    "centring": lambda y, offset: y + offset,
    "scaling": lambda y, mean, factor: mean + (y - mean) * factor,
    "time_shift": _shift,
}
"""Kinds of steps in the order in which they are tried."""


def apply_chain(chain: Sequence[Step], prediction: np.ndarray) -> np.ndarray:
    """Corrected prediction of one recording."""
    for step in chain:
        prediction = step.apply(prediction)
    return prediction


def possible(target: str, prediction: np.ndarray) -> np.ndarray:
    """A final prediction, with 0 for a sigma below 0; NaN stays NaN."""
    return np.maximum(prediction, 0.0) if target == "sigma" else prediction


def names_of(search: Postprocessing) -> list[str]:
    """Names of the steps to try, in the order of :data:`STEPS`."""
    return [name for name in STEPS if name in search.steps]


class _Moments:
    """Means, variances and covariance of predictions and labels, from sums over frames.

    Parameters
    ----------
    sums
        n, and the sums of x, y, xx, yy and xy, shape (..., 6).
    """

    def __init__(self, sums: np.ndarray) -> None:
        self.known = sums[..., 0] > 0
        x, y, xx, yy, xy = np.moveaxis(sums[..., 1:], -1, 0) / np.maximum(sums[..., 0], 1)
        self.x, self.y = x, y
        # If only rounding is left of the squares, the series is constant.
        self.var_x, self.var_y = (
            np.where(squares - mean**2 > 1e-12 * squares, squares - mean**2, 0.0)
            for mean, squares in ((x, xx), (y, yy))
        )
        self.cov = np.where((self.var_x > 0) & (self.var_y > 0), xy - x * y, 0.0)

    def ccc(self, factor: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """CCC of ``factor * x + offset`` with y; -1 where it is not defined."""
        var_x = factor**2 * self.var_x
        spread = var_x + self.var_y + (factor * self.x + offset - self.y) ** 2
        defined = self.known & (var_x + self.var_y > 0)
        return np.where(defined, 2 * factor * self.cov / np.where(defined, spread, 1.0), -1.0)


@dataclass
class _Chains:
    """Chains of several folds: places of their windows and shifts, and a linear function of the
    filtered and shifted prediction, each of shape (folds,)."""

    window: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    offset: np.ndarray

    def moved(self, sums: np.ndarray) -> np.ndarray:
        """Sums of the corrected predictions from those before, shape (folds, 6)."""
        n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
        a, c = self.factor, self.offset
        squares = a**2 * xx + 2 * a * c * x + c**2 * n
        return np.stack([n, a * x + c * n, y, squares, yy, a * xy + c * y], axis=-1)


class Search:
    """The search for the corrections of some recordings' predictions.

    Each step is kept if it improves the CCC out of fold: fitted without a subject and applied to
    that subject, for each subject in turn.

    Parameters
    ----------
    traces
        Recordings of dev.
    search
        Steps to try, and their search ranges.

    Attributes
    ----------
    subjects
        Subjects of the recordings, each once.
    """

    def __init__(self, traces: Sequence[Trace], search: Postprocessing) -> None:
        self._traces = list(traces)
        self._names = names_of(search)
        self.subjects = list(dict.fromkeys(t.subject for t in traces))
        self._windows = [None, *search.median_windows]
        reach = round(search.max_shift * RATE)
        self._shifts = sorted((k / RATE for k in range(-reach, reach + 1)), key=abs)
        # Sums of squares of values far from zero would lose digits.
        predicted = [t.prediction[~np.isnan(t.prediction)] for t in traces]
        self._origin = float(np.concatenate(predicted).mean()) if any(map(len, predicted)) else 0.0
        self._known: dict[tuple[int, int], np.ndarray] = {}

    def choose(self, without: str | None = None) -> tuple[list[str], dict[str, float]]:
        """Keep each step in turn if it improves the CCC out of fold.

        Parameters
        ----------
        without
            Subject to leave out.

        Returns
        -------
        kept
            Names of the steps, in order.
        gains
            For each step tried, the change of the CCC out of fold. With a single subject, no step
            can be tried, and none is kept.
        """
        kept: list[str] = []
        gains: dict[str, float] = {}
        there = self._there(without)
        out = np.flatnonzero(there)
        if len(out) < 2:
            return kept, gains
        folds = np.tile(there, (len(out), 1))
        folds[np.arange(len(out)), out] = False
        one, none = np.ones(1), np.zeros(1)
        score = float(_Moments(there @ self._sums(0, 0)).ccc(one, none)[0])
        for name in self._names:
            chains, _ = self._fit([*kept, name], folds)
            own = [
                self._sums(w, s)[subject]
                for w, s, subject in zip(chains.window, chains.shift, out, strict=True)
            ]
            sums = chains.moved(np.stack(own)).sum(axis=0)
            gain = float(_Moments(sums).ccc(one, none)[0]) - score
            gains[name] = gain if abs(gain) > TIE else 0.0
            if gains[name] > 0:
                kept, score = [*kept, name], score + gain
        return kept, gains

    def fit(self, names: Sequence[str], without: str | None = None) -> list[Step]:
        """Fit steps one after the other, each on the result of the steps before it."""
        _, values = self._fit(names, self._there(without)[None])
        return [
            Step(name, tuple(map(float, value[0])))
            for name, value in zip(names, values, strict=True)
        ]

    def chain(self, without: str | None = None) -> list[Step]:
        """Choose the steps that improve the CCC out of fold, and fit them."""
        return self.fit(self.choose(without)[0], without)

    def _there(self, without: str | None) -> np.ndarray:
        return np.array([subject != without for subject in self.subjects], dtype=bool)

    def _sums(self, window: int, shift: int) -> np.ndarray:
        """Sums over the frames of each subject, relative to the origin, shape (subjects, 6)."""
        place = (int(window), int(shift))
        if place not in self._known:
            number = {subject: i for i, subject in enumerate(self.subjects)}
            sums = np.zeros((len(self.subjects), 6))
            width = self._windows[window]
            for trace in self._traces:
                values = trace.prediction if width is None else _median(trace.prediction, width)
                values = _shift(values, self._shifts[shift])
                known = ~(np.isnan(values) | np.isnan(trace.label))
                x, y = values[known] - self._origin, trace.label[known] - self._origin
                sums[number[trace.subject]] += sums_of(x, y)
            self._known[place] = sums
        return self._known[place]

    def _fit(self, names: Sequence[str], folds: np.ndarray) -> tuple[_Chains, list[np.ndarray]]:
        """Chains fitted on several folds at once, and the values of each step, shape (folds, k).

        Parameters
        ----------
        names
            Steps, in the order of :data:`STEPS`.
        folds
            Whether a fold has a subject, shape (folds, subjects).
        """
        count = len(folds)
        weights = folds.astype(np.float64)
        zero = np.zeros(count, dtype=int)
        chains = _Chains(zero, zero, np.ones(count), np.zeros(count))
        fitted = []
        for name in names:
            if name == "median_filter":
                places = range(1, len(self._windows))
                moments = [_Moments(weights @ self._sums(w, 0)) for w in places]
                scores = [m.ccc(chains.factor, chains.offset) for m in moments]
                chains.window = 1 + _first_best(scores)
                values = np.array([self._windows[w] for w in chains.window])[:, None]
            elif name == "time_shift":
                chains.shift = self._best_shift(chains, weights)
                values = np.array([self._shifts[s] for s in chains.shift])[:, None]
            else:
                now = self._of_chains(chains, weights)
                mean = chains.factor * now.x + chains.offset
                if name == "centring":
                    move = np.where(now.known, now.y - mean, 0.0)
                    chains.offset = chains.offset + move
                    values = move[:, None]
                else:
                    spread = chains.factor * np.sqrt(now.var_x)
                    scale = np.divide(
                        np.sqrt(now.var_y), spread, out=np.ones(count), where=spread > 0
                    )
                    chains.factor = chains.factor * scale
                    chains.offset = mean + (chains.offset - mean) * scale
                    values = np.stack([mean + self._origin, scale], axis=1)
            fitted.append(values)
        return chains, fitted

    def _of_chains(self, chains: _Chains, weights: np.ndarray) -> _Moments:
        """Moments of each fold with its own window, before any shift."""
        sums = np.empty((len(weights), 6))
        for window in np.unique(chains.window):
            here = chains.window == window
            sums[here] = weights[here] @ self._sums(window, 0)
        return _Moments(sums)

    def _best_shift(self, chains: _Chains, weights: np.ndarray) -> np.ndarray:
        best = np.empty(len(weights), dtype=int)
        for window in np.unique(chains.window):
            here = chains.window == window
            linear = chains.factor[here], chains.offset[here]
            places = range(len(self._shifts))
            moments = [_Moments(weights[here] @ self._sums(window, s)) for s in places]
            best[here] = _first_best([m.ccc(*linear) for m in moments])
        return best


def _first_best(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Place of the best candidate for each fold; the first one in case of a tie."""
    table = np.stack(scores)
    return np.argmax(table >= table.max(axis=0) - TIE, axis=0)
