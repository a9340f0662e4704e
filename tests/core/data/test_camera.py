"""The camera: photon transfer, linearity, saturation, dark frames; and the optics of the two windows."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from nircore.data import camera
from nircore.data import swir_hdr as swir
from nircore.data.noise import noise_model
from nircore.data.outliers import outliers, replaced
from nircore.data.phantom import anatomy

IIA, IIB = camera.WINDOWS["NIR-IIa"], camera.WINDOWS["NIR-IIb"]
SENSOR = camera.Sensor()


@pytest.fixture(scope="module")
def scene():
    return anatomy(1, (320, 256), lesion=True)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 2.5), st.sampled_from([IIA, IIB]))
def test_blur_keeps_the_energy_but_for_the_transmission(depth_mm, window):
    point = np.zeros((241, 241))
    point[120, 120] = 3.0
    transmission = camera.point_spread(window, depth_mm)[0]
    assert 0 < transmission <= 1
    assert camera.blur(point, window, depth_mm, 0.5).sum() == pytest.approx(3 * transmission, rel=1e-3)


def test_the_estimator_finds_the_gain_and_the_noise_of_the_phantom_s_camera():
    """Phantom and estimator are of one camera: 2.35 e-/DN, and 11.7 DN in the dark at 20 ms."""
    found, rng = [], np.random.default_rng(5)
    for seed in range(3):
        rate = camera.radiance(anatomy(seed), IIA)
        frame = camera.expose(rate, 0.02, rng) - camera.dark_level(0.02, rate.shape, SENSOR)
        found.append(noise_model(replaced(frame, outliers(frame))))
    gain, read = np.mean(found, axis=0)
    assert gain == pytest.approx(SENSOR.gain_e_per_dn, rel=0.1)  # one frame's SD is 5 to 11 %
    assert read == pytest.approx(11.7, rel=0.03)
    dark = camera.expose(np.zeros((640, 512)), 0.02, rng) - camera.dark_level(0.02, (640, 512), SENSOR)
    assert dark.std() == pytest.approx(11.7, abs=0.1)


def _fwhm_px(window, depth_mm):
    line = np.zeros((101, 401))
    line[:, 200] = 1
    profile = camera.blur(line, window, depth_mm, 0.05)[50]
    return (profile > profile.max() / 2).sum()


@pytest.mark.parametrize("depth_mm", [0.6, 1.0, 2.0])
def test_a_vessel_is_narrower_in_the_longer_window(depth_mm):
    assert _fwhm_px(IIB, depth_mm) < _fwhm_px(IIA, depth_mm)


def _vessel_to_background(rate, scene):
    """Brightest vessels over the dimmer half of the tissue beside them, stray light taken off."""
    signal = rate - np.median(rate[~scene.body])
    tissue = signal[scene.body & ~scene.vessels & ~scene.lesion]
    return np.percentile(signal[scene.centrelines], 95) / np.percentile(tissue, 25)


def test_the_longer_window_has_the_better_contrast_and_more_detail(scene):
    a, b = (camera.radiance(scene, window).astype(float) for window in (IIA, IIB))
    assert a.shape == scene.body.shape and camera.radiance(scene, IIA).dtype == np.float32
    assert 1.5 < _vessel_to_background(a, scene) < 0.75 * _vessel_to_background(b, scene)
    detail = [np.abs(np.diff(rate, axis=1)).sum() / (rate - rate.min()).sum() for rate in (a, b)]
    assert detail[1] > 1.15 * detail[0]


def test_photon_transfer_gives_back_gain_and_read_noise():
    """Janesick's photon transfer: half the variance of a difference of two frames against their mean."""
    rng, sensor, seconds = np.random.default_rng(1), camera.Sensor(row_noise_dn=0.0, hot_fraction=0.0), 0.02
    mean, variance = [], []
    for level in (0, 2e4, 6e4, 1.2e5, 2e5):
        flat = np.full((300, 300), float(level))
        first, second = (camera.expose(flat, seconds, rng, sensor).astype(float) for _ in range(2))
        mean.append((first - camera.dark_level(seconds, flat.shape, sensor)).mean())
        variance.append((first - second).var() / 2)
    slope, floor = np.polyfit(mean, variance, 1)
    assert 1 / slope == pytest.approx(sensor.gain_e_per_dn, rel=0.03)
    dark_shot = sensor.dark_dn_per_s * seconds / sensor.gain_e_per_dn
    assert np.sqrt(floor - dark_shot - 1 / 12) == pytest.approx(sensor.read_noise_dn, rel=0.04)


def test_the_truth_is_the_mean_of_many_frames_but_for_each_pixels_own_response():
    rate = np.geomspace(2e3, 1.2e4, 64)[None].repeat(64, axis=0)
    rng, seconds, count = np.random.default_rng(8), 0.32, 200
    frames = np.mean([camera.expose(rate, seconds, rng) for _ in range(count)], axis=0)
    ratio = (frames - camera.dark_level(seconds, rate.shape, SENSOR)) / camera.expected_dn(rate, seconds)
    assert ratio.mean() == pytest.approx(1, abs=0.002)
    np.testing.assert_allclose(np.median(ratio, axis=0), 1, atol=0.01)  # at every level: the camera is linear
    own = camera.response(rate.shape, SENSOR)
    assert own.std() == pytest.approx(SENSOR.response_sd, rel=0.05)
    assert np.corrcoef(ratio.ravel(), own.ravel())[0, 1] > 0.8  # the truth is without it, the frames are with it


@pytest.fixture(scope="module")
def real(swir_hdr: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Real scenes through the narrow filters, dark subtracted: (20 ms, 320 ms) frames in DN."""
    table, darks = swir.catalogue(swir_hdr), swir.darks(swir_hdr)
    table = table[~table["filter"].isin(swir.MISMATCHED_FILTERS)].set_index(["scene", "exposure_s"])["file"]
    scenes = sorted({scene for scene, _ in table.index})
    assert len(scenes) == 12
    return [tuple(swir.load(table[scene, s], s, darks) for s in (0.02, 0.32)) for scene in scenes[::2]]


@pytest.fixture(scope="module")
def made() -> list[tuple[np.ndarray, np.ndarray]]:
    """Phantoms of the same size in the real filters' window, NIR-IIa, dark subtracted, at the same exposures."""
    rng, pairs = np.random.default_rng(9), []
    for seed in range(2):
        rate = camera.radiance(anatomy(seed), IIA)
        frames = ((camera.expose(rate, s, rng), camera.dark_level(s, rate.shape, SENSOR)) for s in (0.02, 0.32))
        pairs.append(tuple(raw - dark for raw, dark in frames))
    return pairs


def _background_noise(low, long):
    """Robust standard deviation of the short frame where the long one is darkest: outside the animal."""
    smooth = gaussian_filter(long, 3)
    dark = low[smooth < np.percentile(smooth, 25)]
    return 1.4826 * np.median(np.abs(dark - np.median(dark)))


def test_the_background_is_as_noisy_as_in_real_frames(real, made):
    measured = np.mean([_background_noise(*pair) for pair in real])
    for pair in made:
        assert _background_noise(*pair) == pytest.approx(measured, rel=0.15)  # 11.05 and 11.36 DN


def test_low_light_is_as_bright_as_in_real_frames(real, made):
    measured = [np.percentile(low, 99) for low, _ in real]  # 48 to 186 DN
    for low, _ in made:
        assert min(measured) / 2 < np.percentile(low, 99) < 2 * max(measured)
