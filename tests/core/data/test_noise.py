"""The noise model against simulated sensors and real frames."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nircore.data import swir_hdr as swir
from nircore.data.noise import Noise, noise_model
from nircore.errors import NircoreError

SENSOR = Noise(1.6, 11.0)  # an InGaAs camera


def exposed(signal_e: np.ndarray | float, noise: Noise, seed: int = 0, shape=(400, 500)) -> np.ndarray:
    """Frames in DN of a sensor: Poisson electrons, gain, Gaussian read noise."""
    rng = np.random.default_rng(seed)
    signal = np.broadcast_to(signal_e, shape)
    return rng.poisson(signal) / noise.gain_e_per_dn + rng.normal(0, noise.read_noise_dn, shape)


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
