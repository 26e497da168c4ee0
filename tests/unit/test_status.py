"""What has become of every recording stands in one table that a person can read."""

import csv
import sys

import pandas as pd
import pytest

from softaer import status
from softaer.core import schema, tables

STATES = {
    "audio_lld": {
        "one": [
            ("a", None, 296, 0, 2.98, 3.0, 2.99, 0, 0, None),
            ("b", 'b.mp4: no "audio", none', 0, 0, None, None, None, 0, 0, None),
        ],
        "two": [("c", None, 0, 0, None, None, 0.0, 0, 0, "the whole sound is digital silence")],
    },
    "landmarks": {"one": [("a", None, 75, 20, 2.96, 3.0, 3.0, 1, 7, "odd; very odd")], "two": []},
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def collect(*stages):
        batch_of = {"a": "one", "b": "one", "c": "two"}
        table = pd.DataFrame(batch_of.items(), columns=["recording", "batch"])
        table.assign(media="a.mp4").to_csv(tmp_path / "recordings.csv", index=False)
        for stage in stages:
            for batch, rows in STATES[stage].items():
                path = tmp_path / stage / f"{batch}.parquet"
                tables.write(pd.DataFrame(rows, columns=schema.STATUS.names), schema.STATUS, path)
        words = ["--recordings", tmp_path / "recordings.csv", "--status", tmp_path]
        words += ["--stages", *stages, "--output", tmp_path / "status.csv"]
        monkeypatch.setattr(sys, "argv", ["status", *map(str, words)])
        status.main()
        with open(tmp_path / "status.csv", newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    return collect


def test_all_states_stand_in_one_table(run, capsys):
    assert run("audio_lld", "landmarks") == [
        ["recording", "stage", *schema.STATUS.names[1:]],
        ["a", "audio_lld", "", "296", "0", "2.980", "3.000", "2.990", "0", "0", ""],
        ["b", "audio_lld", 'b.mp4: no "audio", none', "0", "0", "", "", "", "0", "0", ""],
        [
            "c",
            "audio_lld",
            "",
            "0",
            "0",
            "",
            "",
            "0.000",
            "0",
            "0",
            "the whole sound is digital silence",
        ],
        ["a", "landmarks", "", "75", "20", "2.960", "3.000", "3.000", "1", "7", "odd; very odd"],
    ]
    assert capsys.readouterr().out == "4 extractions, 1 of them left out, 2 with notes\n"


def test_one_stage_alone(run, capsys):
    assert len(run("landmarks")) == 2
    assert capsys.readouterr().out == "1 extractions, 0 of them left out, 1 with notes\n"
