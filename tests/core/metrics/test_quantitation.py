"""Contrast, width and linearity against planted values, closed forms and scipy."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from nircore.errors import NircoreError
from nircore.metrics.quantitation import background_ring, cnr, fwhm, linearity, sbr

SEEDS = st.integers(0, 2**32 - 1)
GAINS = st.floats(1e-3, 1e3)


def disc(radius: float, shape: tuple[int, int] = (41, 41)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - shape[0] // 2, x - shape[1] // 2) <= radius


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A disc of 90 DN on 30 DN with noise of 4 DN; its mask, and its ring."""
    signal = disc(5)
    noise = np.random.default_rng(seed).normal(0, 4, signal.shape)
    return 30 + 60.0 * signal + noise, signal, background_ring(signal)


def test_the_ring_is_where_it_is_said_to_be():
    radius = 5
    signal = np.zeros((41, 41), dtype=bool)
    signal[20, 20] = True
    np.testing.assert_array_equal(background_ring(signal, gap=3, width=radius), disc(8) & ~disc(3))


def test_the_ring_goes_round_all_signals_and_through_none():
    signal = np.zeros((60, 60), dtype=bool)
    signal[20], signal[29] = True, True  # two vessels nine rows apart
    ring = background_ring(signal, gap=2, width=10)
    assert not (ring & binary_dilation(signal, iterations=2)).any() and ring[24:26].all()


def test_planted_ratios_are_read_back():
    image, signal, ring = scene()
    assert sbr(image, signal, ring) == pytest.approx(3, rel=0.03)
    assert cnr(image, signal, ring) == pytest.approx(15, rel=0.1)
    assert sbr([[8.0, 6, 3, 1]], [[True, True, False, False]], [[False, False, True, True]]) == 3.5
    assert cnr([[8.0, 6, 3, 1]], [[True, True, False, False]], [[False, False, True, True]]) == 5


def test_a_ratio_takes_the_tissue_it_is_given():
    image, signal, _ = scene()
    liver = np.zeros_like(signal)
    liver[:5] = True
    image[liver] = 45
    assert sbr(image, signal, liver) == pytest.approx(2, rel=0.03)


@given(SEEDS, st.floats(-1000, 1000))
def test_an_offset_leaves_the_contrast_to_noise_ratio_alone_and_moves_the_other(seed, offset):
    assume(abs(offset) > 0.5)
    image, signal, ring = scene(seed)
    assert cnr(image + offset, signal, ring) == pytest.approx(cnr(image, signal, ring), rel=1e-6)
    moved = sbr(image + offset, signal, ring)
    assert math.isnan(moved) or abs(moved - sbr(image, signal, ring)) > 1e-3


def test_degenerate_backgrounds():
    _, signal, ring = scene()
    assert math.isnan(sbr(np.where(ring, -1.0, 5.0), signal, ring))
    assert math.isnan(sbr(np.where(ring, 0.0, 5.0), signal, ring))
    assert cnr(np.where(signal, 5.0, 1.0), signal, ring) == math.inf
    assert cnr(np.where(signal, 0.0, 1.0), signal, ring) == -math.inf
    assert math.isnan(cnr(np.ones(signal.shape), signal, ring))


@given(st.floats(1.5, 12), st.floats(0.01, 10), st.floats(-100, 100), st.floats(0.1, 1e4), st.floats(-0.5, 0.5))
@settings(max_examples=50)
def test_the_width_of_a_gaussian(sigma, spacing, offset, height, shift):
    x = np.arange(-80, 81) - shift
    profile = offset + height * np.exp(-((x / sigma) ** 2) / 2)
    rel = 0.01 + 0.15 / sigma**2  # the samples beside the peak lie sigma^-2 / 8 below it, at worst
    assert fwhm(profile, spacing) == pytest.approx(2.3548 * sigma * spacing, rel=rel)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: background_ring(disc(3), gap=-1), "gap=-1"),
        (lambda: background_ring(disc(3), width=0), "above 0 px"),
        (lambda: background_ring(disc(3), disc(2)), "no background is left"),
        (lambda: background_ring(disc(3), disc(2, (9, 9))), "inside has shape"),
        (lambda: background_ring(disc(3) & False), "signal marks no pixel"),
        (lambda: sbr(np.ones((9, 9)), disc(2), disc(2)), "signal has shape"),
        (lambda: sbr(np.ones((41, 41)), disc(2), disc(3)), "signal and background overlap"),
        (lambda: cnr(np.ones((41, 41)), np.ones((41, 41)), disc(3)), "dtype float64"),
        (lambda: sbr(np.ones((41, 41)), disc(2), disc(3) & False), "background marks no pixel"),
        (lambda: sbr(np.full((41, 41), np.nan), disc(2), ~disc(3)), "NaN"),
        (lambda: linearity([1, 2], [1, 2]), "three or more pairs"),
        (lambda: linearity([1, 1, 1], [1, 2, 3]), "x must vary"),
        (lambda: linearity([1, 2, 3], [1, 2, math.nan]), "finite"),
        (lambda: fwhm([1, 2]), "three or more finite samples"),
        (lambda: fwhm([0, 1, 2, 3]), "longer line"),
        (lambda: fwhm([2, 2, 2, 2]), "longer line"),
        (lambda: fwhm([0, 1, 0], spacing=0), "spacing=0"),
    ],
)
def test_errors_name_the_way_out(call, words):
    with pytest.raises(NircoreError, match=words):
        call()
