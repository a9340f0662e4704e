"""The paper's five metrics (Hemadri et al. 2026, section V): what an image says about itself, truth unseen.

Noise alone can raise edge density, entropy and contrast, so a higher value is not a better image; see
`nircore.metrics.with_truth` for what is. Where the paper is loose, each docstring names the reading taken.

Every function takes one frame (H, W) of any real dtype and works in float64. Frames that are to be compared
belong on one common scale [0, data_range]. All of them raise `NircoreError` for an image that is not 2-D, is
empty or holds NaN or infinity, and for a `data_range` that is not a finite number above 0.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from skimage.feature import canny

from nircore.errors import NircoreError
from nircore.metrics.checks import check_data_range, check_image, ratio

CANNY_SIGMA, CANNY_LOW, CANNY_HIGH = 1.0, 0.1, 0.2
BINS = 256  # of the histogram whose entropy is taken


def noise_sd(image: ArrayLike) -> float:
    """Return the noise standard deviation after Immerkaer, in the units of the image, >= 0.

    sigma = sqrt(pi/2) / 6 * mean |I * L|, L = [1 -2 1]^T [1 -2 1], over the pixels where L fits (no padding).
    L cancels whatever is locally linear and all row and column pattern noise; fine texture counts as noise.
    Unbiased for white Gaussian noise. Source: J. Immerkaer, Comput. Vis. Image Underst. 64 (1996) 300.

    Raises:
        NircoreError: a side is shorter than 3 pixels, or as in the module's docstring.

    >>> ramp = np.add.outer(np.arange(8.0), np.arange(8.0))
    >>> noise_sd(ramp)
    0.0
    """
    image = check_image(image)
    if min(image.shape) < 3:
        raise NircoreError(f"image has shape {image.shape}: the noise estimate needs at least 3 x 3 pixels.")
    # Two second differences, one along each axis, are the convolution with L.
    laplacian = np.diff(np.diff(image, n=2, axis=0), n=2, axis=1)
    return float(math.sqrt(math.pi / 2) / 6 * np.abs(laplacian).mean())


def snr(image: ArrayLike, *, data_range: float) -> float:
    """Return the signal-to-noise ratio: mean / noise standard deviation (`noise_sd`), dimensionless.

    `data_range` cancels and is only checked. Range: any number; infinite for a noise-free image, NaN for one
    that is also zero in the mean. The paper writes mu_s / sigma_n and calls sigma the variance; the standard
    deviation makes the ratio free of units. `snr_literal` is the other reading.

    >>> snr(np.full((8, 8), 5.0), data_range=255)
    inf
    """
    check_data_range(data_range)
    return ratio(check_image(image).mean(), noise_sd(image))


def snr_literal(image: ArrayLike, *, data_range: float) -> float:
    """Return the paper's SNR to the letter: mean / noise *variance*, both of image / data_range.

    Unit: 1 / fraction of data_range, so unlike `snr` it changes with the scale. Infinite and NaN as there.

    >>> snr_literal(np.full((8, 8), 5.0), data_range=255)
    inf
    """
    scaled = check_image(image) / check_data_range(data_range)
    return ratio(scaled.mean(), noise_sd(scaled) ** 2)


def mean_over_sd(image: ArrayLike) -> float:
    """Return mean / standard deviation of all pixels, dimensionless: the third reading of the paper's SNR.

    Its product with `contrast` is `mean_intensity`, so SNR (read so) and contrast of one image cannot both
    rise unless it becomes brighter. Infinite for a constant image, NaN for a constant zero.

    >>> mean_over_sd([[0.0, 2.0], [2.0, 0.0]])
    1.0
    """
    image = check_image(image)
    return ratio(image.mean(), _sd(image))


def entropy(image: ArrayLike, *, data_range: float) -> float:
    """Return the Shannon entropy of the grey-level histogram in bits, in [0, 8].

    H = -sum p_i log2 p_i over BINS equal bins of [0, data_range]; values beyond count in the end bins.
    The paper prints only p_i. Source: C. E. Shannon, Bell Syst. Tech. J. 27 (1948) 379.

    >>> entropy([[0, 255], [255, 0]], data_range=255)
    1.0
    """
    level = np.floor(check_image(image) / check_data_range(data_range) * BINS)
    counts = np.bincount(np.clip(level, 0, BINS - 1).astype(np.int64).ravel())
    p = counts[counts > 0] / counts.sum()
    return float(np.sum(p * np.log2(1 / p)))


def edge_density(image: ArrayLike, *, data_range: float) -> float:
    """Return the number of edge pixels over the number of pixels, a fraction in [0, 1].

    The paper names no detector; this is Canny's, on image / data_range, with thresholds that never adapt to the
    image: Gaussian smoothing with sigma 1 pixel, magnitude of the 3 x 3 Sobel derivatives with weights (1 2 1),
    non-maximum suppression, hysteresis from 0.2 down to 0.1 (a step of height h reads 2.6 h); the outermost pixels
    are never edges. Source: J. Canny, IEEE PAMI 8 (1986) 679, by `skimage.feature.canny`.

    >>> step = np.repeat([[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]], 8, axis=0)
    >>> edge_density(step, data_range=1.0)  # two columns beside the step, six pixels each
    0.1875
    """
    scaled = check_image(image) / check_data_range(data_range)
    return float(canny(scaled, sigma=CANNY_SIGMA, low_threshold=CANNY_LOW, high_threshold=CANNY_HIGH).mean())


def contrast(image: ArrayLike, *, data_range: float) -> float:
    """Return the RMS contrast: standard deviation of all pixels / data_range, in [0, 0.5] on [0, data_range].

    The paper prints the plain standard deviation; as a fraction it can be compared across bit depths.
    Source: E. Peli, J. Opt. Soc. Am. A 7 (1990) 2032.

    >>> contrast([[0, 255], [255, 0]], data_range=255)
    0.5
    """
    return _sd(check_image(image)) / check_data_range(data_range)


def mean_intensity(image: ArrayLike, *, data_range: float) -> float:
    """Return the mean of all pixels / data_range: the average brightness, in [0, 1] on [0, data_range].

    >>> mean_intensity([[0, 255], [255, 0]], data_range=255)
    0.5
    """
    return float(check_image(image).mean()) / check_data_range(data_range)


def _sd(image: np.ndarray) -> float:
    """Return the standard deviation, exactly 0 for a constant image, where rounding would leave a trace."""
    return float(image.std()) if np.ptp(image) > 0 else 0.0


METRICS = {one.__name__: one for one in (snr, snr_literal, entropy, edge_density, contrast, mean_intensity)}
UNITS: dict[str, str] = {
    "snr": "dimensionless",
    "snr_literal": "1 / fraction of data range",
    "entropy": "bits",
    "edge_density": "fraction of pixels",
    "contrast": "fraction of data range",
    "mean_intensity": "fraction of data range",
}


def measure(image: ArrayLike, *, data_range: float) -> dict[str, float]:
    """Return every metric of `METRICS` for one frame (H, W), by name; `UNITS` holds their units.

    >>> measure(np.full((8, 8), 51), data_range=255)["mean_intensity"]
    0.2
    """
    return {name: metric(image, data_range=data_range) for name, metric in METRICS.items()}
