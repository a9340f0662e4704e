"""The camera's noise, read off its frames: variance = mean / gain + read_noise^2, in DN^2.

Electrons are Poisson; the camera divides them by its gain and adds Gaussian noise (`nircore.data.camera`).
"""

from math import comb
from typing import Any, NamedTuple

import numpy as np

from nircore.errors import NircoreError
from nircore.metrics.checks import check_image

ALIKE = 1.5  # times: so far may the noise of the dark places of frames of one gain differ
PATCH = 16  # px: the side of the patches whose mean and variance are one point of the noise fit
NOISELESS = 1e-7  # of the noisiest patch's variance: below it is rounding
QUIET = 10  # percent of the patches are as quiet as the noise of the dark
SMOOTH, ROUGH = 2, 4  # orders of the differences that tell noise, and by comparison its colour
MILD, UNSEEN = 0.33, 0.06  # correlations: beyond MILD pixels farther apart tell the noise; below UNSEEN it is white
GROWS, FARTHEST = 1.3, 6  # times: so much more noise between pixels one farther apart says that neighbours correlate
ROUGH_SHARE = 0.96  # of white noise: what quiet patches show at order ROUGH over order SMOOTH, for it scatters more
LOWER, ITS_SHARE = 0.25, 0.88  # quantile of the variances of patches of white noise, and its share of their mean
DARKEST_SLOPE = 1e-6  # share of the frame's variance that signal explains at least: keeps the gain finite
ROUNDS, NEAREST = 30, 0.02  # of the quantile fit, and its least distance from a patch to the line, as share of it


class Noise(NamedTuple):
    """What the camera adds: gain in electrons per DN, and the SD of the noise of the dark in DN.

    The latter is read noise and dark-current shot noise together: both are there without light.
    """

    gain_e_per_dn: float
    read_noise_dn: float


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


def colour(image: np.ndarray, filled: np.ndarray | None = None) -> Colour:
    """Tell the colour of the noise from a frame (H, W), without the patches that hold `filled` pixels (H, W) bool.

    Interpolation, resizing, binning in software and compression take the finest part of the noise. Differences of
    4th order see finer detail than those of 2nd order, so their ratio falls as neighbours correlate. Texture hardly
    reaches so far. Where the correlation is more than MILD, little is left between neighbours: the distance grows as
    long as the noise of quiet patches does, by GROWS. The correlation is that of noise whose correlation falls as a
    Gaussian, as a blur leaves it.
    """
    known = np.linspace(0.95, 0, 96)
    near, rough = _quiet(image, 1, filled=filled), _quiet(image, 1, ROUGH, filled) / ROUGH_SHARE
    if not near:
        return WHITE
    correlation = float(np.interp(rough / near, _kept(known, 1, ROUGH) / _kept(known, 1), known))
    if correlation < MILD:
        return Colour(1, correlation, float(_kept(correlation, 1)) if correlation > UNSEEN else 1.0)
    levels = [near, _quiet(image, 2, filled=filled)]
    while levels[-1] > GROWS * levels[-2] and len(levels) < FARTHEST:
        levels.append(_quiet(image, len(levels) + 1, filled=filled))
    far = max(2, len(levels) - (levels[-1] <= GROWS * levels[-2]))
    correlation = float(np.interp(levels[0] / levels[far - 1], _kept(known, 1) / _kept(known, far), known))
    return Colour(far, correlation, float(_kept(correlation, far)))


def _kept(correlation: Any, distance: int, order: int = SMOOTH) -> Any:
    """Return what differences along one axis keep of the noise's variance, which is 1 for white noise."""
    taps = np.poly(np.ones(order))
    lags = np.correlate(taps, taps, "full")[order:] / (taps @ taps)  # 1, then both sides of each lag
    return 1 + 2 * sum(lag * correlation ** ((k * distance) ** 2) for k, lag in enumerate(lags[1:], 1))


def noise_model(image: np.ndarray, seen: Colour | None = None, filled: np.ndarray | None = None) -> Noise:
    """Estimate gain and read noise from one frame (H, W) in DN above the dark.

    Mean and variance of 16 x 16 patches, the variance from second differences along both axes (Immerkaer 1996),
    which ignore whatever is linear in a patch and all row and column patterns; then a quantile fit of
    variance = mean / gain + read_noise^2 to the quietest patches of every brightness (`_lower_line`), because texture
    and edges only ever add to the variance.

    This is a *spatial* estimate. On simulated 640 x 512 frames of up to 250 DN its gain is unbiased with SD 5 to
    11 %. On the 20 ms SWIR_HDR frames it gives 2.0-2.7 e-/DN (mean 2.35) and 12 DN, and the local variance of the
    difference between two exposures agrees (1.9-2.6). One least-squares line through all pixels of such differences
    gives 1.5-2.1, because it counts every change of the scene as noise.
    A frame without light says nothing about the gain: what is returned then is large or arbitrary, and harmless,
    because no pixel is bright enough for it to matter.

    Args:
        seen: the colour of the noise; None: as `colour` finds.
        filled: pixels (H, W) bool that were filled in from those beside them, and tell no noise.

    Raises:
        NircoreError: a side is under 32 pixels, or the frame is free of noise.
    """
    image = check_image(image)
    if min(image.shape) < 2 * PATCH:
        raise NircoreError(f"image has shape {image.shape}: below {2 * PATCH} pixels a side, pass Noise.")
    seen = seen or colour(image, filled)
    mean, variance = patches(image, seen.distance, filled=filled)
    variance /= seen.kept**2
    noisy = variance > NOISELESS * variance.max()  # bars and surrounds of one value tell nothing
    mean, variance = mean[noisy], variance[noisy]
    if not mean.any():
        raise NircoreError("image is free of noise: pass the camera's Noise instead.")
    level, spread = np.abs(mean).max(), np.median(variance)
    slope, offset = _lower_line(mean / level, variance / spread)
    return Noise(float(level / (slope * spread)), float(np.sqrt(offset * spread)))


def noise_level(image: np.ndarray, seen: Colour = WHITE) -> float:
    """Return the SD of the noise in the dark places of a frame (H, W): that of its quiet patches."""
    return _quiet(image, seen.distance) / seen.kept


def _quiet(image: np.ndarray, distance: int, order: int = SMOOTH, filled: np.ndarray | None = None) -> float:
    _, variance = patches(image, distance, order, filled)
    noisy = variance[variance > NOISELESS * variance.max(initial=0)]
    return float(np.percentile(noisy, QUIET)) ** 0.5 if len(noisy) else 0.0


def alike(one: float, other: float) -> bool:
    """Say whether two levels of noise, as `noise_level` returns them, are those of one gain."""
    return one == other or max(one, other) < ALIKE * min(one, other)


def patches(
    image: np.ndarray, distance: int = 1, order: int = SMOOTH, filled: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the noise variance of each whole patch, (n,) both; of those without `filled` pixels.

    The variance is that of differences of an even order between pixels `distance` apart, over what they make of white
    noise of variance 1, which is the same at any distance.
    """
    sides = [side // PATCH * PATCH for side in image.shape]
    base = float(image.flat[0])  # off, so that float32's digits serve the signal
    level = (image[: sides[0], : sides[1]] - base).astype(np.float32)
    fine = level
    for _ in range(2):
        for _ in range(order // 2):
            fine = fine[2 * distance :] - 2 * fine[distance:-distance] + fine[: -2 * distance]
        fine = fine.T
    reach = distance * order // 2
    power = _sums(_sums(np.square(fine), reach).T, reach).T
    squares = (sides[0] // PATCH, PATCH, -1, PATCH)
    mean = level.reshape(squares).mean((1, 3), dtype=np.float64).ravel() + base
    variance = power.ravel().astype(np.float64) / comb(2 * order, order) ** 2
    if filled is not None and not filled.all():
        whole = ~filled[: sides[0], : sides[1]].reshape(squares).any((1, 3)).ravel()
        mean, variance = (one[whole] if whole.any() else one for one in (mean, variance))
    return mean, variance


def _sums(power: np.ndarray, reach: int) -> np.ndarray:
    """Return the means of (n, m) over the rows of each patch, whose differences begin `reach` before it."""
    starts = np.arange(0, len(power) + 2 * reach, PATCH) - reach
    starts[0] = 0
    counts = np.diff(starts, append=len(power))
    return np.add.reduceat(power, starts, axis=0) / counts[:, None].astype(np.float32)


def _lower_line(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """Fit variance = slope mean + offset, both scaled to about 1 and never below 0, to the quietest patches.

    Quantile regression (Koenker & Bassett 1978) of the share by which patches are off the line, by reweighted least
    squares: LOWER of the patches come to lie below the line, which is then raised to the mean of white noise.
    """
    slope, offset = DARKEST_SLOPE, float(np.percentile(variance, 100 * LOWER))
    for _ in range(ROUNDS):
        line = np.maximum(slope * mean + offset, 1e-3)
        off = variance / line - 1
        weight = np.where(off < 0, 1 - LOWER, LOWER) / np.maximum(np.abs(off), NEAREST) / line**2
        one, x, xx, y, xy = (np.sum(weight * term) for term in (1, mean, mean**2, variance, mean * variance))
        slope = (one * xy - x * y) / max(one * xx - x**2, 1e-12)
        if slope < DARKEST_SLOPE:
            slope = DARKEST_SLOPE
        elif slope * x > y:  # the offset would be below 0
            slope = xy / xx
        offset = max(y - slope * x, 0.0) / one
    return slope / ITS_SHARE, offset / ITS_SHARE
