"""Filters that tell what changed in a scene from noise, and the small operations on images that they are made of.

Sums of shifted images stand for torch's pooling and convolution, which take three to twenty times as long with a
single channel.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

THRESHOLD = 4.0  # SDs of a filter's noise from which it has found a change
LINES, REACH, STEP = 8, 5, 2  # oriented lines, and how many places of each side of the middle are summed, px apart
BLUR, ENERGY_BLUR = 0.9, 0.6  # px of half the size: a line's width, and of the energy
ENERGY = 5.0  # SDs above 1 of the local energy of noise, from which the remainder is motion
#: SD of the local energy of white noise: of squares, averaged over 2 x 2 px and blurred.
ENERGY_SD = (2 / 4 / (1 + 4 * np.pi * ENERGY_BLUR**2)) ** 0.5
SOFT = 1.5  # of the energy: from where motion begins to where the past is let go altogether
TRACKED = 0.75  # share of ENERGY by which motion that was found is followed on
MEMORY, LEAK = 0.9, 0.7  # share that is kept from frame to frame: of where motion was, and of the leaky sums


def detected(innovation: Tensor, sums: Tensor, spread: float) -> tuple[Tensor, Tensor, float]:
    """Return the change that filters find in an innovation of SD 1, and the leaky sums after it.

    Args:
        innovation: (1, 1, H, W).
        sums: (1, LINES + 1, H / 2, W / 2), and `spread`, their variance over that of the answers.

    Returns:
        The change, (1, 1, H / 2, W / 2) in SDs of the innovation; the sums and their spread.
    """
    spot_sd, line_sd = _noise_left()
    answers = _answers(2 * halved(innovation), spot_sd, line_sd)
    sums, spread = torch.lerp(answers, sums, LEAK), LEAK**2 * spread + (1 - LEAK) ** 2
    best = found = torch.zeros_like(answers[:, :1])
    for responses, share in ((answers, 1.0), (sums, spread)):
        high, low = responses[:, 1:].amax(1, keepdim=True), responses[:, 1:].amin(1, keepdim=True)
        for response, sd in ((responses[:, :1], spot_sd), (torch.where(high > -low, high, low), line_sd)):
            strength = response**2 / share
            found = torch.where(strength > best, sd * response, found)
            best = torch.maximum(strength, best)
    weight = (1 - THRESHOLD**2 / best.clamp(min=1e-6)).clamp(min=0)  # the nonnegative garrote
    return weight * found / 2, sums * (1 - weight), spread


def unexplained(remainder: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return where an innovation, less the change that was found, is larger than noise: tissue moved.

    Args:
        remainder: (1, 1, H, W), of SD 1 where there is nothing but noise.
        known: (1, 1, H / 2, W / 2) in [0, 1], where motion was of late: there it is sought with less reserve.

    Returns:
        The share in [0, 1] by which the past is to be let go, and where motion was of late; of half the size.
    """
    energy = blurred(halved(remainder**2), ENERGY_BLUR)
    level = 1 + ENERGY * ENERGY_SD * (1 - TRACKED * known)
    moved = blurred(_widened(((energy - level) / SOFT).clamp(0, 1)), 1.0)
    return moved, torch.maximum(MEMORY * known, _widened(moved))


def even(image: Tensor) -> Tensor:
    """Return (1, C, H, W) with even sides: an odd one goes on for a pixel as it is there."""
    down, right = image.shape[2] % 2, image.shape[3] % 2
    return F.pad(image, (0, right, 0, down), mode="replicate") if down or right else image


def halved(image: Tensor) -> Tensor:
    """Return means over 2 x 2 px of (1, C, H, W), whose sides `even` makes even."""
    image = even(image)
    rows = image[..., ::2, :] + image[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def enlarged(image: Tensor) -> Tensor:
    """Return (1, C, H, W) at twice the size, interpolated."""
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Smooth (1, C, H, W) by a Gaussian of some px, borders replicated."""
    reach = int(3 * sigma + 0.5)
    weights = _gaussian(reach, sigma)
    for axis in (2, 3):
        shifted = _shifted(image, axis, reach)
        image = torch.zeros_like(image)
        for one, weight in zip(shifted, weights, strict=True):
            image.add_(one, alpha=float(weight))
    return image


def _widened(image: Tensor) -> Tensor:
    """Return the largest of 3 x 3 px around each of (1, C, H, W)."""
    for axis in (2, 3):
        before, here, after = _shifted(image, axis, 1)
        image = torch.maximum(torch.maximum(before, here), after)
    return image


def _shifted(image: Tensor, axis: int, reach: int) -> list[Tensor]:
    """Return what lies from `reach` px before to `reach` px after each pixel of (1, C, H, W), borders replicated."""
    padding = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
    padded = F.pad(image, padding, mode="replicate")
    return [padded.narrow(axis, place, image.shape[axis]) for place in range(2 * reach + 1)]


def _gaussian(reach: int, sigma: float) -> np.ndarray:
    """Return a Gaussian's weights (2 reach + 1,), of sum 1."""
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def _answers(image: Tensor, spot_sd: float = 1.0, line_sd: float = 1.0) -> Tensor:
    """Return a spot's and each oriented line's answer to (1, 1, H, W), over their SDs, as (1, LINES + 1, H, W)."""
    spot, far = blurred(image, BLUR), REACH * STEP
    padded, (height, width) = F.pad(spot, [far] * 4, mode="replicate"), image.shape[2:]
    weights = _gaussian(REACH, REACH / 2) / line_sd
    answers = spot.new_zeros(1, LINES + 1, height, width)
    answers[:, :1] = spot / spot_sd
    for line, angle in enumerate(np.pi * np.arange(LINES) / LINES, 1):
        for place, weight in zip(range(-far, far + 1, STEP), weights, strict=True):
            down, right = (far + round(place * way) for way in (np.sin(angle), np.cos(angle)))
            answers[:, line].add_(padded[:, 0, down : down + height, right : right + width], alpha=float(weight))
    return answers


@cache
def _noise_left() -> tuple[float, float]:
    """Return the SDs that the spot and the lines (on average) leave of white noise of SD 1."""
    impulse = torch.zeros(1, 1, 65, 65)
    impulse[..., 32, 32] = 1
    left = (_answers(impulse) ** 2).sum((0, 2, 3)).sqrt()
    return float(left[0]), float(left[1:].mean())
