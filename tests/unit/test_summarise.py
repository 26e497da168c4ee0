"""The data-set table counts recordings, people and frames."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import summarise
from softaer.core import schema, tables

PEOPLE = {"a": ("ann", "train"), "b": ("ann", "train"), "c": ("bob", "dev"), "d": ("eve", "test")}
FRAMES = {"a": 60, "b": 30, "c": 20}
RATERS = {"a": ["r1", "r2"], "b": ["r2", "r3"], "c": ["r1"], "d": ["r4"]}


@pytest.fixture
def table(tmp_path, monkeypatch):
    lines = ["recording,subject,partition,media,annotations,batch"]
    lines += [f"{r},{s},{p},{r}.mp4,{r}.csv,{s}" for r, (s, p) in PEOPLE.items()]
    lines.append("unrated,joe,train,u.mp4,,ann")
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    for batch in ("ann", "bob", "eve"):
        names = [name for name, (subject, _) in PEOPLE.items() if subject == batch]
        ratings = [
            pd.DataFrame(
                {"recording": name, "time": [0.0, 0.1], "dimension": "m", "rater": r, "value": 0.0}
            )
            for name in names
            for r in RATERS[name]
        ]
        tables.write(pd.concat(ratings), schema.RATINGS, tmp_path / f"ratings/{batch}.parquet")
    for modality, missing in (("audio", 0), ("video", 15)):
        rows = [(name, n, n - missing, [], None) for name, n in FRAMES.items()]
        coverage = pd.DataFrame(rows, columns=schema.COVERAGE.names)
        tables.write(coverage, schema.COVERAGE, tmp_path / f"coverage/{modality}.parquet")
    words = ["--recordings", tmp_path / "recordings.csv", "--ratings", tmp_path / "ratings"]
    words += ["--coverage", *(tmp_path / f"coverage/{m}.parquet" for m in ("audio", "video"))]
    words += ["--output", tmp_path / "summary.parquet"]
    monkeypatch.setattr(sys, "argv", ["summarise", *map(str, words)])
    summarise.main()
    return tables.read(tmp_path / "summary.parquet").set_index("partition")


def test_counts(table):
    assert list(table.index) == ["train", "dev", "test", "all"]
    assert table["recordings"].tolist() == [2, 1, 1, 4]
    assert table["subjects"].tolist() == [1, 1, 1, 3]
    assert table["raters"].tolist() == [3, 1, 1, 4]
    assert table["frames"].tolist() == [90, 20, 0, 110]
    np.testing.assert_allclose(table["minutes"], [0.15, 1 / 30, 0, 11 / 60])


def test_coverage_is_the_share_of_the_frames_with_all_features(table):
    np.testing.assert_allclose(table["coverage_audio"], [1, 1, np.nan, 1])
    np.testing.assert_allclose(table["coverage_video"], [60 / 90, 5 / 20, np.nan, 65 / 110])
