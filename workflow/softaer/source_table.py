"""Source table: what a source reads from each recording, as rows with times in seconds.

The source is a module with a ``SOURCE``, see :class:`softaer.modalities.Source`, an entry point, or
a built-in one such as ``speech``.
The stage ``table_features`` brings its rows to the grid.
"""

import importlib
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from softaer.core import cli
from softaer.core.experiment import Media
from softaer.core.fields import Section
from softaer.core.grid import RATE
from softaer.core.schema import feature_table as table_schema
from softaer.modalities import Source, as_section, source_named
from softaer.readers.features import OF_A_ROW
from softaer.signals.extraction import add_extraction, asked, extract
from softaer.signals.media import DEFAULT_LIMITS, Account, Choice
from softaer.signals.sound import audio_blocks


class SourceError(ValueError):
    """A source of one's own does not return what it should; no recording is skipped for this."""


def _of_sound(
    source: Source, path: str, choice: Choice, account: Account, limits: Media
) -> pd.DataFrame:
    """Rows that a built-in source makes of a recording's sound."""
    module, function = str(source.of_sound).split(":")
    sound = audio_blocks(
        *(path, limits),
        stream=choice.stream,
        channel=choice.channel,
        beside=choice.beside,
        account=account,
    )
    return getattr(importlib.import_module(f"softaer.{module}"), function)(sound)


def read_rows(
    source: Source,
    path: str,
    settings: Section,
    choice: Choice,
    account: Account,
    limits: Media = DEFAULT_LIMITS,
) -> pd.DataFrame:
    """Rows of one recording, read by a source and checked.

    Parameters
    ----------
    source
        Of one's own, or a built-in one that reads sound.
    path
        The recording's file.
    settings
        Of the source.
    choice, account
        The subject's part of the file; and what was unusual, which the source fills.
    limits
        For the file; only a built-in source gets them.

    Returns
    -------
    ``time``, ``start``, ``end`` (float64, s) and float32 features. Without a start and an end, a
    row holds from its time to that of the next one, and the last one as long as a median row.

    Raises
    ------
    InputError
        If the source cannot read the file.
    SourceError
        If the table lacks columns, has infinite values, or its times are not finite and increasing.
    """
    assert source.features is not None
    if source.read is not None:
        table = source.read(path, settings, choice, account)
    else:
        table = _of_sound(source, path, choice, account, limits)
    where = f"source {source.name!r}, {path}"
    names = list(source.features(settings))
    columns = [name for name in table.columns if name not in OF_A_ROW]
    if columns != names or "time" not in table:
        raise SourceError(
            f"{where}: found columns {list(table.columns)}; expected 'time' and {names}"
        )
    time = table["time"].to_numpy(dtype=np.float64)
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise SourceError(f"{where}: times are not finite and increasing; expected seconds")
    values = table[names].to_numpy(dtype=np.float64)
    if (np.abs(values) > np.finfo(np.float32).max).any():
        raise SourceError(f"{where}: found an infinite value; expected finite ones, or NaN")
    steps = np.diff(time)
    last = np.median(steps) if len(steps) else 1 / RATE
    rows = pd.DataFrame(values.astype(np.float32), columns=names)
    rows.insert(0, "time", time)
    rows.insert(1, "start", table["start"].to_numpy(np.float64) if "start" in table else time)
    after = np.append(time[1:], time[-1:] + last)
    rows.insert(2, "end", table["end"].to_numpy(np.float64) if "end" in table else after)
    return rows


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "media file")
    arguments.add_argument("--source", required=True, help="its file, or its entry point")
    arguments.add_argument("--settings", type=json.loads, required=True, help="as JSON")
    options = arguments.parse_args()
    source = source_named(options.source)
    settings = as_section(source.settings, options.settings)
    assert source.features is not None

    def read(path: str, limits: Media, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        table = read_rows(source, path, settings, choice, account, limits)
        account.decoded = account.decoded or float(table["end"].iloc[-1] if len(table) else 0.0)
        yield table

    extract(asked(options), read, table_schema(source.features(settings)))


if __name__ == "__main__":
    cli.run(main)
