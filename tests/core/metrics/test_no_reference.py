import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter
from skimage.measure import shannon_entropy
from skimage.restoration import estimate_sigma

from nircore.errors import NircoreError
from nircore.metrics import no_reference as nr

FRAMES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=12))
SCALES = st.floats(1e-3, 1e6)


def checkerboard(low: float, high: float, size: int = 32) -> np.ndarray:
    return np.where(np.indices((size, size)).sum(axis=0) % 2, high, low)


def noise(sd: float, size: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sd, (size, size))


@pytest.mark.parametrize("sd", [0.5, 20.0])
def test_noise_sd_recovers_white_noise_and_agrees_with_the_wavelet_estimate(sd):
    image = 1000 + noise(sd)
    assert nr.noise_sd(image) == pytest.approx(sd, rel=0.02)
    assert nr.noise_sd(image) == pytest.approx(estimate_sigma(image), rel=0.03)


def test_noise_sd_ignores_a_ramp_and_column_pattern_but_not_the_noise_on_them():
    image = np.add.outer(3.0 * np.arange(256), np.arange(256)) + noise(50)[:1]
    assert nr.noise_sd(image) == pytest.approx(0, abs=1e-9)
    assert nr.noise_sd(image + noise(2, seed=1)) == pytest.approx(2, rel=0.02)


def test_snr_of_a_constant_with_known_noise():
    image = 1000 + noise(20)
    assert nr.snr(image, data_range=4095) == pytest.approx(50, rel=0.02)
    assert nr.snr_literal(image, data_range=1.0) == pytest.approx(1000 / 400, rel=0.04)
    assert nr.snr_literal(image, data_range=10.0) == pytest.approx(10 * 1000 / 400, rel=0.04)


@pytest.mark.parametrize("metric", [nr.snr, nr.snr_literal, lambda image, data_range: nr.mean_over_sd(image)])
def test_signal_over_nothing_is_infinite_and_nothing_over_nothing_undefined(metric):
    # 0.1 has no exact float: the standard deviation must still come out as nothing.
    assert metric(np.full((9, 9), 0.1), data_range=1.0) == math.inf
    assert metric(np.full((9, 9), -0.1), data_range=1.0) == -math.inf
    assert math.isnan(metric(np.zeros((9, 9)), data_range=1.0))


@given(FRAMES)
def test_entropy_of_8_bit_frames_agrees_with_skimage(image):
    assert nr.entropy(image, data_range=255) == pytest.approx(shannon_entropy(image), abs=1e-12)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.05, 0.2))
def test_noise_alone_raises_edge_density_and_entropy_and_contrast(seed, sd):
    """The trap: added noise improves a frame by three of the five criteria."""
    scene = 0.3 + 0.4 * gaussian_filter(np.eye(64), 6) / gaussian_filter(np.eye(64), 6).max()
    noisy = np.clip(scene + noise(sd, 64, seed), 0, 1)
    clean, degraded = nr.measure(scene, data_range=1.0), nr.measure(noisy, data_range=1.0)
    assert all(degraded[name] > clean[name] for name in ("edge_density", "entropy", "contrast"))
    assert degraded["snr"] < clean["snr"]


@settings(max_examples=30)
@given(FRAMES, SCALES)
def test_measure_names_every_metric_with_a_unit_and_ignores_the_bit_depth(image, scale):
    values = nr.measure(image, data_range=255)
    assert list(values) == list(nr.METRICS) == list(nr.UNITS)
    assert all(type(value) is float for value in values.values())
    # Powers of two rescale without rounding, so no pixel changes its bin.
    power = 2.0 ** round(math.log2(scale))
    assert nr.measure(image * power, data_range=255 * power) == pytest.approx(values, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("metric", [*nr.METRICS.values(), nr.measure])
def test_the_data_range_is_required_and_checked(metric):
    with pytest.raises(TypeError, match="data_range"):
        metric(np.ones((8, 8)))
    for bad in (0, -1, math.nan, math.inf, "255", None):
        with pytest.raises(NircoreError, match="data_range"):
            metric(np.ones((8, 8)), data_range=bad)


@pytest.mark.parametrize("metric", nr.METRICS.values())
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.ones((3, 8, 8)), "shape"),
        (np.ones(8), "shape"),
        (np.ones((0, 8)), "shape"),
        (np.full((8, 8), np.nan), "64 NaN or infinite"),
        (np.array([[1.0, np.inf], [1.0, 1.0]]), "1 NaN or infinite"),
        (np.ones((8, 8), dtype=complex), "dtype"),
    ],
)
def test_images_no_metric_takes(metric, image, message):
    with pytest.raises(NircoreError, match=message):
        metric(image, data_range=1.0)


def test_a_frame_too_small_for_the_noise_estimate_is_refused():
    with pytest.raises(NircoreError, match="3 x 3"):
        nr.noise_sd(np.ones((2, 9)))
