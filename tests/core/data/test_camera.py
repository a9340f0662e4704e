"""The camera: photon transfer, linearity, saturation, dark frames; and the optics of the two windows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio

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


@pytest.mark.parametrize(("nm", "per_cm"), [(1000, 17.2), (1300, 11.8), (1600, 8.8)])
def test_scattering_is_that_of_skin(nm, per_cm):
    assert camera.reduced_scattering(nm) == pytest.approx(per_cm, abs=0.1)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 2.5), st.sampled_from([IIA, IIB]))
def test_blur_keeps_the_energy_but_for_the_transmission(depth_mm, window):
    point = np.zeros((241, 241))
    point[120, 120] = 3.0
    transmission = camera.point_spread(window, depth_mm)[0]
    assert 0 < transmission <= 1
    assert camera.blur(point, window, depth_mm, 0.5).sum() == pytest.approx(3 * transmission, rel=1e-3)


@pytest.mark.parametrize("window", [IIA, IIB])
def test_tissue_that_fills_the_field_has_no_dark_rim(window):
    shone = camera.blur(np.ones((80, 64)), window, 2.0, 0.5)
    np.testing.assert_allclose(shone, camera.point_spread(window, 2.0)[0], rtol=1e-9)


@pytest.mark.parametrize("window", [IIA, IIB])
def test_deeper_is_dimmer_and_wider(window):
    transmission, core, halo, _ = zip(*(camera.point_spread(window, d) for d in (0.3, 0.8, 1.5, 2.5)), strict=True)
    assert (np.diff(transmission) < 0).all() and (np.diff(core) > 0).all() and (np.diff(halo) > 0).all()


@pytest.mark.parametrize("window", [IIA, IIB])
def test_the_loss_is_linear_in_depth_and_its_exponent_has_no_unit(window):
    depths = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
    exponents = -np.log([camera.transmission(window, depth) for depth in depths])
    assert exponents[0] == 0
    np.testing.assert_allclose(exponents / np.maximum(depths, 1e-9), [0, *[exponents[2]] * 4], rtol=1e-12)
    # 1 cm of tissue, coefficients in 1/cm as their sources print them
    per_cm = window.absorption + camera.LOST * camera.reduced_scattering(window.centre_nm)
    assert -np.log(camera.transmission(window, 10.0)) == pytest.approx(per_cm)
    # half the depth of a tissue twice as dense lets the same light through
    dense = dataclasses.replace(window, absorption=2 * window.absorption, scattering=2.0)
    assert camera.transmission(dense, 0.85) == pytest.approx(camera.transmission(window, 1.7))
    assert camera.point_spread(dense, 0.85)[0] < camera.transmission(window, 1.7)


@pytest.mark.parametrize("window", [IIA, IIB])
@pytest.mark.parametrize("depth_mm", [1.5, 1.7, 2.0])
def test_at_the_depth_of_organs_the_light_is_about_that_of_version_0_2(window, depth_mm):
    before = np.exp(-(window.absorption_per_mm + 0.06 * window.scattering_per_mm * depth_mm) * depth_mm)
    assert camera.transmission(window, depth_mm) == pytest.approx(before, rel=0.06)


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


def test_the_brightest_places_are_those_of_real_low_light_frames():
    peaks = [np.percentile(camera.expected_dn(camera.radiance(anatomy(s), IIA), 0.02), 99.9) for s in range(4)]
    assert 60 < min(peaks) and max(peaks) < 200  # real ones: 60 to 200 DN


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


def test_low_light_is_noisy_and_the_target_is_clean(scene):
    rng = np.random.default_rng(0)
    scores = []
    for window, seconds in ((IIA, 0.02), (IIB, 0.32)):
        rate = camera.radiance(scene, window)
        frame = camera.expose(rate, seconds, rng) - camera.dark_level(seconds, rate.shape, SENSOR)
        truth = camera.expected_dn(rate, seconds)
        peak = np.percentile(truth, 99.9)
        scores.append(peak_signal_noise_ratio(truth.clip(0, peak), frame.clip(0, peak), data_range=peak))
        assert (frame + SENSOR.pedestal_dn > 4200).mean() < 0.005
    assert scores[0] < 25 and scores[1] > scores[0] + 12


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


@pytest.mark.parametrize("seconds", [0.02, 0.08, 0.32])
def test_signal_is_linear_in_exposure(seconds):
    flat = np.full((256, 256), 8000.0)
    frame = camera.expose(flat, seconds, np.random.default_rng(2)).astype(float)
    signal = (frame - camera.dark_level(seconds, flat.shape, SENSOR)).mean()
    assert signal == pytest.approx(8000 * seconds / camera.GAIN_E_PER_DN, rel=0.01, abs=0.3)
    assert camera.expected_dn(flat, seconds).mean() == pytest.approx(8000 * seconds / camera.GAIN_E_PER_DN, rel=1e-5)


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


def test_hot_pixels_grow_with_exposure():
    shape, sensor = (128, 128), camera.Sensor(hot_fraction=0.01)
    current = camera.dark_current(shape, sensor)
    hot = current > 2 * sensor.dark_dn_per_s
    assert 0.004 < hot.mean() < 0.011
    short, long = (camera.dark_level(seconds, shape, sensor) for seconds in (0.02, 0.32))
    np.testing.assert_allclose((long - short)[~hot & (current == sensor.dark_dn_per_s)], 185 * 0.3, rtol=1e-3)
    assert (long - short)[hot].min() > 2 * 185 * 0.3 * 0.99


def test_saturation_clips_and_never_wraps():
    ramp = np.geomspace(1e3, 1e15, 128)[None].repeat(64, axis=0)
    frame = camera.expose(ramp, 0.1, np.random.default_rng(3))
    assert frame.dtype == np.uint16 and frame.max() <= SENSOR.saturation_dn
    assert (frame[:, ramp[0] > 1e6] == int(SENSOR.saturation_dn)).all()


def test_dark_frames_average_to_the_dark_level():
    rng, shape, seconds = np.random.default_rng(4), (96, 80), 0.32
    mean = np.mean([camera.expose(np.zeros(shape), seconds, rng) for _ in range(100)], axis=0)
    error = mean - camera.dark_level(seconds, shape, SENSOR)
    assert abs(error.mean()) < 0.3
    assert error.std() < 2.0  # the pattern is in the dark level: what remains is noise / 10
    assert camera.dark_level(seconds, shape, SENSOR).std() > 3


def test_hot_pixels_do_not_spoil_a_dark_subtracted_frame():
    """At long exposures a hot pixel saturates in the frame and in the dark level alike."""
    shape, seconds, sensor = (200, 200), 2.0, camera.Sensor(hot_fraction=0.02)
    dark = camera.dark_level(seconds, shape, sensor)
    assert (dark == sensor.saturation_dn).sum() > 50
    rest = camera.expose(np.zeros(shape), seconds, np.random.default_rng(7), sensor) - dark
    assert abs(rest).max() < 400


def test_one_camera_has_one_fixed_pattern_and_fresh_noise():
    flat = np.full((64, 64), 3000.0)
    assert np.array_equal(camera.dark_level(0.02, (64, 64), SENSOR), camera.dark_level(0.02, (64, 64), SENSOR))
    frames = [camera.expose(flat, 0.02, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert np.array_equal(frames[0], frames[1]) and not np.array_equal(frames[0], frames[2])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(64, 130))
def test_every_animal_can_be_photographed(seed, height):
    animal = anatomy(seed, (height, 64))
    for window in (IIA, IIB):
        rate = camera.radiance(animal, window)
        assert np.isfinite(rate).all() and rate.min() >= 0
        assert rate[animal.body].mean() > 3 * rate[~animal.body].mean()


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


def _spectral_slope(frame):
    """Exponent of the radial power spectrum between 0.02 and 0.2 cycles per pixel, under a Hann window."""
    window = np.hanning(frame.shape[0])[:, None] * np.hanning(frame.shape[1])
    power = np.abs(np.fft.fft2((frame - frame.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(frame.shape[0])[:, None], np.fft.fftfreq(frame.shape[1]))
    edges = np.geomspace(0.02, 0.2, 13)
    mean = [power[(radius >= a) & (radius < b)].mean() for a, b in zip(edges, edges[1:], strict=False)]
    return np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(mean), 1)[0]


def test_the_background_is_as_noisy_as_in_real_frames(real, made):
    measured = np.mean([_background_noise(*pair) for pair in real])
    for pair in made:
        assert _background_noise(*pair) == pytest.approx(measured, rel=0.15)  # 11.05 and 11.36 DN


def test_low_light_is_as_bright_as_in_real_frames(real, made):
    measured = [np.percentile(low, 99) for low, _ in real]  # 48 to 186 DN
    for low, _ in made:
        assert min(measured) / 2 < np.percentile(low, 99) < 2 * max(measured)


def test_the_power_spectrum_falls_as_in_real_frames(real, made):
    measured = [_spectral_slope(long) for _, long in real]  # -4.4 to -3.0
    for _, long in made:  # -3.3 to -2.8: a little more fine detail than the real frames
        assert min(measured) - 0.5 < _spectral_slope(long) < max(measured) + 0.5
