"""Phantom animals whose lesion and probe can be turned up and down, as the low-light camera sees them."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import distance_transform_edt

from nircore.data import camera, phantom
from nircore.data.made_phantom import DOMAINS
from nircore.metrics.quantitation import GAP, WIDTH, background_ring

FIRST_CALIBRATING = 20_000  # seed of the animals that calibrate: no dataset and no other test has them
HAZE_MM = 0.9  # where the brightest layer lies above this depth and is no vessel, there is skin and muscle


@dataclass(frozen=True, eq=False)
class Animal:
    """The phantom of a seed in a field of `shape` (H, W) pixels, with a lesion that can be taken out of it."""

    seed: int
    shape: tuple[int, int]
    exposure_s: float = 0.02

    @cached_property
    def anatomy(self) -> phantom.Anatomy:
        """The animal with its lesion."""
        return phantom.anatomy(self.seed, self.shape, lesion=True)

    @cached_property
    def ring(self) -> np.ndarray:
        """The lesion's background: the ring of `quantitation.background_ring` within the body, (H, W) bool."""
        return background_ring(self.anatomy.lesion, self.anatomy.body)

    @cached_property
    def normal(self) -> np.ndarray:
        """Healthy tissue, (H, W) bool: skin and muscle, where no organ or vessel outshines them, off the lesion."""
        body = self.anatomy
        near = distance_transform_edt(~body.lesion) <= GAP + WIDTH
        return body.body & (body.depth_mm < HAZE_MM) & ~body.vessels & ~near

    @cached_property
    def _lights(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """By domain, what the light adds up from: own glow and stray light, probe without the lesion, its lesion."""
        healthy = phantom.anatomy(self.seed, self.shape, lesion=False)
        lights = {}
        for domain, name in DOMAINS.items():
            window = camera.WINDOWS[name]
            glow = camera.radiance(healthy, dataclasses.replace(window, emission=0.0))
            without, full = (camera.radiance(body, window) for body in (healthy, self.anatomy))
            lights[domain] = glow, without - glow, full - without
        return lights

    def rate(self, domain: str, lesion: float = 1.0, probe: float = 1.0) -> np.ndarray:
        """Return the light in a domain's window, (H, W) float32 electrons/s.

        Args:
            domain: "low_light" or "target".
            lesion: the probe in the lesion, as a multiple of the phantom's; 0 takes the lesion out.
            probe: all probe, as a multiple; the animal's own glow (autofluorescence) and stray light stay.
        """
        glow, healthy, tumour = self._lights[domain]
        return np.maximum(glow + probe * (healthy + lesion * tumour), 0)  # rounding may leave less than no light

    def clean(self, domain: str, lesion: float = 1.0, probe: float = 1.0) -> np.ndarray:
        """Return the noise-free frame in DN above the dark; that of "target" is the truth a method is judged by."""
        return camera.expected_dn(self.rate(domain, lesion, probe), self.exposure_s)

    def noisy(self, draw: int = 0, lesion: float = 1.0, probe: float = 1.0) -> np.ndarray:
        """Return a low-light frame in DN above the dark; `draw` numbers the noise."""
        rng = np.random.default_rng([self.seed, draw])
        return see(self.rate("low_light", lesion, probe), self.exposure_s, rng)


def see(rate: np.ndarray, exposure_s: float, rng: np.random.Generator) -> np.ndarray:
    """Take a frame of light (H, W) in electrons/s, and subtract the dark: (H, W) float32 DN."""
    sensor = camera.Sensor()
    return camera.expose(rate, exposure_s, rng, sensor) - camera.dark_level(exposure_s, rate.shape, sensor)


def phantom_cases(
    count: int, shape: tuple[int, int], exposure_s: float, truth: str = "target"
) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield low-light phantom frames (H, W) in DN above the dark, with their truth and their valid pixels.

    Args:
        count: animals; every second one bears a lesion.
        shape: (H, W).
        exposure_s: of the frame.
        truth: "target", the clean frame of the target window, or "low_light", that of the same window, for a
            generator that only takes noise away.
    """
    for k in range(count):
        animal, lesion = Animal(FIRST_CALIBRATING + k, shape, exposure_s), float(k % 2)
        yield animal.noisy(lesion=lesion), animal.clean(truth, lesion=lesion), np.ones(shape, dtype=bool)
