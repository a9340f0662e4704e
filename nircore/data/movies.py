"""Phantom movies with their truth: what a camera sees of an animal that breathes, is injected, jumps or bleaches.

A movie is a still phantom animal (`nircore.data.phantom`) and one thing that changes. The changes are modelling
assumptions; the camera's noise is that of `nircore.data.camera`. One seed makes one movie, and frames are made when
they are asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.ndimage import map_coordinates

from nircore.data import camera
from nircore.data.phantom import anatomy

FPS = 20.0  # frames a second; the exposure is 1 / FPS less the time of reading
EXPOSURE_S = 0.02
HEART = (0.25, 0.5)  # of height and width: where a bolus comes from
ARRIVES_S, RISE_S, SPEED = 0.8, 0.8, 60.0  # of a bolus at the heart, from there to its peak, mm/s along the vessels
BREATH_HZ, BREATH_PX = 1.6, 2.5  # of 320 rows: how far the flanks move
BEAT_HZ, BEAT_PX = 8.7, 1.2  # a mouse's heart: faster than half of the frame rate
JUMP_PX = (5.3, -8.7)  # of the stage, half way through
BLEACH_S, FLICKER, PATTERN_DN = 1.5, 0.05, 1.5  # time constant; SD of a laser's power; SD of what the dark left


@dataclass(frozen=True)
class Movie:
    """A phantom movie.

    Attributes:
        kind: what happens, one of KINDS.
        seed: of the animal, and of the noise.
        frames: how many there are.
        shape: (H, W) of a frame in px.
        light: all light times this.
    """

    kind: str
    seed: int = 0
    frames: int = 48
    shape: tuple[int, int] = (320, 256)
    light: float = 1.0

    def clean(self, index: int) -> np.ndarray:
        """Return a frame without noise, (H, W) float32 in DN above the dark: the truth."""
        return np.asarray(KINDS[self.kind](self, index), np.float32) * np.float32(self.light)

    def noisy(self, index: int) -> np.ndarray:
        """Return the frame as the camera takes it, (H, W) float32 in DN above the dark."""
        return self._taken(self.clean(index), index)

    def _taken(self, clean: np.ndarray, index: int) -> np.ndarray:
        rng, sensor = np.random.default_rng([self.seed, 77, index]), camera.Sensor()
        electrons = rng.poisson(clean * sensor.gain_e_per_dn)
        frame = electrons / sensor.gain_e_per_dn + rng.normal(0, sensor.read_noise_dn, self.shape)
        return (frame + (self._pattern if self.kind == "pattern" else 0)).astype(np.float32)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (clean, noisy) of every frame."""
        for index in range(self.frames):
            clean = self.clean(index)
            yield clean, self._taken(clean, index)

    @property
    def still(self) -> np.ndarray:
        """The animal at rest, (H, W) in DN."""
        return sum(_lights(self.seed, self.shape))

    @cached_property
    def _pattern(self) -> np.ndarray:
        columns, pixels = (np.random.default_rng([self.seed, 78, part]) for part in (0, 1))
        return PATTERN_DN * (columns.normal(0, 0.7, self.shape[1]) + pixels.normal(0, 0.7, self.shape))

    @property
    def half(self) -> int:
        """The frame in which a cut or a jump happens."""
        return self.frames // 2


@lru_cache(maxsize=4)  # a cut shows a second animal in every frame
def _lights(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the light of tissue and organs, and that of the vessels, (H, W) each in DN."""
    whole, window = anatomy(seed, shape, lesion=False), camera.WINDOWS["NIR-IIa"]
    tissue = camera.radiance(replace(whole, layers=whole.layers[:2]), window)
    both = camera.radiance(whole, window)
    return camera.expected_dn(tissue, EXPOSURE_S), camera.expected_dn(both - tissue, EXPOSURE_S)


def bolus(movie: Movie, index: int) -> np.ndarray:
    """Fill the vessels by a gamma-variate curve that comes the later the farther from the heart."""
    tissue, vessels = _lights(movie.seed, movie.shape)
    y, x = np.indices(movie.shape, sparse=True)
    away_mm = np.hypot(y - HEART[0] * movie.shape[0], x - HEART[1] * movie.shape[1]) * 80 / movie.shape[0]
    since = np.maximum((index / FPS - ARRIVES_S - away_mm / SPEED) / RISE_S, 0)
    return tissue + vessels * since * np.exp(1 - since)


def _moved(frame: np.ndarray, down: np.ndarray | float, right: np.ndarray | float) -> np.ndarray:
    """Return a frame whose content moved by so many px."""
    y, x = np.indices(frame.shape)
    return map_coordinates(frame, (y - down, x - right), order=3, mode="nearest")


def _around(movie: Movie, place: tuple[float, float], reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return offsets (down, right) from a place as shares of the height, and a bump of 1 there."""
    height, width = movie.shape
    y, x = np.indices(movie.shape, sparse=True)
    down, right = (y - place[0] * height) / height, (x - place[1] * width) / height
    return down, right, np.exp(-0.5 * (down**2 + right**2) / reach**2)


def breathing(movie: Movie, index: int) -> np.ndarray:
    """Move and widen the trunk, as breath does."""
    down, right, bump = _around(movie, (0.45, 0.5), 0.18)
    size = BREATH_PX * movie.shape[0] / 320 * np.sin(2 * np.pi * BREATH_HZ * index / FPS)
    return _moved(movie.still, size * bump, 4 * size * right * bump)


def heartbeat(movie: Movie, index: int) -> np.ndarray:
    """Widen and narrow what lies around the heart, faster than the frames follow."""
    down, right, bump = _around(movie, HEART, 0.06)
    size = 16 * BEAT_PX * movie.shape[0] / 320 * np.sin(2 * np.pi * BEAT_HZ * index / FPS)
    return _moved(movie.still, size * down * bump, size * right * bump)


def jump(movie: Movie, index: int) -> np.ndarray:
    """Push the stage, once."""
    return movie.still if index < movie.half else _moved(movie.still, *JUMP_PX)


def cut(movie: Movie, index: int) -> np.ndarray:
    """Show another animal from half way on."""
    return movie.still if index < movie.half else replace(movie, seed=movie.seed + 1000).still


def bleaching(movie: Movie, index: int) -> np.ndarray:
    """Let the dye fade."""
    return movie.still * np.exp(-index / FPS / BLEACH_S)


def flicker(movie: Movie, index: int) -> np.ndarray:
    """Let the laser's power scatter from frame to frame."""
    return movie.still * (1 + FLICKER * np.random.default_rng([movie.seed, 79, index]).normal())


#: What can happen in a movie. "still" and "pattern" show an animal at rest, the latter with what a poor dark left.
KINDS: dict[str, Callable[[Movie, int], np.ndarray]] = {
    "still": lambda movie, index: movie.still,
    "bolus": bolus,
    "breathing": breathing,
    "heartbeat": heartbeat,
    "jump": jump,
    "cut": cut,
    "bleaching": bleaching,
    "flicker": flicker,
    "pattern": lambda movie, index: movie.still,
}
