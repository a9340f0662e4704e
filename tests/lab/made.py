"""Frames to enhance."""

import numpy as np


def frames(count: int = 1, shape: tuple[int, int] = (40, 48), seed: int = 0, pedestal: float = 1100) -> np.ndarray:
    """Something bright on a pedestal with noise of 12 DN, (count, H, W) uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 400 * np.exp(-((y - shape[0] / 2) ** 2 + (x - shape[1] / 3) ** 2) / 60)
    return np.rint(pedestal + light + rng.normal(0, 12, (count, *shape))).astype(np.uint16)
