"""Files of raters' tools through the workflow: from a log to labels, and what reruns them."""

import os
import subprocess
import sys
import wave

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.workflow


def softaer(directory, *words):
    """Run a command of softaer in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "softaer", *map(str, words)],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    ).stderr


def test_a_real_log_of_pagan_becomes_labels_in_two_commands(shared_data, empty_project):
    """71 raters of a tone: import names what the log needs, and E follows the planted pitch."""
    folder = shared_data / "ratings" / "pagan_qa"
    log, tone = folder / "Raw_Audio_Logs.csv", folder / "QA_Audio.mp4"
    said = softaer(empty_project.directory, "import", log, "--media", tone)
    assert "ratings: {interpolation: hold}" in said

    outcome = empty_project.run(
        "labels",
        config={
            "corpus": {"recordings": "recordings.csv"},
            "dimensions": ["pitch"],
            "ratings": {"interpolation": "hold", "scale": "standardised"},
            "simulate": {},
        },
    )
    assert outcome.returncode == 0, outcome.output
    labels = pd.read_parquet(empty_project.path("results/labels/QA_Audio.parquet"))
    assert len(labels) == 325
    # 13 of the 71 never moved, and about 9 ran against the others: they have weight 0.
    assert labels["raters"].between(45, 49).all()
    values = pd.read_csv(folder / "Pitch_values.csv")["Value"].to_numpy()
    truth = np.interp(labels["time"], np.arange(len(values)) / 60, values)
    r = [np.corrcoef(labels["E"][d:], truth[: 325 - d])[0, 1] for d in range(5, 20)]
    assert max(r) > 0.985


READER = """\
from softaer.readers.traces import Traces, table_of


def recognises(head):
    return head.text.startswith("%mine")


def read(request):
    rows = [line.split() for line in request.path.read_text().splitlines()[1:]]
    return Traces(table_of([float(t) for t, _ in rows], [FACTOR * float(v) for _, v in rows]))


FACTOR = 1
"""


def test_files_of_raters_and_a_reader_of_ones_own(empty_project):
    """A new rater's file and an edited reader rerun the ratings; nothing else does."""
    here = empty_project.directory
    rows = ["recording,subject,partition,audio"]
    for name, partition in (("p1", "train"), ("p2", "dev"), ("p3", "test")):
        rows.append(f"{name},{name},{partition},{name}.wav")
        with wave.open(str(here / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\0\0" * 8000 * 4)
    (here / "recordings.csv").write_text("\n".join(rows) + "\n")
    (here / "my_reader.py").write_text(READER)

    def rate(rater, name, level):
        path = here / "ratings" / rater / f"{name}_valence.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = "".join(f"{k / 2} {level + 0.1 * k % 0.3:.3f}\n" for k in range(8))
        path.write_text("%mine\n" + values)

    for name in ("p1", "p2", "p3"):
        for rater, level in (("anna", 0.1), ("ben b", 0.2)):
            rate(rater, name, level)
    config = {
        "corpus": {"recordings": "recordings.csv"},
        "dimensions": ["valence"],
        "ratings": {
            "format": "my_reader.py",
            "files": "ratings/{rater}/{recording}_{dimension}.txt",
            "scale": {"from": [0, 1], "to": [-1, 1]},
        },
        "simulate": {},
    }
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode == 0, outcome.output
    labels = pd.read_parquet(empty_project.path("results/labels/p1.parquet"))
    assert (labels["raters"] == 2).all()
    ratings = pd.read_parquet(empty_project.path("results/ratings/p1.parquet"))
    assert set(ratings["rater"]) == {"anna", "ben b"}
    first = ratings[ratings["rater"] == "anna"]["value"].iloc[0]
    assert first == pytest.approx(2 * 0.1 - 1)

    again = empty_project.run("labels", config=config)
    assert again.rules == set()
    rate("eva", "p2", 0.3)
    more = empty_project.run("labels", config=config)
    assert more.returncode == 0, more.output
    assert (more.count("ratings"), more.count("labels_batch")) == (1, 1)
    labels = pd.read_parquet(empty_project.path("results/labels/p2.parquet"))
    assert (labels["raters"] == 3).all()

    (here / "my_reader.py").write_text(READER.replace("FACTOR = 1", "FACTOR = 0.5"))
    os.utime(here / "my_reader.py")
    edited = empty_project.run("labels", config=config)
    assert edited.returncode == 0, edited.output
    assert edited.count("ratings") == 3
    ratings = pd.read_parquet(empty_project.path("results/ratings/p1.parquet"))
    assert ratings[ratings["rater"] == "anna"]["value"].iloc[0] == pytest.approx(2 * 0.05 - 1)

    wrong = config | {"ratings": config["ratings"] | {"files": "elsewhere/{recording}.txt"}}
    refused = empty_project.run("labels", config=wrong)
    assert refused.returncode != 0
    assert "no file matches 'elsewhere/{recording}.txt'" in refused.output
