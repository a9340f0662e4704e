"""Where not to trust an enhanced frame: for every pixel the half-width in DN of an interval that was calibrated.

What makes a pixel doubtful is read off the generator alone, without a truth, as five terms in DN:

- `spread`: how much the output changes when the frame is mirrored and turned before it goes in, and back after;
- `redegradation`: what the known camera cannot explain of the input by the output, beyond its noise;
- `read`, `shot` and `brightness`: the camera's noise without light, the light's own noise at the output's brightness,
  and that brightness above the black level, for what scatters and glows goes wrong in proportion to it.

Their weighted sum is a guess of the error's size, and `nircore.inference.conformal` makes an interval of it. A real
animal is not a phantom, so there the map says where to look, and its 90 % is to be checked and not believed (notebook
06 does). The truth meant is one up to gain and offset of the frame, as in `metrics.with_truth.score`, brought to the
output's scale.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from torch import nn

from nircore.data.noise import Noise, noise_model
from nircore.data.normalise import Normalisation
from nircore.data.stabilise import Stabilisation
from nircore.errors import NircoreError
from nircore.inference.conformal import VIEWS, Calibration, Seen, Terms, calibration_of
from nircore.inference.frame import fitted, prepare, translate
from nircore.metrics.with_truth import affine_fit

SMOOTH = 2.0  # px: a residual is looked at on this scale, below which it is noise
DETAIL = 3.0  # px: sigma of the detail whose support is measured; three times as wide is its surroundings

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Trust:
    """An enhanced frame and where not to trust it.

    Attributes:
        image, half_width: output and half-width of its interval, (H, W) float32 DN.
        support: see `support`, (H, W); None where the frame's noise could not be read off.
        normalisation, noise: of the frame.
        terms: what the half-width came from, (H, W) by name.
    """

    image: np.ndarray
    half_width: np.ndarray
    support: np.ndarray | None
    normalisation: Normalisation
    terms: Terms
    noise: Noise | None


def symmetries(pixels: np.ndarray, views: int = VIEWS) -> list[np.ndarray]:
    """Return a frame (H, W) as it is, turned by half, mirrored both ways, and all four of these transposed."""
    four = [pixels, pixels[::-1, ::-1], pixels[::-1], pixels[:, ::-1]]
    return (four + [view.T for view in four])[:views]


def undone(views: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Bring what `symmetries` made back into place."""
    upright = [view if k < 4 else view.T for k, view in enumerate(views)]
    return [symmetries(view, 4)[k % 4] for k, view in enumerate(upright)]


def camera(pixels: np.ndarray, black: float) -> Noise | None:
    """Read the noise off a frame whose black level in DN may hold a pedestal; None where that is impossible."""
    try:
        return noise_model(pixels - black)
    except NircoreError:  # too small, or no noise in it
        return None


def look(
    generator: nn.Module, pixels: np.ndarray, views: int = VIEWS
) -> tuple[np.ndarray, Normalisation, Terms, Noise | None, np.ndarray]:
    """Enhance a frame (H, W) in DN and collect what makes its pixels doubtful.

    Args:
        generator: any that `nircore.inference.enhance` takes.
        pixels: the frame as the camera gave it.
        views: how many of the 8 symmetries are run; each costs one pass.

    Returns:
        Output (H, W) float32 DN, equal to `enhance`'s; the frame's black and white level; the terms, (H, W) float64
        DN each, and `floor`, the distance of the two; the noise read off the frame, or None where it shows none; the
        frame as the network sees it, prepared, (H, W) DN.
    """
    pixels = prepare(generator, pixels)  # rows are levelled before a turn makes columns of them
    fit = fitted(generator, pixels)
    span = fit.span if isinstance(fit, Stabilisation) else fit
    answers = undone([translate(generator, view) for view in symmetries(fit.apply(pixels), views)])
    outputs, noise = [fit.invert(answer) for answer in answers], camera(pixels, span.offset)
    image = outputs[0]
    squared = [(output.astype(np.float64) - image) ** 2 for output in outputs]  # scatter and bias of the image
    terms = {"spread": np.sqrt(np.mean(squared, axis=0)), "floor": np.full(image.shape, span.scale)}
    return image, span, terms | _physics(image, pixels, span.offset, noise), noise, pixels


def _physics(image: np.ndarray, pixels: np.ndarray, black: float, noise: Noise | None) -> Terms:
    """Return what the camera says: the noise at the output's brightness, and what output and noise do not explain."""
    a, b = affine_fit(image, pixels)
    expected = a * image.astype(np.float64) + b
    unexplained, signal = np.abs(gaussian_filter(pixels - expected, SMOOTH)), np.maximum(expected - black, 0)
    gain, read = noise or (math.inf, 0.0)
    shot = signal / gain
    remaining = np.sqrt(shot + read**2) / (2 * np.sqrt(np.pi) * SMOOTH)  # of white noise, smoothed
    found = np.maximum(unexplained - remaining, 0)
    return {"redegradation": found, "read": np.full(image.shape, read), "shot": np.sqrt(shot), "brightness": signal}


def trust_map(generator: nn.Module, pixels: np.ndarray, calibration: Calibration) -> Trust:
    """Enhance a frame (H, W) in DN and say how far off each pixel may be.

    Raises:
        NircoreError: the calibration was made with terms that are unknown here.
    """
    image, span, terms, noise, prepared = look(generator, pixels, calibration.views)
    backing = support(prepared, span.offset, noise)
    return Trust(image, calibration.half_width(terms), backing, span, terms, noise)


def support(pixels: np.ndarray, black: float, noise: Noise | None) -> np.ndarray | None:
    """Return by how many SDs of its noise the *input* stands out of its surroundings, (H, W) float32.

    Wrong values and invented structures are two things: the half-width finds the former, this the latter. A vessel of
    the output where the input's support is below 2 was drawn by the network. Difference of Gaussians of DETAIL and
    three times DETAIL px, over what both leave of white noise; None without a noise model.
    """
    if noise is None:
        return None
    smooth, around = (gaussian_filter(pixels.astype(np.float64), sigma) for sigma in (DETAIL, 3 * DETAIL))
    variance = np.maximum(around - black, 0) / noise.gain_e_per_dn + noise.read_noise_dn**2
    left = (1 + 1 / 9 - 4 / 10) / (4 * np.pi * DETAIL**2)  # integral of (g_s - g_3s)^2
    return ((smooth - around) / np.sqrt(variance * left)).astype(np.float32)


def error(image: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return |output - truth|, (H, W) float64 in DN of the output; NaN where not valid.

    The truth is brought to the output's scale by least squares, as a camera is calibrated: output = c truth + d.
    """
    c, d = affine_fit(truth, image, valid)
    if not c > 0:  # an output that shows nothing of the truth, or its negative: there is no common scale
        return np.where(valid, np.inf, np.nan)
    return np.where(valid, np.abs(image - (c * truth.astype(np.float64) + d)), np.nan)


def calibrate(generator: nn.Module, cases: Iterable[Case], frames_are: str, views: int = VIEWS) -> Calibration:
    """Calibrate the trust map of a generator on frames with their truths.

    Args:
        generator, views: as in `look`.
        cases: frame, truth and valid pixels, (H, W) each; the first quarter fits the weights, the rest the factor.
        frames_are: what they show, in words.

    Raises:
        NircoreError: fewer than 13 frames, which are too few to promise ALPHA.
    """
    return calibration_of(list(errors(generator, cases, views)), frames_are, views=views)


def errors(generator: nn.Module, cases: Iterable[Case], views: int = VIEWS) -> Iterator[Seen]:
    """Yield for each case the terms of its trust map and |output - truth| in DN, (H, W), NaN where unknown."""
    for frame, truth, valid in cases:
        image, _, terms, *_ = look(generator, frame, views)
        yield terms, error(image, truth, valid)
