"""What every training learns from: batches of crops."""

from typing import Protocol

from torch import Tensor


class Crops(Protocol):
    """Batches as a function of the step number alone, so that a resumed training needs no generator state."""

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return low light and target of a step, both (N, 1, crop, crop) float32."""
