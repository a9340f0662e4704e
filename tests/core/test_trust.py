"""The trust map: symmetric views, terms that mean what they say, and a promise that holds on new frames."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nircore.data import camera, phantom
from nircore.data.normalise import Normalisation
from nircore.data.rows import level_rows
from nircore.errors import NircoreError
from nircore.inference import conformal, enhance, prepare, trust
from nircore.models import build_generator, checkpoint
from nircore.models.generator import Generator
from nircore.recipe import resolve

pytestmark = pytest.mark.slow

SHAPE = (96, 80)


class Smoother(Generator):
    """A generator that is easy to reason about: a fixed blur, with a bump of its own at one place if asked."""

    multiple, input = 1, "range"

    def __init__(self, kernel, bump=0.0, rows=False):
        super().__init__()
        self.kernel = nn.Parameter(torch.tensor(kernel, dtype=torch.float32)[None, None])
        self.bump, self.input = bump, "noise" if rows else "range"

    def forward(self, x):
        pad = self.kernel.shape[-1] // 2
        y = nn.functional.conv2d(nn.functional.pad(x, [pad] * 4, mode="reflect"), self.kernel)
        y[..., 10:14, 10:14] += self.bump
        return y


EVEN = np.full((3, 3), 1 / 9)
LOPSIDED = np.array([[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]])


def cases(count, first=20_000):
    """Low-light phantom frames in DN above the dark with their truth and valid pixels; every second has a lesion."""
    rows, sensor = [], camera.Sensor()
    for k in range(count):
        rate = camera.radiance(phantom.anatomy(first + k, SHAPE, lesion=bool(k % 2)), camera.WINDOWS["NIR-IIa"])
        frame = camera.expose(rate, 0.02, np.random.default_rng(first + k)) - camera.dark_level(0.02, SHAPE, sensor)
        rows.append((frame, camera.expected_dn(rate, 0.02), np.ones(SHAPE, dtype=bool)))
    return rows


@pytest.fixture(scope="module")
def calibrated():
    return trust.calibrate(Smoother(EVEN), cases(24), "phantom frames", views=4)


@given(st.integers(2, 9), st.integers(2, 9))
def test_symmetries_are_undone_and_differ(height, width):
    frame = np.arange(height * width, dtype=float).reshape(height, width)
    views = trust.symmetries(frame)
    assert len(views) == 8 and len({(view.shape, view.tobytes()) for view in views}) == 8
    for back in trust.undone(views):
        np.testing.assert_array_equal(back, frame)


def test_a_symmetric_network_has_no_spread_and_a_lopsided_one_has():
    frame = cases(1)[0][0]
    assert trust.look(Smoother(EVEN), frame)[2]["spread"].max() < 1e-3
    assert trust.look(Smoother(LOPSIDED), frame)[2]["spread"].mean() > 1


def test_what_a_network_inserts_at_one_place_is_where_the_spread_is():
    terms = trust.look(Smoother(EVEN, bump=0.5), cases(1)[0][0])[2]
    place = np.zeros(SHAPE, bool)
    place[10:14, 10:14] = True
    assert terms["spread"][place].min() > 3 * np.median(terms["spread"][~place])
    assert terms["redegradation"][11:13, 11:13].mean() > 3 * np.median(terms["redegradation"])


@pytest.mark.parametrize("levels", [False, True])
def test_the_output_is_that_of_enhance(levels):
    """Also for a generator that wants level rows: levelled once, before any turn makes columns of them."""
    frame = cases(1)[0][0] + 1.2 * np.sin(np.arange(SHAPE[0]) / 5)[:, None]
    image, span, terms, *_ = trust.look(Smoother(EVEN, rows=levels), frame)
    expected, _ = enhance(Smoother(EVEN, rows=levels), frame)
    np.testing.assert_array_equal(image, expected)
    assert span == Normalisation.of(prepare(Smoother(EVEN, rows=levels), frame))
    if levels:
        assert not np.allclose(level_rows(frame), frame)
        assert terms["spread"].max() < 1e-3


def test_the_promise_holds_on_new_frames(calibrated):
    """24 new animals: the mean share outside is below alpha, and the map is not just wide."""
    shares, half = [], []
    for frame, truth, valid in cases(24, first=40_000):
        made = trust.trust_map(Smoother(EVEN), frame, calibrated)
        wrong = trust.error(made.image, truth, valid)
        shares.append(np.mean(wrong > made.half_width))
        half.append(np.median(made.half_width) / np.quantile(wrong, 0.9))
    assert 0.01 < np.mean(shares) <= 0.1
    assert np.median(half) < 3
    assert 0 < calibrated.outside <= 0.1 and calibrated.frames == 18 and calibrated.fitted == 6


@settings(max_examples=50)
@given(st.integers(10, 40), st.floats(0.11, 0.6), st.integers(0, 1000))
def test_conformal_factor_is_the_smallest_that_keeps_the_promise(count, alpha, seed):
    rng = np.random.default_rng(seed)
    ratios = [rng.exponential(rng.uniform(0.5, 2), rng.integers(20, 200)) for _ in range(count)]

    def risk(factor):
        return (sum(np.mean(ratio > factor) for ratio in ratios) + 1) / (count + 1)

    factor = conformal.conformal_factor(ratios, alpha)
    values = np.sort(np.concatenate(ratios))
    assert risk(factor) <= alpha + 1e-9
    smaller = values[values < factor]
    assert not len(smaller) or risk(smaller[-1]) > alpha


def test_error_is_on_the_outputs_scale_and_blind_to_gain_and_offset():
    truth = np.random.default_rng(0).normal(100, 20, (32, 32))
    valid = np.ones((32, 32), bool)
    valid[0] = False
    wrong = trust.error(3 * truth + 7, truth, valid)
    assert np.isnan(wrong[0]).all() and np.nanmax(wrong) < 1e-9
    assert np.isinf(trust.error(-truth, truth, valid)[1:]).all()


def test_what_is_missing_is_said(calibrated):
    with pytest.raises(NircoreError, match="12 frames are too few"):
        trust.calibrate(Smoother(EVEN), cases(12), "x", views=1)
    needs_more = dataclasses.replace(calibrated, weights={"cycle": 1.0})
    with pytest.raises(NircoreError, match="calibrated with cycle"):
        trust.trust_map(Smoother(EVEN), cases(1)[0][0], needs_more)


def test_a_pedestal_changes_nothing_and_a_noiseless_frame_has_no_noise(calibrated):
    frame, truth, _ = cases(1)[0]
    low, high = (trust.trust_map(Smoother(EVEN), frame + pedestal, calibrated) for pedestal in (0, 1195))
    np.testing.assert_allclose(high.half_width, low.half_width, rtol=0.02)
    assert low.noise is not None
    assert trust.camera(np.add.outer(np.arange(64.0), np.arange(64.0)), 0) is None


def test_kept_beside_the_weights_and_refused_with_others(tmp_path, calibrated):
    config = resolve({})
    path = tmp_path / "generator.safetensors"
    checkpoint.save(path, build_generator(config).state_dict(), config, {})
    with pytest.raises(NircoreError, match="There is no calibration"):
        conformal.load(path)
    saved = conformal.save(calibrated, path)
    assert saved.name == "generator.trust.json" and json.loads(saved.read_text())["alpha"] == 0.1
    again = conformal.load(path)
    assert dataclasses.replace(again, sha256="") == calibrated
    checkpoint.save(path, build_generator(config, seed=1).state_dict(), config, {})
    with pytest.raises(NircoreError, match="other weights"):
        conformal.load(path)
    saved.write_text("{}")
    with pytest.raises(NircoreError, match="damaged"):
        conformal.load(path)
