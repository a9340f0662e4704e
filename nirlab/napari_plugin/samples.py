"""Frames to try the plugin on: a phantom mouse, as a low-light camera sees it."""

from functools import lru_cache

import numpy as np

from nircore.data.camera import WINDOWS, Sensor, dark_level, expose, radiance
from nircore.data.phantom import Anatomy, anatomy
from nirlab.napari_plugin.frames import Layer

SHAPE, EXPOSURE_S, SEED, FRAMES = (320, 256), 0.02, 0, 8


@lru_cache(maxsize=1)
def _scene() -> tuple[Anatomy, np.ndarray]:
    body = anatomy(SEED, SHAPE)
    return body, radiance(body, WINDOWS["NIR-IIa"])


def _exposed(count: int) -> np.ndarray:
    """Return so many 20 ms frames, (count, H, W) uint16 in DN; each has its own noise."""
    draws = [np.random.default_rng([SEED, k]) for k in range(count)]
    return np.stack([expose(_scene()[1], EXPOSURE_S, draw) for draw in draws])


def _layer(data: np.ndarray, name: str, visible: bool = True) -> Layer:
    side = _scene()[0].pixel_mm
    attributes = {"name": name, "metadata": {"exposure_s": EXPOSURE_S}, "visible": visible}
    attributes |= {"scale": (1.0,) * (data.ndim - 2) + (side, side)}
    attributes |= {"units": ("pixel",) * (data.ndim - 2) + ("mm", "mm")}
    return data, attributes, "image"


def frame() -> list[Layer]:
    """Return one frame (320, 256) uint16 in DN, and its dark (hidden), pixels of 0.25 mm."""
    dark = dark_level(EXPOSURE_S, SHAPE, Sensor())
    return [_layer(dark, "dark", visible=False), _layer(_exposed(1)[0], "phantom, 20 ms")]


def movie() -> list[Layer]:
    """Return eight frames (8, 320, 256) uint16 in DN of one scene."""
    return [_layer(_exposed(FRAMES), "phantom movie, 20 ms")]
