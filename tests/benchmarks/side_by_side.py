"""Two ways to do the same, in turns, so that their ratio survives a machine that changes its speed.

A comparison is a row: ``name``; ``bare`` and ``ours``, median times [s]; ``ratio``, the median over
the turns of bare time / our time (1 means no overhead, above 1 that ours is faster); ``low`` and
``high``, the least and the largest of these ratios; ``note``.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

T = TypeVar("T")

COLUMNS = ("name", "bare", "ours", "ratio", "low", "high", "note")


@dataclass(frozen=True)
class Setting:
    """What the benchmarks are run on: media files, and how many turns each takes."""

    files: list[Path]
    repeat: int = 5


def timed(work: Callable[[], object]) -> float:
    """Time that a call takes [s]."""
    return timed_value(work)[0]


def timed_value(work: Callable[..., T], *arguments: object) -> tuple[float, T]:
    """Time that a call takes [s], and what it returns."""
    started = time.perf_counter()
    value = work(*arguments)
    return time.perf_counter() - started, value


def compare(
    name: str,
    bare: Callable[[], object],
    ours: Callable[[], object],
    repeat: int = 5,
    note: str = "",
) -> dict:
    """Time both in turns, after one turn that warms caches up.

    Which goes first alternates, so that neither always finds what the other has left.
    """
    bare(), ours()
    times = []
    for turn in range(repeat):
        if turn % 2:
            second = timed(ours)
            times.append((timed(bare), second))
        else:
            times.append((timed(bare), timed(ours)))
    return row(name, times, note)


def row(name: str, times: Sequence[tuple[float, float]], note: str = "") -> dict:
    """The comparison, from the times of both in each turn [s]."""
    ratios = [bare / ours for bare, ours in times]
    bare, ours = (statistics.median(side) for side in zip(*times, strict=True))
    spread = {"ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
    return {"name": name, "bare": bare, "ours": ours, **spread, "note": note}


def markdown(rows: Sequence[dict]) -> str:
    """The rows as a table."""
    lines = ["| | bare [s] | softaer [s] | bare / softaer | |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['name']} | {r['bare']:.3g} | {r['ours']:.3g} "
        f"| {r['ratio']:.2f} ({r['low']:.2f} to {r['high']:.2f}) | {r['note']} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def write(rows: Sequence[dict], folder: Path) -> None:
    """Write ``ratios.parquet`` and ``ratios.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(folder / "ratios.parquet")
    (folder / "ratios.md").write_text(markdown(rows), encoding="utf-8")
