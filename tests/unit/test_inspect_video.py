"""Videos of rated recordings: which ones are made, and what stands below the picture."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from softaer.apply_video import as_strip
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment, Inspect
from softaer.core.places import final_prediction
from softaer.corpus import Recording
from softaer.figures.predictions import prediction_strip
from softaer.inspect_video import chosen, predictions_of, ratings_of
from softaer.running.recordings import Recordings

EACH = pd.DataFrame(
    [("a", "test", 0.9), ("b", "test", 0.1), ("c", "test", 0.5), ("d", "dev", -0.9)],
    columns=["recording", "partition", "ccc"],
)


def test_the_worst_with_video_are_chosen_or_those_that_are_named():
    seen = ["a", "b", "c", "d"]
    assert chosen(EACH, seen, Inspect()) == ["b", "c", "a"]
    assert chosen(EACH, seen, Inspect(worst=1)) == ["b"]
    assert chosen(EACH, ["a", "c"], Inspect(worst=1)) == ["c"]
    assert chosen(EACH, seen, Inspect(names=("d", "a"))) == ["d", "a"]
    with pytest.raises(InputError, match="'x', which has no score"):
        chosen(EACH, seen, Inspect(names=("x",)))


def recording(name, partition="test", video=True):
    media = f"{name}.mp4" if video else None
    return Recording(
        *(name, name, name, partition), audio=f"{name}.wav", video=media, annotations=f"{name}.csv"
    )


def test_only_rated_recordings_with_video_can_be_named():
    corpus = [recording("a"), recording("b", video=False), recording("c", "train")]
    corpus.append(Recording("new", "new", video="new.mp4"))
    found = Recordings("recordings.csv", corpus, [], [], False, False)
    assert [r.recording for r in found.inspected(None)] == ["a"]
    assert [r.recording for r in found.inspected(["c", "a"])] == ["a", "c"]
    for name in ("b", "new"):
        with pytest.raises(InputError, match=f"'inspect.names': found '{name}'; .*: a, c"):
            found.inspected([name])
    blind = Recordings("recordings.csv", corpus[1:], [], [], False, False)
    with pytest.raises(InputError, match="no rated recording in test has video"):
        blind.inspected(None)


def test_label_and_raters_stand_below_what_they_react_to(tmp_path):
    """A jump at 5 s of the rating belongs to 3 s of the recording, with 2 s of delay."""
    time = np.arange(80) / 10
    jump = (time >= 5).astype(float)
    ratings = pd.DataFrame({"recording": "a", "dimension": "m", "time": time, "value": jump})
    own = pd.DataFrame({"recording": "a", "time": time[:60], "m_E": jump[20:], "m_sigma": 0.1})
    layout = schema.dataset(["m_E", "m_sigma"], ["f"])
    tables.write(own.assign(f=0.0), layout, tmp_path / "a.parquet")
    ratings = ratings.assign(rater="x")
    found = ratings_of(tmp_path, recording("a"), ratings, {"m": 2.0}, ["m"])["m"]
    assert set(found) == {"label", "rater x"}
    for trace in found.values():
        first = trace.loc[trace["value"] > 0.5, "time"].min()
        assert first == pytest.approx(3.0)


def test_predictions_are_those_of_the_best_models(tmp_path):
    experiment = Experiment(("m",), ("audio", "video", "audio+video"), ("multi",), (4, 5))
    for place, modality in enumerate(experiment.modalities):
        layout = schema.FUSED_PREDICTIONS if "+" in modality else schema.POSTPROCESSED
        table = pd.DataFrame({"recording": ["a", "a", "b"], "time": [0.0, 0.1, 0.0]})
        table = table.assign(**dict.fromkeys(layout.names[2:], place + 0.5))
        if "+" in modality:
            table["E_mean"] = 7.0
        tables.write(table, layout, final_prediction(tmp_path, "m", modality, "multi", 4))
    best = pd.DataFrame(
        [("m", "sigma", "video", "multi", None), ("m", "E", "audio+video", "multi", "mean")],
        columns=["dimension", "target", "modality", "task", "fusion"],
    )
    found = predictions_of(experiment, tmp_path, "a", best)
    assert list(found.columns) == ["time", "m_E", "m_sigma"]
    assert found.to_numpy().tolist() == [[0.0, 7.0, 1.5], [0.1, 7.0, 1.5]]


def test_the_raters_are_drawn_in_the_strip():
    table = pd.DataFrame({"time": [0.0, 9.0], "m_E": [0.0, 0.0], "m_sigma": [0.1, 0.1]})
    flat = pd.DataFrame({"time": [0.0, 9.0], "value": [0.05, 0.05]})
    plain, bounds = prediction_strip(table, 9.0, 640)
    drawn, same = prediction_strip(table, 9.0, 640, {"m": {"label": flat, "rater x": flat - 0.1}})
    assert bounds == same
    strips = [as_strip(png).astype(int) for png in (plain, drawn)]
    assert strips[0].shape == strips[1].shape
    grey = [((s.max(axis=2) - s.min(axis=2) < 3) & (s.max(axis=2) < 60)).sum() for s in strips]
    assert grey[1] > grey[0] + 300  # the label, from edge to edge
    assert isinstance(Image.fromarray(strips[1].astype(np.uint8)), Image.Image)
