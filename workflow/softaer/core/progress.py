"""Progress of a long job: lines in its log with the speed and the remaining time."""

import time
from collections.abc import Callable

EVERY = 10.0
"""Seconds from one line to the next."""


def duration(seconds: float) -> str:
    """A length of time in words: ``7 s``, ``3 min 05 s``, ``2 h 10 min``.

    >>> duration(7.4), duration(185), duration(7800)
    ('7 s', '3 min 05 s', '2 h 10 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Progress:
    """Counts frames and prints the progress from time to time.

    Parameters
    ----------
    total
        Total length of all recordings [s]; None if unknown.
    clock
        Returns seconds from an arbitrary start.
    """

    def __init__(self, total: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._start = self._said = clock()
        self._frames, self._before = 0, 0.0

    def advance(self, recording: str, frames: int, reached: float) -> None:
        """Count more frames of a recording, up to a time in it [s]."""
        self._frames += frames
        if self._clock() - self._said >= EVERY:
            self._said = self._clock()
            self._say(f"{recording} at {reached:.1f} s", self._before + reached)

    def finish(self, recording: str, seconds: float | None) -> None:
        """Count a finished recording with its length [s]."""
        self._before += seconds or 0.0
        self._say(f"{recording} done", self._before)

    def _say(self, where: str, done: float) -> None:
        elapsed = max(self._clock() - self._start, 1e-3)
        line = f"{where}: {self._frames} frames, {self._frames / elapsed:.0f} frames/s"
        if self._total and done > 0:
            left = max(self._total - done, 0.0) * elapsed / done
            line += f", {done:.1f} of {self._total:.1f} s, about {duration(left)} left"
        print(line, flush=True)
