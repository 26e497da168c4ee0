"""Experiments that share Snakemake's cache extract a recording once among them."""

import re
from pathlib import Path

import pandas as pd
import pytest
from projects import Project, digests, new_project

pytestmark = pytest.mark.workflow

STAGES = ("audio_lld", "audio_features", "landmarks", "video_features")


@pytest.fixture
def projects(root, finished_project, tmp_path) -> list[Project]:
    """Two experiments in folders of their own, on the same two recordings."""
    made = finished_project.path("results/corpus")
    table = pd.read_csv(made / "recordings.csv").head(2)
    rows = [{"recording": row.recording, "media": made / row.media} for row in table.itertuples()]
    pd.DataFrame(rows).to_csv(tmp_path / "recordings.csv", index=False)
    (tmp_path / "cache").mkdir()
    return [new_project(root, tmp_path / name) for name in ("first", "second")]


def extract(project: Project, tmp_path: Path, **config) -> set[str]:
    """Extract with the cache; which stages have really run, and given their outputs to it."""
    outcome = project.run(
        "extract",
        "--cache",
        config={"corpus": {"recordings": str(tmp_path / "recordings.csv")}} | config,
        environment={"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "cache")},
    )
    assert outcome.returncode == 0, outcome.output
    return {stage for stage in STAGES if f"Moving output file results/{stage}/" in outcome.output}


def test_the_second_experiment_extracts_nothing(projects, tmp_path):
    first, second = projects
    assert extract(first, tmp_path) == set(STAGES)
    assert extract(second, tmp_path) == set()
    assert digests(second.path("results")) == digests(first.path("results"))


def test_a_changed_stage_misses_the_cache(projects, tmp_path):
    first, second = projects
    extract(first, tmp_path)
    module = second.source / "workflow/softaer/audio_lld.py"
    module.write_text(module.read_text() + "\nMORE = 1\n")
    assert extract(second, tmp_path) == {"audio_lld", "audio_features"}


def test_another_recording_under_the_same_name_misses_the_cache(projects, tmp_path):
    first, second = projects
    extract(first, tmp_path)
    table = pd.read_csv(tmp_path / "recordings.csv")
    table["media"] = table["media"].iloc[::-1].to_numpy()
    table.to_csv(tmp_path / "recordings.csv", index=False)
    assert extract(second, tmp_path) == set(STAGES)
    a, b = sorted(first.path("results/audio_lld").iterdir())
    swapped, _ = sorted(second.path("results/audio_lld").iterdir())
    lld = [pd.read_parquet(path).drop(columns="recording") for path in (a, b, swapped)]
    pd.testing.assert_frame_equal(lld[2], lld[1])
    assert not lld[2].equals(lld[0])


def test_nothing_is_shared_where_recordings_may_be_skipped(projects, tmp_path):
    first, _ = projects
    extract(first, tmp_path, on_bad_recording="skip")
    assert not list((tmp_path / "cache").iterdir())


def test_nothing_is_shared_unless_asked_for(projects, tmp_path):
    outcome = projects[0].run(
        "extract",
        config={"corpus": {"recordings": str(tmp_path / "recordings.csv")}},
        environment={"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "cache")},
    )
    assert outcome.returncode == 0, outcome.output
    assert not list((tmp_path / "cache").iterdir())
    assert not re.search("cache", outcome.output)
