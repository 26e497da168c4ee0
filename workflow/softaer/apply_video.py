"""Video of a recording with its predicted traces below, and a line at the current time."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
from PIL import Image

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.figures.predictions import prediction_strip
from softaer.signals.pictures import video_frames
from softaer.signals.probe import probe
from softaer.signals.sound import AUDIO_RATE, audio_blocks

WIDTH = 640
"""Height of the pictures [pixel]; other sizes are scaled."""

CLOCK = Fraction(1, 90_000)
"""Unit of the pictures' time stamps [s]."""

CURSOR = (200, 30, 30)
"""Colour of the line, RGB."""


def strip(table: pd.DataFrame, end: float) -> tuple[np.ndarray, tuple[float, float]]:
    """Picture of the traces.

    Parameters
    ----------
    table
        Prediction of the recording, see :meth:`softaer.predictor.Predictor.predict_features`.
    end
        End of the time axis [s].

    Returns
    -------
    image, (left, right)
        uint8 RGB of :data:`WIDTH` pixels and an even height; columns where the time axis starts
        and ends.
    """
    png, bounds = prediction_strip(table, end, WIDTH)
    image = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    return image[: len(image) // 2 * 2], bounds


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--predictions", type=Path, required=True, help="of the batch")
    arguments.add_argument("--recording-name", required=True)
    arguments.add_argument("--video", type=Path, required=True, help="media file with pictures")
    arguments.add_argument("--audio", type=Path, help="media file with sound")
    arguments.add_argument("--audio-stream", type=int)
    arguments.add_argument("--video-stream", type=int)
    arguments.add_argument("--channel", type=int)
    cli.add_output(arguments)
    options = arguments.parse_args()

    table = tables.read(options.predictions)
    table = table[table["recording"] == options.recording_name]
    if table.empty:
        print(f"recording {options.recording_name!r} has no prediction: nothing is drawn")
    end = float(table["time"].max()) if len(table) else 0.0
    below, (left, right) = strip(table, end)
    with (
        complete(options.output) as partial,
        av.open(str(partial), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        video: av.VideoStream | None = None
        audio: av.AudioStream | None = None
        sound: Iterator[np.ndarray] = iter(())
        if options.audio is not None and probe(options.audio).audio_rate is not None:
            blocks = audio_blocks(
                options.audio,
                stream=options.audio_stream,
                channel=options.channel,
                beside=options.video,
            )
            sound = (block for block in blocks if len(block))
            audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        written, last = 0, -1
        for time, picture in video_frames(
            options.video, stream=options.video_stream, beside=options.audio
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
            raise InputError(f"{options.video}: no pictures; expected a video")
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


if __name__ == "__main__":
    cli.run(main)
