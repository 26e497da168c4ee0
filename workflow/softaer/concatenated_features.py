"""Concatenated features: those of several modalities side by side, as one more modality (early
fusion).

A grid point that one of the modalities lacks has nulls in its columns. A recording that lacks one
of them altogether has no rows, because a network that sees only zeros in half of its input predicts
poorly.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.grid import RATE, index
from softaer.core.schema import concatenated_features as features_schema


def concatenated_features(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Features of one recording.

    Parameters
    ----------
    parts
        For each modality ``time`` [s, on the grid] and its features.

    Returns
    -------
    Table with ``time`` and the float32 columns ``<modality>_<feature>``, modality by modality, at
    every grid point of any of them; NaN where a modality has none.
    """
    columns = []
    for name, table in parts.items():
        features = table.drop(columns="time").astype("float32").add_prefix(f"{name}_")
        columns.append(features.set_axis(index(table["time"].to_numpy()), axis=0))
    joined = pd.concat(columns, axis=1, join="outer").sort_index()
    joined.insert(0, "time", joined.index.to_numpy() / RATE)
    return joined.reset_index(drop=True)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument(
        "--features",
        dest="parts",
        action="append",
        nargs=2,
        metavar=("MODALITY", "PATH"),
        required=True,
        help="features of a modality; once for each",
    )
    cli.add_output(arguments)
    options = arguments.parse_args()

    paths = {name: Path(path) for name, path in options.parts}
    schema = features_schema({name: tables.schema(path) for name, path in paths.items()})
    parts = {name: dict(tables.by_recording(path)) for name, path in paths.items()}
    names = list(dict.fromkeys(name for rows in parts.values() for name in rows))
    with tables.writer(options.output, schema) as sink:
        for recording in names:
            without = [name for name, rows in parts.items() if recording not in rows]
            if without:
                print(f"recording {recording!r}: no features of {' and '.join(without)}")
                continue
            table = concatenated_features({name: rows[recording] for name, rows in parts.items()})
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
