"""What a frame's work asks of the system: one pool of threads at a time, and memory that stays at hand."""

import ctypes
import sys
from functools import lru_cache

from threadpoolctl import ThreadpoolController

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
LARGEST, KEPT = 32 << 20, 256 << 20  # bytes: of an array from kept memory (glibc's most), and of what is kept


@lru_cache(maxsize=1)
def keep_memory() -> bool:
    """Have glibc keep what arrays leave behind, up to KEPT; say whether it does (other systems decide themselves).

    It would give the memory of a frame's arrays back after each step and ask for it anew in the next: the system
    then clears every page, which took as long as the arithmetic of a frame's preparation.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, as musl
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, KEPT))


@lru_cache(maxsize=1)
def one_pool() -> None:
    """Set BLAS to one thread for the rest of the process; what is computed with it here is small.

    Its idle threads wait by spinning, and took more than half of a frame's time from the network's. Setting it back
    after each frame costs more than it saves, and two threads that do so leave each other's limit behind.
    """
    keep_memory()
    ThreadpoolController().limit(limits=1, user_api="blas")
