"""Noise2Void: true to scale, the same twice, not trained twice; and, without CAREamics, one sentence that says so."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from companion.rivals import noise2void
from nircore.errors import NircoreError

pytestmark = pytest.mark.slow


def noisy(count: int = 4, noise: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a soft blob 200 DN high on a floor of 50 DN, and the frames without their noise; (count, 64, 64)."""
    rng = np.random.default_rng(5)
    points = np.zeros((count, 64, 64))
    points[range(count), rng.integers(20, 44, count), rng.integers(20, 44, count)] = 1
    blobs = gaussian_filter(points, (0, 9, 9))
    truth = 50 + 200 * blobs / blobs.max((1, 2), keepdims=True)
    return (truth + rng.normal(0, noise, truth.shape)).astype(np.float32), truth


@pytest.fixture
def small(monkeypatch) -> None:
    """CAREamics with patches that fit the frames: 14 steps an epoch."""
    if reason := noise2void.available():
        pytest.skip(reason)
    monkeypatch.setattr(noise2void, "PATCH", 16)
    monkeypatch.setattr(noise2void, "BATCH", 4)


def test_what_is_absent_says_so_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(noise2void, "find_spec", lambda name: None)
    with pytest.raises(NircoreError, match=r"needs the package careamics: run pip install 'nircore\[noise2void\]'"):
        noise2void.train(noisy()[0], tmp_path / "n2v")
    assert not (tmp_path / "n2v").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_training_repeats_itself_and_is_not_done_twice(small, tmp_path, monkeypatch):
    frames, _ = noisy()
    once, again = (noise2void.train(frames, tmp_path / name, epochs=1)(frames[0]) for name in ("one", "two"))
    other = noise2void.train(frames, tmp_path / "two", seed=1, epochs=1)(frames[0])
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 1e-3 and len(list((tmp_path / "two").iterdir())) == 2
    monkeypatch.setattr(noise2void, "_fit", lambda *_: pytest.fail("trained again"))
    np.testing.assert_array_equal(noise2void.train(frames, tmp_path / "one", epochs=1)(frames[0]), once)


@pytest.mark.filterwarnings("ignore")
def test_the_noise_goes_and_the_scale_stays(small, tmp_path):
    frames, truth = noisy()
    denoise = noise2void.train(frames, tmp_path, epochs=12)
    for frame, clean in zip(frames, truth, strict=True):
        done = denoise(frame)
        assert done.shape == frame.shape and done.dtype == np.float32
        assert np.mean((done - clean) ** 2) < 0.5 * np.mean((frame - clean) ** 2)
        assert done.mean() == pytest.approx(clean.mean(), rel=0.1)
    assert denoise(np.tile(frames[0], (2, 2))[:67, :101]).shape == (67, 101)
