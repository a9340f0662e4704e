"""Frames too large for one pass, in overlapping tiles whose result is that of the whole frame."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from nircore.errors import NircoreError
from nircore.inference import SMALLEST, run_padded

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


@torch.inference_mode()
def translate(generator: nn.Module, pixels: np.ndarray, whole: int = WHOLE_PIXELS, core: int = CORE) -> np.ndarray:
    """Run a normalised frame (H, W) of any size through a generator; float32 (H, W).

    The frame was normalised, and its rows levelled, as a whole: tiles never see statistics of their own. A tile
    reaches `generator.halo` px beyond the part that is kept, as far as the network looks, and begins where the
    network's grid of halved pixels does, so that the kept part is what the whole frame would have given there.

    Raises:
        NircoreError: the frame is too large for one piece, and the network normalises by the statistics of what it
            is shown, so that tiles would have seams.
    """
    device = next(generator.parameters()).device
    image = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None, None]
    if pixels.size <= whole or min(pixels.shape) < SMALLEST:
        return run_padded(generator, image.to(device))[0, 0].float().cpu().numpy()
    height, width = pixels.shape
    halo = getattr(generator, "halo", None)
    if halo is None:
        raise NircoreError(
            f"A frame of {height} x {width} px is too large for this network in one piece, and its instance norm "
            "leaves seams between tiles: use the weights that ship with nircore, or cut the frame."
        )
    multiple = generator.multiple
    image = F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")
    result = np.empty((image.shape[-2], image.shape[-1]), dtype=np.float32)
    for top, bottom, first, last in places(result.shape[0], core, halo):
        for left, right, start, stop in places(result.shape[1], core, halo):
            tile = generator(image[..., first:last, start:stop].to(device))[0, 0].float().cpu().numpy()
            result[top:bottom, left:right] = tile[top - first : bottom - first, left - start : right - start]
    return result[:height, :width]
