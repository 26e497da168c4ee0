"""Bad input is named, and leaves finished results as they were."""

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow


def snapshot(project):
    """Size and time of every result."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in project.path("results").rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"training": {"learning_rat": 0.1}}, ["training.learning_rat", "learning_rate"]),
        ({"model": {"cells": 2.5}}, ["model.cells", "2.5", "integer"]),
        ({"delay": {"arousal": 4.0}}, ["delay", "valence"]),
        ({"corpus": {"recordings": "nowhere.csv"}}, ["nowhere.csv", "no such file"]),
    ],
    ids=["unknown key", "wrong type", "delay of one dimension", "no table"],
)
def test_a_bad_configuration_names_the_key_and_touches_nothing(finished_project, config, words):
    before = snapshot(finished_project)
    outcome = finished_project.run(config=config)
    assert outcome.returncode != 0
    for word in words:
        assert word in outcome.output
    assert snapshot(finished_project) == before


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [{"recording": "a", "media": "a.mp4"}, {"recording": "a", "media": "b.mp4"}],
            ["line 3", "recording", "again"],
        ),
        ([{"recording": "../a", "media": "a.mp4"}], ["line 2", "recording", "../a"]),
        (
            [
                {"recording": "a", "subject": "s", "partition": "train", "media": "a.mp4"},
                {"recording": "b", "subject": "s", "partition": "test", "media": "b.mp4"},
            ],
            ["line 3", "partition", "subject"],
        ),
        ([{"recording": "a", "media": "missing.mp4"}], ["missing.mp4"]),
    ],
    ids=["twice", "outside", "two partitions", "no file"],
)
def test_a_bad_table_names_row_and_column_and_touches_nothing(finished_project, rows, words):
    before = snapshot(finished_project)
    table = finished_project.path("bad.csv")
    pd.DataFrame(rows).to_csv(table, index=False)
    outcome = finished_project.run("extract", config={"corpus": {"recordings": "bad.csv"}})
    assert outcome.returncode != 0
    for word in words:
        assert word in outcome.output
    assert snapshot(finished_project) == before


def test_a_broken_clip_is_named_in_the_output_of_the_run(empty_project):
    empty_project.path("broken.mp4").write_bytes(b"not a film")
    pd.DataFrame([{"recording": "a", "media": "broken.mp4"}]).to_csv(
        empty_project.path("recordings.csv"), index=False
    )
    outcome = empty_project.run("extract", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode != 0
    assert "broken.mp4: cannot be decoded" in outcome.output
    assert not list(empty_project.path("results").rglob("*.parquet*"))
