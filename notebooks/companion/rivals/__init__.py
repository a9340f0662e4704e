"""The denoisers people would use instead: classical, without training, each with one parameter.

Every denoiser takes a frame (H, W) in DN above the dark and returns it denoised, (H, W) float32 DN of the same scale.
`METHODS` lists them with the candidates for their parameter; `tune` chooses among those on validation frames.
The two `vst_` methods work where the camera's noise has an SD of 1 everywhere (`companion.rivals.vst`), and return
through the exact unbiased inverse.
Nothing is clipped: the denoised dark scatters about 0. Clip all methods at 0 or none before comparing them: clipping
alone is worth up to 0.5 dB and 0.06 SSIM on a 20 ms SWIR_HDR frame.
All raise `NircoreError` for a frame that is not 2-D, finite and real, and for a parameter that is not above 0.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from numbers import Real
from typing import TypeVar

import numpy as np
from scipy import ndimage
from skimage.restoration import denoise_nl_means, denoise_wavelet

from companion.rivals import vst
from nircore.data.noise import noise_model
from nircore.errors import NircoreError
from nircore.metrics.no_reference import check_image, noise_sd

PATCH, REACH = 9, 10  # px: non-local means compares 9 x 9 patches within 10 px; 20 ms frames need them that large
WAVELET, LEVELS, SHIFTS = "sym4", 4, (0, 3, 6, 9)  # at most so many levels; shifts in px, along both axes
Truth = TypeVar("Truth")
Score = Callable[[np.ndarray, Truth], float]


def _checked(image: np.ndarray, name: str, value: float) -> np.ndarray:
    """Return the frame as float64 once it and the parameter are sound."""
    if not (isinstance(value, Real) and 0 < value < np.inf):
        raise NircoreError(f"{name}={value!r} must be a finite number above 0.")
    return check_image(image)


def gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth with a Gaussian of `sigma` pixels."""
    return ndimage.gaussian_filter(_checked(image, "sigma", sigma), sigma).astype(np.float32)


def median(image: np.ndarray, size: int) -> np.ndarray:
    """Take the median of each `size` x `size` neighbourhood, an odd number of pixels."""
    image = _checked(image, "size", size)
    if size % 2 != 1:
        raise NircoreError(f"size={size!r} must be an odd whole number of pixels: an even window shifts the frame.")
    return ndimage.median_filter(image, int(size)).astype(np.float32)


def _nlm(image: np.ndarray, strength: float, sd: float) -> np.ndarray:
    """Run fast non-local means on a frame of noise `sd`; its filter constant h is `strength` x `sd`."""
    return denoise_nl_means(image, PATCH, REACH, h=strength * sd, sigma=sd, fast_mode=True)


def non_local_means(image: np.ndarray, strength: float) -> np.ndarray:
    """Average patches that look alike: h = `strength` x noise SD, estimated from the frame (`noise_sd`).

    Sources: Buades, Coll & Morel, CVPR 2005 (2) 60; the fast mode of Darbon et al., ISBI 2008, 1331.
    """
    image = _checked(image, "strength", strength)
    sd = noise_sd(image)
    return (_nlm(image, strength, sd) if sd > 0 else image).astype(np.float32)  # nothing to remove


def wavelet(image: np.ndarray, strength: float) -> np.ndarray:
    """Shrink wavelet coefficients softly, BayesShrink for a noise SD of `strength` x the frame's estimated one.

    Averaged over 16 shifts of the frame (Coifman & Donoho 1995), for the transform is not shift-invariant.
    Source: Chang, Yu & Vetterli, IEEE Trans. Image Process. 9 (2000) 1532. Needs PyWavelets.
    """
    image = _checked(image, "strength", strength)
    _require("wavelet")
    from pywt import dwt_max_level

    levels = min(LEVELS, dwt_max_level(min(image.shape), WAVELET))
    sd = strength * noise_sd(image)
    if sd == 0:
        return image.astype(np.float32)
    total = np.zeros_like(image)
    for shift in product(SHIFTS, SHIFTS):
        moved = denoise_wavelet(np.roll(image, shift, (0, 1)), sd, WAVELET, wavelet_levels=levels)
        total += np.roll(moved, [-step for step in shift], (0, 1))
    return (total / len(SHIFTS) ** 2).astype(np.float32)


def _stabilised(
    image: np.ndarray, denoise: Callable[[np.ndarray], np.ndarray], noise: vst.Noise | None
) -> np.ndarray:
    """Denoise where the noise SD is 1, with the camera's noise model or the one estimated from the frame."""
    if np.ptp(image) == 0:
        return image.astype(np.float32)  # nothing to remove
    noise = noise or noise_model(image)
    return vst.inverse(denoise(vst.forward(image, noise)), noise).astype(np.float32)


def vst_nlm(image: np.ndarray, strength: float, noise: vst.Noise | None = None) -> np.ndarray:
    """Run non-local means with h = `strength` on the stabilised frame."""
    image = _checked(image, "strength", strength)
    return _stabilised(image, lambda frame: _nlm(frame, strength, 1.0), noise)


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
    image = _checked(image, "strength", strength)
    _require("vst_bm3d")
    from bm3d import bm3d

    power = strength if spectrum is None else strength**2 * spectrum * spectrum.size
    with _trapz():
        return _stabilised(image, lambda frame: bm3d(frame, power), noise)


@contextmanager
def _trapz() -> Iterator[None]:
    """Give numpy back the `trapz` that bm3d 4.0 calls for a spectrum, and that numpy 2.4 has taken out."""
    missing = not hasattr(np, "trapz")
    if missing:
        np.trapz = np.trapezoid
    try:
        yield
    finally:
        if missing:
            del np.trapz


@dataclass(frozen=True)
class Method:
    """A denoiser, the candidates for its one parameter, and what to say when the package it needs is absent."""

    function: Callable[..., np.ndarray]
    grid: tuple[float, ...]
    package: str = ""
    absent: str = ""


METHODS: dict[str, Method] = {
    "gaussian": Method(gaussian, (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)),
    "median": Method(median, (3, 5, 7, 9, 11)),
    "non_local_means": Method(non_local_means, (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)),
    "wavelet": Method(
        wavelet,
        (0.5, 0.6, 0.75, 0.9, 1.0, 1.1, 1.3, 1.6),
        "pywt",
        "wavelet needs PyWavelets: run pip install PyWavelets.",
    ),
    "vst_nlm": Method(vst_nlm, (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)),
    "vst_bm3d": Method(
        vst_bm3d,
        (1.0, 1.2, 1.4, 1.7),
        "bm3d",
        "vst_bm3d needs the package bm3d, free for non-commercial use only: run pip install 'nircore[bm3d]'.",
    ),
}


def available() -> dict[str, str]:
    """Return every method's name with an empty text if it can run here, else the reason it cannot."""
    return {
        name: method.absent if method.package and find_spec(method.package) is None else ""
        for name, method in METHODS.items()
    }


def _require(name: str) -> None:
    """Raise `NircoreError` with the reason if a method cannot run here."""
    if reason := available()[name]:
        raise NircoreError(reason)


def tune(
    name: str, pairs: Sequence[tuple[np.ndarray, Truth]], score: Score[Truth]
) -> tuple[float, dict[float, float]]:
    """Choose a method's parameter on validation frames: the candidate with the highest mean score.

    Args:
        name: of the method, a key of `METHODS`.
        pairs: validation frames (H, W) in DN, each with whatever `score` judges it by. No other frame is looked at.
        score: takes a denoised frame and its truth; higher is better.

    Returns:
        The parameter, and the mean score of every candidate: a best one at the end of the grid asks for a wider grid.

    Raises:
        NircoreError: an unknown method, one that cannot run here, or no pairs.
    """
    if name not in METHODS:
        raise NircoreError(f"{name!r} is no method: choose one of {', '.join(METHODS)}.")
    _require(name)
    if not pairs:
        raise NircoreError(f"{name} cannot be tuned without validation frames: pass at least one pair.")
    method = METHODS[name]
    scores = {
        value: float(np.mean([score(method.function(frame, value), truth) for frame, truth in pairs]))
        for value in method.grid
    }
    return max(scores, key=scores.__getitem__), scores
