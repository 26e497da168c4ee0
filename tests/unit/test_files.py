"""A file is there whole or not at all, whatever happens to the process that writes it."""

import os

import processes
import pytest

from patience import SILENT
from softaer.core.errors import InputError
from softaer.core.files import complete

STARTS_AND_WAITS = """
import sys
from pathlib import Path
from softaer.core.files import complete

with complete(Path(sys.argv[1])) as partial, partial.open("w") as file:
    file.write("half of the n")
    file.flush()
    print(partial.parent.name, flush=True)
    sys.stdin.readline()
    file.write("ew")
"""


def names(folder):
    return sorted(os.listdir(folder))


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "t.csv"
    with complete(path) as partial:
        partial.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(tmp_path) == ["t.csv"]


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with complete(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("old", ["old", None])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, OSError])
def test_an_error_leaves_the_old_file_and_nothing_else(old, error, tmp_path):
    path = tmp_path / "t.csv"
    if old is not None:
        path.write_text(old)
    before = names(tmp_path)

    def write():
        with complete(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert names(tmp_path) == before
    assert old is None or path.read_text() == old


def test_an_error_before_anything_was_written_is_passed_on(tmp_path):
    with pytest.raises(ZeroDivisionError), complete(tmp_path / "t.csv"):
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_the_file_that_could_not_be_found_is_the_users_own(tmp_path):
    with pytest.raises(FileNotFoundError), complete(tmp_path / "t.csv"):
        (tmp_path / "no such file").read_text()
    assert names(tmp_path) == []


def test_the_name_is_kept_since_writers_go_by_its_ending(tmp_path):
    with complete(tmp_path / "a.b.csv") as partial:
        assert partial.name == "a.b.csv"
        assert partial.parent.name.startswith(".")
        partial.touch()


def test_the_folder_is_made(tmp_path):
    with complete(tmp_path / "a" / "b" / "t.csv") as partial:
        partial.touch()
    assert (tmp_path / "a" / "b" / "t.csv").exists()


def test_the_contents_are_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    done = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append("synchronised"))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("renamed"), replace(a, b)))
    with complete(tmp_path / "t.csv") as partial:
        partial.write_text("new")
    assert done == ["synchronised", "renamed"]


def test_what_killed_writers_left_of_the_same_file_is_removed(tmp_path):
    left = tmp_path / ".partial-0123abcd.t.csv"
    others = [".partial-0123abcd.u.csv", ".partial-0123abcd.t.csv.gz", "partial-1.t.csv", ".t.csv"]
    for name in (left.name, *others):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").write_text("half")
    with complete(tmp_path / "t.csv") as partial:
        assert not left.exists()
        partial.write_text("new")
    assert names(tmp_path) == sorted([*others, "t.csv"])


def test_names_are_not_taken_for_patterns(tmp_path):
    other = tmp_path / ".partial-0123abcd.a.csv"
    left = tmp_path / ".partial-0123abcd.[ab].csv"
    for path in (other, left):
        path.mkdir()
    with complete(tmp_path / "[ab].csv") as partial:
        partial.write_text("new")
    assert names(tmp_path) == [other.name, "[ab].csv"]


def test_a_writer_that_another_one_has_overtaken_fails_and_leaves_the_newer_file(tmp_path):
    path = tmp_path / "t.csv"

    def overtaken():
        with complete(path) as slow:
            slow.write_text("slow")
            with complete(path) as fast:
                fast.write_text("fast")

    with pytest.raises(InputError, match=r"t\.csv: another process") as caught:
        overtaken()
    assert "one run" in str(caught.value)
    assert path.read_text() == "fast"
    assert names(tmp_path) == ["t.csv"]


def test_a_writer_that_opens_late_after_another_one_has_begun_fails(tmp_path):
    path = tmp_path / "t.csv"

    def late():
        with complete(path) as slow:
            with complete(path) as fast:
                fast.write_text("fast")
            slow.write_text("slow")

    with pytest.raises(InputError, match="another process"):
        late()
    assert path.read_text() == "fast"
    assert names(tmp_path) == ["t.csv"]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with processes.python(STARTS_AND_WAITS, path) as writer:
        assert (tmp_path / writer.said / "t.csv").read_text() == "half of the n"
        processes.kill(writer)
    assert path.read_text() == "old"
    assert names(tmp_path) == sorted(["t.csv", writer.said])
    with complete(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["t.csv"]


def test_a_process_that_goes_on_after_its_run_was_killed_does_not_write_over_the_next(tmp_path):
    path = tmp_path / "t.csv"
    with processes.python(STARTS_AND_WAITS, path) as writer:
        with complete(path) as partial:
            partial.write_text("of the next run")
        assert not (tmp_path / writer.said).exists()
        writer.communicate("go on\n", timeout=SILENT)
        assert writer.returncode != 0
    assert path.read_text() == "of the next run"
    assert names(tmp_path) == ["t.csv"]
