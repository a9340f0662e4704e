"""The map between detector units and [-1, 1]: what it fits, and that it can be undone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError


def scene(seed: int = 0, shape: tuple[int, int] = (48, 40)) -> np.ndarray:
    """A smooth frame in [0, 1]."""
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4)
    return (smooth - smooth.min()) / np.ptp(smooth)


@settings(deadline=None)
@given(st.integers(0, 99), st.floats(-1e5, 1e5), st.floats(0.1, 1e5), st.sampled_from([np.float32, np.float64]))
def test_it_can_be_undone_whatever_the_pedestal(seed, pedestal, scale, dtype):
    pixels = (pedestal + scale * scene(seed)).astype(dtype)
    if np.ptp(pixels) == 0:
        return
    fit = Normalisation.of(pixels)
    back = fit.invert(fit.apply(pixels))
    assert back.dtype == np.float32
    largest = np.abs(pixels).max()
    np.testing.assert_allclose(back, pixels, rtol=0, atol=3 * np.finfo(np.float32).eps * max(largest, fit.scale))


@settings(deadline=None)
@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20))
def test_the_way_back_is_rounded_once_only(offset, scale, values):
    # on a high pedestal a float32 sum would lose the last digit of the signal
    exact = [Fraction(offset) + (Fraction(value) + 1) * Fraction(scale) / 2 for value in values]
    for pixel, wanted in zip(Normalisation(offset, scale).invert(np.array(values, np.float32)), exact, strict=True):
        assert abs(Fraction(float(pixel)) - wanted) <= 0.5001 * float(np.spacing(abs(pixel))) + 1e-10


def test_the_two_numbers_are_percentiles_of_the_smoothed_frame():
    pixels = 1100 + 500 * scene() + np.random.default_rng(1).normal(0, 40, (48, 40))
    fit = Normalisation.of(pixels)
    smooth = np.sort(gaussian_filter(pixels, 2.0).ravel())
    below = np.interp([0.01, 0.999], np.linspace(0, 1, smooth.size), smooth)
    assert (fit.offset, fit.offset + fit.scale) == pytest.approx(tuple(below))
    np.testing.assert_allclose(fit.apply(below), [-1, 1], atol=1e-6)
    np.testing.assert_allclose(fit.apply(below.mean()), 0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint8, np.int32, np.float32])
def test_whole_numbers_do_not_wrap_around(dtype):
    pixels = (20 + 200 * scene()).astype(dtype)
    expected = Normalisation.of(pixels.astype(np.float64))
    fit = Normalisation.of(pixels)
    assert fit == expected
    np.testing.assert_allclose(fit.apply(pixels), expected.apply(pixels.astype(np.float64)), atol=1e-6)
    assert fit.apply(pixels).dtype == np.float32


@settings(deadline=None)
@given(st.floats(-1e5, 1e5), st.integers(16, 40), st.sampled_from([np.float32, np.float64, np.int64]))
def test_a_constant_frame_is_refused(value, side, dtype):
    with pytest.raises(NircoreError, match="constant frame cannot be normalised"):
        Normalisation.of(np.full((side, 20), value).astype(dtype))
