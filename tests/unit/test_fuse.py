"""Late fusion: least squares on dev, applied everywhere."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from softaer import fuse, schema, tables
from softaer.errors import InputError
from softaer.fuse import apply_fusion, fit_fusion


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    predictions = np.stack(
        [truth * 0.5 + rng.normal(size=300), truth + rng.normal(size=300)], axis=1
    )
    return truth, predictions + np.array([3.0, -100.0])


def test_agrees_with_scikit_learn(frames):
    truth, predictions = frames
    reference = LinearRegression().fit(predictions, truth)
    coefficients = fit_fusion(truth, predictions)
    np.testing.assert_allclose(coefficients, [reference.intercept_, *reference.coef_], rtol=1e-9)
    np.testing.assert_allclose(
        apply_fusion(coefficients, predictions), reference.predict(predictions), rtol=1e-9
    )


def test_planted_coefficients_are_found(frames):
    _, predictions = frames
    coefficients = fit_fusion(0.25 + predictions @ [0.7, -0.2], predictions)
    np.testing.assert_allclose(coefficients, [0.25, 0.7, -0.2], rtol=1e-9)


def test_no_modality_alone_is_closer_on_the_frames_of_the_fit(frames):
    truth, predictions = frames
    fused = apply_fusion(fit_fusion(truth, predictions), predictions)
    for modality in predictions.T:
        assert ((truth - fused) ** 2).mean() <= ((truth - modality) ** 2).mean()


def test_frames_with_anything_missing_are_left_out(frames):
    truth, predictions = frames
    expected = fit_fusion(truth[3:], predictions[3:])
    truth[0] = np.nan
    predictions[1, 0] = predictions[2, 1] = np.nan
    np.testing.assert_allclose(fit_fusion(truth, predictions), expected, rtol=1e-12)


def test_modalities_that_say_the_same_share_the_weight(frames):
    truth, predictions = frames
    twice = predictions[:, [0, 0]]
    coefficients = fit_fusion(truth, twice)
    alone = fit_fusion(truth, predictions[:, :1])
    np.testing.assert_allclose(coefficients[1:], [alone[1] / 2] * 2, rtol=1e-6)
    np.testing.assert_allclose(
        apply_fusion(coefficients, twice), apply_fusion(alone, predictions[:, :1]), rtol=1e-6
    )


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_frames_still_give_finite_coefficients(frames, count):
    truth, predictions = frames
    coefficients = fit_fusion(truth[:count], predictions[:count])
    assert np.isfinite(coefficients).all()
    np.testing.assert_allclose(apply_fusion(coefficients, predictions[:count]), truth[:count])


def test_constant_predictions_give_the_mean(frames):
    truth, _ = frames
    coefficients = fit_fusion(truth, np.full((300, 2), 0.3))
    assert apply_fusion(coefficients, np.full((1, 2), 0.3))[0] == pytest.approx(truth.mean())


@pytest.mark.parametrize("truth", [np.empty(0), np.full(3, np.nan)])
def test_without_a_frame_there_is_no_fusion(truth):
    with pytest.raises(InputError) as caught:
        fit_fusion(truth, np.zeros((len(truth), 2)))
    assert "dev" in str(caught.value)


PARTITIONS = {"a": "train", "b": "dev", "c": "dev", "d": "test"}


@pytest.fixture
def corpus(tmp_path):
    """Labels, and predictions of two modalities for both targets, in unequal order of rows."""
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{name},s{name},{part},{name}.mp4,{name}.csv" for name, part in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    parts = []
    for name in PARTITIONS:
        table = pd.DataFrame({"recording": name, "time": np.arange(20) / 10})
        table[["m_E", "m_sigma", "f"]] = rng.normal(size=(20, 3)).astype(np.float32)
        parts.append(table)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table, names, tmp_path / "dataset" / f"{name}.parquet")
    labels = pd.concat(parts, ignore_index=True)
    for seed, modality in enumerate(["audio", "video"]):
        table = labels[["recording", "time"]].copy()
        for target in ("E", "sigma"):
            noise = rng.normal(size=len(table))
            table[target] = (labels[f"m_{target}"] * (seed + 1) + noise).astype(np.float32)
        shuffled = table.sample(frac=1, random_state=seed)
        tables.write(shuffled, schema.PREDICTIONS, tmp_path / f"{modality}.parquet")
    return tmp_path, labels


def run(folder, monkeypatch):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--dimension", "m"]
    for target in ("E", "sigma"):
        for modality in ("audio", "video"):
            words += ["--prediction", modality, target, folder / f"{modality}.parquet"]
    words += ["--output", folder / "fused.parquet"]
    words += ["--coefficients-output", folder / "coefficients.parquet"]
    monkeypatch.setattr(sys, "argv", ["fuse", *map(str, words)])
    fuse.main()
    return tables.read(folder / "fused.parquet"), tables.read(folder / "coefficients.parquet")


def test_the_command_line_fits_on_dev_and_predicts_all(corpus, monkeypatch):
    folder, labels = corpus
    fused, coefficients = run(folder, monkeypatch)
    by_frame = labels.set_index(["recording", "time"])
    modalities = [
        tables.read(folder / f"{m}.parquet").set_index(["recording", "time"]).loc[by_frame.index]
        for m in ("audio", "video")
    ]
    dev = by_frame.index.get_level_values("recording").isin(["b", "c"])
    found = fused.set_index(["recording", "time"]).loc[by_frame.index]
    assert len(fused) == 80
    for target in ("E", "sigma"):
        x = np.stack([table[target] for table in modalities], axis=1).astype(float)
        reference = LinearRegression().fit(x[dev], by_frame[f"m_{target}"][dev].astype(float))
        np.testing.assert_allclose(found[target], reference.predict(x), rtol=1e-4, atol=1e-5)
        rows = coefficients[coefficients["target"] == target]
        assert list(rows["term"]) == ["intercept", "audio", "video"]
        np.testing.assert_allclose(
            rows["coefficient"], [reference.intercept_, *reference.coef_], rtol=1e-6, atol=1e-9
        )
        assert set(rows["frames"]) == {40}


def test_labels_outside_dev_do_not_matter(corpus, monkeypatch):
    folder, labels = corpus
    before, _ = run(folder, monkeypatch)
    for name in ("a", "d"):
        table = labels[labels["recording"] == name].assign(m_E=99.0, m_sigma=99.0)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table, names, folder / "dataset" / f"{name}.parquet")
    after, _ = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(before, after)


def test_frames_of_one_modality_only_are_refused(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "video.parquet"
    tables.write(tables.read(path).iloc[5:], schema.PREDICTIONS, path)
    with pytest.raises(InputError) as caught:
        run(folder, monkeypatch)
    for word in ("m E", "75", "80"):
        assert word in str(caught.value)


def test_a_corpus_without_dev_is_refused(corpus, monkeypatch):
    folder, _ = corpus
    table = folder / "recordings.csv"
    table.write_text(table.read_text().replace(",dev,", ",train,"))
    with pytest.raises(InputError) as caught:
        run(folder, monkeypatch)
    assert "dev" in str(caught.value)
