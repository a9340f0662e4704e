"""From scores per frame to a table of methods: means, spread over seeds, gains over the best classical method.

One rule chooses everywhere, on the phantom and on real frames: the parameter of a method, and then the best classical
method, are those with the highest mean PSNR on frames that are not judged (validation frames; other animals).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import permutation_test

from companion import rivals
from companion.rivals import Denoise
from companion.study.judge import METRICS, SCORES, Judge
from nircore.data.sets import Reference
from nircore.metrics.summary import paired_effect

INPUT, CLASSICAL, UNPAIRED, PAIRED = "input", "classical", "learnt without pairs", "learnt with pairs"
DRAWS = 9999  # assignments of signs: all, where there are no more (13 groups)
OF_SCORE = ("", "_sd", "_gain", "_gain_low", "_gain_high", "_p")
COLUMNS = ("kind", "method", "tuned", "seeds", "frames", "groups")
COLUMNS += (*(key + part for key in SCORES for part in OF_SCORE),)
COLUMNS += (*METRICS[len(SCORES) :], "seconds", "remark")
BEST = "best classical method on validation frames"
#: What to say of an interval, by what it resamples and whether there is more than one.
_ALONE = {("scene", True): "interval and p over the scenes of one animal", ("scene", False): "one scene: no interval"}


@dataclass(frozen=True)
class Method:
    """A row of a table: what runs, once per training seed, or in `remark` why nothing does.

    Attributes:
        validation_psnr: mean PSNR in dB on the validation frames, for the methods tuned there.
    """

    name: str
    kind: str
    runs: Mapping[int, Denoise] = field(default_factory=dict)
    tuned: str = ""
    validation_psnr: float = math.nan
    remark: str = ""

    @property
    def first(self) -> Denoise:
        """What the first seed made."""
        return next(iter(self.runs.values()))


def tuned(key: str, pairs: Sequence[tuple[np.ndarray, Reference]], seed: int) -> Method:
    """Return one of `companion.rivals`, its parameter chosen by PSNR on validation frames with their truth.

    It draws nothing at random: `seed` is only what its single run is called.
    """
    denoise, name, _, unit, *_ = rivals.METHODS[key]
    if absent := rivals.available()[key]:
        return Method(name, CLASSICAL, remark=absent)
    value, scores = rivals.tune(key, pairs, lambda image, truth: Judge(image, *truth).score(image)["psnr"])
    return Method(name, CLASSICAL, {seed: lambda frame: denoise(frame, value)}, f"{value:g}{unit}", scores[value])


def best_classical(means: Mapping[str, float]) -> str:
    """Return the classical method with the highest mean PSNR on frames that are not judged."""
    return str(pd.Series(means).idxmax())


def compared_with(table: pd.DataFrame) -> str:
    """Return the method that the gains of a table are over; "" where nothing was compared."""
    return next(iter(table.loc[table["remark"].astype(str).str.contains(BEST), "method"]), "")


def comparison(
    table: pd.DataFrame, methods: Sequence[Method], best: Mapping[str, str], seconds: Mapping[str, float], seed: int
) -> pd.DataFrame:
    """Return one row of COLUMNS per method, those that could not run among them.

    Means are over frames and seeds; `_sd` is the standard deviation (n - 1) of the seeds' means. A gain is over the
    best classical method, frame by frame after the mean over seeds: with the 95 % interval of `paired_effect` and the
    p-value of `sign_flip`, both over animals. Where there is but one animal, both are over its scenes, which the
    remark says: they then speak of that animal alone.

    `groups` counts those animals or scenes. Rows of the truth itself have no score and get no gain.

    Args:
        table: a row per method, seed and frame: method, seed, file, group, scene, and of METRICS what was measured.
        methods: in the order wanted.
        best: file -> the best classical method for it.
        seconds: per frame, by method.
        seed: of the resampling.
    """
    rival = _per_frame(table[table["method"] == table["file"].map(best)])
    by = "group" if rival["group"].nunique() > 1 else "scene"
    rows = []
    for method in methods:
        found = table[table["method"] == method.name]
        row: dict[str, Any] = {"kind": method.kind, "method": method.name, "tuned": method.tuned}
        row |= {"seeds": found["seed"].nunique(), "frames": found["file"].nunique(), "groups": found[by].nunique()}
        row |= found[[key for key in METRICS if key in found]].mean().to_dict() if len(found) else {}
        remarks = [method.remark]
        if len(found) and set(found["file"].map(best)) == {method.name}:
            remarks.append(BEST)
        elif found[SCORES[0]].notna().any() and set(found["file"]) <= set(rival.index):
            row |= gains(_per_frame(found), rival, by, seed)
            remarks.append(_ALONE.get((by, row["groups"] > 1), ""))
        for key in SCORES if row["seeds"] > 1 else ():
            row[f"{key}_sd"] = found.groupby("seed")[key].mean().std()
        rows.append(row | {"seconds": seconds.get(method.name), "remark": "; ".join(filter(None, remarks))})
    return pd.DataFrame(rows, columns=COLUMNS)


def _per_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Average PSNR and SSIM over seeds: one row per file, in the order of the files' names."""
    return table.groupby("file").agg({"group": "first", "scene": "first"} | dict.fromkeys(SCORES, "mean"))


def gains(method: pd.DataFrame, rival: pd.DataFrame, by: str, seed: int) -> dict[str, float]:
    """Return a method's gain over a rival in each of SCORES, its interval, and how likely chance gives as much."""
    rival, found = rival.loc[method.index], {}
    for key in SCORES:
        effect = paired_effect(rival[key], method[key], seed, clusters=list(rival[by]))
        found[f"{key}_p"] = sign_flip(method[key] - rival[key], rival[by], seed)
        found[f"{key}_gain"] = effect["difference"]
        found |= {f"{key}_gain_{end}": effect[end] for end in ("low", "high")}
    return found


def sign_flip(differences: Sequence[float], clusters: Sequence[str], seed: int = 0) -> float:
    """Return the two-sided p-value of "no difference": how often random signs give as large a mean.

    `differences` (n,) of paired frames are averaged within each of the `clusters` (n,), because frames of one animal
    are not independent; then the groups' signs are flipped (`scipy.stats.permutation_test`). Its smallest value is
    2 / 2^k: three groups can never give less than 0.25. NaN for a single group.
    """
    means = pd.Series(np.asarray(differences, dtype=float)).groupby(np.asarray(clusters)).mean().to_numpy()
    if means.size < 2:
        return math.nan
    return float(permutation_test((means,), np.mean, permutation_type="samples", n_resamples=DRAWS, rng=seed).pvalue)
