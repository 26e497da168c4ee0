"""Memory that was freed is used again, and given back when asked."""

import ctypes
import os
import subprocess
import sys

import pytest

from softaer.networks.allocation import KEEP_FREED_MEMORY, give_back_freed_memory

ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="glibc's allocator is tuned, which is Linux's"
)

BEGINNING = """
import ctypes, os, resource, threading
from pathlib import Path
import numpy  # whose library starts a thread
from softaer.networks.allocation import give_back_freed_memory

SIZE = 100 * 2**20
PAGE = resource.getpagesize()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
PR_SET_THP_DISABLE = 41
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)  # a page is a page
"""

USED_AGAIN = """
def touch():
    for _ in range(10):
        block = libc.malloc(SIZE)
        ctypes.memset(block, 1, SIZE)
        libc.free(block)

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
threads = [threading.Thread(target=touch), threading.Thread(target=touch)]
for thread in threads:
    thread.start()
    thread.join()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * PAGE / SIZE)
"""

GIVEN_BACK = """
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / SIZE

block, after = libc.malloc(SIZE), libc.malloc(1000)
ctypes.memset(block, 1, SIZE)
libc.free(block)
kept = resident()
give_back_freed_memory()
print(kept - resident())
"""


def printed(script: str, environment: dict[str, str]) -> float:
    """Number that a script prints."""
    command = [sys.executable, "-c", BEGINNING + script]
    environment = os.environ | environment
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(run.stdout)


@ON_LINUX
def test_threads_get_the_pages_that_another_has_freed():
    """How often the pages of a block, used twenty times in two threads, were new."""
    assert printed(USED_AGAIN, KEEP_FREED_MEMORY) < 0.1
    assert printed(USED_AGAIN, {}) > 5


@ON_LINUX
def test_what_was_freed_can_be_given_back():
    """How much of a block was given back."""
    assert printed(GIVEN_BACK, KEEP_FREED_MEMORY) > 0.9


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_back_freed_memory()
