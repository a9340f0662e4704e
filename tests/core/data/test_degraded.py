"""Degraded targets: noise of one size, clean crops of the same place, and steps that repeat."""

import numpy as np
import pytest
import torch

from nircore.data import degraded
from nircore.data.crops import MeasuredCrops
from nircore.data.degraded import DegradedCrops, LowLight
from nircore.data.stabilise import UNIT, Stabilisation

CAMERA = LowLight(gain_e_per_dn=2.0, read_noise_dn=10.0, darkest_dn=100.0, brightest_dn=100.0)
QUIET = LowLight(gain_e_per_dn=2.0, read_noise_dn=10.0, darkest_dn=400.0, brightest_dn=400.0)
LEVEL = 0.5


@pytest.fixture
def plain(monkeypatch):
    """Noise that is independent from pixel to pixel, of a camera that is known: moments can be written down."""
    for name in ("GAIN_ERROR", "READ_ERROR", "BLACK_ERROR", "ROW_SD", "COLUMN_SD", "TAIL_SHARE", "OTHER_CAMERAS",
                 "ZOOMED", "TONED", "GLOWING"):  # fmt: skip
        monkeypatch.setattr(degraded, name, 0.0)


def flat(level: float = LEVEL, side: int = 96) -> np.ndarray:
    """A scene of one level, its low-light appearance the same."""
    return np.full((2, side, side), level, dtype=np.float32)


@pytest.mark.parametrize("brightness", [0.0, 100.0, 3000.0])
def test_the_noise_has_one_size_and_its_mean_is_the_target(plain, brightness):
    camera = LowLight(2.0, 10.0, max(brightness, 1.0), max(brightness, 1.0))
    noisy, clean = DegradedCrops([flat(min(brightness, LEVEL))], camera, crop=96, batch=16, seed=3).at(0)
    assert (noisy - clean).std().item() * UNIT == pytest.approx(1, abs=0.02)
    assert abs((noisy - clean).mean().item()) * UNIT < 0.01


def test_a_frame_tells_its_camera_with_small_errors_only():
    """With all that a real sensor adds, the noise is within some percent of one size."""
    noisy, clean = DegradedCrops([flat()], CAMERA, crop=96, batch=64, seed=1).at(0)
    sizes = (noisy - clean).std(dim=(1, 2, 3)) * UNIT
    assert 0.02 < sizes.std().item() < 0.1
    assert sizes.mean().item() == pytest.approx(1, abs=0.05)


def test_every_variant_is_drawn_and_the_target_never_is(plain):
    variants = np.stack([np.full((40, 40), v, dtype=np.float32) for v in (0.2, 0.5, 0.8, 0.0)])
    noisy, clean = DegradedCrops([variants], QUIET, crop=32, batch=64).at(0)
    fit = Stabilisation(0.0, QUIET.gain_e_per_dn, QUIET.read_noise_dn)
    levels = fit.invert(noisy.mean(dim=(1, 2, 3)).numpy()) / 400
    assert {round(float(level) * 10) for level in levels} == {2, 5, 8}
    assert fit.invert(clean.numpy()).max() < 1


def test_rows_drift_and_columns_stand(monkeypatch, plain):
    """Bands lie across the frame: they have the drift's size, last some rows, and are new in every crop."""
    monkeypatch.setattr(degraded, "ROW_SD", 0.8)
    rng = np.random.default_rng(0)
    quiet = [degraded.expose(np.zeros((96, 96)), 2.0, 10.0, rng).mean(axis=1) for _ in range(200)]
    rows = np.stack(quiet)
    assert rows.std() == pytest.approx(8.0 / np.sqrt(3), rel=0.15)  # the size is drawn from 0 to 8 DN
    assert np.corrcoef(rows[:, :-1].ravel(), rows[:, 1:].ravel())[0, 1] == pytest.approx(np.exp(-0.1), abs=0.1)
    assert abs(np.corrcoef(rows[0], rows[1])[0, 1]) < 0.9


def test_hot_pixels_in_a_training_frame_do_not_reach_the_network(monkeypatch, plain):
    monkeypatch.setattr(degraded, "TAIL_SHARE", 1e-3)
    monkeypatch.setattr(degraded, "TAIL_SD", 1e4)
    noisy, clean = DegradedCrops([flat()], CAMERA, crop=96, batch=8).at(0)
    assert (noisy - clean).abs().max().item() * UNIT < 8


@pytest.mark.parametrize("batch", [1, 5])
def test_measured_crops_keep_pairs_together(batch):
    frame = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    crops = MeasuredCrops([(frame, -frame), (frame + 10_000, -frame - 10_000)], crop=16, batch=batch, seed=1)
    low_light, truth = crops.at(3)
    assert low_light.shape == truth.shape == (batch, 1, 16, 16)
    assert torch.equal(low_light, -truth)
    assert torch.equal(crops.at(3)[0], low_light)
    assert not torch.equal(crops.at(4)[0], low_light)
