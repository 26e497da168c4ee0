"""Decoding of recordings with PyAV (FFmpeg): sound and pictures on one clock.

Time zero is the container's start time, so that both streams of a recording share it. Everything
is streamed; memory does not grow with the length of the recording.

Files may come from anywhere. Nothing but the file itself is opened, playlists are refused, and
:class:`Limits` end what would go on for ever.
"""

import errno
import math
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import VideoReformatter

from softaer.errors import InputError

AUDIO_RATE = 16_000
"""Sampling rate of decoded audio [Hz]; the ComParE descriptors are defined up to 8 kHz."""

MAX_AUDIO_JITTER = 0.05
"""Time stamps of sound may be off by so much without being followed [s]; not at the start."""

SILENCE_AT_ONCE = 60 * AUDIO_RATE
"""Samples of silence that are handed out together: one minute."""

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
"""Errors that say nothing of a file."""

CLOCK_TICK = 1e-3
"""Coarsest clock of a container that is in use, Matroska's [s]; times are rounded to it."""

PLAYLISTS = frozenset({"concat", "concatf", "dash", "hls", "imf", "sdp"})
"""FFmpeg's names of formats that name other files, or addresses, to be read."""


@dataclass(frozen=True)
class Limits:
    """What a media file may ask for; more is refused.

    Attributes
    ----------
    max_size
        Of the file [GB].
    max_duration
        Of the recording [s].
    max_streams
        Streams of any kind in the file.
    max_pixels
        Width times height of a picture.
    """

    max_size: float = 20.0
    max_duration: float = 14_400.0
    max_streams: int = 16
    max_pixels: int = 7_680 * 4_320


def _require(path: Path, found: float, limits: Limits, name: str, unit: str) -> None:
    if found > getattr(limits, name):
        raise InputError(
            f"{path}: {found:g} {unit}; expected at most {getattr(limits, name):g} (media.{name})"
        )


def _pass_on(error: Exception) -> None:
    """Raise what is the fault of the machine and not of the file: the next run may succeed."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) in OF_THE_MACHINE:
        raise error


@contextmanager
def open_media(path: Path, limits: Limits = Limits()) -> Iterator[av.container.InputContainer]:
    """Open a media file; whatever FFmpeg objects to while it is open becomes an InputError.

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
        _pass_on(error)
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    try:
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise InputError(f"{path}: no regular file; expected a media file")
        _require(path, status.st_size / 1e9, limits, "max_size", "GB")
        # Without a protocol of its own, a name such as "concat:..." would be read as one. Opening
        # may decode a picture to find out what it is.
        options = {
            "protocol_whitelist": "file",
            "pattern_type": "none",
            "max_pixels": str(max(limits.max_pixels, Limits.max_pixels)),
        }
        with av.open(f"file:{path}", options=options) as container:
            if PLAYLISTS & set(container.format.name.split(",")):
                raise InputError(
                    f"{path}: a playlist ({container.format.name}); expected sound or pictures"
                )
            _require(path, len(container.streams), limits, "max_streams", "streams")
            seconds = (container.duration or 0) / av.time_base
            _require(path, seconds, limits, "max_duration", "s")
            yield container
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder; expected a media file") from error
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        _pass_on(error)
        # Without FFmpeg's own number and spelling of the path.
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be decoded: {reason}") from error


def length(path: Path, limits: Limits = Limits()) -> float | None:
    """Length of a recording as its file says [s]; None where it does not, or cannot be opened."""
    try:
        with open_media(path, limits) as container:
            return container.duration / av.time_base if container.duration else None
    except InputError:
        return None


def find_stream(
    container: av.container.InputContainer, kind: str, path: Path, limits: Limits = Limits()
) -> av.stream.Stream:
    """First stream of a kind (``audio`` or ``video``) in an open file.

    Raises
    ------
    InputError
        If there is none that can be decoded, or its pictures are beyond the limits.
    """
    streams = [s for s in container.streams if s.type == kind and s.codec_context is not None]
    if not streams:
        found = ", ".join(sorted({s.type for s in container.streams})) or "none"
        raise InputError(f"{path}: no {kind} stream that can be decoded (streams found: {found})")
    if kind == "video":
        context = streams[0].codec_context
        _require(path, context.width * context.height, limits, "max_pixels", "pixels")
    return streams[0]


def _origin(container: av.container.InputContainer) -> float:
    return (container.start_time or 0) / av.time_base


def audio_blocks(path: Path, limits: Limits = Limits()) -> Iterator[np.ndarray]:
    """Sound of a recording, resampled to 16 kHz mono.

    Parameters
    ----------
    path
        Media file; its first audio stream is taken.
    limits
        What the file may ask for.

    Yields
    ------
    int16 arrays of shape (n,); their concatenation starts at time zero of the recording. Gaps in
    the stream's time stamps become silence; sound before time zero, or stamped with a time that
    has passed, is cut.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, has no audio stream, or is beyond the limits.
    """
    with open_media(path, limits) as container:
        stream = find_stream(container, "audio", path)
        origin = _origin(container)
        resampler, form = None, None
        written, surplus = 0, 0
        for frame in container.decode(stream):
            if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
                yield from (tail := _drain(resampler, None))
                written += sum(map(len, tail))
                resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
            place = written if frame.time is None else round((frame.time - origin) * AUDIO_RATE)
            end = max(place, written) / AUDIO_RATE + frame.samples / frame.sample_rate
            _require(path, end, limits, "max_duration", "s of sound")
            tolerance = MAX_AUDIO_JITTER * AUDIO_RATE if written else 0
            if place - written > tolerance:
                yield from (tail := _drain(resampler, None))
                written += sum(map(len, tail))
                resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
                while written < place:
                    silence = min(place - written, SILENCE_AT_ONCE)
                    yield np.zeros(silence, dtype=np.int16)
                    written += silence
            elif written - place > tolerance:
                surplus = written - place
            frame.pts = None
            for block in _drain(resampler, frame):
                cut = min(surplus, len(block))
                surplus -= cut
                written += len(block) - cut
                yield block[cut:]
        yield from _drain(resampler, None)


def _drain(resampler: av.AudioResampler | None, frame: av.AudioFrame | None) -> list[np.ndarray]:
    """Blocks that a resampler gives for a frame, or at its end for ``None``."""
    if resampler is None:
        return []
    return [block.to_ndarray()[0] for block in resampler.resample(frame)]


def video_frames(
    path: Path, limits: Limits = Limits(), rate: float | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Pictures of a recording, upright, with their times.

    Parameters
    ----------
    path
        Media file; its first video stream is taken.
    limits
        What the file may ask for.
    rate
        Pictures per second that are handed out: the first whose time has reached each multiple of
        1 / rate. Others are decoded, since later ones need them, but not converted. None: all.

    Yields
    ------
    (time, image)
        Presentation time [s] from the start of the recording, strictly increasing, and the RGB
        picture as uint8 of shape (height, width, 3), turned or mirrored as its tag asks.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, has no video stream, is beyond the limits, a frame
        has no time stamp, or the rotation tag is not a multiple of 90 degrees.
    """
    with open_media(path, limits) as container:
        stream = _find_pictures(container, path, limits)
        origin = _origin(container)
        converter = VideoReformatter()
        last, slot = -np.inf, None
        for frame in container.decode(stream):
            if frame.time is None:
                raise InputError(f"{path}: video frame without a time stamp after {last:g} s")
            time = frame.time - origin
            _require(path, time, limits, "max_duration", "s of pictures")
            if time <= last:
                continue
            last = time
            if rate is not None and slot == (slot := math.floor((time + CLOCK_TICK) * rate)):
                continue
            yield time, _picture(frame, converter, path)


def _find_pictures(
    container: av.container.InputContainer, path: Path, limits: Limits
) -> av.stream.Stream:
    stream = find_stream(container, "video", path, limits)
    stream.thread_type = "NONE"
    # The size may change on the way; the decoder itself keeps to the limit.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def _picture(frame: av.VideoFrame, converter: VideoReformatter, path: Path) -> np.ndarray:
    # By itself PyAV starts a thread for each processor anew with every frame.
    image = converter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return upright(image, _display_matrix(frame), path)


def frame_at(path: Path, time: float, limits: Limits = Limits()) -> np.ndarray:
    """The picture that is shown at a time: the last that has come by then, or the first.

    Parameters
    ----------
    path, limits
        See :func:`video_frames`.
    time
        From the start of the recording [s].

    Returns
    -------
    RGB, uint8, shape (height, width, 3), upright.

    Raises
    ------
    InputError
        As :func:`video_frames`, and for a file without pictures.
    """
    with open_media(path, limits) as container:
        stream = _find_pictures(container, path, limits)
        time = time + _origin(container)
        # From the last key frame before, instead of decoding all there is up to it.
        container.seek(max(0, int(time / stream.time_base)), stream=stream)
        shown = _last_until(time, container.decode(stream))
        if shown is None or shown.time > time:
            container.seek(0, stream=stream)  # this container does not find its key frames
            shown = _last_until(time, container.decode(stream))
        if shown is None:
            raise InputError(f"{path}: no picture at {time:g} s")
        return _picture(shown, VideoReformatter(), path)


def _last_until(time: float, frames: Iterable[av.VideoFrame]) -> av.VideoFrame | None:
    """The last frame until a time of the file, or the first, of those that have a time."""
    shown = None
    for frame in frames:
        if frame.time is None:
            continue
        if shown is not None and frame.time > time:
            break
        shown = frame
    return shown


def _display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """Where a frame's tag puts the axes: rows (a, b) and (c, d) of the matrix of ISO 14496-12."""
    tag = frame.side_data.get(SideData.DISPLAYMATRIX)
    if tag is None:
        return np.eye(2)
    return np.frombuffer(bytes(tag), dtype=np.int32).reshape(3, 3)[:2, :2] / 2**16


def upright(image: np.ndarray, matrix: np.ndarray, path: Path) -> np.ndarray:
    """Turn and mirror a picture so that it stands as it is meant to be shown.

    Parameters
    ----------
    image
        Shape (height, width, 3).
    matrix
        Rows (a, b) and (c, d): the axis x goes to (a, b), the axis y, downwards, to (c, d).
    path
        Names the file in the error.

    Raises
    ------
    InputError
        If the axes do not go to axes.
    """
    size = np.abs(matrix)
    straight = np.allclose(size, size[0, 0] * np.eye(2)) and size[0, 0] > 0
    crossed = np.allclose(size, size[0, 1] * np.eye(2)[::-1]) and size[0, 1] > 0
    if not (straight or crossed):
        angle = np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))
        raise InputError(
            f"{path}: rotation tag of {angle:.1f} degrees (matrix {matrix.tolist()}); "
            "expected a multiple of 90 degrees"
        )
    if crossed:
        image, matrix = image.swapaxes(0, 1), matrix[::-1]
    horizontal, vertical = np.sign(np.diag(matrix)).astype(int)
    return np.ascontiguousarray(image[::vertical, ::horizontal])
