"""The page of recordings without ratings: what is predicted, and what that rests on."""

import re

import numpy as np
import pandas as pd
import pytest
from page_data import explorer_data, series

from softaer import apply_page
from softaer.core import tables as parquet
from softaer.core.schema import applied
from softaer.core.tasks import FAR
from softaer.page import explorer
from softaer.page.predicted import predicted_page

COLUMNS = ["mood_E", "mood_sigma", "mood_spread", "audio_distance", "video_distance"]


def table(frames=40, audio=1.0, video=1.0, start=0):
    """Predictions whose E is the time in minutes, and whose sigma is half of that."""
    time = np.arange(start, start + frames) / 10
    values = {"time": time, "mood_E": time / 60, "mood_sigma": time / 120, "mood_spread": 0.1}
    return pd.DataFrame(values | {"audio_distance": audio, "video_distance": video})


def test_the_traces_are_the_predictions():
    found = explorer_data(predicted_page({"a": table(), "b": table(20, start=5)}, "audio+video"))
    assert (found["dimensions"], found["targets"]) == (["mood"], ["E", "sigma"])
    assert found["modalities"] == ["audio+video"]
    a, b = found["recordings"]
    assert [(r["name"], r["partition"], r["frames"]) for r in (a, b)] == [
        *(("a", None, 40), ("b", None, 25)),
    ]
    for target, scale in (("E", 60), ("sigma", 120)):
        mood = a["dimensions"]["mood"][target]
        assert mood["label"] is None
        traced = series(mood["predictions"]["predicted"]["audio+video"])
        np.testing.assert_allclose(traced, np.arange(40) / 10 / scale, atol=1e-5)
    late = series(b["dimensions"]["mood"]["E"]["predictions"]["predicted"]["audio+video"])
    assert np.isnan(late[:5]).all()
    np.testing.assert_allclose(late[5:], np.arange(5, 25) / 600, atol=1e-5)
    assert a["dimensions"]["mood"]["raters"] == {}


def test_stretches_without_a_modality_are_those_without_its_distance():
    video = np.where((np.arange(40) >= 10) & (np.arange(40) < 25), np.nan, 1.0)
    page = predicted_page({"a": table(video=video), "b": table()}, "audio+video")
    assert [r["gaps"] for r in explorer_data(page)["recordings"]] == [
        {"audio": [], "video": [[1.0, 2.5]]},
        {"audio": [], "video": []},
    ]
    assert "62 %" in page


def test_speech_and_face_are_means_and_unknown_ones_a_dash():
    half = np.repeat([0.0, 1.0], 20)
    known = table().assign(speech=half, face=np.nan)
    page = predicted_page({"a": known}, "audio+video")
    cells = re.search(r"#trace/a.*?</tr>", page, re.S).group()
    assert re.findall(r"<td>(50 %|–)</td>", cells)[:2] == ["50 %", "–"]
    assert "share of voiced sound" in page
    assert "share of voiced sound" not in predicted_page({"a": table()}, "audio+video")


@pytest.mark.parametrize(("distance", "unlike"), [(FAR - 0.01, False), (FAR + 0.01, True)])
def test_what_is_unlike_the_training_data_is_warned_of(distance, unlike):
    page = predicted_page({"a": table(audio=distance), "b": table()}, "audio+video")
    assert ("1 of 2 recordings is unlike the training data" in page) == unlike
    note = f"Its audio is {distance:.1f} times as far from train as train is."
    notes = [r["notes"] for r in explorer_data(page)["recordings"]]
    assert notes == [[note] if unlike else [], []]
    assert ('class="best"' in page) == unlike


def test_recordings_without_predictions_are_listed():
    nothing = table().iloc[:0]
    page = predicted_page({"a": table(), "mute": nothing}, "audio+video", ["<b>.mp4: broken"])
    assert "No predictions: &lt;b&gt;.mp4: broken" in page
    assert '<a href="#trace/a">a</a>' in page
    assert "#trace/mute" not in page
    assert ">mute<" in page
    assert [r["name"] for r in explorer_data(page)["recordings"]] == ["a"]
    alone = predicted_page({"mute": nothing}, "audio+video")
    assert "explorer-data" not in alone


def test_names_are_escaped():
    attack = "<img src=x onerror=alert(1)>"
    page = predicted_page({attack: table()}, "audio+video")
    assert "<img" not in page
    odd = "my film #2, 50%"
    page = predicted_page({odd: table()}, "audio+video")
    assert '<a href="#trace/my%20film%20%232%2C%2050%25">my film #2, 50%</a>' in page


def test_a_model_of_one_modality_and_target():
    one = table()[["time", "mood_sigma", "audio_distance"]]
    found = explorer_data(predicted_page({"a": one}, "audio"))
    assert (found["targets"], found["modalities"]) == (["sigma"], ["audio"])


def test_many_recordings_fold_and_are_thinned(monkeypatch):
    monkeypatch.setattr(explorer, "MOST_VALUES", 1000)
    page = predicted_page({f"r{n}": table() for n in range(21)}, "audio+video")
    assert "All 21 recordings" in page
    assert "only one frame in 2 is drawn" in page
    assert explorer_data(page)["rate"] == 5


def test_the_stage_shows_all_recordings_in_their_order(tmp_path, monkeypatch):
    for name, batch in (("b", "one"), ("a", "two")):
        rows = table().assign(recording=name)
        parquet.write(rows, applied(COLUMNS), tmp_path / f"{batch}.parquet")
    words = ["--predictions", tmp_path / "one.parquet", tmp_path / "two.parquet"]
    words += ["--recording-names", "a", "mute", "b", "--modalities", "audio", "video"]
    monkeypatch.setattr("sys.argv", ["x", *map(str, words), "--output", str(tmp_path / "p.html")])
    apply_page.main()
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert [r["name"] for r in explorer_data(page)["recordings"]] == ["a", "b"]
    assert re.search(r">a</a>.*>mute<.*>b</a>", page, re.DOTALL)
