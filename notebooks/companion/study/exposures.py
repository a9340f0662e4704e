"""The exposure series of the published SWIR_HDR set: each still scene, and the best reference that its series holds.

A single long exposure is noisy where the scene is dim and bent or saturated where it is bright. The merged reference
is made of each exposure that is at least four times as long as the low-light one, brought to a middle one by a
straight line, used only where its response is straight, and weighted by its inverse variance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter

from nircore.data import swir_hdr
from nircore.data.camera import GAIN_E_PER_DN
from nircore.data.darks import Darks
from nircore.data.frames import exposure_in, filter_in, without_exposure
from nircore.data.noise import Noise
from nircore.errors import NircoreError

#: Series in which the animal moved after the first exposures [seen]: the first one, in s, that shows the scene.
MOVED = {"250506_M1_ICG": 0.1, "m1_hdr_icg": 0.1, "m2_hdr_icg": 0.1}
LONG_S = 0.32  # s: the published long exposure
LONGER = 3.9  # times the low-light exposure, at least
STRAIGHT_DN = 1800.0  # signal up to which the SWIR_HDR camera's response is straight [measured]
CAMERA = Noise(GAIN_E_PER_DN, 12.0)  # of the SWIR_HDR camera [measured]; only the weights of the exposures rest on it
MOVED_SD, MOVED_PX = 7.0, 2  # SDs of the low-light frame's noise between it and the reference; px around
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


def noise_sd(light: np.ndarray) -> np.ndarray:
    """Return the SD in DN of the camera's noise at a light (H, W) in DN."""
    return np.sqrt(light.clip(0) / CAMERA.gain_e_per_dn + CAMERA.read_noise_dn**2)


def moved(frame: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Say where a low-light frame shows another moment than its reference, (H, W) in DN both: bool (H, W).

    Glints and breathing between exposures that were taken seconds apart. One glint bends the straight line by which
    a frame is scored, and with it the score of the whole frame.
    """
    return binary_dilation(np.abs(frame - reference) > MOVED_SD * noise_sd(reference), iterations=MOVED_PX)


@dataclass(frozen=True)
class Scene:
    """A still scene at several exposures.

    Attributes:
        name: animal or series, and filter: "F1-2_BP1150".
        group: animal or series.
        filter: such as "BP1150".
        files: exposure in s -> frame, from the shortest that shows the scene.
    """

    name: str
    group: str
    filter: str
    files: dict[float, str]

    @property
    def low_s(self) -> float:
        """The low-light exposure, the shortest."""
        return min(self.files)

    def signals(self, darks: Darks) -> dict[float, tuple[np.ndarray, np.ndarray]]:
        """Return exposure in s -> (signal in DN above the dark, where it is below saturation), (H, W) both."""
        return {t: swir_hdr.load_valid(file, t, darks) for t, file in self.files.items()}

    def merged(self, darks: Darks) -> tuple[np.ndarray, np.ndarray]:
        """Return the merged reference at the low-light exposure, and where it is known; see `merged`."""
        return merged(self.signals(darks), self.low_s)

    def reference(self, darks: Darks) -> tuple[np.ndarray, np.ndarray]:
        """Return the merged reference, and where it is known and nothing moved: what a method is judged by."""
        found, known = self.merged(darks)
        return found, known & ~moved(swir_hdr.load(self.files[self.low_s], self.low_s, darks), found)

    def single(self, darks: Darks) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the frame of LONG_S at the low-light one's scale, and where it is not saturated; None without it."""
        if LONG_S not in self.files:
            return None
        signal, valid = swir_hdr.load_valid(self.files[LONG_S], LONG_S, darks)
        return signal * (self.low_s / LONG_S), valid


def scenes(root: Path | str) -> list[Scene]:
    """List the still scenes at hand, quantum dots and ICG, by name; see `Scene`.

    Raises:
        NircoreError: there are no quantum-dot frames under `root`.
    """
    more = swir_hdr.frames(root, "icg") if (Path(root) / "icg").is_dir() else []
    found: dict[tuple[str, str], dict[float, str]] = {}
    for file in [*more, *swir_hdr.frames(root, "qd")]:
        if exposure_in(file) >= MOVED.get(file.parent.name, 0):
            scene = found.setdefault((file.parent.name, without_exposure(file.stem)), {})
            scene[exposure_in(file)] = str(file)
    return [Scene(name, group, filter_in(name), files) for (group, name), files in found.items()]


def series(root: Path | str, kind: str) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Return what `Scene.signals` does of what is no animal, as far as there are darks: "plate", "checker", ...

    Raises:
        NircoreError: the set under `root` has none.
    """
    darks = swir_hdr.darks(root)
    files = {exposure_in(file): file for file in swir_hdr.frames(root, kind)}
    return {t: swir_hdr.load_valid(file, t, darks) for t, file in files.items() if t <= max(darks.exposures_s)}
