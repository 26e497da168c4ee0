"""Damaged files of raters' tools: read, or refused by an error that names the file."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import tool_files

from softaer.core.errors import InputError, MissingPackageError
from softaer.readers import forms
from softaer.readers.traces import Request

ROUNDS = 25

PIECES = [b"", b"\n", b",", b";", b"\t", b'"', b"'", b"\0", b"\xff", b"nan", b"inf", b"1e999",
    b"-", b"0x1", b"1_0", b"<", b">", b"&x;", b"]]>", b"sep=|", b"%", b"%%%%%%", b"#",
    "é".encode(), b"\r", b"99999999999999999999", b"time", b"Rating"]  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Content with some parts removed, doubled, swapped or replaced."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        to = min(to, at + rng.choice([0, 1, 3, 30, 300]))
        piece = rng.choice([*PIECES, data[at:to], data[at:to] * 2, data[at:to][::-1]])
        data = data[:at] + piece + data[to:]
    return data


@pytest.mark.parametrize("form", tool_files.FORMS)
def test_a_damaged_file_is_read_or_refused_by_name(form, tmp_path):
    written = tool_files.FORMS[form](tmp_path)
    files = sorted(p for p in tmp_path.rglob("*") if p.is_file() and "p01" in p.as_posix())
    path = next(iter(files), next(p for p in tmp_path.rglob("*") if p.is_file()))
    named = written.ratings.get("format", form.split()[0])
    rng = random.Random(form)
    target = path.with_name(path.name + "~") if form == "nova (binary)" else path
    whole = target.read_bytes()
    outcomes = []
    for _ in range(ROUNDS):
        target.write_bytes(damaged(whole, rng))
        for asked in (named, "found"):
            request = Request(path, "p01", written.dimensions, "arousal", "anna", note=len)
            outcomes.append(outcome(request, asked))
    if "missing" in outcomes:
        pytest.skip("pympi-ling is not installed")
    assert all(words == "" or path.name in words for words in outcomes)
    assert any(outcomes)


def outcome(request: Request, form: str) -> str:
    """The error of a reader; empty if it reads the file."""
    try:
        _, found = forms.read(request, form)
    except MissingPackageError:
        return "missing"
    except InputError as error:
        return str(error)
    assert set(found.table.columns) == {"time", "rater", "dimension", "value"}
    assert found.table["time"].notna().all()
    return ""
