"""Pairs of frames of a similar E and a different sigma."""

import cv2
import numpy as np
import pandas as pd
import pytest

from media_files import write
from softaer.core.experiment import Media
from softaer.corpus import Recording
from softaer.frame_pairs import WIDTH, choose_pairs, picture


def frames(*rows):
    return pd.DataFrame(rows, columns=["recording", "time", "E", "sigma"])


def test_the_widest_pair_of_two_recordings_within_a_step_comes_first():
    table = frames(
        ("a", 0.0, 0.0, 0.5),
        ("a", 1.0, 0.50, 0.1),
        ("a", 2.0, 0.51, 0.9),  # of the same recording as the lowest of its step
        ("b", 3.0, 0.50, 0.7),
        ("c", 4.0, 0.51, 0.35),
        ("d", 5.0, 1.0, 9.0),  # nobody else in its step
    )
    found = choose_pairs(table, pairs=5, steps=10)
    assert found[["pair", "agreement", "recording", "time"]].to_numpy().tolist() == [
        [1, "agreed", "a", 1.0],
        [1, "disputed", "b", 3.0],
    ]


def test_recordings_are_used_once_and_pairs_are_of_similar_e():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "recording": rng.choice(list("abcdefgh"), 4000),
            "time": np.arange(4000) / 10,
            "E": rng.normal(size=4000),
            "sigma": rng.random(4000),
        }
    )
    found = choose_pairs(table, pairs=3, steps=40)
    assert len(found) == 6
    assert found["recording"].is_unique
    width = (table["E"].max() - table["E"].min()) / 40
    agreed, disputed = (
        found[found["agreement"] == role].reset_index() for role in ("agreed", "disputed")
    )
    assert ((agreed["E"] - disputed["E"]).abs() <= width).all()
    difference = disputed["sigma"] - agreed["sigma"]
    assert (difference > 0.9).all()
    assert difference.is_monotonic_decreasing


def test_frames_without_a_label_are_no_candidates():
    table = frames(("a", 0.0, 0.5, np.nan), ("b", 0.0, np.nan, 0.3), ("c", 0.0, 0.5, 0.2))
    assert choose_pairs(table).empty
    assert choose_pairs(frames()).empty


def test_one_value_of_e_is_one_step():
    found = choose_pairs(frames(("a", 0.0, 0.5, 0.1), ("b", 0.0, 0.5, 0.2)))
    assert found["recording"].tolist() == ["a", "b"]


def test_a_picture_is_that_of_its_time_and_small(tmp_path):
    images = [np.full((360, 640, 3), 20 * k, dtype=np.uint8) for k in range(10)]
    path = write(tmp_path / "grey.mkv", [(k / 10, image) for k, image in enumerate(images)])
    for time, level in ((0.0, 0), (0.35, 60), (0.9, 180), (5.0, 180)):
        data = np.frombuffer(
            picture(Recording("a", "a", video=str(path)), time, Media()), dtype=np.uint8
        )
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert image.shape == (180, WIDTH, 3)
        assert image.mean() == pytest.approx(level, abs=6)


def test_a_file_that_cannot_be_read_gives_no_picture(tmp_path, capsys):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"no video")
    assert picture(Recording("a", "a", video=str(path)), 0.0, Media()) is None
    assert "broken.mp4" in capsys.readouterr().out
