"""Frames to enhance, and a pipeline of one step."""

from collections.abc import Callable

import numpy as np


def frames(count: int = 1, shape: tuple[int, int] = (40, 48), seed: int = 0, pedestal: float = 1100) -> np.ndarray:
    """Something bright on a pedestal with noise of 12 DN, (count, H, W) uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 400 * np.exp(-((y - shape[0] / 2) ** 2 + (x - shape[1] / 3) ** 2) / 60)
    return np.rint(pedestal + light + rng.normal(0, 12, (count, *shape))).astype(np.uint16)


class OneStep:
    """A pipeline whose network, a function of a frame, does all there is to do."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray]) -> None:
        self.run = run

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, None]:
        return pixels, None

    def finish(self, values: np.ndarray, fit: None) -> np.ndarray:
        return values
