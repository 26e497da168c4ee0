"""Late fusion: a linear combination of the modalities' predictions.

y = eps + sum_i gamma_i y_i, with the coefficients found by least squares on the development
partition, for each target by itself (Han et al., 2017).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from softaer import cli, tables
from softaer.corpus import rated, read_recordings
from softaer.errors import InputError
from softaer.schema import FUSION, PREDICTIONS
from softaer.targets import read_targets
from softaer.tasks import TARGETS

INTERCEPT = "intercept"


def fit_fusion(truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Least-squares coefficients of a late fusion.

    Parameters
    ----------
    truth
        Labels, shape (n,).
    predictions
        One column per modality, shape (n, m); frames with NaN in any of them or in the label are
        left out.

    Returns
    -------
    float64 array of shape (1 + m,): intercept, then one coefficient per modality. Where frames do
    not determine them, the solution of least norm.

    Raises
    ------
    InputError
        If no frame is left.
    """
    known = ~(np.isnan(truth) | np.isnan(predictions).any(axis=1))
    if not known.any():
        raise InputError("late fusion: no frame of the dev partition has a label and predictions")
    x = predictions[known].astype(np.float64)
    y = truth[known].astype(np.float64)
    centre = x.mean(axis=0)
    gamma = np.linalg.lstsq(x - centre, y - y.mean(), rcond=None)[0]
    return np.concatenate([[y.mean() - centre @ gamma], gamma])


def apply_fusion(coefficients: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Fused prediction, shape (n,), of predictions of shape (n, m)."""
    return coefficients[0] + predictions @ coefficients[1:]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the labels")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument(
        "--prediction",
        dest="predictions",
        action="append",
        nargs=3,
        metavar=("MODALITY", "TARGET", "PATH"),
        required=True,
        help="predictions of a target from a modality; once for each",
    )
    cli.add_output(arguments)
    cli.add_output(arguments, "--coefficients-output")
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    partition = {r.recording: r.partition for r in recordings}
    labels = read_targets(options.dataset, recordings, options.dimension)
    fused = labels[["recording", "time"]].copy()
    coefficients = []
    for target in TARGETS:
        paths = {m: path for m, t, path in options.predictions if t == target}
        table = labels[["recording", "time", target]]
        for modality, path in paths.items():
            column = tables.read(path, ["recording", "time", target])
            table = table.merge(
                column.rename(columns={target: modality}),
                on=["recording", "time"],
                suffixes=(None, "_label"),
                validate="one_to_one",
            )
        if len(table) != len(labels):
            raise InputError(
                f"late fusion of {options.dimension} {target}: {len(table)} frames with "
                f"predictions in all modalities; expected the {len(labels)} of the labels"
            )
        dev = table["recording"].map(partition) == "dev"
        predictions = table[list(paths)].to_numpy(dtype=np.float64)
        gamma = fit_fusion(table.loc[dev, target].to_numpy(), predictions[dev])
        fitted = dev & table[[target, *paths]].notna().all(axis=1)
        fused[target] = apply_fusion(gamma, predictions).astype(np.float32)
        coefficients.append(
            pd.DataFrame(
                {
                    "target": target,
                    "term": [INTERCEPT, *paths],
                    "coefficient": gamma,
                    "frames": int(fitted.sum()),
                }
            )
        )
    tables.write(fused, PREDICTIONS, options.output)
    tables.write(pd.concat(coefficients), FUSION, options.coefficients_output)


if __name__ == "__main__":
    cli.run(main)
