"""Memory that a process has freed stays with it for a while, ready for the next tensor.

By default glibc asks the kernel for each large block, in threads already from some tens of MiB on,
and gives it back when it is freed. Training frees and asks for the same blocks at each step, and
the kernel clears all of their pages every time: a third of an epoch on the CPU.
"""

import ctypes
from collections.abc import Callable

# Parameters of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
M_ARENA_MAX = -8


def keep_freed_memory() -> bool:
    """Have freed memory of this process used again, whatever the size.

    To be called before threads begin: those that have begun keep the memory that they have. Blocks
    of changing sizes leave gaps, so that a process comes to hold more and more, up to twice what it
    uses; :func:`give_back_freed_memory` ends that.

    Returns
    -------
    Whether it could be done; False where the C library is not glibc.
    """
    mallopt = _function("mallopt")
    if mallopt is None:
        return False
    parameters = {
        M_MMAP_MAX: 0,
        M_ARENA_MAX: 1,
        M_TRIM_THRESHOLD: 2**31 - 1,
        M_TOP_PAD: 64 * 2**20,
    }
    return all(mallopt(parameter, value) == 1 for parameter, value in parameters.items())


def give_back_freed_memory() -> None:
    """Give freed memory of this process back to the kernel; nothing where that is not known."""
    malloc_trim = _function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library, if it has it."""
    return getattr(ctypes.CDLL(None), name, None)
