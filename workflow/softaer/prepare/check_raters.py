"""Each rater over the corpus for ``softaer check --raters``: the report's table, without a run."""

from collections.abc import Callable, Mapping

import pandas as pd

from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, Labels
from softaer.labels import ESTIMATOR, label
from softaer.page.raters import raters_rows, sentences
from softaer.rater_lags import align, estimate_lags, panel, without_excluded
from softaer.rater_screen import screen_corpus
from softaer.rater_weights import corpus_weights
from softaer.raters import describe


def known_of_raters(
    ratings: pd.DataFrame,
    labels: Labels,
    unit_of: Mapping[str, str | None],
    settings: Evaluation | None = None,
) -> pd.DataFrame:
    """The table of the stage ``raters``, from ratings alone.

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
    parts = []
    for dimension, rows in ratings.groupby("dimension", sort=False):
        own = screen[screen["dimension"] == dimension]
        kept, lags = without_excluded(rows, own), None
        if labels.alignment == "estimated":
            raters, recordings = panel(kept)
            lags = estimate_lags(recordings, labels.max_lag)
            lags = lags.assign(rater=raters, dimension=dimension)
            kept = align(kept, lags)
        weights = _weights(kept, labels)
        table, _ = describe(rows, own, weights, unit_of, lags, labels.max_lag, settings)
        parts.append(table.assign(dimension=dimension))
    return pd.concat(parts, ignore_index=True)


def _weights(ratings: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """``recording``, ``rater`` and ``weight``, as the stage ``labels`` finds them."""
    estimator = {name: getattr(labels, name) for name in ESTIMATOR}
    if (labels.estimator, labels.weights) == ("ewe", "corpus"):
        estimator["corpus_weights"] = corpus_weights(ratings, labels.against)
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
        table = known_of_raters(ratings, labels, unit_of, settings)
    except InputError as error:
        problem(str(error))
        return
    rows = raters_rows(table)
    for dimension, own in rows.groupby("dimension", sort=False):
        say(f"\n{dimension}, each rater:")
        shown = own.drop(columns="dimension").to_string(
            index=False, float_format="{:.2f}".format, na_rep="-"
        )
        say(shown)
    say("")
    for line in sentences(table):
        say(line)
