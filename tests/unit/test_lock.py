"""One run at a time in a folder, and no lock that outlives the process that held it."""

import errno
import fcntl
import os
import socket

import processes
import pytest

from patience import SILENT
from softaer.core import lock
from softaer.core.errors import InputError

HOLDS = """
import sys
from pathlib import Path
from softaer.core import lock

print(lock.hold(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""

HOLDS_AND_HAS_A_CHILD = """
import subprocess, sys
from pathlib import Path
from softaer.core import lock

lock.hold(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.readline()
"""

TRIES = """
import sys
from pathlib import Path
from softaer.core import lock
from softaer.core.errors import InputError

try:
    print(lock.hold(Path(sys.argv[1])))
except InputError as error:
    print(error)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "softaer.lock"


@pytest.fixture(autouse=True)
def _free():
    """This process gives its locks back after each test."""
    yield
    for file in lock._held.values():
        file.close()
    lock._held.clear()


def attempt(path):
    """What a process of its own says that tries to take the lock."""
    with processes.python(TRIES, path) as other:
        return other.said


def test_a_second_process_is_refused_and_told_who_is_at_work(path):
    with processes.python(HOLDS, path) as holder:
        assert holder.said == "True"
        said = attempt(path)
        for word in (str(path), f"process {holder.pid}", socket.gethostname(), "since 2"):
            assert word in said
        with pytest.raises(InputError, match=f"process {holder.pid} "):
            lock.hold(path)


def test_the_lock_is_free_when_its_holder_has_ended(path):
    with processes.python(HOLDS, path) as holder:
        holder.communicate("end\n", timeout=SILENT)
        assert holder.returncode == 0
        assert attempt(path) == "True"


def test_the_lock_is_free_when_its_holder_was_killed(path):
    with processes.python(HOLDS, path) as holder:
        assert attempt(path) != "True"
        processes.kill(holder)
        assert path.exists()
        assert attempt(path) == "True"


def test_a_child_that_outlives_the_holder_does_not_hold_the_lock(path):
    with processes.python(HOLDS_AND_HAS_A_CHILD, path) as holder:
        child = int(holder.said)
        try:
            assert attempt(path) != "True"
            processes.kill(holder)
            os.kill(child, 0)
            assert attempt(path) == "True"
        finally:
            os.kill(child, 9)


def test_the_file_names_only_its_last_holder(path):
    attempt(path)
    assert lock.hold(path)
    (line,) = path.read_text().splitlines()
    assert line.startswith(f"process {os.getpid()} on ")


def test_locks_of_other_folders_do_not_matter(path, tmp_path):
    assert lock.hold(path)
    assert lock.hold(tmp_path / "elsewhere" / "softaer.lock")
    assert f"process {os.getpid()}" in attempt(path)


def test_a_folder_is_the_same_by_whatever_path(path, tmp_path, monkeypatch):
    assert lock.hold(path)
    monkeypatch.chdir(tmp_path)
    assert f"process {os.getpid()}" in attempt("folder/softaer.lock")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_holds_nothing(code, path, monkeypatch):
    def refuse(file, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert lock.hold(path) is False
    monkeypatch.undo()
    assert attempt(path) == "True"


def test_the_last_run_that_took_over_is_in_charge(tmp_path):
    runs = tmp_path / "runs"
    assert not lock.taken_over(runs, "first")
    lock.take_over(runs, "first")
    assert not lock.taken_over(runs, "first")
    lock.take_over(runs, "second")
    assert lock.taken_over(runs, "first")
    assert not lock.taken_over(runs, "second")


def test_a_job_of_a_run_that_is_not_written_down_goes_on(tmp_path):
    runs = tmp_path / "runs"
    lock.take_over(runs, "first")
    assert not lock.taken_over(runs, None)
    assert not lock.taken_over(runs, "without hooks")
