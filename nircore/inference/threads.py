"""One pool of threads at a time: numpy's BLAS must not spin beside the network's own threads."""

from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_pool() -> AbstractContextManager:
    """Keep BLAS to one thread while a frame is in work; what it computes there is small.

    Its idle threads wait by spinning, and took more than half of a frame's time from the network's.
    """
    return _controller().limit(limits=1, user_api="blas")
