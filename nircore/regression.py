"""One generator, shown what a frame is and what it should be; no adversary, no second generator."""

from torch import Tensor

from nircore import losses
from nircore.models import build_generator
from nircore.system import System

LARGEST_GRADIENT = 0.02  # norm, usual is 0.013: Adam makes of one odd crop a step that throws the weights about


class Regression(System):
    """G_ab learns to turn a into b. Where the pairs come from is the crops' business.

    With `nircore.data.degraded.DegradedCrops` this is the cycle b -> a -> b of CycleGAN in which the known camera
    stands for G_ba: trained without pairs. With measured pairs it is supervised, and a ceiling.
    """

    def _build(self) -> None:
        self.g_ab = build_generator(self.config, 4 * self.config.seed).to(self.device)
        self.adam_g = self._adam(self.g_ab)

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update the generator once with low-light a and what it should become, b, both (N, 1, H, W)."""
        a, b = a.to(self.device), b.to(self.device)
        with self._autocast():
            restored = self.g_ab(a)
            loss = losses.restoration(restored, b)
        self._descend(self.adam_g, loss, LARGEST_GRADIENT)
        self._update_average(index)
        return {"generator": loss.detach().float(), "output_sd": restored.detach().float().std()}
