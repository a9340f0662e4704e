"""Does a shift between spectral windows carry contrast of the scene, or only the look of the other window?

An enhanced short-window frame is judged by the long-window frame of the same animal, brought into place. The controls
know nothing of the long window: whatever they reach is no merit of a shift.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, shift
from scipy.optimize import minimize

from companion.study.judge import Judge, clipped
from nircore.data.normalise import Normalisation
from nircore.data.sets import Reference
from nircore.metrics import quantitation, with_truth
from nircore.metrics.summary import interval
from nircore.metrics.vessel_width import REACH, crossings, relative_width

INPUT, DENOISED, AFFINE, IDEAL = "low-light", "non-local means", "the same, affine", "long exposure, short window"
UNSHIFTED, SHIFTED, TRUTH = "trained without shift", "trained with shift", "truth"
DETAIL, COARSE = 1.5, 12.0  # px: what lies between these scales tells how frames lie on each other
FARTHEST = 4  # px: filters displace a picture by one or two
EDGE = 4  # px: of a moved frame's border that does not count
RISE = 1.02  # factor: a mean ratio of SBR above it counts as more contrast
REAL, COLOUR, DENOISING = "real contrast", "a colour of noise", "denoising alone"
LOST, UNDECIDED = "contrast lost", "undecided"
RULES = {
    REAL: "nearer to the long-window frame than the denoised input, the same system without a shift, and the "
    "short window's own long exposure (95 % intervals of the PSNR gains, over animals, above 0), and its calibrated "
    "SBR nearer to the truth's than the denoised input's",
    COLOUR: "it shows a higher SBR than the denoised input, and is no nearer to the long-window frame than the "
    "better of denoised input and system without a shift",
    DENOISING: "nearer to the long-window frame than the denoised input, but no nearer than the short window's own "
    "long exposure, which only lacks noise",
    LOST: "surely farther from the long-window frame than the denoised input, and no higher SBR either",
    UNDECIDED: "none of these",
}
NO_SHIFT = "no shift to test"  # where all frames are of one filter: no rule decides what is not there
ONE_FILTER = "all frames are seen through one filter, so what a system changes in them is no shift between windows"
COLUMNS = ("group", "short", "long", "method", "psnr", "ssim", "sbr", "sbr_shown", "relative_width")
COLUMNS += ("widths_measured",)


def offset_between(fixed: np.ndarray, moving: np.ndarray) -> tuple[float, float]:
    """Return by how many (rows, columns) `moving` must be moved to lie on `fixed`, to 0.1 px; both (H, W) in DN.

    The offset, up to FARTHEST px, at which the details of the logarithms correlate best away from the borders: the
    windows differ in contrast, hardly in where edges are. (Phase correlation follows the borders, which stay.)
    Measure it between long exposures, never with an enhanced frame, which could then choose its own place.
    """
    one, other = _details(fixed), _details(moving)
    edge = 2 * FARTHEST
    inner = np.s_[edge:-edge, edge:-edge]

    def unlike(by: np.ndarray) -> float:
        """Return how little the details have in common once the second is moved."""
        return -_correlation(one[inner], shift(other, by, order=1, mode="nearest")[inner])

    steps = range(-FARTHEST, FARTHEST + 1)
    start = max(product(steps, steps), key=lambda by: _correlation(one[inner], np.roll(other, by, (0, 1))[inner]))
    found = minimize(unlike, start, method="Nelder-Mead", options={"xatol": 0.05, "fatol": 1e-6}).x
    return float(found[0]), float(found[1])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (image[::2, ::2].ravel() - image[::2, ::2].mean() for image in (one, other))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _details(frame: np.ndarray) -> np.ndarray:
    """Return what lies between DETAIL and COARSE px in the logarithm of a frame."""
    bright = gaussian_filter(np.log(np.clip(frame, 0, None) + 0.02 * np.percentile(frame, 99.9)), DETAIL)
    return bright - gaussian_filter(bright, COARSE)


def moved(reference: Reference, by: tuple[float, float]) -> Reference:
    """Return truth and valid mask moved by (rows, columns); what came from outside or near it is not valid."""
    truth, valid = reference
    inside = shift(valid.astype(np.float64), by, order=1, mode="constant") > 0.99
    inside[:EDGE], inside[-EDGE:], inside[:, :EDGE], inside[:, -EDGE:] = False, False, False, False
    return shift(truth, by, order=1, mode="nearest").astype(np.float32), inside


def affine_to(image: np.ndarray, fit: Normalisation, targets: Sequence[np.ndarray]) -> np.ndarray:
    """Give a frame the mean and the SD that target frames have in the networks' units: the least to be learned."""
    values = np.concatenate([Normalisation.of(target).apply(target).ravel() for target in targets])
    own = fit.apply(image)
    return fit.invert((own - own.mean()) * (values.std() / own.std()) + values.mean())


def measure(frame: np.ndarray, reference: Reference, images: dict[str, np.ndarray]) -> list[dict[str, float | str]]:
    """Measure every image (H, W) made of a frame against the reference in its place: a row for each, and the truth's.

    psnr (dB) and ssim as in the scoring protocol; sbr after calibration on the truth (`Judge.quantities`) and
    `sbr_shown`, of the image with the offset it has; relative_width of vessels, and at which share of
    the places it could be measured. All regions are the truth's.
    """
    truth, valid = reference
    judge = Judge(frame, truth, valid)
    reach = REACH * judge.scale / 2 + REACH / 2
    places = crossings(truth, judge.vessels & valid, 2.0 * judge.scale, reach)
    rows: list[dict[str, float | str]] = []
    for name, image in {**images, TRUTH: truth}.items():
        relative = relative_width(image, truth, places, reach)
        score = {} if name == TRUTH else with_truth.score(clipped(image), truth, valid)
        shown = quantitation.sbr(image, *judge.regions) if judge.regions[1].any() else np.nan
        rows.append(
            {"method": name, "psnr": score.get("psnr", np.nan), "ssim": score.get("ssim", np.nan)}
            | {"sbr": judge.quantities(image)["sbr"], "sbr_shown": shown}
            | {"relative_width": relative.width, "widths_measured": relative.measured}
        )
    return rows


def verdict(table: pd.DataFrame) -> dict[str, float | str]:
    """Decide by RULES what a shift carries; returns the verdict and the numbers that decided it.

    Args:
        table: rows of COLUMNS for the methods SHIFTED, UNSHIFTED, DENOISED, IDEAL and TRUTH, one per pair of frames.
            Gains are means over each animal's pairs; intervals are Student's t over the animals.
    """
    wide = table.pivot_table(index=["group", "short", "long"], columns="method", values="psnr")
    over = {
        name: interval((wide[SHIFTED] - wide[name]).groupby("group").mean()) for name in (DENOISED, UNSHIFTED, IDEAL)
    }
    sbr = table.pivot_table(index=["group", "short", "long"], columns="method", values=["sbr", "sbr_shown"])
    error = {name: float(np.abs(np.log(sbr["sbr"][name] / sbr["sbr"][TRUTH])).mean()) for name in (SHIFTED, DENOISED)}
    rise = float(np.exp(np.log(sbr["sbr_shown"][SHIFTED] / sbr["sbr_shown"][DENOISED]).mean()))
    controls = [over[DENOISED][0], over[UNSHIFTED][0]]
    surely = {name: mean - half > 0 for name, (mean, half) in over.items()}
    if all(surely.values()) and error[SHIFTED] < error[DENOISED]:
        found = REAL
    elif rise > RISE and min(controls) <= 0:
        found = COLOUR
    elif over[DENOISED][0] + over[DENOISED][1] < 0:
        found = LOST
    elif surely[DENOISED] and over[IDEAL][0] <= 0:
        found = DENOISING
    else:
        found = UNDECIDED
    numbers = {}
    for name, key in ((DENOISED, "over_denoised"), (UNSHIFTED, "over_unshifted"), (IDEAL, "over_ideal_denoiser")):
        mean, half = over[name]
        numbers |= {f"psnr_{key}": mean, f"psnr_{key}_low": mean - half, f"psnr_{key}_high": mean + half}
    numbers |= {"sbr_rise": rise, "sbr_error": error[SHIFTED], "sbr_error_denoised": error[DENOISED]}
    return {"verdict": found, "rule": RULES[found], **numbers, "animals": len(wide.groupby("group"))}
