"""The further terms of the objective: formulas written out, what they reward, what they must not."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from nircore.config import FURTHER_TERMS, term_weights
from nircore.errors import NircoreError
from nircore.losses.optics import Spread
from nircore.losses.terms import (
    BASE,
    SMOOTHING,
    TERMS,
    Pass,
    blur,
    octaves,
    redegradation,
    saliency_map,
    weights,
)
from nircore.models import PatchDiscriminator, initialise
from nircore.recipe import resolve
from nircore.training.cyclegan import COLUMNS, CycleGAN
from tests.core.test_cyclegan import batches, tiny

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
WIDE = (Spread(), Spread(1.5, 8.0, 0.4))


def image(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))[None, None]


def scene() -> np.ndarray:
    """Sharp bright vessels on a dark ground, 96 x 96, in [-1, 1]."""
    made = np.full((96, 96), -0.8)
    made[20:24] = 0.6
    made[:, 60:63] = 0.9
    made[50:80, 10:30] = 0.2
    return gaussian_filter(made, 0.8)


def seen_short(truth: np.ndarray, noise: float, optics: Spread = WIDE[1]) -> np.ndarray:
    """The scene as the low-light window shows it, written with scipy, at another brightness, with noise."""
    wide = (1 - optics.share) * gaussian_filter(truth, optics.core, mode="nearest")
    wide = wide + optics.share * gaussian_filter(truth, optics.halo, mode="nearest")
    return 0.7 * wide + 0.1 + noise * np.random.default_rng(1).normal(size=truth.shape)


def passed(a, fake_b, b=None, optics=WIDE, nets=None) -> Pass:
    a, fake_b = (image(x) if isinstance(x, np.ndarray) else x for x in (a, fake_b))
    b = fake_b if b is None else image(b)
    d_a, d_b = nets or (None, None)
    return Pass(a, b, a, fake_b, None, None, None, None, d_a, d_b, optics, "bce")


def test_the_blur_is_scipys():
    x = RNG.normal(size=(64, 48))
    expected = gaussian_filter(x, 2.5, mode="nearest", truncate=4.0)
    assert np.abs(blur(image(x), 2.5).numpy()[0, 0] - expected).max() < 1e-5
    assert blur(image(x), 0.0).numpy()[0, 0] == pytest.approx(x.astype(np.float32))


def left(noise: float) -> float:
    """The SD that smoothing leaves of white noise."""
    return noise / (2 * math.sqrt(math.pi) * SMOOTHING)


def cost(low: np.ndarray, y: np.ndarray, optics=WIDE[:1]) -> float:
    return redegradation(passed(low, y, optics=optics)).item()


@pytest.mark.parametrize(("noise", "optics"), [(0.3, Spread()), (0.1, Spread()), (0.3, WIDE[1]), (0.1, WIDE[1])])
def test_a_perfect_generator_pays_nothing_on_average(noise, optics):
    truth = scene()
    clean = seen_short(truth, 0.0, optics)
    lows = [clean + noise * np.random.default_rng(k).normal(size=truth.shape) for k in range(30)]
    assert np.mean([cost(low, truth, (optics,)) for low in lows]) < 0.02 * left(noise)


def test_what_the_input_does_not_explain_costs_more_than_a_copy():
    truth, noise = scene(), 0.05
    low = seen_short(truth, noise)
    without, invented = truth.copy(), truth.copy()
    without[:, 55:68], invented[:, 30:36] = -0.8, 1.0
    contrast = np.sign(truth) * np.abs(truth) ** 3  # the dim made dimmer beside the bright
    cheap = max(cost(low, y, WIDE) for y in (truth, low))
    for wrong in (np.roll(truth, 9, axis=1), without, invented, contrast, np.full_like(truth, 0.1)):
        assert cost(low, wrong, WIDE) > 1.3 * cheap


def test_the_right_depth_is_found_and_a_wrong_one_costs():
    truth = scene()
    low = seen_short(truth, 0.05)
    both, wrong = (redegradation(passed(low, truth, optics=o)).item() for o in (WIDE, WIDE[:1]))
    assert both == pytest.approx(redegradation(passed(low, truth, optics=WIDE[1:])).item())
    assert both < 0.3 * wrong


def test_octaves_are_those_of_a_laplacian_pyramid():
    x, wanted = scene(), []
    for _ in range(3):
        low = gaussian_filter(x, 1.0, mode="nearest")
        wanted.append(np.log(np.abs(x - low).mean() + 1e-3))
        x = low.reshape(low.shape[0] // 2, 2, low.shape[1] // 2, 2).mean((1, 3))
    assert octaves(image(scene())).numpy() == pytest.approx(wanted, abs=1e-4)


@pytest.fixture
def judges():
    return tuple(initialise(PatchDiscriminator(4), seed).requires_grad_(False) for seed in (1, 2))


def test_saliency_is_the_gradient_of_the_mean_logit(judges):
    x = image(scene()).double()
    network = judges[0].double()
    found = saliency_map(network, x.requires_grad_(), False)
    bump, gradient = 1e-5, np.zeros((8, 8))
    for row in range(8):
        for column in range(8):
            more = x.detach().clone()
            more[0, 0, 40 + row, 56 + column] += bump
            gradient[row, column] = (network(more).mean() - network(x).mean()).item() / bump
    assert found[0, 0, 5, 7].item() == pytest.approx(np.abs(gradient).mean(), rel=1e-3)


@pytest.mark.parametrize("name", FURTHER_TERMS)
def test_every_further_term_can_be_learned_from(name, judges):
    truth = scene()
    guess = image(gaussian_filter(seen_short(truth, 0.05), 3)).requires_grad_()
    cost = TERMS[name](passed(seen_short(truth, 0.05), guess, b=truth, nets=judges))
    (gradient,) = torch.autograd.grad(cost, guess)
    assert cost.ndim == 0 and gradient.isfinite().all() and gradient.abs().max() > 0
    # and downhill is downhill
    step = guess.detach() - 0.02 * gradient / gradient.abs().max()
    after = TERMS[name](passed(seen_short(truth, 0.05), step.requires_grad_(), b=truth, nets=judges))
    assert after.item() < cost.item()


def test_a_step_adds_each_term_with_its_weight():
    listed = "redegradation=3 high_frequency=0.5 saliency=2"
    plain, more = CycleGAN(tiny(), CPU), CycleGAN(tiny(terms=listed), CPU)
    (a, b), heavier = batches(0), CycleGAN(tiny(terms="redegradation=6"), CPU)
    before, after = plain.step(a, b, 0), more.step(a, b, 0)
    assert list(before) == list(COLUMNS) and list(after) == [*COLUMNS, *FURTHER_TERMS]
    for name in BASE:
        assert after[name].item() == pytest.approx(before[name].item(), rel=1e-5)
    assert after["generator"].item() == pytest.approx(
        sum(after[name].item() for name in (*BASE, *FURTHER_TERMS)), rel=1e-5
    )
    assert heavier.step(a, b, 0)["redegradation"].item() == pytest.approx(2 * after["redegradation"].item())
    first = [next(system.g_ab.parameters()) for system in (plain, more)]
    assert not torch.equal(*first)


@pytest.mark.parametrize(
    "listed", ["nonsense=1", "saliency", "saliency=0", "saliency=-1", "saliency=inf", "cycle_a=1"]
)
def test_a_term_that_cannot_be_is_refused(listed):
    with pytest.raises(NircoreError, match="terms="):
        resolve({"terms": listed})


def test_a_list_of_terms_is_read_with_spaces_or_commas():
    assert term_weights("redegradation=10, saliency=0.5") == {"redegradation": 10.0, "saliency": 0.5}
    assert weights(resolve({})) == dict(zip(BASE, (1, 1, 10, 10, 5, 5), strict=True))
