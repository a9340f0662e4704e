"""The merged reference: what noise-free exposures give back, what saturation and movement of scale cannot spoil."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from companion.study import exposures
from companion.study.exposures import STRAIGHT_DN, merged
from nircore.data import swir_hdr as swir
from nircore.errors import NircoreError

EXPOSURES = (0.02, 0.08, 0.16, 0.32, 0.64)


def light(shape=(120, 100)) -> np.ndarray:
    smooth = gaussian_filter(np.random.default_rng(1).random(shape), 6)
    return 20 * (smooth / smooth.mean()) ** 12


def series(noise: float, slopes=(1, 1, 1, 1, 1), offset=0.0):
    rng, at_20 = np.random.default_rng(0), light()
    found = {}
    for slope, t in zip(slopes, EXPOSURES, strict=True):
        signal = slope * at_20 * t / 0.02 + offset + rng.normal(0, noise, at_20.shape)
        found[t] = (np.minimum(signal, 4000), signal < 4000)
    return found


def test_exact_exposures_merge_to_the_scene():
    found, known = merged(series(0.0), 0.02)
    assert known.mean() > 0.95
    np.testing.assert_allclose(found[known], light()[known], rtol=1e-5)


def test_noise_goes_down_and_a_slope_of_some_percent_is_taken_out():
    found, known = merged(series(12.0, slopes=(1, 1, 1.03, 0.98, 1.02), offset=5.0), 0.02)
    a, b = np.polyfit(found[known], light()[known], 1)
    error = a * found + b - light()
    assert error[known].std() < 12 * 0.02 / 0.32
    assert a == pytest.approx(1, abs=0.05)


def test_only_what_is_straight_counts():
    exposures = series(0.0)
    bent, good = exposures[0.64]
    exposures[0.64] = (np.where(bent > STRAIGHT_DN, 0.5 * bent + STRAIGHT_DN / 2, bent), good)
    found, known = merged(exposures, 0.02)
    np.testing.assert_allclose(found[known], light()[known], rtol=0.01)


def test_no_long_exposure_is_said():
    with pytest.raises(NircoreError, match="4 times as long"):
        merged({t: s for t, s in series(0.0).items() if t < 0.07}, 0.02)


def test_real_scenes_agree_with_the_yardstick(swir_hdr):
    file = Path(swir_hdr).parent.parent / "yardstick.py"
    if not file.is_file():
        pytest.skip("the yardstick that defines the protocol is not beside the frames")
    spec = importlib.util.spec_from_file_location("yardstick", file)
    yardstick = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(yardstick)
    darks, theirs = swir.darks(swir_hdr), yardstick.scenes()
    ours = exposures.scenes(swir_hdr)
    assert {scene.name for scene in ours} == set(theirs) and len(ours) == 17
    for scene in ours[::5]:
        low, files = theirs[scene.name]
        reference, known = scene.reference(darks)
        expected, there = yardstick.merged(files, low)
        np.testing.assert_allclose(reference, expected, atol=1e-3)
        np.testing.assert_array_equal(there, known)


def test_what_moved_between_the_exposures_is_left_out():
    frame = light() + np.random.default_rng(2).normal(0, 12, light().shape)
    frame[50:53, 40:43] += 400
    found = exposures.moved(frame, light())
    assert found[48:55, 40:43].all() and found.sum() < 60
