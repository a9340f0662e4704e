"""Metrics against a known truth, and the scoring protocol for real exposure pairs.

Every function takes frames (H, W) of any real dtype and works in float64. All of them raise `NircoreError`
for frames that are not 2-D, differ in shape, are empty or hold NaN or infinity, for a `data_range` that is
not a finite number above 0, and for a `valid` mask that is not boolean, not of their shape, or nowhere true.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from skimage.metrics import structural_similarity

from nircore.errors import NircoreError
from nircore.metrics.checks import check_data_range, check_pair, check_valid

PEAK_PERCENTILE = 99.9
WINDOW = 7  # px: side of the box in which SSIM compares


def psnr(image: ArrayLike, truth: ArrayLike, *, data_range: float, valid: ArrayLike | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB: 10 log10(data_range^2 / mean squared difference).

    `valid` (H, W), bool, limits the mean to the pixels that count. Any number; infinite for equal frames.

    >>> psnr([[0, 100]], [[10, 90]], data_range=100)
    20.0
    """
    image, truth = check_pair(image, truth)
    peak = check_data_range(data_range)
    difference = (image - truth)[check_valid(valid, image)]
    mean_square = float(np.mean(difference**2))
    return 20 * math.log10(peak) - 10 * math.log10(mean_square) if mean_square > 0 else math.inf


def ssim(image: ArrayLike, truth: ArrayLike, *, data_range: float) -> float:
    """Return the mean structural similarity, dimensionless, in [-1, 1]; 1 for equal frames, symmetric.

    SSIM = (2 mx my + c1)(2 cov + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2)), c1 = (0.01 data_range)^2,
    c2 = (0.03 data_range)^2, averaged over the pixels whose window lies inside the frame: a 7 x 7 box with sample
    moments (n - 1), the default of `skimage.metrics.structural_similarity`.
    Source: Z. Wang et al., IEEE Trans. Image Process. 13 (2004) 600.

    Raises:
        NircoreError: a frame smaller than the window, or as in the module's docstring.

    >>> ssim(np.eye(16), np.eye(16), data_range=1.0)
    1.0
    """
    x, y = check_pair(image, truth)
    peak = check_data_range(data_range)
    if min(x.shape) < WINDOW:
        raise NircoreError(f"image has shape {x.shape}: SSIM needs {WINDOW} pixels or more a side.")
    return float(structural_similarity(x, y, data_range=peak, win_size=WINDOW))


def affine_fit(image: ArrayLike, truth: ArrayLike, valid: ArrayLike | None = None) -> tuple[float, float]:
    """Return (a, b) that minimise sum (a image + b - truth)^2 over the valid pixels.

    a is in truth units per image unit, b in truth units. A constant image gives a = 0 and b = mean truth.
    Centred and in float64, because a camera's pedestal makes the same fit in float32 ill-conditioned.

    >>> affine_fit([[1.0, 2.0, 3.0]], [[5.0, 7.0, 9.0]])
    (2.0, 3.0)
    """
    image, truth = check_pair(image, truth)
    valid = check_valid(valid, image)
    x, y = image[valid], truth[valid]
    if np.ptp(x) == 0:
        return 0.0, float(y.mean())
    dx = x - x.mean()
    a = float(dx @ (y - y.mean()) / (dx @ dx))
    return a, float(y.mean() - a * x.mean())


def score(image: ArrayLike, truth: ArrayLike, valid: ArrayLike | None = None) -> dict[str, float]:
    """Score an enhanced frame against its long-exposure reference, blind to the image's scale and offset.

    1. Fit a image + b to truth on the valid pixels (`affine_fit`).
    2. Clip both to [0, peak], peak = the 99.9th percentile of truth over the whole frame, valid or not.
    3. PSNR over the valid pixels with that peak.
    4. SSIM over the whole frame with data_range = peak.
    Whole-frame peak and the 7 x 7 box reproduce the project's first figures for the SWIR_HDR frames.
    The negative of the truth scores as well as the truth does: look at the sign of `a`.

    Returns:
        psnr (dB), ssim, a, b and peak (units of truth).

    Raises:
        NircoreError: truth has no positive peak, a side is under 7 pixels, or as in the module's docstring.

    >>> truth = np.add.outer(np.arange(8.0), np.arange(8.0))
    >>> round(score(3 * truth + 100, truth)["ssim"], 6)
    1.0
    """
    image, truth = check_pair(image, truth)
    valid = check_valid(valid, image)
    peak = float(np.percentile(truth, PEAK_PERCENTILE))
    if peak <= 0:
        raise NircoreError(f"truth has a peak of {peak:g}: it holds no signal; check its dark subtraction.")
    a, b = affine_fit(image, truth, valid)
    fitted, target = np.clip(a * image + b, 0, peak), np.clip(truth, 0, peak)
    return {
        "psnr": psnr(fitted, target, data_range=peak, valid=valid),
        "ssim": ssim(fitted, target, data_range=peak),
        "a": a,
        "b": b,
        "peak": peak,
    }
