"""Thumbnails: frames of each recording of a batch at regular times, small."""

import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from media_files import write
from softaer import thumbnails as stage
from softaer.core import schema, tables
from softaer.core.experiment import Media
from softaer.corpus import Recording
from softaer.thumbnails import COUNT, WIDTH, moments, thumbnails

SECONDS = 8.0


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Its grey level is ten times the second."""
    images = [np.full((180, 320, 3), 10 * (k // 10), dtype=np.uint8) for k in range(90)]
    frames = [(k / 10, image) for k, image in enumerate(images)]
    return write(tmp_path_factory.mktemp("films") / "grey.mkv", frames)


def test_the_middles_of_equal_parts_are_shown(film):
    rows = list(thumbnails(Recording("a", "a", video=str(film)), SECONDS, Media()))
    assert [row["time"] for row in rows] == moments(SECONDS).tolist()
    for row in rows:
        data = np.frombuffer(row["picture"], dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert image.shape == (63, WIDTH, 3)
        assert image.mean() == pytest.approx(10 * int(row["time"]), abs=4)


def test_a_file_that_cannot_be_read_has_none(tmp_path, capsys):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    assert list(thumbnails(Recording("a", "a", video=str(path)), SECONDS, Media())) == []
    assert "broken.mp4" in capsys.readouterr().out


def test_only_rated_recordings_of_the_batch_with_features_are_shown(film, tmp_path, monkeypatch):
    lines = ["recording,subject,partition,video,annotations,batch"]
    lines += [f"{name},s,train,{film},{rated},{batch}" for name, rated, batch in (
        ("seen", "x.csv", "one"), ("unseen", "x.csv", "one"), ("other", "x.csv", "two"),
        ("unrated", "", "one"))]  # fmt: skip
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    part = pd.DataFrame({"recording": np.repeat(["seen", "unseen"], 81)})
    part["time"] = np.tile(np.arange(81) / 10, 2)
    part[["m_E", "m_sigma"]] = 0.5
    part["f"] = np.where(part["recording"] == "seen", 1.0, np.nan)
    tables.write(part, schema.dataset(["m_E", "m_sigma"], ["f"]), tmp_path / "one.parquet")
    words = ["--recordings", tmp_path / "recordings.csv", "--batch", "one"]
    words += ["--dataset", tmp_path / "one.parquet", "--output", tmp_path / "out.parquet"]
    monkeypatch.setattr(sys, "argv", ["thumbnails", *map(str, words)])
    stage.main()
    found = tables.read(tmp_path / "out.parquet")
    assert found["recording"].tolist() == ["seen"] * COUNT
    assert found["time"].tolist() == moments(SECONDS).tolist()
