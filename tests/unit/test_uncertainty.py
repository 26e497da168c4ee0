"""What sigma is good for: coverage, selection and reliability where the answer is known."""

import itertools
import sys

import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import uncertainty
from softaer.core import schema, tables
from softaer.core.places import final_prediction
from softaer.labels import label
from softaer.uncertainty import BINS, KEPT, NOMINAL, coverage, figures, reliability, selective_error

NAN = np.nan


def ratings_of(n, seed=0):
    rng = np.random.default_rng(seed)
    centre, sigma = rng.normal(size=n), rng.uniform(0.1, 1.0, size=n)
    return centre + sigma * rng.normal(size=n), centre, sigma


@pytest.mark.parametrize("n", [400, 40_000])
def test_the_true_sigma_covers_what_it_says(n):
    share = np.array(NOMINAL)
    found = coverage(*ratings_of(n))
    assert (np.abs(found - share) <= 4 * np.sqrt(share * (1 - share) / n)).all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_sigma_covers_too_little_or_too_much(factor):
    ratings, centre, sigma = ratings_of(20_000)
    difference = coverage(ratings, centre, factor * sigma) - np.array(NOMINAL)
    assert (np.sign(difference) == np.sign(factor - 1)).all()
    assert np.abs(difference).max() > 0.15


def test_a_wrong_centre_covers_too_little():
    ratings, centre, sigma = ratings_of(20_000)
    assert (coverage(ratings, centre + 0.5, sigma) < np.array(NOMINAL) - 0.05).all()


def test_coverage_of_a_sigma_that_is_not_positive():
    ratings, centre = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 0.0, 0.0])
    for sigma in (0.0, -5.0):
        np.testing.assert_array_equal(coverage(ratings, centre, np.full(4, sigma)), 0.5)


def test_selection_by_hand():
    error = np.array([5.0, 1.0, 2.0, 4.0, 3.0, 9.0, 6.0, 8.0, 7.0, 10.0])
    order = np.arange(10)[::-1]
    np.testing.assert_allclose(
        selective_error(error, order), np.cumsum(error[::-1]) / np.arange(1, 11)
    )
    ties = selective_error(error, np.zeros(10))
    np.testing.assert_allclose(ties, np.cumsum(error) / np.arange(1, 11))


@pytest.mark.parametrize("n", [1, 3, 14, 997])
def test_selection_by_the_error_itself_is_the_lower_bound(n):
    rng = np.random.default_rng(n)
    error = rng.exponential(size=n)
    best = selective_error(error, error)
    assert best.shape == (len(KEPT),)
    assert (np.diff(best) >= -1e-12).all()
    for order_by in (rng.normal(size=n), -error, np.zeros(n)):
        found = selective_error(error, order_by)
        assert (best <= found + 1e-12).all()
        assert found[-1] == pytest.approx(error.mean())


def test_selection_by_the_true_sigma_lowers_the_error_and_by_noise_does_not():
    ratings, centre, sigma = ratings_of(40_000)
    error = np.abs(ratings - centre)
    by_sigma = selective_error(error, sigma)
    assert (np.diff(by_sigma) > 0).all()
    expected = np.sqrt(2 / np.pi) * np.mean([0.1, 0.55])
    assert by_sigma[4] == pytest.approx(expected, abs=0.01)
    by_noise = selective_error(error, np.random.default_rng(1).normal(size=40_000))
    np.testing.assert_allclose(by_noise, error.mean(), atol=0.03)


def test_reliability_of_the_perfect_sigma_lies_on_the_diagonal():
    _, _, sigma = ratings_of(1000)
    x, y = reliability(sigma, sigma)
    np.testing.assert_array_equal(x, y)
    assert len(x) == BINS
    assert (np.diff(x) > 0).all()


def test_reliability_by_hand():
    rng = np.random.default_rng(0)
    predicted, labelled = rng.permutation(80).astype(float), rng.random(80)
    x, y = reliability(predicted, labelled)
    edges = np.arange(0, 81, 10)
    np.testing.assert_allclose(x, [np.arange(a, a + 10).mean() for a in edges[:-1]])
    expected = [
        labelled[(predicted >= a) & (predicted < b)].mean() for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(y, expected)


def test_reliability_of_fewer_frames_than_bins():
    x, y = reliability(np.array([0.3, 0.1]), np.array([3.0, 1.0]))
    np.testing.assert_array_equal(x, [0.1, 0.3])
    np.testing.assert_array_equal(y, [1.0, 3.0])


def smooth(rng, count, width=20):
    kernel = np.hanning(2 * width + 1)
    noise = np.convolve(rng.standard_normal(count + 2 * width), kernel, mode="valid")
    return noise / np.sqrt((kernel**2).sum())


def panel(rng, raters, length):
    """Ratings that scatter about a common E by a sigma that changes: traces, E, sigma."""
    emotion = 0.5 * smooth(rng, length)
    sigma = 0.05 + 0.3 / (1 + np.exp(-2 * smooth(rng, length)))
    return emotion + sigma * rng.normal(size=(raters, length)), emotion, sigma


def table_of(traces, recording, dimension="m"):
    raters, length = traces.shape
    return pd.DataFrame(
        {
            "recording": recording,
            "time": np.tile(np.arange(length) / 10, raters),
            "dimension": dimension,
            "rater": np.repeat([f"r{k}" for k in range(raters)], length),
            "value": traces.ravel(),
        }
    )


def as_series(rows):
    """Figures as {(figure, series): (x, y)}."""
    table = pd.DataFrame(rows, columns=["figure", "series", "x", "y"])
    return {
        key: (some["x"].to_numpy(), some["y"].to_numpy())
        for key, some in table.groupby(["figure", "series"], sort=False)
    }


@pytest.fixture
def perfect():
    """A model that knows the planted E and sigma, labels of ten raters, and their ratings."""
    rng = np.random.default_rng(0)
    traces, emotion, sigma = panel(rng, 10, 3000)
    ratings = table_of(traces, "rec")
    labels, _ = label(ratings, estimator="mean")
    frames = pd.DataFrame({"recording": "rec", "frame": np.arange(3000), "E": emotion})
    frames = frames.assign(sigma=sigma, E_label=labels["E"], sigma_label=labels["sigma"])
    ratings["frame"] = np.rint(ratings["time"] * 10).astype(int)
    return frames, ratings[["recording", "frame", "value"]], sigma.mean()


def test_figures_of_a_model_that_knows_the_truth(perfect):
    found = as_series(figures(*perfect))
    assert set(found) == {
        *(("coverage", s) for s in ("predicted", "constant sigma", "label")),
        *(
            ("selective", s)
            for s in ("predicted sigma", "label sigma", "error itself", "no selection")
        ),
        ("reliability", "predicted"),
    }
    nominal, covered = found["coverage", "predicted"]
    np.testing.assert_array_equal(nominal, NOMINAL)
    np.testing.assert_allclose(covered, NOMINAL, atol=0.015)
    np.testing.assert_allclose(found["coverage", "label"][1], NOMINAL, atol=0.05)
    constant = np.abs(found["coverage", "constant sigma"][1] - NOMINAL)
    assert constant.max() > np.abs(covered - NOMINAL).max() + 0.02
    x, y = found["reliability", "predicted"]
    np.testing.assert_allclose(y, x, rtol=0.06)
    mean = found["selective", "no selection"][1]
    np.testing.assert_array_equal(mean, mean[0])
    assert found["selective", "predicted sigma"][1][0] < 0.7 * mean[0]
    best = found["selective", "error itself"][1]
    assert (best <= found["selective", "label sigma"][1] + 1e-12).all()
    for series in ("predicted sigma", "label sigma", "error itself"):
        assert found["selective", series][1][-1] == pytest.approx(mean[0])


def test_frames_without_a_sigma_are_left_out(perfect):
    frames, ratings, constant = perfect
    frames.loc[2000:, "sigma_label"] = NAN
    frames.loc[2000:, "E"] = 99.0
    found = as_series(figures(frames, ratings, constant))
    np.testing.assert_allclose(found["coverage", "predicted"][1], NOMINAL, atol=0.02)
    assert found["selective", "no selection"][1][0] < 1


def test_ratings_of_other_recordings_do_not_count(perfect):
    frames, ratings, constant = perfect
    expected = figures(frames, ratings, constant)
    stranger = ratings.assign(recording="other", value=50.0)
    assert figures(frames, pd.concat([ratings, stranger]), constant) == expected


PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}
DELAY = 2.0
SEEDS = (1, 2)


@pytest.fixture
def corpus(tmp_path):
    """Raters who are two seconds late; seed 1 predicts the truth, seed 2 half its sigma."""
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    length, late = 600, round(DELAY * 10)
    predictions = []
    for name in PARTITIONS:
        traces, emotion, sigma = panel(rng, 6, length)
        lead = rng.normal(size=(6, late))
        ratings = table_of(np.concatenate([lead, traces], axis=1)[:, :length], name)
        tables.write(ratings, schema.RATINGS, tmp_path / "ratings" / f"{name}.parquet")
        labels, _ = label(table_of(traces, name), estimator="mean")
        table = pd.DataFrame({"recording": name, "time": np.arange(length) / 10})
        table["m_E"], table["m_sigma"] = labels["E"], labels["sigma"]
        table.loc[length - late :, ["m_E", "m_sigma"]] = NAN
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table.assign(f=0.0), names, tmp_path / "dataset" / f"{name}.parquet")
        table = table[["recording", "time"]].assign(E=emotion, sigma=sigma)
        predictions.append(table)
    predictions = pd.concat(predictions, ignore_index=True)
    for seed in SEEDS:
        table = predictions.assign(sigma=predictions["sigma"] / seed)
        for name in ("E", "sigma"):
            table[f"{name}_out_of_fold"] = 77.0
        path = final_prediction(tmp_path, "m", "audio+video", "multi", seed)
        tables.write(table.sample(frac=1, random_state=seed), schema.FUSED_PREDICTIONS, path)
    return tmp_path


def run(folder, monkeypatch, *more, seeds=(1,), delay=DELAY, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--ratings", folder / "ratings"]
    words += ["--results", folder, "--dimensions", "m"]
    words += ["--modalities", "audio", "video", "audio+video", "--tasks", "multi"]
    words += ["--seeds", *seeds, "--output", folder / "uncertainty.parquet", *more]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--coverage", *coverage]
    if delay is not None:
        words += ["--delay", "m", delay]
    monkeypatch.setattr(sys, "argv", ["uncertainty", *map(str, words)])
    uncertainty.main()
    table = tables.read(folder / "uncertainty.parquet")
    tables.conform(table, schema.UNCERTAINTY)
    return table


def covered(table, series="predicted"):
    rows = table[(table["figure"] == "coverage") & (table["series"] == series)]
    return rows.set_index("x")["y"]


def test_the_command_line_writes_all_figures(corpus, monkeypatch):
    table = run(corpus, monkeypatch)
    assert set(table["dimension"]) == {"m"}
    assert set(table["task"]) == {"multi"}
    counts = table.groupby("figure").size()
    assert dict(counts) == {
        "coverage": 3 * len(NOMINAL),
        "selective": 4 * len(KEPT),
        "reliability": BINS,
    }
    np.testing.assert_allclose(covered(table), NOMINAL, atol=0.03)
    np.testing.assert_allclose(covered(table, "label"), NOMINAL, atol=0.07)


@pytest.mark.parametrize("wrong", [0.0, 4.0, -2.0])
def test_the_delay_is_taken_out_of_the_ratings_in_the_right_direction(corpus, monkeypatch, wrong):
    right = covered(run(corpus, monkeypatch))
    assert (covered(run(corpus, monkeypatch, delay=wrong)) < right - 0.1).all()


def test_the_delay_may_come_from_a_table(corpus, monkeypatch):
    expected = run(corpus, monkeypatch)
    delays = pd.DataFrame({"dimension": "m", "delay": [0.0, DELAY], "correlation": [0.1, 0.9]})
    path = corpus / "delay.parquet"
    tables.write(delays.assign(chosen=[False, True]), schema.ANNOTATION_DELAY, path)
    found = run(corpus, monkeypatch, "--delay-table", path, delay=None)
    pd.testing.assert_frame_equal(found, expected)


def test_seeds_are_averaged(corpus, monkeypatch):
    apart = [run(corpus, monkeypatch, seeds=(seed,)) for seed in SEEDS]
    both = run(corpus, monkeypatch, seeds=SEEDS)
    np.testing.assert_allclose(both["y"], (apart[0]["y"] + apart[1]["y"]) / 2)
    np.testing.assert_allclose(both["x"], (apart[0]["x"] + apart[1]["x"]) / 2)
    assert (covered(apart[1]) < covered(apart[0]) - 0.1).all()


def test_only_test_counts(corpus, monkeypatch):
    expected = run(corpus, monkeypatch)
    for name in ("a", "b"):
        path = corpus / "ratings" / f"{name}.parquet"
        tables.write(tables.read(path).assign(value=50.0), schema.RATINGS, path)
    pd.testing.assert_frame_equal(run(corpus, monkeypatch), expected)


def test_a_recording_that_lacks_all_modalities_does_not_count(corpus, monkeypatch):
    absent = {"d": "cannot be decoded"}
    everything = run(corpus, monkeypatch)
    found = run(corpus, monkeypatch, without={"audio": absent, "video": absent})
    one_left = run(corpus, monkeypatch, without={"video": absent})
    path = corpus / "recordings.csv"
    path.write_text(path.read_text().replace("d,sd,test", "d,sd,dev"))
    pd.testing.assert_frame_equal(found, run(corpus, monkeypatch))
    pd.testing.assert_frame_equal(one_left, everything)
    assert not found.equals(everything)


def test_without_test_the_table_is_empty(corpus, monkeypatch):
    path = corpus / "recordings.csv"
    path.write_text(path.read_text().replace(",test,", ",dev,"))
    assert len(run(corpus, monkeypatch)) == 0
