"""Selection: the best instance of the grid of hyper-parameters, chosen on dev.

An instance's score is the CCC on dev at the step whose weights were kept, averaged over the
network's outputs and over seeds. The instance with the highest score is selected; in case of a tie,
the first one of the grid. All scores are kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.places import CURVE, within
from softaer.core.schema import SELECTION
from softaer.core.tasks import OBJECTIVES


def select(scores: pd.DataFrame) -> pd.DataFrame:
    """Select an instance.

    Parameters
    ----------
    scores
        ``instance``, ``seed``, ``dev_ccc``; instances in the order of the grid.

    Returns
    -------
    ``instance``, ``dev_ccc`` (mean over seeds), ``seeds``, ``chosen`` (bool, exactly one).
    """
    table = (
        scores.groupby("instance", sort=False)["dev_ccc"]
        .agg(["mean", "size"])
        .set_axis(["dev_ccc", "seeds"], axis=1)
        .reset_index()
    )
    best = int(np.argmax(table["dev_ccc"].fillna(-np.inf)))
    return table.assign(chosen=np.arange(len(table)) == best)


def read_scores(
    results: Path, network: Mapping[str, str], instances: Sequence[str], seeds: Sequence[int]
) -> pd.DataFrame:
    """Dev scores of the instances of a network, given its scope, modality and objective."""
    rows = []
    for instance in instances:
        for seed in seeds:
            path = within(results, CURVE, **network, instance=instance, seed=seed)
            curve = tables.read(path)
            # As in training, an output without a CCC counts as the worst.
            kept = curve.loc[curve["best"], "dev_ccc"].fillna(-1.0)
            rows.append((instance, seed, kept.mean()))
    return pd.DataFrame(rows, columns=["instance", "seed", "dev_ccc"])


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--scope", required=True, help="dimensions, joined by '+'")
    arguments.add_argument("--modality", required=True)
    arguments.add_argument("--objective", choices=OBJECTIVES, required=True)
    arguments.add_argument("--instances", nargs="+", required=True)
    arguments.add_argument("--seeds", type=int, nargs="+", required=True)
    cli.add_output(arguments)
    options = arguments.parse_args()

    network = {name: getattr(options, name) for name in ("scope", "modality", "objective")}
    table = select(read_scores(options.results, network, options.instances, options.seeds))
    tables.write(table, SELECTION, options.output)
    print(table.to_string(index=False))


if __name__ == "__main__":
    cli.run(main)
