"""The camera's noise, read off its frames: variance = mean / gain + read_noise^2, in DN^2.

Electrons are Poisson; the camera divides them by its gain and adds Gaussian noise (`nircore.data.camera`).
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from nircore.errors import NircoreError
from nircore.metrics.checks import check_image

ALIKE = 1.5  # times: so far may the noise of the dark places of frames of one gain differ
PATCH = 16  # px: the side of the patches whose mean and variance are one point of the noise fit
NOISELESS = 1e-7  # of the noisiest patch's variance: below it is rounding
QUIET = 10  # percent of the patches are as quiet as the noise of the dark
GROWS, FARTHEST = 1.3, 6  # times: so much more noise between pixels one farther apart says that neighbours correlate
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


class Colour(NamedTuple):
    """How noise goes on from pixel to pixel.

    Attributes:
        distance: px, how far apart the pixels are that tell the noise; 1 for white noise.
        correlation: of the noise of neighbours, 0 (white) to 1; what of the scene is as fine as noise counts too.
        kept: share of the noise's SD that is seen at that distance.
    """

    distance: int = 1
    correlation: float = 0.0
    kept: float = 1.0


WHITE = Colour()


def colour(image: np.ndarray) -> Colour:
    """Tell the colour of the noise from the quiet patches of a frame (H, W).

    Interpolation, resizing, binning in software and compression leave noise in which neighbours differ by less than
    pixels far apart do. Texture does so too, so the distance grows only as long as the noise does, by GROWS. The
    correlation is that of noise whose correlation falls as a Gaussian, as a blur leaves it.
    """
    levels = [_quiet(image, 1), _quiet(image, 2)]
    while levels[-1] > GROWS * levels[-2] and len(levels) < FARTHEST:
        levels.append(_quiet(image, len(levels) + 1))
    far = max(2, len(levels) - (levels[-1] <= GROWS * levels[-2]))
    known = np.linspace(0.95, 0, 96)
    share = levels[0] / levels[far - 1] if levels[far - 1] > 0 else 1.0
    correlation = float(np.interp(share, _kept(known, 1) / _kept(known, far), known))
    if levels[1] <= GROWS * levels[0]:
        return Colour(1, correlation)
    return Colour(far, correlation, float(_kept(correlation, far)))


def _kept(correlation: Any, distance: int) -> Any:
    """Return what second differences along an axis keep of the noise's variance, which is 1 for white noise."""
    return 1 - 4 / 3 * correlation ** (distance**2) + correlation ** (4 * distance**2) / 3


def noise_model(image: np.ndarray, seen: Colour | None = None) -> Noise:
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

    Args:
        seen: the colour of the noise; None: as `colour` finds.

    Raises:
        NircoreError: a side is under 32 pixels, or the frame is free of noise.
    """
    image = check_image(image)
    if min(image.shape) < 2 * PATCH:
        raise NircoreError(f"image has shape {image.shape}: below {2 * PATCH} pixels a side, pass Noise.")
    seen = seen or colour(image)
    mean, variance = patches(image, seen.distance)
    variance /= seen.kept**2
    noisy = variance > NOISELESS * variance.max()  # bars and surrounds of one value tell nothing
    mean, variance = mean[noisy], variance[noisy]
    if not mean.any():
        raise NircoreError("image is free of noise: pass the camera's Noise instead.")
    level, spread = np.abs(mean).max(), np.median(variance)
    slope, offset = _robust_line(mean / level, variance / spread)
    return Noise(float(level / (slope * spread)), float(np.sqrt(offset * spread)))


def noise_level(image: np.ndarray, seen: Colour = WHITE) -> float:
    """Return the SD of the noise in the dark places of a frame (H, W): that of its quiet patches."""
    return _quiet(image, seen.distance) / seen.kept


def _quiet(image: np.ndarray, distance: int) -> float:
    _, variance = patches(image, distance)
    noisy = variance[variance > NOISELESS * variance.max(initial=0)]
    return float(np.percentile(noisy, QUIET)) ** 0.5 if len(noisy) else 0.0


def alike(one: float, other: float) -> bool:
    """Say whether two levels of noise, as `noise_level` returns them, are those of one gain."""
    return one == other or max(one, other) < ALIKE * min(one, other)


def patches(image: np.ndarray, distance: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the noise variance of each whole patch, (n,) both.

    The variance is that of second differences between pixels `distance` apart: of white noise they have 36 times its
    variance, at any distance.
    """
    sides = [side // PATCH * PATCH for side in image.shape]
    base = float(image.flat[0])  # off, so that float32's digits serve the signal
    level = (image[: sides[0], : sides[1]] - base).astype(np.float32)
    second = level
    for _ in range(2):
        second = (second[2 * distance :] - 2 * second[distance:-distance] + second[: -2 * distance]).T
    power = _sums(_sums(np.square(second), distance).T, distance).T
    mean = level.reshape(sides[0] // PATCH, PATCH, -1, PATCH).mean((1, 3), dtype=np.float64)
    return mean.ravel() + base, power.ravel().astype(np.float64) / 36


def _sums(power: np.ndarray, distance: int) -> np.ndarray:
    """Return the means of (n, m) over the rows of each patch, whose differences begin `distance` before it."""
    starts = np.arange(0, len(power) + 2 * distance, PATCH) - distance
    starts[0] = 0
    counts = np.diff(starts, append=len(power))
    return np.add.reduceat(power, starts, axis=0) / counts[:, None].astype(np.float32)


def _robust_line(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Fit variance = slope mean + offset, both scaled to about 1, robustly and never below 0."""

    def residual(line: np.ndarray) -> np.ndarray:
        """Return how far each patch is from the line, as a share of the line: that is what scatters evenly."""
        model = np.maximum(line[0] * mean + line[1], 1e-3)
        return (variance - model) / model

    def derivative(line: np.ndarray) -> np.ndarray:
        """Return the residual's slopes (n, 2); told rather than found by differences, the fit takes half the time."""
        model = line[0] * mean + line[1]
        slope = np.where(model > 1e-3, -variance / np.maximum(model, 1e-3) ** 2, 0.0)
        return np.stack([slope * mean, slope], axis=1)

    start = [0.5, max(float(np.percentile(variance, 10)), 1e-3)]
    bounds = [DARKEST_SLOPE, 0], np.inf
    fit = least_squares(residual, start, derivative, bounds, loss="cauchy", f_scale=0.15)
    return float(fit.x[0]), float(fit.x[1])
