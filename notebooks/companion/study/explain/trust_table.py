"""Where not to trust the output: the trust map calibrated on phantom frames, and judged where the truth is known."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.stats import mannwhitneyu
from skimage.filters import sobel
from torch import nn

from companion.run import Run
from companion.study import stepwise
from companion.study.explain.known_frames import known_frames
from companion.study.fidelity.animals import phantom_cases
from companion.study.fidelity.structures import near
from nircore.inference import conformal, trust
from nircore.metrics.structure import vessel_mask

CALIBRATING = 24  # phantom frames
VIEWS = 4  # of the trust map: each costs a pass, and eight find little more
WRONG = 0.1  # of the frame's range: an error above it is a wrong pixel
NO_TRUTH = "This dataset has no truth to judge the trust map by."


def trust_table(run: Run) -> None:
    """Calibrate the trust map on phantom frames, keep that beside the weights, and judge it on others."""
    generator = stepwise.load(run, "generator.safetensors")
    calibration = _calibrated(run, generator)
    rows, shown = [], {}
    for known in (one for one in known_frames(run) if one.clean):
        made = trust.trust_map(generator, known.frame, calibration)
        wrong = trust.error(made.image, known.truth, known.valid)
        rows += [{"frame": known.name} | row for row in judge(made, wrong, known.clean)]
        unknown = {"true error": _drawable(wrong, made), "trust map: half-width": _drawable(made.half_width, made)}
        shown = shown or {known.name: {"low-light": known.frame, "enhanced": made.image} | unknown}
    run.write_table("trust", pd.DataFrame(rows or {"reason": [NO_TRUTH]}))
    run.write_pictures("trust", shown)


def _calibrated(run: Run, generator: nn.Module) -> conformal.Calibration:
    config, phantom = run.config, run.config.dataset == "phantom"
    shape = (config.height, config.width)
    cases = phantom_cases(CALIBRATING, shape, config.low_light_ms / 1000, "target" if phantom else "low_light")
    what = f"phantom frames of {shape[0]} x {shape[1]} px at {config.low_light_ms:g} ms"
    calibration = trust.calibrate(generator, cases, what, views=VIEWS)
    conformal.save(calibration, run.path("models/generator.safetensors"))
    print(f"explain: trust map calibrated on {calibration.frames} frames", flush=True)
    return calibration


def judge(made: trust.Trust, wrong: np.ndarray, clean: Sequence[np.ndarray]) -> list[dict[str, object]]:
    """Judge a trust map, the support, and two controls that need no network, on a frame whose truth is known.

    Args:
        made: what `nircore.inference.trust.trust_map` returned.
        wrong: |output - truth| (H, W) in DN, NaN where not valid.
        clean: the scene without noise, in one or two windows, (H, W) each.

    Returns:
        One row per score: score, kind; auc_wrong: over all valid pixels, for an error above WRONG of the range;
        auc_inserted: over the pixels of the output's `vessel_mask`, for those farther than the tolerance of
        `fidelity.structures` from the vessels of every clean frame; the shares of wrong and inserted pixels among
        them; and, for the trust map alone, outside (share of pixels whose truth lies outside) and half_width_dn
        (median).
    """
    edges = sobel(gaussian_filter(made.image.astype(np.float64), 1.0))
    scores = {"trust map": made.half_width, "lack of support": None if made.support is None else -made.support,
              "output intensity": made.image, "output edges": edges}  # fmt: skip
    valid, drawn = ~np.isnan(wrong), vessel_mask(made.image)
    bad = wrong[valid] > WRONG * made.normalisation.scale
    inserted = drawn & ~near(np.any([vessel_mask(frame) for frame in clean], axis=0))
    rows: list[dict[str, object]] = []
    for name, score in scores.items():
        if score is not None:
            row: dict[str, object] = {"score": name, "kind": "control" if name.startswith("output") else "trust"}
            row |= {"auc_wrong": auc(score[valid], bad), "auc_inserted": auc(score[drawn], inserted[drawn])}
            rows.append(row | {"wrong": float(bad.mean()), "inserted": float(inserted.sum() / max(1, drawn.sum()))})
    outside = float(np.mean(wrong[valid] > made.half_width[valid]))
    rows[0] |= {"outside": outside, "half_width_dn": float(np.median(made.half_width))}
    return rows


def auc(score: np.ndarray, wanted: np.ndarray) -> float:
    """Return the area under the ROC curve with which `score` (n,) finds what is `wanted` (n,) bool; NaN if none is.

    The probability that a wanted pixel scores above another (Mann-Whitney); 0.5 is chance.
    """
    found, rest = score[wanted], score[~wanted]
    if not (len(found) and len(rest)):
        return float("nan")
    return float(mannwhitneyu(found, rest).statistic / (len(found) * len(rest)))


def _drawable(values: np.ndarray, made: trust.Trust) -> np.ndarray:
    """Return an error or half-width with its ends shown as the frame's range, and 0 where nothing is known."""
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=np.inf), 0, made.normalisation.scale)
