"""Memory that a process has freed stays with it, ready for the next tensor.

By default glibc asks the kernel for each large block, in threads already from some tens of MiB on,
and gives it back when it is freed. Training frees and asks for the same blocks at each step, and
the kernel clears all of their pages every time: a third of an epoch on the CPU.
"""

import ctypes

# Parameters of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
M_ARENA_MAX = -8


def keep_freed_memory() -> bool:
    """Have freed memory of this process used again, whatever the size, in all of its threads.

    To be called before the first large tensor is made. The largest resident memory stays what it
    is; it is not given back before the process ends.

    Returns
    -------
    Whether it could be done; False where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    parameters = {
        M_MMAP_MAX: 0,
        M_ARENA_MAX: 1,
        M_TRIM_THRESHOLD: 2**31 - 1,
        M_TOP_PAD: 64 * 2**20,
    }
    return all(mallopt(parameter, value) == 1 for parameter, value in parameters.items())
