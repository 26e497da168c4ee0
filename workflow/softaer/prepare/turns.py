"""Finds when somebody speaks, and fills the column turns of a corpus table.

Speech is found by silero-vad (``pip install 'softaer[deep]'``). It says that somebody speaks, not
who: use it where the chosen stream or channel has the subject's microphone alone.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from softaer.core.errors import InputError, MissingPackageError
from softaer.core.files import complete
from softaer.corpus import Recording, number_of, read_rows, resolve, validate_rows
from softaer.prepare.columns import fill_column
from softaer.signals.sound import audio_blocks
from softaer.signals.speech import PAUSE, SHORTEST, THRESHOLD, probabilities, speech_turns


def find_turns(
    table: Path,
    output: Path,
    folder: Path,
    threshold: float = THRESHOLD,
    shortest: float = SHORTEST,
    pause: float = PAUSE,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Write a file of turns for each recording that has sound but none, and name it in a table.

    Parameters
    ----------
    table
        recordings.csv.
    output
        Table to write; may be the same. Everything but the column ``turns`` is unchanged.
    folder
        Gets ``<recording>.csv`` with a line per turn, start and end [s].
    threshold, shortest, pause
        See :func:`softaer.signals.speech.speech_turns`.
    say
        Called with messages for the user.

    Returns
    -------
    Recordings whose sound cannot be read, which get no turns.

    Raises
    ------
    InputError
        If the table cannot be read, or silero-vad is not installed.
    """
    numbered = read_rows(table, None)
    validate_rows(numbered, table)
    rows = list(numbered.values())
    unread = []
    cells = []
    for row, recording in zip(rows, resolve(rows, table.parent), strict=True):
        cell = row.get("turns", "")
        if cell or recording.audio is None:
            say(f"{recording.recording}: {'has turns' if cell else 'no sound'}")
            cells.append(cell)
            continue
        path = folder / f"{recording.recording}.csv"
        try:
            share = _write_turns(recording, path, threshold, shortest, pause)
        except MissingPackageError:
            raise
        except InputError as error:
            say(f"{recording.recording}: no turns: {error}")
            unread.append(recording.recording)
            cells.append("")
            continue
        say(f"{recording.recording}: speech in {share:.0%} of the time")
        cells.append(os.path.relpath(path, output.parent))
    fill_column(table, "turns", cells, output)
    found = sum(bool(cell) for cell in cells)
    say(f"{output}: {found} of {len(rows)} recordings with turns; speech is of whoever speaks")
    return unread


def _write_turns(
    recording: Recording, path: Path, threshold: float, shortest: float, pause: float
) -> float:
    """Write the turns of a recording; returns the share of its time with speech."""
    audio, video = recording.given("audio"), recording.video
    sound = audio_blocks(
        audio,
        stream=number_of(recording.audio_stream),
        channel=number_of(recording.channel),
        beside=video if video != audio else None,
    )
    rows = probabilities(sound)
    turns = speech_turns(rows, threshold, shortest, pause)
    lines = ["start,end", *(f"{start:.3f},{end:.3f}" for start, end in turns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    seconds = rows["end"].iloc[-1] if len(rows) else 0.0
    return float((turns[:, 1] - turns[:, 0]).sum() / seconds) if seconds else 0.0


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the table, and how speech becomes turns."""
    arguments.add_argument("table", type=Path, help="recordings.csv")
    arguments.add_argument(
        "--output-dir", type=Path, help="folder of the turns (default: turns beside the table)"
    )
    arguments.add_argument("--output", type=Path, help="table to write (default: the table itself)")
    for name, default, words in (
        ("threshold", THRESHOLD, "probability from which a frame is speech"),
        ("shortest", SHORTEST, "shorter speech is left out [s]"),
        ("pause", PAUSE, "over shorter silence, speech goes on [s]"),
    ):
        arguments.add_argument(f"--{name}", type=float, default=default, help=words)


def main(options: argparse.Namespace) -> None:
    """Find the turns of the table named on the command line."""
    if not 0 < options.threshold < 1:
        raise InputError(f"--threshold: found {options.threshold:g}; expected 0 to 1")
    for name in ("shortest", "pause"):
        if getattr(options, name) < 0:
            raise InputError(f"--{name}: found {getattr(options, name):g}; expected 0 s or more")
    unread = find_turns(
        options.table,
        options.output or options.table,
        options.output_dir or options.table.parent / "turns",
        *(options.threshold, options.shortest, options.pause),
        lambda words: print(words, file=sys.stderr),
    )
    if unread:
        sys.exit(1)
