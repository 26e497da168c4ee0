"""Dataset: features at t stand beside the label at t + delay, and nothing is filled."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import dataset as stage
from softaer.core import cli, schema, tables
from softaer.core.errors import InputError
from softaer.core.targets import feature_columns, target_names
from softaer.dataset import dataset, shift_labels

UNCHANGED = pd.DataFrame({"feature": ["f"], "mean": [0.0], "scale": [1.0], "frames": [1]})


def labels(dimension, time, state, sigma=None):
    sigma = np.zeros(len(time)) if sigma is None else sigma
    return pd.DataFrame({"time": time, "dimension": dimension, "E": state, "sigma": sigma})


def features(time, values):
    return pd.DataFrame({"time": time, "f": np.asarray(values, dtype=np.float32)})


def grid(count):
    return np.arange(count) / 10


@pytest.mark.parametrize("delay", [0.0, 0.1, 2.6, 4.0])
def test_a_label_that_follows_a_feature_by_the_delay_meets_it(delay):
    signal = np.random.default_rng(0).normal(size=120)
    steps = round(delay * 10)
    late = np.concatenate([np.zeros(steps), signal])[:120]
    table = dataset(
        features(grid(120), signal), labels("a", grid(120), late, late**2), {"a": delay}, UNCHANGED
    )
    assert len(table) == 120 - steps
    np.testing.assert_allclose(table["time"], grid(120 - steps))
    np.testing.assert_allclose(table["f"], table["a_E"], rtol=1e-6)
    np.testing.assert_allclose(table["f"] ** 2, table["a_sigma"], rtol=1e-5)


def test_each_dimension_has_its_own_delay():
    number = np.arange(50.0)
    both = pd.concat([labels("a", grid(50), number), labels("b", grid(50), -number)])
    table = shift_labels(both, {"a": 1.0, "b": 2.5})
    np.testing.assert_allclose(table["time"], grid(40))
    np.testing.assert_allclose(table["a_E"], np.arange(10, 50))
    np.testing.assert_allclose(table["b_E"][:25], -np.arange(25, 50))
    assert table.loc[25:, ["b_E", "b_sigma"]].isna().all(axis=None)


def test_labels_before_the_recording_are_dropped():
    table = shift_labels(labels("a", [0.0, 0.1, 0.2, 0.3], [1, 2, 3, 4]), {"a": 0.2})
    assert table["time"].tolist() == [0.0, 0.1]
    assert table["a_E"].tolist() == [3, 4]


def test_frames_without_a_label_are_left_out_not_filled():
    time = np.array([1.0, 1.1, 1.4])
    table = dataset(
        features(grid(30), np.arange(30)), labels("a", time, [1, 2, 3]), {"a": 0.5}, UNCHANGED
    )
    np.testing.assert_allclose(table["time"], [0.5, 0.6, 0.9])
    assert table["a_E"].tolist() == [1, 2, 3]
    assert table["f"].tolist() == [5, 6, 9]


def test_a_frame_rated_in_one_dimension_only_stays():
    both = pd.concat([labels("a", [0.0, 0.1], [1, 2]), labels("b", [0.1, 0.2], [5, 6])])
    table = shift_labels(both, {"a": 0.0, "b": 0.0})
    np.testing.assert_array_equal(table["a_E"], [1, 2, np.nan])
    np.testing.assert_array_equal(table["b_E"], [np.nan, 5, 6])


def test_a_dimension_without_labels_is_missing():
    table = shift_labels(labels("a", [0.0, 0.1], [1, 2]), {"a": 0.0, "b": 0.0})
    assert list(table.columns) == ["time", "a_E", "a_sigma", "b_E", "b_sigma"]
    assert table[["b_E", "b_sigma"]].isna().all(axis=None)


def test_missing_features_stay_missing():
    values = [1, np.nan, 3]
    table = dataset(
        features([0.0, 0.1, 0.3], values), labels("a", grid(5), np.ones(5)), {"a": 0.0}, UNCHANGED
    )
    np.testing.assert_array_equal(table["f"], [1, np.nan, np.nan, 3, np.nan])
    assert table["a_E"].notna().all()


def test_a_recording_without_features_keeps_its_labels():
    nothing = pd.DataFrame({"time": np.empty(0), "f": np.empty(0)})
    table = dataset(nothing, labels("a", grid(3), [1, 2, 3]), {"a": 0.0}, UNCHANGED)
    assert table["a_E"].tolist() == [1, 2, 3]
    assert table["f"].isna().all()


def test_features_are_standardised():
    scaling = pd.DataFrame({"feature": ["f"], "mean": [10.0], "scale": [2.0], "frames": [1]})
    table = dataset(
        features(grid(3), [8, 10, 14]), labels("a", grid(3), np.ones(3)), {"a": 0}, scaling
    )
    assert table["f"].tolist() == [-1, 0, 2]
    assert table["f"].dtype == np.float32


@pytest.mark.parametrize("delay", [0.05, 3.99, 1 / 3])
def test_a_delay_between_grid_points_is_refused(delay):
    with pytest.raises(InputError) as caught:
        shift_labels(labels("valence", grid(3), np.ones(3)), {"valence": delay})
    for word in ("'valence'", f"{delay:g}", "0.1"):
        assert word in str(caught.value)


@pytest.mark.parametrize("delay", [k / 10 for k in range(0, 70, 3)])
def test_delays_are_exact_to_the_frame(delay):
    number = np.arange(100.0)
    table = shift_labels(labels("a", grid(100), number), {"a": delay})
    assert table["a_E"].iloc[0] == round(delay * 10)


def test_a_delay_longer_than_the_recording_leaves_nothing():
    assert len(shift_labels(labels("a", grid(5), np.ones(5)), {"a": 4.0})) == 0


@pytest.mark.parametrize("estimated", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
def test_the_command_line(tmp_path, monkeypatch, shuffled, estimated):
    feature_rows = pd.concat(
        [
            features(grid(4), [1, 2, 3, 4]).assign(recording="one"),
            features(grid(2), [7, 8]).assign(recording="two"),
        ]
    )
    label_rows = pd.concat(
        [
            labels("a", grid(4), [0, 0.1, 0.2, 0.3]).assign(recording="one", raters=2),
            labels("b", grid(4), [1, 1.1, 1.2, 1.3]).assign(recording="one", raters=2),
            labels("a", grid(2), [5, 6]).assign(recording="two", raters=2),
            labels("a", grid(3), [8, 9, 10]).assign(recording="soundless", raters=2),
            labels("a", grid(1), [8]).assign(recording="too-short", raters=2),
        ]
    )
    if shuffled:
        label_rows = label_rows.groupby("recording", sort=False).sample(frac=1, random_state=3)
    tables.write(feature_rows, schema.audio_features(["f"]), tmp_path / "features.parquet")
    tables.write(label_rows, schema.LABELS, tmp_path / "labels.parquet")
    tables.write(UNCHANGED, schema.STANDARDISATION, tmp_path / "standardisation.parquet")
    output = tmp_path / "dataset.parquet"
    words = ["--delay", "a", 0.1, "--delay", "b", 0.2]
    if estimated:
        rows = [("a", 0.0, None, False), ("a", 0.1, 0.5, True), ("b", 0.1, 0.2, False)]
        curves = pd.DataFrame([*rows, ("b", 0.2, 0.3, True)], columns=schema.ANNOTATION_DELAY.names)
        tables.write(curves, schema.ANNOTATION_DELAY, tmp_path / "delays.parquet")
        words = ["--delay-table", tmp_path / "delays.parquet"]
    words += ["--output", output]
    for name in ("features", "labels", "standardisation"):
        words += [f"--{name}", tmp_path / f"{name}.parquet"]
    monkeypatch.setattr(sys, "argv", ["dataset", *map(str, words)])
    stage.main()
    table = tables.read(output)
    assert list(table.columns) == ["recording", "time", "a_E", "a_sigma", "b_E", "b_sigma", "f"]
    assert list(dict.fromkeys(table["recording"])) == ["one", "two", "soundless"]
    one = table[table["recording"] == "one"]
    np.testing.assert_allclose(one["time"], grid(3))
    np.testing.assert_allclose(one["a_E"], [0.1, 0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(one["b_E"], [1.2, 1.3, np.nan], rtol=1e-6)
    assert one["f"].tolist() == [1, 2, 3]
    soundless = table[table["recording"] == "soundless"]
    assert soundless["a_E"].tolist() == [9, 10]
    assert soundless["f"].isna().all()


@pytest.mark.parametrize("words", [[], ["--delay", "a", "1", "--delay-table", "delays.parquet"]])
def test_delays_are_given_in_one_way(words, capsys):
    arguments = cli.parser("Stage.")
    cli.add_delays(arguments)
    with pytest.raises(SystemExit):
        arguments.parse_args(words)
    assert "--delay-table" in capsys.readouterr().err


def test_targets_and_features_are_told_apart_by_their_columns():
    names = target_names(["arousal", "my-E"])
    assert names == ["arousal_E", "arousal_sigma", "my-E_E", "my-E_sigma"]
    assert feature_columns(["recording", "time", *names, "x", "loud_E"]) == ["x", "loud_E"]
