"""Builders of small media files whose sound, pictures and time stamps are known."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (48, 64)
"""Height and width of the pictures [pixel]."""

CLOCK = Fraction(1, 1000)
"""Unit of the pictures' time stamps [s]; Matroska's."""


def tone(seconds: float, rate: int = 16_000, frequency: float = 440.0) -> np.ndarray:
    """Sine of amplitude 8000, int16."""
    phase = 2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(phase)).astype(np.int16)


def grey(level: int) -> np.ndarray:
    """Picture of one grey level."""
    return np.full((*SIZE, 3), level, dtype=np.uint8)


def write(
    path: Path,
    pictures: Iterable[tuple[float, np.ndarray]] = (),
    sound: Iterable[tuple[float, np.ndarray]] = (),
    rate: int = 16_000,
    layout: str = "mono",
    audio_codec: str = "pcm_s16le",
    video_codec: str = "ffv1",
    clock: Fraction = CLOCK,
    pix_fmt: str | None = None,
) -> Path:
    """Write a file with a stream of pictures, of sound, or of both.

    ``pictures`` are times [s] and RGB images; ``sound`` are starts [s] and int16 pieces, stereo
    ones interleaved. Streams without content are left out. PCM and FFV1 in Matroska lose nothing.
    """
    pictures, sound = list(pictures), list(sound)
    packets = []
    with av.open(str(path), "w") as container:
        video = audio = None
        if pictures:
            video = container.add_stream(video_codec, rate=25)
            video.height, video.width = pictures[0][1].shape[:2]
            video.pix_fmt = pix_fmt or ("bgr0" if video_codec == "ffv1" else "yuv420p")
            video.codec_context.time_base = video.time_base = clock
        if sound:
            audio = container.add_stream(audio_codec, rate=rate, layout=layout)
        for time, image in pictures:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time / clock), clock
            packets += video.encode(frame)
        for start, samples in sound:
            for frame in _audio_frames(audio, start, samples):
                packets += audio.encode(frame)
        for stream in filter(None, (video, audio)):
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    return path


def _audio_frames(
    stream: av.AudioStream, start: float, samples: np.ndarray
) -> Iterable[av.AudioFrame]:
    context = stream.codec_context
    size = context.frame_size or 800
    step = size * context.layout.nb_channels
    for place in range(0, len(samples), step):
        piece = np.ascontiguousarray(samples[place : place + step].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=context.layout.name)
        frame.sample_rate = context.sample_rate
        if context.format.name != "s16":
            to_codec = av.AudioResampler(context.format.name, context.layout, context.sample_rate)
            (frame,) = to_codec.resample(frame)
        first = round(start * context.sample_rate) + place // context.layout.nb_channels
        frame.pts, frame.time_base = first, Fraction(1, context.sample_rate)
        yield frame


def tag(path: Path, matrix: tuple[float, float, float, float]) -> None:
    """Give the first track of an MP4 file a display matrix.

    ``matrix`` is (a, b, c, d) of ISO 14496-12: the picture's point (x, y), y downwards, is shown
    at (a x + c y, b x + d y).
    """
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd")
    place = header + 4 + 4 + (32 if content[header + 4] else 20) + 16
    a, b, c, d = (round(value * 0x10000) for value in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(content)


def without_duration(path: Path) -> Path:
    """Take the declared duration out of a Matroska file."""
    content = path.read_bytes()
    place = content.index(b"\x44\x89\x88")
    # In its place an element that means nothing, as long as the other: 2 bytes and 9.
    path.write_bytes(content[:place] + b"\xec\x89" + bytes(9) + content[place + 11 :])
    return path
