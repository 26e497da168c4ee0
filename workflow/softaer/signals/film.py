"""Films: a recording's pictures and sound, with an image below and a line at the current time."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.corpus import Recording, number_of
from softaer.signals.pictures import video_frames
from softaer.signals.probe import probe
from softaer.signals.sound import AUDIO_RATE, audio_blocks

WIDTH = 640
"""Width of the pictures [pixel]; other sizes are scaled."""

CLOCK = Fraction(1, 90_000)
"""Unit of the pictures' time stamps [s]."""

CURSOR = (200, 30, 30)
"""Colour of the line, RGB."""


@dataclass(frozen=True)
class Sources:
    """The subject's part of the media: files and, if given, numbers of streams and channel."""

    video: Path
    audio: Path | None = None
    video_stream: int | None = None
    audio_stream: int | None = None
    channel: int | None = None

    @classmethod
    def of(cls, recording: Recording) -> "Sources":
        """Those of a recording with video, as its table names them."""
        return cls(
            Path(recording.given("video")),
            Path(recording.audio) if recording.audio else None,
            number_of(recording.video_stream),
            number_of(recording.audio_stream),
            number_of(recording.channel),
        )


def write_film(
    output: Path, sources: Sources, below: np.ndarray, bounds: tuple[float, float], end: float
) -> None:
    """Write a film as MP4 (H.264, AAC).

    Parameters
    ----------
    output
        File to write.
    sources
        Media of the recording.
    below
        Image below the pictures, uint8 RGB, :data:`WIDTH` pixels wide and of an even height.
    bounds
        Columns of the image where its time axis starts and ends.
    end
        End of the time axis [s].

    Raises
    ------
    InputError
        If the recording has no pictures.
    """
    left, right = bounds
    with (
        complete(output) as partial,
        av.open(str(partial), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        video: av.VideoStream | None = None
        audio: av.AudioStream | None = None
        sound: Iterator[np.ndarray] = iter(())
        if sources.audio is not None and probe(sources.audio).audio_rate is not None:
            blocks = audio_blocks(
                sources.audio,
                stream=sources.audio_stream,
                channel=sources.channel,
                beside=sources.video,
            )
            sound = (block for block in blocks if len(block))
            audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        written, last = 0, -1
        for time, picture in video_frames(
            sources.video, stream=sources.video_stream, beside=sources.audio
        ):
            if video is None:
                height = round(picture.shape[0] * WIDTH / picture.shape[1] / 2) * 2
                video = container.add_stream("libx264", rate=30, options={"crf": "23"})
                video.width, video.height = WIDTH, height + len(below)
                video.pix_fmt = "yuv420p"
                # The rule requests one processor, and with more the file would differ.
                video.thread_count = 1
                video.codec_context.time_base = video.time_base = CLOCK
            pts = round(time / CLOCK)
            if pts <= last:
                continue
            last = pts
            # Sound and pictures are interleaved, so that players need not read far ahead.
            while audio is not None and written / AUDIO_RATE < time:
                block = next(sound, None)
                if block is None:
                    break
                _mux_sound(container, audio, block, written)
                written += len(block)
            scaled = Image.fromarray(picture).resize((WIDTH, height), Image.Resampling.BILINEAR)
            traces = below.copy()
            column = round(left + (right - left) * min(time / end, 1.0)) if end else round(left)
            traces[:, max(column - 1, 0) : column + 1] = CURSOR
            frame = av.VideoFrame.from_ndarray(np.vstack([np.array(scaled), traces]), "rgb24")
            frame.pts, frame.time_base = pts, CLOCK
            container.mux(video.encode(frame))
        if video is None:
            raise InputError(f"{sources.video}: no pictures; expected a video")
        if audio is not None:
            for rest in sound:
                _mux_sound(container, audio, rest, written)
                written += len(rest)
        container.mux(video.encode())
        if audio is not None:
            container.mux(audio.encode())


def _mux_sound(
    container: av.container.OutputContainer, stream: av.AudioStream, block: np.ndarray, start: int
) -> None:
    frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
    container.mux(stream.encode(frame))
