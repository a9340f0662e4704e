"""The simulated spectrum shift, judged by the phantom's own two windows of the same animal."""

import numpy as np
import pytest

from nircore.data import camera, phantom, spectral
from nircore.metrics import with_truth
from nircore.metrics.structure import dice

SHORT, LONG = camera.WINDOWS["NIR-IIa"], camera.WINDOWS["NIR-IIb"]


@pytest.fixture(scope="module")
def animal() -> phantom.Anatomy:
    return phantom.anatomy(701, (320, 256))


@pytest.fixture(scope="module")
def long_rate(animal) -> np.ndarray:
    """A target frame as it comes from the camera, in electrons per second."""
    sensor, seconds = camera.Sensor(), 0.32
    raw = camera.expose(camera.radiance(animal, LONG), seconds, np.random.default_rng(1))
    return (raw - camera.dark_level(seconds, raw.shape, sensor)) * sensor.gain_e_per_dn / seconds


def test_the_silhouette_is_the_body(animal, long_rate):
    thickness = spectral.silhouette(long_rate, animal.pixel_mm)
    assert dice(thickness > 0, animal.body) > 0.97
    assert thickness.min() == 0
    assert thickness.max() <= 1
    assert np.abs(thickness - np.clip(animal.thickness, 0, 1))[animal.body].mean() < 0.25


@pytest.mark.parametrize("depth_mm", [1.1, 1.6])
def test_the_shifted_target_looks_like_the_short_window_more_than_the_target_does(animal, long_rate, depth_mm):
    truth = camera.radiance(animal, SHORT)
    before = with_truth.score(long_rate, truth)["psnr"]
    shifted = spectral.shorten(long_rate, LONG, SHORT, depth_mm, animal.pixel_mm)
    assert with_truth.score(shifted, truth)["psnr"] > before + 4
    assert 0.8 < shifted.mean() / truth.mean() < 1.4  # electrons, not arbitrary units


def test_the_same_window_changes_nothing(long_rate, animal):
    same = spectral.shorten(long_rate, LONG, LONG, 1.1, animal.pixel_mm)
    np.testing.assert_allclose(same, long_rate, rtol=1e-6)


def test_the_probe_s_light_is_kept_up_to_transmission(animal):
    """A point in the dark: blurred, but no light is lost to the blur."""
    rate = np.full((129, 129), 1.0)
    rate[64, 64] += 1e6
    dark = camera.Window(SHORT.centre_nm, SHORT.absorption, LONG.autofluorescence, SHORT.emission)
    shifted = spectral.shorten(rate, LONG, dark, 0.5, 0.25)
    gain = SHORT.emission * camera.point_spread(SHORT, 0.5)[0] / (LONG.emission * camera.point_spread(LONG, 0.5)[0])
    assert shifted.sum() == pytest.approx(gain * rate.sum(), rel=1e-3)
    assert shifted.max() < 0.9 * gain * rate.max()
