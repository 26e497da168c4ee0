"""Places: how the files of a run are called, below its folder of results."""

from pathlib import Path

from softaer.core.tasks import JOIN


def prediction_path(
    postprocess: Path, fuse: Path, dimension: str, modality: str, task: str, seed: int
) -> Path:
    """Where a final prediction lies; ``audio+video`` is a fusion."""
    if JOIN in modality:
        return Path(fuse) / dimension / task / f"seed{seed}.parquet"
    return Path(postprocess) / dimension / modality / task / f"seed{seed}.parquet"


def final_prediction_path(
    results: Path, dimension: str, modality: str, task: str, seed: int
) -> Path:
    """The same in the folder of all results."""
    folders = Path(results) / "postprocess", Path(results) / "fuse"
    return prediction_path(*folders, dimension, modality, task, seed)
