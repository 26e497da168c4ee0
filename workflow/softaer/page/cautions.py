"""What a reader must keep in mind: warnings that follow from inputs, raters and scores."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from softaer.core.inference import FEW_UNITS
from softaer.page.raters import CLEAN
from softaer.page.score_table import shown
from softaer.page.summary import counted, joined
from softaer.page.worth import of_predictions, unreliable


class Caution(NamedTuple):
    """A warning.

    Attributes
    ----------
    text
        One or two sentences.
    section
        Section of the page with the details.
    anchor
        Place within it.
    """

    text: str
    section: str
    anchor: str


KINDS = {
    "video frames dropped, damaged or missing": (
        "video frames were dropped",
        "video frames are damaged",
        "no video frame",
        "video frames were decoded; the frame rate implies",
    ),
    "silence": ("digital silence", "silent channels", "filled with silence", "no sound was"),
    "sound cut": ("of sound were cut",),
    "damaged packets": ("packets are damaged and were dropped",),
    "length unlike the header's": ("were decoded; the file's header states",),
    "another face": ("show only a face other than", "the subject was found again"),
}
"""Kinds of unusual media, by words of the notes on them."""

OTHER = "other notes"
"""Kind of a note with none of these words."""


def kind_of(note: str, kinds: Mapping[str, Sequence[str]] = KINDS) -> str:
    """Kind of a note on an unusual input.

    Examples
    --------
    >>> kind_of("3 video frames are damaged"), kind_of("the whole sound is digital silence")
    ('video frames dropped, damaged or missing', 'silence')
    >>> kind_of("a header alone, no ratings")
    'other notes'
    """
    found = (kind for kind, words in kinds.items() if any(word in note for word in words))
    return next(found, OTHER)


def of_inputs(
    oddities: pd.DataFrame, recordings: int, of_labels: Mapping[str, Sequence[str]]
) -> Caution | None:
    """How many recordings have unusual inputs, and of which kinds.

    Parameters
    ----------
    oddities
        See :func:`softaer.page.oddities.oddities`.
    recordings
        Number of rated recordings.
    of_labels
        Kinds of notes on labels, as in :data:`KINDS`.
    """
    if oddities.empty:
        return None
    known = {**KINDS, **of_labels}
    kinds = pd.Series([kind_of(note, known) for note in oddities["note"]], index=oddities.index)
    counts = oddities.groupby(kinds)["recording"].nunique()
    said = [f"{kind} in {counts[kind]}" for kind in (*known, OTHER) if kind in counts]
    text = (
        f"Unusual inputs were found in the data of {oddities['recording'].nunique()} of "
        f"{counted(recordings, 'recording')}, and used nevertheless: {', '.join(said)}."
    )
    return Caution(text, "data", "oddities")


def of_absences(absences: pd.DataFrame) -> Caution | None:
    """How many recordings have no features of a modality.

    Parameters
    ----------
    absences
        ``recording``, ``without``, ``scored``.
    """
    if absences.empty:
        return None
    said = [
        f"{name} in {rows['recording'].nunique()}"
        for name, rows in absences.groupby("without", sort=False)
    ]
    out = absences.loc[~absences["scored"].astype(bool), "recording"].nunique()
    text = f"Recordings without any features: {', '.join(said)}."
    text += f" Without all modalities, and not scored: {out}." if out else ""
    return Caution(text, "data", "absences")


def of_raters(raters: pd.DataFrame) -> Caution | None:
    """Raters who are not in agreement with the others, and what was done.

    Parameters
    ----------
    raters
        Table of the stage ``raters``.
    """
    odd = raters[raters["verdict"] != CLEAN]
    if odd.empty:
        return None
    said = []
    for dimension, rows in odd.groupby("dimension", sort=False):
        kinds = [f"{count} {kind}" for kind, count in rows["verdict"].value_counts().items()]
        out = int(rows["done"].str.startswith("excluded").sum())
        every = int((raters["dimension"] == dimension).sum())
        said.append(
            f"{dimension}: {len(rows)} of {every} ({', '.join(kinds)}; {out or 'none'} left out)"
        )
    text = f"Raters who do not agree with the others, or cannot be judged: {'; '.join(said)}."
    return Caution(text, "raters", "each-rater")


def of_ridge(rows: Sequence[Mapping[str, Any]]) -> Caution | None:
    """Chosen models that do not beat the ridge regression on the same features.

    Parameters
    ----------
    rows
        See :func:`softaer.page.summary.chosen_rows`.
    """
    behind = [
        f"{row['of']} ({shown(row['test'])}, ridge {shown(row['ridge'])})"
        for row in rows
        if None not in (row["ridge"], row["test"]) and row["test"] <= row["ridge"]
    ]
    if not behind:
        return None
    text = f"The chosen network does not beat ridge regression on test for {joined(behind)}."
    return Caution(text, "scores", "scores")


def of_reliability(reliability: pd.DataFrame) -> Caution | None:
    """Dimensions on whose σ the raters may not agree at all.

    Parameters
    ----------
    reliability
        Table of the stage ``agreement``.
    """
    doubtful = unreliable(reliability)
    if not doubtful:
        return None
    text = (
        f"The label's σ is not reliable for {joined(doubtful)}: other raters may give another one, "
        "so that no score of σ means anything there."
    )
    return Caution(text, "raters", "reliability")


def of_sigma(scores: pd.DataFrame) -> Caution | None:
    """Cases in which the predicted σ does not tell at which moments people differ.

    Parameters
    ----------
    scores
        Table ``DISTRIBUTION`` of the stage ``uncertainty``.
    """
    blind = of_predictions(scores)["blind"]
    if not blind:
        return None
    text = (
        f"The predicted σ does not tell at which moments people differ for {'; '.join(blind)}: "
        "its correlation with how far a left-out rater deviates is not above zero."
    )
    return Caution(text, "uncertainty", "uncertainty")


def of_units(units: int, resample: str) -> Caution | None:
    """Too few subjects or recordings in test to decide anything.

    Parameters
    ----------
    units
        Number of them; 0 without a test partition.
    resample
        What they are.
    """
    if units > FEW_UNITS:
        return None
    text = (
        f"Only {counted(units, resample)} in test: ranges take the place of intervals, and no "
        "claim can be decided."
        if units
        else "There is no test partition: all scores are those of dev."
    )
    return Caution(text, "claims", "claims")


def of_seeds(seeds: int) -> Caution | None:
    """One seed: another training might change every score."""
    if seeds > 1:
        return None
    text = (
        "One seed: intervals do not include what another training would change, and no claim can "
        "be decided."
    )
    return Caution(text, "claims", "claims")


def of_dev(subjects: int) -> Caution | None:
    """So few subjects in dev that no step after the networks can be validated.

    Parameters
    ----------
    subjects
        Number of subjects in dev.
    """
    if subjects > 2:
        return None
    text = (
        f"Only {counted(subjects, 'subject')} in dev: post-processing and fusion cannot be "
        "validated within dev, and models are chosen by few people."
    )
    return Caution(text, "scores", "scores")
