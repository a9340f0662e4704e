"""Defects wider than a pixel: found where planted, and nothing of a scene taken for one."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from nircore.data.defects import defects
from nircore.data.noise import noise_model
from nircore.data.outliers import replaced

READ = 12.0


def scene(shape=(128, 160), seed=0) -> np.ndarray:
    """Two vessels, one of them straight and along the columns, and a bright organ, on a pedestal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 1500 * np.exp(-((y - 60) ** 2 + (x - 50) ** 2) / 2 / 20**2)
    light += gaussian_filter(900.0 * (np.abs(np.sin(x / 25) * 30 + 70 - y) < 1), 0.9)
    light += gaussian_filter(900.0 * (x == 120), 0.9)
    return np.rint(300 + rng.poisson(light * 2.35) / 2.35 + rng.normal(0, READ, shape)).astype(np.float32)


def counters(shape):
    return np.random.default_rng(5).integers(0, 65536, shape)


PLANTED = {
    "a dead column": (np.s_[:, 90], 0),
    "a hot row": (np.s_[77, :], 16383),
    "two neighbouring rows": (np.s_[20:22, :], 0),
    "a quarter of a column": (np.s_[96:, 33], 0),
    "the middle of a row": (np.s_[100, 41:87], 4000),
    "a column that is 100 DN low": (np.s_[:, 140], -100),
    "telemetry in the first row": (np.s_[0, :], counters),
    "telemetry in the last two rows": (np.s_[-2:, :], counters),
    "telemetry within": (np.s_[50, :], counters),
    "a dead block": (np.s_[30:35, 100:104], 0),
    "a dead corner": (np.s_[:20, :30], 0),
    "a bar below": (np.s_[100:, :], 0),
    "bars on both sides": (np.s_[:, [*range(20), *range(140, 160)]], 0),
}


def planted(name: str) -> tuple[np.ndarray, np.ndarray]:
    place, value = PLANTED[name]
    frame, where = scene(), np.zeros((128, 160), bool)
    where[place] = True
    if value == -100:
        frame[where] += value
    else:
        frame[where] = value(int(where.sum())) if callable(value) else value
    return frame, where


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_filled_and_does_not_spoil_the_noise(name):
    frame, where = planted(name)
    found = defects(frame)
    assert (found.bad & where).sum() > 0.97 * where.sum()
    assert (found.bad & ~where).sum() < 30
    assert found.line_count + found.areas.any() >= 1
    filled = replaced(frame, found.bad)
    clean = scene()
    beside = where & ~binary_erosion(where) if found.areas.any() else where
    assert np.abs(filled - clean)[beside].mean() < (120 if found.areas.any() else 60)
    gain, read = noise_model(filled - 300)
    assert (gain, read) == pytest.approx((2.35, READ), rel=0.3)


@pytest.mark.parametrize("slope", [1, 3, 8])
@pytest.mark.parametrize("turned", [np.asarray, np.transpose, np.flipud])
def test_a_corner_is_found_to_its_tips_and_no_line_with_it(slope, turned):
    frame, (y, x) = scene(), np.mgrid[:128, :160]
    where = y * slope + x < 40
    frame[where] = 0
    found = defects(turned(frame))
    np.testing.assert_array_equal(found.areas, turned(where))
    assert not found.lines.any()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_a_scene_is_a_line_or_an_area(seed):
    frame = scene(seed=seed)
    for turned in (frame, frame.T, frame[::-1], np.rint(frame / 16)):
        found = defects(turned)
        assert not found.lines.any()
        assert not found.areas.any()


def test_counts_of_photons_have_neither_lines_nor_areas_nor_outliers():
    y, x = np.mgrid[:128, :160]
    light = 0.02 + 0.4 * np.exp(-((y - 60) ** 2 + (x - 50) ** 2) / 2 / 20**2)
    for mean in (0.1, 1.0, 5.0):
        counts = np.random.default_rng(1).poisson(mean * light).astype(np.float32)
        assert defects(counts).bad.mean() < 1e-4


@pytest.mark.parametrize("sigma", [0.45, 0.6, 0.8])
def test_spots_of_the_optics_are_kept_where_that_is_asked_for_and_hot_pixels_are_not(sigma):
    frame = np.random.default_rng(0).normal(300, READ, (128, 160)).astype(np.float32)
    spots, hot = [(20 + 24 * k, 30 + 28 * k) for k in range(4)], [(30 + 20 * k, 10 + 20 * k) for k in range(4)]
    y, x = np.mgrid[:128, :160]
    for row, column in spots:
        frame += 900 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 2 / sigma**2)
    for place in hot:
        frame[place] += 900
    kept, usual = defects(frame, keep_spots=True).pixels, defects(frame).pixels
    assert not any(kept[place] for place in spots)
    assert all(kept[place] for place in hot)
    assert all(usual[place] for place in hot)


def test_a_frame_without_noise_has_defects_only_where_it_jumps():
    ramp = np.add.outer(np.arange(64.0), np.arange(64.0)).astype(np.float32)
    assert not defects(ramp).bad.any()
    assert not defects(np.zeros((64, 64), np.float32)).bad.any()
