"""What `check` says of media files: lengths, streams, and what is odd in them."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from softaer.corpus import Recording
from softaer.corpus.probe import probe_all
from softaer.errors import InputError

APART = 1.0
"""Sound and pictures whose lengths differ by more are told [s]."""


def look_at_media(recordings: Iterable[Recording], problem: Callable[[str], None]) -> pd.DataFrame:
    """Lengths and streams of all recordings.

    Returns
    -------
    Indexed by recording: ``seconds``, ``audio`` [Hz], ``fps``, ``size``; missing where a file
    cannot be read, which is a problem.
    """
    recordings = list(recordings)
    files = dict.fromkeys(p for r in recordings for p in (r.audio, r.video) if p is not None)
    contents_of = dict(zip(files, probe_all(files), strict=True))
    table = {}
    for recording in recordings:
        row = {"seconds": np.nan, "audio": np.nan, "fps": np.nan, "size": ""}
        own = {"audio": recording.audio, "video": recording.video}
        for path in dict.fromkeys(own.values()):
            if isinstance(contents_of.get(path), InputError):
                problem(f"recording {recording.recording!r}: {contents_of[path]}")
        lengths = []
        for kind, path in own.items():
            contents = contents_of.get(path)
            if contents is None or isinstance(contents, InputError):
                continue
            there = contents.audio_rate if kind == "audio" else contents.video_rate
            if there is None and recording.audio != recording.video:
                problem(f"recording {recording.recording!r}: {path} in column {kind!r} has none")
            lengths.append(contents.seconds)
            if kind == "audio" and contents.audio_rate:
                row["audio"] = contents.audio_rate
            if kind == "video" and contents.video_rate is not None:
                row |= {"fps": contents.video_rate, "size": f"{contents.width}x{contents.height}"}
        if len(lengths) == 2 and abs(lengths[0] - lengths[1]) > APART:
            problem(
                f"recording {recording.recording!r}: sound is {lengths[0]:.1f} s long, pictures "
                f"are {lengths[1]:.1f} s"
            )
        row["seconds"] = max(lengths, default=np.nan)
        table[recording.recording] = row
    return pd.DataFrame.from_dict(table, orient="index")
