"""A recording of the simulated corpus, made on the spot for the benchmarks that need a file."""

import subprocess
import sys
from pathlib import Path

RECORDING, SUBJECT, SEED = "benchmark", "s01", 1


def simulate(folder: Path, seconds: float) -> Path:
    """Make an MP4 file of a speaking face as the workflow does, 288 x 288 at 10 frames/s.

    Parameters
    ----------
    folder
        Where it is put, with what it is made from.
    seconds
        Its length, 8 at least.
    """
    truth, media = folder / f"truth/{RECORDING}.parquet", folder / f"{RECORDING}.mp4"
    portrait = [folder / f"{SUBJECT}.{kind}" for kind in ("png", "parquet")]
    _stage("truth", "--recordings", RECORDING, "--seed", SEED, "--duration", seconds,
        "--output-dir", truth.parent)  # fmt: skip
    _stage("portraits", "--subjects", SUBJECT, "--output-dir", folder)
    _stage("media", "--recording", RECORDING, "--subject", SUBJECT, "--seed", SEED,
        "--truth", truth, "--portrait", portrait[0], "--landmarks", portrait[1],
        "--output", media)  # fmt: skip
    return media


def _stage(name: str, *words: object) -> None:
    command = [sys.executable, "-m", f"softaer.simulate.{name}", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
