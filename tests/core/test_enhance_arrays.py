"""One frame in detector units: dark, pedestal, flux, clipping, averaging; and `nircore.enhance` on arrays."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

import nircore
from nircore import inference
from nircore.errors import NircoreError
from nircore.inference import engines
from nircore.inference.arrays import window_mean
from nircore.inference.enhancer import Enhancer, enhancer_for
from nircore.inference.settings import Settings
from nircore.models import checkpoint
from tests.lab.made import frames


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64", ">u2"])
@pytest.mark.parametrize("shape", [(40, 48), (2, 40, 48), (2, 1, 3, 40, 48)])
def test_arrays_keep_shape_type_and_scale(weights, dtype: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape[:-2], dtype=int))
    before = (frames(count, pedestal=100).clip(0, 600) // (4 if dtype == "uint8" else 1)).astype(dtype).reshape(shape)
    after = nircore.enhance(before, weights=weights)
    assert after.shape == shape and after.dtype == before.dtype
    ratio = after.mean(dtype=float) / before.mean(dtype=float)
    assert 0.9 < ratio < 1.1
    assert after.astype(float).std() < before.astype(float).std()


def test_without_a_dark_it_is_what_the_network_says_of_the_frame(weights) -> None:
    frame = frames()[0].astype(np.float32)
    generator = checkpoint.load_generator(weights)[0]
    expected, fit = inference.enhance(generator, frame)
    after, (facts,) = nircore.enhance(frame, weights=weights, details=True)
    np.testing.assert_allclose(after, expected, rtol=1e-5)
    assert (facts["gain_e_per_dn"], facts["read_noise_dn"]) == (fit.gain_e_per_dn, fit.read_noise_dn)
    black = facts["offset_dn"]
    assert facts["flux_ratio"] == pytest.approx((expected.mean() - black) / (frame.mean() - black), rel=1e-4)


def test_with_a_dark_the_signal_stands_on_one_pedestal(weights) -> None:
    """A fixed pattern in dark and frame alike leaves no trace, and the result does not depend on its level."""
    pattern = np.random.default_rng(5).normal(0, 60, (40, 48)).astype(np.float32)
    signal = frames(pedestal=200)[0].astype(np.float32) - 200
    dark = 1100 + pattern
    after, (facts,) = nircore.enhance(signal + dark, weights=weights, dark=dark, details=True)
    bare = nircore.enhance(signal, weights=weights, dark=np.zeros((40, 48)))
    level = float(np.rint(np.median(dark)))
    np.testing.assert_allclose(after - level, bare, atol=0.1)
    assert facts["flux_ratio"] == pytest.approx(bare.mean() / signal.mean(), rel=1e-3)
    raised = nircore.enhance(signal + dark, weights=weights, dark=dark, pedestal=500)
    np.testing.assert_allclose(raised, after - level + 500, atol=1e-2)


def test_values_outside_the_type_are_clipped_and_counted(weights) -> None:
    frame = frames(pedestal=200)[0] - 200.0
    frame = (frame.astype(np.float32).clip(0, 300) / 300 * 255).astype(np.uint8)
    dark = np.zeros((40, 48), np.float32)
    wide = nircore.enhance(frame.astype(np.float32), weights=weights, dark=dark, pedestal=-20)
    after, (facts,) = nircore.enhance(frame, weights=weights, dark=dark, pedestal=-20, details=True)
    outside = (np.rint(wide) < 0) | (np.rint(wide) > 255)
    assert facts["clipped"] == outside.sum() > 10 and (after[np.rint(wide) < 0] == 0).all()
    np.testing.assert_array_equal(after, np.rint(wide).clip(0, 255))
    assert facts["at_ceiling"] == (frame == 255).sum()


def test_blank_frames_pass_through(weights) -> None:
    stack = np.concatenate([frames(1), np.full((1, 40, 48), 7, np.uint16)])
    after, facts = nircore.enhance(stack, weights=weights, details=True)
    assert (after[1] == 7).all() and [f["blank"] for f in facts] == [False, True]


def test_temporal_average_is_the_mean_of_the_neighbours(weights) -> None:
    stack = frames(5)
    np.testing.assert_allclose(window_mean(stack, 2, 3), stack[1:4].mean(0), rtol=1e-6)
    np.testing.assert_allclose(window_mean(stack, 0, 3), stack[:2].mean(0), rtol=1e-6)
    camera = {"weights": weights, "dark": np.zeros((40, 48)), "gain": 2.0, "read_noise": 6.0}
    after = nircore.enhance(stack, average=5, **camera)
    np.testing.assert_array_equal(after[2], nircore.enhance(stack.mean(0), **camera).round())


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"average": 2}, "odd"),
        ({"temporal": "sideways"}, "temporal"),
        ({"temporal": "causal", "average": 3}, "average"),
        ({"exposure": 0}, "above 0"),
        ({"pedestal": 100}, "give a dark too"),
        ({"weights": "none.safetensors"}, "no checkpoint at none"),
        ({"dark": "none"}, "does not exist"),
        ({"dark": np.zeros((3, 3), np.float32)}, r"\(40, 48\) and the dark \(3, 3\)"),
        ({"frames": np.zeros((5, 5))}, "16 or more"),
        ({"frames": np.full((40, 40), np.nan)}, "NaN"),
        ({"frames": np.zeros((40, 40), complex)}, "complex"),
    ],
)
def test_what_cannot_be_done_is_said(weights, wrong: dict, words: str) -> None:
    with pytest.raises(NircoreError, match=words):
        nircore.enhance(**({"frames": frames(), "weights": weights} | wrong))


def test_darks_in_a_folder_are_interpolated_in_log_exposure(weights, tmp_path: Path) -> None:
    for exposure, level in ((16, 1100), (64, 1200)):
        dark = np.full((40, 48), level, np.uint16)
        dark[0, 0] += 1
        tifffile.imwrite(tmp_path / f"dark_{exposure:05d}ms.tif", dark)
    enhancer = Enhancer(Settings(str(weights), str(tmp_path)))
    frame = frames()[0].astype(np.float32)
    np.testing.assert_allclose(enhancer.signal(frame, 0.032)[1:], frame[1:] - 1150, atol=1e-3)
    assert enhancer.pedestal_dn == 1100
    with pytest.raises(NircoreError, match="exposure is not known"):
        enhancer.signal(frame, None)
    with pytest.raises(NircoreError, match="within a factor of two"):
        enhancer.signal(frame, 1.0)
    (tmp_path / "dark_00064ms.tif").rename(tmp_path / "dark.tif")
    with pytest.raises(NircoreError, match="dark.tif does not say its exposure"):
        Enhancer(Settings(str(weights), str(tmp_path))).signal(frame, 0.02)
    one = Enhancer(Settings(str(weights), str(tmp_path / "dark.tif")))
    np.testing.assert_allclose(one.signal(frame, None)[1:], frame[1:] - 1200)


def spoilt(count: int, hot: float = 3000) -> np.ndarray:
    stack = frames(count, shape=(64, 80)).astype(np.float32)
    stack[:, 7, 60] += hot  # the same pixel in every frame
    return stack


def test_hot_pixels_are_replaced_and_counted_and_leave_no_trace(weights) -> None:
    clean, bad = frames(shape=(64, 80)).astype(np.float32), spoilt(1)
    camera = {"weights": weights, "gain": 2.0, "read_noise": 12.0, "details": True}
    (before, (fine,)), (after, (facts,)) = (nircore.enhance(stack, **camera) for stack in (clean, bad))
    assert (fine["outliers"], facts["outliers"]) == (0, 1)
    assert np.abs(after - before).max() < 12  # the pixel itself: its neighbours' median for its own value
    assert facts["flux_ratio"] == pytest.approx(fine["flux_ratio"], abs=0.01)


def test_what_is_known_of_the_camera_is_used_and_recorded(weights) -> None:
    _, (facts,) = nircore.enhance(frames(), weights=weights, gain=3.0, read_noise=11.0, details=True)
    assert (facts["gain_e_per_dn"], facts["read_noise_dn"], facts["assumed"]) == (3.0, 11.0, "")
    for wrong in ({"gain": 0.0}, {"read_noise": -1.0}, {"gain": float("nan")}):
        with pytest.raises(NircoreError, match="above 0, or leave it out"):
            nircore.enhance(frames(), weights=weights, **wrong)


@pytest.mark.parametrize("dark", [7, np.zeros(5), object(), np.full((40, 48), np.nan)])
def test_a_dark_that_is_no_frame_is_refused(weights, dark) -> None:
    with pytest.raises(NircoreError, match="dark .*pass (a|one finite) frame"):
        nircore.enhance(frames(), weights=weights, dark=dark)


def test_frames_one_by_one_get_the_fast_engine_once_its_start_is_won_back(monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "fast", engines.ENGINES["torch"])
    monkeypatch.setattr(engines, "FASTEST", ("fast", "torch"))
    monkeypatch.setattr(engines, "WORTH", 3)
    enhancer_for.cache_clear()
    frame = np.random.default_rng(0).poisson(100, (64, 64)).astype(np.float32)
    runs = [nircore.enhance(frame, model="realtime", details=True) for _ in range(4)]
    assert [facts[0]["engine"] for _, facts in runs] == ["torch", "torch", "fast", "fast"]
    for image, _ in runs[1:]:
        np.testing.assert_array_equal(image, runs[0][0])


def test_a_movie_of_a_known_camera_is_its_frames_one_by_one():
    rng, dark = np.random.default_rng(1), np.full((96, 80), 200.0, np.float32)
    frames = (dark + rng.poisson(60, (7, 96, 80)) / 2 + rng.normal(0, 12, (7, 96, 80))).astype(np.float32)
    given = {"model": "realtime", "dark": dark, "gain": 2.0, "read_noise": 12.0, "engine": "torch"}
    alone = [nircore.enhance(frame, **given) for frame in frames]
    np.testing.assert_allclose(nircore.enhance(frames, **given), alone, atol=1e-3)
