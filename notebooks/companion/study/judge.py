"""How a method is judged on one frame: one rule for all of them, on the phantom and on real frames.

Frames (H, W) are in DN above the dark. A method is a function from one to another, `companion.rivals.Denoise`.
"""

import math
from functools import cached_property

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.filters import sato

from nircore.data.normalise import Normalisation
from nircore.metrics import no_reference, quantitation, structure, with_truth
from nircore.metrics.detail import BANDS, detail

RANGE = 255.0  # the common scale of the paper's metrics: black level to white level of the input frame
PAPER = ("entropy", "edge_density", "snr", "contrast", "mean_intensity")
SCORES = ("psnr", "ssim")
NOISE_FREE = ("own_psnr", "own_ssim")  # against the frame's own window without noise: denoising, no translation
METRICS = (*SCORES, *PAPER, "sbr", "cnr", "dice", "cl_dice", *NOISE_FREE)
COMPARED = (*SCORES, "dice", "cl_dice", *NOISE_FREE)
DETAIL = tuple(f"{width}_{number}" for width in BANDS for number in ("kept", "real"))
SHARE = 3  # a detail is the frame's shorter side over this
DARK = 0.1  # share of the peak that counts as dark when vessels are weighed by their contrast
COARSE = 256  # px: shorter side of the frames whose vessels have the radii of `structure.SIGMAS`


def clipped(image: np.ndarray) -> np.ndarray:
    """Clip a frame at 0 DN, as is done with every method's output and with the input.

    There is no negative light, anybody can clip for nothing, and some methods do it inside and others do not: left
    to the methods, up to 0.8 dB and 0.10 SSIM of clipping on a 20 ms SWIR_HDR frame would be credited to denoising.
    Clipping all is also the stricter choice: it lifts the rivals.
    """
    return np.maximum(image, 0)


def common_scale(image: np.ndarray, fit: Normalisation) -> np.ndarray:
    """Bring a frame to [0, RANGE], from black to white level of the input frame to which `fit` belongs."""
    return np.clip(fit.brightness(image) * RANGE, 0, RANGE)


def magnification(shape: tuple[int, ...]) -> int:
    """Return by how much vessels on a frame (H, W) are wider than on one of COARSE px."""
    return max(1, round(min(shape) / COARSE))


def vessel_detail(truth: np.ndarray) -> tuple[slice, slice]:
    """Return the square of (H, W), a third of its shorter side, where vessels stand out most from their surroundings.

    Ridges are sought in the logarithm of the frame, or the liver's rim would outshine every vessel.
    """
    side = min(truth.shape) // SHARE
    bright = np.log(np.maximum(truth, 0) + DARK * np.percentile(truth, 99.9))
    sigmas = [magnification(truth.shape) * sigma for sigma in structure.SIGMAS]
    ridges = uniform_filter(sato(bright, sigmas=sigmas, black_ridges=False, mode="reflect"), side)
    half = side // 2
    inside = ridges[half : truth.shape[0] - half, half : truth.shape[1] - half]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


class Judge:
    """A low-light frame with its truth: measures whatever a method makes of the frame.

    All methods are measured in the same regions. Vessels are those of the truth (`structure.vessel_mask`, radii in
    proportion to the frame's size); the background is the ring around them (`quantitation.background_ring`, 3 to
    9 px away on a frame 256 px wide, 6 to 18 px on one of 512), both where the truth is valid.

    Args:
        noise_free: the frame without noise, where the truth is another window's (`sets.own_truth`).
    """

    def __init__(
        self, frame: np.ndarray, truth: np.ndarray, valid: np.ndarray, noise_free: np.ndarray | None = None
    ) -> None:
        self.fit, self.truth, self.valid, self.noise_free = Normalisation.of(frame), truth, valid, noise_free
        self.scale = magnification(truth.shape)

    def _vessels(self, image: np.ndarray) -> np.ndarray:
        return structure.vessel_mask(image, [self.scale * sigma for sigma in structure.SIGMAS])

    @cached_property
    def vessels(self) -> np.ndarray:
        """The truth's vessels, (H, W) bool."""
        return self._vessels(self.truth)

    @cached_property
    def regions(self) -> tuple[np.ndarray, np.ndarray]:
        """Signal and background, (H, W) bool each."""
        signal = self.vessels & self.valid
        if not signal.any():
            return signal, signal
        gap, width = quantitation.GAP * self.scale, quantitation.WIDTH * self.scale
        return signal, quantitation.background_ring(self.vessels, gap=gap, width=width) & self.valid

    def __call__(self, image: np.ndarray) -> dict[str, float]:
        """Return every one of `METRICS`; all but SBR and CNR of the `clipped` frame.

        SBR and CNR are means over regions, and the mean of clipped noise is not that of the noise.
        """
        paper = no_reference.measure(common_scale(clipped(image), self.fit), data_range=RANGE)
        mask = self._vessels(clipped(image))
        alone = {} if self.noise_free is None else with_truth.score(clipped(image), self.noise_free)
        return (
            self.score(image)
            | {key: paper[key] for key in PAPER}
            | self.quantities(image)
            | {"dice": structure.dice(mask, self.vessels), "cl_dice": structure.cl_dice(mask, self.vessels)}
            | {key: alone.get(key.removeprefix("own_"), math.nan) for key in NOISE_FREE}
        )

    def score(self, image: np.ndarray) -> dict[str, float]:
        """Return PSNR (dB) and SSIM of the clipped frame, by the protocol of `with_truth.score`."""
        found = with_truth.score(clipped(image), self.truth, self.valid)
        return {key: found[key] for key in SCORES}

    def detail(self, image: np.ndarray) -> dict[str, float]:
        """Return DETAIL: how much of the fine and of the coarse structure is kept, and how much of it is real."""
        a, b = with_truth.affine_fit(clipped(image), self.truth, self.valid)
        calibrated = a * clipped(image) + b
        parts = {width: detail(calibrated, self.truth, width, self.valid) for width in BANDS}
        return {f"{width}_{number}": value for width, part in parts.items() for number, value in part.items()}

    def quantities(self, image: np.ndarray) -> dict[str, float]:
        """Return `sbr` and `cnr` of the vessels against the ring around them; NaN where the truth shows no vessel.

        An offset moves the SBR at will, and a network's offset is arbitrary, so the frame is first calibrated as a
        camera is: image = c truth + d by least squares, then (image - d) / c. The scoring protocol's fit goes the
        other way, truth = a image + b; noise in the image then pulls a towards 0 and every SBR towards 1 (on a 20 ms
        BP1350 frame of M8-1: 1.69 where the long exposure has 2.51, and calibrated 2.49). NaN where c is not above
        0. CNR is free of scale and offset; a denoiser raises it by smoothing alone.
        The goal is the truth's value, not a high one.
        """
        signal, background = self.regions
        if not (signal.any() and background.any()):
            return {"sbr": math.nan, "cnr": math.nan}
        c, d = with_truth.affine_fit(self.truth, image, self.valid)
        calibrated = (image.astype(np.float64) - d) / c if c > 0 else None
        sbr = math.nan if calibrated is None else quantitation.sbr(calibrated, signal, background)
        return {"sbr": sbr, "cnr": quantitation.cnr(image, signal, background)}

    def of_truth(self) -> dict[str, float]:
        """Return METRICS of the truth itself: NaN where it would be compared with itself."""
        return self(self.truth) | dict.fromkeys(COMPARED, math.nan)

    def view(self, image: np.ndarray) -> np.ndarray:
        """Return the frame as the protocol of `with_truth.score` sees it: clipped, and fitted to the truth."""
        score = with_truth.score(clipped(image), self.truth, self.valid)
        return np.clip(score["a"] * clipped(image) + score["b"], 0, score["peak"])
