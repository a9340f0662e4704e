"""A CycleGAN step as a textbook writes it: a forward pass for each use, float32, no tricks."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from nircore import losses
from nircore.config import Config
from nircore.models.blocks import BlockConv2d
from nircore.training.cyclegan import CycleGAN, step_seed

NETWORKS = ("g_ab", "g_ba", "d_a", "d_b")


class Straightforward:
    """The same networks, losses and pools as a `CycleGAN`, from the same weights.

    Args:
        system: whose networks are copied; it is left as it is.
    """

    def __init__(self, system: CycleGAN) -> None:
        self.config: Config = system.config
        for name in NETWORKS:
            setattr(self, name, textbook(copy.deepcopy(getattr(system, name))))
        self.pool_a, self.pool_b = (losses.ImagePool(self.config.pool) for _ in range(2))
        self.adam_g, self.adam_d = self._adam(self.g_ab, self.g_ba), self._adam(self.d_a, self.d_b)

    def _adam(self, *networks: torch.nn.Module) -> torch.optim.Adam:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return torch.optim.Adam(
            parameters, self.config.learning_rate, betas=(self.config.beta1, 0.999), foreach=False, fused=False
        )

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update generators, then discriminators, with unpaired batches a, b (N, 1, H, W) in [-1, 1]."""
        c, rng = self.config, torch.Generator().manual_seed(step_seed(self.config.seed, index))
        fake_b, fake_a = self.g_ab(a), self.g_ba(b)
        generator = (
            losses.adversarial(self.d_b(fake_b), True, c.gan)
            + losses.adversarial(self.d_a(fake_a), True, c.gan)
            + c.lambda_cycle * (F.l1_loss(self.g_ba(fake_b), a) + F.l1_loss(self.g_ab(fake_a), b))
            + c.lambda_identity * (F.l1_loss(self.g_ba(a), a) + F.l1_loss(self.g_ab(b), b))
        )
        self.adam_g.zero_grad()
        generator.backward()
        self.adam_g.step()

        old_a, old_b = self.pool_a.query(fake_a, rng), self.pool_b.query(fake_b, rng)
        d_a = losses.discriminator_loss(self.d_a(a), self.d_a(old_a), c.gan)
        d_b = losses.discriminator_loss(self.d_b(b), self.d_b(old_b), c.gan)
        self.adam_d.zero_grad()
        (d_a + d_b).backward()
        self.adam_d.step()
        return {"generator": generator.detach(), "discriminator_a": d_a.detach(), "discriminator_b": d_b.detach()}


def textbook(network: torch.nn.Module) -> torch.nn.Module:
    """Put plain convolutions in the place of those that go by blocks, and return the network."""
    for module in network.modules():
        if isinstance(module, BlockConv2d):
            module.__class__ = torch.nn.Conv2d
    return network
