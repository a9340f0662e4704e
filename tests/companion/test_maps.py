"""Maps written beside an output: against a network whose gradient is known, and epochs that agree or do not."""

import numpy as np
import pytest
import torch
from companion.study.maps import attribution, confidence
from scipy.ndimage import gaussian_filter
from torch import nn

from nircore.models import ResnetGenerator, initialise
from nircore.models.generator import Generator

RNG = np.random.default_rng(0)
FRAME = (100 * gaussian_filter(RNG.normal(size=(45, 50)), 2) + RNG.normal(size=(45, 50)) + 50).astype(np.float32)


class Linear(Generator):
    """y = w x, pixel by pixel, with w growing to the right: its attribution is known."""

    multiple, input = 1, "range"

    def __init__(self, gain: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(gain * torch.linspace(1, 2, 50))
        self.offset = offset

    def forward(self, x):
        return self.weight * x + self.offset


def test_attribution_of_a_known_network_is_its_weights_where_the_output_is_bright():
    found = attribution(Linear(), FRAME)
    assert found.shape == FRAME.shape and found.dtype == np.float32 and found.max() == 1
    lit = found > 0
    assert 0.02 < lit.mean() < 0.9
    expected = np.broadcast_to(np.linspace(1, 2, 50), FRAME.shape)
    assert found[lit] / found[lit].max() == pytest.approx((expected[lit] / expected[lit].max()), rel=1e-5)


def test_attribution_depends_on_the_weights_and_fits_any_size():
    maps = [attribution(initialise(ResnetGenerator(2, 1), seed), FRAME) for seed in (0, 1)]
    assert maps[0].shape == FRAME.shape and not np.allclose(*maps, atol=0.05)


def test_confidence_is_one_where_epochs_agree_and_a_half_where_they_differ_by_the_noise():
    from nircore.data.normalise import Normalisation
    from nircore.metrics.no_reference import noise_sd

    assert confidence(Linear(), [Linear(), Linear()], FRAME) == pytest.approx(1)
    off = noise_sd(FRAME) / Normalisation.of(FRAME).unit
    assert confidence(Linear(), [Linear(offset=off)], FRAME) == pytest.approx(0.5, abs=1e-4)
    less = confidence(Linear(), [Linear(offset=5 * off)], FRAME)
    assert less == pytest.approx(1 / 6, abs=1e-4)
