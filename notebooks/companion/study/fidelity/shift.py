"""Does a scene that moves by one pixel come out moved by one pixel, and otherwise unchanged?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from companion.study.fidelity import Denoise

DIRECTIONS = {"down": (1, 0), "up": (-1, 0), "right": (0, 1), "left": (0, -1)}
MARGIN = 32  # px left out at every border (a quarter of the side in small frames): what leaves comes in opposite
RANGE = (1.0, 99.9)  # percentiles of the output between which its range lies


def changes(denoise: Denoise, frame: np.ndarray) -> list[dict[str, float | str]]:
    """Compare denoise(shift(x)) with shift(denoise(x)) for a frame (H, W), in all four directions.

    Returns:
        Per direction: change, the mean absolute difference in the interior, and largest, its 99.9th percentile,
        both in percent of the output's range.
    """
    still = denoise(frame).astype(np.float64)
    low, high = np.percentile(still, RANGE)
    inside = tuple(slice(m, -m) for m in (min(MARGIN, side // 4) for side in frame.shape))
    rows: list[dict[str, float | str]] = []
    for name, step in DIRECTIONS.items():
        moved = denoise(np.roll(frame, step, (0, 1))).astype(np.float64)
        size = 100 * np.abs(moved - np.roll(still, step, (0, 1)))[inside] / (high - low)
        rows.append({"direction": name, "change": size.mean(), "largest": np.percentile(size, 99.9)})
    return rows


def shift(denoisers: Mapping[str, Denoise], frames: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return `changes` of every denoiser on every frame: frame, denoiser, direction, change, largest (%)."""
    return pd.DataFrame(
        {"frame": name, "denoiser": method} | row
        for name, frame in frames.items()
        for method, denoise in denoisers.items()
        for row in changes(denoise, frame)
    )
