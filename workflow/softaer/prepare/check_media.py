"""Checks media files for ``softaer check``: lengths, streams, levels, and what is unusual."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from softaer.core.errors import InputError
from softaer.core.listing import first_few
from softaer.core.patterns import fill, matches, places
from softaer.corpus import Recording, number_of, odd_path
from softaer.signals.clock import LEAST_SHORTFALL, SHORTFALL, cut_off
from softaer.signals.probe import (
    LISTENED,
    Contents,
    Levels,
    Stream,
    in_threads,
    levels,
    probe_all,
)

FRAMES_APART = 2.5
"""Sound and video that start or end further apart than this are reported [video frames]."""

APART = 0.065
"""They may always be this far apart [s], because encoders add delays."""


def look_at_media(recordings: Iterable[Recording], problem: Callable[[str], None]) -> pd.DataFrame:
    """Lengths and streams of all recordings; reports what is unusual.

    Parameters
    ----------
    recordings
        Recordings of the corpus table.
    problem
        Called with what is wrong or unusual.

    Returns
    -------
    Indexed by recording: ``seconds``, ``sound`` (its length [s]), ``audio`` [Hz], ``channels``
    with the level of each over the first seconds [dB], ``fps``, ``size``; missing if a file cannot
    be read.
    """
    recordings = list(recordings)
    files = list(dict.fromkeys(p for r in recordings for p in (r.audio, r.video) if p is not None))
    contents_of = dict(zip(files, probe_all(files), strict=True))
    heard = [r for r in recordings if r.audio and isinstance(contents_of[r.audio], Contents)]
    listened = in_threads(
        lambda r: levels(r.given("audio"), number_of(r.audio_stream), number_of(r.channel)), heard
    )
    loudness = dict(zip((r.recording for r in heard), listened, strict=True))
    told: dict[str, list[str]] = {}
    table = {}
    for r in recordings:
        own = {path: contents_of[path] for path in (r.audio, r.video) if path is not None}
        for path, contents in own.items():
            reason = contents if isinstance(contents, InputError) else odd_path(path)
            if reason is not None:
                problem(f"recording {r.recording!r}: {reason}")
        pattern = fill(r.annotations or "", recording=r.recording)
        drawn = [match.path for match in matches(pattern)] if places(pattern) else [pattern]
        for path in filter(None, (r.turns, *drawn)):
            if (reason := odd_path(path)) is not None:
                problem(f"recording {r.recording!r}: {reason}")
        for path in own:
            if isinstance(own[path], Contents) and (short := cut_off(path)):
                problem(f"recording {r.recording!r}: {path}: {short}")
        readable = {p: c for p, c in own.items() if isinstance(c, Contents)}
        sound = _stream(r, "audio", readable, problem)
        pictures = _stream(r, "video", readable, problem)
        _compare(r, readable, sound, pictures, told)
        table[r.recording] = {
            "seconds": _seconds(readable.values()),
            "sound": np.nan if sound is None or sound.end is None else sound.end,
            "audio": sound.rate if sound else np.nan,
            "channels": _shown(r, loudness.get(r.recording), problem),
            "fps": pictures.rate if pictures else np.nan,
            "size": f"{pictures.width}x{pictures.height}" if pictures else "",
        }
    for oddity, names in told.items():
        problem(f"{oddity}: {first_few(names)}")
    return pd.DataFrame.from_dict(table, orient="index")


def _seconds(files: Iterable[Contents]) -> float:
    """Length of a recording [s], from the earliest start of its files to their latest end."""
    files = list(files)
    end = max((c.start + c.seconds for c in files), default=np.nan)
    return end - min((c.start for c in files), default=0.0)


def _stream(
    recording: Recording, kind: str, readable: dict[str, Contents], problem: Callable[[str], None]
) -> Stream | None:
    """The stream of a kind that is used; reports if it is missing, or one of several."""
    path = getattr(recording, kind)
    if path not in readable:
        return None
    column = f"{kind}_stream"
    number = number_of(getattr(recording, column))
    stream = readable[path].stream(kind, number)
    of_kind = [s for s in readable[path].streams if s.kind == kind]
    if number is None and len(of_kind) > 1:
        problem(
            f"recording {recording.recording!r}: {path} has several {kind} streams: "
            f"{'; '.join(map(str, of_kind))}; column {column!r} selects another one"
        )
    if stream is None and number is not None:
        problem(
            f"recording {recording.recording!r}: {path} has {len(of_kind)} {kind} streams; "
            f"expected at least {number} (column {column!r})"
        )
    elif stream is None and recording.audio != recording.video:
        problem(f"recording {recording.recording!r}: {path} in column {kind!r} has no {kind}")
    elif stream is None:
        problem(
            f"recording {recording.recording!r}: {path} has no {kind}, so its job will fail; "
            "expected the file in column 'audio' or 'video', or 'on_bad_recording: skip'"
        )
    return stream


def _compare(
    recording: Recording,
    readable: dict[str, Contents],
    sound: Stream | None,
    pictures: Stream | None,
    told: dict[str, list[str]],
) -> None:
    """Report where sound and video start or end apart, and where parts were joined."""
    name = recording.recording
    for contents in readable.values():
        if contents.seams:
            seams = first_few(f"{seam:.1f}" for seam in contents.seams)
            oddity = "time stamps restart where parts were joined (at [s]), and are continued"
            told.setdefault(oddity, []).append(f"{name!r} ({seams})")
        ends = [stream.end for stream in contents.streams if stream.end is not None]
        missing = contents.seconds - max(ends, default=contents.seconds)
        if missing > max(SHORTFALL * contents.seconds, LEAST_SHORTFALL):
            told.setdefault("packets end before the length stated in the header [s]", []).append(
                f"{name!r} ({max(ends):.1f} of {contents.seconds:.1f})"
            )
    if sound is None or pictures is None:
        return
    tolerance = max(APART, FRAMES_APART / pictures.rate if pictures.rate else 0.0)
    starts = [
        stream.start + (readable[path].start if recording.audio != recording.video else 0.0)
        for stream, path in (
            (sound, recording.given("audio")),
            (pictures, recording.given("video")),
        )
    ]
    if abs(starts[0] - starts[1]) > tolerance:
        told.setdefault("sound and video start apart [s]", []).append(
            f"{name!r} (sound {starts[0]:.2f}, video {starts[1]:.2f})"
        )
    if sound.end is None or pictures.end is None:
        return
    lengths = sound.end - sound.start, pictures.end - pictures.start
    if abs(lengths[0] - lengths[1]) > tolerance:
        told.setdefault("sound and video differ in length [s]", []).append(
            f"{name!r} (sound {lengths[0]:.2f}, video {lengths[1]:.2f})"
        )


def _shown(
    recording: Recording, found: Levels | InputError | None, problem: Callable[[str], None]
) -> str:
    """Number and levels of the channels; reports what is unusual about them."""
    if found is None:
        return ""
    if isinstance(found, InputError):
        problem(f"recording {recording.recording!r}: {found}")
        return ""
    for note in found.notes:
        problem(f"recording {recording.recording!r}, first {LISTENED:g} s of sound: {note}")
    if not found.decibels:
        return ""
    return f"{len(found.decibels)} ({' '.join(f'{level:.0f}' for level in found.decibels)} dB)"
