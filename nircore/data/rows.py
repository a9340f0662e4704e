"""The offset that drifts from row to row while the sensor is read: told from the scene, and taken out.

On 20 ms SWIR_HDR frames it has an SD of 0.7 DN and lasts some ten rows: far below the noise of a pixel (12 DN), but a
denoiser that averages hundreds of pixels leaves it standing as bands across the frame.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

STEADY = (20.0, 4.0)  # px along columns and rows: smoothing in which a band is gone, and the dark columns are found
DARK = 0.25  # share of each row, its darkest pixels, that speaks for the sensor: there is little scene in it
SLOW = 60.0  # rows (sigma): what changes more slowly may be stray light, and stays
FAST = 2.0  # rows (sigma): what changes faster is not told from the noise of so few pixels


def row_drift(pixels: np.ndarray) -> np.ndarray:
    """Estimate the drift of a frame (H, W) in DN: an offset for each row, (H,) float64 around 0.

    The mean over each row's dark pixels, less its slow course. Left and right half of the frame are two witnesses:
    what they have in common is drift, what they have not is noise or scene, and the estimate is shrunk by the share of
    the former (Wiener), down to 0 for a frame whose halves do not agree. (SLOW, FAST and DARK were chosen by how much
    of the rows' difference between 20 ms and long exposures of F1-2 and F5-2 goes: 0.38 of 1.00 DN^2.)
    """
    steady = gaussian_filter(pixels.astype(np.float64), STEADY)
    dark = steady <= np.quantile(steady, DARK, axis=1, keepdims=True)
    half = pixels.shape[1] // 2
    left, right = (_course(pixels[:, part], dark[:, part]) for part in (np.s_[:half], np.s_[half:]))
    common = max(0.0, float(np.mean(left * right)))
    drift = _course(pixels, dark)
    return drift * min(1.0, common / drift.var()) if common else np.zeros(len(pixels))


def _course(pixels: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Return the mean of each row's dark pixels, less its slow course over the rows; 0 where a row has none."""
    count = dark.sum(axis=1)
    weight = gaussian_filter1d(dark.astype(np.float64), SLOW, axis=0) + 1e-9
    slow = gaussian_filter1d(pixels * dark.astype(np.float64), SLOW, axis=0) / weight
    mean = ((pixels - slow) * dark).sum(axis=1) / np.maximum(count, 1)
    course = gaussian_filter1d(mean, FAST)
    return course - course.mean()


def level_rows(pixels: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) in DN without its rows' drift, float32; its mean stays."""
    return (pixels - row_drift(pixels)[:, None]).astype(np.float32)
