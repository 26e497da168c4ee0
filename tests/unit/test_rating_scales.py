"""Raters of a whole corpus have used one scale, or no label is made."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import rating_scales
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.schema import RATINGS


def rating(recording, rater, scale, seed):
    time = np.arange(300) / 10
    value = scale * np.sin(time / 3 + seed)
    columns = {"recording": recording, "time": time, "dimension": "arousal", "rater": rater}
    return pd.DataFrame(columns | {"value": value})


def run(tmp_path, monkeypatch, scales):
    """Look at recordings of a batch each, from (recording, rater) to the scale that was used."""
    names = list(dict.fromkeys(recording for recording, _ in scales))
    table = pd.DataFrame({"recording": names, "media": "a.mp4", "annotations": "a.csv"})
    table.to_csv(tmp_path / "recordings.csv", index=False)
    for name in names:
        parts = [
            rating(r, rater, scale, seed)
            for seed, ((r, rater), scale) in enumerate(scales.items())
            if r == name
        ]
        tables.write(pd.concat(parts), RATINGS, tmp_path / "ratings" / f"{name}.parquet")
    words = ["--recordings", tmp_path / "recordings.csv", "--ratings", tmp_path / "ratings"]
    words += ["--output", tmp_path / "scales.parquet"]
    monkeypatch.setattr(sys, "argv", ["rating_scales", *map(str, words)])
    rating_scales.main()
    return tables.read(tmp_path / "scales.parquet")


def test_one_scale_with_large_and_small_gestures_passes(tmp_path, monkeypatch):
    scales = {(r, k): s for r in "abc" for k, s in (("x", 1.0), ("y", 0.2), ("z", 0.8))}
    found = run(tmp_path, monkeypatch, scales)
    assert len(found) == 9
    assert found["high"].max() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("by", ["rater", "recording"])
def test_two_scales_in_different_batches_are_refused(by, tmp_path, monkeypatch):
    scales = {(r, k): 1.0 for r in "abc" for k in "xyz"}
    scales |= {key: 100.0 for key in scales if key[0 if by == "recording" else 1] in ("c", "z")}
    with pytest.raises(InputError, match="expected one scale"):
        run(tmp_path, monkeypatch, scales)
    assert not (tmp_path / "scales.parquet").exists()
