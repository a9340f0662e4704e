"""Synthetic images of what all images are made of: edges, soft shading, texture, tubes, spots and transparency.

Leaves of power-law radius that cover each other in random order have the statistics of photographs (Lee, Mumford &
Huang, Int. J. Comput. Vis. 41 (2001) 35), and denoisers that are trained on them alone come near to those trained on
photographs (Achddou, Gousseau & Ladjal, SSVM 2021). Some leaves are transparent and add up, as fluorescence does.
A network that is shown them beside a few animals does not take everything for an animal.
"""

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

LEAVES = (60, 200, 900)  # so many in an image; one of these
SMALLEST, LARGEST, POWER = (2.0, 4.0), 120.0, 3.0  # px, one of the first; density of radii ~ radius^-POWER
TRANSPARENT, ROUND, STRIPED, GRAINY = 0.3, 0.7, 0.25, 0.25  # shares of the leaves
EDGE_PX = (0.5, 4.0)  # softness of a leaf's edge
TUBES, TUBE_PX, TUBE_LIGHT = 12, (0.7, 6.0), (0.05, 0.8)  # at most so many; sigma; brightness
SPOTS, SPOT_PX = 40, (0.6, 2.5)  # at most so many; sigma
SPOTTED, BLURRED = 0.3, 0.5  # shares of the images


@lru_cache(maxsize=400)
def drawn(number: int, size: int) -> np.ndarray:
    """Return the image of a number, (size, size) float32, black about 0 and white about 1; always the same."""
    return image(np.random.default_rng([number, size]), size)


def image(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw one image (size, size) float32, black about 0 and white about 1."""
    canvas = np.full((size, size), rng.uniform(0, 0.3), dtype=np.float32)
    grain = gaussian_filter(rng.normal(size=(size, size)), log_uniform(rng, 0.7, 3.0))
    grain = (grain / grain.std()).astype(np.float32)
    ends = LARGEST ** (1 - POWER), rng.choice(SMALLEST) ** (1 - POWER)
    for radius in rng.uniform(*ends, rng.choice(LEAVES)) ** (1 / (1 - POWER)):
        _leaf(canvas, grain, float(radius), rng)
    for _ in range(rng.integers(TUBES)):
        canvas += rng.uniform(*TUBE_LIGHT) * _tube(size, rng)
    if rng.random() < SPOTTED:
        canvas += _spots(size, rng)
    if rng.random() < BLURRED:
        canvas = gaussian_filter(canvas, rng.uniform(0, 2))
    low, high = np.percentile(canvas.clip(0), (0.5, 99.8))
    return ((canvas.clip(0) - low) / max(high - low, 1e-3)).astype(np.float32)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number from `low` to `high` whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _leaf(canvas: np.ndarray, grain: np.ndarray, radius: float, rng: np.random.Generator) -> None:
    """Draw a leaf: an ellipse or a rectangle, squeezed and turned, shaded across, some with stripes or grain."""
    size, squeeze, turn = len(canvas), np.exp(rng.normal(0, 0.5)), rng.uniform(0, np.pi)
    row, column = rng.uniform(-20, size + 20, 2)
    reach = int(1.5 * radius * max(squeeze, 1 / squeeze) + 3)
    part = tuple(slice(max(int(c) - reach, 0), max(min(int(c) + reach, size), 0)) for c in (row, column))
    y, x = np.ogrid[part]
    if not (y.size and x.size):
        return
    a = ((x - column) * np.cos(turn) + (y - row) * np.sin(turn)) / squeeze
    b = ((y - row) * np.cos(turn) - (x - column) * np.sin(turn)) * squeeze
    away = (np.hypot(a, b) if rng.random() < ROUND else np.maximum(abs(a), abs(b))) - radius
    cover = (1 / (1 + np.exp(np.clip(away / log_uniform(rng, *EDGE_PX), -30, 30)))).astype(np.float32)
    light = rng.random() ** 1.5 * (1 + rng.normal(0, 0.3) * a / radius + rng.normal(0, 0.3) * b / radius)
    if rng.random() < STRIPED:
        light = light * (1 + 0.3 * np.sin(rng.uniform(0.2, 1.5) * a + rng.uniform(0, 6)))
    elif rng.random() < GRAINY:
        light = light * (1 + rng.uniform(0, 0.4) * grain[part])
    transparent = rng.random() < TRANSPARENT
    canvas[part] = canvas[part] + 0.5 * cover * light if transparent else canvas[part] * (1 - cover) + cover * light


def _tube(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a vessel of brightness 1: a walk that keeps its direction for a while, as wide as a Gaussian."""
    speed = np.cumsum(rng.normal(0, 0.02, (200, 2)), axis=0) + rng.normal(0, 0.8, 2)
    walk = rng.uniform(0, size, 2) + np.cumsum(speed, axis=0)
    rows, columns = np.round(walk[((walk > 0) & (walk < size - 1)).all(axis=1)]).astype(int).T
    tube = np.zeros((size, size), dtype=np.float32)
    tube[rows, columns] = 1
    tube = gaussian_filter(tube, log_uniform(rng, *TUBE_PX))
    return tube / max(float(tube.max()), 1e-6)


def _spots(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return points as the optics shows them: beads, cells, speckles."""
    spots, sigma = np.zeros((size, size), dtype=np.float32), log_uniform(rng, *SPOT_PX)
    count = rng.integers(1, SPOTS)
    np.add.at(spots, tuple(rng.integers(size, size=(2, count))), rng.uniform(0.1, 1, count))
    return gaussian_filter(spots, sigma) * np.float32(2 * np.pi * sigma**2)
