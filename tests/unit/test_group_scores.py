"""Scores of groups of recordings, by columns of the corpus table."""

import sys

import numpy as np
import pandas as pd
import pytest
from finished_runs import TESTED, Run

from softaer import group_scores
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import defaults
from softaer.core.inference import FEW_UNITS
from softaer.corpus import read_recordings, read_rows, validate_rows
from softaer.group_scores import NO_VALUE, groups_of
from softaer.layouts import table as plain_layout
from softaer.page.groups import group_blocks
from softaer.running.recordings import check_groups, read


def test_groups_have_the_values_of_their_column():
    rows = [{"recording": "a", "sex": "m"}, {"recording": "b"}, {"recording": "c", "sex": "f"}]
    rows += [{"recording": "d", "sex": "m", "hand": "left"}]
    found = groups_of(rows, ["sex", "hand"], ["a", "b", "c", "d"])
    assert found.groupby(["column", "value"], sort=False)["recording"].agg("".join).to_dict() == {
        ("sex", "f"): "c",
        ("sex", "m"): "ad",
        ("sex", NO_VALUE): "b",
        ("hand", "left"): "d",
        ("hand", NO_VALUE): "abc",
    }
    assert set(groups_of(rows, ["sex"], ["a"])["recording"]) == {"a"}


def score(folder, monkeypatch, *more):
    results = folder / "results"
    words = ["--recordings", folder / "recordings.csv", "--results", results]
    words += ["--dataset", results / "dataset/audio", "--dimensions", "mood"]
    words += ["--modalities", "audio", "--tasks", "multi", "--seeds", 1, 2, "--draws", 200]
    words += ["--coverage", results / "coverage/audio.parquet", "--scores", results / "ccc.parquet"]
    words += ["--output", folder / "groups.parquet", "--csv-output", folder / "groups.csv"]
    monkeypatch.setattr(sys, "argv", ["group_scores", *map(str, [*words, *more])])
    group_scores.main()
    return tables.read(folder / "groups.parquet")


def test_a_group_on_which_the_model_fails_is_seen(tmp_path, monkeypatch):
    """Six of eight are of one sex, on which predictions are noise; two are of the other."""
    sexes = {name: "f" if place < 6 else "m" for place, name in enumerate(TESTED)}
    noises = {name: 9.0 for name in TESTED if sexes[name] == "f"}
    run = Run(tmp_path, noise=0.1, sexes=sexes, noises=noises).write()
    found = score(run, monkeypatch, "--groups", "sex").set_index(["value", "target"])
    assert found["units"].to_dict() == {
        (value, t): n for value, n in (("f", 6), ("m", 2)) for t in ("E", "sigma")
    }
    assert found.loc[("f", "E"), "ccc"] < 0.3 < 0.9 < found.loc[("m", "E"), "ccc"]
    assert found.loc[("f", "E"), "rmse"] == pytest.approx(9, rel=0.1)
    assert found.loc[("f", "E"), "kind"] == "interval"
    assert found.loc[("f", "E"), "low"] < found.loc[("f", "E"), "ccc"]
    # Two subjects are too few for an interval.
    assert (found.loc["m", "few"] & (found.loc["m", "kind"] == "range")).all()
    assert not found.loc["f", "few"].any()
    assert 2 <= FEW_UNITS < 6
    assert (found["coverage_audio"] == 1).all()
    assert len(pd.read_csv(run / "groups.csv")) == 4


def test_a_single_group_has_the_score_of_all(tmp_path, monkeypatch):
    run = Run(tmp_path, sexes=dict.fromkeys(TESTED, "f")).write()
    found = score(run, monkeypatch, "--groups", "sex", "partition").set_index(["column", "target"])
    scores = tables.read(run / "results/ccc.parquet")
    on_test = scores[(scores["partition"] == "test") & (scores["task"] == "multi")]
    for target, rows in on_test.groupby("target"):
        for column in ("sex", "partition"):
            assert found.loc[(column, target), "ccc"] == pytest.approx(rows["ccc"].mean())
            assert found.loc[(column, target), "rmse"] == pytest.approx(rows["rmse"].mean())


def test_columns_of_ones_own_are_read_only_where_they_are_asked_for(tmp_path):
    path = tmp_path / "recordings.csv"
    path.write_text("recording,media,sex\na,a.mp4,f\n")
    with pytest.raises(InputError, match=r"found columns .*'sex'.*'evaluation\.groups'"):
        read_rows(path)
    with pytest.raises(InputError, match="'sex'"):
        read_rows(path, ["language"])
    rows = read_rows(path, ["sex"])
    assert rows == read_rows(path, None) == {2: {"recording": "a", "media": "a.mp4", "sex": "f"}}
    validate_rows(rows, path)
    assert read_recordings(path)[0].recording == "a"


def test_an_unknown_column_is_refused_with_those_that_exist():
    rows = [{"recording": "a", "sex": "f"}, {"recording": "b"}]
    check_groups(["sex"], rows, "recordings.csv")
    check_groups([], [{"recording": "a"}], "recordings.csv")
    with pytest.raises(
        InputError, match=r"'evaluation.groups': found 'age'; .*\['recording', 'sex'"
    ):
        check_groups(["sex", "age"], rows, "recordings.csv")
    with pytest.raises(InputError, match="found column 'sex'"):
        check_groups([], rows, "recordings.csv")


def test_groups_of_the_simulated_corpus_are_its_columns():
    config = defaults() | {"simulate": defaults()["simulate"] | {"recordings": 3}}
    config["evaluation"] = config["evaluation"] | {"groups": ["subject"]}
    found = read(config, plain_layout, True)
    assert found.grouped == {"rec01": ["s01"], "rec02": ["s02"], "rec03": ["s03"]}
    config["evaluation"]["groups"] = ["sex"]
    with pytest.raises(InputError, match="found 'sex'; expected columns of"):
        read(config, plain_layout, True)


def test_small_groups_are_named_for_the_page():
    table = pd.DataFrame(
        [
            ("sex", "f", 0.5, 0.1, 0.9, "interval", False),
            ("sex", "m", np.nan, *[np.nan] * 2, "range", True),
        ],
        columns=["column", "value", "ccc", "low", "high", "kind", "few"],
    ).assign(coverage_audio=0.5)
    (block,) = group_blocks(table)
    assert block["few"] == ["m"]
    assert [row["bounds"] for row in block["rows"]] == ["[0.10, 0.90]", None]
    assert block["rows"][1]["ccc"] is None
    assert block["rows"][0]["coverage"] == {"audio": 0.5}
