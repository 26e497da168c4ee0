"""Rater weights over the corpus: one correlation per rater over all recordings together."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import labels, rater_weights
from softaer.core import tables
from softaer.core.schema import RATINGS
from softaer.rater_weights import corpus_weights

RECORDINGS = {"one": 40, "two": 25}
RATERS = ["a", "b", "c", "d"]


@pytest.fixture
def ratings():
    """Four raters who saw two recordings; c paused in the second."""
    rng = np.random.default_rng(0)
    parts = []
    for recording, length in RECORDINGS.items():
        common = rng.normal(size=length).cumsum()
        for rater in RATERS:
            trace = common + rng.normal(size=length) * 2 + rng.normal()
            parts.append(
                pd.DataFrame(
                    {
                        "recording": recording,
                        "time": np.arange(length) / 10,
                        "dimension": "arousal",
                        "rater": rater,
                        "value": trace,
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    away = (table["rater"] == "c") & (table["recording"] == "two") & (table["time"] < 1)
    return table[~away]


def concatenated(ratings):
    wide = ratings.pivot(index=["recording", "time"], columns="rater", values="value")
    return wide[RATERS]


def test_agreement_is_a_correlation_over_the_concatenated_frames(ratings):
    table = corpus_weights(ratings).set_index("rater")
    wide = concatenated(ratings)
    for rater in RATERS:
        others = wide.drop(columns=rater).mean(axis=1)
        assert table.loc[rater, "agreement"] == pytest.approx(wide[rater].corr(others))
        all_of_them = corpus_weights(ratings, "all").set_index("rater").loc[rater, "agreement"]
        assert all_of_them == pytest.approx(wide[rater].corr(wide.mean(axis=1)))


def test_the_order_of_the_rows_does_not_matter(ratings):
    shuffled = corpus_weights(ratings.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(shuffled, corpus_weights(ratings))


def test_a_rater_against_the_rest_has_no_weight(ratings):
    ratings.loc[ratings["rater"] == "c", "value"] *= -1
    table = corpus_weights(ratings).set_index("rater")
    assert table.loc["c", "agreement"] < 0
    assert table.loc["c", "weight"] == 0
    assert not table["fallback"].any()


def test_labels_use_the_weights_of_the_corpus(ratings, tmp_path, monkeypatch):
    def run(stage, *words):
        monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
        stage.main()

    both = pd.concat([ratings, ratings.assign(dimension="valence", value=-(ratings["value"] ** 2))])
    (tmp_path / "recordings.csv").write_text(
        "recording,media,annotations\none,1.mp4,1.csv\ntwo,2.mp4,2.csv\nunrated,3.mp4,\n"
    )
    for recording, rows in both.groupby("recording"):
        tables.write(rows, RATINGS, tmp_path / "ratings" / f"{recording}.parquet")
    weights = tmp_path / "rater_weights.parquet"
    run(
        rater_weights,
        *("--recordings", tmp_path / "recordings.csv"),
        *("--ratings", tmp_path / "ratings", "--output", weights),
    )
    table = tables.read(weights)
    assert table["recording"].isna().all()
    for dimension, rows in table.groupby("dimension"):
        expected = corpus_weights(both[both["dimension"] == dimension])
        np.testing.assert_array_equal(rows["agreement"], expected["agreement"])

    run(
        labels,
        *("--ratings", tmp_path / "ratings" / "two.parquet", "--corpus-weights", weights),
        *("--output", tmp_path / "labels.parquet"),
        *("--weights-output", tmp_path / "used.parquet"),
    )
    found = tables.read(tmp_path / "labels.parquet")
    share = corpus_weights(ratings).set_index("rater")["weight"]
    wide = concatenated(ratings).loc["two"]
    expected = (wide * share).sum(axis=1) / (wide.notna() * share).sum(axis=1)
    np.testing.assert_allclose(found.loc[found["dimension"] == "arousal", "E"], expected)
