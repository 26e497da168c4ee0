"""Audio features: mean and variance of the low-level descriptors in a window around each grid
point."""

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


def audio_features(
    lld: pd.DataFrame,
    window: float = AudioFeatures.window,
    turns: np.ndarray | None = None,
    mode: str = AudioFeatures.turns,
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

    Returns
    -------
    Table with ``time`` and twice as many float32 columns, ``<lld>_mean`` and ``<lld>_variance``:
    130 for ComParE; with ``flag`` one more, ``speaking``. The grid ends with the last descriptor
    frame.

    Raises
    ------
    InputError
        If turns are missing where ``mode`` takes them.
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
    if mode == "only":
        values = windowed_functionals(time[speaks], samples[speaks], at, window)
    else:
        values = windowed_functionals(time, samples, at, window)
    table = pd.DataFrame(values.astype(np.float32), columns=functional_names(names))
    if mode == "flag":
        share = windowed_functionals(time, speaks[:, None], at, window)[:, 0]
        table[FEATURE] = share.astype(np.float32)
    table.insert(0, "time", at)
    return table


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
    columns = functional_names(names) + ([FEATURE] if settings.turns == "flag" else [])
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
            table = audio_features(lld, settings.window, turns, settings.turns)
            table.insert(0, "recording", recording)
            sink.append(table)
    for row in notes:
        print(f"recording {row['recording']!r}: {row['note']}")
    if options.notes_output is not None:
        tables.write(pd.DataFrame(notes, columns=NOTES.names), NOTES, options.notes_output)


if __name__ == "__main__":
    cli.run(main)
