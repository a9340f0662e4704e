"""Which frames of a file are neighbours in time: channels, depths and positions are never mixed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nircore.data.stack import Stack
from nircore.errors import NircoreError

TIME = ("t", "time", "frame", "frames")


def neighbours(path: Path | str, stack: Stack, average: int) -> Callable[[int], list[int]]:
    """Return a function from a page to the pages whose mean stands for it, ascending, itself among them.

    The `average` pages around it along the time axis (fewer at its ends), all else the same. An axis is time where
    the file says so, or where it is the only one and the file gives it no other name.

    Raises:
        NircoreError: the file does not say which of its axes is time, or has none.
    """
    if average == 1 or stack.pages == 1:
        return lambda page: [page]
    names, grid = stack.layout()
    along = _time(path, names, grid)
    half = average // 2

    def around(page: int) -> list[int]:
        """Return the pages around one, along time."""
        place = np.unravel_index(page, grid)
        steps = range(max(0, place[along] - half), min(grid[along], place[along] + half + 1))
        return [int(np.ravel_multi_index((*place[:along], step, *place[along + 1 :]), grid)) for step in steps]

    return around


def series(path: Path | str, stack: Stack) -> list[range]:
    """Return the pages that follow each other in time, for each channel, depth and position.

    Raises:
        NircoreError: the file does not say which of its axes is time, or has none.
    """
    if stack.pages == 1:
        return [range(1)]
    names, grid = stack.layout()
    along = _time(path, names, grid)
    step = int(np.prod(grid[along + 1 :], dtype=int))
    starts = (page for page in range(stack.pages) if np.unravel_index(page, grid)[along] == 0)
    return [range(start, start + step * grid[along], step) for start in starts]


def _time(path: Path | str, names: tuple[str, ...], grid: tuple[int, ...]) -> int:
    """Return the place of the time axis among the axes before (H, W)."""
    named = [place for place, name in enumerate(names) if name in TIME]
    if len(named) == 1:
        return named[0]
    long = [place for place, length in enumerate(grid) if length > 1]
    if len(long) == 1 and names[long[0]] == "":
        return long[0]
    axes = " x ".join(f"{name.upper() or '?'}={length}" for name, length in zip(names, grid, strict=True))
    raise NircoreError(
        f"{path} does not say along which axis time runs ({axes or 'no order is known'}), so no frame is "
        "known to follow another: save one channel and one depth as (N, H, W), or leave out average and temporal."
    )
