"""Crops of true pairs, for what may see them: a supervised ceiling."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nircore.data.unpaired import random_crop


class MeasuredCrops:
    """Batches of low-light crops and of the same places in their references, a function of the step number alone.

    Args:
        pairs: normalised low-light frames (H, W), each with its reference in the same units.
        crop: side of the square crops in px.
        batch: crops in a step.
        seed: with the step, all there is to the draw.
        turn: turn crops by quarters, besides mirroring them left to right.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        crop: int,
        batch: int,
        seed: int = 0,
        turn: bool = True,
    ) -> None:
        self.pairs = [np.stack(pair) for pair in pairs]  # (2, H, W)
        self.crop, self.batch, self.seed, self.turn = crop, batch, seed, turn

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step: low light and reference, both float32 (batch, 1, crop, crop)."""
        rng = np.random.default_rng([self.seed, step])
        picks = rng.integers(len(self.pairs), size=self.batch)
        crops = [random_crop(self.pairs[k], self.crop, rng, self.turn) for k in picks]
        both = torch.from_numpy(np.stack(crops))
        return both[:, :1], both[:, 1:]
