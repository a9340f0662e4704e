"""Random crops of the two domains, drawn independently: nothing in a batch says which belong together."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nircore.data.spectral import Spread


def random_crop(frame: np.ndarray, crop: int, rng: np.random.Generator, turn: bool = True) -> np.ndarray:
    """Cut a square of `crop` px out of a frame (..., H, W), mirrored and, with `turn`, turned at random."""
    row, column = (int(rng.integers(side - crop + 1)) for side in frame.shape[-2:])
    square = frame[..., row : row + crop, column : column + crop]
    if turn:
        square = np.rot90(square, k=int(rng.integers(4)), axes=(-2, -1))
    return square[..., ::-1] if rng.random() < 0.5 else square


class UnpairedCrops:
    """Batches of normalised low-light and target crops, a function of the step number alone.

    Args:
        low_light: frames (H, W) of domain A as the networks see them (`nircore.inference.seen`), each at least `crop`
            px on both sides.
        target: those of domain B, of other scenes.
        crop: side of the square crops in px.
        batch: crops of each domain in a step.
        seed: with the step, all there is to the draw, so a resumed training needs no generator state.
        turn: turn crops by quarters, besides mirroring them left to right.
        optics: how a target crop would be spread in the low-light window: one for each depth it may lie at.
    """

    def __init__(
        self,
        low_light: Sequence[np.ndarray],
        target: Sequence[np.ndarray],
        crop: int,
        batch: int = 1,
        seed: int = 0,
        turn: bool = True,
        optics: tuple[Spread, ...] = (Spread(),),
    ) -> None:
        self.domains = (list(low_light), list(target))
        self.crop, self.batch, self.seed = crop, batch, seed
        self.turn, self.optics = turn, optics

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step: two float32 tensors (batch, 1, crop, crop).

        Low light is not clipped: a network must see in training what it sees in use. The target is, to [-1, 1]: it is
        what a generator should make, and its tanh reaches no further.
        """
        batches = []
        for domain, frames in enumerate(self.domains):
            rng = np.random.default_rng([self.seed, step, domain])
            picks = rng.integers(len(frames), size=self.batch)
            crops = np.stack([random_crop(frames[k], self.crop, rng, self.turn) for k in picks])
            batches.append(torch.from_numpy(crops).unsqueeze(1))
        return batches[0], batches[1].clamp(-1, 1)
