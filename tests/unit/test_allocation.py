"""Memory that was freed is used again."""

import ctypes
import subprocess
import sys

import pytest

from softaer.allocation import give_back_freed_memory, keep_freed_memory

ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="glibc's allocator is tuned, which is Linux's"
)

SCRIPT = """
import ctypes, resource, sys, threading
from softaer.allocation import keep_freed_memory

done = sys.argv[1] == "keep" and keep_freed_memory()
SIZE = 100 * 2**20
libc = ctypes.CDLL(None)
PR_SET_THP_DISABLE = 41
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)  # a page is a page
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def touch():
    for _ in range(10):
        block = libc.malloc(SIZE)
        ctypes.memset(block, 1, SIZE)
        libc.free(block)

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=touch)
thread.start()
thread.join()
pages = SIZE / resource.getpagesize()
print(done, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / pages)
"""


def cleared(how: str) -> tuple[str, float]:
    """What the function said, and how often the pages of a block used ten times were new."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True
    )
    done, times = run.stdout.split()
    return done, float(times)


@ON_LINUX
def test_a_thread_gets_the_pages_that_another_has_freed():
    done, times = cleared("keep")
    assert done == "True"
    assert times < 0.1
    _, times = cleared("leave")
    assert times > 5


GIVEN_BACK = """
import ctypes, os
from pathlib import Path
from softaer.allocation import give_back_freed_memory, keep_freed_memory

keep_freed_memory()
SIZE = 100 * 2**20
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / SIZE

block, after = libc.malloc(SIZE), libc.malloc(1000)
ctypes.memset(block, 1, SIZE)
libc.free(block)
print(resident())
give_back_freed_memory()
print(resident())
"""


@ON_LINUX
def test_what_was_freed_can_be_given_back():
    run = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK], check=True, capture_output=True, text=True
    )
    kept, left = map(float, run.stdout.split())
    assert kept > left + 0.9


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False
    give_back_freed_memory()
