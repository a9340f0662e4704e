"""The fast smoothing and quantiles against SciPy and NumPy, at any size, sigma and pedestal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from nircore.data import smooth


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(16, 16), (5, 90), (64, 65), (200, 131)])
@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
def test_gaussian_is_scipy_s(shape, sigma):
    frame = noise(shape)
    expected = gaussian_filter(frame.astype(np.float64), sigma)
    np.testing.assert_allclose(smooth.gaussian(frame, sigma), expected, atol=2e-6)


@pytest.mark.parametrize("shape", [(40, 30), (300, 20), (641, 7)])
@pytest.mark.parametrize("sigma", [20.0, 60.0])
def test_slow_course_is_scipy_s(shape, sigma):
    frame = np.cumsum(noise(shape, 1), axis=0)
    expected = gaussian_filter1d(frame.astype(np.float64), sigma, axis=0)
    basis, parts = smooth.slow_course(frame, sigma)
    np.testing.assert_allclose(basis @ parts, expected, atol=1e-4 * np.ptp(frame))


@settings(deadline=None)
@given(st.integers(1, 5000), st.floats(0, 1), st.integers(0, 9), st.sampled_from(["normal", "steps", "constant"]))
def test_quantile_is_numpy_s(count, share, seed, kind):
    values = noise((1, count), seed)
    values = {"normal": values, "steps": np.round(values), "constant": values * 0}[kind]
    assert smooth.quantile(values, share) == pytest.approx(np.quantile(values.astype(np.float64), share), abs=1e-6)


def test_a_texture_that_misleads_the_sample_does_not_mislead_the_quantile():
    values = np.ones(smooth.SAMPLED * 100, dtype=np.float32)
    values[:: smooth.SAMPLED] = np.linspace(10, 20, 100)
    assert smooth.quantile(values, 0.5) == 1.0
