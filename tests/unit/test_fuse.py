"""Late fusion: least squares on dev, applied everywhere, and estimated out of fold."""

import sys
from dataclasses import replace

import coverage_tables
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from softaer import fuse as stage
from softaer.core import schema, tables
from softaer.core.correction import Search, Trace, apply_chain, possible
from softaer.core.errors import InputError
from softaer.core.experiment import Postprocessing
from softaer.core.late_fusion import fit_fusion
from softaer.fuse import apply_fusion, combine, fuse


def test_with_all_modalities_the_combination_is_the_fusion(frames):
    truth, predictions = frames
    coefficients = fit_fusion(truth, predictions)
    found = combine(coefficients, list(predictions.T))
    assert found.tobytes() == apply_fusion(coefficients, predictions).tobytes()


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([1, 0], 1.0),
        ([0, 1], 2.0),
        ([1, 0, 0], 1.0),
        ([0, 1, 1], 3.0),
        ([1, 1, 0], 1.5),
        ([1, 0, 1], 2.5),
        ([1, 1, 1], 7.0 + 10 * 1 + 20 * 2 + 30 * 4),
        ([1, 1], 7.0 + 10 * 1 + 20 * 2),
    ],
)
def test_some_modalities_are_averaged_without_coefficients(there, expected):
    values = [1.0, 2.0, 4.0]
    coefficients = np.array([7.0, 10.0, 20.0, 30.0])[: 1 + len(there)]
    predictions = [np.full(3, v) if here else None for v, here in zip(values, there, strict=False)]
    np.testing.assert_array_equal(combine(coefficients, predictions), np.full(3, expected))


def test_without_a_fusion_all_modalities_are_averaged():
    np.testing.assert_array_equal(combine(None, [np.zeros(2), np.ones(2)]), [0.5, 0.5])


STEPS = ["median_filter", "centring", "scaling", "time_shift"]
SUBJECT = {"t": "x", "d1": "one", "d2": "two", "d3": "three", "d4": "two", "e": "y"}


def is_dev(trace):
    return trace.recording.startswith("d")


no_steps = Postprocessing(steps=())
all_steps = Postprocessing(median_windows=(0.5, 1.0), max_shift=1.0)


def fitted(traces, search):
    return Search(traces, search).chain()


@pytest.fixture
def modalities():
    """Two modalities that are late, off and too flat; four recordings of three subjects in dev."""
    rng = np.random.default_rng(5)
    traces = {"audio": [], "video": []}
    for recording, subject in SUBJECT.items():
        label = np.convolve(rng.normal(size=160), np.hanning(25) / 5, "valid")
        for late, some in enumerate(traces.values(), start=2):
            noise = rng.normal(size=len(label)) * 0.3
            prediction = 0.4 * np.roll(label, late) + noise + 0.5 * late
            some.append(Trace(recording, subject, prediction, label))
    return traces


def changed(modalities, subject, **changes):
    """Traces with other values for one subject."""
    return {
        modality: [
            replace(t, **{name: change(t) for name, change in changes.items()})
            if t.subject == subject
            else t
            for t in traces
        ]
        for modality, traces in modalities.items()
    }


def of_dev(traces, column):
    return np.concatenate([getattr(t, column) for t in traces if is_dev(t)])


def test_without_steps_the_fusion_is_a_linear_regression_on_dev(modalities):
    found = fuse(modalities, is_dev, no_steps)
    coefficients, fused = found.coefficients, found.fused
    x = np.stack([of_dev(traces, "prediction") for traces in modalities.values()], axis=1)
    reference = LinearRegression().fit(x, of_dev(modalities["audio"], "label"))
    np.testing.assert_allclose(coefficients, [reference.intercept_, *reference.coef_], rtol=1e-9)
    for number, one in enumerate(fused):
        inputs = np.stack([t[number].prediction for t in modalities.values()], axis=1)
        np.testing.assert_allclose(one, reference.predict(inputs), rtol=1e-9)


@pytest.mark.parametrize("subject", ["one", "two", "three"])
def test_out_of_fold_without_steps_is_a_regression_on_the_other_subjects(modalities, subject):
    out_of_fold = fuse(modalities, is_dev, no_steps).out_of_fold
    others = {
        modality: [t for t in traces if t.subject != subject]
        for modality, traces in modalities.items()
    }
    x = np.stack([of_dev(traces, "prediction") for traces in others.values()], axis=1)
    reference = LinearRegression().fit(x, of_dev(others["audio"], "label"))
    for number, (recording, owner) in enumerate(SUBJECT.items()):
        if owner == subject:
            assert recording.startswith("d")
            inputs = np.stack([t[number].prediction for t in modalities.values()], axis=1)
            np.testing.assert_allclose(
                out_of_fold[number], reference.predict(inputs), rtol=1e-9, atol=1e-12
            )


@pytest.mark.parametrize("chain", [no_steps, all_steps])
@pytest.mark.parametrize("subject", ["one", "two", "three"])
def test_labels_of_a_subject_do_not_reach_its_own_estimate(modalities, chain, subject):
    wild = changed(modalities, subject, label=lambda t: 1e3 - 50 * t.label[::-1])
    before, after = fuse(modalities, is_dev, chain), fuse(wild, is_dev, chain)
    assert not np.allclose(before.coefficients, after.coefficients)
    for number, (recording, owner) in enumerate(SUBJECT.items()):
        if owner == subject:
            np.testing.assert_array_equal(before.out_of_fold[number], after.out_of_fold[number])
        elif recording.startswith("d"):
            assert not np.allclose(before.out_of_fold[number], after.out_of_fold[number])


@pytest.mark.parametrize("chain", [no_steps, all_steps])
@pytest.mark.parametrize("subject", ["x", "y"])
def test_nothing_outside_dev_reaches_it(modalities, chain, subject):
    wild = changed(
        modalities,
        subject,
        label=lambda t: -9 * t.label + 7,
        prediction=lambda t: t.prediction[::-1] * 30,
    )
    before, after = fuse(modalities, is_dev, chain), fuse(wild, is_dev, chain)
    np.testing.assert_array_equal(before.coefficients, after.coefficients)
    for number, owner in enumerate(SUBJECT.values()):
        if owner != subject:
            np.testing.assert_array_equal(before.fused[number], after.fused[number])
            np.testing.assert_array_equal(before.out_of_fold[number], after.out_of_fold[number])


def test_outside_dev_there_is_nothing_to_leave_out(modalities):
    found = fuse(modalities, is_dev, all_steps)
    fused, out_of_fold = found.fused, found.out_of_fold
    for number, recording in enumerate(SUBJECT):
        same = np.array_equal(fused[number], out_of_fold[number])
        assert same == (not recording.startswith("d"))


def test_each_modality_is_corrected_before_the_fusion(modalities):
    found = fuse(modalities, is_dev, all_steps)
    coefficients, fused = found.coefficients, found.fused
    corrected = []
    for traces in modalities.values():
        chain = fitted([t for t in traces if is_dev(t)], all_steps)
        assert chain, "a step that helps"
        corrected.append([apply_chain(chain, t.prediction) for t in traces])
    dev = [number for number, t in enumerate(modalities["audio"]) if is_dev(t)]
    x = np.stack([np.concatenate([part[i] for i in dev]) for part in corrected], axis=1)
    reference = LinearRegression().fit(x, of_dev(modalities["audio"], "label"))
    np.testing.assert_allclose(coefficients, [reference.intercept_, *reference.coef_], rtol=1e-9)
    inputs = np.stack([part[-1] for part in corrected], axis=1)
    np.testing.assert_allclose(fused[-1], reference.predict(inputs), rtol=1e-9)


def test_with_a_single_subject_in_dev_there_is_no_estimate(modalities):
    alone = {
        modality: [t for t in traces if t.subject in ("x", "two", "y")]
        for modality, traces in modalities.items()
    }
    found = fuse(alone, is_dev, all_steps)
    assert np.isfinite(found.coefficients).all()
    for trace, one, other in zip(alone["audio"], found.fused, found.out_of_fold, strict=True):
        assert np.isfinite(one).all()
        assert np.isnan(other).all() == is_dev(trace)


def third(modalities):
    """The same with a third modality."""
    rng = np.random.default_rng(6)
    more = [
        replace(t, prediction=t.label + 0.5 * rng.normal(size=len(t.label)))
        for t in modalities["audio"]
    ]
    return modalities | {"text": more}


def spoilt(modalities, absent):
    """Other predictions where a recording lacks the modality."""
    return {
        m: [
            replace(t, prediction=1e4 - t.prediction) if (m, t.recording) in absent else t
            for t in ts
        ]
        for m, ts in modalities.items()
    }


ABSENT = [
    {("video", "e")},
    {("video", "d1"), ("audio", "e")},
    {("video", "d1"), ("audio", "d3"), ("video", "t")},
]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.parametrize("chain", [no_steps, all_steps])
def test_what_a_network_says_without_features_reaches_nothing(modalities, absent, chain, count):
    modalities = third(modalities) if count == 3 else modalities
    before = fuse(modalities, is_dev, chain, absent=absent)
    after = fuse(spoilt(modalities, absent), is_dev, chain, absent=absent)
    np.testing.assert_array_equal(before.coefficients, after.coefficients)
    for parts, others in zip(before[2:], after[2:], strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), np.concatenate(others))
    assert np.isfinite(np.concatenate(before.fused)).all()
    # The control: where it counts, it reaches the fusion.
    believed = fuse(spoilt(modalities, absent), is_dev, chain)
    assert not np.allclose(np.concatenate(believed.fused), np.concatenate(before.fused))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("chain", [no_steps, all_steps])
def test_a_recording_that_lacks_a_modality_is_predicted_by_the_others(modalities, chain, count):
    modalities = third(modalities) if count == 3 else modalities
    absent = {("video", "e"), ("video", "d1")}
    found = fuse(modalities, is_dev, chain, absent=absent)
    fused, out_of_fold = found.fused, found.out_of_fold
    numbers = {name: i for i, name in enumerate(SUBJECT)}

    def alone(name, left_out=None):
        parts = []
        for modality, traces in modalities.items():
            if modality != "video":
                steps = fitted([t for t in traces if is_dev(t) and t.subject != left_out], chain)
                parts.append(apply_chain(steps, traces[numbers[name]].prediction))
        return np.mean(parts, axis=0)

    np.testing.assert_array_equal(fused[numbers["e"]], alone("e"))
    np.testing.assert_array_equal(fused[numbers["d1"]], alone("d1"))
    np.testing.assert_array_equal(out_of_fold[numbers["e"]], alone("e"))
    np.testing.assert_allclose(out_of_fold[numbers["d1"]], alone("d1", left_out="one"), rtol=1e-12)


def test_chains_and_coefficients_are_fitted_on_recordings_that_have_the_modality(modalities):
    """As if the others did not belong to dev: for a chain its modality, for the fusion all."""
    absent = {("video", "d1")}
    found = fuse(modalities, is_dev, all_steps, absent=absent)
    coefficients, fused = found.coefficients, found.fused
    columns = {}
    for modality, traces in modalities.items():
        fit_on = [t for t in traces if is_dev(t) and (modality, t.recording) not in absent]
        columns[modality] = [apply_chain(fitted(fit_on, all_steps), t.prediction) for t in traces]
    whole = [i for i, name in enumerate(SUBJECT) if name in ("d2", "d3", "d4")]
    x = np.stack([np.concatenate([c[i] for i in whole]) for c in columns.values()], axis=1)
    y = np.concatenate([modalities["audio"][i].label for i in whole])
    np.testing.assert_allclose(coefficients, fit_fusion(y, x), rtol=1e-12)
    inputs = np.stack([c[0] for c in columns.values()], axis=1)
    np.testing.assert_array_equal(fused[0], apply_fusion(coefficients, inputs))


def test_without_absences_nothing_has_changed(modalities):
    for chain in (no_steps, all_steps):
        before = fuse(modalities, is_dev, chain)
        after = fuse(modalities, is_dev, chain, absent=set())
        for parts, others in zip(before, after, strict=True):
            np.testing.assert_array_equal(np.hstack(parts), np.hstack(others))


def test_a_recording_that_lacks_everything_has_no_prediction(modalities):
    absent = {("audio", "d1"), ("video", "d1"), ("audio", "e"), ("video", "e")}
    found = fuse(modalities, is_dev, all_steps, absent=absent)
    fused, out_of_fold = found.fused, found.out_of_fold
    for name, one, other in zip(SUBJECT, fused, out_of_fold, strict=True):
        assert np.isnan(one).all() == np.isnan(other).all() == (name in ("d1", "e"))


def test_a_fold_without_anybody_who_has_all_modalities_has_no_estimate(modalities):
    absent = {("video", name) for name in ("d1", "d3")}
    found = fuse(modalities, is_dev, all_steps, absent=absent)
    fused, out_of_fold = found.fused, found.out_of_fold
    for name, one, other in zip(SUBJECT, fused, out_of_fold, strict=True):
        assert np.isfinite(one).all()
        assert np.isnan(other).all() == (name in ("d2", "d4"))


def test_a_dev_in_which_nobody_has_all_modalities_is_refused(modalities):
    absent = {("video", name) for name in ("d1", "d2")}
    absent |= {("audio", name) for name in ("d3", "d4")}
    with pytest.raises(InputError) as caught:
        fuse(modalities, is_dev, all_steps, absent=absent)
    for word in ("dev", "audio, video", "'modalities'"):
        assert word in str(caught.value)


PARTITIONS = {"a": "train", "b": "dev", "c": "dev", "d": "test"}


@pytest.fixture
def corpus(tmp_path):
    """Labels, and predictions of two modalities for both targets."""
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
        tables.write(table, schema.PREDICTIONS, tmp_path / f"{modality}.parquet")
    return tmp_path, labels


def run(folder, monkeypatch, *search, without=None, present=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--dimension", "m"]
    for modality in ("audio", "video"):
        words += ["--prediction", modality, folder / f"{modality}.parquet"]
    words += search
    coverage = coverage_tables.write(
        folder / "coverage", PARTITIONS, ("audio", "video"), without, present
    )
    words += ["--coverage", *coverage]
    words += ["--output", folder / "fused.parquet"]
    words += ["--coefficients-output", folder / "coefficients.parquet"]
    monkeypatch.setattr(sys, "argv", ["fuse", *map(str, words)])
    stage.main()
    return tables.read(folder / "fused.parquet"), tables.read(folder / "coefficients.parquet")


def test_the_command_line_fits_on_dev_and_predicts_all(corpus, monkeypatch):
    folder, labels = corpus
    fused, coefficients = run(folder, monkeypatch, "--steps")
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
        expected = possible(target, reference.predict(x))
        np.testing.assert_allclose(found[target], expected, rtol=1e-4, atol=1e-5)
        rows = coefficients[coefficients["target"] == target]
        assert list(rows["term"]) == ["intercept", "audio", "video"]
        np.testing.assert_allclose(
            rows["coefficient"], [reference.intercept_, *reference.coef_], rtol=1e-6, atol=1e-9
        )
        assert (found[target] == found[f"{target}_out_of_fold"])[~dev].all()
        for recording, other in (("b", "c"), ("c", "b")):
            names = by_frame.index.get_level_values("recording")
            fit_on, here = names == other, names == recording
            fold = LinearRegression().fit(x[fit_on], by_frame[f"m_{target}"][fit_on].astype(float))
            held_out = possible(target, fold.predict(x[here]))
            np.testing.assert_allclose(
                found[f"{target}_out_of_fold"][here], held_out, rtol=1e-4, atol=1e-5
            )


def test_the_search_flags_reach_the_post_processing(corpus, monkeypatch):
    folder, labels = corpus
    names = schema.PREDICTIONS
    for modality in ("audio", "video"):
        table = tables.read(folder / f"{modality}.parquet")
        late = labels.groupby("recording")[["m_E", "m_sigma"]].shift(3).fillna(0.0)
        table["E"] = late["m_E"] + 0.1 * table["E"]
        tables.write(table, names, folder / f"{modality}.parquet")
    no_steps, _ = run(folder, monkeypatch, "--steps")
    short, _ = run(folder, monkeypatch, "--steps", "time_shift", "--max-shift", 0.1)
    full, _ = run(folder, monkeypatch, "--steps", "time_shift", "--max-shift", 0.5)
    truth = labels[labels["recording"] == "d"]["m_E"].to_numpy()

    def correlation(table):
        return np.corrcoef(table.loc[table["recording"] == "d", "E"][:-3], truth[:-3])[0, 1]

    assert correlation(full) > 0.8
    assert correlation(full) > max(correlation(no_steps), correlation(short)) + 0.3


def test_the_same_bytes_twice(corpus, monkeypatch):
    folder, _ = corpus
    contents = []
    for _ in "12":
        run(folder, monkeypatch)
        contents.append([(folder / f"{n}.parquet").read_bytes() for n in ("fused", "coefficients")])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_the_order_of_the_recordings_does_not_matter(corpus, monkeypatch, modality):
    folder, _ = corpus
    before, _ = run(folder, monkeypatch, "--steps")
    path = folder / f"{modality}.parquet"
    table = tables.read(path)
    turned = pd.concat([table[table["recording"] == name] for name in "dcba"])
    tables.write(turned, schema.PREDICTIONS, path)
    after, _ = run(folder, monkeypatch, "--steps")
    keys = ["recording", "time"]
    pd.testing.assert_frame_equal(
        *(table.sort_values(keys).reset_index(drop=True) for table in (before, after))
    )


def test_labels_outside_dev_do_not_matter(corpus, monkeypatch):
    folder, labels = corpus
    before, _ = run(folder, monkeypatch)
    for name in ("a", "d"):
        table = labels[labels["recording"] == name].assign(m_E=99.0, m_sigma=99.0)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table, names, folder / "dataset" / f"{name}.parquet")
    after, _ = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(before, after)


def test_a_recording_that_lacks_all_modalities_has_no_part_in_the_fit(corpus, monkeypatch):
    folder, _ = corpus
    absent = {"b": "cannot be decoded"}
    fused, coefficients = run(folder, monkeypatch, without={"audio": absent, "video": absent})
    assert len(fused) == 80
    here = fused["recording"] == "b"
    assert fused.loc[here].drop(columns=["recording", "time"]).isna().all(axis=None)
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace("b,sb,dev", "b,sb,train"))
    expected, of_the_others = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(coefficients, of_the_others)
    # With one subject left in dev there is no estimate out of fold; the rest is the same.
    pd.testing.assert_frame_equal(fused[~here], expected[~here])


@pytest.mark.parametrize("name", ["b", "c", "d"])
def test_a_recording_that_lacks_one_modality_takes_the_other_alone(corpus, monkeypatch, name):
    folder, _ = corpus
    before, _ = run(folder, monkeypatch, "--steps")
    fused, _ = run(folder, monkeypatch, "--steps", without={"video": {name: "no face"}})
    audio = tables.read(folder / "audio.parquet")
    here = fused["recording"] == name
    for target in ("E", "sigma"):
        # Without steps the post-processed prediction is the raw one.
        expected = possible(target, audio.loc[here, target])
        pd.testing.assert_series_equal(fused.loc[here, target], expected)
        assert fused[target].notna().all()
        changed = (fused.loc[~here, target] != before.loc[~here, target]).any()
        assert changed == (PARTITIONS[name] == "dev")


def test_a_stray_face_makes_no_modality(corpus, monkeypatch):
    folder, _ = corpus
    whole, _ = run(folder, monkeypatch, "--steps")
    lacking, _ = run(folder, monkeypatch, "--steps", without={"video": {"d": "no face"}})
    for share, same in ((1, lacking), (9, lacking), (10, whole), (20, whole)):
        fused, _ = run(folder, monkeypatch, "--steps", present={"video": {"d": share}})
        pd.testing.assert_frame_equal(fused, same)


def test_a_recording_with_little_of_everything_is_predicted_from_that(corpus, monkeypatch):
    folder, _ = corpus
    little = {"audio": {"d": 0}, "video": {"d": 3}}
    fused, _ = run(folder, monkeypatch, "--steps", present=little)
    video = tables.read(folder / "video.parquet")
    here = fused["recording"] == "d"
    pd.testing.assert_series_equal(fused.loc[here, "E"], video.loc[here, "E"])


def test_frames_of_one_modality_only_are_refused(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "video.parquet"
    tables.write(tables.read(path).iloc[5:], schema.PREDICTIONS, path)
    with pytest.raises(InputError) as caught:
        run(folder, monkeypatch)
    for word in ("of m:", "75", "80"):
        assert word in str(caught.value)


def test_a_corpus_without_dev_is_refused(corpus, monkeypatch):
    folder, _ = corpus
    table = folder / "recordings.csv"
    table.write_text(table.read_text().replace(",dev,", ",train,"))
    with pytest.raises(InputError) as caught:
        run(folder, monkeypatch)
    assert "dev" in str(caught.value)
