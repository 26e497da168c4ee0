"""Audio features: functionals of the low-level descriptors in a window around each grid point, mean
and variance by default."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import AudioFeatures
from softaer.core.grid import grid
from softaer.core.schema import NOTES
from softaer.core.schema import audio_features as features_schema
from softaer.signals.functionals import functional_names, windowed_functionals
from softaer.signals.turns import FEATURE, read_turns, within

VOICED = "voiced"
"""Name of the functional that only F0 has, and of its feature."""


def feature_names(
    descriptors: Sequence[str],
    functionals: Sequence[str] = AudioFeatures.functionals,
    mode: str = AudioFeatures.turns,
) -> list[str]:
    """Names of the features: functional by functional, then ``voiced`` and ``speaking``, if any."""
    return [
        *functional_names(descriptors, _of_all(functionals)),
        *([VOICED] if VOICED in functionals else []),
        *([FEATURE] if mode == "flag" else []),
    ]


def _of_all(functionals: Sequence[str]) -> list[str]:
    """The functionals that each descriptor has."""
    return [functional for functional in functionals if functional != VOICED]


def audio_features(
    lld: pd.DataFrame,
    window: float = AudioFeatures.window,
    turns: np.ndarray | None = None,
    mode: str = AudioFeatures.turns,
    functionals: Sequence[str] = AudioFeatures.functionals,
) -> pd.DataFrame:
    """Functionals of one recording's descriptors on the grid.

    Parameters
    ----------
    lld
        ``time`` [s], increasing, and one column per descriptor.
    window
        Length of the window [s], centred on each grid point; shorter at the edges.
    turns, mode
        The subject's turns and their use; see :mod:`softaer.signals.turns`. With ``only``, the
        functionals are computed over the subject's own speech; windows without any have NaN.
    functionals
        Keys of :data:`softaer.signals.functionals.FUNCTIONALS`. ``voiced`` is the share of rows
        with F0 above 0.

    Returns
    -------
    Table with ``time`` and the float32 columns of :func:`feature_names`, by default
    ``<lld>_mean`` and ``<lld>_variance``: 130 for ComParE. The grid ends with the last descriptor
    frame.

    Raises
    ------
    InputError
        If turns are missing where ``mode`` takes them, or no descriptor is F0 where ``functionals``
        take it.
    """
    names = [name for name in lld.columns if name != "time"]
    time = lld["time"].to_numpy()
    at = grid(time[-1]) if len(time) else grid(-1)
    samples = lld[names].to_numpy()
    speaks = np.ones(len(time), dtype=bool)
    if mode != "ignore":
        if turns is None:
            raise InputError(f"no turns; expected them (audio.turns: {mode})")
        speaks = within(time, turns)
    own = (time[speaks], samples[speaks]) if mode == "only" else (time, samples)
    parts = [windowed_functionals(*own, at, window, _of_all(functionals))]
    if VOICED in functionals:
        parts.append(windowed_functionals(own[0], own[1][:, [_f0(names)]], at, window, [VOICED]))
    if mode == "flag":
        parts.append(windowed_functionals(time, speaks[:, np.newaxis], at, window, ["mean"]))
    table = pd.DataFrame(
        np.hstack(parts, dtype=np.float32, casting="same_kind"),
        columns=feature_names(names, functionals, mode),
    )
    table.insert(0, "time", at)
    return table


def from_rows(
    rows: pd.DataFrame, settings: AudioFeatures, turns: np.ndarray | None = None
) -> pd.DataFrame:
    """Features of one recording, see :func:`audio_features`."""
    return audio_features(rows, settings.window, turns, settings.turns, settings.functionals)


def _f0(descriptors: Sequence[str]) -> int:
    """Position of F0."""
    found = [place for place, name in enumerate(descriptors) if name.startswith("F0")]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} descriptors of F0 (names that start with 'F0'); expected one "
            f"(audio.functionals: {VOICED})"
        )
    return found[0]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--lld", type=Path, required=True)
    cli.add_settings(arguments, AudioFeatures)
    cli.add_recordings(arguments, "turns of the subject")
    cli.add_output(arguments)
    arguments.add_argument("--notes-output", type=Path, help="table of what was odd")
    options = arguments.parse_args()

    settings = cli.settings(options, AudioFeatures)
    names = [name for name in tables.columns(options.lld) if name not in ("recording", "time")]
    files = dict(options.recordings)
    for path in files.values():
        read_turns(path)  # report an unreadable file before any work
    columns = feature_names(names, settings.functionals, settings.turns)
    notes: list[dict[str, str]] = []
    with tables.writer(options.output, features_schema(columns)) as sink:
        for recording, lld in tables.by_recording(options.lld):
            turns = None
            if recording in files:
                # The last window extends as far beyond its centre as the first one before its own.
                end = float(lld["time"].iloc[-1] + lld["time"].iloc[0])
                told: list[str] = []
                turns = read_turns(files[recording], end, told.append)
                notes += [{"recording": recording, "note": note} for note in told]
            table = from_rows(lld, settings, turns)
            table.insert(0, "recording", recording)
            sink.append(table)
    for row in notes:
        print(f"recording {row['recording']!r}: {row['note']}")
    if options.notes_output is not None:
        tables.write(pd.DataFrame(notes, columns=NOTES.names), NOTES, options.notes_output)


if __name__ == "__main__":
    cli.run(main)
