"""Each rater, and how many are needed, for ``softaer check --raters`` and ``softaer raters``: as in
the report, without a run."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from softaer.agreement import panels, reliability_tables
from softaer.core.errors import InputError
from softaer.core.experiment import (
    ESTIMATION,
    OVER_CORPUS,
    WEIGHTING,
    Evaluation,
    Labels,
    weighs_over_corpus,
)
from softaer.labels import label
from softaer.page.raters import raters_rows, sentences
from softaer.page.worth import reliability_rows, unreliable
from softaer.panels.steps import prepared_ratings
from softaer.rater_lags import align, estimate_lags, panel, without_excluded
from softaer.rater_screen import screen_corpus
from softaer.rater_statistics import rater_levels
from softaer.rater_weights import corpus_weights
from softaer.raters import describe

OF_RATER = ("rater", "recordings", "share", "lag", "gain", "bias", "noise")
"""Columns of the first table for people: who it is, and the parameters of the panel model."""


class Known(NamedTuple):
    """Table of the stage ``raters``, and ``AGREEMENT_RELIABILITY`` of the stage ``agreement``."""

    raters: pd.DataFrame
    reliability: pd.DataFrame


def known_of_raters(
    ratings: pd.DataFrame,
    labels: Labels,
    unit_of: Mapping[str, str | None],
    settings: Evaluation | None = None,
) -> Known:
    """What the report says of the raters, from ratings alone.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``rater``, ``value``.
    labels
        The section ``labels`` of the configuration.
    unit_of
        Unit of each recording, for the intervals.
    settings
        The section ``evaluation``.

    Raises
    ------
    InputError
        If the screen leaves nobody in a recording.
    """
    screen = screen_corpus(ratings, labels)
    parts, reliabilities = [], []
    for dimension, rows in ratings.groupby("dimension", sort=False):
        own = screen[screen["dimension"] == dimension]
        kept, lags = without_excluded(rows, own), None
        over_corpus = labels.scale in OVER_CORPUS
        levels = rater_levels(kept, labels.scale, labels.max_lag) if over_corpus else None
        kept = prepared_ratings(kept, labels, levels)
        if labels.alignment == "estimated":
            raters, recordings = panel(kept)
            lags = estimate_lags(recordings, labels.max_lag)
            lags = lags.assign(rater=raters, dimension=dimension)
            kept = align(kept, lags)
        weights = _weights(kept, labels)
        table, _ = describe(rows, own, weights, unit_of, lags, labels.max_lag, settings)
        parts.append(table.assign(dimension=dimension))
        by_recording = panels(kept)
        units = [unit_of.get(recording) or recording for recording in by_recording]
        reliability, _ = reliability_tables(by_recording, units, settings or Evaluation())
        reliabilities.append(reliability.assign(dimension=dimension))
    return Known(*(pd.concat(some, ignore_index=True) for some in (parts, reliabilities)))


def _weights(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """``recording``, ``rater`` and ``weight``, as the stage ``labels`` finds them."""
    estimator = {name: getattr(labels, name) for name in ESTIMATION}
    if weighs_over_corpus(labels.estimator, labels.weights):
        weighting = {name: getattr(labels, name) for name in WEIGHTING}
        estimator["corpus_weights"] = corpus_weights(ratings, **weighting)
    return pd.concat(
        [
            label(rows, **estimator)[1].assign(recording=recording)
            for recording, rows in ratings.groupby("recording", sort=False)
        ]
    )


def look_at_each_rater(
    ratings: pd.DataFrame,
    labels: Labels,
    unit_of: Mapping[str, str | None],
    say: Callable[[str], None],
    problem: Callable[[str], None],
    settings: Evaluation | None = None,
) -> None:
    """Print what is known of each rater, and what is unusual.

    Parameters
    ----------
    ratings, labels, unit_of, settings
        See :func:`known_of_raters`.
    say, problem
        Called with what was found, and if the screen leaves nobody in a recording.
    """
    try:
        known = known_of_raters(ratings, labels, unit_of, settings)
    except InputError as error:
        problem(str(error))
        return
    tell_each_rater(known, say)


def tell_each_rater(known: Known, say: Callable[[str], None]) -> None:
    """Print what is known of each rater: numbers, what is unusual, and how many are needed.

    Parameters
    ----------
    known
        Tables of a run, or of :func:`known_of_raters`.
    say
        Called with each part.
    """
    rows = raters_rows(known.raters)
    for dimension, own in rows.groupby("dimension", sort=False):
        say(f"\n{dimension}, each rater:")
        say(_text(own[[*OF_RATER, "done"]]))
        say(f"\n{dimension}, agreement with the others, and change over the recordings:")
        say(_text(own.drop(columns=["dimension", *OF_RATER[1:], "done"])))
    say("")
    for line in sentences(known.raters):
        say(line)
    if len(known.reliability):
        say("\nreliability of the labels, and raters needed for 0.7, 0.8 and 0.9:")
        say(_text(reliability_rows(known.reliability)))
    for dimension in unreliable(known.reliability):
        say(
            f"{dimension}: the reliability of σ is not above zero; with such raters, no score of "
            "σ means anything."
        )


def _text(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format="{:.2f}".format, na_rep="-")
