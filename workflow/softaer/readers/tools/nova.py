"""NOVA and SSI (Heimerl et al., 2019; Wagner et al., 2013): an annotation and the file of its data.

``name.annotation`` is XML; ``name.annotation~`` has the data. A continuous scheme has ``score;
confidence`` in each line, or two float32 a frame (BINARY); time = frame / sr; NaN where not rated.
Discrete and free schemes have segments ``from;to;id;confidence`` or ``from;to;label;confidence``
[s], which count as ratings if their labels are numbers.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.readers.cells import Head, as_numbers, numbered_lines, read_bytes
from softaer.readers.markup import parse
from softaer.readers.tools.carma import require_within
from softaer.readers.traces import Request, Traces, table_of

CONTINUOUS, DISCRETE, FREE = "CONTINUOUS", "DISCRETE", "FREE"

MOST_SECONDS = 86_400.0
"""A scheme whose data are longer has a wrong rate [s]."""


def recognises(head: Head) -> bool:
    """Whether the file is XML with the root ``annotation`` and a ``scheme`` in it."""
    return "<annotation" in head.text[:2000] and "<scheme" in head.text


def read(request: Request) -> Traces:
    """The trace or the segments of an annotation; rater and dimension are annotator and scheme.

    Raises
    ------
    InputError
        If the file is not such XML, its data are missing, have another size than it says, or values
        are outside the scheme's range.
    """
    root = parse(request.path)
    info, scheme, meta = (root.find(name) for name in ("info", "scheme", "meta"))
    if root.tag != "annotation" or info is None or scheme is None:
        raise InputError(
            f"{request.path}: found <{root.tag}>; expected <annotation> with <info> and <scheme>"
        )
    kind = (scheme.get("type") or "").upper()
    rater = (meta.get("annotator") or None) if meta is not None else None
    name = scheme.get("name")
    dimension = request.dimension_named(name) if name else None
    data = Path(f"{request.path}~")
    if not data.is_file():
        raise InputError(
            f"{request.path}: no file {data.name} beside it; expected the annotation's data there"
        )
    form = (info.get("ftype") or "ASCII").upper()
    if form not in ("ASCII", "BINARY"):
        raise InputError(f"{request.path}: found ftype {form!r}; expected ASCII or BINARY")
    if kind == CONTINUOUS:
        score = _scores(data, form)
        rate = _number(scheme, "sr", request)
        if not rate > 0 or len(score) / rate > MOST_SECONDS:
            raise InputError(f"{request.path}: found sr={rate:g}; expected frames per second")
        span = None
        if scheme.get("min") is not None and scheme.get("max") is not None:
            span = (_number(scheme, "min", request), _number(scheme, "max", request))
            require_within(score, span, data, "score")
        _require_size(info, len(score), request)
        time = np.arange(len(score)) / rate
        ranges: dict[str | None, tuple[float, float]] = {} if span is None else {dimension: span}
        return Traces(table_of(time, score, rater, dimension), ranges=ranges)
    if kind in (DISCRETE, FREE):
        if form == "BINARY":
            raise InputError(
                f"{request.path}: {kind.lower()} data in BINARY; expected ASCII (save it so in "
                "NOVA)"
            )
        return Traces(_segments(data, scheme, kind, rater, dimension, info, request), "segments")
    raise InputError(
        f"{request.path}: found a scheme of type {kind!r}; expected {CONTINUOUS}, {DISCRETE}, or "
        f"{FREE}"
    )


def _number(element: ElementTree.Element, key: str, request: Request) -> float:
    text = element.get(key) or ""
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(
            f"{request.path}, <{element.tag}>: found {key}={text!r}; expected a number"
        )
    return number


def _require_size(info: ElementTree.Element, found: int, request: Request) -> None:
    said = info.get("size")
    if said is not None and said.strip().isdigit() and int(said) != found:
        raise InputError(
            f"{request.path}: its data have {found} rows; expected {said}, the size that it says "
            "(two files in one, or a part of one?)"
        )


def _scores(data: Path, form: str) -> pd.Series:
    """Scores of the frames, indexed by the number of their line (or frame, from 1)."""
    if form == "BINARY":
        content = read_bytes(data)
        if len(content) % 8 or not content:
            raise InputError(
                f"{data}: {len(content)} bytes; expected score and confidence, 8 bytes a frame"
            )
        score = np.frombuffer(content, dtype="<f4").reshape(-1, 2)[:, 0].astype(np.float64)
        if np.isinf(score).any():
            raise InputError(f"{data}, frame {np.isinf(score).argmax() + 1}: infinite score")
        return pd.Series(score, index=np.arange(len(score)) + 1)
    rows = {}
    for line, cells in numbered_lines(data, ";"):
        if len(cells) != 2:
            raise InputError(
                f"{data}, line {line}: found {len(cells)} cells; expected 'score;confidence'"
            )
        rows[line] = cells[0]
    return as_numbers(pd.Series(rows, dtype=str), data, "score", missing=True)


def _segments(
    data: Path,
    scheme: ElementTree.Element,
    kind: str,
    rater: str | None,
    dimension: str | None,
    info: ElementTree.Element,
    request: Request,
) -> pd.DataFrame:
    labels = {item.get("id"): item.get("name") or "" for item in scheme.iter("item")}
    rows = {}
    for line, cells in numbered_lines(data, ";"):
        if len(cells) < 4:
            raise InputError(
                f"{data}, line {line}: found {len(cells)} cells; expected from, to, label and "
                "confidence"
            )
        name = cells[2].strip()
        if kind == DISCRETE:
            if name not in labels:
                raise InputError(
                    f"{data}, line {line}: found id {name!r}; expected one of {list(labels)}"
                )
            name = labels[name]
        rows[line] = (cells[0], cells[1], name)
    _require_size(info, len(rows), request)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["from", "to", "label"], dtype=str)
    start, end = (as_numbers(table[name], data, name) for name in ("from", "to"))
    return table_of(start, as_numbers(table["label"], data, "label"), rater, dimension, end)
