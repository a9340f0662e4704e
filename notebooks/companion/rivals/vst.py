"""Denoising where a camera's mixed noise has an SD of 1 everywhere, and how that noise is spread over frequencies.

Frames (H, W) are in DN above the dark, their noise that of `nircore.data.noise`. The transform and its unbiased
inverse are those of `nircore.data.stabilise`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from nircore.data.noise import Noise, noise_model
from nircore.data.stabilise import UNIT, Stabilisation

SPECTRUM_SMOOTH = 3.0  # frequency steps (sigma): one frame tells its power at one frequency to 100 %


def stabilised(image: np.ndarray, denoise: Callable[[np.ndarray], np.ndarray], noise: Noise) -> np.ndarray:
    """Denoise a frame on the scale z = 2 sqrt(e + 3/8 + s^2), where noise has an SD of 1: (H, W) DN -> float64 DN.

    e are electrons, s is the read noise in electrons. Black is 2 sqrt(3/8 + s^2) on that scale, not 0: BM3D takes
    what is near 0 for nothing.
    """
    fit, black = Stabilisation(0.0, *noise), 2 * np.sqrt(3 / 8 + (noise.gain_e_per_dn * noise.read_noise_dn) ** 2)
    z = black + UNIT * fit.apply(image).astype(np.float64)
    return fit.invert((denoise(z) - black) / UNIT)


def noise_spectrum(frames: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> np.ndarray:
    """Return the noise's power over spatial frequencies, (H, W) float64, as `numpy.fft.fft2` orders them.

    Frames and their truths, (H, W) in DN of one size, are stabilised by the frame's own noise; what differs is noise.
    The mean is the noise's variance: 1 where stabilisation is exact. Smoothed, for few frames are at hand.
    """
    power = np.zeros(frames[0].shape)
    for frame, truth in zip(frames, truths, strict=True):
        fit = Stabilisation(0.0, *noise_model(frame))
        residual = UNIT * (fit.apply(frame) - fit.apply(truth)).astype(np.float64)
        power += np.abs(np.fft.fft2(residual - residual.mean())) ** 2 / residual.size
    return gaussian_filter(power / len(frames), SPECTRUM_SMOOTH, mode="wrap")
