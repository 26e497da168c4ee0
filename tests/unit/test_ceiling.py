"""Human ceiling: raters left out, against hand computation and planted panels."""

import sys

import audmetric
import coverage_tables
import numpy as np
import pandas as pd
import pytest
from rating_tables import table_of

from softaer import ceiling
from softaer.ceiling import estimate_with, left_out
from softaer.ceiling import human_ceiling as ceiling_over
from softaer.core import schema, tables
from softaer.core.tasks import HUMAN, TRUTH
from softaer.labels import label
from softaer.simulate.check import CHECK


def panel(rng, raters=5, length=300, noise=0.5):
    common = np.cumsum(rng.normal(size=length)) / 8
    return common + noise * rng.normal(size=(raters, length))


def all_frames(ratings):
    frames = ratings.assign(frame=np.rint(ratings["time"] * 10).astype(int))
    return frames[["recording", "frame"]].drop_duplicates()


def human_ceiling(ratings, estimate):
    """The ceiling over all frames that anybody rated."""
    return ceiling_over(ratings, estimate, all_frames(ratings))


def mean(ratings):
    return label(ratings, estimator="mean")[0]


def ewe(ratings):
    return label(ratings)[0]


@pytest.mark.parametrize("estimate", [mean, ewe])
def test_identical_raters_agree_fully(estimate):
    traces = np.tile(np.random.default_rng(0).normal(size=100), (4, 1))
    value, frames = human_ceiling(table_of(traces), estimate)
    assert value == pytest.approx(1)
    assert frames == 400


def test_raters_of_noise_agree_with_nobody():
    rng = np.random.default_rng(0)
    ratings = pd.concat([table_of(rng.normal(size=(6, 400)), f"rec{i}") for i in range(5)])
    assert abs(human_ceiling(ratings, mean)[0]) < 0.03


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_the_planted_agreement_is_found(noise):
    """Common part of variance one; the mean of K - 1 raters has noise / (K - 1) of the variance."""
    rng = np.random.default_rng(0)
    traces = rng.normal(size=60_000) + noise * rng.normal(size=(5, 60_000))
    expected = 2 / (2 + noise**2 + noise**2 / 4)
    assert human_ceiling(table_of(traces), mean)[0] == pytest.approx(expected, abs=0.01)


def test_the_ceiling_by_hand():
    rng = np.random.default_rng(1)
    recordings = {name: panel(rng, length=n) for name, n in {"x": 60, "y": 90}.items()}
    ratings = pd.concat([table_of(traces, name) for name, traces in recordings.items()])
    expected = []
    for k in range(5):
        own = np.concatenate([traces[k] for traces in recordings.values()])
        others = [np.delete(traces, k, axis=0).mean(axis=0) for traces in recordings.values()]
        expected.append(audmetric.concordance_cc(np.concatenate(others), own))
    value, frames = human_ceiling(ratings, mean)
    assert value == pytest.approx(np.mean(expected), abs=1e-9)
    assert frames == 5 * 150


def test_the_label_of_the_others_is_weighted_without_the_one_left_out():
    traces = panel(np.random.default_rng(2))
    expected = []
    for k in range(5):
        rest = np.delete(traces, k, axis=0)
        weights = [
            np.corrcoef(rest[j], np.delete(rest, j, axis=0).mean(axis=0))[0, 1] for j in range(4)
        ]
        others = np.average(rest, axis=0, weights=np.maximum(weights, 0))
        expected.append(audmetric.concordance_cc(others, traces[k]))
    assert human_ceiling(table_of(traces), ewe)[0] == pytest.approx(np.mean(expected), abs=1e-9)


def test_a_rater_who_is_absent_counts_where_present():
    rng = np.random.default_rng(3)
    x, y = panel(rng, raters=4), panel(rng, raters=4)
    y[2] = np.nan
    x[1, 100:] = np.nan
    ratings = pd.concat([table_of(x, "x"), table_of(y, "y")])
    expected = []
    for k in range(4):
        own, others = [], []
        for traces in (x, y):
            here = ~np.isnan(traces[k])
            own.append(traces[k][here])
            others.append(np.nanmean(np.delete(traces, k, axis=0), axis=0)[here])
        expected.append(audmetric.concordance_cc(np.concatenate(others), np.concatenate(own)))
    value, frames = human_ceiling(ratings, mean)
    assert value == pytest.approx(np.mean(expected), abs=1e-9)
    assert frames == len(ratings)


def test_frames_that_only_one_rater_knows_do_not_count():
    traces = panel(np.random.default_rng(4), raters=2, length=100)
    traces[1, 60:] = np.nan
    pairs = left_out(table_of(traces), mean)
    assert {rater: len(pair) for rater, pair in pairs.items()} == {"r0": 60, "r1": 60}
    np.testing.assert_allclose(pairs["r0"]["E"], traces[1, :60])


def test_a_single_rater_has_no_ceiling():
    value, frames = human_ceiling(table_of(np.random.default_rng(0).normal(size=(1, 50))), mean)
    assert np.isnan(value)
    assert frames == 0


def test_a_better_panel_has_a_higher_ceiling():
    values = [
        human_ceiling(table_of(panel(np.random.default_rng(5), noise=noise)), mean)[0]
        for noise in (0.2, 0.6, 1.5)
    ]
    assert values[0] > values[1] > values[2]


def test_only_frames_on_which_models_are_scored_count():
    """Beyond frame 50, and in another recording, raters are noise."""
    rng = np.random.default_rng(6)
    traces = np.concatenate([panel(rng, length=50, noise=0.1), rng.normal(size=(5, 200))], axis=1)
    ratings = pd.concat([table_of(traces), table_of(rng.normal(size=(5, 90)), "other")])
    everything, _ = human_ceiling(ratings, mean)
    frames = pd.DataFrame({"recording": "rec", "frame": np.arange(50)})
    value, count = ceiling_over(ratings, mean, frames)
    assert value > everything + 0.3
    assert count == 250
    alone, _ = human_ceiling(table_of(traces[:, :50]), mean)
    assert value == pytest.approx(alone)
    assert np.isnan(ceiling_over(ratings, mean, frames.assign(recording="absent"))[0])


def test_those_who_remain_need_not_be_as_many_as_make_a_label():
    ratings = table_of(panel(np.random.default_rng(7), raters=3, length=40))
    settings = {"estimator": "mean", "min_raters": 3}
    pairs = left_out(ratings, estimate_with(None, settings))
    assert [len(pair) for pair in pairs.values()] == [40, 40, 40]
    assert label(ratings[ratings["rater"] != "r0"], **settings)[0].empty


PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(6)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    ratings = {}
    for name in PARTITIONS:
        parts = [
            table_of(panel(rng, raters=4, noise=noise), name, dimension)
            for dimension, noise in {"m": 0.2, "n": 1.0}.items()
        ]
        ratings[name] = pd.concat(parts)
        tables.write(ratings[name], schema.RATINGS, tmp_path / "ratings" / f"{name}.parquet")
        dataset(tmp_path, name, range(300))
    return tmp_path, ratings


def dataset(folder, name, frames):
    """Targets of a recording, of which only the frames with a label matter."""
    targets = [f"{d}_{t}" for d in "mn" for t in ("E", "sigma")]
    table = pd.DataFrame({"recording": name, "time": np.arange(300) / 10, "f": 0.0})
    table = table.assign(**dict.fromkeys(targets, np.nan))
    table.loc[list(frames), targets] = 0.0
    names = schema.dataset(targets, ["f"])
    tables.write(table, names, folder / "dataset" / f"{name}.parquet")


def run(folder, monkeypatch, *more, delay=0.0, without=None):
    words = ["--recordings", folder / "recordings.csv", "--ratings", folder / "ratings"]
    words += ["--dataset", folder / "dataset", "--coverage"]
    words += coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--delay", "m", delay, "--delay", "n", delay]
    words += ["--output", folder / "ceiling.parquet", *more]
    monkeypatch.setattr(sys, "argv", ["ceiling", *map(str, words)])
    ceiling.main()
    table = tables.read(folder / "ceiling.parquet")
    tables.conform(table, schema.CEILING)
    return table


def test_the_command_line_gives_a_ceiling_for_each_partition(corpus, monkeypatch):
    folder, ratings = corpus
    table = run(folder, monkeypatch, "--estimator", "mean")
    assert set(table["reference"]) == {HUMAN}
    assert set(table["target"]) == {"E"}
    rows = table.set_index(["dimension", "partition"])
    assert len(rows) == 6
    for dimension in ("m", "n"):
        for partition in ("train", "dev", "test"):
            some = pd.concat(ratings[n] for n, p in PARTITIONS.items() if p == partition)
            value, frames = human_ceiling(some[some["dimension"] == dimension], mean)
            assert rows.loc[(dimension, partition), "ccc"] == pytest.approx(value)
            assert rows.loc[(dimension, partition), "frames"] == frames
    assert (rows.loc["m", "ccc"] > rows.loc["n", "ccc"]).all()


def test_frames_and_recordings_are_those_of_the_scores(corpus, monkeypatch):
    folder, ratings = corpus
    for name in PARTITIONS:
        dataset(folder, name, range(20, 120))
    absent = {"d": "cannot be decoded"}
    table = run(folder, monkeypatch, "--estimator", "mean", delay=1.5,
                without={"audio": absent, "video": absent})  # fmt: skip
    rows = table.set_index(["dimension", "partition"])
    some = ratings["c"][ratings["c"]["dimension"] == "m"]
    frames = pd.DataFrame({"recording": "c", "frame": np.arange(35, 135)})
    value, count = ceiling_over(some, mean, frames)
    assert count == 400
    assert rows.loc[("m", "test"), "frames"] == 400
    assert rows.loc[("m", "test"), "ccc"] == pytest.approx(value)


def test_rater_lags_are_taken_out_first(corpus, monkeypatch):
    folder, ratings = corpus
    before = run(folder, monkeypatch, "--estimator", "mean").set_index(["dimension", "partition"])
    for name, rows in ratings.items():
        late = rows["rater"] == "r3"
        moved = rows.assign(time=(rows["time"] * 10 + 20 * late).round() / 10)
        tables.write(moved, schema.RATINGS, folder / "ratings" / f"{name}.parquet")
    late = run(folder, monkeypatch, "--estimator", "mean").set_index(["dimension", "partition"])
    assert (late["ccc"] < before["ccc"]).all()
    lags = pd.DataFrame(
        [(d, f"r{k}", 2.0 * (k == 3)) for d in "mn" for k in range(4)],
        columns=["dimension", "rater", "lag"],
    )
    lags = lags.assign(agreement=0.9, note=None)
    tables.write(lags, schema.RATER_LAGS, folder / "lags.parquet")
    words = ["--estimator", "mean", "--rater-lags", folder / "lags.parquet"]
    after = run(folder, monkeypatch, *words).set_index(["dimension", "partition"])
    pd.testing.assert_frame_equal(after, before)


def test_weights_of_the_corpus_are_used(corpus, monkeypatch):
    folder, ratings = corpus
    weights = pd.DataFrame(
        [(None, d, f"r{k}", a, a, False) for d in "mn" for k, a in enumerate([0.9, 0.1, 0.5, 0.0])],
        columns=["recording", "dimension", "rater", "agreement", "weight", "fallback"],
    )
    tables.write(weights, schema.RATER_WEIGHTS, folder / "weights.parquet")
    table = run(folder, monkeypatch, "--corpus-weights", folder / "weights.parquet")
    rows = table.set_index(["dimension", "partition"])
    wide = (
        ratings["b"].query("dimension == 'm'").pivot(index="time", columns="rater", values="value")
    )
    share = pd.Series({"r0": 0.9, "r1": 0.1, "r2": 0.5, "r3": 0.0})
    expected = [
        audmetric.concordance_cc(
            (wide.drop(columns=k) * share.drop(k)).sum(axis=1) / share.drop(k).sum(), wide[k]
        )
        for k in share.index
    ]
    assert rows.loc[("m", "dev"), "ccc"] == pytest.approx(np.mean(expected), abs=1e-9)


def test_the_planted_truth_is_a_row_of_its_own(corpus, monkeypatch):
    folder, _ = corpus
    check = pd.DataFrame(
        [
            ("m", target, partition, 4.0 * removed, removed, value, value, 70)
            for target, partition, removed, value in [
                ("E", "test", True, 0.9),
                ("sigma", "test", True, 0.7),
                ("E", "test", False, 0.2),
                ("E", "all", True, 0.8),
            ]
        ],
        columns=CHECK.names,
    )
    tables.write(check, CHECK, folder / "check.parquet")
    table = run(folder, monkeypatch, "--check", folder / "check.parquet")
    rows = table[table["reference"] == TRUTH]
    assert list(rows["target"]) == ["E", "sigma"]
    assert list(rows["partition"]) == ["test", "test"]
    assert list(rows["ccc"]) == [0.9, 0.7]
    assert list(rows["frames"]) == [70, 70]
