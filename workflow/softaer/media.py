"""Decoding of recordings with PyAV (FFmpeg): sound and pictures on one clock.

Time zero is the container's start time, so that both streams of a recording share it. Everything
is streamed; memory does not grow with the length of the recording.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from softaer.errors import InputError

AUDIO_RATE = 16_000
"""Sampling rate of decoded audio [Hz]; the ComParE descriptors are defined up to 8 kHz."""

MAX_AUDIO_JITTER = 0.05
"""Audio packets further ahead of their place than this leave a gap, which becomes silence [s]."""

RIGHT_ANGLES = {0: 0, 90: 1, -90: -1, 180: 2, -180: 2}


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a media file; whatever FFmpeg objects to while it is open becomes an InputError."""
    try:
        with av.open(str(path)) as container:
            yield container
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such media file") from error
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be decoded: {error}") from error


def _stream(container: av.container.InputContainer, kind: str, path: Path) -> av.stream.Stream:
    streams = [s for s in container.streams if s.type == kind and s.codec_context is not None]
    if not streams:
        found = ", ".join(sorted({s.type for s in container.streams})) or "none"
        raise InputError(f"{path}: no {kind} stream that can be decoded (streams found: {found})")
    return streams[0]


def _origin(container: av.container.InputContainer) -> float:
    return (container.start_time or 0) / av.time_base


def audio_blocks(path: Path) -> Iterator[np.ndarray]:
    """Sound of a recording, resampled to 16 kHz mono.

    Parameters
    ----------
    path
        Media file; its first audio stream is taken.

    Yields
    ------
    int16 arrays of shape (n,); their concatenation starts at time zero of the recording. Gaps in
    the stream's time stamps become silence, sound before time zero is cut.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, or has no audio stream.
    """
    with open_media(path) as container:
        stream = _stream(container, "audio", path)
        origin = _origin(container)
        resampler = _resampler()
        written = 0
        for frame in container.decode(stream):
            ahead = 0.0
            if frame.time is not None:
                ahead = frame.time - origin - written / AUDIO_RATE
            if ahead > MAX_AUDIO_JITTER:
                for block in _drain(resampler, None):
                    written += len(block)
                    yield block
                resampler = _resampler()
                silence = round((frame.time - origin) * AUDIO_RATE) - written
                written += silence
                yield np.zeros(silence, dtype=np.int16)
            frame.pts = None
            for block in _drain(resampler, frame):
                if written == 0 and ahead < -MAX_AUDIO_JITTER:
                    block = block[round(-ahead * AUDIO_RATE) :]
                written += len(block)
                yield block
        yield from _drain(resampler, None)


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)


def _drain(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> list[np.ndarray]:
    return [block.to_ndarray()[0] for block in resampler.resample(frame)]


def video_frames(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """Pictures of a recording, upright, with their times.

    Parameters
    ----------
    path
        Media file; its first video stream is taken.

    Yields
    ------
    (time, image)
        Presentation time [s] from the start of the recording, strictly increasing, and the RGB
        picture as uint8 of shape (height, width, 3), turned as the rotation tag asks.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, has no video stream, a frame has no time stamp, or
        the rotation tag is not a multiple of 90 degrees.
    """
    with open_media(path) as container:
        stream = _stream(container, "video", path)
        stream.thread_type = "NONE"
        origin = _origin(container)
        last = -np.inf
        for frame in container.decode(stream):
            if frame.time is None:
                raise InputError(f"{path}: video frame without a time stamp after {last:g} s")
            time = frame.time - origin
            if time <= last:
                continue
            last = time
            if frame.rotation not in RIGHT_ANGLES:
                raise InputError(
                    f"{path}: rotation tag of {frame.rotation} degrees; "
                    "expected a multiple of 90 degrees"
                )
            image = frame.to_ndarray(format="rgb24")
            turns = RIGHT_ANGLES[frame.rotation]
            yield time, np.ascontiguousarray(np.rot90(image, turns)) if turns else image
