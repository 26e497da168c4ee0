"""Media files: opening them with PyAV (FFmpeg), choice of their streams, and notes about them.

Files are not trusted. Nothing but the file itself is opened, playlists are refused, and the
limits of :class:`softaer.core.experiment.Media` stop endless files.
:mod:`softaer.signals.sound` and :mod:`softaer.signals.pictures` decode;
:mod:`softaer.signals.clock` determines times.
"""

import ctypes
import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av

from softaer.core.errors import InputError
from softaer.core.experiment import Media

OF_THE_MACHINE = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ETIMEDOUT,
        errno.EACCES,
    }
)
"""Errors caused by the machine, not the file."""

AnyStream = TypeVar("AnyStream", bound=av.stream.Stream)

PLAYLISTS = frozenset({"concat", "concatf", "dash", "hls", "imf", "sdp"})
"""FFmpeg's names of formats that refer to other files or addresses."""


DEFAULT_LIMITS = Media()


@dataclass
class Account:
    """Results of decoding a stream, with notes on what was unusual.

    Attributes
    ----------
    promised
        Length of the stream according to its file [s]; ``None`` if unknown.
    decoded
        Decoded length [s].
    dropped
        Number of frames, or pieces of sound, that were left out.
    other_face
        Number of frames that show a face other than the subject's.
    notes
        Notes on what was unusual, one sentence each.
    """

    promised: float | None = None
    decoded: float = 0.0
    dropped: int = 0
    other_face: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """Which stream, channel and face of a recording belong to the subject.

    Attributes
    ----------
    recording
        Its name.
    stream
        Number of the stream in the file, from 1; see :func:`chosen`.
    channel
        Number of the channel of sound, from 1.
    face
        ``left``, ``right`` or ``largest``, if the video shows several people.
    beside
        The recording's other file, if sound and video are in two files.
    """

    recording: str = ""
    stream: int | None = None
    channel: int | None = None
    face: str | None = None
    beside: Path | str | None = None


def require(path: Path | str, found: float, limits: Media, name: str, unit: str) -> None:
    """Refuse a file that exceeds a limit."""
    if found > getattr(limits, name):
        raise InputError(
            f"{path}: {found:g} {unit}; expected at most {getattr(limits, name):g} (media.{name})"
        )


def pass_on(error: Exception) -> None:
    """Raise an error that was caused by the machine, not the file: the next run may succeed."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) in OF_THE_MACHINE:
        raise error


@contextmanager
def open_media(
    path: Path | str, limits: Media = DEFAULT_LIMITS
) -> Iterator[av.container.InputContainer]:
    """Open a media file; FFmpeg's errors while it is open become InputErrors.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, is a playlist, or is beyond the limits.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such media file") from error
    except OSError as error:
        pass_on(error)
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise InputError(f"{path}: not a regular file; expected a media file")
        require(path, status.st_size / 1e9, limits, "max_size", "GB")
        # Without "file:", a name such as "concat:..." would select a protocol. Opening may decode a
        # frame to detect its format.
        options = {
            "protocol_whitelist": "file",
            "pattern_type": "none",
            "max_pixels": str(max(limits.max_pixels, Media.max_pixels)),
        }
        with av.open(f"file:{path}", options=options) as container:
            if PLAYLISTS & formats_of(container):
                raise InputError(
                    f"{path}: a playlist ({container.format.name}); expected sound or video"
                )
            require(path, len(container.streams), limits, "max_streams", "streams")
            seconds = (container.duration or 0) / av.time_base
            require(path, seconds, limits, "max_duration", "s")
            yield container
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; expected a media file") from error
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        pass_on(error)
        # FFmpeg's text without its error number and path.
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be decoded: {reason}") from error


def length(path: Path | str, limits: Media = DEFAULT_LIMITS) -> float | None:
    """Length of a recording according to its file [s]; None if unknown or unreadable."""
    try:
        with open_media(path, limits) as container:
            return container.duration / av.time_base if container.duration else None
    except InputError:
        return None


def formats_of(container: av.container.InputContainer) -> set[str]:
    """FFmpeg's names of an open file's format."""
    return set(container.format.name.split(","))


def layout_of(context: av.AudioCodecContext, path: Path | str) -> av.AudioLayout:
    """Channels of an audio stream.

    Raises
    ------
    InputError
        If they have names in a file-specific order: PyAV 18 frees its copy of such a list twice,
        which crashes the process.
    """
    layout = context.layout
    if re.match(r"\d+ channels \(", layout.name):
        # Kept forever, so that it is never freed.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
        raise InputError(
            f"{path}: found {layout.name}; expected channels in a common order, or without names "
            "(convert it with ffmpeg -i FILE -af aformat=channel_layouts=...)"
        )
    return layout


COVERS = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
"""Pictures that are not part of a recording: cover art, thumbnails."""


def audio_streams(container: av.container.InputContainer) -> list[av.AudioStream]:
    """Audio streams that can be decoded."""
    return [stream for stream in container.streams.audio if _is_part(stream)]


def video_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """Video streams that can be decoded, without cover art."""
    return [stream for stream in container.streams.video if _is_part(stream)]


def _is_part(stream: av.stream.Stream) -> bool:
    # PyAV has no context where it has no decoder.
    context: av.CodecContext | None = stream.codec_context
    return context is not None and not stream.disposition & COVERS


def tick_of(stream: av.stream.Stream) -> Fraction:
    """Unit of a stream's time stamps [s]; FFmpeg gives every stream of a file one."""
    assert stream.time_base is not None
    return stream.time_base


def chosen(streams: Sequence[AnyStream], number: int | None = None) -> AnyStream | None:
    """The stream that is used if there are several: by its number from 1, or as in players.

    Players use the first stream marked as default, or the first one if none is marked. ``None`` if
    there is no such stream.
    """
    if number is not None:
        return streams[number - 1] if 1 <= number <= len(streams) else None
    marked = [s for s in streams if s.disposition & av.stream.Disposition.default]
    return next(iter([*marked, *streams]), None)


def find_audio(
    container: av.container.InputContainer, path: Path | str, number: int | None = None
) -> av.AudioStream:
    """The audio stream that is used in an open file.

    Parameters
    ----------
    container, path
        The open file, and its name in errors.
    number
        Number of the audio stream, see :func:`chosen`.

    Raises
    ------
    InputError
        If there is none that can be decoded.
    """
    stream = _found(container, "audio", audio_streams(container), path, number)
    layout_of(stream.codec_context, path)
    return stream


def find_video(
    container: av.container.InputContainer,
    path: Path | str,
    limits: Media = DEFAULT_LIMITS,
    number: int | None = None,
) -> av.VideoStream:
    """The video stream that is used in an open file.

    Parameters
    ----------
    container, path
        The open file, and its name in errors.
    limits
        Limits for the file.
    number
        Number of the video stream, see :func:`chosen`.

    Raises
    ------
    InputError
        If there is none that can be decoded, or its frames exceed the limits.
    """
    stream = _found(container, "video", video_streams(container), path, number)
    context = stream.codec_context
    require(path, context.width * context.height, limits, "max_pixels", "pixels")
    return stream


def _found(
    container: av.container.InputContainer,
    kind: str,
    streams: Sequence[AnyStream],
    path: Path | str,
    number: int | None,
) -> AnyStream:
    if not streams:
        found = ", ".join(sorted({s.type for s in container.streams})) or "none"
        raise InputError(f"{path}: no {kind} stream that can be decoded (streams found: {found})")
    stream = chosen(streams, number)
    if stream is None:
        raise InputError(
            f"{path}: found stream {number} (column '{kind}_stream'); expected a number from 1 "
            f"to {len(streams)}"
        )
    return stream
