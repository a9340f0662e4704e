"""What a frame's work asks of the system: one pool of threads at a time, and memory that stays at hand."""

import ctypes
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
LARGEST, KEPT = 32 << 20, 256 << 20  # bytes: of an array from kept memory (glibc's most), and of what is kept


@lru_cache(maxsize=1)
def keep_memory() -> None:
    """Have glibc keep what arrays leave behind, up to KEPT; other systems decide themselves.

    It would give the memory of a frame's arrays back after each step and ask for it anew in the next: the system
    then clears every page, which took as long as the arithmetic of a frame's preparation.
    """
    if sys.platform.startswith("linux"):
        with suppress(AttributeError, OSError):  # another C library, as musl
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(MMAP_THRESHOLD, LARGEST)
            mallopt(TRIM_THRESHOLD, KEPT)


_lock, _users, _limit = threading.Lock(), [0], []
_controller = lru_cache(maxsize=1)(ThreadpoolController)


@contextmanager
def one_pool() -> Iterator[None]:
    """Keep BLAS to one thread while a frame, or better a movie, is in work; what is computed with it is small.

    Its idle threads wait by spinning, and took more than half of a frame's time from the network's. The first of
    several that overlap sets the limit, and the last one takes it back: no thread leaves another one's behind.
    """
    keep_memory()
    with _lock:
        if not _users[0]:
            _limit.append(_controller().limit(limits=1, user_api="blas"))
        _users[0] += 1
    try:
        yield
    finally:
        with _lock:
            _users[0] -= 1
            if not _users[0]:
                _limit.pop().restore_original_limits()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, each made in a thread while the one before is in use; an error is raised in its item's place."""
    making, end = iter(items), object()
    maker = ThreadPoolExecutor(1)
    try:
        coming: Any = maker.submit(next, making, end)
        while (ready := coming.result()) is not end:
            coming = maker.submit(next, making, end)
            yield ready
    finally:
        # Not waited for: where nobody asks for more, the garbage collector gets here, in any thread and inside any
        # lock of `threading`, and would wait for ever.
        maker.shutdown(wait=False, cancel_futures=True)
