"""Compares a run with an archive, table by table and input by input."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from softaer.comparison.finished import Finished
from softaer.comparison.frozen import CORPUS, Frozen, Input, inputs_of, table_as_given, tables_of
from softaer.comparison.settings import WITHOUT_EFFECT
from softaer.core import places
from softaer.corpus import PATHS
from softaer.page.settings import flat, shown
from softaer.running import configuration

SAME, CLOSE, DIFFERS = "same bytes", "equal within tolerance", "differs"
ABSENT, NEW = "not in the run", "not in the archive"

LOCATED = frozenset({"corpus.recordings", "corpus.root", "ratings.files", "model.network_file"})
"""Configuration keys with paths, which are others on another machine."""


@dataclass(frozen=True)
class Answer:
    """Whether a table agrees: one of the words above, and what shows it."""

    table: str
    answer: str
    words: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the archive's values are the same here, within the tolerance."""
        return self.answer in (SAME, CLOSE, NEW)


@dataclass(frozen=True)
class Inputs:
    """Names of the archive's inputs: those that are the same, others, and those not read here.

    ``unknown`` have no digest in one of the runs.
    """

    same: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def compare_tables(frozen: Frozen, run: Finished, tolerance: float) -> list[Answer]:
    """Compare each table of an archive with that of a run, and the corpus tables.

    Parameters
    ----------
    frozen
        The archive.
    run
        A finished run.
    tolerance
        Allowed difference between numbers, absolute and relative.
    """
    content = table_as_given(run).read_bytes()
    answers = [_corpus(frozen.contents[CORPUS], content)]
    for name in frozen.tables:
        path = places.within(run.results, name)
        if not path.is_file():
            answers.append(Answer(name, ABSENT))
        else:
            answers.append(same_table(name, frozen.contents[name], path.read_bytes(), tolerance))
    here = [name for name in tables_of(run) if places.within(run.results, name).is_file()]
    new = [name for name in here if name not in frozen.contents]
    return [*answers, *(Answer(name, NEW) for name in new)]


def same_table(name: str, frozen: bytes, here: bytes, tolerance: float) -> Answer:
    """Compare two tables.

    Parameters
    ----------
    name
        Path that ends in ``.parquet`` or ``.csv``.
    frozen, here
        Contents of the files.
    tolerance
        Allowed difference between numbers, absolute and relative.
    """
    if frozen == here:
        return Answer(name, SAME)
    first, second = (_table(name, content) for content in (frozen, here))
    if list(first.columns) != list(second.columns):
        odd = next((c for c in [*first, *second] if (c in first) != (c in second)), "their order")
        return Answer(name, DIFFERS, f"other columns, such as {odd}")
    if len(first) != len(second):
        return Answer(name, DIFFERS, f"{len(first)} rows in the archive, {len(second)} here")
    apart, largest = np.zeros(first.shape, bool), 0.0
    for place, column in enumerate(first):
        one, other = first[column], second[column]
        if all(map(pd.api.types.is_float_dtype, (one, other))):
            x, y = (part.to_numpy(float) for part in (one, other))
            apart[:, place] = ~np.isclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True)
            distance = np.abs(x - y)
            largest = max(largest, distance[np.isfinite(distance)].max(initial=0.0))
        else:
            same = (one == other) | (one.isna() & other.isna())
            apart[:, place] = ~same.to_numpy(bool)
    if not apart.any():
        return Answer(name, CLOSE, f"largest difference {largest:.2g}")
    row, place = map(int, np.argwhere(apart)[0])
    values = [_value(table.iloc[row, place]) for table in (first, second)]
    words = f"{int(apart.any(axis=1).sum())} of {len(first)} rows; the first is row {row + 1}"
    words += f" ({_keys(first.iloc[row])}), column {first.columns[place]}: "
    return Answer(name, DIFFERS, words + f"{values[0]} in the archive, {values[1]} here")


def _table(name: str, content: bytes) -> pd.DataFrame:
    source = io.BytesIO(content)
    return pd.read_csv(source) if name.endswith(".csv") else pq.read_table(source).to_pandas()


def _value(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "nothing" if missing else f"{value:.6g}" if isinstance(value, float) else str(value)


def _keys(row: pd.Series) -> str:
    """What names a row: its words, and its time."""
    named = [
        f"{key} {value:g}" if isinstance(value, float) else str(value)
        for key, value in row.items()
        if (isinstance(value, str) or key in ("time", "seed")) and not pd.isna(value)
    ]
    return ", ".join(named[:6]) or "without a name"


def _corpus(frozen: bytes, here: bytes) -> Answer:
    """Compare corpus tables without the paths, which are others on another machine."""
    first, second = map(_rows, (frozen, here))
    answer = "corpus table"
    odd = [name for name in [*first, *second] if (name in first) != (name in second)]
    if odd:
        only = "in the archive" if odd[0] in first else "here"
        return Answer(answer, DIFFERS, f"recording {odd[0]} is only {only}")
    for name, row in first.items():
        for column in dict.fromkeys([*row, *second[name]]):
            one, other = (part.get(column, "") for part in (row, second[name]))
            if one != other:
                words = f"recording {name}, column {column}: "
                words += f"{one!r} in the archive, {other!r} here"
                return Answer(answer, DIFFERS, words)
    return Answer(answer, SAME) if frozen == here else Answer(answer, CLOSE, "only paths differ")


def _rows(content: bytes) -> dict[str, dict[str, str]]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    return {
        row["recording"]: {k: v for k, v in row.items() if v and k not in PATHS} for row in rows
    }


def compare_inputs(frozen: Sequence[Input], here: Sequence[Input]) -> Inputs:
    """Compare the files that two runs have read.

    A file is found again by the end of its path, because folders are others on another machine.

    Parameters
    ----------
    frozen, here
        Inputs of the archive and of the run.
    """
    by_name: dict[str, list[Input]] = {}
    for one in here:
        by_name.setdefault(PurePath(one.name).name, []).append(one)
    found: dict[str, list[str]] = {"same": [], "differ": [], "absent": [], "unknown": []}
    for one in frozen:
        candidates = by_name.get(PurePath(one.name).name, [])
        if not candidates:
            kind = "absent"
        else:
            alike = max(_alike(one.name, other.name) for other in candidates)
            digests = {c.sha256 for c in candidates if _alike(one.name, c.name) == alike}
            unknown = one.sha256 is None or digests == {None}
            kind = "unknown" if unknown else "same" if one.sha256 in digests else "differ"
        found[kind].append(one.name)
    return Inputs(**{kind: tuple(names) for kind, names in found.items()})


def _alike(one: str, other: str) -> int:
    """Number of parts that two paths have in common at their ends."""
    pairs = zip(reversed(PurePath(one).parts), reversed(PurePath(other).parts), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(PurePath(one).parts))


def changed_settings(frozen: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Configuration keys that affect scores and differ, with both values; paths are left out."""
    first, second = (
        flat({k: v for k, v in configuration.filled(one, check=False).items() if k not in OUT})
        for one in (frozen, here)
    )
    keys = [key for key in dict.fromkeys([*first, *second]) if not _is_path(key, first)]
    return [
        f"{key}: {shown(first.get(key))} in the archive, {shown(second.get(key))} here"
        for key in keys
        if first.get(key) != second.get(key)
    ]


OUT = frozenset(WITHOUT_EFFECT)


def _is_path(key: str, settings: Mapping[str, Any]) -> bool:
    of_modality = key.startswith("modalities.") and key.endswith((".files", ".source"))
    own_reader = key == "ratings.format" and str(settings.get(key)).endswith(".py")
    return key in LOCATED or own_reader or of_modality


def changed_versions(frozen: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs between the software of two records: version, commit, packages and stages."""
    found = [
        f"{key} {frozen[key]} in the archive, {here[key]} here"
        for key in ("softaer", "commit")
        if frozen[key] != here[key]
    ]
    for kind in ("packages", "code"):
        first, second = frozen.get(kind) or {}, here.get(kind) or {}
        odd = [name for name in first if name in second and first[name] != second[name]]
        if not first or not second:
            found.append(f"{kind}: not recorded {'here' if first else 'in the archive'}")
        elif odd and kind == "packages":
            found += [f"{name} {first[name]} in the archive, {second[name]} here" for name in odd]
        elif odd:
            found.append(f"code of other stages: {', '.join(odd)}")
    return found


def compare_run(
    frozen: Frozen, run: Finished, tolerance: float
) -> tuple[list[Answer], Inputs, list[str], list[str]]:
    """Tables, inputs, settings and versions of a run, compared with those of an archive."""
    path = places.within(run.results, places.EXPERIMENT)
    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    return (
        compare_tables(frozen, run, tolerance),
        compare_inputs(frozen.inputs, inputs_of(run, record)),
        changed_settings(frozen.record["configuration"], run.config),
        changed_versions(frozen.record, record),
    )


def told(
    answers: Sequence[Answer], inputs: Inputs, settings: Iterable[str], versions: Iterable[str]
) -> list[str]:
    """The comparison in lines; the last one is the answer."""
    lines = [f"configuration  {words}" for words in settings] or ["configuration  the same"]
    lines += [f"software       {words}" for words in versions] or ["software       the same"]
    for words, names in (
        ("another content", inputs.differ),
        ("not read in the run", inputs.absent),
        ("no digest", inputs.unknown),
    ):
        lines += [f"input          {name}: {words}" for name in names]
    whole = sum(map(len, (inputs.same, inputs.differ, inputs.absent, inputs.unknown)))
    lines.append(f"inputs         {len(inputs.same)} of {whole} are the same")
    width = max(len(a.table) for a in answers) + 2
    lines += [f"{a.table:{width}}{a.answer}{': ' * bool(a.words)}{a.words}" for a in answers]
    kinds = (SAME, CLOSE, DIFFERS, ABSENT, NEW)
    counts = {kind: sum(a.answer == kind for a in answers) for kind in kinds}
    numbers = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    agree = "agree" if all(a.agrees for a in answers) else "do not agree"
    return [*lines, f"The results {agree}: of {len(answers)} tables, {numbers}."]
