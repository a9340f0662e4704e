"""The scale on which noise has one size: its moments, its way back, and what it reads off frames."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from nircore.data.noise import Noise
from nircore.data.stabilise import ASSUMED_READ_E, EXACT, UNIT, Stabilisation
from nircore.errors import NircoreError
from tests.core.made_noise import exposed

gains, reads = st.floats(1e-2, 1e5), st.floats(1e-3, 1e3)


@settings(max_examples=60, deadline=None)
@given(gains, reads, st.floats(-1e4, 1e4))
def test_every_value_comes_back_a_quarter_electron_higher(gain, read, offset):
    assume(gain * read > EXACT**0.5)
    fit = Stabilisation(offset, gain, read)
    signal = np.concatenate([np.linspace(-20, 20, 81), np.geomspace(20, 400, 30)]) * read
    rounding = 1e-5 * (abs(offset) + 400 * read) + 1e-5 * gain * read**2
    np.testing.assert_allclose(fit.invert(fit.apply(signal + offset)), signal + offset + 0.25 / gain, atol=rounding)
    np.testing.assert_allclose(fit.invert(fit.clean(signal + offset)), signal + offset, atol=rounding)


@pytest.mark.parametrize("read_e", [4.0, 12.0, 28.0, 60.0])
@pytest.mark.parametrize("level", [0.0, 1.0, 20.0, 200.0])
def test_noise_has_one_size_whatever_the_camera_and_the_brightness(read_e, level):
    gain = 2.35
    read = read_e / gain
    light = np.full((400, 400), level * read)
    fit = Stabilisation(0.0, gain, read)
    z = fit.apply(exposed(light * gain, Noise(gain, read), shape=light.shape))
    assert z.std() * UNIT == pytest.approx(1, abs=0.06)
    assert fit.invert(np.full((1, 1), z.mean()))[0, 0] == pytest.approx(level * read, abs=0.02 * read)


def test_the_unit_of_the_frame_does_not_matter():
    """Floats in [0, 1] and 16-bit DN of one frame look the same to the network."""
    light = 300 * gaussian_filter(np.random.default_rng(1).random((160, 128)) > 0.995, 6.0) * 100
    frame = exposed(light * 2.35, Noise(2.35, 12.0), shape=light.shape)
    one, other = Stabilisation.of(frame), Stabilisation.of(frame / 65535)
    np.testing.assert_allclose(other.apply(frame / 65535), one.apply(frame), atol=1e-3)


def test_the_noise_is_read_off_the_frame_and_the_pedestal_hardly_matters():
    y, x = np.mgrid[:512, :640]
    light = 600 * np.exp(-((y - 256) ** 2 + (x - 320) ** 2) / 2 / 120**2)
    frame = exposed(light * 2, Noise(2.0, 10.0), shape=light.shape)
    fit = Stabilisation.of(frame, black=0.0)
    assert (fit.gain_e_per_dn, fit.read_noise_dn) == pytest.approx((2.0, 10.0), rel=0.12)
    assert fit.assumed == ""
    raised = Stabilisation.of(frame + 1100)
    signal = raised.apply(frame + 1100) - raised.apply(np.full((1, 1), 1100))
    assert np.abs(signal - fit.apply(frame)).max() < 0.4 / UNIT * 10


def test_what_a_frame_does_not_tell_is_assumed_and_said():
    dark = np.random.default_rng(0).normal(0, 12, (256, 256))
    fit = Stabilisation.of(dark)
    assert fit.gain_e_per_dn * fit.read_noise_dn == pytest.approx(ASSUMED_READ_E)
    assert "too dark to tell it" in fit.assumed
    assert Stabilisation.of(dark, gain=2.0).assumed == ""
    smooth = np.add.outer(np.arange(64.0), np.arange(64.0))
    assert "shows no noise" in Stabilisation.of(smooth).assumed


@pytest.mark.parametrize("electrons", [0.02, 0.13, 0.9, 3.0, 20.0])
def test_the_mean_of_few_photons_comes_back_as_it_was(electrons):
    counts = np.random.default_rng(0).poisson(electrons, 400_000).astype(np.float32)
    fit = Stabilisation(0.0, 1.0, 1e-6)
    back = float(fit.invert(np.full((1, 1), fit.apply(counts).mean(dtype=np.float64), np.float32))[0, 0])
    assert back == pytest.approx(electrons, rel=0.06, abs=0.02)


@pytest.mark.parametrize("electrons", [1.0, 2.0, 4.0, 10.0])
@pytest.mark.parametrize("read_e", [0.05, 0.5, 1.0, 2.5])
def test_what_few_photons_average_to_comes_back_as_their_light(read_e, electrons):
    """Training asks for `clean`, use inverts by `invert`: at few photons too the one undoes the other."""
    fit, light = Stabilisation(0.0, 1.0, read_e), np.linspace(0, 60, 500).astype(np.float32)
    np.testing.assert_allclose(fit.invert(fit.clean(light)), light, atol=1e-3)
    seen = float(fit.apply(exposed(electrons, Noise(1.0, read_e))).mean())
    assert float(fit.clean(np.float32([electrons]))[0]) == pytest.approx(seen, abs=0.07 / UNIT)


def test_next_to_no_noise_is_said():
    ramp = np.add.outer(np.arange(96.0), np.arange(96.0))
    noisy = ramp + np.random.default_rng(0).normal(0, 1, ramp.shape)
    assert Stabilisation.of(ramp).noise_free
    assert Stabilisation.of(ramp + 1e-4 * (noisy - ramp)).noise_free
    assert not Stabilisation.of(noisy).noise_free


@pytest.mark.parametrize("gain, read", [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_an_impossible_noise_is_refused(gain, read):
    with pytest.raises(NircoreError, match="gain must be above 0"):
        Stabilisation(0.0, gain, read)
