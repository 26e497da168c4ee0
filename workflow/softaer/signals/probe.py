"""Contents of a media file: its streams, their start and end, and the levels of its channels."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from softaer.core.errors import InputError
from softaer.signals.clock import decoded, ends_of, own_start, require_kind, stated_start
from softaer.signals.media import (
    Account,
    audio_streams,
    chosen,
    layout_of,
    open_media,
    tick_of,
    video_streams,
)
from softaer.signals.sound import Mixer

Thing = TypeVar("Thing")
Found = TypeVar("Found")

LISTENED = 20.0
"""Length of sound from the start of a file for which levels are computed [s]."""


@dataclass(frozen=True)
class Stream:
    """A stream of a file.

    Attributes
    ----------
    kind
        ``audio`` or ``video``.
    number
        Number among the streams of its kind, from 1.
    taken
        Whether this stream is used unless the corpus table selects another one.
    codec, language
        Names from the file; the language may be empty.
    start, end
        Start and end [s], from the start of the file; the end is ``None`` if unknown.
    rate
        Sampling rate [Hz], or frames per second (0 if unknown).
    channels
        Number of audio channels.
    width, height
        Stored size of the frames [pixel].
    """

    kind: str
    number: int
    taken: bool
    codec: str
    language: str
    start: float
    end: float | None
    rate: float
    channels: int = 0
    width: int = 0
    height: int = 0

    def __str__(self) -> str:
        what = (
            f"{self.channels} channels at {self.rate:g} Hz"
            if self.kind == "audio"
            else f"{self.width}x{self.height} at {self.rate:.4g} fps"
        )
        words = [self.kind, str(self.number), self.codec, what, self.language]
        return " ".join(filter(None, words)) + (" (used)" if self.taken else "")


@dataclass(frozen=True)
class Contents:
    """Length and streams of a media file.

    Attributes
    ----------
    seconds
        Length [s]; 0 if unknown.
    start
        Start of the file on a clock that it shares with others [s], see
        :func:`softaer.signals.clock.stated_start`.
    streams
        All streams that can be decoded, without cover art.
    seams
        Times where parts were joined [s].
    """

    seconds: float
    start: float = 0.0
    streams: tuple[Stream, ...] = ()
    seams: tuple[float, ...] = ()

    def stream(self, kind: str, number: int | None = None) -> Stream | None:
        """The stream of a kind that is used, or the one with a number; ``None`` without one."""
        of_kind = [s for s in self.streams if s.kind == kind]
        wanted = (s for s in of_kind if (s.taken if number is None else s.number == number))
        return next(wanted, None)

    @property
    def audio_rate(self) -> int | None:
        """Sampling rate of the audio stream that is used [Hz], or ``None`` without any."""
        stream = self.stream("audio")
        return None if stream is None else int(stream.rate)

    @property
    def video_rate(self) -> float | None:
        """Frames per second (0 if unknown), or ``None`` without any."""
        stream = self.stream("video")
        return None if stream is None else stream.rate


def probe(path: Path | str) -> Contents:
    """Open a media file and list its contents; packets are read if the header is incomplete.

    Raises
    ------
    InputError
        If it cannot be opened or is beyond the limits.
    """
    with open_media(path) as container:
        sound, pictures = audio_streams(container), video_streams(container)
        ends, seams = ends_of(container)
        zero = own_start(container)

        def common(stream: av.stream.Stream, number: int, taken: bool, kind: str) -> Stream:
            require_kind(stream, kind, path)
            start = float((stream.start_time or 0) * tick_of(stream))
            end = ends.get(stream.index)
            return Stream(
                kind=kind,
                number=number,
                taken=taken,
                codec=stream.codec_context.name,
                language=stream.metadata.get("language", "").replace("und", ""),
                start=max(start - zero, 0.0),
                end=None if end is None else end - zero,
                rate=0.0,
            )

        streams = []
        for number, heard in enumerate(sound, start=1):
            own = common(heard, number, heard is chosen(sound), "audio")
            context = heard.codec_context
            channels = layout_of(context, path).nb_channels
            streams.append(replace(own, rate=float(context.sample_rate), channels=channels))
        for number, seen in enumerate(pictures, start=1):
            own = common(seen, number, seen is chosen(pictures), "video")
            size, rate = seen.codec_context, float(seen.average_rate or 0)
            streams.append(replace(own, rate=rate, width=size.width, height=size.height))
        known = [stream.end for stream in streams if stream.end is not None]
        seconds = (container.duration or 0) / av.time_base
        if seams or not seconds:
            seconds = max(known, default=0.0)
        return Contents(
            seconds, stated_start(container), tuple(streams), tuple(seam - zero for seam in seams)
        )


def probe_all(paths: Iterable[Path | str], threads: int = 8) -> Iterator[Contents | InputError]:
    """Contents of many files, in their order; for a file that cannot be opened, the error."""
    yield from in_threads(probe, paths, threads)


def in_threads(
    look: Callable[[Thing], Found], things: Iterable[Thing], threads: int = 8
) -> Iterator[Found | InputError]:
    """Results of a function for many files, in their order, or the InputErrors that it raises."""

    def guarded(thing: Thing) -> Found | InputError:
        try:
            return look(thing)
        except InputError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(guarded, things)


@dataclass(frozen=True)
class Levels:
    """Levels of the channels at the beginning of a file.

    Attributes
    ----------
    decibels
        Level of each channel relative to full scale [dB]; -inf for digital silence.
    notes
        Notes on what is unusual, see :meth:`softaer.signals.sound.Mixer.notes`.
    """

    decibels: tuple[float, ...]
    notes: tuple[str, ...]


def levels(path: Path | str, number: int | None = None, channel: int | None = None) -> Levels:
    """Levels over the first :data:`LISTENED` seconds of a file's sound.

    Raises
    ------
    InputError
        If the sound cannot be decoded.
    """
    with open_media(path) as container:
        stream = chosen(audio_streams(container), number)
        if stream is None:
            return Levels((), ())
        mixer = Mixer(path, channel)
        seconds = 0.0
        for frame in decoded(container, stream, own_start(container), path, Account()):
            seconds += frame.samples / frame.sample_rate
            mixer.mix(frame)
            if seconds > LISTENED:
                break
        with np.errstate(divide="ignore"):
            decibels = 10 * np.log10(mixer.power)
        return Levels(tuple(decibels), tuple(mixer.notes()))
