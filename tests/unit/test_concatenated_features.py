"""Features of several modalities side by side: what pandas would join, and nothing filled in."""

import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from softaer import concatenated_features as stage
from softaer.concatenated_features import concatenated_features
from softaer.core import schema, tables


def part(names, frames, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.standard_normal((len(frames), len(names))), columns=names)
    table = table.astype("float32")
    table.insert(0, "time", np.array(frames) / 10)
    return table


def test_what_one_part_lacks_is_missing_and_nothing_else():
    a, b = part(["f", "g"], range(5)), part(["f"], range(2, 8), 1)
    a.loc[3, "g"] = np.nan
    found = concatenated_features({"a": a, "b": b})
    assert list(found.columns) == ["time", "a_f", "a_g", "b_f"]
    np.testing.assert_array_equal(found["time"], np.arange(8) / 10)
    expected = a.add_suffix("_a").merge(
        b.add_suffix("_b"), left_on="time_a", right_on="time_b", how="outer"
    )
    np.testing.assert_array_equal(found[["a_f", "a_g", "b_f"]], expected[["f_a", "g_a", "f_b"]])
    assert found.dtypes.iloc[1:].eq("float32").all()


def run(monkeypatch, folder, parts):
    words = []
    for name, (kind, recordings) in parts.items():
        path = folder / f"{name}.parquet"
        rows = [table.assign(recording=recording) for recording, table in recordings.items()]
        tables.write(pd.concat(rows), kind, path)
        words += ["--features", name, str(path)]
    output = folder / "out.parquet"
    monkeypatch.setattr(sys, "argv", ["stage", *words, "--output", str(output)])
    stage.main()
    return output


def test_a_recording_needs_all_parts_and_units_are_kept(tmp_path, monkeypatch, capsys):
    audio = schema.audio_features(["f"]), {"x": part(["f"], range(3)), "y": part(["f"], range(2))}
    video = schema.video_features(["g"]), {"x": part(["g"], range(3), 1)}
    path = run(monkeypatch, tmp_path, {"audio": audio, "video": video})
    found = tables.read(path)
    assert list(found["recording"]) == ["x"] * 3
    assert capsys.readouterr().out == "recording 'y': no features of video\n"
    units = {f.name: f.metadata[b"unit"].decode() for f in pq.read_schema(path)}
    assert units["audio_f"] == "openSMILE"
    assert units["video_g"] == "interocular distance"
    again = run(monkeypatch, tmp_path, {"audio": audio, "video": video})
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("lacking", ["audio", "video"])
def test_a_batch_of_which_a_part_has_nothing_has_no_rows(tmp_path, monkeypatch, lacking):
    parts = {
        "audio": (schema.audio_features(["f"]), {"x": part(["f"], range(3))}),
        "video": (schema.video_features(["g"]), {"x": part(["g"], range(3))}),
    }
    kind, recordings = parts[lacking]
    parts[lacking] = kind, {"x": recordings["x"].iloc[:0]}
    path = run(monkeypatch, tmp_path, parts)
    assert tables.columns(path) == ["recording", "time", "audio_f", "video_g"]
    assert len(tables.read(path)) == 0
