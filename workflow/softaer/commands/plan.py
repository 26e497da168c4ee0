"""Plans where one more rating would help the labels most, from the results of a run.

Stretches of rated recordings are ranked by how much another rater is expected to lower the error of
E, or of sigma, per minute of rating. Written are a table and, for each recording, an ELAN document
with the stretches to rate. In simulations of raters who differ by moments, the same minutes spent
by the plan lower the error of E more than at random; where raters differ everywhere alike, only the
number of raters so far is left to go by.
"""

import argparse
from pathlib import Path

import pandas as pd

from softaer.commands import track_files
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.places import AGREEMENT, LABELS, RESULTS, within
from softaer.core.planning import GAINS, stretches, within_budget
from softaer.corpus import read_recordings

LENGTH = 30.0
"""Length of a stretch [s]."""


def read_labels(results: Path) -> pd.DataFrame:
    """All labels of a run.

    Raises
    ------
    InputError
        If there are none.
    """
    paths = sorted(results.glob(within(Path(), LABELS, batch="*").as_posix()))
    if not paths:
        raise InputError(
            f"{results}: no labels; expected the folder {RESULTS} of a run with ratings"
        )
    return pd.concat(map(tables.read, paths), ignore_index=True)


def reliability_of_sigma(results: Path, dimension: str) -> float:
    """Reliability of sigma of a dimension, the lower of the two rules; 0 where it is unknown."""
    path = within(results, AGREEMENT, part="reliability")
    if not path.exists():
        return 0.0
    table = tables.read(path)
    own = table[(table["dimension"] == dimension) & (table["target"] == "sigma")]
    found = own["reliability"].min()
    return 0.0 if pd.isna(found) else float(found)


def plan(
    results: Path,
    target: str = "E",
    length: float = LENGTH,
    minutes: float | None = None,
    table: Path | None = None,
) -> pd.DataFrame:
    """Stretches of all dimensions, best first, see :func:`softaer.core.planning.stretches`.

    Parameters
    ----------
    results
        Folder of results.
    target, length
        See :func:`softaer.core.planning.stretches`.
    minutes
        Budget; None: everything.
    table
        Corpus table, if values of E that its train partition has few of should count more.

    Returns
    -------
    The stretches with ``dimension`` and ``spent`` [min, so far]. ``gain`` is the share of what one
    more rater of everything would add; dimensions count the same.

    Raises
    ------
    InputError
        Without labels, or without a labelled recording in train.
    """
    labels = read_labels(results)
    groups = dict(iter(labels.groupby("dimension", sort=False)))
    parts = []
    for dimension, rows in groups.items():
        seen = None
        if table is not None:
            train = {r.recording for r in read_recordings(table) if r.partition == "train"}
            seen = rows.loc[rows["recording"].isin(train), "E"].to_numpy()
            if not len(seen):
                raise InputError(
                    f"{table}: no recording of train has labels in {results}; expected some"
                )
        reliability = reliability_of_sigma(results, str(dimension))
        found = stretches(rows, target, length, reliability, seen)
        found["gain"] /= found["gain"].sum() * len(groups)
        parts.append(found.assign(dimension=dimension))
    both = pd.concat(parts, ignore_index=True)
    order = (-both["gain"] / both["minutes"]).argsort(kind="stable")
    return within_budget(both.iloc[order].reset_index(drop=True), minutes)


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the results, what should become better, and the budget."""
    arguments.add_argument("results", type=Path, nargs="?", default=Path(RESULTS))
    arguments.add_argument("--for", dest="target", choices=GAINS, default="E")
    arguments.add_argument("--minutes", type=float, help="budget of one rater [min]; default: all")
    arguments.add_argument("--stretch", type=float, default=LENGTH, help="[s]")
    arguments.add_argument(
        "--rare",
        type=Path,
        metavar="RECORDINGS",
        help="values of E that the train partition of this corpus table has few of count more",
    )
    arguments.add_argument("--output-dir", type=Path, default=Path("plan"))


def main(options: argparse.Namespace) -> None:
    """Write the plan, and say what it is."""
    if not options.stretch >= 1:
        raise InputError(f"--stretch: found {options.stretch:g}; expected 1 s or more")
    found = plan(options.results, options.target, options.stretch, options.minutes, options.rare)
    if found.empty:
        raise InputError(f"--minutes: found {options.minutes:g}; no stretch is so short")
    path = options.output_dir / "plan.csv"
    with complete(path) as partial:
        found.to_csv(partial, index=False, float_format="%.4f")
    for recording, rows in found.groupby("recording", sort=False):
        tasks = {
            f"rate {dimension}": own[["start", "end"]].sort_values("start")
            for dimension, own in rows.groupby("dimension", sort=False)
        }
        track_files.write_tasks(track_files.elan_path(options.output_dir, str(recording)), tasks)
    print(
        f"{path}: {len(found)} stretches of {found['recording'].nunique()} recordings, "
        f"{found['minutes'].sum():.1f} min; {found['gain'].sum():.0%} of what one more rater of "
        f"everything is expected to add to {options.target}"
    )
