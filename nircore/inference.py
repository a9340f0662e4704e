"""A frame in, the same frame enhanced out: same size, same linear scale."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nircore.data.normalise import Normalisation
from nircore.data.rows import level_rows
from nircore.errors import NircoreError

SMALLEST = 16  # px: below that the trunk's feature maps are smaller than its reflection padding


@torch.inference_mode()
def run_padded(generator: nn.Module, image: Tensor) -> Tensor:
    """Run (N, 1, H, W) of any H, W >= 16: pad by reflection to a multiple it can halve, run, crop. Never resize."""
    height, width = image.shape[-2:]
    smallest = getattr(generator, "smallest", SMALLEST)
    if min(height, width) < smallest:
        raise NircoreError(f"A frame of {height} x {width} px is too small: both sides need {smallest} px or more.")
    multiple = generator.multiple
    padding = (0, -width % multiple, 0, -height % multiple)
    return generator(F.pad(image, padding, mode="reflect"))[..., :height, :width]


def translate(generator: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Run one normalised frame (H, W) through a generator, on the generator's device; float32 (H, W)."""
    device = next(generator.parameters()).device
    image = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None, None].to(device)
    return run_padded(generator, image)[0, 0].float().cpu().numpy()


def prepare(generator: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Return the frame (H, W) as the generator wants it: with level rows, or as the camera gave it."""
    return level_rows(pixels) if generator.levels_rows else pixels


def enhance(generator: nn.Module, pixels: np.ndarray) -> tuple[np.ndarray, Normalisation]:
    """Enhance a frame (H, W) in detector units; return (H, W) float32 in the same units, and the two numbers.

    The generator's output is put back through the *input's* normalisation, so the scale is the input's.
    """
    pixels = prepare(generator, pixels)
    normalisation = Normalisation.of(pixels)
    return normalisation.invert(translate(generator, normalisation.apply(pixels))), normalisation


def repeat(generator: nn.Module, pixels: np.ndarray, times: int) -> list[np.ndarray]:
    """Return [x, G(x), G(G(x)), ...], `times` applications, all in the detector units of x.

    One normalisation, that of x, serves all steps, so the drift seen is the generator's own.
    """
    normalisation = Normalisation.of(pixels)
    steps = [normalisation.apply(pixels)]
    for _ in range(times):
        steps.append(translate(generator, steps[-1]))
    return [normalisation.invert(step) for step in steps]
