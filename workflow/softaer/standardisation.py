"""Standardisation: mean and scale of every feature, computed on the training partition only.

The same two numbers are applied to all partitions ("on-line" standardisation), so that no
information from the development and test partitions enters the features.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.schema import STANDARDISATION
from softaer.corpus import rated, read_recordings


def fit_standardisation(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Mean and population standard deviation of features over all frames that have them.

    Parts are merged pairwise by the update of Chan, Golub and LeVeque (1983), which is numerically
    stable and does not need the whole corpus in memory.

    Parameters
    ----------
    parts
        Tables with the same feature columns; NaN where a feature is missing.

    Returns
    -------
    ``feature``, ``mean``, ``scale`` (float64), ``frames`` (int64). A feature that is constant or
    never present gets scale 1, so that it becomes 0.
    """
    names: list[str] = []
    count = mean = squares = np.zeros(0)
    for part in parts:
        values = part.to_numpy(dtype=np.float64)
        here = ~np.isnan(values)
        n = here.sum(axis=0)
        with np.errstate(invalid="ignore"):
            part_mean = np.where(n > 0, np.where(here, values, 0.0).sum(axis=0) / n, 0.0)
        part_squares = np.where(here, (values - part_mean) ** 2, 0.0).sum(axis=0)
        if not names:
            names, count, mean, squares = list(part.columns), n, part_mean, part_squares
            continue
        total = np.maximum(count + n, 1)
        difference = part_mean - mean
        squares = squares + part_squares + difference**2 * count * n / total
        mean = mean + difference * n / total
        count = count + n
    scale = np.sqrt(squares / np.maximum(count, 1))
    # A spread below float32's resolution of the mean is only rounding.
    constant = scale <= np.abs(mean) * np.finfo(np.float32).eps
    return pd.DataFrame(
        {"feature": names, "mean": mean, "scale": np.where(constant, 1.0, scale), "frames": count}
    )


def standardise(values: np.ndarray, standardisation: pd.DataFrame) -> np.ndarray:
    """Subtract the mean and divide by the scale.

    Parameters
    ----------
    values
        Features, shape (n, d), in the order of the table.
    standardisation
        From :func:`fit_standardisation`, d rows.

    Returns
    -------
    float32 array of shape (n, d); NaN stays NaN.
    """
    mean = standardisation["mean"].to_numpy()
    scale = standardisation["scale"].to_numpy()
    return ((values - mean) / scale).astype(np.float32)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--features", type=Path, required=True, help="folder of batches")
    cli.add_output(arguments)
    options = arguments.parse_args()

    train = [r for r in rated(read_recordings(options.recordings)) if r.partition == "train"]
    names = {recording.recording for recording in train}

    def parts() -> Iterable[pd.DataFrame]:
        for batch in dict.fromkeys(recording.batch for recording in train):
            table = tables.read(options.features / f"{batch}.parquet")
            yield table[table["recording"].isin(names)].drop(columns=["recording", "time"])

    table = fit_standardisation(parts())
    if not table["frames"].any():
        raise InputError(f"{options.features}: no frame of the training partition has features")
    tables.write(table, STANDARDISATION, options.output)


if __name__ == "__main__":
    cli.run(main)
