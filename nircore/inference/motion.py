"""How far a field or its parts moved from one image to the next: a stage is pushed, an animal breathes.

The shift is the peak of a phase correlation (C. D. Kuglin, D. C. Hines, Proc. IEEE Conf. Cybern. Soc. (1975) 163) at
half the size, sought between the pixels by a discrete Fourier transform that is sampled more finely there
(M. Guizar-Sicairos et al., Opt. Lett. 33 (2008) 156). Parts that move by about a pixel are told by least squares on
the gradient of the light (B. D. Lucas, T. Kanade, Proc. IJCAI (1981) 674), in windows, as far as noise lets them be.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

FINE, AROUND = 0.02, 0.6  # px of the given image: steps of the fine search, and how far from the peak it looks
TAPS = 4  # px to each side that a moved pixel is made of
TAPER = 0.1  # share of a side over which an image fades to its border, for a Fourier transform takes it as periodic
CELL, WINDOW = 8, 2.0  # px of a cell that is summed over, and the window's SD in cells: about an organ's size
LIKELY = 0.7  # px: SD of what parts move by from frame to frame; without it, where nothing is seen all would move
SURE, WHOLLY = 8.0, 12.0  # decrease of the squared innovation from which parts move, and from which by all of it


def flow(before: Tensor, after: Tensor, noise: Tensor) -> Tensor | None:
    """Return by how many px (1, 2, h, w), down and right, cells moved, 0 where none is told; None if it is nowhere.

    Args:
        before: (1, 1, H, W) in DN, and `after`, likewise.
        noise: (1, 1, H, W), variance of their difference where nothing moved, in DN squared.
    """
    smooth = F.avg_pool2d(before, 3, 1, 1, count_include_pad=False)
    padded = F.pad(smooth, [1] * 4, mode="replicate")
    slopes = [padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1], padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]]
    down, right, difference = (one * noise.rsqrt() for one in (slopes[0] / 2, slopes[1] / 2, before - after))
    terms = [down * down, right * right, down * right, down * difference, right * difference]
    level = before * noise.rsqrt()  # light that only fades or fills, as the level does, is no motion
    terms += [level * one for one in (down, right, difference, level)]
    dd, rr, dr, d, r, *level_by, power = _windows(torch.cat(terms, 1)).split(1, 1)
    by_down, by_right, by_difference = (one / power.clamp(min=1).sqrt() for one in level_by)
    dd, rr, dr = dd - by_down**2, rr - by_right**2, dr - by_down * by_right
    d, r = d - by_down * by_difference, r - by_right * by_difference
    dd, rr = dd + LIKELY**-2, rr + LIKELY**-2
    by = torch.cat([rr * d - dr * r, dd * r - dr * d], 1) / (dd * rr - dr * dr)
    decrease = (by * torch.cat([d, r], 1)).sum(1, keepdim=True)
    weight = ((decrease - SURE) / (WHOLLY - SURE)).clamp(0, 1)
    return weight * by if weight.any() else None


def bent(image: Tensor, by: Tensor) -> Tensor:
    """Return an image (1, 1, H, W) whose content is moved by what `flow` told of it at half the size."""
    size = image.shape[2:]
    by = 2 * F.interpolate(by, size=size, mode="bilinear", align_corners=False)
    places = torch.meshgrid(*(torch.arange(side) + 0.5 for side in size), indexing="ij")
    down, right = ((place - one) * 2 / side - 1 for place, one, side in zip(places, by[0], size, strict=True))
    there = F.grid_sample(image, torch.stack([right, down], -1)[None], "bicubic", "border", align_corners=False)
    return torch.where((by != 0).any(1, keepdim=True), there, image)


def shift_of(before: Tensor, after: Tensor, noise: float) -> tuple[float, float]:
    """Return by how many px (down, right) the content of an image moved.

    Args:
        before: (1, 1, H, W) in DN, with less noise than `after`, which is of the same shape.
        noise: variance of `after` in DN squared, the mean of all pixels: frequencies count by what stands above it.
    """
    fade = _taper(before.shape[2])[:, None] * _taper(before.shape[3])
    first, second = (torch.fft.fft2((image[0, 0] - image.mean()) * fade) for image in (before, after))
    cross = first.conj() * second / (first.abs() ** 2 + noise * float((fade**2).sum())).sqrt()
    place = int(torch.fft.ifft2(cross).real.argmax())
    fine = torch.arange(-AROUND, AROUND + FINE, FINE)
    sides = zip(divmod(place, cross.shape[1]), cross.shape, strict=True)
    down, right = ((peak + side // 2) % side - side // 2 + fine for peak, side in sides)
    near = (_waves(down, cross.shape[0]) @ cross @ _waves(right, cross.shape[1]).T).real
    best_down, best_right = divmod(int(near.argmax()), len(fine))
    return float(down[best_down]), float(right[best_right])


def moved(image: Tensor, down: float, right: float) -> Tensor:
    """Return an image (1, C, H, W) whose content is moved by some px; what comes in from outside is not to be used.

    A windowed sinc leaves noise as white and as large as it was. Bicubic weights would take up to two thirds of it,
    and the variance that is kept would no longer be true; a Fourier shift would ring from border to border.
    """
    for axis, shift in ((2, down), (3, right)):
        whole = round(shift)
        image = torch.roll(image, whole, axis)
        away = torch.arange(-TAPS, TAPS + 1) + (shift - whole)
        kernel = torch.sinc(away) * torch.sinc(away / (TAPS + 1))
        kernel = (kernel / kernel.sum()).reshape(1, 1, -1, 1).transpose(2, axis)
        pad = (0, 0, TAPS, TAPS) if axis == 2 else (TAPS, TAPS, 0, 0)
        channels = image.transpose(0, 1)  # each for itself
        image = F.conv2d(F.pad(channels, pad, mode="replicate"), kernel).transpose(0, 1)
    return image


def uncovered(shape: tuple[int, ...], down: float, right: float) -> Tensor:
    """Return where (1, 1, H, W) bool content comes in from outside, when an image of that shape moves by some px."""
    sides = []
    for side, shift in zip(shape[-2:], (down, right), strict=True):
        from_where = torch.arange(side) - shift
        sides.append((from_where < TAPS) & (shift > 0) | (from_where > side - 1 - TAPS) & (shift < 0))
    return (sides[0][:, None] | sides[1])[None, None]


def _windows(image: Tensor) -> Tensor:
    """Return sums over Gaussian windows around the cells of an image (1, C, H, W)."""
    cells = F.avg_pool2d(image, CELL, ceil_mode=True) * CELL**2
    for axis in (2, 3):
        away = torch.arange(cells.shape[axis])
        weights = torch.exp(-0.5 * ((away[:, None] - away) / WINDOW) ** 2)
        cells = torch.tensordot(cells, weights, ([axis], [1])).movedim(-1, axis)
    return cells


def _taper(side: int) -> Tensor:
    edge = torch.minimum(torch.arange(side) + 0.5, side - 0.5 - torch.arange(side)) / (TAPER * side)
    return torch.sin(np.pi / 2 * edge.clamp(max=1)) ** 2


def _waves(places: Tensor, side: int) -> Tensor:
    return torch.exp(2j * np.pi * places[:, None] * torch.fft.fftfreq(side))
