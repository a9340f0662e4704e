"""A frame on its way to the network and back, what frames tell of their camera, and what is said of a result."""

import math
from typing import Any, NamedTuple

import numpy as np

from nircore.data.defects import Defects
from nircore.data.noise import alike, noise_level
from nircore.data.smooth import gaussian
from nircore.data.stabilise import Stabilisation

#: What a frame's record holds, and what stands there for a blank one.
FACTS: dict[str, Any] = {
    "offset_dn": math.nan, "scale_dn": math.nan, "gain_e_per_dn": math.nan, "read_noise_dn": math.nan,
    "noise_correlation": 0.0, "assumed": "", "outliers": 0, "bad_lines": 0, "bad_areas": 0, "flux_ratio": 1.0,
    "clipped": 0, "at_ceiling": 0, "blank": False, "frames_used": 1.0, "doubt": "",
}  # fmt: skip
WIDE = 8.0  # px: sigma of the course of the light
MANY, NEAR = 20, 0.002  # pixels that share a ceiling at least; of it, where few others are
LOST, UNLIKE = 0.15, 2.5  # shares of light and of noise; times: beyond them a result is in doubt


class Camera(NamedTuple):
    """What frames tell of the camera that took them.

    Attributes:
        fit: the map to the network's scale.
        bad: pixels (H, W) bool that are outliers in most of the frames, or hot in the dark.
        level: DN, the noise in the dark places of its frames.
        others: the same of frames whose noise is another: the gain was switched.
    """

    fit: Stabilisation
    bad: np.ndarray
    level: float
    others: tuple["Camera", ...] = ()

    def of(self, signal: np.ndarray) -> "Camera | None":
        """Return what holds for a frame, with its own level of noise; None: it is like none that was asked."""
        for one in (self, *self.others):
            level = noise_level(signal, one.fit.colour)
            if alike(one.level, level):
                return one._replace(level=level)
        return None


class Prepared(NamedTuple):
    """A frame on its way: as it came, above the dark, its `light` (H, W) in DN for the network, what was found."""

    pixels: np.ndarray
    signal: np.ndarray
    light: np.ndarray
    blank: bool
    found: Defects | None
    camera: Camera | None


def as_told(fit: Stabilisation, frame: Prepared, light: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return a result with the light that is in the frame, where a network cannot know it.

    A frame without noise, and what holds one value, come out as they are. Of counts of few photons the network makes
    a clean frame of the right shape, and the wide course of what it left out is put back.
    """
    if fit.noise_free:
        return light.copy()
    if fit.few(frame.signal[~frame.found.areas]):
        result = result + gaussian(light - result, WIDE)
    result[frame.found.areas] = frame.signal[frame.found.areas]
    return result


def at_ceiling(frame: Prepared, dtype: np.dtype) -> int:
    """Return how many pixels have the largest value, where it is a ceiling: the type's, or one that many share."""
    good = frame.pixels if frame.found is None else frame.pixels[~frame.found.bad]
    top = float(good.max())
    shared, near = int((good == top).sum()), int((good >= top - max(1.0, NEAR * abs(top))).sum())
    return shared if top >= np.iinfo(dtype).max or shared > max(MANY, 0.8 * near) else 0


def doubt(frame: Prepared, result: np.ndarray, black: float) -> str:
    """Return what cannot be true of a result, in words, or nothing."""
    before, after = (float(np.mean(one, dtype=np.float64)) - black for one in (frame.light, result))
    fit, seen = frame.camera.fit, frame.camera.level
    told = float(np.hypot(fit.read_noise_dn, (max(before, 0) / fit.gain_e_per_dn) ** 0.5))
    if abs(after - before) > LOST * abs(before) and abs(after - before) > LOST * max(seen, told):
        return f"its mean above black is {after:.4g} DN, the input's {before:.4g} DN"
    if seen > UNLIKE * told or told > UNLIKE * UNLIKE * seen > 0:
        return f"the noise is told as {told:.3g} DN, and the frame's dark places show {seen:.3g} DN"
    return ""


def flux_ratio(before: np.ndarray, after: np.ndarray, black: float) -> float:
    """Return the light of a result over that of the frame, both (H, W) in DN and above `black`; NaN without light."""
    light = float(np.mean(before, dtype=np.float64)) - black
    return (float(np.mean(after, dtype=np.float64)) - black) / light if light > 0 else math.nan
