"""Is the trust map worth its name: does it find the pixels that are wrong, and the vessels that are not there."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.stats import mannwhitneyu
from skimage.filters import sobel

from companion.study.fidelity.structures import near
from nircore.inference.trust import Trust
from nircore.metrics.structure import vessel_mask

WRONG = 0.1  # of the frame's range: an error above it is a wrong pixel


def auc(score: np.ndarray, wanted: np.ndarray) -> float:
    """Return the area under the ROC curve with which `score` (n,) finds what is `wanted` (n,) bool; NaN if none is.

    The probability that a wanted pixel scores above another (Mann-Whitney); 0.5 is chance.

    >>> auc(np.array([0.1, 0.9, 0.5]), np.array([False, True, False]))
    1.0
    """
    found, rest = score[wanted], score[~wanted]
    if not (len(found) and len(rest)):
        return float("nan")
    return float(mannwhitneyu(found, rest).statistic / (len(found) * len(rest)))


def scores(made: Trust) -> dict[str, tuple[str, np.ndarray]]:
    """Return what may tell wrong pixels from right ones: kind ("trust", "term" or "control") and (H, W), by name.

    The controls need no network: how bright the output is, and where it has edges.
    """
    image = made.image
    named = {name: ("term", term) for name, term in made.terms.items() if np.ptp(term) > 0 and name != "brightness"}
    backing = {} if made.support is None else {"lack of support": ("trust", -made.support)}
    return {
        "trust map": ("trust", made.half_width),
        **backing,
        "output intensity": ("control", image),
        "output edges": ("control", sobel(gaussian_filter(image.astype(np.float64), 1.0))),
    } | named


def judge(made: Trust, wrong: np.ndarray, clean: Sequence[np.ndarray]) -> list[dict[str, object]]:
    """Judge a trust map and its rivals on a frame whose truth is known.

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
    valid = ~np.isnan(wrong)
    bad = wrong[valid] > WRONG * made.normalisation.scale
    drawn = vessel_mask(made.image)
    inserted = drawn & ~near(np.any([vessel_mask(frame) for frame in clean], axis=0))
    rows: list[dict[str, object]] = []
    for name, (kind, score) in scores(made).items():
        row: dict[str, object] = {"score": name, "kind": kind}
        row |= {"auc_wrong": auc(score[valid], bad), "auc_inserted": auc(score[drawn], inserted[drawn])}
        row |= {"wrong": float(bad.mean()), "inserted": float(inserted.sum() / max(1, drawn.sum()))}
        whole = name == "trust map"
        row["outside"] = float(np.mean(wrong[valid] > made.half_width[valid])) if whole else np.nan
        row["half_width_dn"] = float(np.median(made.half_width)) if whole else np.nan
        rows.append(row)
    return rows
