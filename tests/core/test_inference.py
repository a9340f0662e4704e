"""A frame in, the same frame out: size, scale and offset are the input's whatever the generator does."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from nircore.config import Config
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference import enhance, repeat, translate
from nircore.models import build_generator
from nircore.models.generator import Generator

NETWORK = build_generator(Config(ngf=2, blocks=1))
with torch.no_grad():
    for parameter in NETWORK.parameters():
        parameter.mul_(20)  # as drawn it hardly answers to its input


class Pointwise(Generator):
    """A generator that does the same to every pixel, and remembers what it was shown."""

    multiple = 4
    input = "range"

    def __init__(self, function=lambda x: x) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.function, self.seen = function, []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return self.function(x * self.weight)


def frame(height: int = 40, width: int = 36, seed: int = 0, low: float = 1100, span: float = 300) -> np.ndarray:
    """A smooth scene with noise, in DN on a pedestal."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(size=(height, width)), 4)
    return low + span * (scene - scene.min()) / np.ptp(scene) + rng.normal(0, span / 30, (height, width))


@pytest.mark.parametrize("size", [(17, 31), (641, 513), (16, 16), (64, 48), (18, 400), (33, 16)])
def test_any_size_comes_back_the_same(size):
    pixels = frame(*size)
    enhanced, _ = enhance(NETWORK, pixels)
    assert enhanced.shape == size
    assert enhanced.dtype == np.float32
    assert np.isfinite(enhanced).all()
    assert np.ptp(enhanced) > 0


@settings(max_examples=40, deadline=None)
@given(st.integers(16, 60), st.integers(16, 60))
@example(1024, 1027)  # in one piece, however large it is
def test_the_generator_sees_the_next_multiple_of_4_and_never_a_resized_frame(height, width):
    image = torch.rand(height, width).numpy()
    network = Pointwise()
    assert np.array_equal(translate(network, image), image)
    assert [tuple(x.shape) for x in network.seen] == [(1, 1, height + -height % 4, width + -width % 4)]


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (3, 3)])
def test_a_frame_that_is_too_small_is_refused_with_its_size(size):
    with pytest.raises(NircoreError, match=f"{size[0]} x {size[1]} px is too small: .*16 px"):
        enhance(NETWORK, frame(*size))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9), st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_brightness_and_offset_pass_through(seed, a, b):
    pixels = frame(24, 21, seed)
    plain, fit = enhance(NETWORK, pixels)
    scaled, _ = enhance(NETWORK, a * pixels + b)
    np.testing.assert_allclose(scaled, a * plain.astype(np.float64) + b, rtol=2e-7, atol=1e-3 * a * fit.scale)
    assert np.ptp(plain) > 0.05 * fit.scale  # the tolerance is small against what the network says


def test_repeating_begins_with_the_frame_and_goes_on_from_each_result():
    pixels = frame()
    fit = Normalisation.of(pixels)
    steps = repeat(Pointwise(lambda x: 0.5 * x), pixels, 3)
    assert len(steps) == 4
    for times, step in enumerate(steps):
        np.testing.assert_allclose(step, fit.invert(fit.apply(pixels) * 0.5**times), rtol=1e-6)
    np.testing.assert_allclose(steps[0], pixels, rtol=1e-6)
