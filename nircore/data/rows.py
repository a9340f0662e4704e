"""The offset that drifts from row to row while the sensor is read: told from the scene, and taken out.

On 20 ms SWIR_HDR frames it has an SD of 0.7 DN and lasts some ten rows: far below the noise of a pixel (12 DN), but a
denoiser that averages hundreds of pixels leaves it standing as bands across the frame.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from nircore.data.smooth import quantile, slow_course

BESIDE = 4  # px of a row that are taken together: a scene in low light has nothing finer, and time is saved
STEADY = (20.0, 4.0)  # px along columns and rows: smoothing in which a band is gone, and the dark places are found
DARK = 0.45  # share of the frame, its darkest pixels, that speaks for the sensor: there is little scene in it
SLOW = 60.0  # rows (sigma): what changes more slowly may be stray light, and stays
FAST = 2.0  # rows (sigma): what changes faster is not told from the noise of so few pixels
NONE = 1e-6  # share of dark pixels around a place, below which there are none (at a dark pixel: over 0.006)
LARGEST = 0.12  # of the noise: a drift that would be larger is scene [measured: 0.06 on 20 ms SWIR_HDR frames]
TELLING = 17  # one row in so many tells the noise
FEWEST = 10.0  # dark pixels in a row and half of the frame, on average over FAST: fewer say nothing


def row_drift(pixels: np.ndarray) -> np.ndarray:
    """Estimate the drift of a frame (H, W) in DN: an offset for each row, (H,) float64 around 0.

    The mean over each row's dark pixels, less its slow course. Left and right half of the frame are two witnesses:
    what they have in common is drift, what they have not is noise or scene, and the estimate is shrunk by the share
    of the former (Wiener), down to 0 for a frame whose halves do not agree, and is 0 in rows without dark pixels.

    DARK, SLOW and FAST were chosen on the short and long exposures of F1-2 and F5-2: of the variance between their
    rows, 1.0 DN^2, about 0.42 goes, and on phantoms without bands less than 0.01 comes. A scene that fills more than
    half of the field is not what this is made for (with DARK = 0.6, the phantom's limbs passed for bands): where it
    passes for a drift beyond LARGEST, none is taken out.
    """
    frame = (pixels - float(pixels.flat[0])).astype(np.float32)  # a pedestal would use up float32's digits
    level = sum(frame[:, k : pixels.shape[1] // BESIDE * BESIDE : BESIDE] for k in range(BESIDE)) / BESIDE
    cosines, parts = slow_course(level, STEADY[0])
    steady = cosines @ gaussian_filter1d(parts, STEADY[1] / BESIDE, axis=1)
    dark = (steady <= quantile(steady, DARK)).astype(np.float32)
    above = (level - _slow(level * dark) / np.maximum(_slow(dark), NONE)) * dark
    half = level.shape[1] // 2
    (left, many), (right, more), (drift, count) = (
        _course(above[:, part], dark[:, part]) for part in (np.s_[:half], np.s_[half:], np.s_[:])
    )
    sound = (many > FEWEST) & (more > FEWEST)
    common = float(np.mean((left * right)[sound])) if sound.any() else 0.0
    if common <= 0:
        return np.zeros(len(pixels))
    found = drift * min(1.0, common / float(np.mean(drift[sound] ** 2))) * (count > 2 * FEWEST)
    return found if found.std() <= LARGEST * _noise(frame) else np.zeros(len(pixels))


def _noise(frame: np.ndarray) -> float:
    """Return the SD of the noise, from neighbours in some rows: a scene is much the same on both."""
    return float(np.median(np.abs(np.diff(frame[::TELLING], axis=1)))) / (0.6745 * 2**0.5)


def _slow(pixels: np.ndarray) -> np.ndarray:
    """Return the slow course of every column (H, W)."""
    cosines, parts = slow_course(pixels, SLOW)
    return cosines @ parts


def _course(above: np.ndarray, dark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each row's dark pixels above their slow course, and how many they are; smoothed by FAST."""
    sums, counts = (BESIDE * np.sum(part, axis=1, dtype=np.float64) for part in (above, dark))
    count = gaussian_filter1d(counts, FAST)
    return gaussian_filter1d(sums, FAST) / np.maximum(count, 1.0), count


def level_rows(pixels: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) in DN without its rows' drift, float32."""
    return (pixels - row_drift(pixels)[:, None]).astype(np.float32)
