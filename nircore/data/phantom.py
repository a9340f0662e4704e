"""A random mouse in mm: outline, organs, branching vessels, lymph nodes, sometimes a tumour.

Laid out like a mouse on its back in an 80 x 64 mm field, as in the real SWIR_HDR frames: head at the top (cropped),
hind limbs spread, tail leaving at the bottom; liver and spleen the brightest, thin bright vessels in the limbs, faint
trees along the flanks and over the abdomen. Sizes and brightnesses are modelling assumptions. No two seeds look alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from nircore.data.vessels import Path, along, draw, grow
from nircore.errors import NircoreError

FIELD_MM = 80.0  # height of the field of view


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What there is to see, before any optics; all maps (H, W).

    Attributes:
        pixel_mm: side of a pixel.
        layers: (emission, depth in mm) pairs, float32; emission 1 is the brightest organ.
        thickness: of the body, 0 outside and 1 in the middle of the trunk, float32.
        depth_mm: depth of the brightest layer at each pixel, float32; 0 outside the body.
        body, vessels, centrelines, lesion: where those are, bool.
    """

    pixel_mm: float
    layers: tuple[tuple[np.ndarray, float], ...]
    thickness: np.ndarray
    depth_mm: np.ndarray
    body: np.ndarray
    vessels: np.ndarray
    centrelines: np.ndarray
    lesion: np.ndarray


class _Mouse:
    """Landmarks of one animal in mm, and the maps made from them."""

    def __init__(self, seed: int, shape: tuple[int, int]) -> None:
        self.rng = np.random.default_rng(seed)
        self.shape, self.pixel_mm = shape, FIELD_MM / shape[0]
        self.size = self.rng.uniform(0.92, 1.06)
        self.middle = shape[1] * self.pixel_mm / 2 + self.rng.normal(0, 1.2)
        self.top = self.rng.normal(0, 2.0)
        self.tilt = self.rng.normal(0, 0.035)
        y, x = np.mgrid[: shape[0], : shape[1]] * self.pixel_mm
        self.y, self.x = y + self._wave(0.5), x + self._wave(0.5)
        self.limbs = self._limbs()
        self.inner = self._body()  # mm to the skin, positive inside

    def _wave(self, size: float, cells: int = 6) -> np.ndarray:
        """Return a smooth random map (H, W) of the given standard deviation."""
        coarse = self.rng.normal(0, size, (cells, cells))
        y, x = (np.linspace(0, cells - 1, side) for side in self.shape)
        return map_coordinates(coarse, np.meshgrid(y, x, indexing="ij"), order=3, mode="nearest")

    def at(self, along_mm: float, aside_mm: float) -> tuple[float, float]:
        """Return image coordinates (y, x in mm) of a place given along the body's axis and aside of it."""
        a, b = along_mm * self.size, aside_mm * self.size
        return self.top + a, self.middle + b + self.tilt * a

    def _limbs(self) -> dict[str, list[tuple[float, float]]]:
        jitter = lambda: self.rng.normal(0, 1.3)  # noqa: E731
        limbs = {"tail": [self.at(61, 0), self.at(70, 0.6 * jitter()), self.at(84, jitter())]}
        for name, side in (("left", -1), ("right", 1)):
            knee, foot = self.at(51 + jitter(), side * (19 + jitter())), self.at(61 + jitter(), side * (26 + jitter()))
            limbs[f"hind {name}"] = [self.at(53, side * 7), knee, foot]
            limbs[f"fore {name}"] = [self.at(16, side * 8), self.at(10 + jitter(), side * 15), self.at(4, side * 20)]
        return limbs

    def _body(self) -> np.ndarray:
        """Return the distance to the skin in mm, positive inside: a smooth union of tapered capsules."""
        trunk = [(-2, 6), (4, 8.5), (12, 10.5), (22, 13.0), (34, 14.5), (46, 14.5), (54, 11.5), (62, 3.8)]
        plump = self.rng.uniform(0.93, 1.08)
        parts = [
            self._capsule(self.at(a, 0), self.at(b, 0), ra * self.size * plump, rb * self.size * plump)
            for (a, ra), (b, rb) in zip(trunk, trunk[1:], strict=False)
        ]
        radii = {"tail": (3.2, 2.4, 1.6), "hind": (9.0, 5.6, 2.0), "fore": (5.5, 3.8, 2.4)}
        for name, points in self.limbs.items():
            r = radii[name.split()[0]]
            parts += [self._capsule(points[k], points[k + 1], r[k], r[k + 1]) for k in range(2)]
        sharp = 1.1  # per mm: how tightly the parts are joined
        return np.logaddexp.reduce([np.clip(sharp * part, -60, 60) for part in parts]) / sharp

    def _capsule(self, p: tuple[float, float], q: tuple[float, float], rp: float, rq: float) -> np.ndarray:
        """Return the distance in mm to the surface of a tapered capsule from p to q, positive inside."""
        dy, dx = q[0] - p[0], q[1] - p[1]
        t = np.clip(((self.y - p[0]) * dy + (self.x - p[1]) * dx) / (dy * dy + dx * dx), 0, 1)
        return rp + t * (rq - rp) - np.hypot(self.y - p[0] - t * dy, self.x - p[1] - t * dx)

    def blob(self, centre: tuple[float, float], long: float, short: float, angle: float, edge: float) -> np.ndarray:
        """Return a soft ellipse (H, W) in [0, 1]: half axes in mm, angle of the long one, width of the edge in mm."""
        dy, dx = self.y - centre[0], self.x - centre[1]
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        inside = (1 - np.hypot(u / long, v / short)) * short
        return 1 / (1 + np.exp(np.clip(-inside / edge * 2.2, -50, 50)))

    def contains(self, margin: float) -> Callable[[np.ndarray], bool]:
        """Return a test for points (y, x in mm) at least `margin` mm under the skin."""
        height, width = self.shape

        def inside(point: np.ndarray) -> bool:
            row, column = int(point[0] / self.pixel_mm), int(point[1] / self.pixel_mm)
            return 0 <= row < height and 0 <= column < width and self.inner[row, column] > margin

        return inside


def _organs(m: _Mouse) -> np.ndarray:
    """Return the deep organs' emission: liver, spleen, and more or less of kidneys, gut and bladder."""
    draw_ = m.rng.uniform
    liver = np.maximum(
        m.blob(m.at(28 + draw_(-1, 1), -3.5), draw_(7, 9), draw_(4.2, 5.2), draw_(-0.15, 0.25), 1.0),
        draw_(0.75, 1) * m.blob(m.at(27 + draw_(-1, 1), 4.5), draw_(5.5, 7.5), draw_(3.6, 4.6), draw_(-0.35, 0), 1.0),
    )
    liver = np.maximum(liver, 0.8 * m.blob(m.at(31.5, 0.5), 5, 3.2, 0.0, 1.2))
    liver -= draw_(0.3, 0.75) * m.blob(m.at(33.5, draw_(-2, 2)), 3.4, 3.0, 0, 0.8) * liver  # the stomach before it
    texture = 1 + gaussian_filter(m._wave(0.12, 14), 1.0)
    organs = draw_(0.55, 1.0) * liver * texture
    organs += draw_(0.25, 0.5) * m.blob(m.at(37 + draw_(-1, 1), 10.5), 4.2, 1.9, 1.25 + draw_(-0.3, 0.3), 0.7)
    for side in (-1, 1):
        organs += draw_(0, 0.12) * m.blob(m.at(39 + draw_(-1, 1), side * 6.5), 3.4, 2.0, 1.4, 0.9)
    organs += draw_(0, 0.5) * m.blob(m.at(53 + draw_(-1.5, 1.5), draw_(-1.5, 1.5)), 1.9, 1.6, 0, 0.5)
    gut = np.clip(m._wave(0.5, 11), 0, None) * m.blob(m.at(42, 0), 9, 7, 0, 2.0)
    return organs + draw_(0.04, 0.16) * gut


def _vessels(m: _Mouse) -> dict[float, list[Path]]:
    """Grow the vessel trees, by depth in mm: limbs and tail shallow, flanks below, abdomen deepest."""
    rng, trees = m.rng, {0.4: [], 1.0: [], 2.0: []}
    for name, points in m.limbs.items():
        kind = name.split()[0]
        radius = {"hind": 0.62, "fore": 0.34, "tail": 0.55}[kind] * rng.uniform(0.8, 1.2)
        main = along(points, radius, rng)
        trees[0.4].append(main)
        for k in rng.integers(5, len(main.points) - 5, size=4 if kind == "hind" else 2):
            heading = np.arctan2(*(main.points[k + 4] - main.points[k - 4])) + rng.choice([-1, 1]) * rng.uniform(0.4, 0.9)
            trees[0.4] += grow(tuple(main.points[k]), heading, radius * 0.4, 9, m.contains(0.8), rng, 0.15)
    for side in (-1, 1):
        flank = [m.at(14, side * 8.2), m.at(26, side * 10.2), m.at(38, side * 11.0), m.at(50, side * 8.5)]
        main = along(flank, rng.uniform(0.2, 0.36), rng)
        trees[1.0].append(main)
        for k in rng.integers(5, len(main.points) - 5, size=9):
            heading = np.pi / 2 + side * rng.uniform(-1.0, 1.3)
            trees[1.0] += grow(tuple(main.points[k]), heading, main.radius[k] * 0.6, 14, m.contains(1.0), rng, 0.2)
        groin = m.at(50, side * 8.5)
        trees[1.0] += grow(groin, -np.pi / 2 - side * rng.uniform(0.1, 0.5), 0.28, 22, m.contains(1.0), rng, 0.22)
        neck = m.at(14, side * 3)
        trees[1.0] += grow(neck, -np.pi / 2 - side * rng.uniform(-0.3, 0.3), 0.26, 14, m.contains(1.0), rng, 0.12)
    for _ in range(rng.integers(7, 12)):
        start = m.at(rng.uniform(18, 52), rng.uniform(-9, 9))
        trees[2.0] += grow(start, rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.3), 18, m.contains(1.5), rng, 0.2)
    return trees


def _spots(m: _Mouse, lesion: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return shallow spots' emission (lymph nodes, small bright specks, the tumour) and the tumour's mask."""
    rng = m.rng
    spots = np.zeros(m.shape)
    for along_mm, aside in ((50, 9), (50, -9), (15, 10), (15, -10), (8, 4), (8, -4)):
        if rng.random() < 0.5:
            place = m.at(along_mm + rng.normal(0, 1), aside + rng.normal(0, 1))
            spots += rng.uniform(0.08, 0.4) * m.blob(place, rng.uniform(0.7, 1.2), 0.7, rng.uniform(0, 3), 0.25)
    mask = np.zeros(m.shape, dtype=bool)
    if lesion:
        place = m.at(rng.uniform(22, 46), rng.choice([-1, 1]) * rng.uniform(6.5, 9.5))
        shape = m.blob(place, rng.uniform(2.0, 3.4), rng.uniform(1.6, 2.4), rng.uniform(0, 3), 0.5)
        spots += rng.uniform(0.2, 0.45) * shape * (1 + m._wave(0.25, 24))
        mask = shape > 0.5
    return spots, mask


def anatomy(seed: int, shape: tuple[int, int] = (640, 512), lesion: bool | None = None) -> Anatomy:
    """Make the animal of a seed in a field of `shape` pixels; the same seed gives the same animal at any size.

    Args:
        seed: draws everything.
        shape: (H, W), both at least 64; the field is 80 mm high whatever H is.
        lesion: with a tumour, without, or (None) with one in every second animal.

    Raises:
        NircoreError: a side under 64 px.
    """
    if min(shape) < 64:
        raise NircoreError(f"A phantom of {shape[0]} x {shape[1]} px is too small: height and width need 64 px or more.")
    m = _Mouse(seed, shape)
    has_lesion = bool(m.rng.random() < 0.5) if lesion is None else lesion
    body = m.inner > 0
    soft = 1 / (1 + np.exp(np.clip(-m.inner / 0.22, -50, 50)))  # the outline is sharp, but not to a pixel
    thickness = soft * np.sqrt(np.clip(1 - (1 - np.clip(m.inner / 9, 0, 1)) ** 2, 0, 1)) * (1 + 0.18 * m._wave(1.0, 8))
    thickness = np.clip(thickness, 0, None)
    spots, tumour = _spots(m, has_lesion)
    perfusion = np.clip(1 + m._wave(0.22, 9) + m._wave(0.12, 22), 0.2, None)
    haze = m.rng.uniform(0.2, 0.38) * thickness * perfusion  # probe in the capillaries of skin and muscle
    layers, vessels, lines = [(_organs(m), 2.2), (haze, 1.2), (spots, 0.7)], np.zeros(shape, bool), np.zeros(shape, bool)
    gain = m.rng.uniform(0.22, 0.36)
    for depth, paths in _vessels(m).items():
        emission, mask, line = draw(paths, shape, m.pixel_mm)
        layers.append((gain * emission, depth))
        vessels |= mask
        lines |= line
    layers = [((emission * soft).astype(np.float32), depth) for emission, depth in layers]
    brightest = np.argmax([emission for emission, _ in layers], axis=0)
    depth_mm = np.take([depth for _, depth in layers], brightest) * body
    return Anatomy(m.pixel_mm, tuple(layers), thickness.astype(np.float32), depth_mm.astype(np.float32),
                   body, vessels & body, lines & vessels & body, tumour & body)  # fmt: skip
