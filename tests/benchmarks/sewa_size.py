"""How long the workflow takes, and how much memory, on a corpus of the size of SEWA's.

    python tests/benchmarks/sewa_size.py --cores 2              dataset to report, no media
    python tests/benchmarks/sewa_size.py --cores 2 --media      a tenth of it, with media
    python tests/benchmarks/sewa_size.py --quick                to try either

SEWA's recordings may not be passed on. What is simulated here has their number and length as in
AVEC 2017: 34 recordings for training, 14 for development, 16 for test, of one subject each and
162 s, with six raters. Features are planted: each carries E and sigma of both dimensions in some
mixture and noise, and the raters answer 4 s later. They lie where extraction would have put them,
so that Snakemake goes on from there. With ``--media``, six recordings of 160 s are simulated by
the workflow itself and go through all of it.

Printed is for each rule what Snakemake's own benchmarks say: jobs, seconds, processor time per
second, largest resident memory beside what the rule asks for. Then the time of the run, and what is
to be expected on other numbers of cores: rules one after the other, jobs of a rule packed onto the
cores, longest first, and between the jobs what Snakemake took here.
"""

import argparse
import heapq
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from softaer.audio_lld import descriptor_names
from softaer.core import tables
from softaer.core.grid import RATE
from softaer.core.schema import NOTES, STATUS, audio_features, video_features
from softaer.signals.extraction import NOTHING
from softaer.signals.functionals import functional_names
from softaer.signals.markup import columns
from softaer.simulate.noise import smooth_noise

ROOT = Path(__file__).parents[2]

PARTITIONS = {"train": 34, "dev": 14, "test": 16}
"""Recordings in each, as in AVEC 2017."""

DURATION = 162.0
"""Of a recording: two hours and 53 minutes in all [s]."""

RATERS = 6
DIMENSIONS = ("arousal", "valence")
DELAY = 4.0
"""Of the raters [s]; the workflow's default."""

SLOWNESS = 30
"""Standard deviation of the kernel that smooths what people feel [grid points]."""

PROJECTED = (8, 64)
"""Cores for which a time is foretold."""

READERS = {"audio": "audio_lld", "video": "landmarks"}


def plan(counts: dict[str, int]) -> pd.DataFrame:
    """Rows of recordings.csv, one subject each; media are empty files that nothing opens."""
    rows = [
        {"recording": f"{partition}_{number:02}", "partition": partition}
        for partition, count in counts.items()
        for number in range(1, count + 1)
    ]
    table = pd.DataFrame(rows)
    name = table["recording"]
    return table.assign(
        subject=name, media="media/" + name + ".mp4", annotations="annotations/" + name + ".csv"
    )


def truth(rng: np.random.Generator, frames: int) -> np.ndarray:
    """E in (-1, 1) and sigma in (0, 0.5) of each dimension, shape (frames, 4)."""
    drawn = np.stack([smooth_noise(rng, frames, SLOWNESS) for _ in range(4)], axis=1)
    return np.tanh(0.8 * drawn) * [1, 0.2, 1, 0.2] + [0, 0.3, 0, 0.3]


def traces(rng: np.random.Generator, felt: np.ndarray) -> pd.DataFrame:
    """Six raters who answer late, as a long table: time [s], rater, dimension, value."""
    shown = np.roll(felt, round(DELAY * RATE), axis=0)
    shown[: round(DELAY * RATE)] = felt[0]
    parts = []
    for rater in range(1, RATERS + 1):
        for place, dimension in enumerate(DIMENSIONS):
            opinion = smooth_noise(rng, len(felt), SLOWNESS / 3)
            value = shown[:, 2 * place] + shown[:, 2 * place + 1] * opinion
            time_ = np.arange(len(felt)) / RATE
            parts.append(pd.DataFrame({"time": time_, "value": value.round(4)}))
            parts[-1] = parts[-1].assign(rater=f"r{rater}", dimension=dimension)
    return pd.concat(parts)


def features(
    rng: np.random.Generator, felt: np.ndarray, mixture: np.ndarray, names: list[str]
) -> pd.DataFrame:
    """What is felt, mixed differently by each feature, with three times as much noise."""
    noise = rng.standard_normal((len(felt), mixture.shape[1])) * 3
    table = pd.DataFrame((felt @ mixture + noise).astype(np.float32), columns=names)
    table.insert(0, "time", np.arange(len(felt)) / RATE)
    return table


def lay_out(folder: Path, counts: dict[str, int], duration: float) -> None:
    """A folder in which the workflow runs from the features on."""
    rows = plan(counts)
    frames = round(duration * RATE)
    names = {"audio": functional_names(descriptor_names()), "video": columns()}
    schemas = {"audio": audio_features, "video": video_features}
    mixing = np.random.default_rng(0)
    nothing_odd = pd.DataFrame(columns=NOTES.names)
    mixtures = {m: mixing.standard_normal((4, len(names[m]))) for m in names}
    (folder / "media").mkdir(parents=True)
    (folder / "annotations").mkdir()
    rows.to_csv(folder / "recordings.csv", index=False)
    for number, recording in enumerate(rows["recording"], start=1):
        rng = np.random.default_rng(number)
        felt = truth(rng, frames)
        (folder / f"media/{recording}.mp4").touch()
        path = folder / f"annotations/{recording}.csv"
        traces(rng, felt).to_csv(path, index=False)
        for modality, reader in READERS.items():
            table = features(rng, felt, mixtures[modality], names[modality])
            state = NOTHING | {"reason": None, "frames": frames, "end": duration}
            state = pd.DataFrame([{"recording": recording} | state])
            table.insert(0, "recording", recording)
            for part, schema, stage in (
                (table, schemas[modality](names[modality]), f"{modality}_features"),
                (state, STATUS, f"status/{reader}"),
                *([(nothing_odd, NOTES, "status/audio_features")] if modality == "audio" else []),
            ):
                path = folder / f"results/{stage}/{recording}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                tables.write(part, schema, path)


def run(folder: Path, config: dict, cores: int, *arguments: str) -> tuple[float, dict[str, int]]:
    """Run the workflow: seconds, and the memory that each rule's largest job asked for [MB]."""
    (folder / "experiment.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(folder / "experiment.yaml")]
    command += ["--cores", str(cores), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    log = folder / "snakemake.log"
    started = time.monotonic()
    with log.open("w") as sink:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sink, stderr=sink)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed, see {log}")
    return time.monotonic() - started, asked(log.read_text())


def asked(log: str) -> dict[str, int]:
    """Memory that jobs asked for by rule, from what Snakemake says of them [MB]."""
    found: dict[str, int] = {}
    for rule, memory in re.findall(
        r"rule (\w+):\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)", log
    ):
        found[rule] = max(found.get(rule, 0), int(memory))
    return found


def measured(folder: Path) -> pd.DataFrame:
    """Snakemake's benchmarks: a row per job.

    ``stage`` (the folder or file below results/benchmarks), ``s`` and ``cpu_time`` [s], ``max_rss``
    [MB] and ``start`` [s]. Jobs of a fraction of a second may have no memory.
    """
    base = folder / "results/benchmarks"
    rows = []
    for path in sorted(base.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        stage = path.relative_to(base).with_suffix("").parts[0]
        started = path.stat().st_mtime - table["s"]
        rows.append(
            {"stage": stage, **table[["s", "cpu_time", "max_rss"]].astype(float), "start": started}
        )
    return pd.DataFrame(rows)


def packed(seconds: list[float], cores: int) -> float:
    """Time until all jobs are done when each core takes the longest that is left."""
    busy = [0.0] * cores
    for job in sorted(seconds, reverse=True):
        heapq.heappushpop(busy, busy[0] + job)
    return max(busy)


def projected(jobs: pd.DataFrame, cores: int) -> float:
    """Time of the run with stages one after the other [s]."""
    return sum(packed(list(seconds), cores) for _, seconds in jobs.groupby("stage")["s"])


RULE_OF = {"labels": "labels_batch", "dataset": "dataset_batch", "train": "train_network"}
RULE_OF |= {"fuse": "fuse_modalities", "apply": "apply_batch"}
"""Rules that are not called as their stage."""


def between(jobs: pd.DataFrame, seconds: float) -> float:
    """Time of the run in which no job was at work [s]: Snakemake plans, chooses and records."""
    busy, until = 0.0, -np.inf
    for job in jobs.sort_values("start").itertuples():
        end = job.start + job.s
        busy += max(end - max(job.start, until), 0)
        until = max(until, end)
    return seconds - busy


def report(jobs: pd.DataFrame, asked_for: dict[str, int], seconds: float, cores: int) -> str:
    """The tables, as Markdown."""
    order = jobs.groupby("stage")["start"].min().sort_values().index
    lines = [
        "| stage | jobs | sum [s] | median [s] | longest [s] | processors | peak [MB] "
        "| asked [MB] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for stage in order:
        part = jobs[jobs["stage"] == stage]
        s, memory = part["s"], part["max_rss"].max()
        processors = part["cpu_time"].sum() / s.sum()
        wanted = asked_for.get(RULE_OF.get(stage, stage), "–")
        lines.append(
            f"| {stage} | {len(part)} | {s.sum():.1f} | {s.median():.1f} | {s.max():.1f} "
            f"| {processors:.2f} | {memory:.0f} | {wanted} |"
        )
    lines += ["", "| cores | run [s] | of it without a job [s] |", "|---|---|---|"]
    own = between(jobs, seconds)
    lines.append(f"| {cores}, measured | {seconds:.0f} | {own:.0f} |")
    for number in (cores, *PROJECTED):
        total = projected(jobs, number) + own
        lines.append(f"| {number}, projected | {total:.0f} | {own:.0f} |")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--cores", type=int, default=os.cpu_count())
    arguments.add_argument("--media", action="store_true", help="a tenth, simulated with media")
    arguments.add_argument("--quick", action="store_true", help="few recordings and epochs")
    arguments.add_argument("--config", type=json.loads, default={}, help="over config.yaml; JSON")
    arguments.add_argument("--directory", type=Path, help="new folder to run in, kept afterwards")
    options = arguments.parse_args()

    small = {"training": {"max_steps": 18}, "model": {"cells": 16}} if options.quick else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.directory or Path(temporary) / "run").resolve()
        if options.media:
            folder.mkdir(parents=True)
            corpus = {"simulate": {"recordings": 6, "duration": 8 if options.quick else 160}}
            flags = []
        else:
            counts = {"train": 3, "dev": 2, "test": 2} if options.quick else PARTITIONS
            lay_out(folder, counts, 20.0 if options.quick else DURATION)
            corpus = {"corpus": {"recordings": "recordings.csv"}, "delay": DELAY}
            # Nobody has run the extraction, of whose settings Snakemake would otherwise ask.
            flags = ["--rerun-triggers", "mtime"]
        config = corpus | small | options.config
        seconds, asked_for = run(folder, config, options.cores, *flags)
        print(report(measured(folder), asked_for, seconds, options.cores))


if __name__ == "__main__":
    main()
