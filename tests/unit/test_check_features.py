"""`check` tells rate, coverage, missing values and constant columns of feature tables."""

import feature_files as files
import numpy as np
import pytest
from feature_files import values

from softaer.core.experiment import FeatureTable
from softaer.prepare.check_features import look_at_features


def look(paths, lengths=None, **settings):
    told = []
    found = look_at_features(paths, FeatureTable(**settings), lengths or {}, told.append)
    return found, told


def test_good_tables_have_no_problems(tmp_path):
    paths = {name: files.avec(tmp_path / name, values(400, 3, k)) for k, name in enumerate("ab")}
    found, told = look(paths, {"a": 40.0, "b": 40.02})
    assert told == []
    assert found.loc["b"].to_dict() == {
        "features": 3,
        "rows": 400,
        "rate": pytest.approx(10),
        "regular": True,
        "end": pytest.approx(40),
        "seconds": 40.02,
        "coverage": 1.0,
        "nulls": 0.0,
        "constant": 0,
    }


def test_what_is_odd_is_told(tmp_path):
    x = values(400, 3)
    x[:, 1] = 2.0
    x[:300, 2] = np.nan
    gaps = [[k / 10, *row] for k, row in enumerate(x) if k < 100 or k >= 300]
    paths = {
        "a": files.lines(tmp_path / "a.csv", "time,x0,x1,x2", gaps),
        "b": files.lines(tmp_path / "b.csv", "time,x0,x1", [[0, 1, 2]]),
        "c": tmp_path / "c.csv",
    }
    found, told = look(paths, {"a": 42.5}, max_gap=0.5)
    assert list(found.index) == ["a"]
    own = found.loc["a"]
    assert (own["regular"], own["constant"]) == (False, 1)
    assert own["rate"] == pytest.approx(10)
    # The row before the gap holds for 0.5 s.
    assert own["coverage"] == pytest.approx((100 + 4 + 100) / 425)
    assert own["nulls"] == pytest.approx(100 / 600)
    assert told == [
        f"recording 'a': {paths['a']}: 200 rows end at 40 s, the recording at 42.5 s; "
        "4.706 rows per second would fit",
        f"recording 'a': features in {paths['a']} cover 48 % of the recording",
        f"recording 'b': {paths['b']}: found 2 columns of features, {paths['a']} has 3; "
        f"{paths['b']} lacks 'x2'; expected the same columns in all recordings ('columns' selects "
        "some)",
        f"recording 'c': {paths['c']}: no such feature table",
        "features that are the same in all recordings, or never there: 'x1'",
    ]


def test_mostly_missing_values_are_told(tmp_path):
    x = values(100, 2)
    x[:, 0] = np.nan
    x[:40, 1] = np.nan
    _, told = look({"a": files.avec(tmp_path / "a.csv", x)}, {"a": 10.0})
    assert told == [
        f"recording 'a': features in {tmp_path / 'a.csv'} have 30 % of their values",
        "features that are the same in all recordings, or never there: 'x0'",
    ]


def test_a_constant_that_differs_between_recordings_is_no_problem(tmp_path):
    paths = {}
    for name, age in (("a", 30), ("b", 40)):
        rows = [[k / 10, k, age] for k in range(100)]
        paths[name] = files.lines(tmp_path / name, "time,x,age", rows)
    found, told = look(paths)
    assert told == []
    assert found["constant"].tolist() == [1, 1]
    assert found["seconds"].isna().all()
    assert (found["coverage"] == 1).all()
