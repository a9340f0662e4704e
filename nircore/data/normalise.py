"""The invertible map between detector units and the networks' [-1, 1]."""

from dataclasses import dataclass

import numpy as np

from nircore.data.smooth import gaussian, quantile
from nircore.errors import NircoreError


@dataclass(frozen=True)
class Normalisation:
    """offset -> -1 and offset + scale -> +1, linear in between and beyond; both in detector units (DN).

    Signal fills [-1, 1]; the noise of low light does not stay within, and is not clipped (`models.LOW_LIGHT_REACH`).
    """

    offset: float
    scale: float

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Normalisation":
        """Fit the two numbers to a frame (H, W): its 1st and 99.9th percentile *after* light smoothing.

        Smoothing (sigma 2 px) first, because a low-light frame's raw percentiles measure its noise, and the
        two domains would then differ in black level. The whole frame is used, never a crop or a tile.

        Raises:
            NircoreError: the frame is constant.
        """
        base = float(pixels.flat[0])  # off, so that float32's digits serve the signal and a constant stays one
        smooth = gaussian(pixels - base, 2.0)
        low, high = (base + quantile(smooth, share) for share in (0.01, 0.999))
        if not high > low:
            raise NircoreError("A constant frame cannot be normalised: leave it out.")
        return cls(float(low), float(high - low))

    @property
    def unit(self) -> float:
        """DN per unit of the network: its [-1, 1] is the range of the signal."""
        return self.scale / 2

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Map detector units to the network's scale, float32, never clipped."""
        return ((pixels - self.offset) / self.unit - 1).astype(np.float32)

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Map network values back to detector units, float32."""
        return ((values.astype(np.float64) + 1) * self.unit + self.offset).astype(np.float32)

    def brightness(self, pixels: np.ndarray) -> np.ndarray:
        """Map detector units to shares of the signal's range, float32: black level 0, white level 1."""
        return ((pixels - self.offset) / self.scale).astype(np.float32)
