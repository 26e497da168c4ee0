"""Decoding of video: RGB, upright, with square pixels, on the clock of the recording.

Everything is streamed; memory does not grow with the length of the recording.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import ThreadType
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import VideoReformatter

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.signals.clock import (
    DECODING_TIMES,
    SHORTFALL,
    compare_with_promise,
    decoded,
    is_joined,
    may_be_joined,
    origin,
    stated_length,
)
from softaer.signals.media import (
    DEFAULT_LIMITS,
    Account,
    find_video,
    formats_of,
    open_media,
    require,
    tick_of,
)

CLOCK_TICK = 1e-3
"""Coarsest clock of a common container, Matroska [s]; times are rounded to it."""

UNSORTED_TIMES = frozenset({"mxf"})
"""Containers whose index has times in decoding order, although frames are in presentation order."""

REORDERING = 16
"""Number of frames over which a codec may reorder: the maximum of H.264 and HEVC."""

MOST_STRETCHED = 8
"""Ratio of a pixel's sides beyond which the header is wrong."""

CONSTANT_RATE = frozenset({"mpeg", "mpegts", "ogg"})
"""Containers with a constant frame rate."""

MISSING_PICTURES = 5
"""Number of frames that may always be missing."""

PAUSE = 1.0
"""A note appears for longer gaps between frames [s]."""


def video_frames(
    path: Path | str,
    limits: Media = DEFAULT_LIMITS,
    rate: float | None = None,
    *,
    stream: int | None = None,
    beside: Path | str | None = None,
    account: Account | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of a recording, upright, with square pixels, and their times.

    Parameters
    ----------
    path
        Media file.
    limits
        Limits for the file.
    rate
        Frames per second that are returned: the first one at or after each multiple of 1 / rate.
        The others are decoded, because later frames need them, but not converted. None: all.
    stream
        Number of the video stream, see :func:`softaer.signals.media.chosen`.
    beside
        File with the recording's sound, if it is separate.
    account
        Filled with the results of decoding.

    Yields
    ------
    (time, image)
        Presentation time [s] from time zero of the recording, strictly increasing, and the RGB
        frame as uint8 of shape (height, width, 3), turned or mirrored according to its tag. If
        pixels are not square, the shorter side is stretched.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, has no such stream or exceeds the limits, if a
        frame has no time stamp, or if the rotation tag is not a multiple of 90 degrees.
    """
    account = Account() if account is None else account
    with open_media(path, limits) as container:
        source = _find_pictures(container, path, limits, stream)
        account.promised = stated_length(container, source)
        zero = origin(container, beside, limits, account)
        convert = Converter(source, path, limits)
        first, last, slot = 0.0, -np.inf, None
        count = late = corrupt = 0
        longest, pause_at, duration = 0.0, 0.0, 0.0
        for time, frame in _timed(container, source, zero, path, account):
            if time is None:
                raise InputError(
                    f"{path}: a video frame without a time stamp; expected a container with time "
                    "stamps, not a raw stream"
                )
            require(path, time, limits, "max_duration", "s of video")
            corrupt += frame.is_corrupt
            if time <= last:
                late += 1
                continue
            first = first if count else time
            if count and time - last > longest:
                longest, pause_at = time - last, last
            if frame.duration and frame.time_base:
                duration = float(frame.duration * frame.time_base)
            elif count:
                duration = time - last
            count, last = count + 1, time
            if rate is not None and slot == (slot := math.floor((time + CLOCK_TICK) * rate)):
                continue
            yield time, convert(frame)
        if count:
            account.decoded = last - first + duration
        if late:
            account.dropped += late
            account.notes.append(
                f"{late} video frames were dropped because their time stamps do not increase"
            )
        if corrupt:
            account.notes.append(f"{corrupt} video frames are damaged")
        if longest > PAUSE:
            account.notes.append(f"no video frame for {longest:.1f} s after {pause_at:.1f} s")
        if not count:
            account.notes.append("no video frame was decoded")
        compare_with_promise(account, "video")
        expected = _expected_pictures(container, source, account.decoded)
        if expected - count - late > max(SHORTFALL * expected, MISSING_PICTURES):
            account.notes.append(
                f"{count + late} video frames were decoded; the frame rate implies {expected:.0f}"
            )


def _expected_pictures(
    container: av.container.InputContainer, stream: av.stream.Stream, seconds: float
) -> float:
    """Number of frames in a number of seconds, if the frame rate is constant; else 0."""
    constant = CONSTANT_RATE & formats_of(container)
    return float(stream.average_rate or 0) * seconds if constant else 0.0


def _timed(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    zero: float,
    path: Path | str,
    account: Account,
) -> Iterator[tuple[float | None, av.VideoFrame]]:
    """Frames and their times, sorted if the container has them in decoding order."""
    frames = decoded(container, stream, zero, path, account)
    if container.format.name not in UNSORTED_TIMES:
        for frame in frames:
            yield None if frame.time is None else frame.time - zero, frame
        return
    times: list[float] = []
    waiting: deque[av.VideoFrame] = deque()
    for frame in frames:
        if frame.time is None:
            yield None, frame
            continue
        heapq.heappush(times, frame.time - zero)
        waiting.append(frame)
        if len(waiting) > REORDERING:
            yield heapq.heappop(times), waiting.popleft()
    while waiting:
        yield heapq.heappop(times), waiting.popleft()


def _find_pictures(
    container: av.container.InputContainer,
    path: Path | str,
    limits: Media,
    number: int | None = None,
) -> av.VideoStream:
    stream = find_video(container, path, limits, number)
    stream.thread_type = ThreadType.NONE
    # The size may change midway; the decoder itself respects the limit.
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


class Converter:
    """Turns decoded frames into upright RGB images with square pixels.

    The shape of pixels is that of the container, if it states one; otherwise that of each frame,
    which may change midway.
    """

    def __init__(self, stream: av.VideoStream, path: Path | str, limits: Media) -> None:
        self._context, self._path, self._limits = stream.codec_context, path, limits
        self._reformatter = VideoReformatter()
        coded, shown = self._context.sample_aspect_ratio, stream.sample_aspect_ratio
        self._fixed = shown if shown and shown != (coded or 1) else None
        self._square = True
        self._stretch: tuple[av.filter.Graph, tuple] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """A frame as a picture, uint8, shape (height, width, 3)."""
        matrix = _display_matrix(frame)
        # Only a filter sees the pixel shape of a single frame; the decoder may be ahead of it.
        self._square &= (self._fixed or self._context.sample_aspect_ratio or 1) == 1
        if not self._square:
            frame = self._stretched(frame)
        # By default, PyAV starts one thread per processor for every frame.
        image = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return upright(image, matrix, self._path)

    def _stretched(self, frame: av.VideoFrame) -> av.VideoFrame:
        ratio = self._fixed or self._context.sample_aspect_ratio or Fraction(1)
        if not 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED:
            raise InputError(
                f"{self._path}: pixels of {ratio.numerator}:{ratio.denominator}; expected a shape "
                f"from 1:{MOST_STRETCHED} to {MOST_STRETCHED}:1"
            )
        pixels = frame.width * frame.height * max(ratio, 1 / ratio)
        require(self._path, float(pixels), self._limits, "max_pixels", "pixels")
        form = (frame.width, frame.height, frame.format.name)
        if self._stretch is None or self._stretch[1] != form:
            shape = str(self._fixed or "sar")
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base,
            )
            scale = graph.add(
                "scale",
                w=f"if(gt({shape},1),round(iw*{shape}),iw)",
                h=f"if(gt({shape},1),ih,round(ih/({shape})))",
                flags="bicubic",
                eval="frame",
            )
            sink = graph.add("buffersink")
            source.link_to(scale)
            scale.link_to(sink)
            graph.configure()
            self._stretch = graph, form
        graph, _ = self._stretch
        graph.vpush(frame)
        return graph.vpull()


def frame_at(
    path: Path | str,
    time: float,
    limits: Media = DEFAULT_LIMITS,
    *,
    stream: int | None = None,
    beside: Path | str | None = None,
) -> np.ndarray:
    """The frame shown at a time: the last one until then, or the first.

    Parameters
    ----------
    path, limits, stream, beside
        See :func:`video_frames`.
    time
        From time zero of the recording [s].

    Returns
    -------
    RGB, uint8, shape (height, width, 3), upright, with square pixels.

    Raises
    ------
    InputError
        As :func:`video_frames`, and for a file without frames.
    """
    with open_media(path, limits) as container:
        source = _find_pictures(container, path, limits, stream)
        zero = origin(container, beside, limits)
        convert = Converter(source, path, limits)
        time = time + zero
        shown = None
        by_number = container.format.name in DECODING_TIMES  # from the first frame on
        if not by_number and not (may_be_joined(container) and is_joined(container)):
            # From the last key frame before, instead of decoding everything before it.
            container.seek(max(0, int(time / tick_of(source))), stream=source)
            shown = _last_until(time, decoded(container, source, zero, path, Account()))
        if shown is None or (shown.time or 0.0) > time:
            container.seek(0, stream=source)  # parts, or a container that finds no key frames
            shown = _last_until(time, decoded(container, source, zero, path, Account()))
        if shown is None:
            raise InputError(f"{path}: no video frame at {time - zero:g} s")
        return convert(shown)


def _last_until(time: float, frames: Iterable[av.VideoFrame]) -> av.VideoFrame | None:
    """The last frame with a time until a time of the file, or the first."""
    shown = None
    for frame in frames:
        if frame.time is None:
            continue
        if shown is not None and frame.time > time:
            break
        shown = frame
    return shown


def _display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """Axes after a frame's rotation: rows (a, b) and (c, d) of the matrix of ISO 14496-12."""
    try:
        # PyAV's stub knows only one key.
        tag: Any = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    except ValueError:
        # PyAV does not know all of FFmpeg's side data, such as EXIF; it knows the angle.
        angle = np.radians(frame.rotation)
        return np.round([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], 6)
    if tag is None:
        return np.eye(2)
    return np.frombuffer(bytes(tag), dtype=np.int32).reshape(3, 3)[:2, :2] / 2**16


def upright(image: np.ndarray, matrix: np.ndarray, path: Path | str) -> np.ndarray:
    """Turn and mirror a picture for display.

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
        If the axes are not mapped to axes.
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
