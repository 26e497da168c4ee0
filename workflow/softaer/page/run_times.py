"""Run times: how long the jobs of each stage took, from Snakemake's benchmark files."""

from pathlib import Path

import pandas as pd

from softaer.core.errors import InputError


def run_times(benchmarks: Path) -> pd.DataFrame:
    """Time and memory of every stage that was measured.

    Parameters
    ----------
    benchmarks
        Folder with ``<stage>/**/*.tsv`` or ``<stage>.tsv``, one file per job; it may be missing.
        The report's own file is ignored, because it describes an earlier report.

    Returns
    -------
    ``stage``, ``jobs``, ``total`` (sum of run times, s), ``median``, ``longest`` (s),
    ``processor`` (number of processors in use on average, NaN if the job was too short to
    measure), ``memory`` (largest resident memory of a job, MB); largest total first.

    Raises
    ------
    InputError
        If a file is not a benchmark of Snakemake's.
    """
    rows = []
    for path in sorted(Path(benchmarks).rglob("*.tsv")):
        try:
            table = pd.read_csv(path, sep="\t", na_values="-")[["s", "cpu_time", "max_rss"]]
        except (ValueError, KeyError, OSError) as error:
            raise InputError(f"{path}: not a benchmark file of Snakemake: {error}") from error
        stage = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        rows += [table.assign(stage=stage)] if stage != "report" else []
    columns = ["stage", "jobs", "total", "median", "longest", "processor", "memory"]
    if not rows:
        return pd.DataFrame(columns=columns)
    by_stage = pd.concat(rows).groupby("stage")
    seconds = by_stage["s"].agg(["size", "sum", "median", "max"])
    busy = by_stage["cpu_time"].sum(min_count=1) / seconds["sum"].where(seconds["sum"] > 0)
    found = seconds.assign(processor=busy, memory=by_stage["max_rss"].max()).reset_index()
    return found.set_axis(columns, axis=1).sort_values("total", ascending=False, kind="stable")
