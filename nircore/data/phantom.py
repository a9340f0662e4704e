"""A random mouse in mm: outline, organs, branching vessels, lymph nodes, sometimes a tumour.

Laid out like a mouse on its back in an 80 x 64 mm field, as in the real SWIR_HDR frames: head at the top (cropped),
hind limbs spread, tail leaving at the bottom; liver and spleen the brightest, bright vessels in the limbs, faint
trees along the flanks and over the abdomen. Sizes and brightnesses are modelling assumptions. No two seeds are alike.
"""

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from nircore.data.mouse import BRACHIAL, FEMORAL, Mouse
from nircore.data.vessels import Path, along, draw, grow
from nircore.errors import NircoreError


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What there is to see, before any optics; all maps (H, W).

    Attributes:
        pixel_mm: side of a pixel.
        layers: (emission, depth in mm) pairs, float32; emission 1 is a bright liver.
        thickness: of the glowing tissue, 0 outside and about 1 in the middle of the trunk, float32.
        surface: share of each pixel that is skin, float32 in [0, 1]: light leaves only through it.
        depth_mm: depth of the brightest layer at each pixel, float32; 0 outside the body.
        body, vessels, centrelines, lesion: where those are, bool; centre-lines lie in vessels, all in the body.
    """

    pixel_mm: float
    layers: tuple[tuple[np.ndarray, float], ...]
    thickness: np.ndarray
    surface: np.ndarray
    depth_mm: np.ndarray
    body: np.ndarray
    vessels: np.ndarray
    centrelines: np.ndarray
    lesion: np.ndarray


def _liver(m: Mouse) -> np.ndarray:
    """Return the liver in [0, 1.1]: two lobes, a bright lower rim, the heart's dark bite above, rib shadows."""
    pick = m.rng.uniform
    top = 26 + pick(-1.5, 1.5)
    lobes = [(0, -4, 6.4, 5.2, 0.2), (0.5, 3.8, 5.6, 4.4, -0.3), (2.8, -1, 6.5, 3.4, 0), (1.5, -7.5, 3.4, 2.6, 0.9)]
    liver = np.zeros(m.shape)
    for a, b, long, short, angle in lobes:
        place, size = m.at(top + a + pick(-1, 1), b + pick(-0.8, 0.8)), pick(0.8, 1.15)
        lobe = m.blob(place, size * long, size * short, angle + pick(-0.25, 0.25), 1.6)
        liver = np.maximum(liver, pick(0.6, 1) * lobe)
    liver *= 1 - pick(0.35, 0.75) * m.blob(m.at(top - 4, pick(-2.5, 1)), pick(2.6, 4), 3.2, 0, 1.6)
    liver *= 1 - pick(0, 0.4) * m.blob(m.at(top + 4.8, pick(-3, 2)), 1.7, 1.3, 0, 0.8)  # gall bladder
    down = (m.y - m.at(top, 0)[0]) / 6
    ribs = 1 - 0.06 * (1 + np.sin(2 * np.pi * m.y / pick(2.6, 3.2) + np.abs(m.x - m.middle) / 2)) * (down < 0.2)
    return liver * ribs * np.clip(0.8 + 0.3 * down, 0.4, 1.1) * (1 + m.wave(0.07, 14) + m.wave(0.04, 30))


def _organs(m: Mouse) -> np.ndarray:
    """Return the deep organs' emission: liver, spleen, and more or less of heart, kidneys, gut and bladder."""
    pick = m.rng.uniform
    organs = pick(0.75, 1.1) * _liver(m)
    spleen = m.at(33 + pick(-1.5, 2), 11.3 + pick(-0.5, 0.6))
    organs += pick(0.35, 0.75) * m.blob(spleen, pick(3.2, 4.4), pick(1.5, 2.0), 1.75 + pick(-0.2, 0.3), 0.8)
    for side in (-1, 1):
        organs += pick(0, 0.12) * m.blob(m.at(36.5 + pick(-1, 1), side * 6), 3.2, 2.0, 1.4, 0.9)
    organs += pick(0.02, 0.12) * m.blob(m.at(17, pick(-1, 2)), 3.5, 3.2, 0.6, 1.2)  # heart
    if m.rng.random() < 0.3:
        organs += pick(0.4, 1.1) * m.blob(m.at(45 + pick(-1.5, 4), pick(-1.2, 1.2)), pick(1.2, 1.9), 1.5, 0, 0.5)
    gut = np.clip(m.wave(0.6, 13), 0, None) * m.blob(m.at(41, 0), 10, 7, 0, 2.5)
    return organs + pick(0.04, 0.12) * gut


def _course(m: Mouse, points: list[tuple[float, float]], radius: float, sway: float = 0.7) -> Path:
    """Return a vessel through points (y, x in mm) that wanders about the straight way by some `sway` mm."""
    knots = np.array(points)
    place = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    fine = np.linspace(0, place[-1], max(int(place[-1] / 1.5), 4))
    way = np.stack([np.interp(fine, place, knots[:, k]) for k in (0, 1)], 1)
    way += sway * np.sqrt(6) * gaussian_filter1d(m.rng.normal(0, 1, way.shape), 1.5, axis=0)
    return along([tuple(point) for point in way], radius, m.rng)


def _limb_vessels(m: Mouse, trees: dict[float, list[Path]]) -> None:
    """Lay the femoral and brachial vessels with a fan of branches over the thigh, and the tail's."""
    rng = m.rng
    for side in (-1, 1):
        for kind, course, radius, fan in (("hind", FEMORAL, 0.46, 6), ("fore", BRACHIAL, 0.24, 3)):
            main = _course(m, m.limb(course, side, kind), radius * rng.uniform(0.8, 1.2), 0.2)
            trees[0.6].append(main)
            for k in rng.integers(1, int(0.7 * len(main.points)), size=fan):
                heading = -np.pi / 2 + side * rng.uniform(-0.3, 1.7) if kind == "hind" else rng.uniform(0, 2 * np.pi)
                depth, thin, far = rng.choice([0.6, 1.0]), rng.uniform(0.10, 0.2), rng.uniform(4, 11)
                trees[depth] += grow(tuple(main.points[k]), heading, thin, far, m.contains, rng, 0.25, 0.18)
    tail = _course(m, [m.at(a, 0) for a in (67, 74, 80, 86)], rng.uniform(0.36, 0.5), 0.1)
    trees[0.6].append(tail)


def _trunk_vessels(m: Mouse, trees: dict[float, list[Path]]) -> None:
    """Lay the long superficial veins from armpit to groin, the epigastric ones, the neck's, and fine deep trees."""
    rng, pick = m.rng, m.rng.uniform
    for side in (-1, 1):
        out = pick(7.2, 9.2)
        course = [m.at(a, side * (out + pick(-0.6, 0.6))) for a in (11, 18, 25, 31)]
        course += [m.at(a, side * (out - pick(-0.5, 1.5))) for a in (37, 43)] + [m.at(49, side * 8.5)]
        lower = [m.at(34, side * (out - 0.5)), m.at(42, side * pick(5, 7)), m.at(50, side * pick(4, 6))]
        lower.append(m.at(60, side * 4))
        for points, radius in ((course, pick(0.18, 0.32)), (lower, pick(0.14, 0.24))):
            main = _course(m, points, radius)
            trees[1.0].append(main)
            for k in rng.integers(8, len(main.points) - 5, size=9):
                heading = np.pi / 2 + rng.choice([-1, 1]) * pick(0.3, 1.1)
                share = main.radius[k] * pick(0.45, 0.8)
                trees[1.0] += grow(tuple(main.points[k]), heading, share, pick(5, 14), m.contains, rng, 0.2, 0.16)
        jugular = _course(m, [m.at(-3, side * 2), m.at(4, side * 4.5), m.at(9, side * 8)], pick(0.25, 0.42))
        trees[2.0].append(jugular)
    for _ in range(rng.integers(5, 10)):
        start = m.at(pick(32, 56), pick(-9, 9))
        trees[2.0] += grow(start, pick(0, 2 * np.pi), pick(0.13, 0.24), 12, m.contains, rng, 0.2, 0.2)


def _vessels(m: Mouse) -> dict[float, list[Path]]:
    """Return all vessels by depth in mm."""
    trees: dict[float, list[Path]] = {0.6: [], 1.0: [], 2.0: []}
    _limb_vessels(m, trees)
    _trunk_vessels(m, trees)
    return trees


def _spots(m: Mouse, lesion: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return shallow spots' emission (lymph nodes, specks of spilt probe, the tumour) and the tumour's mask."""
    rng, spots, mask = m.rng, np.zeros(m.shape), np.zeros(m.shape, dtype=bool)
    for a, b in ((46, 13), (46, -13), (51, 7), (51, -7), (14, 10.5), (14, -10.5), (3, 5), (3, -5)):
        if rng.random() < 0.45:
            place = m.at(a + rng.normal(0, 1), b + rng.normal(0, 0.7))
            spots += rng.uniform(0.08, 0.35) * m.blob(place, rng.uniform(0.5, 0.9), 0.5, rng.uniform(0, 3), 0.25)
    for _ in range(rng.poisson(2.0)):
        place = m.at(rng.uniform(5, 62), rng.uniform(-12, 12))
        spots += rng.uniform(0.3, 1.2) * m.blob(place, 0.22, 0.2, 0, 0.12)
    if lesion:
        place = m.at(rng.uniform(20, 44), rng.choice([-1, 1]) * rng.uniform(7, 10))
        shape = m.blob(place, rng.uniform(2.0, 3.2), rng.uniform(1.5, 2.3), rng.uniform(0, 3), 0.6)
        spots += rng.uniform(0.15, 0.4) * shape * np.clip(1 + m.wave(0.35, 28), 0.2, None)
        mask = shape > 0.5
    return spots, mask


def _flesh(m: Mouse, surface: np.ndarray) -> np.ndarray:
    """Return how much the tissue glows (H, W): nearly flat up to the skin, mottled, darker over the gut."""
    round_ = np.sqrt(np.clip(1 - (1 - np.clip(m.inner / 8, 0, 1)) ** 2, 0, 1))
    mottle = 1 + m.wave(0.1, 7) + m.wave(0.06, 16) + m.wave(0.03, 40)
    chest = 1 + m.rng.uniform(0.05, 0.35) * m.blob(m.at(17, 0), 15, 9, np.pi / 2, 6)
    gut = 1 - m.rng.uniform(0.15, 0.4) * m.blob(m.at(46, m.rng.normal(0, 1.5)), 5.5, 4.5, 0, 3)
    return np.clip(surface * (0.5 + 0.5 * round_) * mottle * chest * gut, 0, None)


@lru_cache(maxsize=2)  # an animal is often asked for with its lesion and then without
def _without_spots(seed: int, shape: tuple[int, int]) -> tuple[Any, ...]:
    """Return an animal without its shallow spots: pose, sources by depth, flesh, surface, dose, vessels, lines."""
    m = Mouse(seed, shape)
    surface = expit(m.inner / max(0.07, 0.3 * m.pixel_mm))  # sharp, not to a pixel
    flesh = _flesh(m, surface)
    m.draw_anew(1)
    organs, dose = _organs(m), m.rng.uniform(0.55, 1.5)
    haze = m.rng.uniform(0.04, 0.08) * flesh  # probe in the capillaries of skin and muscle
    vessels, lines, gain = np.zeros(shape, bool), np.zeros(shape, bool), m.rng.uniform(0.24, 0.38)
    m.draw_anew(2)
    sources = [(organs, 1.7), (haze, 0.7)]
    for depth, paths in _vessels(m).items():
        emission, mask, line = draw(paths, shape, m.pixel_mm)
        sources.append((gain * emission, depth))
        vessels, lines = vessels | mask, lines | line
    return m, sources, flesh, surface, dose, vessels, lines


def anatomy(seed: int, shape: tuple[int, int] = (640, 512), lesion: bool | None = None) -> Anatomy:
    """Make the animal of a seed in a field of `shape` pixels.

    The same seed gives the same animal, vessel by vessel, at any size: pixels only sample it. A frame wider or
    narrower than 5:4 shows more or less around the same middle. With and without a lesion all else is the same.

    Args:
        seed: draws everything.
        shape: (H, W), both at least 64; the field is 80 mm high whatever H is.
        lesion: with a tumour, without, or (None) with one in every second animal.

    Raises:
        NircoreError: a side under 64 px.
    """
    if min(shape) < 64:
        size = f"{shape[0]} x {shape[1]}"
        raise NircoreError(f"A phantom of {size} px is too small: height and width need 64 px or more.")
    m, sources, flesh, surface, dose, vessels, lines = _without_spots(seed, shape)
    m, body = copy(m), m.inner > 0  # a copy: its random numbers are drawn anew
    m.draw_anew(3)
    every_second = bool(m.rng.random() < 0.5)
    spots, tumour = _spots(m, every_second if lesion is None else lesion)
    (organs, deep), (haze, shallow), *trees = sources
    sources = [(organs, deep), (haze + spots, shallow), *trees]
    layers = tuple(((dose * emission * surface).astype(np.float32), depth) for emission, depth in sources)
    brightest = np.argmax([emission for emission, _ in layers], axis=0)
    depth_mm = (np.take([depth for _, depth in layers], brightest) * body).astype(np.float32)
    return Anatomy(m.pixel_mm, layers, flesh.astype(np.float32), surface.astype(np.float32), depth_mm,
                   body, vessels & body, lines & body, tumour & body)  # fmt: skip
