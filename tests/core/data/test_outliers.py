"""Hot and dead pixels: found where planted, hardly anywhere else, and nothing of the scene taken for one."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter

from nircore.data.outliers import heights, hot, outliers, replaced

READ = 12.0


def scene(shape=(256, 240), seed=0) -> np.ndarray:
    """Vessels of 2 px and a bright organ, with photon and read noise of an InGaAs camera."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 1500 * np.exp(-((y - 128) ** 2 + (x - 60) ** 2) / 2 / 30**2)
    light += gaussian_filter(400.0 * (np.abs(np.sin(x / 25) * 40 + 120 - y) < 1), 1.0)
    return rng.poisson(light * 2.35) / 2.35 + rng.normal(0, READ, shape)


def test_normal_noise_alone_is_hardly_ever_taken_for_an_outlier():
    noise = np.random.default_rng(0).normal(0, 1, (3000, 1000))
    assert outliers(noise).mean() < 1e-5


def test_neither_vessels_nor_organs_are_outliers():
    assert outliers(scene()).mean() < 1e-4


@pytest.mark.parametrize("value", [300, 3000, 65535, -2000])
@pytest.mark.parametrize("share", [1e-5, 1e-3, 3e-3])
def test_planted_pixels_are_found_and_replaced_by_what_is_around(value, share):
    frame, rng = scene(), np.random.default_rng(3)
    planted = rng.random(frame.shape) < share
    spoilt = np.where(planted, value if value == 65535 else frame + value, frame)
    found = outliers(spoilt)
    assert (found & planted).sum() >= 0.85 * planted.sum()
    assert (found & ~planted).sum() <= 0.01 * planted.size * share + 10
    mended = replaced(spoilt, found)
    assert np.abs(mended - median_filter(frame, 5))[found].max() < 200
    np.testing.assert_array_equal(mended[~found], spoilt[~found].astype(np.float32))


def test_a_pair_that_touches_is_found_and_a_structure_of_three_is_not():
    noise = np.random.default_rng(2).normal(0, 1, (64, 64))
    pair, three = noise.copy(), noise.copy()
    pair[30, 30:32] += 50
    three[30, 30:33] += 50
    assert outliers(pair)[30, 30:32].all()
    assert not outliers(three)[30, 30:33].any()


def test_borders_and_corners_are_looked_at_too():
    noise = np.random.default_rng(2).normal(0, 1, (40, 50))
    for place in ((0, 0), (0, 25), (39, 49), (20, 49)):
        noise[place] += 100
        assert outliers(noise)[place]


def test_the_pedestal_and_the_unit_change_nothing():
    frame = scene()
    frame[40, 40] += 2000
    np.testing.assert_array_equal(outliers(frame / 65535), outliers(frame))
    np.testing.assert_array_equal(outliers(frame + 30_000), outliers(frame))


def test_a_frame_without_noise_keeps_its_pixels():
    """Counts of single photons on nothing are no outliers."""
    sparse = (np.random.default_rng(0).random((64, 64)) < 0.01).astype(np.float32)
    assert not outliers(sparse).any()
    assert replaced(sparse, outliers(sparse)) is sparse


def test_a_dark_tells_its_hot_pixels_by_their_height():
    dark = np.random.default_rng(0).normal(1100, 1, (64, 64))
    dark[5, 5] += 30
    dark[9, 9] += 900
    assert heights(dark)[5, 5] == pytest.approx(30, abs=4)
    assert np.argwhere(hot(dark, 300.0)).tolist() == [[9, 9]]
