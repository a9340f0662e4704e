"""Cameras that nobody has: their frames, which of them a scene fits, and gains over a rival."""

import numpy as np
import pytest

from companion.study import synthetic
from companion.study.synthetic import Camera


def scene(shape=(96, 80)) -> np.ndarray:
    y, x = np.indices(shape)
    return np.exp(-((y - 48) ** 2 + (x - 40) ** 2) / 2 / 12.0**2)


def test_a_frame_has_the_camera_s_noise_steps_and_range():
    camera = Camera(read_e=15.0, gain_e_per_dn=2.0, bits=12, peak=25.0)
    frame, light = camera.frame(np.zeros((300, 300)), 0)
    assert frame.std() == pytest.approx(15 / 2, rel=0.02) and light.max() == 0
    assert (frame == np.rint(frame)).all() and frame.max() < 4096
    bright, light = camera.frame(np.ones((300, 300)), 1)
    assert bright.var() == pytest.approx((25 * 15 + 15**2) / 4, rel=0.03)
    assert (bright.mean() - frame.mean()) == pytest.approx(light.mean(), rel=0.01)


def test_only_cameras_that_the_scene_fits_are_tried():
    grid = list(synthetic.cameras())
    assert 40 < len(grid) < 81 and len(set(grid)) == len(grid)
    for camera in grid:
        frame, _ = camera.frame(np.ones((40, 40)), 0)
        assert frame.max() < 2**camera.bits - 1
    assert not Camera(40.0, 0.5, 8, 100.0).fits


def test_gains_are_over_the_rival_on_the_same_camera():
    grid = [Camera(15.0, 2.0, 12, 5.0), Camera(15.0, 2.0, 16, 25.0)]
    methods = {
        "input": lambda frame: frame,
        "VST + BM3D": lambda frame: frame,
        "best": lambda frame: frame - frame % 3,
    }
    table = synthetic.scores(methods, grid, {"one": scene(), "other": scene()[::-1]})
    assert len(table) == 12
    gains = synthetic.gains(table)
    wanted = (
        table[table["method"] == "best"]["psnr"].to_numpy() - table[table["method"] == "input"]["psnr"].to_numpy()
    )
    np.testing.assert_allclose(gains["gain_db"], wanted)
    assert set(gains["method"]) == {"best"}
