"""Andor SIF, Nikon ND2, Hamamatsu DCIMG: each through the package that knows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.stack import Stack, colour, of_array


@contextmanager
def sif(path: Path) -> Iterator[Stack]:
    """Describe the frames of an Andor SIF file, mapped, not loaded; its header states the exposure."""
    import sif_parser

    frames, info = sif_parser.np_open(str(path), lazy="memmap")
    exposure = float(info.get("ExposureTime") or 0)
    stack = of_array(path, frames)
    yield stack._replace(exposures_s=(exposure,) * stack.pages if exposure > 0 else None)


class _Whole(int):
    """A whole number, also out of an array that holds one."""

    def __new__(cls, value: Any) -> "_Whole":
        """Return the number, cut towards zero as `int` does."""
        return super().__new__(cls, np.asarray(value).item())


@contextmanager
def dcimg(path: Path) -> Iterator[Stack]:
    """Describe the frames of a Hamamatsu DCIMG file, which states no exposure."""
    import dcimg as package

    package.int = _Whole  # dcimg 0.6 calls int() on arrays of one number, which numpy 2.4 refuses
    with package.DCIMGFile(path) as file:
        file._target_line = _Whole(file._target_line)
        shape = tuple(map(int, file.shape))

        def read(page: int) -> np.ndarray:
            """Return a page (H, W)."""
            return np.array(file[page : page + 1]).reshape(shape[1:])

        layout = (("t",), shape[:1])
        yield Stack(shape, np.dtype(file.dtype), shape[0], read, layout=lambda: layout)


@contextmanager
def nd2(path: Path) -> Iterator[Stack]:
    """Describe the frames of a Nikon ND2 file: positions, times and depths in its order, channels within each."""
    import nd2 as package

    with package.ND2File(path) as file:
        if file.is_rgb:
            raise colour(path, "3 colour channels")
        sizes = {name: int(length) for name, length in file.sizes.items()}
        height, width, channels = sizes.pop("Y"), sizes.pop("X"), sizes.pop("C", 1)
        loops = tuple(sizes.values()) or (1,)
        frames = int(np.prod(loops))
        grid = (*loops, channels) if channels > 1 else loops
        names = (*(name.lower() for name in sizes or "T"), *(("c",) if channels > 1 else ()))

        def read(page: int) -> np.ndarray:
            """Return a page (H, W)."""
            pixels = np.asarray(file.read_frame(page // channels)).reshape(channels, height, width)
            return pixels[page % channels]

        yield Stack(
            (*grid, height, width), np.dtype(file.dtype), frames * channels, read,
            exposures_s=_nd2_exposures(file, frames, channels), layout=lambda: (names, grid),
        )  # fmt: skip


def _nd2_exposures(file: Any, frames: int, channels: int) -> tuple[float, ...] | None:
    """Return the exposure of each page in seconds where the file's events state it, None where they do not."""
    events = file.events(orient="records")
    key = next((name for name in (events[0] if events else ()) if name.startswith("Exposure Time")), None)
    if key is None or len(events) != frames:
        return None
    scale = 1000 if "[ms]" in key else 1
    told = [event.get(key) for event in events]
    if not all(isinstance(one, (int, float)) and one > 0 for one in told):
        return None
    return tuple(float(one) / scale for one in told for _ in range(channels))
