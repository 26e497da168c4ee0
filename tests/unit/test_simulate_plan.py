"""The plan of the default corpus: who is in which partition, and the table that says so."""

import csv
import subprocess
import sys

import pytest

from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import Simulate
from softaer.simulate.plan import plan
from softaer.simulate.raters import RATER_PARAMETERS, RATERS
from softaer.simulate.subjects import ASTRONAUT, HOPPER, SUBJECTS, subject


def subjects_by_partition(rows):
    partitions = {}
    for row in rows:
        partitions.setdefault(row["partition"], set()).add(row["subject"])
    return partitions


@pytest.mark.parametrize("count", range(3, 26))
def test_partitions_share_no_subject_and_none_is_empty(count):
    rows = plan(count)
    partitions = subjects_by_partition(rows)
    assert set(partitions) == {"train", "dev", "test"}
    assert sum(map(len, partitions.values())) == len({row["subject"] for row in rows})
    assert len({row["recording"] for row in rows}) == count


def test_the_default_plan_can_decide_a_claim():
    """Eight subjects or more in test, each with as many recordings as any other."""
    rows = plan(Simulate.recordings)
    sizes = {name: len(names) for name, names in subjects_by_partition(rows).items()}
    assert sizes == {"train": 27, "dev": 18, "test": 27}
    assert len({row["subject"] for row in rows}) == len(rows)


def test_batches_are_small_and_of_one_partition():
    batches = {}
    for row in plan(Simulate.recordings):
        batches.setdefault(row["batch"], []).append(row["partition"])
    assert all(len(some) <= 6 and len(set(some)) == 1 for some in batches.values())
    assert len(batches) == 13


def test_identities_differ():
    portraits = [who.portrait for who in SUBJECTS.values()]
    assert len(set(portraits)) == len(portraits)
    assert len({who.voice for who in SUBJECTS.values()}) == len(portraits)


def test_every_partition_sees_both_photographs():
    seen = {(who.partition, who.portrait.photograph) for who in SUBJECTS.values()}
    assert seen == {(p, f) for p in ("train", "dev", "test") for f in (ASTRONAUT, HOPPER)}


def test_a_larger_plan_begins_with_the_smaller_one():
    assert plan(20)[:16] == plan(16)


def test_too_few_recordings_for_three_partitions():
    with pytest.raises(InputError):
        plan(2)


def test_unknown_subject():
    with pytest.raises(InputError):
        subject("s99")


def test_plan_needs_the_standard_library_only():
    code = "import sys; import softaer.simulate.plan; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "pandas", "pyarrow", "cv2", "mediapipe", "av"}


def test_command_line_writes_the_plan_and_the_planted_raters(tmp_path):
    recordings, raters = tmp_path / "recordings.csv", tmp_path / "raters.parquet"
    command = [sys.executable, "-m", "softaer.simulate.tables", "--count", "5"]
    command += ["--output", recordings, "--raters-output", raters]
    subprocess.run(command, check=True)
    with recordings.open(newline="") as source:
        assert list(csv.DictReader(source)) == plan(5)
    written = tables.read(raters, columns=RATER_PARAMETERS.names)
    assert written["lag"].tolist() == [rater.lag for rater in RATERS]
