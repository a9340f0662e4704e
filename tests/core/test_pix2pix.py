"""The paired sibling: one step against the same written out, what the critic sees, and a resumable state."""

import copy

import pytest
import torch

from nircore.config import Config
from nircore.training.pix2pix import Pix2Pix
from tests.core.test_cyclegan import batches

CPU = torch.device("cpu")


def started(**settings) -> Pix2Pix:
    small = {"system": "pix2pix", "crops": "measured", "crop": 32, "ngf": 2, "ndf": 2, "blocks": 1, "gan": "lsgan"}
    return Pix2Pix(Config(**(small | settings)), CPU)


def test_a_step_is_that_written_out_by_hand():
    system = started()
    g, d = copy.deepcopy(system.g_ab), copy.deepcopy(system.d_b)
    adams = [torch.optim.Adam(net.parameters(), 2e-4, betas=(0.5, 0.999)) for net in (g, d)]
    for index in range(2):
        a, b = batches(index, count=2)
        fake = g(a)
        adversarial = ((d(torch.cat([fake, a], 1)) - 1) ** 2).mean()
        l1 = 10 * (fake - b).abs().mean()
        for adam in adams:
            adam.zero_grad()
        (adversarial + l1).backward()
        adams[0].step()
        adams[1].zero_grad()
        real, generated = d(torch.cat([b, a], 1)), d(torch.cat([fake.detach(), a], 1))
        critic = (((real - 1) ** 2).mean() + (generated**2).mean()) / 2
        critic.backward()
        adams[1].step()
        terms = system.step(a, b, index)
        wanted = {"generator": adversarial + l1, "adversarial_ab": adversarial, "l1": l1, "discriminator_b": critic}
        assert {n: v.item() for n, v in terms.items() if n != "output_sd"} == pytest.approx(
            {n: v.item() for n, v in wanted.items()}, rel=1e-4
        )


def test_brighter_than_the_generator_can_be_is_clipped():
    a, b = batches(0)
    one, other = (started().step(a, target, 0)["l1"].item() for target in (3 * b, (3 * b).clamp(-1, 1)))
    assert one == other
