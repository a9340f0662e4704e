"""Variance stabilisation against simulated sensors and the published closed-form inverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from companion.rivals import vst
from nircore.data.noise import Noise
from tests.core.made import exposed

SENSOR = Noise(1.6, 11.0)  # an InGaAs camera


@pytest.mark.parametrize("noise", [SENSOR, Noise(2.4, 12.0), Noise(1.0, 4.0)])
@pytest.mark.parametrize("signal_e", [2, 5, 20, 60, 200])
def test_the_variance_is_one_wherever_the_camera_works(noise, signal_e):
    assert vst.forward(exposed(signal_e, noise), noise).var() == pytest.approx(1, rel=0.05)


def algebraic(stabilised: float, read_noise_e: float) -> float:
    """The naive inverse: solve the forward transform for the electrons."""
    return stabilised**2 / 4 - 3 / 8 - read_noise_e**2


def closed_form(stabilised: np.ndarray, read_noise_e: float) -> np.ndarray:
    """Makitalo & Foi's closed-form approximation of the exact unbiased inverse, in electrons."""
    d, root = stabilised, np.sqrt(1.5)
    return d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8 - read_noise_e**2


@pytest.mark.parametrize("signal_e", [1.0, 2.0, 10.0])
@pytest.mark.parametrize("read_noise_e", [0.0, 0.5, 1.0])
def test_the_inverse_is_unbiased_and_the_naive_one_is_not(signal_e, read_noise_e):
    noise = Noise(1.0, read_noise_e)
    average = vst.forward(exposed(signal_e, noise, shape=(1000, 1000)), noise).mean()
    assert vst.inverse(np.full((1, 1), average), noise).item() == pytest.approx(signal_e, rel=0.01)
    assert algebraic(average, read_noise_e) < 0.98 * signal_e
    if signal_e <= 2:
        assert algebraic(average, read_noise_e) < 0.9 * signal_e


@pytest.mark.parametrize("read_noise_e", [0.0, 0.7, 2.0, 17.6])
def test_the_inverse_undoes_the_expectation_and_agrees_with_the_closed_form(read_noise_e):
    signal = np.linspace(0, 30, 1000) ** 2
    expectation = vst.expected(signal, read_noise_e)[None]
    ours = vst.inverse(expectation, Noise(1.0, read_noise_e))[0]
    np.testing.assert_allclose(ours, signal, atol=1e-3)
    np.testing.assert_allclose(ours, closed_form(expectation[0], read_noise_e), atol=0.05)


@settings(max_examples=40)
@given(
    image=arrays(np.float64, (3, 4), elements=st.floats(-20, 4000)),
    noise=st.tuples(st.floats(0.5, 5), st.floats(3, 30)),
    factor=st.floats(0.1, 10),
)
def test_the_unit_of_the_frame_does_not_matter(image, noise, factor):
    noise, other = Noise(*noise), Noise(noise[0] / factor, noise[1] * factor)
    np.testing.assert_allclose(vst.forward(factor * image, other), vst.forward(image, noise), rtol=1e-9)
    there = vst.forward(image, noise)
    np.testing.assert_allclose(vst.inverse(there, other), factor * vst.inverse(there, noise), rtol=1e-6, atol=1e-6)
