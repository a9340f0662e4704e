"""Pix2pix (Isola et al. 2017) as Ma et al. 2021 train it: one generator, true pairs, and a critic that sees both."""

import torch
import torch.nn.functional as F
from torch import Tensor

from nircore import losses
from nircore.models import build_discriminator, build_generator
from nircore.training.system import System


class Pix2Pix(System):
    """G_ab turns a into b; D_b judges the two of a pair beside each other, as channels."""

    networks = ("g_ab", "d_b")
    optimisers = ("adam_g", "adam_d")

    def _build(self) -> None:
        first = 4 * self.config.seed
        self.g_ab = build_generator(self.config, first).to(self.device)
        self.d_b = build_discriminator(self.config, first + 3, channels=2).to(self.device)
        self.adam_g, self.adam_d = self._adam(self.g_ab), self._adam(self.d_b)

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update generator and critic once with low-light a and its reference b, (N, 1, H, W); return the terms."""
        a, b = a.to(self.device), b.to(self.device).clamp(-1, 1)  # beyond, no tanh reaches
        self.d_b.requires_grad_(False)
        with self._autocast():
            fake = self.g_ab(a)
            terms = {
                "adversarial_ab": losses.adversarial(self.d_b(torch.cat([fake, a], 1)), True, self.config.gan),
                "l1": self.config.lambda_l1 * F.l1_loss(fake, b),
            }
            generator = sum(terms.values())
        self._descend(self.adam_g, generator)

        self.d_b.requires_grad_(True)
        with self._autocast():
            real, generated = self.d_b(torch.cat([b, a], 1)), self.d_b(torch.cat([fake.detach(), a], 1))
            critic = losses.discriminator_loss(real, generated, self.config.gan)
        self._descend(self.adam_d, critic)
        self._update_average(index)
        terms = {"generator": generator, **terms, "discriminator_b": critic, "output_sd": fake.std()}
        return {name: value.detach().float() for name, value in terms.items()}
