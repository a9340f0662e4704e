"""Hot and dead pixels: told from the scene by their loneliness, and replaced by their neighbours.

Optics spreads every structure over several pixels. What one pixel, or two that touch, alone show comes from the
sensor, and a denoiser would smear it over its field of view.
"""

import numpy as np

THRESHOLD = 6.0  # SDs of local noise; of normal noise alone fewer than 1e-5 of the pixels pass (see the test)
SCREEN = 4.0  # SDs of the whole frame's noise above the mean of 3 x 3: what is looked at more closely
LONELY = 0.5  # of the pixel's own height: as high may no more than one of the 24 around it stand
SAMPLED = 31  # one pixel in so many tells the frame's noise (prime, to meet all columns)
NORMAL = 1.4826  # SD of normal noise over its median absolute deviation
SPARSE, TAILS = 0.25, 3.0  # share of the pixels at the lowest value; times: how much wider noise is taken there
REACH = 2  # px: half of the 5 x 5 neighbourhood
COMPANY = 4  # bad ones of 5 x 5: more are a line or an area


def outliers(pixels: np.ndarray) -> np.ndarray:
    """Find the pixels (H, W) that stand alone above or below their neighbours: bool (H, W).

    A pixel counts when it is THRESHOLD SDs away from the median of the 24 around it, their SD told by their median
    absolute deviation (and no smaller than the frame's), and at most one of them goes half as far.
    """
    return heights(pixels) != 0


def hot(dark: np.ndarray, noisy_dn: float) -> np.ndarray:
    """Find the pixels of a dark frame (H, W) that stand alone by more than `noisy_dn` above or below: bool (H, W)."""
    return np.abs(heights(dark, noisy_dn / THRESHOLD)) > noisy_dn


def heights(pixels: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return by how much each outlier stands above the median around it in DN, (H, W) float32; others are 0.

    Args:
        least: SD in DN of the noise at least; a frame that shows none is left alone where this is 0.
    """
    found = np.zeros(pixels.shape, dtype=np.float32)
    level = (pixels - float(pixels.flat[0])).astype(np.float32)  # a pedestal would use up float32's digits
    away = level - _mean(level)
    noise = max(NORMAL * float(np.median(np.abs(away.ravel()[::SAMPLED]))), least)
    if np.mean(level.ravel()[::SAMPLED] == level.min()) > SPARSE:  # photons counted, or clipped: far from normal
        noise = max(noise, TAILS * float(away.ravel()[::SAMPLED].std()))
    rows, columns = np.divmod(np.flatnonzero(np.abs(away) > SCREEN * noise), level.shape[1])
    if not noise or not len(rows):
        return found
    around = _around(level, rows, columns)
    middle = np.median(around, axis=1)
    spread = np.maximum(NORMAL * np.median(np.abs(around - middle[:, None]), axis=1), noise)
    height = level[rows, columns] - middle
    company = np.sign(height)[:, None] * (around - middle[:, None])
    lonely = np.sort(company, axis=1)[:, -2] < LONELY * np.abs(height)
    found[rows, columns] = height * (lonely & (np.abs(height) > THRESHOLD * spread))
    return found


def _mean(level: np.ndarray) -> np.ndarray:
    """Return the mean of 3 x 3 pixels, the frame mirrored at its border; a quarter of `uniform_filter`'s time."""
    padded = np.pad(level, 1, mode="reflect")
    rows = padded[:-2] + padded[1:-1]
    rows += padded[2:]
    mean = rows[:, :-2] + rows[:, 1:-1]
    mean += rows[:, 2:]
    mean *= np.float32(1 / 9)
    return mean


def _around(level: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the 24 neighbours of some pixels, (n, 24), the frame mirrored at its border."""
    down, across = np.delete(np.indices((5, 5)).reshape(2, 25) - REACH, 12, axis=1)  # (24,) each
    return level[
        _mirrored(rows[:, None] + down, level.shape[0]), _mirrored(columns[:, None] + across, level.shape[1])
    ]


def _mirrored(places: np.ndarray, length: int) -> np.ndarray:
    """Reflect places beyond a border, which is not repeated."""
    return length - 1 - np.abs(length - 1 - np.abs(places))


def replaced(pixels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) float32 with its bad pixels at the median of the good ones among their 24 neighbours.

    What is part of a bad line or area is interpolated across it, from the good pixels on both sides.
    """
    rows, columns = np.divmod(np.flatnonzero(bad), bad.shape[1])
    if not len(rows):
        return pixels
    whole = pixels.astype(np.float32)
    wide = bad & (_neighbours(bad) > COMPANY)
    if wide.any():
        whole = _across(whole, bad, wide)
        rows, columns = np.divmod(np.flatnonzero(bad & ~wide), bad.shape[1])
    around = np.where(_around(bad, rows, columns), np.nan, _around(whole, rows, columns))
    around.sort(axis=1)  # NaN last
    good, each = (~np.isnan(around)).sum(axis=1), np.arange(len(around))
    middle = (around[each, (good - 1) // 2] + around[each, good // 2]) / 2
    if not good.all():  # a cluster of bad ones: nothing good within reach
        middle[good == 0] = np.median(whole[~bad])
    whole[rows, columns] = middle
    return whole


def _neighbours(bad: np.ndarray) -> np.ndarray:
    """Return how many of 5 x 5 pixels are bad, itself included."""
    counts = np.pad(bad, REACH).astype(np.uint8)
    for _ in range(2):
        rows = len(counts) - 2 * REACH
        counts = sum(counts[k : k + rows] for k in range(2 * REACH + 1)).T
    return counts


def _across(pixels: np.ndarray, bad: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Return a frame with a straight line between the good pixels on both sides of wide defects, the shorter way."""
    span, filled = np.full(bad.shape, np.inf, dtype=np.float32), pixels.copy()
    for value, good, result, least in ((pixels, ~bad, filled, span), (pixels.T, ~bad.T, filled.T, span.T)):
        places = np.broadcast_to(np.arange(good.shape[1]), good.shape)
        before = np.maximum.accumulate(np.where(good, places, -1), axis=1)
        after = np.minimum.accumulate(np.where(good, places, good.shape[1])[:, ::-1], axis=1)[:, ::-1]
        row, place = np.nonzero(~good)
        left, right = before[row, place], after[row, place]
        length = np.where((left >= 0) & (right < good.shape[1]), right - left, 2.0 * good.shape[1])
        none = (left < 0) & (right >= good.shape[1])
        left, right = np.where(left < 0, right, left), np.where(right >= good.shape[1], left, right)
        left, right = (np.where(none, place, one) for one in (left, right))
        weight = (place - left) / np.maximum(right - left, 1)
        better = np.where(none, np.inf, length) < least[row, place]
        row, place, left, right, weight, length = (x[better] for x in (row, place, left, right, weight, length))
        result[row, place] = value[row, left] * (1 - weight) + value[row, right] * weight
        least[row, place] = length
    return np.where(wide, filled, pixels)
