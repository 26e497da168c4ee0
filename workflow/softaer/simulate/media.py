"""Renders one recording: a voice and a face that show the planted truth, as an MP4 file.

H.264 video with 10 frames per second and AAC sound with 16 kHz, one channel. One encoder thread,
so that the same input gives the same bytes.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Simulate
from softaer.core.files import complete
from softaer.simulate import channel, expression, face, voice
from softaer.simulate import truth as truths
from softaer.simulate.noise import Stage, generator
from softaer.simulate.subjects import Subject, subject

FRAME_RATE = 10
"""Video frames per second."""


def read_portrait(image: Path, landmarks: Path) -> face.Face:
    """Portrait and landmarks as :mod:`softaer.simulate.portraits` writes them.

    Raises
    ------
    InputError
        If one of the files is missing or not what it should be.
    """
    pixels = cv2.imread(str(image)) if image.is_file() else None
    if pixels is None or pixels.shape[:2] != (face.PORTRAIT_SIZE, face.PORTRAIT_SIZE):
        raise InputError(
            f"{image}: found no image of {face.PORTRAIT_SIZE} x {face.PORTRAIT_SIZE} pixels; "
            "portraits are made by softaer.simulate.portraits"
        )
    points = tables.read(landmarks, columns=face.LANDMARKS.names).sort_values("index")
    return face.Face(
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB),
        points[["x", "y", "z"]].to_numpy(dtype=np.float32),
    )


def perform(
    recording: str, seed: int, truth: dict[str, pd.DataFrame], who: Subject
) -> tuple[voice.Speech, list[face.Pose]]:
    """Give speech and the pose of the face in every frame of a recording.

    Parameters
    ----------
    recording, seed
        Determine the random numbers.
    truth
        Per dimension, rows of :data:`softaer.simulate.truth.TRUTH`.
    who
        Subject whose voice it is.
    """
    frames = round(truth["arousal"]["time"].max() * FRAME_RATE)
    rng = generator(seed, recording, Stage.VOICE)
    speech = voice.speak(rng, channel.show(rng, "voice", truth), who.voice, frames / FRAME_RATE)

    rng = generator(seed, recording, Stage.FACE)
    time = np.arange(frames) / FRAME_RATE
    cues = channel.show(rng, "face", truth).at(time)
    jaw = np.interp(time, speech.time, speech.jaw)
    return speech, expression.poses(rng, cues, jaw, FRAME_RATE)


def encode(path: Path, frames: Iterable[np.ndarray], waveform: np.ndarray) -> None:
    """Write frames and sound as MP4.

    Parameters
    ----------
    frames
        RGB images, uint8, shape (288, 288, 3), at :data:`FRAME_RATE`.
    waveform
        float32 in (-1, 1) at 16 kHz, as long as the frames.
    """
    pcm = (waveform * np.iinfo(np.int16).max).astype(np.int16)[None]
    per_frame = voice.SAMPLE_RATE // FRAME_RATE
    with (
        complete(path) as partial,
        av.open(str(partial), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        video = container.add_stream(
            "libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "crf": "25"}
        )
        video.width = video.height = face.FRAME_SIZE
        video.pix_fmt = "yuv420p"
        video.thread_count = 1
        audio = container.add_stream("aac", rate=voice.SAMPLE_RATE, layout="mono")
        audio.bit_rate = 96_000
        for number, frame in enumerate(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            start = number * per_frame
            sound = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(pcm[:, start : start + per_frame]),
                format="s16",
                layout="mono",
            )
            sound.sample_rate = voice.SAMPLE_RATE
            sound.pts = start
            sound.time_base = Fraction(1, voice.SAMPLE_RATE)
            container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())


def main() -> None:
    """Command line."""
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recording", required=True)
    arguments.add_argument("--subject", required=True)
    cli.add_settings(arguments, Simulate, "seed")
    arguments.add_argument("--truth", type=Path, required=True)
    arguments.add_argument("--portrait", type=Path, required=True, help="image (PNG)")
    arguments.add_argument("--landmarks", type=Path, required=True, help="its points (Parquet)")
    cli.add_output(arguments)
    options = arguments.parse_args()

    truth = truths.read(options.truth, options.recording)
    who = subject(options.subject)
    portrait = read_portrait(options.portrait, options.landmarks)

    speech, poses = perform(options.recording, cli.settings(options, Simulate).seed, truth, who)
    encode(options.output, map(portrait.render, poses), speech.waveform)


if __name__ == "__main__":
    cli.run(main)
