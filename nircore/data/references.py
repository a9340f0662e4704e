"""The best reference that an exposure series holds: its long exposures merged, brought to a short one's scale.

A single long exposure is noisy where the scene is dim and bent or saturated where it is bright. The merged reference
is made of each exposure that is at least four times as long as the low-light one, brought to a middle one by a
straight line, used only where its response is straight, and weighted by its inverse variance.
"""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter

from nircore.data.camera import GAIN_E_PER_DN
from nircore.data.noise import Noise
from nircore.errors import NircoreError

LONGER = 3.9  # times the low-light exposure, at least
STRAIGHT_DN = 1800.0  # signal up to which the SWIR_HDR camera's response is straight [measured]
CAMERA = Noise(GAIN_E_PER_DN, 12.0)  # of the SWIR_HDR camera [measured]; only the weights of the exposures rest on it
NOISY, FITTED = 2.0, 1.5  # px: smoothing before a pixel tells its photon noise, and before two frames are compared


def merged(exposures: Mapping[float, tuple[np.ndarray, np.ndarray]], low_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Merge the exposures of a still scene into a reference at the exposure `low_s`.

    Args:
        exposures: exposure in s -> (signal (H, W) in DN above the dark, bool (H, W) of what is not saturated).
        low_s: exposure in s of the frame that the reference judges or teaches.

    Returns:
        The reference (H, W) float64 in DN at `low_s`, 0 where nothing is known, and where it is known.

    Raises:
        NircoreError: no exposure is long enough.
    """
    chosen = {t: exposures[t] for t in sorted(exposures) if t > LONGER * low_s}
    if not chosen:
        raise NircoreError(f"No exposure is 4 times as long as {low_s:g} s: the scene has no merged reference.")
    middle = list(chosen)[max(0, len(chosen) // 2 - 1)]  # neither noisy nor saturated
    base, sound = chosen[middle][0] * (low_s / middle), chosen[middle][1]
    light, smooth = gaussian_filter(base, NOISY).clip(0), gaussian_filter(base, FITTED)
    total, weight = np.zeros(base.shape), np.zeros(base.shape)
    for exposure_s, (signal, unsaturated) in chosen.items():
        share = low_s / exposure_s
        straight = unsaturated & (signal < STRAIGHT_DN)
        use = straight & sound
        slope, offset = np.polyfit(smooth[use], gaussian_filter(signal * share, FITTED)[use], 1)
        variance = (light / share / CAMERA.gain_e_per_dn + CAMERA.read_noise_dn**2) * share**2
        certainty = straight / variance
        total += certainty * (signal * share - offset) / slope
        weight += certainty
    known = weight > 0
    return np.where(known, total / np.maximum(weight, 1e-12), 0), known
