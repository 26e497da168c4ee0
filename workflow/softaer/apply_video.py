"""Video of a recording with its predicted traces below, and a line at the current time."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from softaer.core import cli, tables
from softaer.figures.predictions import prediction_strip
from softaer.signals.film import WIDTH, Sources, write_film


def as_strip(png: bytes) -> np.ndarray:
    """Image of traces as uint8 RGB of an even height, as a film has it."""
    image = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    return image[: len(image) // 2 * 2]


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
    png, bounds = prediction_strip(table, end, WIDTH)
    sources = Sources(
        options.video,
        options.audio,
        options.video_stream,
        options.audio_stream,
        options.channel,
    )
    write_film(options.output, sources, as_strip(png), bounds, end)


if __name__ == "__main__":
    cli.run(main)
