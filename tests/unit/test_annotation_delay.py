"""Delay of the annotations: planted in features, and found in a real stimulus."""

import argparse
import itertools
import sys

import av
import numpy as np
import pandas as pd
import pytest

from softaer import annotation_delay
from softaer.annotation_delay import choose_delay, delay_curve, on_grid, read_features
from softaer.core import cli, schema, tables
from softaer.core.errors import InputError
from softaer.corpus import Recording
from softaer.labels import label

NAN = np.nan
MAX_DELAY = 8.0


def smooth_noise(rng, count, width=10):
    kernel = np.hanning(2 * width + 1)
    noise = np.convolve(rng.standard_normal(count + 2 * width), kernel, mode="valid")
    return noise / np.sqrt((kernel**2).sum())


def planted(rng, delay, length=300, noise=0.3, others=2):
    """Features, one of which says what the label will be after a delay, and the label."""
    steps = round(delay * 10)
    state = smooth_noise(rng, length + steps)
    label = state[:length]
    told = state[steps : steps + length]
    columns = [told + noise * smooth_noise(rng, length)]
    columns += [smooth_noise(rng, length) for _ in range(others)]
    return np.stack(columns, axis=1), label


def found(curve):
    return np.nanargmax(curve) / 10


@pytest.mark.parametrize("delay", [0.0, 0.4, 2.5, 4.0, 7.9, 8.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_delay_is_recovered(delay, seed):
    rng = np.random.default_rng(seed)
    features, labels = zip(*(planted(rng, delay) for _ in range(4)), strict=True)
    curve = delay_curve(features, labels, ["a", "b", "c", "d"], MAX_DELAY)
    assert len(curve) == 81
    assert found(curve) == delay
    assert curve.max() > 0.8


def test_agrees_with_a_ridge_regression_by_hand():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(3)
    features, labels = zip(*(planted(rng, 1.0, length=n) for n in (90, 120, 70)), strict=True)
    groups = np.array(["a", "b", "b"])
    curve = delay_curve(features, labels, list(groups), max_delay=2.0, penalty=0.3)
    for steps in (0, 7, 10, 20):
        x = [f[: len(f) - 20] for f in features]
        y = [e[steps : len(e) - 20 + steps] for e in labels]
        out = [None] * 3
        for left_out in "ab":
            train = [i for i in range(3) if groups[i] != left_out]
            frames = sum(len(x[i]) for i in train)
            ridge = Ridge(alpha=0.3 * frames).fit(
                np.concatenate([x[i] for i in train]), np.concatenate([y[i] for i in train])
            )
            for i in np.flatnonzero(groups == left_out):
                out[i] = ridge.predict(x[i])
        expected = np.corrcoef(np.concatenate(out), np.concatenate(y))[0, 1]
        assert curve[steps] == pytest.approx(expected, abs=1e-9)


def test_frames_with_missing_features_or_labels_are_left_out():
    rng = np.random.default_rng(0)
    features, labels = zip(*(planted(rng, 2.0) for _ in range(4)), strict=True)
    for f, e in zip(features, labels, strict=True):
        f[rng.integers(0, 300, 20), rng.integers(0, 3, 20)] = NAN
        e[50:60] = NAN
    features[0][:] = NAN
    curve = delay_curve(features, labels, ["a", "b", "c", "d"], MAX_DELAY)
    assert np.isfinite(curve).all()
    assert found(curve) == 2.0
    without = delay_curve(features[1:], labels[1:], ["b", "c", "d"], MAX_DELAY)
    np.testing.assert_allclose(curve, without, atol=1e-12)


def test_features_and_labels_of_unequal_length():
    rng = np.random.default_rng(0)
    features, labels = zip(*(planted(rng, 2.0) for _ in range(4)), strict=True)
    cut = [features[0][:150], features[1], features[2], features[3][:290]]
    shorter = [labels[0], labels[1][:200], labels[2], labels[3]]
    assert found(delay_curve(cut, shorter, ["a", "b", "c", "d"], MAX_DELAY)) == 2.0


def test_what_only_identifies_a_subject_does_not_help():
    """Subjects differ in mean; a feature that tells them apart says nothing of a new one."""
    rng = np.random.default_rng(1)
    subjects = np.repeat(np.arange(6), 2)
    offset = rng.normal(size=6) * 3
    features = [np.eye(6)[s] + 0.01 * rng.standard_normal((200, 6)) for s in subjects]
    labels = [offset[s] + smooth_noise(rng, 200) for s in subjects]
    groups = [f"s{s}" for s in subjects]
    assert delay_curve(features, labels, groups, 4.0).max() < 0.2
    by_recording = [f"rec{i}" for i in range(12)]
    assert delay_curve(features, labels, by_recording, 4.0).min() > 0.8


def test_with_one_subject_recordings_are_left_out():
    rng = np.random.default_rng(0)
    features, labels = zip(*(planted(rng, 1.0) for _ in range(3)), strict=True)
    alone = delay_curve(features, labels, ["a"] * 3, MAX_DELAY)
    np.testing.assert_array_equal(alone, delay_curve(features, labels, ["x", "y", "z"], MAX_DELAY))
    assert found(alone) == 1.0


def test_one_recording_says_nothing():
    features, labels = planted(np.random.default_rng(0), 1.0)
    assert np.isnan(delay_curve([features], [labels], ["a"], MAX_DELAY)).all()


def test_noise_correlates_with_nothing():
    rng = np.random.default_rng(0)
    features = [rng.standard_normal((400, 3)) for _ in range(6)]
    labels = [rng.standard_normal(400) for _ in range(6)]
    assert np.abs(delay_curve(features, labels, list("abcdef"), MAX_DELAY)).max() < 0.15


@pytest.mark.parametrize("length", [80, 3])
def test_recordings_shorter_than_the_largest_delay(length):
    rng = np.random.default_rng(0)
    features, labels = zip(*(planted(rng, 1.0, length=length) for _ in range(3)), strict=True)
    with pytest.raises(InputError) as caught:
        delay_curve(features, labels, ["a", "b", "c"], MAX_DELAY)
    for word in ("8 s", "longer"):
        assert word in str(caught.value)


def test_a_short_recording_among_longer_ones_is_left_out():
    rng = np.random.default_rng(0)
    features, labels = zip(*(planted(rng, 1.0) for _ in range(3)), strict=True)
    expected = delay_curve(features, labels, ["a", "b", "c"], MAX_DELAY)
    short = planted(rng, 1.0, length=40)
    curve = delay_curve([*features, short[0]], [*labels, short[1]], ["a", "b", "c", "d"], MAX_DELAY)
    np.testing.assert_array_equal(curve, expected)


SUBJECTS = ["a", "b", "c", "d"]


def corpus_of(delay, seed=0, count=4, **more):
    rng = np.random.default_rng(seed)
    return zip(*(planted(rng, delay, **more) for _ in range(count)), strict=True)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.4, 2.5, 7.9])
def test_a_delay_that_can_be_trusted_is_taken(delay):
    features, labels = corpus_of(delay, length=600)
    curve, best = choose_delay(features, labels, SUBJECTS, MAX_DELAY)
    np.testing.assert_array_equal(curve, delay_curve(features, labels, SUBJECTS, MAX_DELAY))
    assert best / 10 == delay


def test_a_weak_delay_is_taken_where_recordings_are_long():
    features, labels = corpus_of(2.0, length=3000, noise=2.5)
    curve, best = choose_delay(features, labels, SUBJECTS, MAX_DELAY)
    assert curve[best] < 0.5
    assert abs(best / 10 - 2.0) <= 0.3


def refusal(features, labels, max_delay=MAX_DELAY):
    with pytest.raises(InputError) as caught:
        choose_delay(features, labels, SUBJECTS[: len(features)], max_delay)
    return str(caught.value)


@pytest.mark.parametrize("levels", [[0.3] * 4, [0.1, 0.2, -0.3, 0.4]], ids=["one", "several"])
def test_constant_labels_are_told(levels):
    features, labels = corpus_of(2.0)
    constant = [np.where(np.arange(300) % 50, level, NAN) for level in levels]
    assert "constant in every recording" in refusal(features, constant)
    constant[2] = labels[2]
    assert "constant" not in refusal(features, constant)


def test_features_that_tell_nothing_are_told():
    """Where the best delay lies at an end by chance, that is told instead."""
    told = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        features = [np.stack([smooth_noise(rng, 400) for _ in range(3)], axis=1) for _ in SUBJECTS]
        told.append(refusal(features, [smooth_noise(rng, 400) for _ in SUBJECTS]))
    little = [text for text in told if "too poorly" in text and "chance" in text]
    ends = [text for text in told if "end of the search" in text or "below 0" in text]
    assert len(little) + len(ends) == 20
    assert len(little) >= 10


def test_what_only_identifies_a_recording_says_nothing_of_its_delay():
    """The level of every recording is known, what happens in it is not."""
    rng = np.random.default_rng(4)
    features, labels = [], []
    for level in rng.normal(size=8) * 3:
        features.append(level + 0.1 * rng.standard_normal((300, 2)))
        labels.append(level + smooth_noise(rng, 300))
    groups = [f"s{k}" for k in range(8)]
    assert delay_curve(features, labels, groups, MAX_DELAY).max() > 0.8
    with pytest.raises(InputError, match="within recordings"):
        choose_delay(features, labels, groups, MAX_DELAY)


@pytest.mark.parametrize("delay", [3.0, 3.4])
def test_an_optimum_at_the_end_of_the_search_is_told(delay):
    features, labels = corpus_of(delay, length=600)
    text = refusal(features, labels, 3.0)
    for word in ("from 0 to 3.0 s", "at 0 s", "at the end", "'max_delay'"):
        assert word in text
    assert choose_delay(features, labels, SUBJECTS, 5.0)[1] / 10 == delay


@pytest.mark.parametrize("lead", [0.2, 0.5, 0.8, 1.0])
def test_labels_that_come_first_are_told(lead):
    """Shifted too far by somebody: the best delay of those from 0 on is 0, and wrong."""
    steps = round(lead * 10)
    features, labels = corpus_of(0.0, length=600)
    early = [e[steps:] for e in labels]
    text = refusal([f[: len(e)] for f, e in zip(features, early, strict=True)], early)
    for word in ("below 0", "0 to 8.0 s", f"{-lead:.1f} s"):
        assert word in text


def test_labels_that_were_shifted_already_have_a_delay_of_zero():
    features, labels = corpus_of(4.0, length=600)
    shifted = [e[40:] for e in labels]
    assert choose_delay(features, shifted, SUBJECTS, MAX_DELAY)[1] == 0


def test_rows_are_laid_out_on_the_grid():
    np.testing.assert_array_equal(
        on_grid(np.array([0.1, 0.3]), np.array([5.0, 6.0])), [NAN, 5, NAN, 6]
    )
    matrix = on_grid(np.array([0.1]), np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(matrix, [[NAN, NAN], [1, 2]])
    assert on_grid(np.empty(0), np.empty((0, 2))).shape == (0, 2)


def green(path):
    """Mean green over a grid of pixels of every third frame (BT.601), and times [s]."""
    time, value = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in itertools.islice(container.decode(stream), None, None, 3):
            assert frame.format.name == "yuv420p"
            y, u, v = (
                np.frombuffer(plane, np.uint8)
                .reshape(-1, plane.line_size)[: plane.height : 8, : plane.width : 8]
                .mean()
                for plane in frame.planes
            )
            time.append(frame.time)
            value.append(1.164 * (y - 16) - 0.813 * (v - 128) - 0.391 * (u - 128))
    return np.array(time), np.array(value)


def test_the_delay_of_real_raters_from_their_stimulus(booth):
    folder = booth / "TaskB" / "annotations_10hz"
    traces = [pd.read_csv(folder / f"TaskB_ann{k}.csv")["Data"] for k in range(1, 11)]
    ratings = pd.concat(
        pd.DataFrame({"time": np.arange(len(t)) / 10, "rater": f"r{k}", "value": t})
        for k, t in enumerate(traces)
    )
    emotion = label(ratings)[0]["E"].to_numpy()
    time, value = green(booth / "TaskB" / "TaskB.mp4")
    assert time[-1] > 170
    feature = np.interp(np.arange(len(emotion)) / 10, time, value)
    feature = ((feature - feature.mean()) / feature.std())[:, None]
    parts = 4
    curve = delay_curve(
        np.array_split(feature, parts), np.array_split(emotion, parts), list("abcd"), MAX_DELAY
    )
    assert abs(found(curve) - 0.4) <= 0.2
    assert np.nanmax(curve) > 0.9


DELAYS = {"arousal": 1.2, "valence": 3.0}
PARTITIONS = {"a": "train", "b": "train", "c": "train", "d": "test"}


@pytest.fixture
def corpus(tmp_path):
    """Two modalities, each of which shows one dimension; the test recording contradicts."""
    rng = np.random.default_rng(4)
    lines = ["recording,subject,partition,media,annotations,batch"]
    lines += [
        f"{name},s{name},{part},{name}.mp4,{name}.csv,{'one' if name < 'c' else 'two'}"
        for name, part in PARTITIONS.items()
    ]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    length = 260
    time = np.arange(length) / 10
    features = {"audio": [], "video": []}
    labels = []
    for name in PARTITIONS:
        for modality, (dimension, delay) in zip(features, DELAYS.items(), strict=True):
            shown, emotion = planted(rng, 0.1 if name == "d" else delay, length, others=1)
            values = (shown * 7 + 100).astype(np.float32)
            table = pd.DataFrame({"recording": name, "time": time})
            table[[f"{modality}1", f"{modality}2"]] = values
            features[modality].append(table.iloc[2 : 250 if modality == "audio" else 260])
            table = pd.DataFrame({"recording": name, "time": time, "dimension": dimension})
            labels.append(table.assign(E=emotion, sigma=0.1, raters=3))
    labels = pd.concat(labels).astype({"raters": "int32"})
    for modality, parts in features.items():
        names = [f"{modality}1", f"{modality}2"]
        for batch, some in {"one": parts[:2], "two": parts[2:]}.items():
            path = tmp_path / modality / f"{batch}.parquet"
            tables.write(pd.concat(some), schema.audio_features(names), path)
        scale = pd.DataFrame({"feature": names, "mean": 100.0, "scale": 7.0, "frames": 500})
        tables.write(scale, schema.STANDARDISATION, tmp_path / f"{modality}.parquet")
    for batch, some in {"one": ["a", "b"], "two": ["c", "d"]}.items():
        rows = labels[labels["recording"].isin(some)]
        tables.write(rows, schema.LABELS, tmp_path / "labels" / f"{batch}.parquet")
    return tmp_path


def run(folder, monkeypatch, max_delay=MAX_DELAY):
    words = ["--recordings", folder / "recordings.csv", "--labels", folder / "labels"]
    words += ["--features", folder / "audio", folder / "video"]
    words += ["--standardisations", folder / "audio.parquet", folder / "video.parquet"]
    words += ["--dimensions", *DELAYS, "--output", folder / "delay.parquet"]
    words += ["--max-delay", max_delay]
    monkeypatch.setattr(sys, "argv", ["annotation_delay", *map(str, words)])
    annotation_delay.main()
    return tables.read(folder / "delay.parquet")


def test_the_command_line_finds_a_delay_for_each_dimension(corpus, monkeypatch):
    table = run(corpus, monkeypatch)
    tables.conform(table, schema.ANNOTATION_DELAY)
    for dimension, delay in DELAYS.items():
        rows = table[table["dimension"] == dimension]
        np.testing.assert_array_equal(rows["delay"], np.arange(81) / 10)
        assert rows["chosen"].sum() == 1
        assert rows.loc[rows["chosen"], "delay"].item() == delay
        assert rows.loc[rows["chosen"], "correlation"].item() == rows["correlation"].max()


def test_later_stages_read_the_delays_from_the_table(corpus, monkeypatch):
    run(corpus, monkeypatch, 5)
    arguments = argparse.ArgumentParser()
    cli.add_delays(arguments)
    options = arguments.parse_args(["--delay-table", str(corpus / "delay.parquet")])
    assert cli.delays(options) == DELAYS


def test_features_of_all_modalities_side_by_side_and_standardised(corpus):
    values = read_features(
        Recording("b", "one"),
        [corpus / "audio", corpus / "video"],
        [corpus / "audio.parquet", corpus / "video.parquet"],
    )
    assert values.shape == (250, 4)
    assert np.isnan(values[:2]).all()
    raw = tables.read(corpus / "video" / "one.parquet").query("recording == 'b'")
    np.testing.assert_allclose(values[2:, 2], (raw["video1"][:248] - 100) / 7, rtol=1e-4, atol=1e-5)


def test_a_delay_that_cannot_be_estimated_is_an_error(corpus, monkeypatch):
    path = corpus / "recordings.csv"
    path.write_text(
        path.read_text().replace("b,sb,train", "b,sb,dev").replace("c,sc,train", "c,sc,dev")
    )
    with pytest.raises(InputError) as caught:
        run(corpus, monkeypatch)
    for word in ("'arousal'", "1", "two", "'delay'"):
        assert word in str(caught.value)
    assert not (corpus / "delay.parquet").exists()


def test_a_delay_that_cannot_be_trusted_is_named_with_its_dimension(corpus, monkeypatch):
    with pytest.raises(InputError) as caught:
        run(corpus, monkeypatch, 2.0)
    for word in ("'valence'", "2.0 s", "'max_delay'", "'delay'"):
        assert word in str(caught.value)
    assert not (corpus / "delay.parquet").exists()


def test_a_dimension_that_some_recordings_lack(corpus, monkeypatch):
    path = corpus / "labels/one.parquet"
    table = tables.read(path)
    lacking = (table["recording"] == "a") & (table["dimension"] == "arousal")
    tables.write(table[~lacking], schema.LABELS, path)
    table = run(corpus, monkeypatch)
    assert table.loc[table["chosen"], "delay"].tolist() == list(DELAYS.values())
