"""The denoisers people would use instead: classical, without training, each with one parameter.

Every denoiser takes a frame (H, W) in DN above the dark and returns it denoised, (H, W) float32 DN of the same scale.
`METHODS` lists them with the candidates for their parameter; `tune` chooses among those on validation frames.
The two `vst_` methods work where the camera's noise has an SD of 1 everywhere (`companion.rivals.vst`), and return
through the exact unbiased inverse.
Nothing is clipped: the denoised dark scatters about 0. Clip all methods at 0 or none before comparing them: clipping
alone is worth up to 0.5 dB and 0.06 SSIM on a 20 ms SWIR_HDR frame.
All raise `NircoreError` for a frame that is not 2-D, finite and real.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_wavelet

from companion.rivals import vst
from nircore.data.noise import noise_model
from nircore.metrics.no_reference import check_image, noise_sd

PATCH, REACH = 9, 10  # px: non-local means compares 9 x 9 patches within 10 px; 20 ms frames need them that large
WAVELET, LEVELS, SHIFTS = "sym4", 4, (0, 3, 6, 9)  # at most so many levels; shifts in px, along both axes
Truth = TypeVar("Truth")
Denoise = Callable[[np.ndarray], np.ndarray]


def gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth with a Gaussian of `sigma` pixels."""
    return ndimage.gaussian_filter(check_image(image), sigma).astype(np.float32)


def median(image: np.ndarray, size: int) -> np.ndarray:
    """Take the median of each `size` x `size` neighbourhood; an even number of pixels would shift the frame."""
    return ndimage.median_filter(check_image(image), int(size)).astype(np.float32)


def _nlm(image: np.ndarray, strength: float, sd: float) -> np.ndarray:
    """Run fast non-local means on a frame of noise `sd`; its filter constant h is `strength` x `sd`."""
    return denoise_nl_means(image, PATCH, REACH, h=strength * sd, sigma=sd, fast_mode=True)


def non_local_means(image: np.ndarray, strength: float) -> np.ndarray:
    """Average patches that look alike: h = `strength` x noise SD, estimated from the frame (`noise_sd`).

    Sources: Buades, Coll & Morel, CVPR 2005 (2) 60; the fast mode of Darbon et al., ISBI 2008, 1331.
    """
    image = check_image(image)
    sd = noise_sd(image)
    return (_nlm(image, strength, sd) if sd > 0 else image).astype(np.float32)  # nothing to remove


def wavelet(image: np.ndarray, strength: float) -> np.ndarray:
    """Shrink wavelet coefficients softly, BayesShrink for a noise SD of `strength` x the frame's estimated one.

    Averaged over 16 shifts of the frame (Coifman & Donoho 1995), for the transform is not shift-invariant.
    Source: Chang, Yu & Vetterli, IEEE Trans. Image Process. 9 (2000) 1532. Needs PyWavelets.
    """
    from pywt import dwt_max_level

    image = check_image(image)
    levels, sd = min(LEVELS, dwt_max_level(min(image.shape), WAVELET)), strength * noise_sd(image)
    if sd == 0:
        return image.astype(np.float32)
    total = np.zeros_like(image)
    for shift in product(SHIFTS, SHIFTS):
        moved = denoise_wavelet(np.roll(image, shift, (0, 1)), sd, WAVELET, wavelet_levels=levels)
        total += np.roll(moved, [-step for step in shift], (0, 1))
    return (total / len(SHIFTS) ** 2).astype(np.float32)


def _stabilised(image: np.ndarray, denoise: Denoise, noise: vst.Noise | None) -> np.ndarray:
    """Denoise where the noise SD is 1, with the camera's noise model or the one estimated from the frame."""
    image = check_image(image)
    if np.ptp(image) == 0:
        return image.astype(np.float32)  # nothing to remove
    return vst.stabilised(image, denoise, noise or noise_model(image)).astype(np.float32)


def vst_nlm(image: np.ndarray, strength: float) -> np.ndarray:
    """Run non-local means with h = `strength` on the stabilised frame."""
    return _stabilised(image, lambda frame: _nlm(frame, strength, 1.0), None)


def vst_bm3d(
    image: np.ndarray, strength: float, noise: vst.Noise | None = None, spectrum: np.ndarray | None = None
) -> np.ndarray:
    """Run BM3D for a noise SD of `strength` on the stabilised frame.

    `spectrum` (H, W), of `vst.noise_spectrum`, says how the noise is spread over spatial frequencies; without it the
    noise is taken for white.
    Source: Dabov, Foi, Katkovnik & Egiazarian, IEEE Trans. Image Process. 16 (2007) 2080; of coloured noise, Makinen,
    Azzari & Foi, IEEE Trans. Image Process. 29 (2020) 8339. Needs the package bm3d, by the method's authors, whose
    licence is for non-commercial use only.
    """
    from bm3d import bm3d

    if not hasattr(np, "trapz"):
        np.trapz = np.trapezoid  # bm3d 4.0 calls for a spectrum what numpy 2.4 has taken out
    power = strength if spectrum is None else strength**2 * spectrum * spectrum.size
    return _stabilised(image, lambda frame: bm3d(frame, power), noise)


class Method(NamedTuple):
    """A denoiser: its name in tables, the candidates for its parameter and their unit, and the package it needs."""

    function: Callable[..., np.ndarray]
    title: str
    grid: tuple[float, ...]
    unit: str = ""
    package: str = ""
    absent: str = ""


METHODS: dict[str, Method] = {
    "gaussian": Method(gaussian, "Gaussian", (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0), " px"),
    "median": Method(median, "median", (3, 5, 7, 9, 11), " px"),
    "non_local_means": Method(non_local_means, "non-local means", (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)),
    "wavelet": Method(
        wavelet, "wavelet", (0.5, 0.6, 0.75, 0.9, 1.0, 1.1, 1.3, 1.6), "", "pywt",
        "wavelet needs PyWavelets: run pip install PyWavelets.",
    ),
    "vst_nlm": Method(vst_nlm, "VST + NLM", (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)),
    "vst_bm3d": Method(
        vst_bm3d, "VST + BM3D", (1.2, 1.4, 1.7), "", "bm3d",
        "vst_bm3d needs the package bm3d, free for non-commercial use only: run pip install 'nircore[bm3d]'.",
    ),
}  # fmt: skip


def available() -> dict[str, str]:
    """Return every method's name with an empty text if it can run here, else the reason it cannot."""
    return {name: m.absent if m.package and find_spec(m.package) is None else "" for name, m in METHODS.items()}


def tune(
    name: str, pairs: Sequence[tuple[np.ndarray, Truth]], score: Callable[[np.ndarray, Truth], float]
) -> tuple[float, dict[float, float]]:
    """Choose the parameter of a method of METHODS by its mean score (higher is better) on validation frames.

    No frame but those of `pairs` is looked at: (H, W) in DN, each with the truth that `score` judges it by. Returns
    the parameter, and the mean score of every candidate: a best one at the end of the grid asks for a wider grid.
    """
    method = METHODS[name]
    scores = {
        value: float(np.mean([score(method.function(frame, value), truth) for frame, truth in pairs]))
        for value in method.grid
    }
    return max(scores, key=scores.__getitem__), scores
