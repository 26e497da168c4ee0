"""The benchmarks' own arithmetic, and that what they compare with does the same."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def beside(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "tests/benchmarks")


def test_a_ratio_is_bare_over_ours_turn_by_turn():
    from side_by_side import row

    found = row("stage", [(1.0, 2.0), (3.0, 2.0), (4.0, 4.0)], "a note")
    assert found == {
        "name": "stage",
        "bare": 3.0,
        "ours": 2.0,
        "ratio": 1.0,
        "low": 0.5,
        "high": 1.5,
        "note": "a note",
    }


def test_both_take_turns_and_none_is_timed_cold():
    from side_by_side import compare

    calls = []
    compare("", lambda: calls.append("bare"), lambda: calls.append("ours"), repeat=2)
    assert calls == ["bare", "ours", "bare", "ours", "ours", "bare"]


def test_rows_are_written_as_tables(tmp_path):
    from side_by_side import row, write

    write([row("stage", [(1.0, 2.0)])], tmp_path / "new")
    assert pd.read_parquet(tmp_path / "new/ratios.parquet")["ratio"].tolist() == [0.5]
    assert "| stage | 1 | 2 | 0.50 (0.50 to 0.50) |" in (tmp_path / "new/ratios.md").read_text()


@pytest.mark.parametrize(("cores", "seconds"), [(1, 15.0), (2, 8.0), (3, 5.0), (9, 5.0)])
def test_jobs_are_packed_longest_first(cores, seconds):
    from sewa_size import packed

    assert packed([3.0, 5.0, 4.0, 1.0, 2.0], cores) == seconds


def test_stages_follow_each_other():
    from sewa_size import projected

    jobs = pd.DataFrame({"stage": ["a", "a", "b"], "s": [2.0, 3.0, 4.0]})
    assert projected(jobs, 1) == 9.0
    assert projected(jobs, 2) == 7.0


def test_time_without_a_job_is_what_no_job_covers():
    from sewa_size import between

    jobs = pd.DataFrame({"start": [105.0, 101.0, 102.0], "s": [2.0, 3.0, 1.0]})
    assert between(jobs, 10.0) == pytest.approx(5.0)


def test_memory_is_that_of_the_largest_request_of_a_rule():
    from sewa_size import asked

    job = "rule {}:\n    input: a\n    output: b\n    resources: tmpdir=/tmp, mem_mb={}, mem=1\n"
    log = "".join(job.format(*j) for j in [("train", 900), ("train", 1000), ("fuse", 5)])
    assert asked("local" + log) == {"train": 1000, "fuse": 5}


def test_a_corpus_without_data_has_tables_and_status_of_every_recording(tmp_path):
    from sewa_size import lay_out

    lay_out(tmp_path / "run", {"train": 2, "dev": 1, "test": 1}, 12.0)
    rows = pd.read_csv(tmp_path / "run/recordings.csv")
    assert rows["partition"].tolist() == ["train", "train", "dev", "test"]
    for recording in rows["recording"]:
        ratings = pd.read_csv(tmp_path / f"run/annotations/{recording}.csv")
        assert len(ratings) == 6 * 2 * 120
        for stage, width in (("audio_features", 132), ("video_features", 100)):
            table = pd.read_parquet(tmp_path / f"run/results/{stage}/{recording}.parquet")
            assert table.shape == (120, width)


def test_planted_features_answer_to_ratings_of_four_seconds_later():
    from sewa_size import features, traces, truth

    rng = np.random.default_rng(0)
    felt = truth(rng, 3000)
    names = [f"x{k}" for k in range(50)]
    mixture = np.tile([[1.0], [0.0], [0.0], [0.0]], len(names))
    table = features(rng, felt, mixture, names)[names].mean(axis=1)
    ratings = traces(rng, felt)
    mean = ratings[ratings["dimension"] == "arousal"].groupby("time")["value"].mean().to_numpy()
    found = [np.corrcoef(table[: 3000 - lag], mean[lag:])[0, 1] for lag in range(0, 100, 10)]
    assert np.argmax(found) == 4


def test_labels_are_those_of_plain_numpy():
    from labels import plain_from_table, ratings_of

    from softaer.labels import label

    ratings = ratings_of(1)
    ours = label(ratings)[0][["E", "sigma"]].T.to_numpy()
    np.testing.assert_allclose(ours, plain_from_table(ratings), rtol=0, atol=1e-12)


def test_audio_features_are_those_of_pandas_windows(tmp_path):
    import audio_features
    from side_by_side import Setting

    first, *_ = audio_features.rows(Setting([], repeat=1))
    assert float(first["note"].split()[-3]) < 1e-3


def test_features_agree_with_themselves():
    from video_rate import agreement

    every = np.random.default_rng(0).standard_normal((50, 98))
    every[3] = np.nan
    correlation, difference = agreement(every, every[:40])
    np.testing.assert_allclose(correlation, 1)
    assert (difference == 0).all()
    assert (agreement(every, -every)[0] < -0.99).all()


def test_networks_are_timed_and_scored_on_the_same_task():
    from dataclasses import replace

    from networks import NETWORKS, Size, alone, best, step_seconds

    settings = replace(NETWORKS["tcn"], cells=4, layers=2)
    assert step_seconds("tcn", settings, Size(train=4, dev=1, frames=30), 2) > 0
    assert best("tcn", settings, 1, 20) == best("tcn", settings, 1, 20)
    base, _ = alone(None)
    assert base > 0


def test_claims_over_corpora_cover_the_mean_of_what_is_true_in_each():
    from claims import over_corpora

    generator = np.random.default_rng(1)
    true, errors = np.array([0.0, 0.1, 0.3]), np.array([0.02, 0.03, 0.06])
    estimates = generator.normal(true, errors, (1000, 3))
    corpora = {
        "planted": "yes",
        "sharing": True,
        "hypothesis": np.repeat(np.arange(1000), 3),
        "target": "E",
        "difference": estimates.ravel(),
        "low": (estimates - 1.96 * errors).ravel(),
        "high": (estimates + 1.96 * errors).ravel(),
        "resampled": 27,
    }
    found = over_corpora(pd.DataFrame(corpora))
    assert (found["subjects"] == 81).all()
    covered = found["low"].le(true.mean()) & found["high"].ge(true.mean())
    assert 0.93 < covered.mean() < 0.97
    # An average of the bounds would be too wide.
    assert (found["high"] - found["low"]).max() < 2 * 1.96 * errors.mean()
