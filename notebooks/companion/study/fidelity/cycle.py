"""Is a small cycle error evidence: what is left of it when the image in between is rounded, shaken or smoothed.

A CycleGAN can hide its input in an imperceptible pattern of its output and read it back (Chu, Zhmoginov & Sandler,
"CycleGAN, a Master of Steganography", 2017): its cycle error then says nothing about what the output shows.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from nircore.metrics.no_reference import noise_sd

Translate = Callable[[np.ndarray], np.ndarray]
LEVELS = 255  # steps of the range [-1, 1] in 8 bits
AS_IS = "as it is"


def _rounded(image: np.ndarray) -> np.ndarray:
    return np.rint((np.clip(image, -1, 1) + 1) / 2 * LEVELS) * (2 / LEVELS) - 1


def between(rng: np.random.Generator) -> dict[str, Translate]:
    """Return what may happen to the image (H, W) in [-1, 1] between the two networks.

    Nothing; rounding to 8 bits; Gaussian noise with an SD of 1, 2 and 4 of the 255 steps; and two controls that
    leave only what is 1 or 2 px wide and more.
    """
    changes: dict[str, Translate] = {AS_IS: lambda z: z, "8 bits": _rounded}
    for steps in (1, 2, 4):
        changes[f"noise {steps}/255"] = lambda z, sd=2 * steps / LEVELS: z + rng.normal(0, sd, z.shape)
    for sigma in (1, 2):
        changes[f"smoothed {sigma} px"] = lambda z, sigma=sigma: gaussian_filter(z, sigma)
    return changes


def cycle(forward: Translate, back: Translate, frames: Mapping[str, np.ndarray], seed: int = 0) -> pd.DataFrame:
    """Send normalised frames (H, W), about [-1, 1], there and back, with something happening in between.

    Returns:
        frame, between; error: mean |back(forward(x)) - x| in steps of 1/255 of the range; noise: the mean size of
        x's own noise in the same steps, sqrt(2 / pi) `noise_sd`. No image that shows the scene alone can bring the
        noise back, so an error well below it was carried by something else than what the image shows.
    """
    rows = []
    for name, x in frames.items():
        z, rng = forward(x), np.random.default_rng([seed, LEVELS])  # not the noise that a frame was made with
        noise = np.sqrt(2 / np.pi) * noise_sd(x) * LEVELS / 2
        for change, do in between(rng).items():
            error = np.abs(back(do(z).astype(np.float32)) - x).mean(dtype=np.float64)
            rows.append({"frame": name, "between": change, "error": float(error) * LEVELS / 2, "noise": noise})
    return pd.DataFrame(rows)


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per change: mean error, its ratio to the untouched cycle's, and to the noise of the input."""
    means = table.groupby("between", sort=False)[["error", "noise"]].mean()
    means["to_untouched"] = means["error"] / means.loc[AS_IS, "error"]
    means["to_noise"] = means["error"] / means["noise"]
    return means.assign(frames=table["frame"].nunique()).reset_index()
