"""Texture that a denoiser took out comes back; noise does not."""

import numpy as np
import pytest
import torch
from skimage import data

import nircore
from nircore.metrics import with_truth
from nircore.models import UNetGenerator, build_generator
from nircore.models.put_back import NOISE_SD, put_back
from nircore.recipe import resolve


def on_scale(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(NOISE_SD * pixels.astype(np.float32))[None, None]


def rms(image: torch.Tensor) -> float:
    return float(image.square().mean().sqrt()) / NOISE_SD


@pytest.fixture
def noise() -> torch.Tensor:
    return on_scale(np.random.default_rng(3).normal(size=(128, 160)))


def test_noise_stays_out(noise):
    assert rms(put_back(noise, torch.zeros_like(noise))) < 0.05


@pytest.mark.parametrize("height", [1.5, 3.0, 10.0])
def test_texture_comes_back_where_it_is_and_nowhere_else(noise, height):
    texture = torch.zeros_like(noise)
    texture[..., 80:] = on_scale(height * np.random.default_rng(4).choice([-1.0, 1.0], (128, 80)))
    result = put_back(noise + texture, torch.zeros_like(noise))
    textured, plain = np.s_[..., 96:], np.s_[..., :64]
    assert rms((result - texture)[textured]) < min(1.02, 0.75 * height)  # nearer than the raw frame, and than nothing
    assert rms(result[plain]) < 0.05


def test_what_a_denoiser_left_in_is_not_touched(noise):
    light = on_scale(np.add.outer(np.arange(128.0), np.arange(160.0)))
    assert rms(put_back(light + noise, light) - light) < 0.05


def test_training_sees_the_network_alone():
    network = UNetGenerator(2, 1)
    x = 5 * on_scale(np.random.default_rng(5).normal(size=(32, 32)))
    with torch.no_grad():
        trained, used = network.train()(x), network.eval()(x)
    assert rms(x - used) < 0.8 * rms(x - trained)


def test_where_targets_are_of_another_window_nothing_is_put_back():
    x = 5 * on_scale(np.random.default_rng(5).normal(size=(32, 32)))
    settings = {"recipe": "physics", "profile": "smoke"}
    phantom, real = (build_generator(resolve(settings | {"dataset": name})) for name in ("phantom", "swir-hdr"))
    with torch.no_grad():
        assert torch.equal(phantom.eval()(x), real.train()(x))
        assert not torch.equal(real.eval()(x), real.train()(x))


@pytest.mark.parametrize("model", ["best", "realtime"])
def test_a_bright_texture_comes_out_no_worse_than_it_went_in(model):
    texture = 3000.0 * data.gravel()[:160, :160] / 255  # electrons, read noise 28, gain 1
    frame = texture + np.random.default_rng(6).normal(0, np.sqrt(28**2 + texture))
    made = nircore.enhance(frame, model=model, gain=1.0, read_noise=28.0)
    before, after = (with_truth.score(image, texture)["psnr"] for image in (frame, made))
    assert after > before
