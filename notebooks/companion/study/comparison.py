"""From scores per frame to the table of methods: means, spread over seeds, and gains with interval and p-value."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from nircore.metrics.summary import paired_effect
from companion.study.benchmark import CLASSICAL, METRICS, Method

SCORES = METRICS[:2]  # psnr and ssim: spread, gain and test are theirs
EXACT = 13  # groups: up to so many, every assignment of signs is tried
DRAWS = 9999  # assignments of signs drawn beyond
OF_SCORE = ("", "_sd", "_gain", "_gain_low", "_gain_high", "_p")
COLUMNS = (
    "kind",
    "method",
    "tuned",
    "seeds",
    "frames",
    "groups",
    *(key + part for key in SCORES for part in OF_SCORE),
)
COLUMNS += (*METRICS[len(SCORES) :], "seconds", "remark")
BEST = "best classical method on validation frames"
#: What to say of an interval, by what it resamples and whether there is more than one.
_ALONE = {("scene", True): "interval and p over the scenes of one animal", ("scene", False): "one scene: no interval"}


def best_classical(methods: Sequence[Method]) -> str:
    """Return the name of the classical method that is best on the validation frames: the test has no say."""
    tuned = [method for method in methods if method.kind == CLASSICAL and method.runs]
    return max(tuned, key=lambda method: method.validation_psnr).name


def compared_with(table: pd.DataFrame) -> str:
    """Return the method that the gains of a comparison are over; "" where nothing was compared."""
    return next(iter(table.loc[table["remark"].astype(str).str.contains(BEST), "method"]), "")


def comparison(
    table: pd.DataFrame, methods: Sequence[Method], seconds: Mapping[str, float], seed: int
) -> pd.DataFrame:
    """Return one row of COLUMNS per method, those that could not run among them.

    Means are over frames and seeds; `_sd` is the standard deviation (n - 1) of the seeds' means. A gain is over the
    best classical method (`best_classical`), frame by frame after the mean over seeds: with the 95 % interval of
    `paired_effect` and the p-value of `sign_flip`, both over animals. Where there is but one animal, both are over
    its scenes, which the remark says: they then speak of that animal alone.

    `groups` counts those animals or scenes. Rows of the truth itself have no score and get no gain.

    Args:
        table: a row per method, seed and frame: method, seed, file, group, scene, and METRICS.
        methods: in the order wanted.
        seconds: per frame, by method.
        seed: of the resampling.
    """
    best = best_classical(methods)
    rival = _per_frame(table[table["method"] == best])
    by = "group" if rival["group"].nunique() > 1 else "scene"
    rows = []
    for method in methods:
        own = table[table["method"] == method.name]
        row: dict[str, Any] = {"kind": method.kind, "method": method.name, "tuned": method.tuned}
        row |= {"seeds": own["seed"].nunique(), "frames": own["file"].nunique(), "groups": own[by].nunique()}
        row |= own[list(METRICS)].mean().to_dict() if len(own) else {}
        remarks = [method.remark]
        if method.name == best:
            remarks.append(BEST)
        elif own[SCORES[0]].notna().any():
            row |= _gains(_per_frame(own), rival, by, seed)
            remarks.append(_ALONE.get((by, row["groups"] > 1), ""))
        for key in SCORES if row["seeds"] > 1 else ():
            row[f"{key}_sd"] = own.groupby("seed")[key].mean().std()
        rows.append(row | {"seconds": seconds.get(method.name), "remark": "; ".join(filter(None, remarks))})
    return pd.DataFrame(rows, columns=COLUMNS)


def _per_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Average PSNR and SSIM over seeds: one row per file, in the order of the files' names."""
    return table.groupby("file").agg({"group": "first", "scene": "first"} | dict.fromkeys(SCORES, "mean"))


def _gains(own: pd.DataFrame, rival: pd.DataFrame, by: str, seed: int) -> dict[str, float]:
    """Return the gain of `own` over `rival` in each of SCORES, its interval, and how likely chance gives as much."""
    gains = {}
    for key in SCORES:
        effect = paired_effect(rival[key], own[key], seed, clusters=list(rival[by]))
        gains |= {f"{key}_gain": effect["difference"], f"{key}_p": sign_flip(own[key] - rival[key], rival[by], seed)}
        gains |= {f"{key}_gain_{end}": effect[end] for end in ("low", "high")}
    return gains


def sign_flip(differences: Sequence[float], clusters: Sequence[str], seed: int = 0) -> float:
    """Return the two-sided p-value of "no difference": how often random signs give as large a mean.

    `differences` (n,) of paired frames are averaged within each of the `clusters` (n,), because frames of one animal
    are not independent; then the groups' signs are flipped, all 2^k ways up to 13 groups, else 9999 random ones.
    Unlike Student's t it assumes no normality, and unlike Wilcoxon's test it uses the sizes. Its smallest value is
    2 / 2^k: three groups can never give less than 0.25. NaN for a single group.
    Source: R. A. Fisher, The Design of Experiments (1935), section 21.
    """
    means = pd.Series(np.asarray(differences, dtype=float)).groupby(np.asarray(clusters)).mean().to_numpy()
    if means.size < 2:
        return math.nan
    if exact := means.size <= EXACT:
        signs = np.array(list(product((1, -1), repeat=means.size)))
    else:
        signs = np.random.default_rng(seed).choice((1, -1), (DRAWS, means.size))
    as_large = np.abs(signs @ means) >= abs(means.sum()) * (1 - 1e-9)
    return float(as_large.mean() if exact else (as_large.sum() + 1) / (DRAWS + 1))
