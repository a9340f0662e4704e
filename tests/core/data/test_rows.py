"""The rows' drift: found where it is, left alone where it is not, and worth something on real frames."""

import numpy as np
import pytest

from nircore.data import phantom
from nircore.data import swir_hdr as swir
from nircore.data.camera import WINDOWS, expected_dn, radiance
from nircore.data.degraded import drift
from nircore.data.rows import level_rows, row_drift


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """An animal between dark margins, in DN."""
    return expected_dn(radiance(phantom.anatomy(5, (640, 512)), WINDOWS["NIR-IIa"]), 0.02)


def noisy(scene: np.ndarray, seed: int) -> np.ndarray:
    return scene + np.random.default_rng(seed).normal(0, 12, scene.shape)


@pytest.mark.parametrize("seed", range(3))
def test_planted_bands_are_found_beside_an_animal(scene, seed):
    bands = drift(640, 10.0, np.random.default_rng(100 + seed))
    found = row_drift(noisy(scene, seed) + bands[:, None])
    assert np.corrcoef(found, bands)[0, 1] > 0.6
    assert (bands - found).var() < 0.7 * bands.var()


@pytest.mark.parametrize("seed", range(3))
def test_without_bands_next_to_nothing_is_taken(scene, seed):
    assert row_drift(noisy(scene, seed)).std() < 0.2


def test_halves_that_disagree_are_left_alone():
    """What only one half shows is scene, not drift."""
    frame = np.zeros((200, 100))
    frame[:, :50] = np.where(np.arange(200) // 10 % 2, 5.0, -5.0)[:, None]
    frame[:, 50:] = -frame[:, :50]
    frame += np.random.default_rng(0).normal(0, 1, frame.shape)  # or rounding would choose the dark pixels
    assert np.array_equal(row_drift(frame), np.zeros(200))


def test_level_rows_keeps_shape_mean_and_kind(scene):
    frame = noisy(scene, 1).astype(np.float32)
    level = level_rows(frame)
    assert level.shape == frame.shape and level.dtype == np.float32
    assert level.mean() == pytest.approx(frame.mean(), abs=0.1)
    flat = np.full((32, 32), 7.0, dtype=np.float32)
    assert np.allclose(level_rows(flat), flat)


@pytest.mark.parametrize("animal", ["F1-2", "F5-2"])
def test_real_short_exposures_come_nearer_to_their_long_ones(swir_hdr, animal):
    darks = swir.darks(swir_hdr)
    table = swir.catalogue(swir_hdr, (0.02,), (0.32,))
    table = table[table["scene"] == f"{animal}/BP1350"].set_index("domain")
    short = swir.load(table.loc["low_light", "file"], 0.02, darks)
    long, valid = swir.load_valid(table.loc["target", "file"], 0.32, darks)
    long = long / 16
    still = (long < np.percentile(long, 85)) & valid

    def rows(frame: np.ndarray) -> float:
        return float((((frame - long) * still).sum(axis=1) / still.sum(axis=1)).var())

    assert rows(level_rows(short)) < 0.9 * rows(short)


def test_a_scene_that_fills_the_field_is_not_taken_for_drift():
    """Planted: bands of tissue across the whole frame, ten times the noise; they stay, to the last DN."""
    y, x = np.indices((200, 176))
    tissue = 300 + 120 * np.sin(y / 9.0) + 0.3 * x
    frame = (tissue + np.random.default_rng(0).normal(0, 12, tissue.shape)).astype(np.float32)
    assert not row_drift(frame).any()
    np.testing.assert_array_equal(level_rows(frame), frame)
