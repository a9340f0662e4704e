"""Planted questions to a denoiser: does what is bright change what is dim beside it, do hot pixels spoil the frame.

Every function takes `denoise`, a frame (H, W) in DN without a dark to (H, W) in DN, and simulates an InGaAs camera.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from companion.study.exposures import CAMERA

Denoise = Callable[[np.ndarray], np.ndarray]
SHAPE = (512, 640)
DISCS_DN = (0.0, 100.0, 300.0, 1000.0, 3000.0)
HOT = (0, 5, 31, 356)
BAR_DN, GROUND_DN, AWAY = 20.0, 10.0, 12


def exposed(light_dn: np.ndarray, seed: int) -> np.ndarray:
    """Return what the camera makes of light (H, W) in DN: Poisson and read noise, float32."""
    rng = np.random.default_rng(seed)
    photons = rng.poisson(light_dn * CAMERA.gain_e_per_dn) / CAMERA.gain_e_per_dn
    return (photons + rng.normal(0, CAMERA.read_noise_dn, light_dn.shape)).astype(np.float32)


def _bar() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the bar, what is read beside it, and the disc that stands 250 px or more away: (H, W) bool each."""
    y, x = np.indices(SHAPE)
    tall = np.abs(y - 256) < 120
    return (np.abs(x - 120) < 4) & tall, (np.abs(x - 150) < 8) & tall, (y - 256) ** 2 + (x - 430) ** 2 < 60**2


def bar_beside_disc(
    denoise: Denoise, discs: Sequence[float] = DISCS_DN, seeds: Sequence[int] = (0, 1, 2)
) -> pd.DataFrame:
    """Read the contrast of a bar of 20 DN beside discs of some brightness: `disc_dn`, `contrast_dn`, `input_dn`."""
    bar, beside, disc = _bar()
    rows = []
    for bright in discs:
        frames = [exposed(GROUND_DN + BAR_DN * bar + bright * disc, seed) for seed in seeds]
        read = [[image[bar].mean() - image[beside].mean() for image in (frame, denoise(frame))] for frame in frames]
        before, after = np.mean(read, axis=0)
        rows.append({"disc_dn": bright, "contrast_dn": after, "input_dn": before})
    return pd.DataFrame(rows)


def bolus(denoise: Callable[[np.ndarray], np.ndarray], frames: int = 12, brightest: float = 2000.0) -> pd.DataFrame:
    """Follow a bar of constant 20 DN while a bolus fills a disc and leaves it; `denoise` takes the movie (T, H, W).

    Returns `time`, `disc_dn`, and the bar's contrast in `input_dn` and `contrast_dn`.
    """
    bar, beside, disc = _bar()
    course = brightest * np.exp(-0.5 * ((np.arange(frames) - frames / 2) / (frames / 8)) ** 2)
    movie = np.stack([exposed(GROUND_DN + BAR_DN * bar + b * disc, seed) for seed, b in enumerate(course)])
    restored = denoise(movie)
    contrasts = [shown[:, bar].mean(1) - shown[:, beside].mean(1) for shown in (movie, restored)]
    return pd.DataFrame(
        {"time": range(frames), "disc_dn": course, "input_dn": contrasts[0], "contrast_dn": contrasts[1]}
    )


def hot_pixels(denoise: Denoise, counts: Sequence[int] = HOT, value: float = 65535.0) -> pd.DataFrame:
    """Plant pixels at `value` and return the error more than AWAY px from all that were planted in any row.

    Columns: `hot`, `error_dn` (root mean square against the noise-free frame), `input_dn`.
    """
    y, x = np.indices(SHAPE)
    light = 150 * np.exp(-((y - 256) ** 2 + (x - 320) ** 2) / (2 * 85**2)) + 75.0 * (np.abs(x - 160) < 2) + 30
    frame, rng = exposed(light, 0), np.random.default_rng(1)
    places = rng.choice(frame.size, size=max(counts), replace=False)
    mask = np.zeros(frame.size, dtype=bool)
    mask[places] = True
    far = distance_transform_edt(~mask.reshape(SHAPE)) > AWAY
    rows = []
    for count in counts:
        spoilt = frame.copy()
        spoilt.flat[places[:count]] = value
        errors = [np.sqrt(np.mean((image - light)[far] ** 2)) for image in (denoise(spoilt), spoilt)]
        rows.append({"hot": count, "error_dn": errors[0], "input_dn": errors[1]})
    return pd.DataFrame(rows)
