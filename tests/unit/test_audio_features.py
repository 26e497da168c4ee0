"""Audio features are the functionals of the descriptors around each grid point."""

import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from lld_reference import lld_of
from sounds import silence, voice

from softaer import audio_features as stage
from softaer.audio_features import audio_features
from softaer.audio_lld import FEATURE_SETS, compute_lld, descriptor_names
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.schema import audio_lld as lld_schema
from softaer.signals.sound import audio_blocks


def lld_table(frames, **series):
    """Descriptors every 10 ms from 0.03 s on; a series is given as a function of time."""
    time = 0.03 + np.arange(frames) / 100
    columns = {name: function(time).astype(np.float32) for name, function in series.items()}
    return pd.DataFrame({"time": time, **columns})


def test_planted_series_have_their_known_functionals_away_from_the_edges():
    lld = lld_table(
        1200,
        level=lambda t: np.full_like(t, 2.5),
        slope=lambda t: 3 * t,
        wave=lambda t: np.sin(2 * np.pi * 5 * t),
    )
    features = audio_features(lld, window=2.0)
    inner = features.query("1.1 <= time <= 10.9")
    np.testing.assert_allclose(inner["level_mean"], 2.5)
    np.testing.assert_allclose(inner["level_variance"], 0, atol=1e-12)
    np.testing.assert_allclose(inner["slope_mean"], 3 * inner["time"], rtol=1e-5)
    np.testing.assert_allclose(inner["slope_variance"], 9 * 2.0**2 / 12, rtol=0.011)
    np.testing.assert_allclose(inner["wave_mean"], 0, atol=0.006)
    np.testing.assert_allclose(inner["wave_variance"], 0.5, atol=0.006)


def test_a_change_is_seen_at_its_time_and_from_both_sides():
    features = audio_features(lld_table(1000, step=lambda t: t >= 4.995), window=1.0)
    mean = features.set_index("time")["step_mean"]
    assert (mean[mean.index < 4.49] == 0).all()
    assert (mean[mean.index > 5.51] == 1).all()
    assert mean[5.0] == pytest.approx(0.5, abs=0.01)
    assert mean[4.7] == pytest.approx(0.2, abs=0.011)


def test_windows_at_the_edges_hold_what_is_there():
    lld = lld_table(500, slope=lambda t: t)
    features = audio_features(lld, window=4.0)
    time, values = lld["time"], lld["slope"].astype(np.float64)
    for row in (0, 3, len(features) - 1):
        inside = values[(time - features["time"][row]).abs() <= 2 + 1e-6]
        assert features["slope_mean"][row] == pytest.approx(inside.mean(), rel=1e-6)
        assert features["slope_variance"][row] == pytest.approx(inside.var(ddof=0), rel=1e-6)


@pytest.mark.parametrize(("frames", "points"), [(1, 1), (7, 1), (8, 2), (97, 10), (98, 11)])
def test_the_grid_ends_with_the_last_descriptor_frame(frames, points):
    features = audio_features(lld_table(frames, a=np.sin))
    assert np.array_equal(features["time"], np.arange(points) / 10)
    assert features["a_mean"].notna().all()


def test_windows_narrower_than_the_hop_may_be_empty_and_then_missing():
    features = audio_features(lld_table(100, a=np.cos), window=0.004)
    assert np.isnan(features["a_mean"][0])
    assert np.isnan(features["a_variance"][0])
    assert features["a_mean"][1:].notna().all()
    assert (features["a_variance"][1:] == 0).all()


def test_no_frames_give_no_rows_but_all_columns():
    features = audio_features(lld_table(0, a=np.sin, b=np.sin))
    assert features.shape == (0, 5)
    assert list(features) == ["time", "a_mean", "b_mean", "a_variance", "b_variance"]


def test_real_speech_gives_130_features_that_pandas_computes_as_well(clips):
    lld = pd.concat(compute_lld(audio_blocks(clips / "grid_bbaf2n.mpg")), ignore_index=True)
    features = audio_features(lld, window=1.0)
    assert features.shape == (30, 131)
    names = descriptor_names()
    assert list(features)[1:] == [f"{n}_{f}" for f in ("mean", "variance") for n in names]
    assert (features.dtypes.iloc[1:] == np.float32).all()
    for row in (0, 12, 29):
        inside = (lld["time"] - features["time"][row]).abs() <= 0.5 + 1e-6
        window = lld.loc[inside, names].astype(np.float64)
        expected = np.concatenate([window.mean(), window.var(ddof=0)])
        np.testing.assert_allclose(features.iloc[row, 1:].astype(float), expected, rtol=1e-6)


def test_chosen_functionals_and_voiced_and_speaking():
    lld = lld_table(500, F0final_sma=lambda t: 100.0 * (t > 2.5), level=lambda t: 3 * t)
    turns = np.array([[1.0, 2.0]])
    features = audio_features(lld, 1.0, turns, "flag", ["slope", "voiced", "p50"])
    names = ["F0final_sma", "level"]
    assert list(features)[1:] == [
        *(f"{name}_slope" for name in names),
        *(f"{name}_p50" for name in names),
        *("voiced", "speaking"),
    ]
    inner = features.set_index("time").loc[0.6:4.2]
    np.testing.assert_allclose(inner["level_slope"], 3, rtol=1e-5)
    np.testing.assert_allclose(inner["level_p50"], 3 * inner.index, rtol=1e-5)
    share = np.clip(inner.index + 0.5 - 2.5, 0, 1)
    np.testing.assert_allclose(inner["voiced"], share, atol=0.011)
    assert (features.dtypes.iloc[1:] == np.float32).all()


def test_voiced_counts_the_subjects_own_speech():
    lld = lld_table(500, F0final_sma=lambda t: 100.0 * (t > 2.5))
    voiced = audio_features(lld, 2.0, np.array([[2.51, 5.0]]), "only", ["voiced"])["voiced"]
    assert (voiced[voiced.notna()] == 1).all()
    whole = audio_features(lld, 2.0, functionals=["voiced"])["voiced"]
    assert whole[25] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("names", [["a", "b"], ["F0final_sma", "F0other"]])
def test_voiced_needs_one_f0(names):
    lld = lld_table(100, **dict.fromkeys(names, np.sin))
    with pytest.raises(InputError, match=r"descriptors of F0 .* \(audio.functionals: voiced\)"):
        audio_features(lld, functionals=["mean", "voiced"])


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_each_feature_set_has_f0(feature_set):
    sound = np.concatenate([voice(1, 220), silence(2)])
    lld = lld_of(sound, feature_set)
    voiced = audio_features(lld, 0.5, functionals=["voiced"])["voiced"]
    assert (voiced[3:7] == 1).all()
    assert (voiced[15:] == 0).all()


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["audio_features", *map(str, arguments)])
    stage.main()


def test_command_line_treats_each_recording_of_a_batch_by_itself(tmp_path, monkeypatch):
    parts = {
        "b": lld_table(400, x=np.sin, y=np.cos),
        "a": lld_table(150, x=np.cos, y=np.sin),
    }
    rows = pd.concat([table.assign(recording=name) for name, table in parts.items()])
    tables.write(rows, lld_schema(["x", "y"]), tmp_path / "lld.parquet")
    output = tmp_path / "features.parquet"
    run(monkeypatch, "--lld", tmp_path / "lld.parquet", "--window", "0.8", "--output", output)

    written = dict(tables.by_recording(output))
    assert list(written) == ["b", "a"]
    for name, lld in parts.items():
        pd.testing.assert_frame_equal(written[name], audio_features(lld, 0.8), check_exact=True)


def test_empty_windows_are_null_in_the_file(tmp_path, monkeypatch):
    lld = lld_table(100, x=np.sin).assign(recording="r")
    tables.write(lld, lld_schema(["x"]), tmp_path / "lld.parquet")
    output = tmp_path / "features.parquet"
    run(monkeypatch, "--lld", tmp_path / "lld.parquet", "--window", "0.004", "--output", output)
    columns = pq.read_table(output)
    assert columns["x_mean"].null_count == columns["x_variance"].null_count == 1
    assert columns["x_mean"][0].as_py() is None


def test_command_line_takes_functionals(tmp_path, monkeypatch):
    lld = lld_table(300, F0=np.sin, x=np.cos)
    tables.write(lld.assign(recording="r"), lld_schema(["F0", "x"]), tmp_path / "lld.parquet")
    output = tmp_path / "features.parquet"
    words = ["--lld", tmp_path / "lld.parquet", "--output", output, "--functionals"]
    run(monkeypatch, *words, "voiced", "range", "sd")
    written = dict(tables.by_recording(output))["r"]
    expected = audio_features(lld, functionals=["voiced", "range", "sd"])
    assert list(written)[1:] == ["F0_range", "x_range", "F0_sd", "x_sd", "voiced"]
    pd.testing.assert_frame_equal(written, expected, check_exact=True)
