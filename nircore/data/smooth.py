"""Gaussian smoothing fast enough for a camera's pace: what SciPy computes, as products of small matrices.

These two steps were most of what a small network needed for a frame.
"""

from functools import lru_cache

import numpy as np

TRUNCATE = 4.0  # sigma: SciPy's default
BLOCK = 64  # rows filtered by one product: larger blocks multiply more zeros, smaller ones call more often
SAMPLED, MARGIN = 61, 0.02  # one pixel in so many (prime, to meet all columns) tells a quantile to such a share
NEGLIGIBLE = 1e-7  # of a component: what a wide Gaussian leaves of it is below float32's rounding


def gaussian(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth (H, W) by sigma px along both axes, float32; `scipy.ndimage.gaussian_filter` to rounding.

    Borders are mirrored, and the kernel ends at 4 sigma, as there. Large pedestals use up float32's digits: subtract
    them before.
    """
    return _down(_down(pixels.astype(np.float32, copy=False), sigma).T, sigma).T


def _down(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth along the first axis."""
    rows, reach = len(pixels), int(TRUNCATE * sigma + 0.5)
    padded = np.pad(pixels, ((reach, reach), (0, 0)), mode="symmetric")
    band, smoothed = _band(sigma, reach), np.empty_like(pixels)
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        smoothed[start : start + count] = (
            band[:count, : count + 2 * reach] @ padded[start : start + count + 2 * reach]
        )
    return smoothed


@lru_cache(maxsize=8)
def _band(sigma: float, reach: int) -> np.ndarray:
    """Return the matrix that takes BLOCK + 2 reach rows to BLOCK smoothed ones."""
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    band = np.zeros((BLOCK, BLOCK + 2 * reach), dtype=np.float32)
    for row in range(BLOCK):
        band[row, row : row + 2 * reach + 1] = kernel / kernel.sum()
    return band


def slow_course(pixels: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (basis (H, K), coefficients (K, W)): their product is (H, W) smoothed by a wide sigma along columns.

    A mirrored column is a sum of cosines, each of which smoothing makes smaller: a wide Gaussian leaves only the
    first few. To 1e-4 of the contrast the result is that of `scipy.ndimage.gaussian_filter1d`.
    """
    cosines, left = _cosines(len(pixels), sigma)
    return cosines, left[:, None] * (cosines.T @ pixels.astype(np.float32, copy=False))


@lru_cache(maxsize=8)
def _cosines(rows: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the orthonormal cosines (H, K) that a Gaussian leaves, and how much it leaves of each, (K,)."""
    most = int(np.ceil(np.sqrt(-2 * np.log(NEGLIGIBLE)) * rows / (np.pi * sigma)))
    k, reach = np.arange(min(rows, most + 1)), int(TRUNCATE * sigma + 0.5)
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    left = np.cos(np.pi / rows * np.outer(k, steps)) @ (kernel / kernel.sum())
    cosines = np.cos(np.pi / rows * (np.arange(rows)[:, None] + 0.5) * k) * np.sqrt(2 / rows)
    cosines[:, 0] /= np.sqrt(2)
    return cosines.astype(np.float32), left.astype(np.float32)


def quantile(values: np.ndarray, share: float) -> float:
    """Return `numpy.quantile(values, share)` of many values, several times as fast: of a few between sure bounds."""
    flat = values.reshape(-1)
    sample = np.sort(flat[::SAMPLED])
    places = np.array([share - MARGIN, share + MARGIN]) * len(sample)
    low = sample[int(places[0])] if places[0] >= 0 else -np.inf
    high = sample[int(places[1])] if places[1] < len(sample) else np.inf
    below = int(np.count_nonzero(flat < low))
    between = flat[(flat >= low) & (flat <= high)]
    place = share * (len(flat) - 1) - below
    k = int(np.floor(place))
    if not 0 <= k < len(between) - 1:  # the sample misled, as where the frame has a texture of its own pitch
        return float(np.quantile(flat, share))
    lower, upper = np.partition(between, [k, k + 1])[k : k + 2].astype(np.float64)
    return float(lower + (place - k) * (upper - lower))
