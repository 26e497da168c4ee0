"""Slurm jobs of a killed run are found by the name in its log, and ended (see tests/cluster)."""

import stat

import pytest

from softaer.core.errors import InputError
from softaer.running import orphans
from softaer.running.orphans import end_orphans

QUEUE = """#!/bin/sh
cat "{folder}/queue"
"""

CANCEL = """#!/bin/sh
echo "$@" >> "{folder}/cancelled"
{then}
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands that answer like Slurm's; the queue is a file."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def answer(queue="", then=': > "{folder}/queue"'):
        (tmp_path / "queue").write_text(queue)
        for name, text in (("squeue", QUEUE), ("scancel", CANCEL)):
            text = text.replace("{then}", then).replace("{folder}", str(tmp_path))
            (programs / name).write_text(text)
            (programs / name).chmod(stat.S_IRWXU)

    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return answer


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "1.snakemake.log").write_text("Building DAG\nSLURM run ID: aaaa-1\nmore\n")
    (folder / "2.snakemake.log").write_text("SLURM run ID: prefix_bbbb-2\n")
    return folder


def test_jobs_of_runs_in_the_logs_are_ended_and_no_others(slurm, logs, tmp_path):
    slurm("11 aaaa-1\n12 somebody else's\n13 prefix_bbbb-2\n14 aaaa-10\n")
    assert end_orphans(logs) == ["11", "13"]
    assert (tmp_path / "cancelled").read_text().split() == ["11", "13"]


def test_nothing_is_cancelled_without_orphans(slurm, logs, tmp_path):
    slurm("12 another\n")
    assert end_orphans(logs) == []
    assert not (tmp_path / "cancelled").exists()


def test_slurm_is_not_asked_without_runs(slurm, tmp_path):
    slurm(then="exit 1")
    (tmp_path / "bin/squeue").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "empty").mkdir()
    assert end_orphans(tmp_path / "empty") == []


def test_without_slurm_there_are_no_orphans(logs, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert end_orphans(logs) == []


def test_a_slurm_that_does_not_answer_is_named(slurm, logs, tmp_path):
    slurm()
    (tmp_path / "bin/squeue").write_text("#!/bin/sh\necho no contact >&2\nexit 1\n")
    with pytest.raises(InputError, match=r"squeue.*no contact"):
        end_orphans(logs)


def test_jobs_that_do_not_end_are_named(slurm, logs, monkeypatch):
    monkeypatch.setattr(orphans, "PATIENCE", 0.1)
    slurm("11 aaaa-1\n", then="true")
    with pytest.raises(InputError, match="jobs 11 of a former run"):
        end_orphans(logs)
