"""Branching vessel trees: grown as random walks that split, drawn with sub-pixel width."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

STEP_MM = 0.25
THINNEST_MM = 0.07  # radius below which a branch ends
TAPER = 0.9965  # of the radius, per step
MURRAY = 3.0  # r0^3 = r1^3 + r2^3 where a vessel divides (Murray, PNAS 12 (1926) 207)


@dataclass(frozen=True)
class Path:
    """One unbranched vessel: `points` (n, 2) as (y, x) in mm, and `radius` (n,) in mm at each."""

    points: np.ndarray
    radius: np.ndarray


def grow(
    start: tuple[float, float],
    heading: float,
    radius: float,
    length: float,
    inside: Callable[[np.ndarray], bool],
    rng: np.random.Generator,
    branching: float = 0.12,
    wander: float = 0.09,
) -> list[Path]:
    """Grow a tree from `start` (y, x in mm) towards `heading` (radians, 0 is +x, pi/2 is +y).

    Args:
        radius: of the trunk in mm; it tapers, and branches follow Murray's law.
        length: of the trunk in mm.
        inside: says whether a point (y, x) still lies in tissue; a branch that leaves it ends.
        branching: side branches per mm.
        wander: change of heading per step, in radians (standard deviation).
    """
    here, turn, points, radii, paths = np.array(start), 0.0, [], [], []
    for _ in range(int(length / STEP_MM)):
        if radius < THINNEST_MM or not inside(here):
            break
        points.append(here.copy())
        radii.append(radius)
        turn = 0.85 * turn + rng.normal(0, wander * 0.3)  # curvature persists: vessels bend, they do not jitter
        heading += turn
        here = here + STEP_MM * np.array([np.sin(heading), np.cos(heading)])
        radius *= TAPER
        if rng.random() < branching * STEP_MM and radius > 1.5 * THINNEST_MM:
            share = rng.uniform(0.15, 0.5)
            side = rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
            child = radius * share ** (1 / MURRAY)
            rest = length * rng.uniform(0.3, 0.7)
            paths += grow(tuple(here), heading + side, child, rest, inside, rng, branching, wander)
            radius *= (1 - share) ** (1 / MURRAY)
            heading -= 0.25 * side
    if len(points) > 3:
        paths.append(Path(np.array(points), np.array(radii)))
    return paths


def along(points: list[tuple[float, float]], radius: float, rng: np.random.Generator) -> Path:
    """Return a smooth vessel through given points (y, x in mm), slightly wavy, tapering by a third."""
    knots = np.array(points)
    knots[1:] += rng.normal(0, 0.4, knots[1:].shape)
    place = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    fine = np.arange(0, place[-1], STEP_MM)
    smooth = np.stack([gaussian_filter(np.interp(fine, place, knots[:, k]), 8, mode="nearest") for k in (0, 1)], 1)
    return Path(smooth, radius * _rise(len(fine)) * np.linspace(1, 0.65, len(fine)))


def _rise(count: int) -> np.ndarray:
    """Let a vessel come up out of the depth over its first 5 mm instead of beginning bluntly."""
    return np.clip(np.arange(count) * STEP_MM / 5, 0.25, 1)


def _dense(path: Path, spacing: float) -> np.ndarray:
    """Cut a path into equal pieces of about `spacing` mm: (4, n), y, x and radius amid each and its length."""
    place = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path.points, axis=0).T))])
    count = max(round(place[-1] / spacing), 1)
    middles = (np.arange(count) + 0.5) * place[-1] / count
    fine = [np.interp(middles, place, values) for values in (*path.points.T, path.radius)]
    return np.stack([*fine, np.full(count, place[-1] / count)])


def _splat(image: np.ndarray, y: np.ndarray, x: np.ndarray, weight: np.ndarray) -> None:
    """Add weights at fractional pixel positions, shared among the four neighbours."""
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    for dy in (0, 1):
        for dx in (0, 1):
            share = (1 - np.abs(y - y0 - dy)) * (1 - np.abs(x - x0 - dx)) * weight
            yy, xx = y0 + dy, x0 + dx
            ok = (yy >= 0) & (yy < image.shape[0]) & (xx >= 0) & (xx < image.shape[1])
            np.add.at(image, (yy[ok], xx[ok]), share[ok])


def _mark(mask: np.ndarray, y: np.ndarray, x: np.ndarray, radius: np.ndarray) -> None:
    """Set the pixel nearest to each point, and those whose centres lie within its radius; all in pixels."""
    y0, x0, reach = np.rint(y).astype(int), np.rint(x).astype(int), int(radius.max() + 0.5)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            yy, xx = y0 + dy, x0 + dx
            ok = (np.hypot(yy - y, xx - x) <= radius) | (dy == dx == 0)
            ok &= (yy >= 0) & (yy < mask.shape[0]) & (xx >= 0) & (xx < mask.shape[1])
            mask[yy[ok], xx[ok]] = True


def draw(
    paths: list[Path], shape: tuple[int, int], pixel_mm: float, bins: int = 6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rasterise paths: (emission, vessel mask, centre-line mask), each (H, W).

    Emission is the blood under each pixel, as for a filled tube: cross-section x length / pixel area, in mm.
    Tubes of similar radius share one blur (sigma = radius / 2, the spread of a tube's chords), so the width is right
    near a pixel as well. Masks follow each point's own radius; a vessel thinner than a pixel is a line of pixels.
    """
    emission, mask, lines = np.zeros(shape), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    if not paths:
        return emission, mask, lines
    y, x, radius, length = np.concatenate([_dense(path, min(STEP_MM, pixel_mm / 2)) for path in paths], axis=1)
    y, x, radius = y / pixel_mm - 0.5, x / pixel_mm - 0.5, radius / pixel_mm
    weight = np.pi * radius**2 * length
    group = np.searchsorted(np.geomspace(radius.min(), radius.max(), bins + 1)[1:-1], radius)
    for k in np.unique(group):
        here = group == k
        tube = np.zeros(shape)
        _splat(tube, y[here], x[here], weight[here])
        emission += gaussian_filter(tube, max(radius[here].mean() / 2, 0.45), mode="constant")  # a pixel smears too
        _mark(mask, y[here], x[here], radius[here])
    _mark(lines, y, x, np.zeros(len(y)))
    return emission, mask, lines
