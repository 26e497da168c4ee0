"""An edit reruns the stages that it concerns and those that follow, and no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

AFTER_FUSION = {"score", "evaluate", "uncertainty", "report"}
AFTER_PREDICTION = {"postprocess", "fuse_modalities"} | AFTER_FUSION
AFTER_TRAINING = {"select", "predict"} | AFTER_PREDICTION
AFTER_DATASET = {"train_network", "summarise"} | AFTER_TRAINING
AFTER_LABELS = {"dataset_batch", "simulate_check", "ceiling"} | AFTER_DATASET
AFTER_FEATURES = {"standardisation", "dataset_batch"} | AFTER_DATASET


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """Replace a text in a file for a while."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("labels", '"""Labels: the emotional', '"""Labels of every frame: the emotional'),
        ("labels", "def rater_agreement(", "# A remark.\n\n\ndef rater_agreement("),
        ("media", "AUDIO_RATE = 16_000", "UNUSED = 1\nAUDIO_RATE = 16_000"),
    ],
    ids=["docstring", "comment", "unused name"],
)
def test_an_edit_without_effect_reruns_nothing(finished_project, module, old, new):
    with edited(finished_project.source / f"workflow/softaer/{module}.py", old, new):
        outcome = finished_project.run()
    assert "Nothing to be done" in outcome.output


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("labels", "if both.sum() < 2:", "if both.sum() < 3:", {"labels_batch"} | AFTER_LABELS),
        ("ratings", "if len(time) == 0:", "if len(time) < 1:", {"ratings", "labels_batch"}
            | AFTER_LABELS),
        ("audio_lld", "ROWS_AT_ONCE = 6_000", "ROWS_AT_ONCE = 5_000",
            {"audio_lld", "audio_features"} | AFTER_FEATURES),
        ("video_features", "size[size == 0] = np.nan", "size[size <= 0] = np.nan",
            {"video_features"} | AFTER_FEATURES),
        ("dataset", "steps = round(delay * RATE)", "steps = int(round(delay * RATE))",
            AFTER_LABELS),
        ("select", "fillna(-np.inf)", "fillna(-2.0)", AFTER_TRAINING),
        ("postprocess", "if gains[name] > 0:", "if gains[name] > 0.0:", AFTER_PREDICTION),
        ("evaluate", "LEVEL = 0.05", "LEVEL = 0.1", {"evaluate", "report"}),
        ("uncertainty", "BINS = 8", "BINS = 9", {"uncertainty", "report"}),
        ("train", "best, best_epoch, best_state = [], -np.inf, 0, None",
            "best, best_epoch, best_state = [], -2.0, 0, None",
            {"train_network"} | AFTER_TRAINING),
        ("fuse", 'INTERCEPT = "intercept"', 'INTERCEPT = "constant"',
            {"fuse_modalities"} | AFTER_FUSION),
        ("figures", '"font.size": 9', '"font.size": 8', {"report"}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)  # fmt: skip
def test_an_edit_of_code_reruns_its_stage_and_what_follows(
    finished_project, module, old, new, expected
):
    with edited(finished_project.source / f"workflow/softaer/{module}.py", old, new):
        outcome = finished_project.run("--dry-run")
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"delay": 3.5}, AFTER_LABELS | {"uncertainty"}),
        ({"delay": "estimated", "max_delay": 2.0}, AFTER_LABELS | {"annotation_delay"}),
        ({"labels": {"alignment": "estimated"}}, {"rater_lags", "labels_batch"} | AFTER_LABELS),
        ({"grid": {"model.cells": [8, 9]}}, {"train_network"} | AFTER_TRAINING),
        ({"postprocessing": {"steps": ["centring"]}}, AFTER_PREDICTION),
        ({"evaluation": {"draws": 200}}, {"evaluate", "report"}),
        ({"labels": {"spread": "population"}}, {"labels_batch"} | AFTER_LABELS),
        ({"audio": {"window": 3.0}}, {"audio_features"} | AFTER_FEATURES),
        ({"video": {"max_gap": 0.2}}, {"video_features"} | AFTER_FEATURES),
        ({"model": {"layers": 1, "cells": 9}}, {"train_network"} | AFTER_TRAINING),
        ({"training": {"max_epochs": 3}}, {"train_network"} | AFTER_TRAINING),
        ({"seeds": [1, 2]}, {"train_network"} | AFTER_TRAINING),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_change_of_configuration_reruns_the_stages_that_use_it(
    finished_project, config, expected
):
    outcome = finished_project.run("--dry-run", config=config)
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == expected


def test_a_change_of_the_delay_leaves_extraction_and_labels_as_they_are(finished_project):
    kept = [
        path
        for stage in ("audio_lld", "landmarks", "video_features", "labels")
        for path in finished_project.path(f"results/{stage}").glob("*.parquet")
    ]
    stamps = {path: path.stat().st_mtime_ns for path in kept}
    dataset = finished_project.path("results/dataset/audio/s1.parquet")
    before = dataset.read_bytes()
    try:
        outcome = finished_project.run("dataset", config={"delay": 3.0})
        assert outcome.returncode == 0, outcome.output
        assert dataset.read_bytes() != before
        assert {path: path.stat().st_mtime_ns for path in kept} == stamps
    finally:
        outcome = finished_project.run()
    assert outcome.returncode == 0, outcome.output
    assert dataset.read_bytes() == before


def test_a_further_recording_is_the_only_one_that_is_extracted(finished_project):
    config = {"simulate": {"recordings": 5, "duration": 10}}
    outcome = finished_project.run("--dry-run", "extract", config=config)
    assert outcome.returncode == 0, outcome.output
    assert "results/landmarks/s5.parquet" in outcome.output
    assert "output: results/landmarks/s1.parquet" not in outcome.output
