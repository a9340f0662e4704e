"""One pool of threads at a time: numpy's BLAS must not spin beside the network's own threads.

A process that was forked (`multiprocessing.Pool` on Linux) has none of its parent's threads, only their pools, and
would wait for them for ever: it works with one thread, on PyTorch.
"""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_pool() -> AbstractContextManager:
    """Keep BLAS to one thread while a frame is in work; what it computes there is small.

    Its idle threads wait by spinning, and took more than half of a frame's time from the network's.
    """
    return _controller().limit(limits=1, user_api="blas")


def _alone() -> None:
    """Make a forked process work: with one thread, and on PyTorch, for other engines need their parent's threads.

    The parent's engines are left untouched: taking them down would wait for their threads too.
    """
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if (engines := sys.modules.get("nircore.engines")) is not None:
        engines.choose = _eager(engines.choose)


def _eager(choose: Callable[..., str]) -> Callable[..., str]:
    def alone(*arguments: Any, **more: Any) -> str:
        choose(*arguments, **more)  # which refuses what there is not
        return "eager"

    return alone


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)
