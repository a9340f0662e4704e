"""Degraded targets: noise with the camera's moments, clean crops of the same place, and steps that repeat."""

import numpy as np
import pytest
import torch

from nircore.data import degraded
from nircore.data.degraded import GAIN_SPREAD, DegradedCrops, LowLight, drift
from nircore.data.measured import MeasuredCrops

CAMERA = LowLight(gain_e_per_dn=2.0, read_noise_dn=10.0, darkest_dn=100.0, brightest_dn=100.0)
LEVEL = 0.5


@pytest.fixture
def no_bands(monkeypatch):
    """Noise that is independent from pixel to pixel, whose moments can be written down."""
    monkeypatch.setattr(degraded, "ROW_SD_DN", (0.0, 1e-9))
    monkeypatch.setattr(degraded, "COLUMN_SD_DN", (0.0, 1e-9))


def flat(level: float = LEVEL, side: int = 96) -> np.ndarray:
    """A scene of one level, its low-light appearance the same."""
    return np.full((2, side, side), level, dtype=np.float32)


def test_the_noise_has_the_mean_and_variance_of_the_camera(no_bands):
    crops = DegradedCrops([flat()], CAMERA, crop=96, batch=32, seed=3)
    noisy, clean = crops.at(0)
    half = 52.25  # DN per unit of [-1, 1]: black is taken 0 to 4 DN too low, white 0 to 5 too high
    assert abs((noisy - clean).mean().item()) * half < 0.2
    variance = (noisy - clean).var(dim=(1, 2, 3)) * half**2
    expected = LEVEL * 100 / CAMERA.gain_e_per_dn + CAMERA.read_noise_dn**2  # 125 DN^2
    assert abs(variance.mean().item() / expected - 1) < 0.08
    brighter = DegradedCrops([flat()], LowLight(2.0, 10.0, 1000.0, 1000.0), crop=96, batch=32, seed=3)
    noisy, clean = brighter.at(0)
    shot = LEVEL * 1000 / CAMERA.gain_e_per_dn + CAMERA.read_noise_dn**2  # 350 DN^2: most of it photons
    assert abs((noisy - clean).var(dim=(1, 2, 3)).mean().item() * 514**2 / shot - 1) < GAIN_SPREAD


def test_black_and_white_are_where_the_normalisation_puts_them():
    """A frame's own percentiles lie a little outside the true levels: never inside, never far."""
    scene = np.zeros((2, 64, 64), dtype=np.float32)
    scene[:, 32:] = 1.0
    _, clean = DegradedCrops([scene], CAMERA, crop=64, batch=64).at(0)
    black, white = clean.amin(dim=(1, 2, 3)), clean.amax(dim=(1, 2, 3))
    assert ((black >= -1) & (black < -0.9)).all()
    assert ((white <= 1) & (white > 0.89)).all()


def test_low_light_and_target_are_crops_of_one_place(no_bands):
    ramp = np.linspace(0, 1, 80 * 80, dtype=np.float32).reshape(80, 80)
    quiet = LowLight(gain_e_per_dn=1e6, read_noise_dn=1e-6, darkest_dn=50.0, brightest_dn=500.0)
    noisy, clean = DegradedCrops([np.stack([ramp, ramp])], quiet, crop=32, batch=8).at(5)
    assert noisy.shape == clean.shape == (8, 1, 32, 32)
    assert noisy.dtype == clean.dtype == torch.float32
    assert (noisy - clean).abs().max() < 3e-3
    assert clean.std() > 0.01


def test_every_variant_is_drawn_and_the_target_never_is(no_bands):
    variants = np.stack([np.full((40, 40), v, dtype=np.float32) for v in (0.2, 0.5, 0.8, 0.0)])
    quiet = LowLight(1e6, 1e-6, 100.0, 100.0)
    noisy, clean = DegradedCrops([variants], quiet, crop=32, batch=64).at(0)
    levels = (noisy.mean(dim=(1, 2, 3)) - clean.mean(dim=(1, 2, 3))) / 2
    assert {round(level.item() * 10) for level in levels} <= {2, 5, 8, 7}  # up to the white level's 5 %
    assert levels.min() > 0.15


def test_rows_drift_and_columns_stand(monkeypatch):
    """Bands lie across the frame: they have the drift's size, last some rows, and are new in every crop."""
    monkeypatch.setattr(degraded, "ROW_SD_DN", (8.0, 8.0))
    quiet = LowLight(1e6, 1e-6, 100.0, 100.0)
    noisy, clean = DegradedCrops([flat()], quiet, crop=96, batch=64, seed=1).at(0)
    rows = (noisy - clean)[:, 0].mean(dim=2).numpy() * 52.25  # DN
    assert rows.std() == pytest.approx(8.0, rel=0.15)
    assert np.corrcoef(rows[:, :-1].ravel(), rows[:, 1:].ravel())[0, 1] == pytest.approx(np.exp(-0.1), abs=0.03)
    assert abs(np.corrcoef(rows[0], rows[1])[0, 1]) < 0.9
    columns = (noisy - clean)[:, 0].mean(dim=1).numpy() * 52.25
    assert columns.std(axis=1).max() < 1.0


def test_drift_has_unit_sd_and_the_stated_length():
    rng = np.random.default_rng(0)
    many = np.stack([drift(200, 10.0, rng) for _ in range(2000)])
    assert many.std(axis=0) == pytest.approx(np.ones(200), abs=0.1)  # from the first row on
    assert np.mean(many[:, 50] * many[:, 60]) == pytest.approx(np.exp(-1), abs=0.06)


def test_a_step_is_a_function_of_seed_and_number():
    def at(seed: int, step: int) -> torch.Tensor:
        return DegradedCrops([flat()], CAMERA, crop=32, batch=2, seed=seed).at(step)[0]

    assert torch.equal(at(1, 7), at(1, 7))
    assert not torch.equal(at(1, 7), at(1, 8))
    assert not torch.equal(at(1, 7), at(2, 7))


def test_light_below_black_is_not_counted_in_photons():
    noisy, _ = DegradedCrops([flat(-0.2)], CAMERA, crop=32, batch=4).at(0)
    assert torch.isfinite(noisy).all()


@pytest.mark.parametrize("batch", [1, 5])
def test_measured_crops_keep_pairs_together(batch):
    frame = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    crops = MeasuredCrops([(frame, -frame), (frame + 10_000, -frame - 10_000)], crop=16, batch=batch, seed=1)
    low_light, truth = crops.at(3)
    assert low_light.shape == truth.shape == (batch, 1, 16, 16)
    assert torch.equal(low_light, -truth)
    assert torch.equal(crops.at(3)[0], low_light)
    assert not torch.equal(crops.at(4)[0], low_light)
