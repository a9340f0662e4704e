"""The frames of a movie fused with those around them, and the map of fused light to the network's scale."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from nircore.data.smooth import quantile
from nircore.data.stabilise import Stabilisation
from nircore.inference.filters import blurred, enlarged, halved
from nircore.inference.temporal import FRESH, LONGEST, UNCERTAIN, Recursion, State

BLOCK = 24  # frames whose future is kept at a time
CALM = 4.0  # px of half the size by which the variance is smoothed that the network is told
BLACK = 0.01  # share of the pixels below the black level, as in `Normalisation.of`


def fuse(
    frame: Callable[[int], np.ndarray], count: int, noise: Stabilisation, both: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield light (H, W) float32 in DN and its variance (H, W) for every frame of a movie.

    Args:
        frame: gives a frame (H, W) in DN by its number; with `both` each is asked for twice or three times.
        count: how many there are.
        noise: of one frame.
        both: the frames after a frame count as well as those before it.
    """
    forward, ahead = Recursion(noise), {}
    for index in range(count):
        pixels = frame(index)
        state = forward.take(pixels)
        if both and index + 1 < count:
            if index + 1 not in ahead:
                ahead = _backward(frame, index + 1, count, noise)
            state = _joined(forward, state, ahead.pop(index + 1))
        yield forward.shown(state, pixels.shape)


def _backward(frame: Callable[[int], np.ndarray], first: int, count: int, noise: Stabilisation) -> dict[int, State]:
    """Return the states of a recursion that comes from behind, for BLOCK frames from `first` on.

    It begins two memories later, by when it has forgotten how it began: memory stays flat in long movies.
    """
    recursion, states = Recursion(noise), {}
    for index in reversed(range(first, min(first + BLOCK + 2 * LONGEST, count))):
        state = recursion.take(frame(index))
        if index < first + BLOCK:
            states[index] = state
    return states


@torch.inference_mode()
def _joined(recursion: Recursion, past: State, future: State) -> State:
    """Return what a frame and its past tell, joined with what the frames after it foretell."""
    variance = future.variance.clamp(min=1 / (LONGEST - 1))
    known = torch.maximum(past.motion, future.motion)
    future = replace(State.alone(future.light), variance=variance, motion=known)
    future, change = recursion.compared(future, past)
    ahead = future.variance + UNCERTAIN * change.found**2 * (past.variance + future.variance)
    share = past.variance / (past.variance + ahead) * (1 - change.moved)
    light = past.light + enlarged(share) * (future.light - past.light)
    return replace(past, light=light, variance=past.variance * (1 - share))


def stabilised(noise: Stabilisation, light: np.ndarray, variance: np.ndarray) -> "Stabilisation | FusedStabilisation":
    """Return the map between DN and the network's scale for fused light and its variance, (H, W) each.

    The network is told a smooth variance, for a step in it would look like an edge. The black level is told anew by
    the fused light, the more the less noise that has: off by a part of one frame's noise, it would be off by several
    times the noise that is left. A frame that is a new beginning goes through the map of one frame, to the bit.
    """
    left = float(variance.mean())
    if left > FRESH:
        return noise
    small, half = (halved(torch.from_numpy(image)[None, None]) for image in (light, variance))
    told = float(quantile(blurred(small, 1.0)[half <= half.median()].numpy(), BLACK))  # noise is least there
    smooth = enlarged(blurred(half, CALM))[0, 0, : variance.shape[0], : variance.shape[1]].clamp(max=1)
    return FusedStabilisation(replace(noise, offset=left * noise.offset + (1 - left) * told), smooth.numpy())


@dataclass(frozen=True)
class FusedStabilisation:
    """`Stabilisation` of a fused frame: that of a camera with gain / K and read noise x sqrt(K) in every pixel.

    Attributes:
        single: the map of one frame.
        variance: K, (H, W) in (0, 1].
    """

    single: Stabilisation
    variance: np.ndarray

    @cached_property
    def _gain_and_floor(self) -> tuple[np.ndarray, np.ndarray]:
        gain = np.float32(self.single.gain_e_per_dn) / self.variance
        return gain, np.float32(3 / 8) + (gain * np.float32(self.single.read_noise_dn)) ** 2 * self.variance

    def apply(self, light: np.ndarray) -> np.ndarray:
        """Map fused light (H, W) in DN to the network's scale, float32."""
        gain, floor = self._gain_and_floor
        electrons = np.maximum((light - np.float32(self.single.offset)) * gain, -15 / 16 * floor)
        return (2 / 10) * (np.sqrt(electrons + floor) - np.sqrt(floor))

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Map the network's values back to DN, float32."""
        gain, floor = self._gain_and_floor
        half = 5 * values + np.sqrt(floor)
        return (half * half - floor + np.float32(1 / 4)) / gain + np.float32(self.single.offset)
