"""A camera's frames through an engine: what `nircore.inference.enhance` does, with the noise of the first frame."""

import copy

import numpy as np
import pytest
import torch

from nircore.inference import enhance
from nircore.models import UNetGenerator, initialise_rectified
from nirlab.pipeline import Pipeline

ROUNDING_DN = 0.01  # a thousandth of the noise: float32 sums in another order


@pytest.fixture(scope="module")
def denoiser() -> UNetGenerator:
    """A U-Net that sees the noise, and whose corrections are of its size, as a trained one's are."""
    generator = initialise_rectified(UNetGenerator(4, 3, "noise"), 1).eval()
    with torch.no_grad():
        generator.last[0].weight *= 0.05
    return generator


def noisy(light: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    scene = light * (80 + 20 * np.sin(np.indices((64, 80))[1] / 9))
    return (rng.poisson(2.3 * scene) / 2.3 + rng.normal(0, 12, scene.shape)).astype(np.float32)


def test_a_pipeline_is_enhance_with_the_noise_of_its_first_frame(denoiser):
    first, second = noisy(10), noisy(5) / 2
    pipeline = Pipeline("torch", copy.deepcopy(denoiser))
    found, fit = enhance(denoiser, first)
    np.testing.assert_allclose(pipeline(first), found, rtol=0, atol=ROUNDING_DN)
    np.testing.assert_allclose(pipeline(second), enhance(denoiser, second, fit)[0], rtol=0, atol=ROUNDING_DN)
    assert np.abs(pipeline(second) - enhance(denoiser, second)[0]).max() > 2 * ROUNDING_DN
    assert str(pipeline) == "engine torch, float32"
