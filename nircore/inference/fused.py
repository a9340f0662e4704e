"""Fused light on the network's scale: that of a camera with gain / K and read noise x sqrt(K) in every pixel."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from nircore.data.smooth import quantile
from nircore.data.stabilise import Stabilisation
from nircore.inference.temporal import FRESH, blurred, enlarged, halved

CALM = 4.0  # px of half the size by which the variance is smoothed that the network is told
BLACK = 0.01  # share of the pixels below the black level, as in `Normalisation.of`


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

    def _gain_and_floor(self) -> tuple[np.ndarray, np.ndarray]:
        gain = np.float32(self.single.gain_e_per_dn) / self.variance
        return gain, np.float32(3 / 8) + (gain * np.float32(self.single.read_noise_dn)) ** 2 * self.variance

    def apply(self, light: np.ndarray) -> np.ndarray:
        """Map fused light (H, W) in DN to the network's scale, float32."""
        gain, floor = self._gain_and_floor()
        electrons = np.maximum((light - np.float32(self.single.offset)) * gain, -15 / 16 * floor)
        return (2 / 10) * (np.sqrt(electrons + floor) - np.sqrt(floor))

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Map the network's values back to DN, float32."""
        gain, floor = self._gain_and_floor()
        half = 5 * values + np.sqrt(floor)
        return (half * half - floor + np.float32(1 / 4)) / gain + np.float32(self.single.offset)
