"""What is in a media file, from its header: nothing is decoded."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av

from softaer.errors import InputError
from softaer.media import open_media


@dataclass(frozen=True)
class Contents:
    """Length and streams of a media file.

    Attributes
    ----------
    seconds
        Length as the header tells it [s]; 0 where it tells none.
    audio_rate
        Sampling rate of the first stream of sound [Hz], or ``None`` without one.
    video_rate, width, height
        Frame rate [1/s] (0 if it is not told) and size [pixel] of the first stream of pictures, or
        ``None`` without one. A cover picture is none.
    """

    seconds: float
    audio_rate: int | None = None
    video_rate: float | None = None
    width: int | None = None
    height: int | None = None


def probe(path: Path) -> Contents:
    """Open a media file and look what is in it.

    Raises
    ------
    InputError
        If it cannot be opened or is beyond the limits.
    """
    with open_media(path) as container:
        found = {}
        for stream in container.streams:
            cover = bool(stream.disposition & av.stream.Disposition.attached_pic)
            if stream.codec_context is not None and not cover:
                found.setdefault(stream.type, stream)
        seconds = (container.duration or 0) / av.time_base
        audio, video = found.get("audio"), found.get("video")
        return Contents(
            seconds=seconds,
            audio_rate=audio.codec_context.sample_rate if audio else None,
            video_rate=float(video.average_rate or 0) if video else None,
            width=video.codec_context.width if video else None,
            height=video.codec_context.height if video else None,
        )


def probe_all(paths: Iterable[Path], threads: int = 8) -> Iterator[Contents | InputError]:
    """Contents of many files, in their order; for a file that cannot be opened, the error."""

    def look(path: Path) -> Contents | InputError:
        try:
            return probe(path)
        except InputError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(look, paths)
