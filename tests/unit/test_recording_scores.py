"""Scores of every recording, and which is called the worst and which typical."""

import audmetric
import numpy as np
import pandas as pd
import pytest

from softaer.core.concordance import moments
from softaer.core.errors import InputError
from softaer.page.trouble import trouble_rows, typical, typical_and_worst, worst_first
from softaer.recording_scores import agreement_of_raters, by_trouble, errors_from_moments


def test_errors_follow_from_moments():
    rng = np.random.default_rng(0)
    label, prediction = rng.normal(size=(2, 90))
    unit = np.repeat([0, 1, 2], 30)
    rmse, bias = errors_from_moments(moments(prediction, label, unit, 3))
    for place in range(3):
        error = (prediction - label)[unit == place]
        assert rmse[place] == pytest.approx(np.sqrt((error**2).mean()))
        assert bias[place] == pytest.approx(error.mean())
    rmse, bias = errors_from_moments(moments(label, label, unit, 3))
    np.testing.assert_allclose([rmse, bias], 0, atol=1e-7)


def ratings(recording, *traces):
    rows = [
        (recording, "m", frame / 10, f"r{rater}", value)
        for rater, trace in enumerate(traces)
        for frame, value in enumerate(trace)
    ]
    return pd.DataFrame(rows, columns=["recording", "dimension", "time", "rater", "value"])


def test_raters_agree_in_one_recording_and_not_in_another():
    rng = np.random.default_rng(1)
    one = rng.normal(size=50)
    table = pd.concat(
        [
            ratings("same", one, 2 * one + 1, one),
            ratings("other", one, rng.normal(size=50)),
            ratings("alone", one),
        ]
    )
    found = agreement_of_raters(table).set_index("recording")
    assert found["raters"].to_dict() == {"same": 3, "other": 2, "alone": 1}
    assert found.loc["same", "agreement"] == pytest.approx(1)
    expected = audmetric.pearson_cc(one, table.query("recording == 'other'")["value"][50:])
    assert found.loc["other", "agreement"] == pytest.approx(expected)
    assert np.isnan(found.loc["alone", "agreement"])


TABLE = pd.DataFrame(
    [
        ("a", "test", "E", 0.9),
        ("a", "test", "sigma", 0.7),
        ("b", "test", "E", -0.2),
        ("b", "test", "sigma", 0.4),
        ("c", "test", "E", 0.5),
        ("c", "test", "sigma", np.nan),
        ("d", "dev", "E", -0.9),
        ("e", "test", "E", np.nan),
    ],
    columns=["recording", "partition", "target", "ccc"],
).assign(coverage_audio=0.5)


def test_the_lowest_score_comes_first_and_none_last():
    rows = by_trouble(TABLE.sample(frac=1, random_state=0))
    assert rows["ccc"].dropna().tolist() == [-0.2, 0.4, 0.5, 0.7, 0.9, -0.9]
    assert rows["partition"].tolist() == ["test"] * 7 + ["dev"]
    assert rows["ccc"].isna()[5:7].all()
    assert worst_first(TABLE).index.tolist() == ["b", "c", "a", "e"]
    # Without a score on test, those on dev are all there is.
    assert worst_first(TABLE[TABLE["partition"] == "dev"]).index.tolist() == ["d"]


def test_typical_and_worst():
    assert typical_and_worst(TABLE, "table") == {"c": "typical", "b": "worst"}
    assert typical(pd.Series({"x": 0.1, "y": 0.4, "z": 0.2, "w": 0.9})) == "y"
    assert typical_and_worst(TABLE[:2], "table") == {"a": "typical"}
    assert typical_and_worst(TABLE[7:], "table") == {"e": "no CCC is defined"}
    with pytest.raises(InputError, match="no rated recording in partitions test and dev"):
        typical_and_worst(TABLE[:0], "table")


def test_rows_of_the_report():
    rows = trouble_rows(TABLE)
    assert [row["recording"] for row in rows] == list("aabbcce")
    assert rows[5]["ccc"] is None
    assert rows[0]["coverage"] == {"audio": 0.5}
