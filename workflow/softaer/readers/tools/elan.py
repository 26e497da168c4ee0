"""ELAN (Wittenburg et al., 2006): segments of a tier, which pympi-ling reads.

A tier has ratings if a word of its name is a dimension (``arousal``, ``arousal_anna``); its
annotations are numbers. The tier's annotator, or the rest of its name, is the rater. Annotations
that depend on others have the times of those.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from softaer.core.errors import InputError, MissingPackageError
from softaer.core.listing import first_few
from softaer.core.sheets import is_number
from softaer.readers.cells import Head, as_numbers
from softaer.readers.markup import parse
from softaer.readers.raters import DIMENSIONS, plain, tidied, words
from softaer.readers.traces import Request, Traces, table_of

Segment = tuple[str, str, str]
"""Start, end and label as text."""


def recognises(head: Head) -> bool:
    """Whether the file is XML with the root ``ANNOTATION_DOCUMENT``."""
    return "<ANNOTATION_DOCUMENT" in head.text[:4000]


def read(request: Request) -> Traces:
    """Segments of the tiers that are named after dimensions.

    Raises
    ------
    InputError
        If the file is not an ELAN document, no tier is named after a dimension, or a label is not a
        number; names tier and time.
    """
    return of_tiers(segments(request.path), request)


def segments(path: Path) -> dict[tuple[str, str], list[Segment]]:
    """Segments of the tiers of a document, by the tier's name and its annotator."""
    return {
        key: [(_in_seconds(start), _in_seconds(end), label) for start, end, label in some]
        for key, some in tiers_of(path).items()
    }


def _in_seconds(time: int | None) -> str:
    return "" if time is None else f"{time / 1000:.12g}"


def tiers_of(
    path: Path,
) -> dict[tuple[str, str], list[tuple[int | None, int | None, str]]]:
    """Tiers of a document: start and end [ms] and label of each annotation.

    Returns
    -------
    By name of the tier and its annotator (empty if it has none). Times of annotations that are not
    aligned are ``None``.
    """
    pympi = imported()
    root = parse(path)  # refuses entities, and names the line of an error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}: found <{root.tag}>; expected an ELAN document")
    found = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = pympi.Eaf(str(path))
        for name in document.get_tier_names():
            parameters = document.get_parameters_for_tier(name)
            if document.tiers[name][1]:
                rows = [row[:3] for row in document.get_ref_annotation_data_for_tier(name)]
            else:
                rows = list(document.get_annotation_data_for_tier(name))
            found[name, parameters.get("ANNOTATOR") or ""] = sorted(
                rows, key=lambda row: (row[0] or 0, row[1] or 0, row[2])
            )
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: cannot be read as an ELAN document: {type(error).__name__} {error}; "
            "expected one that ELAN opens and saves"
        ) from error
    return found


def imported() -> Any:
    """The package pympi.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import pympi
    except ImportError as error:
        raise MissingPackageError(
            "pympi-ling is not installed, which reads ELAN and Praat; type: pip install "
            "pympi-ling==1.71"
        ) from error
    return pympi


def of_tiers(tiers: Mapping[tuple[str, str], Sequence[Segment]], request: Request) -> Traces:
    """Ratings in the tiers that are named after dimensions.

    Parameters
    ----------
    tiers
        Segments by the tier's name and its annotator.
    request
        Names the dimensions; without any, common ones are looked for, and other tiers whose labels
        are all numbers are taken under their own names.
    """
    asked = request.dimensions or ((request.dimension,) if request.dimension else ())
    parts, named = [], False
    for (name, annotator), segments in tiers.items():
        dimension, rest = _dimension(name, asked or sorted(DIMENSIONS), request)
        if dimension is None:
            labels = [label.replace(",", ".") for _, _, label in segments]
            if asked or not segments or not all(map(is_number, labels)):
                continue
            dimension, rest = name, ""
        named = True
        if not segments:
            continue
        table = pd.DataFrame(
            segments,
            columns=["start", "end", "label"],
            index=[f"{start} s of tier {name!r}" for start, _, _ in segments],
            dtype=str,
        )
        start, end, value = (
            as_numbers(table[column], request.path, column, missing=column == "label")
            for column in ("start", "end", "label")
        )
        parts.append(table_of(start, value, annotator or rest or None, dimension, end))
    if not named:
        raise InputError(
            f"{request.path}: found tiers {first_few([name for name, _ in tiers], 8)}; expected "
            f"one for each rater with a dimension in its name ({', '.join(asked) or 'arousal'}), "
            "or ratings.called"
        )
    empty = table_of([], [], end=[])
    return Traces(pd.concat(parts, ignore_index=True) if parts else empty, kind="segments")


def _dimension(name: str, asked: Sequence[str], request: Request) -> tuple[str | None, str]:
    """The requested dimension in a tier's name, and the rest of the name."""
    parts = words(name)
    for dimension in asked:
        own = words(request.called.get(dimension, dimension))
        if plain(request.called.get(dimension, dimension)) == plain(name):
            return dimension, ""
        if own and all(word in parts for word in own):
            return dimension, tidied("_".join(word for word in parts if word not in own))
    return None, ""
