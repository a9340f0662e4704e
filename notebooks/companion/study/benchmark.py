"""How the benchmark judges a method on one frame: one rule for all of them, whatever made the frame.

Frames (H, W) are in DN above the dark. A method is a function from one to another, `Denoise`.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import uniform_filter
from skimage.filters import sato

from companion import rivals as baselines
from nircore.data.normalise import Normalisation
from nircore.data.sets import Reference
from nircore.metrics import no_reference, quantitation, structure, with_truth

Denoise = Callable[[np.ndarray], np.ndarray]

INPUT, CLASSICAL, UNPAIRED, PAIRED = "input", "classical", "learnt without pairs", "learnt with pairs"
TRUTH = "truth"  # not a method: what the no-truth numbers of the truth itself are
#: Name in the table, and the unit of its one parameter, of each method of `companion.rivals`.
NAMES: dict[str, tuple[str, str]] = {
    "gaussian": ("Gaussian", " px"),
    "median": ("median", " px"),
    "non_local_means": ("non-local means", ""),
    "wavelet": ("wavelet", ""),
    "vst_nlm": ("VST + NLM", ""),
    "vst_bm3d": ("VST + BM3D", ""),
}
RANGE = 255.0  # the common scale of the paper's metrics: black level to white level of the input frame
PAPER = ("entropy", "edge_density", "snr", "contrast", "mean_intensity")
OWN = ("own_psnr", "own_ssim")  # against the frame's own window: denoising alone, without a translation
METRICS = ("psnr", "ssim", *PAPER, "sbr", "cnr", "dice", "cl_dice", *OWN)
COMPARED = ("psnr", "ssim", "dice", "cl_dice", *OWN)
SHARE = 3  # a detail is the frame's shorter side over this
DARK = 0.1  # share of the peak that counts as dark when vessels are weighed by their contrast
COARSE = 256  # px: shorter side of the frames whose vessels have the radii of `structure.SIGMAS`
FULL, REPEATS = (640, 512), 3  # px and runs: a time is the median of so many on a frame of the camera's size


@dataclass(frozen=True)
class Method:
    """A row of the table: what runs, once per training seed, or in `remark` why nothing does.

    Attributes:
        validation_psnr: mean PSNR in dB on the validation frames, for the methods tuned there.
    """

    name: str
    kind: str
    runs: Mapping[int, Denoise] = field(default_factory=dict)
    tuned: str = ""
    validation_psnr: float = math.nan
    remark: str = ""


def clipped(image: np.ndarray) -> np.ndarray:
    """Clip a frame at 0 DN, as the benchmark does with every method's output and with the input.

    There is no negative light, anybody can clip for nothing, and some methods do it inside (BM3D's usual inverse, a
    network with a floor) and others do not: left to the methods, up to 0.8 dB and 0.10 SSIM of clipping on a 20 ms
    SWIR_HDR frame would be credited to denoising. Clipping all is also the stricter choice: it lifts the rivals.
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
        own: the frame without noise, where the truth is another window's (`sets.own_truth`).
    """

    def __init__(
        self, frame: np.ndarray, truth: np.ndarray, valid: np.ndarray, own: np.ndarray | None = None
    ) -> None:
        self.fit, self.truth, self.valid, self.own = Normalisation.of(frame), truth, valid, own
        self.scale = magnification(truth.shape)
        self.vessels = self._vessels(truth)
        self.signal, self.background = self.vessels & valid, np.zeros_like(valid)
        if self.signal.any():
            gap, width = quantitation.GAP * self.scale, quantitation.WIDTH * self.scale
            self.background = quantitation.background_ring(self.vessels, gap=gap, width=width) & valid

    def _vessels(self, image: np.ndarray) -> np.ndarray:
        return structure.vessel_mask(image, [self.scale * sigma for sigma in structure.SIGMAS])

    def __call__(self, image: np.ndarray) -> dict[str, float]:
        """Return every one of `METRICS`; all but SBR and CNR of the `clipped` frame.

        SBR and CNR are means over regions, and the mean of clipped noise is not that of the noise.
        """
        seen = clipped(image)
        score = with_truth.score(seen, self.truth, self.valid)
        paper = no_reference.measure(common_scale(seen, self.fit), data_range=RANGE)
        mask = self._vessels(seen)
        return (
            {key: score[key] for key in ("psnr", "ssim")}
            | {key: paper[key] for key in PAPER}
            | self.quantities(image)
            | {"dice": structure.dice(mask, self.vessels), "cl_dice": structure.cl_dice(mask, self.vessels)}
            | self._own(seen)
        )

    def _own(self, seen: np.ndarray) -> dict[str, float]:
        """Return OWN, the scores against the frame without noise; NaN where it is the truth itself or not known."""
        score = {} if self.own is None else with_truth.score(seen, self.own)
        return {key: score.get(key.removeprefix("own_"), math.nan) for key in OWN}

    def quantities(self, image: np.ndarray) -> dict[str, float]:
        """Return `sbr` and `cnr` of the vessels against the ring around them; NaN where the truth shows no vessel.

        An offset moves the SBR at will, and a network's offset is arbitrary, so the frame is first calibrated as a
        camera is: image = c truth + d by least squares, then (image - d) / c. The scoring protocol's fit goes the
        other way, truth = a image + b; noise in the image then pulls a towards 0 and every SBR towards 1 (on a 20 ms
        BP1350 frame of M8-1: 1.69 where the long exposure has 2.51, and calibrated 2.49). NaN where c is not above
        0. CNR is free of scale and offset; a denoiser raises it by smoothing alone.
        The goal is the truth's value, not a high one.
        """
        if not (self.signal.any() and self.background.any()):
            return {"sbr": math.nan, "cnr": math.nan}
        c, d = with_truth.affine_fit(self.truth, image, self.valid)
        calibrated = (image.astype(np.float64) - d) / c if c > 0 else None
        return {
            "sbr": math.nan if calibrated is None else quantitation.sbr(calibrated, self.signal, self.background),
            "cnr": quantitation.cnr(image, self.signal, self.background),
        }

    def of_truth(self) -> dict[str, float]:
        """Return METRICS of the truth itself: NaN where it would be compared with itself."""
        return self(self.truth) | dict.fromkeys(COMPARED, math.nan)

    def view(self, image: np.ndarray) -> np.ndarray:
        """Return the frame as the protocol of `with_truth.score` sees it: clipped, and fitted to the truth."""
        score = with_truth.score(clipped(image), self.truth, self.valid)
        return np.clip(score["a"] * clipped(image) + score["b"], 0, score["peak"])


def classical(pairs: Sequence[tuple[np.ndarray, Reference]], seed: int) -> list[Method]:
    """Return the methods of `companion.rivals`, each tuned by PSNR on validation frames with their truth.

    They draw nothing at random: `seed` is only what their single run is called.
    """
    return [tuned(key, pairs, seed, reason) for key, reason in baselines.available().items()]


def tuned(key: str, pairs: Sequence[tuple[np.ndarray, Reference]], seed: int, absent: str = "") -> Method:
    """Return one of `companion.rivals`, its parameter chosen by PSNR on validation frames."""
    name, unit = NAMES[key]
    if absent:
        return Method(name, CLASSICAL, remark=absent)
    value, scores = baselines.tune(key, pairs, lambda x, truth: with_truth.score(clipped(x), *truth)["psnr"])
    denoise = baselines.METHODS[key].function
    return Method(name, CLASSICAL, {seed: lambda frame: denoise(frame, value)}, f"{value:g}{unit}", scores[value])


def seconds(denoise: Denoise, frame: np.ndarray) -> float:
    """Return the seconds for one 640 x 512 frame here: the median of three; smaller frames are mirrored to size."""
    missing = [(0, max(0, full - side)) for full, side in zip(FULL, frame.shape, strict=True)]
    full = np.pad(frame, missing, mode="symmetric")[: FULL[0], : FULL[1]]
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        denoise(full)
        times.append(time.perf_counter() - began)
    return float(np.median(times))
