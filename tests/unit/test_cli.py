"""What a person can mend is told in one line; a defect shows where it is."""

import errno
import fcntl
import io
import os
import select
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

import media_files
from patience import SILENT
from softaer.core import cli
from softaer.core.errors import InputError
from softaer.networks import architectures as model


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
    network = model.Recurrent(model.Architecture(features=2, outputs=("m_E",)))
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
    code = f"from softaer.core import cli\n\ndef main():\n    raise {error}\n\ncli.run(main)\n"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=SILENT
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


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def environment(request):
    return {**os.environ, "PYTHONUNBUFFERED": request.param}


def unread(code, environment, both=False):
    """Run a stage whose output nobody reads from the start."""
    read, write = os.pipe()
    os.close(read)
    try:
        return subprocess.run(
            [sys.executable, "-c", f"import sys\nfrom softaer.core import cli\n{code}"],
            stdout=write,
            stderr=write if both else subprocess.PIPE,
            text=True,
            check=False,
            env=environment,
            timeout=SILENT,
        )
    finally:
        os.close(write)


@pytest.mark.parametrize("words", ["'x'", "'x' * 10_000_000"], ids=["few", "many"])
@pytest.mark.parametrize("both", [False, True])
def test_a_stage_that_nobody_reads_ends_quietly(words, both, environment):
    done = unread(f"cli.run(lambda: print({words}))", environment, both)
    assert done.returncode == cli.READER_GONE == 141
    assert not done.stderr


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        ("raise InputError('a.csv, line 3: bad')", 1, "error: a.csv, line 3: bad\n"),
        ("raise MemoryError()", 1, "error: out of memory"),
        ("sys.exit(3)", 3, ""),
        ("pass", 0, ""),
    ],
)
def test_a_stage_that_nobody_reads_keeps_its_own_status(both, ending, status, said):
    code = f"from softaer.core.errors import InputError\ndef main():\n    {ending}\ncli.run(main)"
    done = unread(code, {**os.environ, "PYTHONUNBUFFERED": ""}, both)
    assert done.returncode == status
    if not both:
        assert done.stderr.startswith(said)
        assert len(done.stderr.splitlines()) == bool(said)


def test_a_defect_that_nobody_reads_shows_its_traceback_alone(environment):
    done = unread("cli.run(lambda: print(1 / 0))", environment)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "Exception ignored" not in done.stderr


def test_an_error_after_words_that_nobody_reads_is_told():
    # As many words as wait in the buffer until the end.
    code = "from softaer.core.errors import InputError\n"
    code += "def main():\n    print('x')\n    raise InputError('bad')\ncli.run(main)"
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = unread(code, environment)
    assert (done.returncode, done.stderr) == (1, "error: bad\n")


def test_another_pipe_that_breaks_is_a_defect():
    code = (
        "import os\nread, write = os.pipe()\nos.close(read)\ncli.run(lambda: os.write(write, b'x'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"from softaer.core import cli\n{code}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SILENT,
    )
    assert done.returncode == 1
    assert "BrokenPipeError" in done.stderr


def test_a_full_disk_under_what_is_printed_is_told(full_disk):
    with open(full_disk, "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from softaer.core import cli\ncli.run(lambda: print('x'))"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=SILENT,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: output: the disk is full; this output is not written"
    ]


def test_without_a_standard_output_a_stage_runs():
    command = f"'{sys.executable}' -c 'from softaer.core import cli; cli.run(lambda: print(1))' >&-"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, timeout=SILENT
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def long_table(tmp_path):
    """A corpus table whose check prints more than a small pipe and what reads from it hold."""
    sound = media_files.write(tmp_path / "a.wav", sound=[(0, media_files.tone(0.2))])
    lines = [f"recording_{k:090},{sound.name}" for k in range(300)]
    path = tmp_path / "recordings.csv"
    path.write_text("\n".join(["recording,audio", *lines, ""]))
    return path


@pytest.mark.parametrize("reader", [["head", "-n", "1"], ["true"]], ids=["head", "true"])
def test_check_may_be_read_in_part(reader, long_table, environment):
    read, write = os.pipe()
    size = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
    assert long_table.stat().st_size > size + 3 * io.DEFAULT_BUFFER_SIZE
    check = subprocess.Popen(
        [sys.executable, "-m", "softaer", "check", str(long_table)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    os.close(write)
    part = subprocess.run(reader, stdin=read, capture_output=True, text=True, timeout=SILENT)
    os.close(read)
    _, said = check.communicate(timeout=SILENT)
    assert (check.returncode, said) == (cli.READER_GONE, "")
    assert part.stdout.count("\n") == (reader[0] == "head")


def test_what_is_wrong_with_a_table_is_told_whoever_reads(tmp_path, environment):
    words = f"'{sys.executable}' -m softaer check '{tmp_path}/none.csv' | true"
    done = subprocess.run(
        ["bash", "-c", f"{words}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=SILENT,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "none.csv: no such file" in done.stderr
