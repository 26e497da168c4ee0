"""What a person can mend is told in one line; a defect shows where it is."""

import errno
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from softaer import cli, model
from softaer.errors import InputError


def raises(error):
    def main():
        raise error

    return main


def refused(main, capsys):
    """The line with which a stage ends."""
    with pytest.raises(SystemExit) as caught:
        cli.run(main)
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    return line


def test_a_stage_that_ends_well_says_nothing(capsys):
    done = []
    cli.run(lambda: done.append(1))
    assert done == [1]
    assert capsys.readouterr() == ("", "")


def test_an_input_error_is_told_as_it_is(capsys):
    line = refused(raises(InputError("r.csv, line 3: found 'x'; expected a number")), capsys)
    assert line == "error: r.csv, line 3: found 'x'; expected a number"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        pytest.param(
            MemoryError(),
            "refused",
        ),
        (MemoryError("Unable to allocate 8 EiB"), "8 EiB"),
        (pa.ArrowMemoryError("malloc of size 8 failed"), "malloc of size 8"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "you tried"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "2 GiB"),
    ],
)
def test_too_little_memory_is_told(error, word, capsys):
    line = refused(raises(error), capsys)
    assert line.startswith("error: out of memory")
    assert word in line
    assert "this output is not written" in line


@pytest.mark.parametrize(
    "allocate",
    [lambda: np.empty(2**60, np.uint8), lambda: torch.empty(2**60, dtype=torch.uint8)],
    ids=["numpy", "torch"],
)
def test_what_packages_say_of_too_little_memory_is_known(allocate, capsys):
    assert refused(allocate, capsys).startswith("error: out of memory")


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "results/t.parquet"), "t.parquet"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "results/t.parquet"), "t.parquet"),
        (OSError("Error writing bytes to file. Detail: [Errno 28] No space left"), "output"),
    ],
)
def test_a_full_disk_is_told(error, name, capsys):
    line = refused(raises(error), capsys)
    assert f"{name}: the disk is full; this output is not written" in line


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_disk_that_fails_is_told_with_the_file(number, capsys):
    line = refused(raises(OSError(number, "What it says", "clips/a.mp4")), capsys)
    assert line == "error: clips/a.mp4: What it says"


def write_parquet(path):
    table = pa.table({"x": list(range(100_000))})
    with pq.ParquetWriter(path, table.schema) as sink:
        sink.write_table(table)


WRITERS = {
    "parquet": write_parquet,
    "csv": lambda path: pd.DataFrame({"x": range(100_000)}).to_csv(path),
    "text": lambda path: path.write_text("x" * 100_000),
}


@pytest.fixture
def full_disk(tmp_path):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("no /dev/full")
    # A link, since some writers remove what they could not write to its end.
    path = tmp_path / "full"
    path.symlink_to(full)
    yield path
    assert full.is_char_device()


@pytest.mark.parametrize("writer", WRITERS)
def test_what_writers_say_of_a_full_disk_is_known(writer, full_disk, capsys):
    assert "the disk is full" in refused(lambda: WRITERS[writer](full_disk), capsys)


def test_a_disk_too_full_for_a_model_is_told(full_disk, capsys, monkeypatch):
    monkeypatch.setattr(model, "complete", lambda path: nullcontext(full_disk))
    network = model.Recurrent(model.Architecture(features=2, outputs=("m_E",), cells=3))
    paths = [full_disk.with_name(name) for name in ("weights.safetensors", "model.json")]
    line = refused(lambda: model.save_model(network, {}, *paths), capsys)
    assert "the disk is full" in line


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        OSError(errno.EEXIST, "File exists", "results"),
        OSError("Error 280"),
        ValueError("x"),
        KeyError("E"),
    ],
)
def test_a_defect_is_not_told_in_one_line(error, capsys):
    with pytest.raises(type(error)):
        cli.run(raises(error))
    assert capsys.readouterr() == ("", "")


def end_of(error):
    code = f"from softaer import cli\n\ndef main():\n    raise {error}\n\ncli.run(main)\n"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_process_ends_with_status_1_and_without_a_traceback():
    done = end_of("MemoryError")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_process_with_a_defect_shows_its_traceback():
    done = end_of("RuntimeError('shapes')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError: shapes" in done.stderr
