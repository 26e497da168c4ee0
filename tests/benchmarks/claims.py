"""What the workflow finds on the simulated corpus, against what was planted.

    python tests/benchmarks/claims.py --output FOLDER [--seeds 1 2 3] [--network-seeds 1 2 3 4 5]
                                      [--fusion least_squares] [--cores 2]

Runs the default experiment up to the evaluation, with and without sharing, for each seed of the
corpus, and prints each claim with its planted answer, the answer found, and the mean difference
with its interval over the test subjects; then the same over all corpora together. The fusion is
rescaled to the spread of the labels, unless you ask for another one: least squares shrinks, and
the CCC punishes that. A run that is interrupted goes on where it was, and one with another fusion
in the same folder repeats the fusion only.
"""

import argparse
import itertools
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from softaer.core import places, tables
from softaer.evaluate import CLAIMS

ROOT = Path(__file__).parents[2]
KEY = ["planted", "sharing", "hypothesis", "target"]


def run(output: Path, seed: int, sharing: bool, settings: dict, cores: int) -> pd.DataFrame:
    """Run one experiment to its claims, in a folder of its own."""
    folder = output / f"{seed}{'' if sharing else '_apart'}"
    folder.mkdir(parents=True, exist_ok=True)
    experiment = folder / "experiment.yaml"
    simulate = {"seed": seed, "sharing": sharing}
    experiment.write_text(yaml.safe_dump({"simulate": simulate} | settings))
    command = [sys.executable, "-m", "snakemake", places.CLAIMS, "--snakefile", ROOT / "Snakefile"]
    command += ["--directory", folder, "--configfile", experiment, "--cores", cores]
    subprocess.run([*map(str, command), "--quiet", "all"], check=True)
    found = tables.read(folder / places.CLAIMS)
    return found.assign(corpus=seed, sharing=sharing)


def planted(row: pd.Series) -> str:
    """The planted answer to a claim; empty if nothing was planted."""
    # Sigma is nearly linear in the displays, and the face alone shows them almost without error.
    if row["target"] != "E":
        return ""
    if row["hypothesis"] == CLAIMS["multi"]:
        return "yes" if row["sharing"] else "not yes"
    return "yes" if row["hypothesis"] in (CLAIMS["fusion"], CLAIMS["ridge"]) else ""


def over_corpora(found: pd.DataFrame) -> pd.DataFrame:
    """Each claim over all corpora: the mean of their differences, with a 95 % interval.

    The corpora are independent, so the distances from a difference to its bounds add as squares
    (Zou & Donner, Statistics in Medicine 27, 2008).
    """
    rows = []
    for key, of in found.groupby(KEY, sort=False):
        mean = of["difference"].mean()
        down = ((of["difference"] - of["low"]) ** 2).sum() ** 0.5 / len(of)
        up = ((of["high"] - of["difference"]) ** 2).sum() ** 0.5 / len(of)
        subjects = of["resampled"].sum()
        rows.append((*key, len(of), subjects, mean, mean - down, mean + up))
    columns = [*KEY, "corpora", "subjects", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--output", type=Path, required=True, help="folder of the runs")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the corpus")
    arguments.add_argument("--network-seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    arguments.add_argument("--fusion", default="rescaled", help="method of the fusion")
    arguments.add_argument("--cores", type=int, default=2)
    options = arguments.parse_args()
    settings = {"seeds": options.network_seeds, "fusion": {"method": options.fusion}}
    parts = [
        run(options.output, seed, sharing, settings, options.cores)
        for sharing, seed in itertools.product([True, False], options.seeds)
    ]
    found = pd.concat(parts, ignore_index=True)
    found.insert(0, "planted", found.apply(planted, axis=1))
    for table in (found, over_corpora(found)):
        print(table.to_string(index=False, float_format="{:.3f}".format), end="\n\n")


if __name__ == "__main__":
    main()
