"""The invertible map between detector units and a scale on which the camera's noise has the same size everywhere.

A network that is fed this scale needs to know neither the camera nor the brightness of the frame: noise always looks
alike, and what is dim stays visible however bright something else in the frame may be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nircore.data.noise import WHITE, Colour, colour, noise_model
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.models.put_back import NOISE_SD

UNIT = 1 / NOISE_SD  # SDs of noise that are one unit of the network, so that its values are about those of [-1, 1]
ASSUMED_READ_E = 28.0  # electrons: the read noise of an InGaAs camera, where a frame is too dark to tell its gain
TOLD = 0.25  # of the read noise's variance: what photons must add in a frame's bright places for it to tell the gain
BRIGHT = 0.99  # share of the smoothed frame below its bright places
EXACT, FEW_E = 10.0, 3.0  # electrons^2; electrons: below them the inverse is the exact one, and photons are few
KNOTS = 4096  # of the table of the exact inverse
CLIPPED = 0.25  # of the pixels at the lowest value: the frame was clipped there
FREE = 5e-4  # of the range: noise at white below it does not need to be taken out
NOISE_FREE = 0.01  # of the range from black to white: the noise assumed of a frame that shows none


@dataclass(frozen=True)
class Stabilisation:
    """Generalised Anscombe transform: the black level -> 0, and the noise of every brightness -> SD 1 / UNIT.

    With e = gain x (DN - offset) electrons and s = gain x read noise, a noisy frame becomes 2 sqrt(e + 3/8 + s^2),
    and z goes back to e = z^2 / 4 - 1/8 - s^2, which is the light whose noisy frames average to z (the asymptotically
    unbiased inverse, Makitalo & Foi, IEEE Trans. Image Process. 20 (2011) 99): applied and inverted, a value comes
    back 1/4 electron higher. For read noises of few electrons it is the exact unbiased inverse (the same, 22 (2013)
    91), in closed form. Where noise takes a value more than 3/4 of the way below the root's zero, both go on as
    a straight line, so that the map is invertible for all values.

    Attributes:
        offset: DN, the black level.
        gain_e_per_dn, read_noise_dn: of the noise: variance = (DN - offset) / gain + read_noise^2.
        assumed: what was assumed rather than read off frames, in words; "" for nothing.
        noise_free: whether the frames have next to no noise, and so nothing to take out.
        colour: of the noise.
        span: black level and range of the frames it was read off; None where it was not.
    """

    offset: float
    gain_e_per_dn: float
    read_noise_dn: float
    assumed: str = ""
    noise_free: bool = False
    colour: Colour = WHITE
    span: Normalisation | None = None

    def __post_init__(self) -> None:
        """Refuse an impossible noise."""
        gain, read = self.gain_e_per_dn, self.read_noise_dn
        if not (0 < gain < math.inf and 0 <= read < math.inf):
            raise NircoreError(
                f"noise={(gain, read)}: the gain must be above 0 e-/DN and the read noise 0 DN or more."
            )

    @classmethod
    def of(
        cls,
        frames: np.ndarray | Sequence[np.ndarray],
        black: float | None = None,
        gain: float | None = None,
        read_noise: float | None = None,
        filled: Sequence[np.ndarray] | None = None,
    ) -> "Stabilisation":
        """Read the map off frames of one camera, (H, W) each in DN, the medians of what they tell.

        Args:
            frames: one, or several that share it, such as some of a movie. Their outliers count for little.
            black: DN of a place without light: 0 above a dark; None: the 1st percentile of the smoothed frame, with
                the noise it has there. Which level is taken changes next to nothing: the noise there follows it.
            gain, read_noise: e-/DN and DN of the camera where they are known.
            filled: of each frame, the pixels (H, W) bool of lines and areas that were filled in, and tell no noise.

        Raises:
            NircoreError: a frame is constant, or a given value is impossible.
        """
        frames = [frames] if isinstance(frames, np.ndarray) else list(frames)
        shown = list(zip(frames, filled or [None] * len(frames), strict=True))
        colours = sorted((colour(*one) for one in shown), key=lambda one: one.correlation)
        seen = colours[len(colours) // 2]
        found = np.array([_told(*one, black, seen) for one in shown])  # (n, 4): gain, read noise, black level, range
        with np.errstate(all="ignore"):
            told, read, low, span = (_median(column) for column in found.T)
        said = []
        shot = 0.0 if math.isnan(told) else math.sqrt(span / told)  # DN, the SD of the photons' noise at white
        free = read_noise is None and math.hypot(0 if math.isnan(read) else read, shot) < FREE * span
        if read_noise is None and math.isnan(read):
            read_noise = NOISE_FREE * span
            said.append(f"read noise {read_noise:.3g} DN (the frame shows no noise)")
        read = read if read_noise is None else read_noise
        if gain is None and math.isnan(told):
            told = ASSUMED_READ_E / read if read > 0 else 1.0
            said.append(f"gain {told:.3g} e-/DN (too dark to tell it)")
        gain = float(told if gain is None else gain)
        offset = float(low if black is None else black)
        return cls(offset, gain, float(read), "; ".join(said), free, seen, Normalisation(low, span))

    def few(self, pixels: np.ndarray) -> bool:
        """Say whether a frame (H, W) in DN counts few photons, or was clipped at its black level."""
        if self._floor < EXACT and self.gain_e_per_dn * (float(pixels.mean()) - self.offset) < FEW_E:
            return True
        return float((pixels == pixels.min()).mean()) > CLIPPED

    @property
    def scale(self) -> float:
        """DN per two units of the network at the black level: about what a frame holds from black to white."""
        return 2 * self.unit

    @property
    def unit(self) -> float:
        """DN per unit of the network at the black level, as `Normalisation.unit` is at any."""
        return UNIT * math.sqrt(self._floor) / self.gain_e_per_dn

    @property
    def _floor(self) -> float:
        return 3 / 8 + (self.gain_e_per_dn * self.read_noise_dn) ** 2

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Map a noisy frame from DN to the network's scale, float32."""
        return self._forward(pixels, 3 / 8)

    def clean(self, signal: np.ndarray) -> np.ndarray:
        """Map light without noise, in DN, to what its noisy frames average to, float32: undone by `invert`."""
        values = self._forward(signal, 1 / 8)
        if self._floor < EXACT:  # `invert` has no closed inverse there
            known = np.linspace(float(values.min()) - 1 / UNIT, float(values.max()) + 1 / UNIT, KNOTS)
            values = np.interp(signal, self.invert(known), known).astype(np.float32)
        return values

    def _forward(self, pixels: np.ndarray, constant: float) -> np.ndarray:
        """Return the root above that of the floor, in place of a copy: this is done to every frame of a camera.

        A difference of two roots is that of their squares over their sum, which keeps float32's digits.
        """
        root, low = math.sqrt(self._floor), self._floor / 16
        values = np.subtract(pixels, np.float32(self.offset), dtype=np.float32)
        values *= np.float32(self.gain_e_per_dn)
        values += np.float32(constant - 3 / 8)
        below = np.flatnonzero(values < low - self._floor)  # the straight line that touches the root at `low`
        line = (values.flat[below] + self._floor + low) / math.sqrt(low) - 2 * root
        sums = values + np.float32(self._floor)
        np.sqrt(np.maximum(sums, low, out=sums), out=sums)
        sums += np.float32(root)
        values /= sums
        values *= np.float32(2)
        values.flat[below] = line
        values *= np.float32(1 / UNIT)
        return values

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Map the network's values back to DN, float32."""
        root, low = math.sqrt(self._floor), self._floor / 16
        half = values * np.float32(UNIT / 2)
        below = np.flatnonzero(half < math.sqrt(low) - root)
        line = 2 * math.sqrt(low) * (half.flat[below] + root) - low - self._floor
        half *= half + np.float32(2 * root)
        half.flat[below] = line
        if self._floor < EXACT:
            d = np.maximum(values * np.float32(UNIT) + np.float32(2 * root), np.float32(1.5**0.5))
            half += 1.5**0.5 / 4 / d - 11 / 8 / d**2 + 1.5**0.5 * 5 / 8 / d**3
        half += np.float32(1 / 4)
        half /= np.float32(self.gain_e_per_dn)
        half += np.float32(self.offset)
        return half

    def facts(self) -> dict[str, Any]:
        """Return what a record keeps of it."""
        return {
            "gain_e_per_dn": self.gain_e_per_dn,
            "read_noise_dn": self.read_noise_dn,
            "noise_correlation": self.colour.correlation,
            "assumed": self.assumed,
        }


def _told(
    frame: np.ndarray, filled: np.ndarray | None, black: float | None, seen: Colour
) -> tuple[float, float, float, float]:
    """Return gain, read noise, black level and range of a frame in DN; NaN for what it does not tell."""
    fit = Normalisation.of(frame)
    offset = fit.offset if black is None else black
    try:
        gain, read = noise_model(frame - np.float32(offset), seen, filled)
    except NircoreError:  # too small, or no noise in it
        return math.nan, math.nan, fit.offset, fit.scale
    photons = (fit.offset + fit.scale - offset) / gain
    return gain if photons > TOLD * read**2 else math.nan, read, fit.offset, fit.scale


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan
