"""Fields of classes as a specification of user input: types with bounds, as text and as checks.

A type is ``Annotated`` with bounds and units of :mod:`annotated_types`, and with a description of
the allowed values if the type alone does not imply it. The string below a field describes it.
"""

import ast
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Predicate


def distinct(values: Sequence[Any]) -> bool:
    """Whether no value occurs twice."""
    return all(value not in values[:place] for place, value in enumerate(values))


EACH_ONCE = Predicate(distinct)

UNITS = {"cm": "centimetres", "s": "seconds", "GB": "gigabytes"}
"""Names of units."""

TYPES = {int: ("an integer", "integers"), float: ("a number", "numbers"), str: ("text", "texts")}
"""Names of types, singular and plural."""


class Section:
    """A section of user input: unknown keys and infinite numbers are refused."""

    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # noqa: RUF012


@cache
def types(section: type) -> dict[str, Any]:
    """Types of a class's fields, with bounds and units."""
    return get_type_hints(section, include_extras=True)


def read(kind: Any, value: Any) -> Any:
    """Check a value and convert it to its type: tuples for lists, classes for mappings.

    Raises
    ------
    pydantic.ValidationError
        If it does not match the type.
    TypeError
        If it has keys that are not text.
    """
    # As JSON, because pydantic's strict tuples and classes refuse the lists and mappings of YAML.
    return _adapter(kind).validate_json(json.dumps(value, default=str), strict=True)


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def json_schema(section: type) -> dict[str, Any]:
    """JSON schema of a class, with the descriptions of its fields."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= _adapter(section).json_schema()
    parts: dict[str, type] = {
        part.__name__: part
        for part in types(section).values()
        if isinstance(part, type) and is_dataclass(part)
    }
    for name, part in ((section.__name__, section), *parts.items()):
        properties = (schema if part is section else schema["$defs"][name])["properties"]
        for field, remark in remarks(part).items():
            properties[field]["description"] = " ".join(remark.split())
    return schema


def bare(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its annotations, and the annotations."""
    if get_origin(kind) is Annotated:
        kind, *notes = get_args(kind)
        return kind, tuple(notes)
    return kind, ()


def alternatives(kind: Any) -> tuple[Any, ...]:
    """Alternative types of a value."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def without_null(kind: Any) -> Any:
    """A type that is not null.

    Examples
    --------
    >>> without_null(int | None), without_null(float | str | None)
    (<class 'int'>, typing.Union[float, str])
    """
    parts = [part for part in alternatives(kind) if part is not NoneType]
    return parts[0] if len(parts) == 1 else Union[tuple(parts)]  # noqa: UP007


def unit(kind: Any) -> str | None:
    """Unit of a number, or of the numbers of a list."""
    for part in alternatives(kind):
        plain, notes = bare(part)
        if get_origin(plain) is tuple:
            return unit(get_args(plain)[0])
        for note in notes:
            if hasattr(note, "unit"):
                return note.unit
    return None


def expected(kind: Any) -> str:
    """Description of the allowed values.

    Examples
    --------
    >>> from annotated_types import Ge, Interval, Unit
    >>> expected(Annotated[int, Interval(ge=1, le=16)])
    'an integer from 1 to 16'
    >>> expected(Annotated[tuple[Annotated[int, Ge(0)], ...], EACH_ONCE])
    'a list of integers, 0 or more, each once'
    >>> expected(Annotated[float, Unit("s"), Interval(gt=0, le=60)] | Literal["end"])
    "seconds above 0 and up to 60 or 'end'"
    >>> expected(bool | None)
    'true or false, or null'
    >>> expected(Literal["a", "b"] | None)
    "'a', 'b' or null"
    """
    return _listed(_words(kind), "or")


def _listed(words: Sequence[str], last: str) -> str:
    comma = "," if any(", " in form or " or " in form for form in words) else ""
    return f"{comma} {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _words(kind: Any, several: bool = False) -> list[str]:
    """Description of each alternative, in the plural for elements of a list."""
    if len(alternatives(kind)) > 1:
        return [words for part in alternatives(kind) for words in _words(part, several)]
    kind, notes = bare(kind)
    told = [note for note in notes if isinstance(note, str)]
    if told:
        return told[-1:]
    if get_origin(kind) is Literal:
        return list(map(repr, get_args(kind)))
    if get_origin(kind) is tuple:
        words = f"a list of {_listed(_words(get_args(kind)[0], several=True), 'and')}"
        return [f"{words}, each once" if EACH_ONCE in notes else words]
    if kind is NoneType:
        return ["null"]
    if kind is bool:
        return ["true or false"]
    if is_dataclass(kind):
        return ["keys and values"]
    units = [UNITS[note.unit] for note in notes if hasattr(note, "unit")]
    return [(units[0] if units else TYPES[kind][several]) + _bounds(notes)]


def _bounds(notes: Sequence[Any]) -> str:
    """Description of the bounds of a number.

    Examples
    --------
    >>> from annotated_types import Ge, Gt, Interval
    >>> _bounds([Ge(1)]), _bounds([Gt(0)]), _bounds([Interval(ge=0, lt=1)])
    (', 1 or more', ' above 0', ' from 0 to below 1')
    """
    bound = {
        name: getattr(note, name)
        for note in notes
        for name in ("ge", "gt", "le", "lt")
        if getattr(note, name, None) is not None
    }
    above = f" above {bound['gt']}" if "gt" in bound else ""
    if "le" not in bound and "lt" not in bound:
        return f", {bound['ge']} or more" if "ge" in bound else above
    upper = f"{bound['le']}" if "le" in bound else f"below {bound['lt']}"
    return f" from {bound['ge']} to {upper}" if "ge" in bound else f"{above} and up to {upper}"


def found(value: Any, kind: Any) -> str:
    """The value found, and the values expected."""
    words = f"found {value!r}; expected {expected(kind)}"
    if isinstance(value, str) and "e" in value.lower():
        with suppress(ValueError):
            words += f" (written {float(value):g}, since YAML takes {value} for text)"
    return words


def remarks(section: type) -> dict[str, str]:
    """Descriptions below the fields of a class, by field, with their line breaks."""
    said: dict[str, str] = {}
    for kind in reversed(section.__mro__):
        body = _bodies(kind.__module__).get(kind.__name__, [])
        for statement, below in pairwise(body):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                    value=ast.Constant(value=str(words))
                ):
                    said[name] = words.replace("\n    ", "\n")
    return said


@cache
def _bodies(module: str) -> Mapping[str, list[ast.stmt]]:
    """Statements of a module's classes; Python itself does not keep the strings below fields."""
    source = getattr(sys.modules[module], "__file__", None)
    if source is None:
        return {}
    tree = ast.parse(Path(source).read_text(encoding="utf-8"))
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
