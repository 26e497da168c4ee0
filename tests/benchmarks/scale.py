"""How long Snakemake takes to plan a large corpus, beside a bare Snakefile with as many jobs.

    python tests/benchmarks/scale.py 100 1000                  recordings
    python tests/benchmarks/scale.py 100000 --batch-size 50    clips in batches

For each number, a corpus of empty files is laid out and ``snakemake --dry-run extract`` is timed,
in turn with that of a Snakefile that has the same rules, inputs and outputs, and no parameters.
Printed are the jobs, the median processor time of each and its spread, the ratio, and the largest
resident memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from side_by_side import Setting, row

ROOT = Path(__file__).parents[2]

BARE = """
import csv
BATCHES = {{}}
with open({table!r}) as file:
    for row in csv.DictReader(file):
        BATCHES.setdefault(row["batch"], []).append(row["media"])

rule extract:
    input:
        expand("results/{{stage}}/{{batch}}.parquet",
               stage=["audio_features", "video_features"], batch=sorted(BATCHES)),
        "results/status.csv"

rule audio_lld:
    input: lambda wildcards: BATCHES[wildcards.batch]
    output:
        lld="results/audio_lld/{{batch}}.parquet",
        status="results/status/audio_lld/{{batch}}.parquet"
    log: "results/logs/audio_lld/{{batch}}.log"
    shell: "true {{input}} {{output}} {{log}}"

rule audio_features:
    input: "results/audio_lld/{{batch}}.parquet"
    output: "results/audio_features/{{batch}}.parquet"
    log: "results/logs/audio_features/{{batch}}.log"
    shell: "true {{input}} {{output}} {{log}}"

rule landmarks:
    input: lambda wildcards: BATCHES[wildcards.batch]
    output:
        landmarks="results/landmarks/{{batch}}.parquet",
        status="results/status/landmarks/{{batch}}.parquet"
    log: "results/logs/landmarks/{{batch}}.log"
    shell: "true {{input}} {{output}} {{log}}"

rule video_features:
    input: "results/landmarks/{{batch}}.parquet"
    output: "results/video_features/{{batch}}.parquet"
    log: "results/logs/video_features/{{batch}}.log"
    shell: "true {{input}} {{output}} {{log}}"

rule status:
    input:
        expand("results/status/{{stage}}/{{batch}}.parquet",
               stage=["audio_lld", "landmarks"], batch=sorted(BATCHES))
    output: "results/status.csv"
    shell: "true {{input}} {{output}}"
"""


def lay_out(folder: Path, recordings: int, batch_size: int) -> None:
    """Make a corpus of empty files, its configuration, and the bare Snakefile."""
    (folder / "media").mkdir()
    lines = ["recording,media,batch"]
    for number in range(recordings):
        (folder / f"media/r{number}.mp4").touch()
        lines.append(f"r{number},media/r{number}.mp4,b{number // batch_size}")
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
    (folder / "config.yaml").write_text("corpus: {recordings: recordings.csv}\n")
    (folder / "bare.smk").write_text(BARE.format(table=str(folder / "recordings.csv")))


def measure(folder: Path, *arguments: str) -> tuple[float, float]:
    """Processor time [s], which other work on the machine hardly changes, and largest resident
    memory [MiB] of a dry run."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), "--cores", "1"]
    command += ["--dry-run", "--quiet", "all", *arguments, "--", "extract"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def planned(recordings: int, batch_size: int, repeat: int) -> list[tuple]:
    """Processor time [s] and memory [MiB] of the bare Snakefile and of the workflow, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder, recordings, batch_size)
        ours = ("--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml")
        bare = ("--snakefile", str(folder / "bare.smk"))
        return [(measure(folder, *bare), measure(folder, *ours)) for _ in range(repeat)]


def rows(setting: Setting, recordings: int = 100) -> list[dict]:
    """Planning of the extraction of some recordings."""
    runs = planned(recordings, 1, setting.repeat)
    times = [(bare[0], ours[0]) for bare, ours in runs]
    return [row(f"snakemake, {recordings} recordings", times, "dry run of a bare Snakefile")]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("recordings", type=int, nargs="+")
    arguments.add_argument("--batch-size", type=int, default=1)
    arguments.add_argument("--repetitions", type=int, default=3)
    options = arguments.parse_args()
    print(
        "| recordings | batches | jobs | softaer [s] | bare [s] | ratio "
        "| softaer [MiB] | bare [MiB] |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for recordings in options.recordings:
        runs = planned(recordings, options.batch_size, options.repetitions)
        times = [[run[side][0] for run in runs] for side in (1, 0)]
        memory = [max(run[side][1] for run in runs) for side in (1, 0)]
        medians = [statistics.median(side) for side in times]
        spread = [
            f"{m:.1f} ({min(t):.1f}-{max(t):.1f})" for m, t in zip(medians, times, strict=True)
        ]
        batches = -(-recordings // options.batch_size)
        print(
            f"| {recordings} | {batches} | {4 * batches + 2} | {spread[0]} | {spread[1]} "
            f"| {medians[0] / medians[1]:.2f} | {memory[0]:.0f} | {memory[1]:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
