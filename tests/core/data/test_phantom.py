"""The anatomy: the same seed is the same animal, masks agree with each other, any field works."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from nircore.data.phantom import anatomy
from nircore.errors import NircoreError

SHAPE = (160, 128)


def _arrays(animal):
    return [*(emission for emission, _ in animal.layers), animal.body, animal.vessels, animal.centrelines,
            animal.lesion, animal.depth_mm]  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(64, 200), st.floats(0.75, 0.85))
def test_maps_fit_together_at_any_size_and_seed(seed, height, aspect):
    shape = (height, max(64, round(height * aspect)))
    a = anatomy(seed, shape)
    assert a.pixel_mm == pytest.approx(80 / height)
    for mask in (a.body, a.vessels, a.centrelines, a.lesion):
        assert mask.shape == shape and mask.dtype == bool
    assert not (a.vessels & ~a.body).any() and not (a.lesion & ~a.body).any()
    assert not (a.centrelines & ~a.vessels).any() and a.centrelines.any()
    for emission, depth in a.layers:
        assert emission.shape == shape and emission.dtype == np.float32 and depth > 0
        assert np.isfinite(emission).all() and emission.min() >= 0
    assert len({depth for _, depth in a.layers}) >= 3
    assert a.depth_mm.dtype == np.float32
    assert (a.depth_mm[a.body] > 0).all() and not a.depth_mm[~a.body].any()


def _halved(map_):
    return map_.reshape(map_.shape[0] // 2, 2, map_.shape[1] // 2, 2).mean(axis=(1, 3))


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def _centroid_mm(map_, animal):
    return [((places + 0.5) * map_).sum() / map_.sum() * animal.pixel_mm for places in np.indices(map_.shape)]


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_smaller_frame_shows_the_same_animal_vessel_by_vessel(seed):
    large, small = anatomy(seed, (320, 256), lesion=True), anatomy(seed, (160, 128), lesion=True)
    assert _dice(_halved(large.body) > 0.5, small.body) > 0.985
    assert _dice(_halved(large.lesion) > 0.5, small.lesion) > 0.9
    for one, other in ((_halved(large.vessels) > 0, small.vessels), (small.vessels, _halved(large.vessels) > 0)):
        assert (one & binary_dilation(other, np.ones((3, 3)))).sum() > 0.98 * one.sum()
    assert len(large.layers) == len(small.layers)
    for (fine, depth), (coarse, same_depth) in zip(large.layers, small.layers, strict=True):
        assert depth == same_depth
        assert np.corrcoef(_halved(fine).ravel(), coarse.ravel())[0, 1] > 0.98
        assert fine.sum() / 4 == pytest.approx(coarse.sum(), rel=0.02)
        np.testing.assert_allclose(_centroid_mm(fine, large), _centroid_mm(coarse, small), atol=0.09)
    np.testing.assert_allclose(_centroid_mm(large.surface, large), _centroid_mm(small.surface, small), atol=0.03)


@pytest.mark.parametrize("width", [64, 96, 256])
def test_a_wide_or_narrow_frame_shows_the_same_middle(width):
    usual, other = anatomy(4, (160, 128), lesion=True), anatomy(4, (160, width), lesion=True)
    shown = min(width, 128)
    for name in ("body", "vessels", "centrelines", "lesion", "surface", "thickness"):
        maps = [getattr(animal, name) for animal in (usual, other)]
        a, b = (m[:, (m.shape[1] - shown) // 2 :][:, :shown] for m in maps)
        assert a.any()
        np.testing.assert_allclose(a, b, atol=1e-6, err_msg=name)
    if width > 128:
        assert not other.body[:, :50].any() and not other.body[:, -50:].any()


@pytest.mark.parametrize("seed", range(4))
def test_lesion_on_request(seed):
    with_it, without = anatomy(seed, SHAPE, lesion=True), anatomy(seed, SHAPE, lesion=False)
    assert not without.lesion.any()
    area_mm2 = with_it.lesion.sum() * with_it.pixel_mm**2
    assert 3 < area_mm2 < 40
    assert np.array_equal(with_it.body, without.body)
    assert np.array_equal(with_it.vessels, without.vessels)
    changed = [not np.array_equal(a, b) for (a, _), (b, _) in zip(with_it.layers, without.layers, strict=True)]
    assert sum(changed) == 1
    by_chance = anatomy(seed, SHAPE)
    twin = with_it if by_chance.lesion.any() else without
    assert all(np.array_equal(a, b) for a, b in zip(_arrays(by_chance), _arrays(twin), strict=True))


@pytest.mark.parametrize("shape", [(63, 64), (64, 10), (0, 64)])
def test_too_small_a_field_is_refused(shape):
    with pytest.raises(NircoreError, match="64"):
        anatomy(0, shape)
