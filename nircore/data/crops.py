"""What every training learns from: batches of crops, a function of the step number alone.

A resumed training therefore needs no state of a random generator.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nircore.losses.optics import Spread


def random_crop(frame: np.ndarray, crop: int, rng: np.random.Generator, turn: bool = True) -> np.ndarray:
    """Cut a square of `crop` px out of a frame (..., H, W), mirrored and, with `turn`, turned at random."""
    row, column = (int(rng.integers(side - crop + 1)) for side in frame.shape[-2:])
    square = frame[..., row : row + crop, column : column + crop]
    if turn:
        square = np.rot90(square, k=int(rng.integers(4)), axes=(-2, -1))
    return square[..., ::-1] if rng.random() < 0.5 else square


class Crops:
    """Batches of square crops.

    Args:
        crop: side of the crops in px.
        batch: crops (of each domain) in a step.
        seed: with the step, all there is to the draw.
        turn: turn crops by quarters, besides mirroring them left to right.
    """

    def __init__(self, crop: int, batch: int = 1, seed: int = 0, turn: bool = True) -> None:
        self.crop, self.batch, self.seed, self.turn = crop, batch, seed, turn

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return low light and target of a step, both (batch, 1, crop, crop) float32."""
        raise NotImplementedError

    def draw(self, frames: Sequence[np.ndarray], *key: int) -> Tensor:
        """Return crops of frames (..., H, W) drawn with replacement, (batch, ..., crop, crop); `key` seeds it."""
        rng = np.random.default_rng([self.seed, *key])
        picks = rng.integers(len(frames), size=self.batch)
        return torch.from_numpy(np.stack([random_crop(frames[k], self.crop, rng, self.turn) for k in picks]))


class UnpairedCrops(Crops):
    """Crops of the two domains, drawn independently: nothing in a batch says which belong together.

    Args:
        low_light: frames (H, W) of domain A as the networks see them (`nircore.inference.seen`), each at least `crop`
            px on both sides.
        target: those of domain B, of other scenes.
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
        super().__init__(crop, batch, seed, turn)
        self.domains, self.optics = (list(low_light), list(target)), optics

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step.

        Low light is not clipped: a network must see in training what it sees in use. The target is, to [-1, 1]: it is
        what a generator should make, and its tanh reaches no further.
        """
        low_light, target = (self.draw(frames, step, k).unsqueeze(1) for k, frames in enumerate(self.domains))
        return low_light, target.clamp(-1, 1)


class MeasuredCrops(Crops):
    """Crops of true pairs, for what may see them: a supervised ceiling.

    Args:
        pairs: normalised low-light frames (H, W), each with its reference in the same units.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[np.ndarray, np.ndarray]],
        crop: int,
        batch: int,
        seed: int = 0,
        turn: bool = True,
    ) -> None:
        super().__init__(crop, batch, seed, turn)
        self.pairs = [np.stack(pair) for pair in pairs]  # (2, H, W)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return low-light crops and the same places in their references."""
        both = self.draw(self.pairs, step)
        return both[:, :1], both[:, 1:]
