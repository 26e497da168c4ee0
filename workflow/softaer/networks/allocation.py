"""Memory that a process has freed stays with it for a while, ready for the next tensor.

By default glibc asks the kernel for each large block, in threads already from some tens of MiB on,
and gives it back when it is freed. Training frees and asks for the same blocks at each step, and
the kernel clears all of their pages every time: a third of an epoch on the CPU.
"""

import ctypes

KEEP_FREED_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TOP_PAD_": str(64 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}
"""Environment with which glibc uses freed memory again, whatever the size; see mallopt(3).

It has to be there when a process begins: some of it concerns threads, and libraries start theirs
when they are imported. Blocks of changing sizes leave gaps, so that a process comes to hold more
and more, up to twice what it uses; :func:`give_back_freed_memory` ends that.
"""


def give_back_freed_memory() -> None:
    """Give freed memory of this process back to the kernel; nothing where the C library cannot."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
