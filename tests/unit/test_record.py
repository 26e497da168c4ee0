"""The record of a run: its settings, code and command, and checksums of its inputs."""

import hashlib
import platform
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from softaer.core.home import DEFAULTS
from softaer.running import record


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / ".snakemake").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_record_says_what_was_done(folder, monkeypatch):
    (folder / "a.wav").write_bytes(b"sound")
    monkeypatch.setattr(sys, "argv", ["snakemake", "--config", "a b"])
    config = {"seeds": [1, 2], "model": {"cells": 8, "layers": 2}, "grid": {"model.cells": [8]}}
    defaults = {"seeds": [1], "model": {"cells": 240, "layers": 2}, "grid": {}}
    record.write("results/experiment.yaml", config, defaults, record.checksums(["a.wav"]))
    content = yaml.safe_load((folder / "results/experiment.yaml").read_text())
    assert content["command"] == "snakemake --config 'a b'"
    assert content["configuration"] == config
    assert content["changed"] == {
        "seeds": [1, 2],
        "model": {"cells": 8},
        "grid": {"model.cells": [8]},
    }
    expected = hashlib.sha256(b"sound").hexdigest()
    assert content["inputs"] == {"a.wav": {"size": 5, "sha256": expected}}
    assert content["commit"] is None or len(content["commit"].rstrip("+")) == 40


def test_a_record_has_the_configuration_as_it_was_written_and_the_versions(folder):
    (folder / "my.yaml").write_text("delay: 2\n")
    given = record.as_given([str(DEFAULTS), "my.yaml"], {"seeds": [3]})
    assert given == [
        {"file": "my.yaml", "content": {"delay": 2}},
        {"file": "--config", "content": {"seeds": [3]}},
    ]
    assert record.as_given([str(DEFAULTS)], {}) == []
    record.write("experiment.yaml", {}, {}, {}, given, {"labels": "0123"})
    content = yaml.safe_load((folder / "experiment.yaml").read_text())
    assert (content["given"], content["code"]) == (given, {"labels": "0123"})
    assert content["packages"]["python"] == platform.python_version()
    assert content["packages"]["numpy"] == np.__version__
    assert "pytest" not in content["packages"]


def test_a_file_is_read_again_only_if_it_has_changed(folder, monkeypatch):
    (folder / "a.wav").write_bytes(b"sound")
    first = record.checksums(["a.wav"])
    with monkeypatch.context() as patch:
        patch.setattr(record, "checksum", lambda path: pytest.fail("read again"))
        assert record.checksums(["a.wav"]) == first
    (folder / "a.wav").write_bytes(b"other")
    assert record.checksums(["a.wav"]) != first


def test_what_has_not_been_read_has_no_checksum(folder):
    (folder / "a.wav").write_bytes(b"sound")
    assert record.checksums(["a.wav"], read=False) == {"a.wav": {"size": 5, "sha256": None}}
    assert record.checksums(["gone.wav"]) == {"gone.wav": {"size": None, "sha256": None}}


def test_the_headline_names_a_plain_mean(folder):
    keys = ["dimension", "target", "modality", "fusion", "task", "partition", "seed"]
    rows = [
        ("mood", "E", "a+v", fusion, "multi", partition, 1, score)
        for fusion, score in (("least_squares", 0.3), ("mean", 0.5))
        for partition in ("dev", "test")
    ]
    table = pd.DataFrame(rows, columns=[*keys, "ccc"]).assign(ccc_out_of_fold=lambda t: t["ccc"])
    table.to_parquet(folder / "ccc.parquet")
    people = pd.DataFrame(columns=["dimension", "target", "reference", "partition", "ccc"])
    people.to_parquet(folder / "ceiling.parquet")
    said = record.headline(folder / "ccc.parquet", folder / "ceiling.parquet")
    assert said.endswith("mood E 0.500 (a+v (mean), multi)")


def test_without_a_report_the_headline_says_where_to_look(folder):
    assert record.headline(folder / "ccc.parquet", folder / "ceiling.parquet") == "see the report"
