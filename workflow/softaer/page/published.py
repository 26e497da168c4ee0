"""Published scores: which ones a run shows, and how far they are comparable with its own.

``han2017`` is included in the package: the table of the paper whose method this is. The Snakefile
imports this module, so it uses only the standard library.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from softaer.core.errors import InputError
from softaer.core.home import PACKAGE
from softaer.core.sheets import read_lines
from softaer.layouts import Layout
from softaer.modalities import BUILT_IN

NONE = "none"
"""Value of ``report.published`` for showing nothing."""


@dataclass(frozen=True)
class Score:
    """A CCC with its source, its corpus, and the prediction it belongs to."""

    source: str
    corpus: str
    dimension: str
    target: str
    modality: str
    task: str
    partition: str
    ccc: float


COLUMNS = tuple(column.name for column in fields(Score))
"""Columns of a table of published scores."""


@dataclass(frozen=True)
class Origin:
    """Source of a table included in the package, and the conditions of its scores."""

    citation: str
    remarks: Sequence[str]
    settings: Mapping[str, Collection[Any]]
    """Configuration keys that affect what is predicted and from what, with the published values."""


SHIPPED = {
    "han2017": Origin(
        citation="Han, Zhang, Schmitt, Pantic & Schuller, From Hard to Soft: Towards more "
        "Human-like Emotion Recognition by Modelling the Perception Uncertainty, ACM Multimedia "
        "2017, read off the paper's poster",
        remarks=(
            "The published table has no intervals, and does not say which recordings are in dev "
            "and test",
            "The paper's face tracker is not the one used here; the length of its audio windows "
            "and the divisor of its sigma are not known",
        ),
        settings={
            "audio.feature_set": ("IS13_ComParE", "ComParE_2016"),
            "audio.functionals": (["mean", "variance"],),
            "video.registration": ("similarity",),
            "video.window": (0.0,),
            "labels.scale": ("none",),
            "labels.relative": ("none",),
            "labels.estimator": ("ewe",),
        },
    )
}
"""Tables included in the package, ``published/NAME.csv`` in its folder."""


def shipped_table(name: str) -> Path:
    """Path of a table included in the package."""
    return PACKAGE / "published" / f"{name}.csv"


def own_table(asked: str | None) -> str | None:
    """Path of the user's own table, if requested."""
    return None if asked == NONE or asked in SHIPPED else asked


def chosen_table(
    asked: str | None, layout: Layout, simulated: bool, check: bool = True
) -> str | None:
    """The table of published scores that the report shows.

    Parameters
    ----------
    asked
        ``report.published`` of the configuration.
    layout
        Module of :mod:`softaer.layouts`; its ``PUBLISHED`` is the default.
    simulated
        Whether the corpus is the simulated one.
    check
        Whether to read the table as well.

    Returns
    -------
    A name in :data:`SHIPPED`, the path of a CSV, or ``None``.

    Raises
    ------
    InputError
        If published scores are requested with the simulated corpus, or the table is wrong.
    """
    if simulated:
        if asked not in (None, NONE):
            raise InputError(
                f"config key 'report.published': found {asked!r} with the simulated corpus; "
                f"expected null or {NONE!r}, because scores on recordings of people cannot be "
                "compared with scores on simulated ones"
            )
        return None
    chosen = getattr(layout, "PUBLISHED", None) if asked is None else asked
    if chosen in (None, NONE):
        return None
    if check:
        try:
            read_published(chosen)
        except InputError as error:
            raise InputError(f"config key 'report.published': {error}") from error
    return chosen


def release(layout: Layout) -> str | None:
    """Description, for the report, of a corpus with published scores.

    Parameters
    ----------
    layout
        Module of :mod:`softaer.layouts`.

    Returns
    -------
    The first sentence of its docstring and whether it has raters; ``None`` for other corpora.
    """
    if not hasattr(layout, "PUBLISHED"):
        return None
    words = (layout.__doc__ or "").strip().splitlines()[0].removesuffix(".")
    if layout.RATERS:
        return words
    return f"{words}; the labels are its gold standard, not an E estimated from single raters"


def read_published(table: str) -> list[Score]:
    """Read a table of published scores.

    Parameters
    ----------
    table
        A name in :data:`SHIPPED`, or the path of a CSV with the columns :data:`COLUMNS`; others
        are ignored.

    Raises
    ------
    InputError
        If it cannot be read, a column or a cell is missing, or a score is not a CCC or occurs
        twice.
    """
    path = shipped_table(table) if table in SHIPPED else Path(table)
    source = read_lines(path, "table of published scores", strict=False, blanks=True)
    _, header = next(source, (1, []))
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(
            f"{path}: found columns {header}, without {missing}; expected {list(COLUMNS)}"
        )
    scores: dict[tuple[str, ...], Score] = {}
    for line, cells in source:
        if not cells:
            continue
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: found more or fewer cells than the header's {len(header)}; "
                "expected as many"
            )
        row = dict(zip(header, cells, strict=True))
        keys = {name: row[name] for name in COLUMNS if name != "ccc"}
        named = tuple(keys.values())
        if named in scores:
            raise InputError(
                f"{path}, line {line}: found a second score of {list(named)}; expected one of each"
            )
        value = _ccc(row["ccc"], f"{path}, line {line}, column 'ccc'")
        scores[named] = Score(**keys, ccc=value)
    return list(scores.values())


def _ccc(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1 <= value <= 1:
        raise InputError(f"{where}: found {text!r}; expected a number between -1 and 1")
    return value


def side_by_side(scores: Sequence[Score], own: Mapping[str, list]) -> dict[str, Any]:
    """Published scores next to those of a run, matched by prediction.

    Parameters
    ----------
    scores
        Published scores.
    own
        The run's :func:`softaer.page.score_table.score_table`.

    Returns
    -------
    sources
        For each source and corpus ``source``, ``corpus`` and ``tables``, one for each dimension:
        ``dimension``, ``targets`` and ``rows`` with ``modality``, ``task`` and ``cells``. A cell
        belongs to one target and has ``own``, the block of the run's table (empty if missing), and
        the published ``dev`` and ``test`` (``None`` if missing).
    without
        Number of scores that are not shown: those of dimensions and targets that the run does not
        have, or of partitions other than dev and test.
    """
    blocks = {
        (*column, row["name"], row["task"]): block
        for row in own["rows"]
        for column, block in zip(own["columns"], row["blocks"], strict=True)
    }
    order = list(dict.fromkeys((row["name"], row["task"]) for row in own["rows"]))
    shown = [
        score
        for score in scores
        if (score.dimension, score.target) in own["columns"] and score.partition in ("dev", "test")
    ]
    sources = []
    for source, corpus in dict.fromkeys((score.source, score.corpus) for score in shown):
        ours = [score for score in shown if (score.source, score.corpus) == (source, corpus)]
        value = {(s.dimension, s.target, s.modality, s.task, s.partition): s.ccc for s in ours}
        columns = [c for c in own["columns"] if any((s.dimension, s.target) == c for s in ours)]
        tables = []
        for dimension in dict.fromkeys(column[0] for column in columns):
            targets = [target for name, target in columns if name == dimension]
            models = {(s.modality, s.task) for s in ours if s.dimension == dimension}
            known = [model for model in order if model in models]
            rows = [
                {
                    "modality": modality,
                    "task": task,
                    "cells": [
                        {"own": blocks.get((dimension, target, modality, task), {})}
                        | {
                            partition: value.get((dimension, target, modality, task, partition))
                            for partition in ("dev", "test")
                        }
                        for target in targets
                    ],
                }
                for modality, task in [*known, *sorted(models - set(known))]
            ]
            tables.append({"dimension": dimension, "targets": targets, "rows": rows})
        sources.append({"source": source, "corpus": corpus, "tables": tables})
    return {"sources": sources, "without": len(scores) - len(shown)}


def departures(
    table: str | None, config: Mapping[str, Any], modalities: Collection[str]
) -> list[str]:
    """Settings of a run that differ from the published ones.

    Parameters
    ----------
    table
        Result of :func:`chosen_table`.
    config
        The configuration of the run.
    modalities
        Modalities of the run; settings of others are ignored.

    Returns
    -------
    ``key: value`` of each, as in the configuration.
    """
    found = []
    for key, published in (SHIPPED[table].settings if table in SHIPPED else {}).items():
        section, _, name = key.partition(".")
        if section in BUILT_IN and section not in modalities:
            continue
        if config[section][name] not in published:
            found.append(f"{key}: {config[section][name]}")
    return found
