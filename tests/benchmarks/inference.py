"""What intervals and answers are worth: coverage and false answers on simulated corpora.

Labels are slow traces with a level of each subject and recording. Models follow them with a gain,
an offset and slow errors: some are common to all models (hard subjects), some are a model's own on
a subject, and some are those of a training (seed). Two models are drawn from the same distribution,
so every answer other than "undecided" is false. The true CCC is that of a very large corpus, mean
over many seeds. The functions are those of the stage `evaluate`.

python tests/benchmarks/inference.py [RUNS]       prints the tables of docs/method.md
"""

import sys
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from softaer.core.concordance import ccc_from_moments
from softaer.core.grid import RATE
from softaer.core.inference import (
    LEVEL,
    UNDECIDED,
    Difference,
    Score,
    answer,
    bootstrap,
    compare,
    holm,
    interval,
    resample,
    scatter,
    scatter_of_difference,
)

FRAMES = 200
"""Frames of a recording."""

PERSISTENCE = np.exp(-1 / (3 * RATE))
"""Autocorrelation of neighbouring frames: that of traces with a time constant of 3 s."""


class Corpus(NamedTuple):
    """Moments of models on a simulated corpus, and the subject of each recording.

    ``moments`` has the shape (models, seeds, recordings, 6).
    """

    moments: np.ndarray
    subject: np.ndarray

    def by(self, unit: str) -> np.ndarray:
        """Moments by ``recording`` or ``subject``, shape (models, seeds, units, 6)."""
        if unit == "recording":
            return self.moments
        shape = (*self.moments.shape[:2], -1, np.bincount(self.subject)[0], 6)
        return self.moments.reshape(shape).sum(axis=3)


def slow(rng: np.random.Generator, *shape: int, frames: int = FRAMES) -> np.ndarray:
    """Autoregressive traces of unit variance, shape (*shape, frames)."""
    noise = rng.standard_normal((*shape, frames))
    noise[..., 0] /= np.sqrt(1 - PERSISTENCE**2)
    return np.sqrt(1 - PERSISTENCE**2) * lfilter([1], [1, -PERSISTENCE], noise, axis=-1)


def simulate(
    rng: np.random.Generator,
    subjects: int,
    recordings: int = 1,
    seeds: int = 3,
    gain: float = 0.0,
    models: int = 2,
    permuted: bool = False,
    scatter: float = 1.0,
) -> Corpus:
    """A corpus of some subjects with as many recordings each, and models that are equally good.

    Parameters
    ----------
    rng
        Source of random numbers.
    subjects, recordings, seeds, models
        Their numbers.
    gain
        How much more the first model follows the label.
    permuted
        Whether predictions belong to the labels of another subject.
    scatter
        Size of what a training adds.
    """
    number = subjects * recordings
    subject = np.repeat(np.arange(subjects), recordings)

    def of_subjects(size: float, *shape: int) -> np.ndarray:
        return size * rng.standard_normal((*shape, subjects))[..., subject]

    label = slow(rng, number) + (of_subjects(0.6) + 0.3 * rng.standard_normal(number))[:, None]
    follows = 0.6 + of_subjects(0.2) + of_subjects(0.1, models)
    follows[0] += gain
    own = of_subjects(0.35) + of_subjects(0.15, models)
    errors = 0.5 * slow(rng, number) + 0.3 * slow(rng, models, number)
    truth = np.roll(label, recordings, axis=0) if permuted else label
    moments = np.empty((models, seeds, number, 6))
    for s in range(seeds):
        training = scatter * 0.06 * rng.standard_normal((models, 1))
        level = scatter * (0.1 * rng.standard_normal((models, 1)) + of_subjects(0.1, models))
        scale = follows + training
        x = scale[..., None] * label + (own + level)[..., None] + errors
        x = x + 0.3 * slow(rng, models, number)
        y = np.broadcast_to(truth, x.shape)
        sums = [np.ones_like(x), x, y, x * x, y * y, x * y]
        moments[:, s] = np.stack([values.sum(axis=-1) for values in sums], axis=-1)
    return Corpus(moments, subject)


def true_score(subjects: int = 3_000, seeds: int = 40) -> float:
    """CCC over all subjects, mean over all trainings."""
    corpus = simulate(np.random.default_rng(0), subjects, seeds=seeds, models=1)
    return float(ccc_from_moments(corpus.moments.sum(axis=2)).mean())


def scores(corpus: Corpus, unit: str, draws: int = 400, seed: int = 1) -> list[Score]:
    """Score of every model."""
    moments = corpus.by(unit)
    counts = resample(moments.shape[2], draws, seed)
    return [bootstrap(each, counts) for each in moments]


def true_gain(gain: float, subjects: int = 2_000, seeds: int = 30) -> float:
    """Difference in CCC of two models that a ``gain`` makes, over all subjects and trainings."""
    corpus = simulate(np.random.default_rng(0), subjects, seeds=seeds, gain=gain)
    better, worse = ccc_from_moments(corpus.moments.sum(axis=2)).mean(axis=1)
    return float(better - worse)


def answers(rng: np.random.Generator, subjects: int, models: int, **more: float) -> list[str]:
    """Answers to "the first of two models is better", adjusted for their number, on one corpus."""
    each = scores(simulate(rng, subjects, models=models, **more), "subject")
    pairs = [compare(a, b) for a, b in zip(each[::2], each[1::2], strict=True)]
    adjusted = holm(np.array([pair.p_value for pair in pairs]))
    return [said(pair, p) for pair, p in zip(pairs, adjusted, strict=True)]


def said(pair: Difference, p_value: float) -> str:
    """Answer for a difference, given its adjusted p value."""
    return answer(pair.low, pair.high, p_value, pair.resampled, pair.seeds)


def coverage(
    subjects: int, recordings: int, truth: float, runs: int, seeds: int = 3
) -> dict[str, float]:
    """Shares of corpora in which bounds hold the true score, and in which models seem to differ.

    Parameters
    ----------
    subjects, recordings, seeds
        See :func:`simulate`.
    truth
        The true score.
    runs
        Number of corpora.

    Returns
    -------
    recordings, recordings, false
        Intervals over recordings, as if they were independent, with the seeds taken as given: the
        share that holds the true score, and of differences that exclude zero.
    interval, interval, false
        The same for intervals over subjects and seeds, also where the product gives a range.
    p, false; answer, false
        Shares of p values below the level, and of answers other than undecided.
    """
    rng = np.random.default_rng([subjects, recordings, seeds])
    found: dict[str, list[bool]] = {}
    for _ in range(runs):
        corpus = simulate(rng, subjects, recordings, seeds)
        plain, other = scores(corpus, "recording")
        first, second = scores(corpus, "subject")
        pair = compare(first, second)
        over = scatter_of_difference([(first, second)], shared=False)
        bounds = {
            "recordings": interval(plain.draws, plain.units),
            "interval": interval(first.draws, subjects, scatter(first)),
        }
        apart = {
            "recordings": interval(plain.draws - other.draws, plain.units),
            "interval": interval(first.draws - second.draws, subjects, over),
        }
        now = {name: low <= truth <= high for name, (low, high) in bounds.items()}
        now |= {f"{name}, false": low > 0 or high < 0 for name, (low, high) in apart.items()}
        now["p, false"] = pair.p_value < LEVEL
        now["answer, false"] = not said(pair, pair.p_value).startswith(UNDECIDED)
        for name, value in now.items():
            found.setdefault(name, []).append(bool(value))
    return {name: float(np.mean(values)) for name, values in found.items()}


def permuted(comparisons: int, subjects: int = 20, models: int = 20) -> tuple[int, int]:
    """Number of answers other than undecided if labels belong to other subjects.

    Parameters
    ----------
    comparisons
        Their number; each corpus has half as many as ``models``.
    subjects, models
        See :func:`simulate`.

    Returns
    -------
    By the plain p values, and by those adjusted for all comparisons together.
    """
    rng = np.random.default_rng(5)
    pairs: list[Difference] = []
    while len(pairs) < comparisons:
        each = scores(simulate(rng, subjects, models=models, permuted=True), "subject")
        pairs += [compare(a, b) for a, b in zip(each[::2], each[1::2], strict=True)]
    p_values = np.array([pair.p_value for pair in pairs])
    plain, adjusted = (
        sum(not said(pair, p).startswith(UNDECIDED) for pair, p in zip(pairs, values, strict=True))
        for values in (p_values, holm(p_values))
    )
    return plain, adjusted


COLUMNS = ("recordings", "interval", "recordings, false", "interval, false", "p, false",
    "answer, false")  # fmt: skip


def main(runs: int = 1_000) -> None:
    truth = true_score()
    cases = [(n, r, 3) for n in (2, 3, 4, 5, 6, 8, 16, 28) for r in (1, 2)]
    cases += [(16, 1, seeds) for seeds in (1, 2, 5)]
    print("| subjects | recordings each | seeds | " + " | ".join(COLUMNS) + " |")
    print("|---" * (3 + len(COLUMNS)) + "|")
    for case in cases:
        found = coverage(*case[:2], truth, runs, case[2])
        cells = [*map(str, case), *(f"{100 * found[name]:.1f} %" for name in COLUMNS)]
        print("| " + " | ".join(cells) + " |", flush=True)
    print("permuted labels, 200 comparisons, answers (plain p, Holm):", *permuted(200))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
