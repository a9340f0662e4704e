"""The graph from DN to DN gives what NumPy gives around the same generator, but for the rows."""

import numpy as np
import pytest
import torch

from nircore import inference
from nircore.data.camera import WINDOWS, expose, radiance
from nircore.data.noise import noise_model
from nircore.data.outliers import outliers, replaced
from nircore.data.phantom import anatomy
from nircore.data.stabilise import Stabilisation
from nircore.inference.shipped import weights_of
from nircore.models import ResnetGenerator, UNetGenerator, initialise
from nircore.models.checkpoint import load_generator
from nirlab.in_graph import FromCounts, lower_line, without_outliers


@pytest.fixture(scope="module")
def phantom():
    rate = radiance(anatomy(4, (160, 200)), WINDOWS["NIR-IIa"])
    return expose(rate, 0.02, np.random.default_rng(4)).astype(np.float32)


def run(network, frame):
    with torch.inference_mode():
        return network(torch.from_numpy(np.ascontiguousarray(frame))[None, None]).numpy()[0, 0]


@pytest.fixture(scope="module")
def realtime():
    return FromCounts(load_generator(weights_of("realtime"))[0]).eval()


@pytest.mark.parametrize("cut", [np.s_[:, :], np.s_[:97, 3:136], np.s_[:64, :64]])
def test_it_gives_what_nircore_gives_but_for_the_rows(realtime, phantom, cut):
    frame = phantom[cut]
    wanted, _ = inference.enhance(realtime.generator, frame)
    found = run(realtime, frame)
    assert found.shape == frame.shape
    assert np.std(found - wanted) < 0.03 * np.std(frame - wanted)


def test_it_knows_a_frame_of_any_unit_and_pedestal(realtime, phantom):
    found = run(realtime, phantom)
    scaled = run(realtime, phantom * 4 - 1000)
    np.testing.assert_allclose(scaled, found * 4 - 1000, atol=0.1 * np.std(phantom - found))


def test_hot_and_dead_pixels_are_those_that_numpy_finds(phantom):
    frame = phantom.copy()
    frame[(0, 7, 80, 80, 159), (0, 199, 90, 91, 60)] = 40_000, 0, 9_000, 9_000, 60_000
    assert outliers(frame).sum() >= 5
    found = without_outliers(torch.from_numpy(frame)[None, None]).numpy()[0, 0]
    np.testing.assert_allclose(found, replaced(frame, outliers(frame)), atol=1e-2)


def test_the_noise_is_that_which_numpy_finds(realtime, phantom):
    fit = Stabilisation.of(phantom)
    level = torch.from_numpy(phantom - fit.offset)[None, None]
    gain, read, _ = realtime._noise(level, realtime._levels(level)[1])
    assert float(gain) == pytest.approx(fit.gain_e_per_dn, rel=0.02)
    assert float(read) == pytest.approx(fit.read_noise_dn, rel=0.01)


@pytest.mark.parametrize(("gain", "read"), [(2.0, 12.0), (0.3, 5.0), (10.0, 1.0)])
def test_a_known_camera_is_told_as_numpy_tells_it(realtime, gain, read):
    draw = np.random.default_rng(5)
    light = np.linspace(0, 400, 256)[None] * np.ones((256, 1))
    frame = (draw.poisson(light * gain) / gain + draw.normal(0, read, light.shape)).astype(np.float32)
    wanted = noise_model(frame)
    found = realtime._noise(torch.from_numpy(frame)[None, None], torch.tensor(400.0))[:2]
    assert [float(one) for one in found] == pytest.approx(list(wanted), rel=0.03)


def test_a_frame_too_dark_for_its_gain_gets_the_one_that_nircore_assumes(realtime):
    frame = np.random.default_rng(6).normal(1000, 12, (128, 128)).astype(np.float32)
    wanted = Stabilisation.of(frame)
    level = torch.from_numpy(frame - wanted.offset)[None, None]
    gain, *_ = realtime._noise(level, realtime._levels(level)[1])
    assert wanted.assumed and float(gain) == pytest.approx(wanted.gain_e_per_dn, rel=0.03)


def test_blank_and_noise_free_frames_come_out_finite(realtime):
    blank = np.full((64, 70), 1100, np.float32)
    np.testing.assert_array_equal(run(realtime, blank), blank)
    ramp = np.add.outer(np.arange(64.0), np.arange(80.0)).astype(np.float32)
    wanted, _ = inference.enhance(realtime.generator, ramp)
    assert np.std(run(realtime, ramp) - wanted) < 0.02 * np.std(ramp)


@pytest.mark.parametrize("network", [ResnetGenerator(4, 1), UNetGenerator(4, 2, "range")])
def test_a_generator_that_sees_the_range_gets_it(network, phantom):
    initialise(network, 1)
    wanted, fit = inference.enhance(network.eval(), phantom)
    found = run(FromCounts(network).eval(), phantom)
    assert np.abs(found - wanted).max() < 0.02 * fit.scale


def test_the_line_is_found_below_points_with_texture():
    x = torch.linspace(0, 1, 400)
    scatter = np.random.default_rng(7).gamma(1 / 0.17**2, 0.17**2, 400)  # as of patches of white noise
    y = (0.7 * x + 0.2) * torch.from_numpy(scatter).float()
    y[::5] *= 5
    slope, offset = lower_line(x, y)
    assert float(slope) == pytest.approx(0.7, rel=0.15) and float(offset) == pytest.approx(0.2, rel=0.1)
