"""Variance stabilisation: from a camera's mixed noise to unit noise and back, and the noise read off one frame.

Frames (H, W) are in DN above the dark. The noise model is that of `nircore.data.camera`: electrons are Poisson,
the camera divides them by its gain and adds Gaussian noise, so that variance = mean / gain + read_noise^2 in DN^2.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import norm, poisson

from nircore.errors import NircoreError
from nircore.metrics.no_reference import check_image

PATCH = 16  # px: the side of the patches whose mean and variance are one point of the noise fit
MAX_SIGNAL_E = 500.0  # electrons up to which the inverse is tabulated; beyond, its correction no longer changes
DARKEST_SLOPE = 1e-6  # share of the frame's variance that signal explains at least: keeps the gain finite


class Noise(NamedTuple):
    """What the camera adds: gain in electrons per DN, and the SD of the noise of the dark in DN.

    The latter is read noise and dark-current shot noise together: both are there without light.
    """

    gain_e_per_dn: float
    read_noise_dn: float


def check_noise(noise: Noise) -> Noise:
    """Return `noise`, or raise `NircoreError` unless its gain is above 0 and its read noise 0 or more."""
    gain, read = noise
    if not (0 < gain < np.inf and 0 <= read < np.inf):
        raise NircoreError(f"noise={tuple(noise)}: the gain must be above 0 e-/DN and the read noise 0 DN or more.")
    return Noise(float(gain), float(read))


def forward(image: np.ndarray, noise: Noise) -> np.ndarray:
    """Stabilise a frame: (H, W) DN -> (H, W) float64 whose noise has an SD of about 1 everywhere.

    Generalised Anscombe transform 2 sqrt(max(e + 3/8 + s^2, 0)), e = gain x DN electrons, s = gain x read noise.
    Source: Starck, Murtagh & Bijaoui, Image Processing and Data Analysis (1998), section 2.
    The variance is within 5 % of 1 at any signal once s is 4 electrons or more (InGaAs: 18 and more), and from
    5 electrons on whatever s is; at 2 electrons it is 0.92 for s = 0 and up to 1.12 for s = 1.5.

    Raises:
        NircoreError: the frame is not one of finite real numbers, or the noise is not possible.
    """
    gain, read = check_noise(noise)
    return 2 * np.sqrt(np.maximum(gain * check_image(image) + 3 / 8 + (gain * read) ** 2, 0))


def inverse(stabilised: np.ndarray, noise: Noise) -> np.ndarray:
    """Return the signal whose stabilised frames average to `stabilised`: (H, W) -> (H, W) float64 DN.

    The exact unbiased inverse of Makitalo & Foi, IEEE Trans. Image Process. 22 (2013) 91: the forward expectation
    E[forward(frame) | signal] is tabulated and inverted by interpolation. The algebraic inverse of `forward` is
    dimmer than the truth (the mean of a root is below the root of the mean), most where there is little light.
    Where a value lies below the expectation of an empty pixel the authors return 0; here the curve goes on below 0,
    because clipping would turn the denoised noise of the dark into light.

    Raises:
        NircoreError: as `forward`.
    """
    gain, read = check_noise(noise)
    expectation, correction = _table(gain * read)
    values = np.maximum(check_image(stabilised, "stabilised"), 0)
    asymptotic = values**2 / 4 - 1 / 8 - (gain * read) ** 2  # exact for much light
    return (asymptotic + np.interp(values, expectation, correction)) / gain


def expected(signal_e: np.ndarray, read_noise_e: float) -> np.ndarray:
    """Return E[forward] for signals (n,) in electrons: a sum over Poisson counts of an integral over read noise."""
    top = float(np.max(signal_e))
    counts = np.arange(int(top + 10 * np.sqrt(top) + 30))
    deviations = np.linspace(-7, 7, 701) if read_noise_e else np.zeros(1)  # SDs of the read noise
    weights = norm.pdf(deviations) / norm.pdf(deviations).sum()
    electrons = counts[:, None] + read_noise_e * deviations
    roots = 2 * np.sqrt(np.maximum(electrons + 3 / 8 + read_noise_e**2, 0))
    return poisson.pmf(counts, np.asarray(signal_e)[:, None]) @ (roots @ weights)


@lru_cache(maxsize=32)
def _table(read_noise_e: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (expectation, correction in electrons to the asymptotic inverse), for growing signal.

    The correction is tabulated, not the signal, because it is small and smooth: interpolation costs nothing.
    """
    signal = np.linspace(0, np.sqrt(MAX_SIGNAL_E), 300) ** 2
    expectation = expected(signal, read_noise_e)
    return expectation, signal - (expectation**2 / 4 - 1 / 8 - read_noise_e**2)


def noise_model(image: np.ndarray) -> Noise:
    """Estimate gain and read noise from one frame (H, W) in DN above the dark.

    Mean and variance of 16 x 16 patches, the variance from second differences along both axes (Immerkaer 1996),
    which ignore whatever is linear in a patch and all row and column patterns; then a robust fit (Cauchy loss, in
    units of the fitted variance) of variance = mean / gain + read_noise^2, so that patches with edges count little.

    This is a *spatial* estimate. On simulated 640 x 512 frames of up to 250 DN its gain is unbiased with SD 5 to
    11 %. On the 20 ms SWIR_HDR frames it gives 2.0-2.7 e-/DN (mean 2.35) and 12 DN, and the local variance of the
    difference between two exposures agrees (1.9-2.6). One least-squares line through all pixels of such differences
    gives 1.5-2.1, because it counts every change of the scene as noise.
    A frame without light says nothing about the gain: what is returned then is large or arbitrary, and harmless,
    because no pixel is bright enough for it to matter.

    Raises:
        NircoreError: a side is under 32 pixels, or the frame is free of noise.
    """
    image = check_image(image)
    if min(image.shape) < 2 * PATCH:
        raise NircoreError(f"image has shape {image.shape}: below {2 * PATCH} pixels a side, pass Noise.")
    mean, variance = _patches(image)
    level, spread = np.abs(mean).max(), np.median(variance)
    if not (level > 0 and spread > 0):
        raise NircoreError("image is free of noise in most places: pass the camera's Noise instead.")
    slope, offset = _robust_line(mean / level, variance / spread)
    return Noise(float(level / (slope * spread)), float(np.sqrt(offset * spread)))


def _patches(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the noise variance of each whole patch, (n,) both."""
    rows, columns = (side // PATCH for side in image.shape)
    tiles = image[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH).swapaxes(1, 2)
    second = np.diff(np.diff(tiles, n=2, axis=2), n=2, axis=3)  # of white noise: 36 times its variance
    return tiles.mean((2, 3)).ravel(), (second**2).mean((2, 3)).ravel() / 36


def _robust_line(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Fit variance = slope mean + offset, both scaled to about 1, robustly and never below 0."""

    def residual(line: np.ndarray) -> np.ndarray:
        """Return how far each patch is from the line, as a share of the line: that is what scatters evenly."""
        model = np.maximum(line[0] * mean + line[1], 1e-3)
        return (variance - model) / model

    start = [0.5, max(float(np.percentile(variance, 10)), 1e-3)]
    fit = least_squares(residual, start, bounds=([DARKEST_SLOPE, 0], np.inf), loss="cauchy", f_scale=0.15)
    return float(fit.x[0]), float(fit.x[1])
