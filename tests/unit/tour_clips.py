"""Clips in which a face and a tone appear at one instant, in many containers and codecs.

Until the instant the picture is grey and the sound a hum; from then on there is a portrait (the
flash) and a whistle (the click). FFmpeg's own encoders and muxers, as PyAV brings them, write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

SECONDS = 1.2
"""Length of a clip; the instant is its middle [s]."""

HUM, WHISTLE = 100.0, 2000.0
"""Frequencies of the sound before and from the instant [Hz]."""

PORTRAIT = slice(20, 260), slice(64, 384)
"""Rows and columns of 240 x 320 pixels around the face in the astronaut's photograph."""

ENCODER_OPTIONS = {
    "dnxhd": {"profile": "dnxhr_sq"},
    "libsvtav1": {"preset": "12"},
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "vorbis": {"strict": "experimental"},
}
"""What encoders need, or what makes them quick and quiet."""

PIXELS = {"dnxhd": "yuv422p", "mjpeg": "yuvj420p"}
"""Pixel formats of encoders that refuse the usual choice."""


@dataclass(frozen=True)
class Clip:
    """What a clip is made of.

    Attributes
    ----------
    container, video, audio
        FFmpeg's names of the muxer and of the encoders.
    fps, rate, layout
        Pictures per second, sampling rate [Hz], channel layout.
    b_frames
        Most B-frames in a row; None: the encoder's default.
    size
        Width and height [pixel].
    zero
        What lies at time zero of the file. "content": the first picture and sample; the container
        cuts off the sound that primes the decoder. "priming": the start of that sound, which is
        played. "decoding": the time at which the first picture is decoded, before it is shown.
    block
        Samples in a block of the container, if that is more than a frame of the codec.
    pixels, bit_rate, options, codec_options
        Pixel format, bit rate of the sound, options of the muxer and of the sound's encoder.
    """

    container: str
    video: str
    audio: str
    fps: Fraction = Fraction(25)
    rate: int = 48_000
    layout: str = "mono"
    b_frames: int | None = None
    size: tuple[int, int] = (320, 240)
    zero: str = "content"
    block: int = 0
    pixels: str | None = None
    bit_rate: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name of the clip, unique in the tour."""
        frames = "" if self.b_frames is None else f"-b{self.b_frames}"
        options = "".join(f"-{value}" for value in self.options.values())
        picture = f"{self.video}{frames}-{self.size[1]}-{float(self.fps):.4g}"
        sound = f"{self.audio}-{self.rate}-{self.layout}"
        return f"{self.container}{options}_{picture}_{sound}"


@dataclass(frozen=True)
class Made:
    """What a clip holds, on the clock of its file.

    Attributes
    ----------
    path
        The file.
    instant
        When the face appears [s].
    pictures
        How many there are.
    seconds
        Shortest and longest sound that is right [s].
    """

    path: Path
    instant: float
    pictures: int
    seconds: tuple[float, float]


def sound(seconds: float, rate: int, instant: float) -> np.ndarray:
    """Hum that becomes a whistle at an instant; int16, shape (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    hum = 4000 * np.sin(2 * np.pi * HUM * time)
    whistle = 8000 * np.sin(2 * np.pi * WHISTLE * time)
    return np.where(time < instant, hum, whistle).astype(np.int16)


def pictures(count: int, first: int, size: tuple[int, int] = (320, 240)) -> list[np.ndarray]:
    """Grey pictures, from the index ``first`` on a portrait; RGB, uint8, (height, width, 3)."""
    portrait = cv2.resize(skimage.data.astronaut()[PORTRAIT], size)
    return [np.full_like(portrait, 128)] * first + [portrait] * (count - first)


def make(folder: Path, clip: Clip, late: float = 0.0) -> Made:
    """Write a clip.

    Parameters
    ----------
    folder
        Where the file is put.
    clip
        What it is made of.
    late
        By how much the whistle comes after the face [s].
    """
    count = round(SECONDS * clip.fps)
    first = count // 2
    seconds, instant = float(count / clip.fps), float(first / clip.fps)
    path = folder / f"clip.{clip.container}"
    with av.open(str(path), "w", format=clip.container, options=dict(clip.options)) as container:
        video = _video_stream(container, clip)
        audio = container.add_stream(
            clip.audio,
            rate=clip.rate,
            layout=clip.layout,
            options={**ENCODER_OPTIONS.get(clip.audio, {}), **clip.codec_options},
        )
        if clip.bit_rate:
            audio.bit_rate = clip.bit_rate
        seen = _encode_pictures(video, clip, pictures(count, first, clip.size))
        heard = _encode_sound(audio, clip, sound(seconds, clip.rate, instant + late))
        for packet in sorted(seen + heard, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
        frame = max(audio.codec_context.frame_size, clip.block) / clip.rate
    priming, decoding = _before_zero(seen, heard)
    before = {"content": 0.0, "priming": priming, "decoding": decoding}[clip.zero]
    # The last frame of a codec may be filled up, or cut; a millisecond is for the resampler.
    shortest, longest = seconds - frame - 0.001, seconds + priming + before + frame + 0.001
    return Made(path, instant + before, count, (shortest, longest))


def _video_stream(container: av.container.OutputContainer, clip: Clip) -> av.VideoStream:
    options = ENCODER_OPTIONS.get(clip.video, {})
    if clip.b_frames is not None:
        options = options | {"bf": str(clip.b_frames)}
    video = container.add_stream(clip.video, rate=clip.fps, options=options)
    formats = [f.name for f in video.codec.video_formats or ()] or ["yuv420p"]
    usual = "yuv420p" if "yuv420p" in formats else formats[0]
    video.width, video.height = clip.size
    video.pix_fmt = clip.pixels or PIXELS.get(clip.video, usual)
    video.bit_rate = 4_000_000  # the face must be one in the first picture already
    video.codec_context.time_base = 1 / clip.fps
    return video


def _encode_pictures(
    stream: av.VideoStream, clip: Clip, images: list[np.ndarray]
) -> list[av.Packet]:
    packets = []
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=stream.pix_fmt)
        frame.pts, frame.time_base = index, 1 / clip.fps
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _encode_sound(stream: av.AudioStream, clip: Clip, samples: np.ndarray) -> list[av.Packet]:
    context = stream.codec_context
    context.open()  # only then the size of its frames is known
    channels = np.repeat(samples, context.layout.nb_channels).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(channels, format="s16", layout=clip.layout)
    frame.sample_rate, frame.pts, frame.time_base = clip.rate, 0, Fraction(1, clip.rate)
    to_codec = av.AudioResampler(
        context.format.name, context.layout, clip.rate, frame_size=context.frame_size or 1024
    )
    packets = []
    for piece in [*to_codec.resample(frame), *to_codec.resample(None)]:
        packets += stream.encode(piece)
    return packets + stream.encode(None)


def _before_zero(seen: list[av.Packet], heard: list[av.Packet]) -> tuple[float, float]:
    """How long before the first sample and picture the priming and the decoding begin [s]."""
    sound = min(packet.pts * packet.time_base for packet in heard)
    decoding = min(packet.dts * packet.time_base for packet in seen + heard)
    return float(max(0, -sound)), float(max(0, -decoding))
