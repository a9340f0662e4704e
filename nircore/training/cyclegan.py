"""The CycleGAN of the paper: two generators, two discriminators, and one optimisation step on one screen."""

import torch
from torch import Tensor, nn

from nircore import losses
from nircore.losses.terms import BASE, TERMS, Pass, weights
from nircore.models import LOW_LIGHT_REACH, build_discriminator, build_generator
from nircore.training import distributed
from nircore.training.system import System

#: The columns of the loss table; the further terms of a recipe follow. Generator terms carry their weights, so they
#: add up to `generator`.
COLUMNS = ("generator", *BASE, "discriminator_a", "discriminator_b", "output_sd")


class CycleGAN(System):
    """G_ab turns low-light (A) into target (B), G_ba goes back; D_a and D_b judge frames of A and of B."""

    networks = ("g_ab", "g_ba", "d_a", "d_b")
    optimisers = ("adam_g", "adam_d")
    pools = ("pool_a", "pool_b")

    def _build(self) -> None:
        config, first = self.config, 4 * self.config.seed  # no two networks of any two runs begin alike
        self.g_ab = build_generator(config, first).to(self.device)
        self.g_ba = build_generator(config, first + 1, LOW_LIGHT_REACH).to(self.device)
        self.d_a = build_discriminator(config, first + 2).to(self.device)
        self.d_b = build_discriminator(config, first + 3).to(self.device)
        self.pool_a, self.pool_b = losses.ImagePool(config.pool), losses.ImagePool(config.pool)
        self.weights = weights(config)
        self.adam_g = self._adam(self.g_ab, self.g_ba)
        self.adam_d = self._adam(self.d_a, self.d_b)

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update all four networks once with unpaired batches a, b (N, 1, H, W) in [-1, 1]; return the terms.

        The generators descend on the sum of the recipe's terms (`nircore.losses.terms`), each with its weight.
        Translation and identity share a forward pass: InstanceNorm looks at one image at a time, so a batch
        of both gives what two passes would.
        """
        c, rng = self.config, torch.Generator().manual_seed(step_seed(self.config.seed, index))
        a, b = a.to(self.device), b.to(self.device)
        for network in (self.d_a, self.d_b):
            network.requires_grad_(False)
        with self._autocast():
            fake_b, same_b = self._translate(self.g_ab, a, b)
            fake_a, same_a = self._translate(self.g_ba, b, a)
            nets = self.g_ab, self.g_ba, self.d_a, self.d_b
            seen = Pass(a, b, fake_a, fake_b, same_a, same_b, *nets, self.optics, c.gan)
            terms = {name: weight * TERMS[name](seen) for name, weight in self.weights.items() if weight}
            generator = sum(terms.values())
        self._descend(self.adam_g, generator)

        for network in (self.d_a, self.d_b):
            network.requires_grad_(True)
        with self._autocast():
            all_a, all_b = distributed.whole(fake_a), distributed.whole(fake_b)
            old_a, old_b = (
                distributed.share(pool.query(fakes, rng))
                for pool, fakes in ((self.pool_a, all_a), (self.pool_b, all_b))
            )
            d_a = losses.discriminator_loss(*self.d_a(torch.cat([a, old_a])).chunk(2), c.gan)
            d_b = losses.discriminator_loss(*self.d_b(torch.cat([b, old_b])).chunk(2), c.gan)
        self._descend(self.adam_d, d_a + d_b)
        self._update_average(index)
        terms |= {"generator": generator, "discriminator_a": d_a, "discriminator_b": d_b, "output_sd": all_b.std()}
        none = torch.zeros(())  # of a term whose weight is 0
        extra = tuple(name for name in self.weights if name not in COLUMNS)
        return {name: terms.get(name, none).detach().float() for name in (*COLUMNS, *extra)}

    def _translate(self, generator: nn.Module, x: Tensor, own: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x in the other domain and, where the recipe asks for identity terms, what becomes of `own`."""
        if not self.config.lambda_identity:
            return generator(x), None
        changed, same = generator(torch.cat([x, own])).chunk(2)
        return changed, same


def step_seed(seed: int, index: int) -> int:
    """Mix the run's seed and a step number into one seed for torch."""
    return (seed * 1_000_003 + index) % 2**63
