"""Standardisation: the training partition's mean and scale, whatever the size of the numbers."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from softaer import standardisation
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.standardisation import fit_standardisation, standardise


def features(values):
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(values.shape[1])])


@pytest.fixture
def values():
    """Features of unequal offset and scale, some of them missing."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 4)) * [1, 1e-4, 1e3, 2] + [0, 5, -1e6, 1e6]
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("cuts", [[], [250], [1, 2, 3, 490], list(range(10, 500, 10))])
def test_agrees_with_scikit_learn_in_any_number_of_pieces(values, cuts):
    reference = StandardScaler().fit(values)
    table = fit_standardisation(features(part) for part in np.split(values, cuts))
    np.testing.assert_allclose(table["mean"], reference.mean_, rtol=1e-12)
    np.testing.assert_allclose(table["scale"], reference.scale_, rtol=1e-6)
    np.testing.assert_array_equal(table["frames"], (~np.isnan(values)).sum(axis=0))
    np.testing.assert_allclose(
        standardise(values, table), reference.transform(values), rtol=1e-5, atol=1e-5
    )


def test_no_digits_are_lost_far_from_zero():
    ripple = np.tile([0.0, 1.0], 5000)[:, None]
    table = fit_standardisation(features(part) for part in np.split(ripple + 4e6, 100))
    assert table["mean"].item() == pytest.approx(4e6 + 0.5, rel=1e-15)
    assert table["scale"].item() == pytest.approx(0.5, rel=1e-9)


def test_pieces_without_a_feature_do_not_count():
    parts = [np.array([[np.nan, 1.0]]), np.array([[2.0, 3.0], [4.0, np.nan]]), np.empty((0, 2))]
    table = fit_standardisation(map(features, parts))
    assert table["mean"].tolist() == [3, 2]
    assert table["scale"].tolist() == [1, 1]
    assert table["frames"].tolist() == [2, 2]


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.7, 1e6 / 3])
def test_a_constant_feature_becomes_zero(constant):
    column = np.full((1000, 1), constant, dtype=np.float32)
    table = fit_standardisation(features(part) for part in np.array_split(column, 7))
    assert table["scale"].item() == 1
    np.testing.assert_allclose(standardise(column, table), 0, atol=1e-9 * max(1, abs(constant)))


def test_a_feature_that_is_never_there():
    column = np.full((5, 1), np.nan)
    table = fit_standardisation([features(column)])
    assert table[["scale", "frames"]].to_numpy().tolist() == [[1, 0]]
    assert np.isnan(standardise(column, table)).all()


def test_missing_features_stay_missing(values):
    out = standardise(values, fit_standardisation([features(values)]))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values))


def corpus(folder, dev):
    """Two training recordings in one batch with a dev recording whose features are ``dev``."""
    (folder / "recordings.csv").write_text(
        "recording,subject,partition,media,annotations,batch\n"
        "a,s,train,a.mp4,a.csv,x\n"
        "b,t,dev,b.mp4,b.csv,x\n"
        "c,s,train,c.mp4,c.csv,y\n"
        "d,u,test,d.mp4,d.csv,z\n"
        "e,s,train,e.mp4,,x\n"
    )
    rows = {"x": {"a": [1, 2, 3], "b": dev, "e": [1e9]}, "y": {"c": [6, 8]}}
    for batch, recordings in rows.items():
        table = pd.concat(
            pd.DataFrame({"recording": name, "time": np.arange(len(f)) / 10, "f": f})
            for name, f in recordings.items()
        )
        tables.write(table, schema.audio_features(["f"]), folder / "features" / f"{batch}.parquet")


def run(folder, monkeypatch):
    output = folder / "standardisation.parquet"
    words = ["--recordings", folder / "recordings.csv", "--features", folder / "features"]
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words), "--output", str(output)])
    standardisation.main()
    return tables.read(output)


def test_only_rated_recordings_of_the_training_partition_count(tmp_path, monkeypatch):
    found = []
    for dev in ([1e6], [-5, 0, 5]):
        corpus(tmp_path, dev)
        found.append(run(tmp_path, monkeypatch))
    pd.testing.assert_frame_equal(*found)
    train = np.array([1, 2, 3, 6, 8])
    assert found[0]["mean"].item() == pytest.approx(train.mean())
    assert found[0]["scale"].item() == pytest.approx(train.std())
    assert found[0]["frames"].item() == 5


def test_training_recordings_without_any_feature(tmp_path, monkeypatch):
    corpus(tmp_path, [1, 2])
    for batch in ("x", "y"):
        path = tmp_path / "features" / f"{batch}.parquet"
        tables.write(tables.read(path).assign(f=np.nan), schema.audio_features(["f"]), path)
    with pytest.raises(InputError) as caught:
        run(tmp_path, monkeypatch)
    assert "features" in str(caught.value)
    assert not (tmp_path / "standardisation.parquet").exists()
