"""Vessel trees: Murray's law, tissue as their limit, and a drawing that keeps blood, place and width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from nircore.data.vessels import STEP_MM, TAPER, THINNEST_MM, Path, draw, grow

ANYWHERE = lambda point: True  # noqa: E731


def _tube(start, stop, radius, count=60):
    """A straight vessel from start to stop (y, x in mm)."""
    return Path(np.linspace(start, stop, count), np.full(count, float(radius)))


def _blood(paths):
    """Volume in mm^3, by the trapezoidal rule: an integration other than the drawing's."""
    return sum(
        trapezoid(np.pi * p.radius**2, np.r_[0, np.cumsum(np.hypot(*np.diff(p.points, axis=0).T))]) for p in paths
    )


@pytest.mark.parametrize("seed", range(5))
def test_divisions_follow_murray(seed):
    tree = grow((0.0, 0.0), 0.3, 0.6, 30, ANYWHERE, np.random.default_rng(seed), branching=0.3)
    by_start = {tuple(path.points[0]): path for path in tree}
    checked = 0
    for path in tree:
        ratio = path.radius[1:] / path.radius[:-1]
        for k in np.flatnonzero(ratio < TAPER - 1e-9):
            child = by_start.get(tuple(path.points[k + 1]))
            if child is not None:  # a branch of three points or fewer is not kept
                parent = path.radius[k] * TAPER
                assert child.radius[0] ** 3 + path.radius[k + 1] ** 3 == pytest.approx(parent**3)
                checked += 1
    assert checked >= 4


@given(st.integers(0, 10_000), st.floats(2, 8))
@settings(max_examples=25, deadline=None)
def test_a_tree_stays_in_its_tissue_and_ends_when_thin(seed, limit):
    inside = lambda point: np.hypot(*point) < limit  # noqa: E731
    tree = grow((0.0, 0.0), 0.0, 0.4, 25, inside, np.random.default_rng(seed), branching=0.4)
    assert tree
    for path in tree:
        assert all(inside(point) for point in path.points)
        assert len(path.points) == len(path.radius) > 3
        assert path.radius.min() >= THINNEST_MM and (np.diff(path.radius) < 0).all()
        np.testing.assert_allclose(np.hypot(*np.diff(path.points, axis=0).T), STEP_MM)


@given(st.integers(0, 10_000), st.sampled_from([0.125, 0.3, 0.5, 1.0]))
@settings(max_examples=25, deadline=None)
def test_a_drawing_holds_the_blood_of_its_vessels(seed, pixel_mm):
    inside = lambda point: np.hypot(*(point - 20)) < 15  # noqa: E731
    tree = grow((20.0, 20.0), 0.0, 0.5, 20, inside, np.random.default_rng(seed), branching=0.3)
    side = round(40 / pixel_mm)
    emission, mask, lines = draw(tree, (side, side), pixel_mm)
    assert emission.sum() * pixel_mm**2 == pytest.approx(_blood(tree), rel=2e-3)
    assert emission.min() >= 0
    assert mask.any() and not (lines & ~mask).any()


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.1, 0.3, 0.7]))
@settings(max_examples=25, deadline=None)
def test_a_shift_below_a_pixel_moves_the_centroid_by_as_much(down, right, radius):
    pixel_mm, shape = 0.25, (80, 90)
    rows, columns = np.indices(shape)
    places = []
    for shift in (np.zeros(2), np.array([down, right])):
        ends = np.array([[6.0, 5.0], [14.0, 17.0]]) + shift * pixel_mm
        emission = draw([_tube(*ends, radius)], shape, pixel_mm)[0]
        places.append([(rows * emission).sum() / emission.sum(), (columns * emission).sum() / emission.sum()])
    np.testing.assert_allclose(places[0], [10 / pixel_mm - 0.5, 11 / pixel_mm - 0.5], atol=0.01)  # pixel centres
    np.testing.assert_allclose(np.subtract(places[1], places[0]), [down, right], atol=0.01)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_a_wide_vessel_has_the_width_of_a_tube(radius):
    pixel_mm = 0.125
    emission, mask, _ = draw([_tube((0, 10.03), (20, 10.03), radius)], (160, 160), pixel_mm)
    x = (np.arange(160) + 0.5) * pixel_mm - 10.03
    profile = emission[80] / emission[80].sum()
    spread = np.sqrt((profile * x**2).sum())
    assert spread == pytest.approx(radius / 2, rel=0.05)  # the standard deviation of the chords 2 sqrt(r^2 - x^2)
    np.testing.assert_array_equal(mask[80], np.abs(x) <= radius)
