"""What changed between two sets of paired measurements, and how sure one can be."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from nircore.errors import NircoreError

CONFIDENCE, RESAMPLES = 0.95, 2000
FEW = 6  # groups: with fewer, resampling cannot tell how much they differ


def paired_effect(
    before: ArrayLike, after: ArrayLike, seed: int = 0, clusters: Sequence[str | int] | None = None
) -> dict[str, float]:
    """Return the mean paired difference after - before with its 95 % bootstrap interval, in the units of the input.

    `before` and `after` (n,) hold one value per frame, in one order. Frames of one animal are not
    independent: `clusters` (n,) names each frame's animal or acquisition group, and whole groups are drawn
    with replacement; without it every frame is a group. The plain percentile interval is too narrow for few
    groups; this is the expanded one (T. Hesterberg, Am. Stat. 69 (2015) 371). It cannot reach beyond the
    differences seen, and with three groups would cover 75 % in place of 95 %: below FEW groups the interval is
    Student's, of the groups' means about their mean, which covers what it says where those are normal.

    Returns:
        mean_before, mean_after, difference; low and high (NaN for a single group); n, the pairs used; groups;
        left_out, the pairs dropped because a value in them is NaN or infinite. All means are NaN when n = 0.

    Raises:
        NircoreError: lengths that differ, or no pair at all.

    >>> effect = paired_effect([1, 2, 3], [2, 3, 4])
    >>> effect["difference"], effect["low"], effect["high"]
    (1.0, 1.0, 1.0)
    """
    pairs, groups = _check(before, after, clusters)
    finite = np.isfinite(pairs).all(axis=0)
    pairs, index = pairs[:, finite], np.unique(groups[finite], return_inverse=True)[1]
    n, count = pairs.shape[1], int(index.max(initial=-1)) + 1
    low, high = _interval(pairs[1] - pairs[0], index, seed)
    mean_before, mean_after = pairs.mean(axis=1).tolist() if n else (math.nan, math.nan)
    return {
        "mean_before": mean_before,
        "mean_after": mean_after,
        "difference": mean_after - mean_before,
        "low": low,
        "high": high,
        "n": n,
        "groups": count,
        "left_out": int((~finite).sum()),
    }


def _check(before: ArrayLike, after: ArrayLike, clusters: Sequence | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (2, n) as float64 and their group names (n,)."""
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    groups = np.arange(before.size) if clusters is None else np.asarray(clusters)
    if before.ndim != 1 or before.size == 0 or not before.shape == after.shape == groups.shape:
        shapes = f"{before.shape}, {after.shape} and {groups.shape}"
        raise NircoreError(f"before, after and clusters have shapes {shapes}: pass one value per frame in each.")
    return np.stack([before, after]), groups


def _interval(difference: np.ndarray, index: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the interval of the mean of `difference` (n,) of groups `index` (n,): see `paired_effect`."""
    sums, sizes = np.bincount(index, weights=difference), np.bincount(index)
    k = sizes.size
    if k < 2:
        return math.nan, math.nan
    if k < FEW:
        mean, half = interval(sums / sizes)
        return mean - half, mean + half
    draws = np.random.default_rng(seed).integers(k, size=(RESAMPLES, k))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    # The bootstrap's spread is short by sqrt((k - 1) / k) and its tails are normal: correct for both at once.
    tail = stats.norm.cdf(math.sqrt(k / (k - 1)) * stats.t.ppf((1 - CONFIDENCE) / 2, k - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def interval(values: ArrayLike) -> tuple[float, float]:
    """Return the mean of (n,) finite values and the half-width of its 95 % Student interval; NaN where n < 2.

    >>> interval(np.array([1.0, 2.0, 3.0]))[0]
    2.0
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if values.size else math.nan
    if values.size < 2:
        return mean, math.nan
    return mean, float(stats.t.ppf((1 + CONFIDENCE) / 2, values.size - 1) * stats.sem(values))
