"""What a browser gets of a recording: its file, a film made of it, or single frames.

Media time in the browser is the time of the features. A file is given as it is only where both
agree and a browser can play it; from all others, a film or sound is made by the decoders of the
features, once, in a temporary folder.
"""

import threading
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import av
import numpy as np

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.files import complete
from softaer.corpus import Recording, number_of
from softaer.signals.clock import own_start
from softaer.signals.film import WIDTH, Sources, write_film
from softaer.signals.media import (
    DEFAULT_LIMITS,
    audio_streams,
    chosen,
    formats_of,
    open_media,
    video_streams,
)
from softaer.signals.sound import AUDIO_RATE, audio_blocks
from softaer.signals.stills import still_of

STILL = 640
"""Width of single frames [pixel]."""

LATE = 0.02
"""A file whose clock starts at most this far from zero is played as it is [s]."""

PLAYED: Mapping[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "mp4": ("video/mp4", frozenset({"h264", "av1", "vp9"}), frozenset({"aac", "mp3", "opus"})),
    "webm": ("video/webm", frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"})),
    "wav": ("audio/wav", frozenset(), frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le"})),
    "mp3": ("audio/mpeg", frozenset(), frozenset({"mp3"})),
    "flac": ("audio/flac", frozenset(), frozenset({"flac"})),
    "ogg": ("audio/ogg", frozenset(), frozenset({"opus", "vorbis"})),
}
"""Containers that common browsers play, with their MIME type and codecs of pictures and sound."""

PIXELS = frozenset({"yuv420p", "yuvj420p"})
"""Forms of pixels that common browsers play in all these codecs."""


@dataclass(frozen=True)
class About:
    """What can be shown of a recording.

    Attributes
    ----------
    pictures, sound
        Whether it has them.
    plays
        MIME type of its file if a browser plays it as it is.
    """

    pictures: bool
    sound: bool
    plays: str | None


def about(recording: Recording, limits: Media = DEFAULT_LIMITS) -> About:
    """What can be shown of a recording.

    Raises
    ------
    InputError
        If a file cannot be opened, or it has neither pictures nor sound.
    """
    kinds = {"audio": recording.audio, "video": recording.video}
    there = dict.fromkeys(kinds, False)
    for kind, path in kinds.items():
        if path is not None:
            with open_media(path, limits) as container:
                streams = audio_streams if kind == "audio" else video_streams
                there[kind] = bool(streams(container))
    if not any(there.values()):
        raise InputError(f"{recording.audio or recording.video}: neither sound nor pictures")
    files = set(filter(None, kinds.values()))
    cut = recording.audio_stream or recording.video_stream or recording.channel
    plays = _plays(files.pop(), limits) if len(files) == 1 and not cut else None
    return About(there["video"], there["audio"], plays)


def _plays(path: str, limits: Media) -> str | None:
    """MIME type of a file that a browser plays on the clock of the features."""
    with open_media(path, limits) as container:
        form = next((name for name in PLAYED if name in formats_of(container)), None)
        if form is None or abs(own_start(container)) > LATE:
            return None
        kind, seen, heard = PLAYED[form]
        picture, sound = chosen(video_streams(container)), chosen(audio_streams(container))
        # A browser takes the first stream of each kind that it can play.
        if len(container.streams.video) > 1 or len(container.streams.audio) > 1:
            return None
        if picture is not None and not (
            picture.codec_context.name in _decoders(seen)
            and picture.codec_context.format is not None
            and picture.codec_context.format.name in PIXELS
        ):
            return None
        if sound is not None and sound.codec_context.name not in _decoders(heard):
            return None
        return kind


def _decoders(codecs: frozenset[str]) -> set[str]:
    """Names of FFmpeg's decoders of some codecs, which may be those of other libraries."""
    return {name for codec in codecs for name in (codec, f"lib{codec}", _OTHERS.get(codec, codec))}


_OTHERS = {"av1": "libdav1d", "vp8": "libvpx", "vp9": "libvpx-vp9", "mp3": "mp3float"}


def frame(recording: Recording, time: float, limits: Media = DEFAULT_LIMITS) -> bytes:
    """The frame shown at a time of the features [s], as a JPEG.

    Raises
    ------
    InputError
        If the recording has no pictures, or they cannot be decoded.
    """
    return still_of(recording, time, STILL, limits)


class Films:
    """Files made for browsers, each once.

    Parameters
    ----------
    folder
        Where they are kept.
    limits
        Of media files.
    """

    def __init__(self, folder: Path, limits: Media = DEFAULT_LIMITS) -> None:
        self._folder, self._limits = Path(folder), limits
        self._one_at_a_time = threading.Lock()

    def get(self, recording: Recording) -> tuple[Path, str]:
        """A file with a recording's pictures and sound, or with its sound, and its MIME type.

        Raises
        ------
        InputError
            If the media cannot be decoded.
        """
        seen = about(recording, self._limits).pictures
        ending, kind = ("mp4", "video/mp4") if seen else ("wav", "audio/wav")
        key = sha256(repr(recording).encode()).hexdigest()[:16]
        path = self._folder / f"{key}.{ending}"
        with self._one_at_a_time:
            if not path.is_file():
                if seen:
                    _write_pictures(recording, path)
                else:
                    _write_sound(recording, path, self._limits)
        return path, kind


def _write_pictures(recording: Recording, path: Path) -> None:
    nothing = np.zeros((0, WIDTH, 3), dtype=np.uint8)
    try:
        write_film(path, Sources.of(recording), nothing, (0.0, 0.0), 0.0)
    except av.error.FFmpegError as error:
        raise InputError(f"{recording.video}: cannot be converted: {error}") from error


def _write_sound(recording: Recording, path: Path, limits: Media) -> None:
    blocks = audio_blocks(
        recording.given("audio"),
        limits,
        stream=number_of(recording.audio_stream),
        channel=number_of(recording.channel),
        beside=recording.video if recording.video != recording.audio else None,
    )
    with complete(path) as partial, wave.open(str(partial), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(AUDIO_RATE)
        for block in blocks:
            sink.writeframes(block.astype("<i2").tobytes())
