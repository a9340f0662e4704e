"""The classical denoisers: better than nothing, true to scale, tuned on what they are given and on nothing else."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from companion import rivals as baselines
from companion.rivals import METHODS, vst
from nircore.data import swir_hdr as swir
from nircore.errors import NircoreError
from nircore.metrics.with_truth import score
from tests.core.made_noise import exposed

NOISE = vst.Noise(2.4, 12.0)
FAST = ("gaussian", "median", "non_local_means", "wavelet", "vst_nlm")
DEFAULT = {"gaussian": 1.5, "median": 5, "non_local_means": 0.7, "wavelet": 1.0, "vst_nlm": 0.7, "vst_bm3d": 1.0}


def scene(seed: int = 0, shape: tuple[int, int] = (96, 112)) -> np.ndarray:
    """A signal in DN, 0 to about 250: soft patches and two bright lines."""
    image = gaussian_filter(np.random.default_rng(seed).random(shape), 8)
    image = 150 * (image - image.min()) / np.ptp(image)
    image[40:44], image[:, 30:33] = image[40:44] + 90, image[:, 30:33] + 70
    return gaussian_filter(image, 1.0)


def frame(truth: np.ndarray, seed: int = 1) -> np.ndarray:
    """What the sensor makes of it."""
    return exposed(truth * NOISE.gain_e_per_dn, NOISE, seed, truth.shape).astype(np.float32)


def mse(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean((image - truth) ** 2))


def runnable(name: str) -> None:
    if reason := baselines.available()[name]:
        pytest.skip(reason)


@pytest.mark.parametrize("name", METHODS)
def test_a_denoiser_removes_most_of_the_noise_and_keeps_the_scale(name):
    runnable(name)
    truth = scene()
    noisy = frame(truth)
    done = METHODS[name].function(noisy, DEFAULT[name])
    assert done.shape == noisy.shape and done.dtype == np.float32
    assert mse(done, truth) < 0.4 * mse(noisy, truth)
    assert done.mean() == pytest.approx(truth.mean(), rel=0.02)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [(33, 47), (64, 40)])
def test_any_size_comes_back_and_a_blank_frame_stays_blank(name, shape):
    runnable(name)
    assert METHODS[name].function(frame(scene()[: shape[0], : shape[1]]), DEFAULT[name]).shape == shape
    blank = METHODS[name].function(np.full(shape, 7.0), DEFAULT[name])
    np.testing.assert_allclose(blank, 7, rtol=1e-6)


@settings(max_examples=5, deadline=None)
@given(factor=st.floats(0.01, 50), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", FAST)
def test_the_unit_of_the_frame_does_not_matter(name, factor, seed):
    noisy = frame(scene(seed)[:64, :64], seed).astype(np.float64)
    once = METHODS[name].function(noisy, DEFAULT[name])
    scaled = METHODS[name].function(factor * noisy, DEFAULT[name])
    np.testing.assert_allclose(scaled / factor, once, atol=0.05 * NOISE.read_noise_dn)


def test_tuning_takes_the_best_candidate_of_the_pairs_it_is_given():
    truths = [scene(seed) for seed in (0, 1)]
    pairs = [(frame(truth, seed), truth) for seed, truth in enumerate(truths)]
    seen = []

    def minus_mse(image: np.ndarray, truth: np.ndarray) -> float:
        seen.append(id(truth))
        return -mse(image, truth)

    parameter, scores = baselines.tune("gaussian", pairs, minus_mse)
    assert set(seen) == {id(truth) for truth in truths} and len(seen) == 2 * len(METHODS["gaussian"].grid)
    by_hand = {s: np.mean([-mse(baselines.gaussian(x, s), y) for x, y in pairs]) for s in METHODS["gaussian"].grid}
    assert scores == pytest.approx(by_hand) and parameter == max(by_hand, key=by_hand.get)
    assert baselines.tune("gaussian", pairs, lambda image, truth: mse(image, truth))[0] != parameter


def test_what_is_absent_says_so_in_one_sentence(monkeypatch):
    monkeypatch.setattr(baselines, "find_spec", lambda name: None)
    absent = {name for name, reason in baselines.available().items() if reason}
    assert absent == {"wavelet", "vst_bm3d"}
    assert all("pip install" in baselines.available()[name] for name in absent)
    monkeypatch.setattr(baselines, "find_spec", importlib.util.find_spec)
    assert not any(baselines.available()[name] for name in FAST)


@pytest.mark.parametrize(
    ("bad", "words"), [(np.ones((9, 9, 3)), "one frame"), (np.full((9, 9), np.inf), "NaN or inf")]
)
def test_what_is_no_frame_is_refused(bad, words):
    with pytest.raises(NircoreError, match=words):
        baselines.gaussian(bad, 1.0)


def test_on_a_real_frame_every_method_beats_the_noise(swir_hdr):
    """One 160 x 160 crop; which method wins depends on the crop: not asserted."""
    folder, darks = swir_hdr / "qd" / "M8-1", swir.darks(swir_hdr)
    low, high = (folder / f"M8-1_BP1300_{ms:04d}ms.tif" for ms in (20, 320))
    crop = slice(200, 360), slice(176, 336)
    noisy, truth = swir.load(low, 0.02, darks)[crop], swir.load(high, 0.32, darks)[crop] / 16
    valid = swir.load_valid(high, 0.32, darks)[1][crop]
    before = score(noisy, truth, valid)
    for name in FAST:
        after = score(METHODS[name].function(noisy, DEFAULT[name]), truth, valid)
        assert after["psnr"] > before["psnr"] + 4 and after["ssim"] > before["ssim"] + 0.1
