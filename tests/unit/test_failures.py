"""Failed jobs in words, from the logs of a run."""

import os

import pytest

from softaer.running.failures import MOST, reason, told

BAD = "reading 3 files\nerror: recording 'p07': p07.mp4: cannot be decoded\n"
BUG = "Traceback (most recent call last):\n  File ...\nKeyError: 'E'\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BAD, "recording 'p07': p07.mp4: cannot be decoded"),
        (BUG, "a bug: KeyError: 'E'"),
        ("", None),
        ("done: 3 frames\n", None),
        ("error: tried again\ndone: 3 frames\n", None),
    ],
)
def test_a_log_says_why_a_job_failed_or_nothing(tmp_path, text, why):
    path = tmp_path / "a.log"
    path.write_text(text)
    assert reason(path) == why


def test_jobs_of_this_run_are_told_with_their_logs(tmp_path):
    for unit, text, time in (("landmarks/b", BAD, 200), ("labels/a", BUG, 300), ("ok", "", 300)):
        path = tmp_path / f"{unit}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, (time, time))
    assert told(tmp_path, 100) == [
        "2 jobs failed:",
        "  labels/a: a bug: KeyError: 'E'",
        f"    log: {tmp_path}/labels/a.log",
        "  landmarks/b: recording 'p07': p07.mp4: cannot be decoded",
        f"    log: {tmp_path}/landmarks/b.log",
    ]
    # What failed in a former run is not told again.
    assert told(tmp_path, 250)[0] == "1 job failed:"
    assert told(tmp_path, 301) == []


def test_many_are_counted(tmp_path):
    for number in range(MOST + 5):
        (tmp_path / f"{number:03}.log").write_text(BAD)
    lines = told(tmp_path, 0)
    assert len(lines) == 1 + 2 * MOST + 1
    assert lines[-1] == "  and 5 more"
