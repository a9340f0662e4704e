"""One generator, shown what a frame is and what it should be; no adversary, no second generator."""

from pathlib import Path

import torch
from torch import Tensor

from nircore import losses
from nircore.models import build_generator, checkpoint
from nircore.training import distributed
from nircore.training.system import System

LARGEST_GRADIENT = 0.5  # norm: Adam makes of one odd crop a step that throws the weights about


class Regression(System):
    """G_ab learns to turn a into b. Where the pairs come from is the crops' business.

    With `nircore.data.degraded.DegradedCrops` this is the cycle b -> a -> b of CycleGAN in which the known camera
    stands for G_ba: trained without pairs. With measured pairs it is supervised, and a ceiling.

    With a teacher (`config.teacher`), a share `lambda_teacher` of the loss asks for the teacher's output instead of
    b (knowledge distillation, Hinton et al. 2015): what a small network cannot know from a noisy crop, the larger
    one does not know either, and its answer is free of it.
    """

    networks = ("g_ab", "restoration")

    def _build(self) -> None:
        generator = build_generator(self.config, 4 * self.config.seed).to(self.device)
        self.g_ab = generator.to(memory_format=torch.channels_last)  # a third faster so
        self.restoration = losses.Restoration().to(self.device)
        self.adam_g = self._adam(self.g_ab)
        self.teacher = None
        if self.config.teacher:
            teacher, _, _ = checkpoint.load_generator(Path(self.config.teacher))
            self.teacher = teacher.requires_grad_(False).to(self.device)

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update the generator once with low-light a and what it should become, b, both (N, 1, H, W)."""
        a, b = a.to(self.device), b.to(self.device)
        with self._autocast():
            restored = self.g_ab(a)
            terms = self._terms(restored, a, b)
            loss = sum(terms.values())
        self._descend(self.adam_g, loss, LARGEST_GRADIENT)
        self.restoration.update(distributed.whole(restored), distributed.whole(b))
        self._update_average(index)
        terms = {"generator": loss, **terms, "output_sd": distributed.whole(restored).std()}
        return {name: term.detach().float() for name, term in terms.items()}

    def _terms(self, restored: Tensor, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms of the loss."""
        if self.teacher is None:
            return {"truth": self.restoration(restored, b)}
        share = self.config.lambda_teacher
        with torch.no_grad():
            taught = self.teacher(a)
        return {
            "truth": (1 - share) * self.restoration(restored, b),
            "imitation": share * self.restoration(restored, taught),
        }
