"""Variance stabilisation: from a camera's mixed noise to unit noise and back.

Frames (H, W) are in DN above the dark, their noise that of `nircore.data.noise`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import norm, poisson

from nircore.data.noise import Noise, check_noise, noise_model
from nircore.metrics.no_reference import check_image

MAX_SIGNAL_E = 500.0  # electrons up to which the inverse is tabulated; beyond, its correction no longer changes
SPECTRUM_SMOOTH = 3.0  # frequency steps (sigma): one frame tells its power at one frequency to 100 %


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


def noise_spectrum(frames: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> np.ndarray:
    """Return the noise's power over spatial frequencies, (H, W) float64, as `numpy.fft.fft2` orders them.

    Frames and their truths, (H, W) in DN of one size, are stabilised by the frame's own noise; what differs is noise.
    The mean is the noise's variance: 1 where stabilisation is exact. Smoothed, for few frames are at hand.
    """
    power = np.zeros(frames[0].shape)
    for frame, truth in zip(frames, truths, strict=True):
        noise = noise_model(frame)
        residual = forward(frame, noise) - forward(truth, noise)
        power += np.abs(np.fft.fft2(residual - residual.mean())) ** 2 / residual.size
    return gaussian_filter(power / len(frames), SPECTRUM_SMOOTH, mode="wrap")
