"""Frames too large for one pass, in overlapping tiles whose result is that of the whole frame."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from nircore.errors import NircoreError
from nircore.models.generator import Generator

Run = Callable[[np.ndarray], np.ndarray]

WHOLE_PIXELS = 2**20  # up to which a frame goes in one piece, in about 1 GB of memory
CORE = 512  # px: side of the part of a tile that is kept; a multiple of what every network halves


def places(length: int, core: int, halo: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut `length` pixels into cores: yield (start, stop) of the core and (start, stop) of the tile around it.

    >>> list(places(1000, 512, 128))
    [(0, 512, 0, 640), (512, 1000, 384, 1000)]
    """
    for start in range(0, length, core):
        stop = min(start + core, length)
        yield start, stop, max(0, start - halo), min(length, stop + halo)


def translate(
    generator: Generator, pixels: np.ndarray, run: Run | None = None, whole: int = WHOLE_PIXELS, core: int = CORE
) -> np.ndarray:
    """Run a frame (H, W) on the network's scale, of any size, through a generator; float32 (H, W). Never resize.

    The frame was mapped to that scale, and its rows levelled, as a whole: tiles never see statistics of their own. A
    tile reaches `generator.halo` px beyond the part that is kept, as far as the network looks, and begins where the
    network's grid of halved pixels does, so that the kept part is what the whole frame would have given there.

    Args:
        run: computes the generator of (1, 1, H, W) float32, H and W multiples of the generator's; None: PyTorch.

    Raises:
        NircoreError: the frame is too small; or it is too large for one piece, and the network normalises by the
            statistics of what it is shown, so that tiles would have seams.
    """
    height, width = pixels.shape
    down, right = generator.padding(height, width)
    run = run or in_torch(generator)
    image = np.ascontiguousarray(pixels, dtype=np.float32)
    if down or right:
        image = np.pad(image, ((0, down), (0, right)), mode="reflect")
    if pixels.size <= whole:
        return run(image[None, None])[0, 0, :height, :width]
    if generator.halo is None:
        large = f"A frame of {height} x {width} px is too large for this network in one piece"
        raise NircoreError(f"{large}, and its instance norm leaves seams: use weights that ship, or cut the frame.")
    result = np.empty_like(image)
    for top, bottom, first, last in places(result.shape[0], core, generator.halo):
        for left, right, start, stop in places(result.shape[1], core, generator.halo):
            tile = run(np.ascontiguousarray(image[None, None, first:last, start:stop]))[0, 0]
            result[top:bottom, left:right] = tile[top - first : bottom - first, left - start : right - start]
    return result[:height, :width]


def in_torch(generator: Any) -> Run:
    """Return the generator as a function of arrays (1, 1, H, W), on its own device."""

    @torch.inference_mode()
    def run(image: np.ndarray) -> np.ndarray:
        """Run (1, 1, H, W)."""
        device = next(generator.parameters()).device
        return generator(torch.from_numpy(image).to(device)).float().cpu().numpy()

    return run
