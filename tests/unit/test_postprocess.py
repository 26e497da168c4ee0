"""Post-processing: each step on a planted distortion, and what only seems to help left out."""

import sys

import audmetric
import coverage_tables
import numpy as np
import pandas as pd
import pytest

import chains
from softaer import postprocess
from softaer.core import cli, schema, tables
from softaer.core.correction import (
    STEPS,
    Search,
    Step,
    Trace,
    apply_chain,
    names_of,
    possible,
)
from softaer.core.experiment import Postprocessing

NAMES = list(STEPS)
SEARCH = Postprocessing()
NAN = np.nan


def smooth_noise(rng, count, width=25):
    kernel = np.hanning(2 * width + 1)
    noise = np.convolve(rng.standard_normal(count + 2 * width), kernel, mode="valid")
    return noise / np.sqrt((kernel**2).sum())


def traces(distort, subjects=5, per_subject=1, length=400, noise=0.0, seed=0):
    """Recordings whose prediction is a distortion of the label; the mean label is not zero."""
    rng = np.random.default_rng(seed)
    made = []
    for s in range(subjects):
        for r in range(per_subject):
            label = 0.2 + 0.3 * smooth_noise(rng, length)
            prediction = distort(label, s, rng) + noise * smooth_noise(rng, length)
            made.append(Trace(f"rec{s}-{r}", f"s{s}", prediction, label))
    return made


def fitted(name, some):
    (step,) = Search(some, SEARCH).fit([name])
    return step


def concatenated(some, part):
    return np.concatenate([getattr(t, part) for t in some])


def score(some):
    return audmetric.concordance_cc(concatenated(some, "label"), concatenated(some, "prediction"))


def test_pooled_concordance_is_that_of_the_concatenation():
    some = traces(lambda y, s, rng: 0.5 * y + 0.1 * s)
    assert chains.pooled_ccc(some) == pytest.approx(score(some), abs=1e-9)
    label = some[0].label.copy()
    label[:50] = NAN
    with_gap = [Trace("rec", "s", some[0].prediction, label), *some[1:]]
    cut = [Trace("rec", "s", some[0].prediction[50:], label[50:]), *some[1:]]
    assert chains.pooled_ccc(with_gap) == pytest.approx(score(cut), abs=1e-9)
    assert chains.pooled_ccc([Trace("rec", "s", np.zeros(3), np.full(3, NAN))]) == -1


def test_the_median_filter_removes_spikes():
    def spikes(label, _, rng):
        return np.where(rng.random(len(label)) < 0.15, 3.0, label)

    some = traces(spikes)
    kept, gains = Search(some, SEARCH).choose()
    assert "median_filter" in kept
    assert gains["median_filter"] > 0.3
    step = fitted("median_filter", some)
    assert step.value[0] in SEARCH.median_windows
    cleaned = step.apply(some[0].prediction)
    assert np.abs(cleaned - some[0].label).mean() < 0.05


@pytest.mark.parametrize("window", [0.5, 1.0, 2.0])
def test_the_median_filter_is_that_of_its_window(window):
    rng = np.random.default_rng(0)
    prediction = rng.normal(size=60)
    reach = {0.5: 2, 1.0: 5, 2.0: 10}[window]
    filtered = Step("median_filter", (window,)).apply(prediction)
    for i in range(reach, 60 - reach):
        assert filtered[i] == np.median(prediction[i - reach : i + reach + 1])


@pytest.mark.parametrize("offset", [-0.7, 0.4])
def test_centring_takes_an_offset_out(offset):
    some = traces(lambda y, s, rng: y + offset, noise=0.05)
    step = fitted("centring", some)
    difference = concatenated(some, "label").mean() - concatenated(some, "prediction").mean()
    assert step.value[-1] == pytest.approx(difference)
    assert step.value[-1] == pytest.approx(-offset, abs=0.03)
    kept, _ = Search(some, SEARCH).choose()
    assert "centring" in kept
    assert score([_moved(t, step) for t in some]) > score(some) + 0.3


def _moved(trace, step):
    return Trace(trace.recording, trace.subject, step.apply(trace.prediction), trace.label)


@pytest.mark.parametrize("factor", [0.3, 2.5])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_scaling_finds_the_factor_and_leaves_the_mean_where_it_is(factor, offset):
    some = traces(lambda y, s, rng: factor * y + offset)
    step = fitted("scaling", some)
    assert step.value[-1] == pytest.approx(1 / factor)
    after = [_moved(t, step) for t in some]
    before = concatenated(some, "prediction").mean()
    assert concatenated(after, "prediction").mean() == pytest.approx(before, abs=1e-12)
    assert concatenated(after, "prediction").std() == pytest.approx(
        concatenated(some, "label").std()
    )


def test_scaling_of_a_constant_prediction_changes_nothing():
    some = traces(lambda y, s, rng: np.full_like(y, 0.5))
    step = fitted("scaling", some)
    np.testing.assert_array_equal(step.apply(some[0].prediction), some[0].prediction)


@pytest.mark.parametrize("seconds", [-1.5, -0.3, 0.6, 2.0])
def test_the_shift_has_the_sign_that_undoes_what_was_planted(seconds):
    """A prediction that comes early is moved later: positive."""
    steps = round(seconds * 10)

    def early(label, _, rng):
        return np.roll(label, -steps)

    some = traces(early)
    step = fitted("time_shift", some)
    assert step.value == (seconds,)
    moved = step.apply(some[0].prediction)
    inner = slice(25, -25)
    np.testing.assert_array_equal(moved[inner], some[0].label[inner])
    kept, _ = Search(some, SEARCH).choose()
    assert "time_shift" in kept


def test_a_shift_holds_the_ends():
    prediction = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(Step("time_shift", (0.1,)).apply(prediction), [1, 1, 2, 3])
    np.testing.assert_array_equal(Step("time_shift", (-0.2,)).apply(prediction), [3, 4, 4, 4])
    np.testing.assert_array_equal(Step("time_shift", (0.9,)).apply(prediction), [1, 1, 1, 1])


def test_all_distortions_at_once_are_undone():
    def distort(label, _, rng):
        wrong = 0.4 * np.roll(label, -8) - 0.6
        return np.where(rng.random(len(label)) < 0.05, 2.0, wrong)

    some = traces(distort, subjects=6)
    chain, gains, out_of_fold = postprocess.postprocess(some, SEARCH)
    assert [step.name for step in chain] == NAMES
    assert all(gains[name] > 0 for name in NAMES)
    assert score(some) < 0.2
    assert score(out_of_fold) > 0.95
    assert chain[-1].value == (0.8,)


def test_steps_keep_their_order():
    some = traces(lambda y, s, rng: 0.4 * np.roll(y, -8) - 0.6)
    chain = Search(some, SEARCH).chain()
    names = [step.name for step in chain]
    assert names == [name for name in NAMES if name in names]
    prediction = some[0].prediction
    by_hand = prediction
    for step in chain:
        by_hand = STEPS[step.name](by_hand, *step.value)
    np.testing.assert_array_equal(apply_chain(chain, prediction), by_hand)


def test_a_perfect_prediction_keeps_nothing():
    some = traces(lambda y, s, rng: y.copy())
    kept, gains = Search(some, SEARCH).choose()
    assert kept == []
    assert all(gain <= 0 for gain in gains.values())
    np.testing.assert_allclose(
        concatenated(postprocess.postprocess(some, SEARCH)[2], "prediction"),
        concatenated(some, "prediction"),
    )


def test_predictions_that_are_noise_gain_nothing_out_of_fold():
    before, after, in_sample = [], [], []
    for seed in range(12):
        some = traces(lambda y, s, rng: 0.2 + 0.3 * smooth_noise(rng, len(y)), 4, seed=seed)
        chain, _, out_of_fold = postprocess.postprocess(some, SEARCH)
        before.append(score(some))
        after.append(score(out_of_fold))
        in_sample.append(chains.pooled_ccc([_chained(t, chain) for t in some]))
    assert abs(np.mean(before)) < 0.06
    assert abs(np.mean(after)) < 0.06
    assert np.mean(after) < np.mean(in_sample) + 0.005


def _chained(trace, chain):
    corrected = apply_chain(chain, trace.prediction)
    return Trace(trace.recording, trace.subject, corrected, trace.label)


def test_a_step_that_helps_only_where_it_was_fitted_is_left_out():
    """Two subjects off by opposite amounts: what is right for one misleads the other."""

    def off(label, subject, rng):
        return label + (0.5 if subject == 0 else -0.5)

    rng = np.random.default_rng(0)
    some = []
    for subject, length in ((0, 600), (1, 200)):
        label = 0.3 * smooth_noise(rng, length)
        some.append(Trace(f"rec{subject}", f"s{subject}", off(label, subject, rng), label))
    step = fitted("centring", some)
    assert chains.pooled_ccc([_moved(t, step) for t in some]) > chains.pooled_ccc(some)
    kept, gains = Search(some, Postprocessing(steps=("centring",))).choose()
    assert kept == []
    assert gains["centring"] < 0


def test_out_of_fold_a_subject_has_no_part_in_its_own_correction():
    rng = np.random.default_rng(3)
    some = traces(lambda y, s, rng: 0.4 * np.roll(y, -8) - 0.6, per_subject=2, noise=0.1)
    _, _, before = postprocess.postprocess(some, SEARCH)
    other = [
        Trace(t.recording, t.subject, t.prediction, rng.normal(size=len(t.label)) + 9)
        if t.subject == "s2"
        else t
        for t in some
    ]
    _, _, after = postprocess.postprocess(other, SEARCH)
    changed = False
    for a, b in zip(before, after, strict=True):
        if a.subject == "s2":
            np.testing.assert_array_equal(a.prediction, b.prediction)
        else:
            changed |= not np.array_equal(a.prediction, b.prediction)
    assert changed


def test_leave_one_subject_out_by_hand():
    some = traces(lambda y, s, rng: y + 0.1 * s, subjects=3, per_subject=2)
    search = Search(some, SEARCH)
    assert search.subjects == ["s0", "s1", "s2"]
    for subject in search.subjects:
        rest = [t for t in some if t.subject != subject]
        offset = concatenated(rest, "label").mean() - concatenated(rest, "prediction").mean()
        (step,) = search.fit(["centring"], without=subject)
        assert step.value == pytest.approx((offset,))


@pytest.mark.parametrize("offset", [0.0, 50.0])
@pytest.mark.parametrize("seed", range(4))
def test_sums_over_frames_give_what_the_frames_themselves_give(seed, offset):
    """The oracle fits every candidate of every fold on the frames, as the definition says."""

    def distort(label, s, rng):
        wrong = (
            0.5 * np.roll(label, -8 + s) + 0.05 * s + offset + 0.1 * smooth_noise(rng, len(label))
        )
        return np.where(rng.random(len(label)) < 0.03, offset, wrong)

    some = traces(distort, subjects=4, per_subject=1 + seed % 2, seed=seed)
    some = [Trace(t.recording, t.subject, t.prediction, t.label + offset) for t in some]
    search = Search(some, SEARCH)
    kept, gains = search.choose()
    expected, expected_gains = chains.choose(some, SEARCH)
    assert kept == expected
    assert gains == pytest.approx(expected_gains, abs=1e-9)
    for without in (None, "s1"):
        rest = [t for t in some if t.subject != without]
        names = chains.choose(rest, SEARCH)[0]
        chain = search.chain(without)
        assert [step.name for step in chain] == names
        for step, other in zip(chain, chains.fit(rest, names, SEARCH), strict=True):
            assert step.value == pytest.approx(other.value, rel=1e-9, abs=1e-9)


def test_a_constant_prediction_is_not_scaled_by_its_rounding():
    """The mean of many equal values differs from them in the last digit."""
    some = traces(lambda y, s, rng: np.full_like(y, 0.1), subjects=6)
    chain, gains, out_of_fold = postprocess.postprocess(some, SEARCH)
    assert all(np.ptp(t.prediction) == 0 for t in out_of_fold)
    assert np.ptp(concatenated([_chained(t, chain) for t in some], "prediction")) < 1e-12
    assert max(gains.values()) <= 1e-9


def test_a_sigma_is_not_negative_and_e_may_be():
    values = np.array([-1.0, np.nan, 2.0])
    np.testing.assert_array_equal(possible("sigma", values), [0.0, np.nan, 2.0])
    np.testing.assert_array_equal(possible("E", values), values)


def test_with_a_single_subject_nothing_can_be_tried():
    some = traces(lambda y, s, rng: 0.4 * y - 0.6, subjects=1, per_subject=3)
    chain, gains, out_of_fold = postprocess.postprocess(some, SEARCH)
    assert chain == []
    assert gains == {}
    for before, after in zip(some, out_of_fold, strict=True):
        np.testing.assert_array_equal(before.prediction, after.prediction)


def test_a_dev_subject_without_labels_spoils_nothing():
    """With two subjects the other chain is fitted on no labelled frame at all."""
    some = traces(lambda y, s, rng: 0.4 * y - 0.6, subjects=2)
    some[1] = Trace("rec1-0", "s1", some[1].prediction, np.full(400, NAN))
    chain, _, out_of_fold = postprocess.postprocess(some, SEARCH)
    for trace in out_of_fold:
        assert np.isfinite(trace.prediction).all()
        assert np.isfinite(apply_chain(chain, trace.prediction)).all()


def test_the_same_input_gives_the_same_output():
    some = traces(lambda y, s, rng: 0.4 * np.roll(y, -8) - 0.6, noise=0.2)
    first = postprocess.postprocess(some, SEARCH)
    second = postprocess.postprocess(some, SEARCH)
    assert first[0] == second[0]
    assert first[1] == second[1]
    for a, b in zip(first[2], second[2], strict=True):
        np.testing.assert_array_equal(a.prediction, b.prediction)
    kept = [t.prediction.copy() for t in some]
    apply_chain(first[0], some[0].prediction)
    np.testing.assert_array_equal(some[0].prediction, kept[0])


PARTITIONS = {"a": "train", "b": "dev", "c": "dev", "d": "dev", "e": "test"}


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{name},s{name},{part},{name}.mp4,{name}.csv" for name, part in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    parts = []
    for name in PARTITIONS:
        table = pd.DataFrame({"recording": name, "time": np.arange(200) / 10})
        table["m_E"] = 0.3 * smooth_noise(rng, 200)
        table["m_sigma"] = 0.3 + 0.1 * smooth_noise(rng, 200)
        parts.append(table)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table.assign(f=0.0), names, tmp_path / "dataset" / f"{name}.parquet")
    labels = pd.concat(parts, ignore_index=True)
    raw = labels[["recording", "time"]].copy()
    raw["E"] = 0.3 * labels["m_E"] + 0.5 + 0.02 * rng.normal(size=len(raw))
    raw["sigma"] = labels["m_sigma"]
    tables.write(raw, schema.PREDICTIONS, tmp_path / "raw.parquet")
    return tmp_path, labels


def run(folder, monkeypatch, *more, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--dimension", "m", "--predictions", folder / "raw.parquet"]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, ["audio"], without)
    words += ["--coverage", *coverage]
    words += ["--output", folder / "out.parquet", "--steps-output", folder / "steps.parquet", *more]
    monkeypatch.setattr(sys, "argv", ["postprocess", *map(str, words)])
    postprocess.main()
    return tables.read(folder / "out.parquet"), tables.read(folder / "steps.parquet")


def test_the_command_line_fits_on_dev_and_corrects_all(corpus, monkeypatch):
    folder, labels = corpus
    out, steps = run(folder, monkeypatch)
    tables.conform(out, schema.POSTPROCESSED)
    tables.conform(steps, schema.POSTPROCESSING_STEPS)
    raw = tables.read(folder / "raw.parquet")
    pd.testing.assert_series_equal(out["E_raw"], raw["E"], check_names=False)
    partition = out["recording"].map(PARTITIONS)
    for part in ("dev", "test"):
        here = partition == part
        truth = labels.loc[here, "m_E"]
        assert audmetric.concordance_cc(truth, out.loc[here, "E_raw"]) < 0.3
        assert audmetric.concordance_cc(truth, out.loc[here, "E"]) > 0.9
    assert (out.loc[partition != "dev", "E"] == out.loc[partition != "dev", "E_out_of_fold"]).all()
    assert (out.loc[partition == "dev", "E"] != out.loc[partition == "dev", "E_out_of_fold"]).any()
    rows = steps.set_index(["target", "step"])
    assert list(steps["step"]) == NAMES * 2
    assert rows.loc[("E", "centring"), "kept"]
    assert rows.loc[("E", "centring"), "value"] == pytest.approx(-0.5, abs=0.15)
    assert rows.loc[("E", "scaling"), "kept"]
    assert rows.loc[("E", "scaling"), "value"] == pytest.approx(1 / 0.3, rel=0.1)
    kept = steps["kept"].to_numpy(dtype=bool)
    assert (steps.loc[kept, "gain"] > 0).all()
    assert (steps.loc[~kept, "gain"] <= 0).all()
    assert steps.loc[~kept, "value"].isna().all()
    assert not rows.loc["sigma", "kept"].any()
    pd.testing.assert_series_equal(out["sigma"], raw["sigma"])


def test_a_predicted_sigma_below_zero_becomes_zero_once(corpus, monkeypatch):
    """In the final prediction and out of fold, so that all later stages see the same values."""
    folder, _ = corpus
    path = folder / "raw.parquet"
    raw = tables.read(path)
    raw["sigma"] -= 0.3
    raw["E"] -= 0.3
    tables.write(raw, schema.PREDICTIONS, path)
    out, _ = run(folder, monkeypatch, "--steps")
    assert (raw["sigma"] < 0).any()
    pd.testing.assert_series_equal(out["sigma_raw"], raw["sigma"], check_names=False)
    for column in ("sigma", "sigma_out_of_fold"):
        np.testing.assert_array_equal(out[column], raw["sigma"].clip(lower=0))
    assert (out["E"] < 0).any()


def test_labels_outside_dev_do_not_matter(corpus, monkeypatch):
    folder, labels = corpus
    before, steps_before = run(folder, monkeypatch)
    for name in ("a", "e"):
        table = labels[labels["recording"] == name].assign(m_E=99.0, m_sigma=99.0, f=0.0)
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table, names, folder / "dataset" / f"{name}.parquet")
    after, steps_after = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(before, after)
    pd.testing.assert_frame_equal(steps_before, steps_after)


def test_the_order_of_the_rows_does_not_matter(corpus, monkeypatch):
    """Values stay with their recording and time also if recordings are interleaved."""
    folder, _ = corpus
    keys = ["recording", "time"]
    expected, _ = run(folder, monkeypatch)
    path = folder / "raw.parquet"
    shuffled = tables.read(path).sort_values(["time", "recording"])
    tables.write(shuffled, schema.PREDICTIONS, path)
    found, _ = run(folder, monkeypatch)
    found = found.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found, expected.sort_values(keys, ignore_index=True))


def test_only_the_steps_asked_for_are_tried(corpus, monkeypatch):
    folder, _ = corpus
    out, steps = run(folder, monkeypatch, "--steps", "scaling", "centring")
    assert list(steps["step"]) == ["centring", "scaling"] * 2
    out, steps = run(folder, monkeypatch, "--steps")
    assert len(steps) == 0
    pd.testing.assert_series_equal(out["E"], out["E_raw"], check_names=False)


def test_a_recording_without_features_has_no_part_in_the_fit(corpus, monkeypatch):
    folder, _ = corpus
    found, steps = run(folder, monkeypatch, without={"audio": {"b": "cannot be decoded"}})
    assert steps["kept"].any()
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace("b,sb,dev", "b,sb,train"))
    expected, steps_of_the_others = run(folder, monkeypatch)
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(steps, steps_of_the_others)


def test_a_corpus_without_dev_is_left_as_it_is(corpus, monkeypatch):
    folder, _ = corpus
    path = folder / "recordings.csv"
    path.write_text(path.read_text().replace(",dev,", ",train,"))
    out, steps = run(folder, monkeypatch)
    pd.testing.assert_series_equal(out["E"], out["E_raw"], check_names=False)
    assert not steps["kept"].any()
    assert steps["gain"].isna().all()


def test_the_search_is_read_in_the_order_of_the_chain():
    import argparse

    arguments = argparse.ArgumentParser()
    cli.add_settings(arguments, Postprocessing)
    words = [
        "--steps",
        "time_shift",
        "centring",
        "--median-windows",
        "1",
        "3",
        "--max-shift",
        "0.5",
    ]
    search = cli.settings(arguments.parse_args(words), Postprocessing)
    assert search == Postprocessing(("time_shift", "centring"), (1.0, 3.0), 0.5)
    assert names_of(search) == ["centring", "time_shift"]
    assert cli.settings(arguments.parse_args([]), Postprocessing) == SEARCH
    assert names_of(SEARCH) == NAMES
