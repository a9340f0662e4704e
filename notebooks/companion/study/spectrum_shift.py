"""Does a shift between spectral windows carry contrast of the scene, or only the look of the other window?

An enhanced short-window frame is judged by the long-window frame of the same animal, brought into place. The controls
know nothing of the long window: whatever they reach is no merit of a shift.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, shift
from scipy.optimize import minimize

from companion import rivals
from companion.run import Run
from companion.study.judge import Judge, clipped
from companion.study.training import train_frames
from nircore.data import sets
from nircore.data.sets import Reference
from nircore.inference import enhance
from nircore.metrics import quantitation, with_truth
from nircore.metrics.summary import interval
from nircore.metrics.vessel_width import REACH, crossings, relative_width
from nircore.recipe import as_recipe
from nircore.training.crops import View

INPUT, DENOISED, IDEAL = "low-light", "non-local means", "long exposure, short window"
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

SHORT, LONG = ("BP1150", "BP1200"), ("BP1300", "BP1350")
SYSTEM = "ssgan"  # the paper's
ABSENT = "The spectrum shift needs frames of three animals through both short and long filters: dataset=swir-hdr."


def offset_between(fixed: np.ndarray, moving: np.ndarray) -> tuple[float, float]:
    """Return by how many (rows, columns) `moving` must be moved to lie on `fixed`, to 0.1 px; both (H, W) in DN.

    The offset, up to FARTHEST px, at which the details of the logarithms correlate best away from the borders: the
    windows differ in contrast, hardly in where edges are. (Phase correlation follows the borders, which stay.)
    Measure it between long exposures, never with an enhanced frame, which could then choose its own place.
    """
    one, other = _details(fixed), _details(moving)
    edge = 2 * FARTHEST
    inner = np.s_[edge:-edge, edge:-edge]

    def alike(moved: np.ndarray) -> float:
        return float(np.corrcoef(one[inner][::2, ::2].ravel(), moved[inner][::2, ::2].ravel())[0, 1])

    steps = range(-FARTHEST, FARTHEST + 1)
    start = max(product(steps, steps), key=lambda by: alike(np.roll(other, by, (0, 1))))
    found = minimize(
        lambda by: -alike(shift(other, by, order=1, mode="nearest")), start, method="Nelder-Mead",
        options={"xatol": 0.05, "fatol": 1e-6},
    ).x  # fmt: skip
    return float(found[0]), float(found[1])


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
        relative = relative_width(image, places)
        score = dict.fromkeys(("psnr", "ssim"), np.nan) if name == TRUTH else judge.score(image)
        shown = quantitation.sbr(image, *judge.regions) if judge.regions[1].any() else np.nan
        widths = {"relative_width": relative.width, "widths_measured": relative.measured}
        rows.append({"method": name} | score | {"sbr": judge.quantities(image)["sbr"], "sbr_shown": shown} | widths)
    return rows


def verdict(table: pd.DataFrame) -> dict[str, float | str]:
    """Decide by RULES what a shift carries; returns the verdict and the numbers that decided it.

    Args:
        table: rows of COLUMNS for the methods SHIFTED, UNSHIFTED, DENOISED, IDEAL and TRUTH, one per pair of frames.
            Gains are means over each animal's pairs; intervals are Student's t over the animals.
    """
    pairs = table.set_index(["group", "short", "long", "method"])[["psnr", "sbr", "sbr_shown"]].unstack()
    wide, sbr, shown = pairs["psnr"], np.log(pairs["sbr"]), np.log(pairs["sbr_shown"])
    error = {name: float((sbr[name] - sbr[TRUTH]).abs().mean()) for name in (SHIFTED, DENOISED)}
    rise, over, numbers = float(np.exp((shown[SHIFTED] - shown[DENOISED]).mean())), {}, {}
    for name, key in ((DENOISED, "over_denoised"), (UNSHIFTED, "over_unshifted"), (IDEAL, "over_ideal_denoiser")):
        mean, half = over[name] = interval((wide[SHIFTED] - wide[name]).groupby("group").mean())
        numbers |= {f"psnr_{key}": mean, f"psnr_{key}_low": mean - half, f"psnr_{key}_high": mean + half}
    surely = {name: mean - half > 0 for name, (mean, half) in over.items()}
    if all(surely.values()) and error[SHIFTED] < error[DENOISED]:
        found = REAL
    elif rise > RISE and min(over[DENOISED][0], over[UNSHIFTED][0]) <= 0:
        found = COLOUR
    elif sum(over[DENOISED]) < 0:
        found = LOST
    elif surely[DENOISED] and over[IDEAL][0] <= 0:
        found = DENOISING
    else:
        found = UNDECIDED
    numbers |= {"sbr_rise": rise, "sbr_error": error[SHIFTED], "sbr_error_denoised": error[DENOISED]}
    return {"verdict": found, "rule": RULES[found], **numbers, "animals": table["group"].nunique()}


def spectrum_shift(run: Run) -> None:
    """Let each animal be the test in turn; train with and without a shift on the others, judge, and decide."""
    table = sets.catalogue(run.config)[0]
    rounds = _rounds(table) if run.config.dataset == "swir-hdr" else []
    if rounds:
        rows = [row for k, animals in enumerate(rounds) for row in _round(run, table, animals, run.config.seed + k)]
        scores = pd.DataFrame(rows, columns=COLUMNS)
        found = pd.DataFrame([verdict(scores)])
    else:  # no shift at all, or no frames that could tell
        one = table["filter"].nunique(dropna=False) == 1
        scores = pd.DataFrame({"reason": [f"There is {NO_SHIFT}: {ONE_FILTER}." if one else ABSENT]})
        found = pd.DataFrame([{"verdict": NO_SHIFT, "rule": ONE_FILTER}] * one, columns=["verdict", "rule"])
    run.write_table("spectrum_shift", scores)
    run.write_table("table9_spectrum_shift", found)


def _rounds(table: pd.DataFrame) -> list[list[str]]:
    """Return (test animal, animal of the low-light domain, animal of the target domain): three different ones."""
    wanted = {(domain, name) for domain in ("low_light", "target") for name in (*SHORT, *LONG)}
    groups = table.groupby("group")
    animals = [name for name, own in groups if wanted <= set(zip(own["domain"], own["filter"], strict=True))]
    count = len(animals)
    return [[animals[(k + step) % count] for step in range(3)] for k in range(count)] if count >= 3 else []


def _frames(table: pd.DataFrame, group: str, domain: str, filters: tuple[str, ...]) -> dict[str, Any]:
    """Return one row of each filter, the one of the shortest exposure."""
    own = table[(table["group"] == group) & (table["domain"] == domain) & table["filter"].isin(filters)]
    first = own.sort_values("exposure_s").drop_duplicates("filter").sort_values("filter")
    return {row.filter: row for row in first.itertuples(index=False)}


def _round(run: Run, table: pd.DataFrame, animals: list[str], seed: int) -> Iterator[dict[str, float | str]]:
    """Train the two systems for one test animal and measure all pairs of its windows."""
    test, low_light, target = animals
    rows = _frames(table, low_light, "low_light", SHORT)
    config = as_recipe(run.config, SYSTEM).replace(recipe=SYSTEM, seed=seed)
    frames, generators = _load(run, rows), {}
    for name, filters in ((UNSHIFTED, SHORT), (SHIFTED, LONG)):
        folder = run.path(f"models/shift-{name.split()[-2]}-{test}")
        targets = _load(run, _frames(table, target, "target", filters))
        generators[name] = train_frames(config, frames, targets, View(), folder, f"{test}, {name}, ")
    strength = _strength(run, rows)
    for short, row in _frames(table, test, "low_light", SHORT).items():
        frame, ideal = sets.load(run.config, row), sets.reference(run.config, row)
        images = {INPUT: frame, DENOISED: rivals.non_local_means(frame, strength)}
        images |= {name: enhance(generator, frame)[0] for name, generator in generators.items()} | {IDEAL: ideal[0]}
        for long, one in _frames(table, test, "target", LONG).items():
            for measured in measure(frame, _reference(run, row, one, ideal), images):
                yield {"group": test, "short": short, "long": long} | measured
        print(f"spectrum shift: {test}, {short}", flush=True)


def _load(run: Run, rows: dict[str, Any]) -> list[np.ndarray]:
    return [sets.load(run.config, row) for row in rows.values()]


def _strength(run: Run, rows: dict[str, Any]) -> float:
    """Choose how strongly non-local means smooths, on an animal that is not the test's, in its own window."""
    pairs = [(sets.load(run.config, row), sets.reference(run.config, row)) for row in rows.values()]
    return rivals.tune("non_local_means", pairs, lambda x, truth: with_truth.score(clipped(x), *truth)["psnr"])[0]


def _reference(run: Run, row: Any, long: Any, ideal: Reference) -> Reference:
    """Return the long-window frame of the test animal at the short exposure's scale, moved onto the short one's."""
    truth, valid = sets.reference(run.config, row._replace(reference=long.file, reference_s=long.exposure_s))
    return moved((truth, valid & ideal[1]), offset_between(ideal[0], truth))
