"""Says in one line what a run has done, what it does, and how much time is left.

The time follows from benchmark files of this and former runs in the folder, and minutes of media.
"""

import argparse
import time
from pathlib import Path

import yaml

from softaer.comparison.finished import corpus_table
from softaer.core import cli, lock, places
from softaer.core.errors import InputError
from softaer.corpus import Recording, read_recordings
from softaer.running.progress_of_run import measured, read_log, time_left, told
from softaer.signals import media

LOGS = ".snakemake/log"


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the folder of the run."""
    cli.add_directory(arguments, "folder of the run")


def main(options: argparse.Namespace) -> None:
    """Print the state of the run in the folder named on the command line."""
    folder = options.directory
    texts = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted((folder / LOGS).glob("*.log"))
    ]
    logs = [read_log(text) for text in texts if "\nSelect jobs to execute" in text]
    if not logs:
        raise InputError(f"{folder}: no log of a run in {LOGS}; expected the folder of a run")
    *former, log = logs
    now = time.time()
    since = min((job.started for job in log.jobs), default=now)
    results = folder / places.RESULTS
    times = measured(places.within(results, places.BENCHMARK, unit="x").parent, since)
    left = time_left(log, times, minutes_of(folder), now, former)
    print(told(log, left, lock.is_held(folder / lock.LOCK)))


def minutes_of(folder: Path) -> dict[str, float]:
    """Media of each batch of a run [min]; empty if the length of a recording is unknown."""
    record = places.within(folder / places.RESULTS, places.EXPERIMENT)
    if not record.is_file():
        return {}
    config = yaml.safe_load(record.read_text(encoding="utf-8"))["configuration"]
    table = corpus_table(config, folder / places.RESULTS)
    found: dict[str, float] = {}
    for recording in read_recordings(table) if table.is_file() else []:
        seconds = _length(recording)
        if seconds is None:
            return {}
        found[recording.batch] = found.get(recording.batch, 0.0) + seconds / 60
    return found


def _length(recording: Recording) -> float | None:
    path = recording.audio or recording.video
    return media.length(path) if path and Path(path).is_file() else None
