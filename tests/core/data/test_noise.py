"""The noise model against simulated sensors and real frames."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nircore.data import swir_hdr as swir
from nircore.data.degraded import coloured
from nircore.data.frames import read_frame
from nircore.data.noise import Noise, colour, noise_model
from nircore.errors import NircoreError
from tests.core.made_noise import exposed

SENSOR = Noise(1.6, 11.0)  # an InGaAs camera


def ramp(shape=(320, 256)) -> np.ndarray:
    """A signal from 0 to 400 electrons: a slope, and a bright disc as blurred as a lens leaves it."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return gaussian_filter(200 * x / shape[1] + 200.0 * (np.hypot(y - 100, x - 100) < 60), 2)


@pytest.mark.parametrize("noise", [SENSOR, Noise(2.4, 12.0), Noise(0.8, 3.0)])
def test_the_noise_model_finds_the_sensor(noise):
    shape = (640, 512)
    models = [noise_model(exposed(ramp(shape), noise, seed, shape)) for seed in range(4)]
    gain, read = 1 / np.mean([1 / gain for gain, _ in models]), np.mean([read for _, read in models])
    assert gain == pytest.approx(noise.gain_e_per_dn, rel=0.1)
    assert read == pytest.approx(noise.read_noise_dn, rel=0.02)


def test_the_noise_model_follows_the_unit_and_ignores_rows_and_columns():
    frame = exposed(ramp(), SENSOR, shape=(320, 256))
    gain, read = noise_model(frame)
    np.testing.assert_allclose(noise_model(3 * frame), (gain / 3, 3 * read), rtol=1e-3)
    striped = frame + np.random.default_rng(1).normal(0, 30, (1, 256))
    assert noise_model(striped).read_noise_dn == pytest.approx(read, rel=0.02)


def test_a_frame_of_the_dark_is_read_noise():
    dark = exposed(0, SENSOR, shape=(160, 160))
    found = noise_model(dark)
    assert found.read_noise_dn == pytest.approx(11, rel=0.05) and np.isfinite(found.gain_e_per_dn)


@pytest.mark.parametrize(
    ("frame", "words"), [(np.ones((31, 64)), "below 32 pixels"), (np.ones((64, 64)), "free of noise")]
)
def test_errors_name_the_way_out(frame, words):
    with pytest.raises(NircoreError, match=words):
        noise_model(frame)


def test_real_frames_have_one_camera(swir_hdr):
    table = swir.catalogue(swir_hdr, low_light_s=(0.02,))
    chosen = table[(table["domain"] == "low_light") & table["filter"].isin(["BP1200", "BP1300"])]
    darks = swir.darks(swir_hdr)
    models = [noise_model(swir.load(row.file, row.exposure_s, darks)) for row in chosen.itertuples()]
    assert len(models) == 6
    for gain, read in models:
        assert 1.9 < gain < 2.9 and 11.5 < read < 12.5


@pytest.mark.parametrize(
    ("sigma", "correlation"), [(0.5, 0.24), (0.61, 0.44), (0.75, 0.60), (0.9, 0.72), (1.2, 0.83)]
)
def test_the_level_of_coloured_noise_is_told_and_how_far_it_goes_on(sigma, correlation):
    noise = coloured(np.random.default_rng(3).normal(0, 13, (320, 256)), sigma)
    frame = 2 * ramp() + noise
    assert noise_model(frame).read_noise_dn == pytest.approx(13, rel=0.08)
    assert colour(frame).correlation == pytest.approx(correlation, abs=0.06)


def test_noise_along_one_axis_alone_is_told_too():
    frame = 2 * ramp() + coloured(np.random.default_rng(4).normal(0, 13, (320, 256)), 0.8, (1,))
    assert noise_model(frame).read_noise_dn == pytest.approx(13, rel=0.25)


@pytest.mark.parametrize("gain", [0.5, 2.4, 30.0])
def test_white_noise_is_told_by_neighbours_whatever_the_scene(gain):
    found = colour(exposed(ramp(), Noise(gain, 11.0), shape=(320, 256)))
    assert found.distance == 1 and found.kept == 1 and found.correlation < 0.1


def test_real_frames_are_white(swir_hdr):
    for file in swir.frames(swir_hdr, "qd")[::30]:
        found = colour(read_frame(file).pixels)
        assert found.distance == 1 and found.correlation < 0.1
