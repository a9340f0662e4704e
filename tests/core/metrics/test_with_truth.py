import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from nircore.data import swir_hdr as reader
from nircore.errors import NircoreError
from nircore.metrics.with_truth import affine_fit, psnr, score, ssim

SEEDS = st.integers(0, 2**32 - 1)


def pair(seed: int, shape: tuple[int, int] = (24, 31)) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth truth and a noisy view of it, both around [0, 1]."""
    rng = np.random.default_rng(seed)
    truth = gaussian_filter(rng.random(shape), 3)
    truth = (truth - truth.min()) / np.ptp(truth)
    return truth + rng.normal(0, 0.1, shape), truth


def test_psnr_counts_only_valid_pixels():
    truth = np.zeros((4, 4))
    image, valid = truth + 0.1, np.ones((4, 4), dtype=bool)
    image[0], valid[0] = 50, False
    assert psnr(image, truth, data_range=1.0, valid=valid) == pytest.approx(20)
    assert psnr(image, truth, data_range=1.0) < 0


def test_ssim_closed_form_for_two_constants():
    x, y, c1 = 0.25, 0.75, 0.01**2
    expected = (2 * x * y + c1) / (x * x + y * y + c1)
    frames = np.full((16, 16), x), np.full((16, 16), y)
    assert ssim(*frames, data_range=1.0) == pytest.approx(expected)


@given(SEEDS)
def test_equal_frames_are_perfect_and_ssim_is_symmetric(seed):
    image, truth = pair(seed)
    assert psnr(image, image, data_range=1.0) == math.inf
    assert ssim(image, image, data_range=1.0) == pytest.approx(1, abs=1e-12)
    forward = ssim(image, truth, data_range=1.0)
    assert forward == pytest.approx(ssim(truth, image, data_range=1.0), abs=1e-12)
    assert forward < 1


@pytest.mark.parametrize("pedestal", [0.0, 1e6])
@given(seed=SEEDS, a=st.floats(-1e3, 1e3).filter(lambda a: abs(a) > 1e-3), b=st.floats(-1e3, 1e3))
def test_affine_fit_recovers_a_planted_line_even_on_a_pedestal(pedestal, seed, a, b):
    image = pair(seed)[0] + pedestal
    found = affine_fit(image, a * (image - pedestal) + b)
    assert found[0] == pytest.approx(a, rel=1e-6, abs=1e-6)
    assert found[0] * pedestal + found[1] == pytest.approx(b, rel=1e-6, abs=1e-6 * (1 + abs(a)))


@given(SEEDS)
def test_affine_fit_is_least_squares_over_the_valid_pixels(seed):
    image, truth = pair(seed)
    valid = np.random.default_rng(seed).random(image.shape) < 0.5
    expected = np.polyfit(image[valid], truth[valid], 1)
    assert affine_fit(image, truth, valid) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-9)


@given(SEEDS, st.floats(1e-3, 1e3), st.floats(-1e4, 1e4))
def test_score_does_not_change_when_the_image_is_rescaled(seed, a, b):
    image, truth = pair(seed)
    plain, rescaled = score(image, truth), score(a * image + b, truth)
    for name in ("psnr", "ssim", "peak"):
        assert rescaled[name] == pytest.approx(plain[name], rel=1e-6)
    assert rescaled["a"] == pytest.approx(plain["a"] / a, rel=1e-6)


def test_score_follows_the_protocol_step_by_step():
    image, truth = pair(0, (40, 40))
    truth[20, 20], truth[9, 9] = 3, -1
    valid = truth < 0.8
    image[valid.nonzero()[0][:2], valid.nonzero()[1][:2]] = -5, 5
    a, b = np.polyfit(image[valid], truth[valid], 1)
    peak = np.percentile(truth, 99.9)
    fitted, target = np.clip(a * image + b, 0, peak), np.clip(truth, 0, peak)
    result = score(image, truth, valid)
    assert result["peak"] == pytest.approx(peak)
    # For this test to tell: the whole frame is brighter than its valid part, and both need clipping.
    assert truth[valid].max() < peak < truth.max() and a * 5 + b > peak and a * -5 + b < 0
    expected = peak_signal_noise_ratio(target[valid], fitted[valid], data_range=peak)
    assert result["psnr"] == pytest.approx(expected)
    assert result["ssim"] == pytest.approx(structural_similarity(fitted, target, data_range=peak))


@pytest.mark.parametrize("function", [affine_fit, score])
@pytest.mark.parametrize(
    ("valid", "message"),
    [
        (np.zeros((16, 16), dtype=bool), "marks no pixel"),
        (np.ones((16, 16)), "booleans"),
        (np.ones((4, 4), dtype=bool), "compare equal sizes"),
    ],
)
def test_masks_that_are_refused(function, valid, message):
    with pytest.raises(NircoreError, match=message):
        function(np.ones((16, 16)), np.ones((16, 16)), valid)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_pairs_and_ranges_that_are_refused(metric):
    frame = np.ones((16, 16))
    with pytest.raises(TypeError, match="data_range"):
        metric(frame, frame)
    with pytest.raises(NircoreError, match="data_range=0"):
        metric(frame, frame, data_range=0)
    with pytest.raises(NircoreError, match="compare equal sizes"):
        metric(frame, frame[:12], data_range=1.0)
    with pytest.raises(NircoreError, match="truth holds 256 NaN"):
        metric(frame, frame * np.nan, data_range=1.0)


def test_windows_and_peaks_that_are_refused():
    small, frame = np.ones((6, 30)), np.ones((16, 16))
    with pytest.raises(NircoreError, match="7 pixels"):
        ssim(small, small, data_range=1.0)
    with pytest.raises(NircoreError, match="no signal"):
        score(frame, -frame)


def signal(folder: Path, name: str, exposure: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame of M8-1 in DN less its dark, and the raw frame."""
    file = folder / "qd" / "M8-1" / f"M8-1_{name}_{exposure:04d}ms.tif"
    return reader.load(file, exposure / 1000, reader.darks(folder)).astype(np.float64), tifffile.imread(file)


MEASURED = {  # PSNR and SSIM of the 20 ms frame as it is, and after a Gaussian filter of 2.5 pixels
    "BP1150": [(17.2, 0.081), (30.4, 0.658)],
    "BP1300": [(20.1, 0.137), (32.4, 0.775)],
    "BP1350": [(16.8, 0.098), (28.1, 0.569)],
}


@pytest.mark.parametrize("name", MEASURED)
def test_score_reproduces_the_measured_figures_on_real_frames(swir_hdr, name):
    noisy, _ = signal(swir_hdr, name, 20)
    target, raw = signal(swir_hdr, name, 320)
    results = [score(image, target / 16, raw < 4200) for image in (noisy, gaussian_filter(noisy, 2.5))]
    assert [(round(r["psnr"], 1), round(r["ssim"], 3)) for r in results] == MEASURED[name]
