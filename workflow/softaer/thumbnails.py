"""Thumbnails: a few frames of each recording of a batch, for the traces of the report.

A recording is divided into equal parts up to its last labelled frame; the frame in the middle of
each part is shown.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.schema import THUMBNAILS
from softaer.core.targets import feature_columns
from softaer.corpus import Recording, rated, read_recordings
from softaer.signals.stills import still_of

COUNT = 8
"""Frames of a recording."""

WIDTH = 112
"""Width to which they are reduced [pixel]."""


def moments(seconds: float, count: int = COUNT) -> np.ndarray:
    """Middles of equal parts [s], shape (count,).

    Examples
    --------
    >>> moments(8.0, 4).tolist()
    [1.0, 3.0, 5.0, 7.0]
    """
    return (np.arange(count) + 0.5) * seconds / count


def thumbnails(recording: Recording, seconds: float, limits: Media) -> Iterator[dict]:
    """Rows of :data:`softaer.core.schema.THUMBNAILS` of a recording with pictures.

    Nothing is given of a file that cannot be decoded; the log says why.
    """
    try:
        for time in moments(seconds):
            picture = still_of(recording, time, WIDTH, limits)
            yield {"recording": recording.recording, "time": time, "picture": picture}
    except InputError as error:
        print(f"no picture: {error}")


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--batch", required=True)
    arguments.add_argument("--dataset", type=Path, required=True, help="of the batch, with faces")
    cli.add_settings(arguments, Media)
    cli.add_output(arguments)
    options = arguments.parse_args()

    limits = cli.settings(options, Media)
    feature = feature_columns(tables.columns(options.dataset))[0]
    frames = tables.read(options.dataset, ["recording", "time", feature])
    seen = frames[frames[feature].notna()]["recording"].unique()
    ends = frames.groupby("recording")["time"].max()
    rows = [
        row
        for recording in rated(read_recordings(options.recordings))
        if recording.batch == options.batch and recording.video and recording.recording in seen
        for row in thumbnails(recording, ends[recording.recording], limits)
    ]
    tables.write(pd.DataFrame(rows, columns=THUMBNAILS.names), THUMBNAILS, options.output)


if __name__ == "__main__":
    cli.run(main)
