"""Cameras that nobody has: a model and BM3D on frames of a grid of gains, read noises, bit depths and brightnesses.

The frames come without a dark, as from a camera nobody knows: what a method needs to know it has to read off them.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from torch import nn

from companion import rivals
from companion.rivals import Denoise
from companion.study.real_frames import cleaned
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
COLUMNS = ("read_e", "gain_e_per_dn", "bits", "peak", "method", *SCORES)


class Camera(NamedTuple):
    """A camera: read noise in electrons, gain, bits of its files; and the scene's brightness in read noises."""

    read_e: float
    gain_e_per_dn: float
    bits: int
    peak: float

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
        counts = np.clip(np.rint(electrons / self.gain_e_per_dn), 0, 2**self.bits - 1)
        return counts.astype(np.float32), (light_e / self.gain_e_per_dn).astype(np.float32)


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


def methods(generators: dict[str, nn.Module]) -> dict[str, Denoise]:
    """Return what is compared, by name: the frame, the generators, and VST + BM3D where its package is there."""
    found: dict[str, Denoise] = {"input": lambda frame: frame}
    for name, generator in generators.items():
        found[name] = lambda frame, g=generator: enhance(g, frame)[0]
    if not rivals.available()["vst_bm3d"]:
        found["VST + BM3D"] = _bm3d
    return found


def _bm3d(frame: np.ndarray) -> np.ndarray:
    fit = Stabilisation.of(cleaned(frame))
    noise = rivals.vst.Noise(fit.gain_e_per_dn, fit.read_noise_dn)
    return rivals.vst_bm3d(cleaned(frame) - np.float32(fit.offset), STRENGTH, noise)


def scores(compared: dict[str, Denoise], grid: list[Camera], shown: list[np.ndarray]) -> pd.DataFrame:
    """Score methods on every camera of a grid, means over scenes as `scene` makes them; COLUMNS, PSNR in dB."""
    rows = []
    for camera in grid:
        frames = [camera.frame(scene, seed) for seed, scene in enumerate(shown)]
        for name, method in compared.items():
            judged = [with_truth.score(method(frame), light) for frame, light in frames]
            rows.append((*camera, name, *(float(np.mean([score[key] for score in judged])) for key in SCORES)))
    return pd.DataFrame(rows, columns=COLUMNS)


def gains(table: pd.DataFrame, over: str = "VST + BM3D") -> pd.DataFrame:
    """Return the table without one method, and `gain_db`: PSNR above that method on the same camera."""
    keys = list(COLUMNS[:4])
    other = table.loc[table["method"] == over, [*keys, "psnr"]]
    both = table[~table["method"].isin((over, "input"))].merge(other, on=keys, suffixes=("", "_other"))
    return both.assign(gain_db=both["psnr"] - both.pop("psnr_other"))
