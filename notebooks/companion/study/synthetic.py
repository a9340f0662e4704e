"""Cameras that nobody has, and content that nobody trained on: models and BM3D on frames made of known light.

The frames come without a dark, as from a camera nobody knows: what a method needs to know it has to read off them.
Two rivals are told more, to be hard to beat: a blur that is as wide as suits the truth best, and BM3D that knows the
noise's spectrum.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from skimage import color, data
from torch import nn

from companion import rivals
from companion.rivals import Denoise
from companion.study.real_frames import cleaned
from nircore.data.degraded import coloured
from nircore.data.stabilise import Stabilisation
from nircore.inference import enhance
from nircore.metrics import with_truth

READ_E = (5.0, 15.0, 40.0)  # electrons: a scientific CMOS, a cooled and a plain InGaAs sensor
GAINS = (0.5, 2.0, 8.0)  # e-/DN
BITS = (8, 12, 16)
PEAKS = (5.0, 25.0, 100.0)  # brightness, from black to the 99.9th percentile, in read noises
SMOOTHED = 1.7  # px: of references
PEDESTAL = 5.0  # read noises, so that hardly anything is cut off at 0 DN
STRENGTH = 1.2  # of BM3D: what `real_frames.tuned` chooses on real frames
SCORES = ("psnr", "ssim")
#: Sigma in px of the blur that colours noise, and the correlation of neighbours that it leaves.
COLOURS = {0.0: 0.0, 0.48: 0.2, 0.61: 0.45, 0.86: 0.7}
BLUR, TOLD, BM3D = "best plain blur", "VST + BM3D, spectrum told", "VST + BM3D"
BLURS = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)  # px
#: Photographs, textures, text, cells and galaxies, which scikit-image brings along.
PUBLIC = ("astronaut", "brick", "camera", "cell", "coins", "gravel", "hubble_deep_field", "immunohistochemistry",
          "retina", "text")  # fmt: skip
SIDE = 160  # px: the side of the square that is cut out of their middle


class Camera(NamedTuple):
    """A camera, and how bright the scene is.

    Attributes:
        read_e: read noise in electrons.
        gain_e_per_dn, bits: of its files.
        peak: brightness in read noises.
        colour: sigma in px of the blur that its noise went through; its SD is kept.
    """

    read_e: float
    gain_e_per_dn: float
    bits: int
    peak: float
    colour: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether the scene and the noise above it stay within the files' range, and the steps within the noise."""
        light = self.read_e * self.peak
        top = (self.read_e * PEDESTAL + light + 5 * np.sqrt(light + self.read_e**2)) / self.gain_e_per_dn
        return top < 2**self.bits - 1 and self.gain_e_per_dn <= 2 * self.read_e

    def frame(self, scene: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a frame of a scene (H, W), black 0 and white 1, and its noise-free light, both float32 DN."""
        light_e, rng = scene * self.peak * self.read_e, np.random.default_rng(seed)
        electrons = rng.poisson(np.maximum(light_e, 0)) + rng.normal(PEDESTAL * self.read_e, self.read_e, scene.shape)
        if self.colour:
            still = light_e + PEDESTAL * self.read_e
            electrons = still + coloured(electrons - still, self.colour)
        counts = np.clip(np.rint(electrons / self.gain_e_per_dn), 0, 2**self.bits - 1)
        return counts.astype(np.float32), (light_e / self.gain_e_per_dn).astype(np.float32)

    def spectrum(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the power of the noise over frequencies, (H, W) float64 of mean 1, as `numpy.fft.fft2` orders it."""
        point = np.zeros(shape)
        point[0, 0] = 1
        spread = gaussian_filter(point, self.colour, mode="wrap") if self.colour else point
        power = np.abs(np.fft.fft2(spread)) ** 2
        return power / power.mean()


def cameras() -> Iterator[Camera]:
    """Yield the cameras of the grid to which the scene fits."""
    return (one for one in (Camera(*values) for values in product(READ_E, GAINS, BITS, PEAKS)) if one.fits)


def scene(reference: np.ndarray) -> np.ndarray:
    """Return a reference (H, W) as noise-free light at half the size, black 0 and the 99.9th percentile 1.

    Smoothed before, because what noise a merged reference has left would pass for detail where the scene is made
    bright: at half the size the smoothing is that of optics with a point of 2 px.
    """
    half = gaussian_filter(np.asarray(reference, dtype=np.float64), SMOOTHED)[::2, ::2]
    return np.maximum(half, 0) / np.percentile(half, 99.9)


def public() -> dict[str, np.ndarray]:
    """Return images that trained nothing, by name: (SIDE, SIDE) or less, black 0 and the 99.9th percentile 1."""
    found = {}
    for name in PUBLIC:
        image = getattr(data, name)()
        image = (color.rgb2gray(image) if image.ndim == 3 else image).astype(np.float64)
        rows, columns = ((side - min(side, SIDE)) // 2 for side in image.shape)
        cut = image[rows : rows + SIDE, columns : columns + SIDE] - image.min()
        found[name] = cut / np.percentile(cut, 99.9)
    return found


def coloured_cameras() -> list[Camera]:
    """Return cameras of one kind at four brightnesses, their noise white and of three colours."""
    return [Camera(28.0, 2.35, 16, peak, colour) for colour, peak in product(COLOURS, (2.0, *PEAKS))]


def methods(generators: dict[str, nn.Module]) -> dict[str, Denoise]:
    """Return what is compared, by name: the frame, the generators, and VST + BM3D where its package is there."""
    found: dict[str, Denoise] = {"input": lambda frame: frame}
    for name, generator in generators.items():
        found[name] = lambda frame, g=generator: enhance(g, frame)[0]
    if not rivals.available()["vst_bm3d"]:
        found[BM3D] = _bm3d
    return found


def _bm3d(frame: np.ndarray, spectrum: np.ndarray | None = None) -> np.ndarray:
    fit = Stabilisation.of(cleaned(frame))
    noise = rivals.vst.Noise(fit.gain_e_per_dn, fit.read_noise_dn)
    return rivals.vst_bm3d(cleaned(frame) - np.float32(fit.offset), STRENGTH, noise, spectrum)


def _told(camera: Camera, frame: np.ndarray, light: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the rivals make of a frame that are told more than it says."""
    blurred = [gaussian_filter(frame, sigma) for sigma in BLURS]
    made = {BLUR: max(blurred, key=lambda image: with_truth.score(image, light)["psnr"])}
    if not rivals.available()["vst_bm3d"]:
        made[TOLD] = _bm3d(frame, camera.spectrum(frame.shape))
    return made


def scores(
    compared: dict[str, Denoise], grid: list[Camera], shown: dict[str, np.ndarray], told: bool = False
) -> pd.DataFrame:
    """Score methods on every camera of a grid and every scene as `scene` makes them; PSNR in dB.

    Args:
        told: the rivals that are told more than the frame says are compared too.
    """
    rows = []
    for camera, (seed, (name, light)) in product(grid, enumerate(shown.items())):
        frame, truth = camera.frame(light, seed)
        made = {method: denoise(frame) for method, denoise in compared.items()}
        made |= _told(camera, frame, truth) if told else {}
        for method, image in made.items():
            score = with_truth.score(image, truth)
            rows.append(camera._asdict() | {"scene": name, "method": method} | {key: score[key] for key in SCORES})
    return pd.DataFrame(rows)


def gains(table: pd.DataFrame, over: str = BM3D) -> pd.DataFrame:
    """Return the table without one method, and `gain_db`: PSNR above that method on the same frame."""
    keys = [*Camera._fields, "scene"]
    other = table.loc[table["method"] == over, [*keys, "psnr"]]
    both = table[~table["method"].isin((over, "input"))].merge(other, on=keys, suffixes=("", "_other"))
    return both.assign(gain_db=both["psnr"] - both.pop("psnr_other"))
