"""Dead leaves: the same for the same number, within range, with structure at all scales; what they are mixed with."""

import numpy as np
import pytest

from nircore.data import dead_leaves
from nircore.data.degraded import DegradedCrops, LowLight, Mixture, coloured, spoilt

CAMERA = LowLight(2.35, 12.0, 2000.0, 2001.0)
NOTHING = Mixture(0, 0, 0, 0, 0)


def crops(mixture: Mixture) -> DegradedCrops:
    return DegradedCrops([np.zeros((2, 120, 120), np.float32)], CAMERA, 64, 4, 0, mixture)


def test_an_image_is_always_the_same_and_within_its_range():
    images = [dead_leaves.drawn(k, 96) for k in range(6)]
    dead_leaves.drawn.cache_clear()
    for k, image in enumerate(images):
        np.testing.assert_array_equal(dead_leaves.drawn(k, 96), image)
        assert image.dtype == np.float32 and image.shape == (96, 96) and np.isfinite(image).all()
        assert np.percentile(image, 0.5) == pytest.approx(0, abs=0.01)
        assert np.percentile(image, 99.8) == pytest.approx(1, abs=0.01)
    assert len({float(image.mean()) for image in images}) == 6


def test_their_power_falls_with_frequency_as_that_of_images_does():
    """Natural images have a power spectrum ~ 1 / f^2 (Field, J. Opt. Soc. Am. A 4 (1987) 2379)."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    images = [dead_leaves.drawn(k, 128) for k in range(20)]
    power = np.mean([np.abs(np.fft.fft2(image - image.mean())) ** 2 for image in images], axis=0)
    octaves = [power[(f >= low) & (f < 2 * low)].mean() for low in (1 / 64, 1 / 32, 1 / 16, 1 / 8)]
    slope = np.polyfit(np.arange(4), np.log2(octaves), 1)[0]
    assert -4 < slope < -1.5


def test_a_share_of_the_crops_are_leaves():
    lit = [float(crops(Mixture(1, 0, 0, 0, 0)).at(step)[1].max()) for step in range(4)]
    dark = [float(crops(NOTHING).at(step)[1].max()) for step in range(4)]
    assert min(lit) > 2 > max(dark)  # in the dark there are glows alone


@pytest.mark.parametrize("along", [(0, 1), (0,), (1,)])
def test_coloured_noise_keeps_its_size(along):
    noise = np.random.default_rng(0).normal(0, 5, (300, 300))
    assert coloured(noise, 0.8, along).std() == pytest.approx(5, rel=0.02)


def test_what_is_spoilt_is_clipped_and_has_lines_between_their_neighbours():
    rng, light = np.random.default_rng(1), np.zeros((64, 64))
    noisy = rng.normal(0, 10, light.shape)
    assert spoilt(noisy, light, Mixture(coloured=0, clipped=1, lined=0), rng).min() == 0
    lined = spoilt(noisy, light, Mixture(coloured=0, clipped=0, lined=1), rng)
    rows = np.abs(lined[1:-1] - (lined[:-2] + lined[2:]) / 2).max(axis=1)
    columns = np.abs(lined[:, 1:-1] - (lined[:, :-2] + lined[:, 2:]) / 2).max(axis=0)
    assert 1 <= (rows < 1e-9).sum() + (columns < 1e-9).sum() <= 3 and (noisy != lined).any()
    np.testing.assert_array_equal(spoilt(noisy, light, NOTHING, rng), noisy)
