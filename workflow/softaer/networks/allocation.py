"""Freed memory stays with the process for a while, ready for the next tensor.

By default, glibc requests each large block from the kernel (in threads, from some tens of MiB on)
and returns it when it is freed. Training frees and requests the same blocks at each step, and the
kernel clears their pages every time, which takes a third of the time on the CPU.
"""

import ctypes

KEEP_FREED_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TOP_PAD_": str(64 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}
"""Environment with which glibc reuses freed memory of any size; see mallopt(3).

It must be set before a process starts, because it also affects threads, which libraries start when
they are imported. Blocks of changing sizes leave gaps, so that a process holds more and more
memory, up to twice what it uses; :func:`give_back_freed_memory` prevents that.
"""


def give_back_freed_memory() -> None:
    """Return freed memory of this process to the kernel, if the C library supports it."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
