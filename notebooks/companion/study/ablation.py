"""What each part of a system is worth: the system against itself with one part removed, seed by seed."""

import math
from collections.abc import Mapping

import pandas as pd

from nircore.metrics.summary import interval

SCORES = ("psnr", "ssim", "sbr", "cl_dice")
WHOLE, PART, WITHOUT = "method", "part", "without"
COLUMNS = (PART, "seeds", "frames", *(f"{key}{end}" for key in SCORES for end in ("", "_worth", "_low", "_high")))


def without_each(listed: Mapping[str, float]) -> dict[str, str]:
    """Return, for each term, what the setting `terms` says without it.

    >>> without_each({"saliency": 1.0, "high_frequency": 0.5})
    {'saliency': 'high_frequency=0.5', 'high_frequency': 'saliency=1'}
    """
    return {gone: " ".join(f"{name}={listed[name]:g}" for name in listed if name != gone) for gone in listed}


def worth(table: pd.DataFrame, whole: str, parts: Mapping[str, str]) -> pd.DataFrame:
    """Return a row of COLUMNS for the whole system and for each part removed.

    A score's plain column is the mean over frames and seeds of the system in that row. `_worth` is the whole system's
    mean minus that one's, seed by seed, so that both trainings drew the same crops; its 95 % interval is Student's t
    over the seeds, for it is the training that varies: what frames add is common to both. NaN with a single seed.

    Args:
        table: a row per method, seed and frame: method, seed, file, and SCORES.
        whole: the complete system's name in `method`.
        parts: part, in words -> the name in `method` of the system without it.
    """
    rows = [_row(table, whole, "nothing", whole)]
    rows += [_row(table, whole, part, method) for part, method in parts.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(table: pd.DataFrame, whole: str, part: str, method: str) -> dict[str, float | str]:
    own = table[table["method"] == method]
    row: dict[str, float | str] = {PART: part, "seeds": own["seed"].nunique(), "frames": own["file"].nunique()}
    for key in SCORES:
        means = own.groupby("seed")[key].mean()
        row[key] = float(means.mean())
        if method != whole:
            gain = table[table["method"] == whole].groupby("seed")[key].mean() - means
            middle, half = interval(gain)
            row |= {f"{key}_worth": middle, f"{key}_low": middle - half, f"{key}_high": middle + half}
        else:
            row |= {f"{key}{end}": math.nan for end in ("_worth", "_low", "_high")}
    return row
