"""Target crops and what the low-light camera would have made of them: pairs that nobody had to measure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from nircore.data.unpaired import random_crop

GAIN_SPREAD, READ_SPREAD = 0.15, 0.04  # shares: how well one frame tells its gain and its read noise
ROW_SD_DN, ROW_LENGTH = (0.0, 1.2), 10.0  # DN; rows over which it lasts [measured: 0.7 DN on 20 ms SWIR_HDR frames]
COLUMN_SD_DN = (0.0, 0.8)  # DN [measured: 0.5 DN is left of the columns' pattern after dark subtraction]
PERCENTILE_ERROR, SCALE_ERROR = 0.4, 0.05  # of read noise; share: how noise biases a frame's own normalisation


@dataclass(frozen=True)
class LowLight:
    """What low-light frames of a camera are like; estimated from frames of other scenes than the targets.

    Attributes:
        gain_e_per_dn, read_noise_dn: of the noise, variance = mean / gain + read_noise^2 in DN^2.
        darkest_dn, brightest_dn: range of the frames' brightness, from black to white level
            (`Normalisation.scale`).
    """

    gain_e_per_dn: float
    read_noise_dn: float
    darkest_dn: float
    brightest_dn: float


class DegradedCrops:
    """Batches of degraded target crops beside the clean ones, a function of the step number alone.

    Every crop is given a brightness drawn log-uniformly from the range, a gain and a read noise drawn around the
    camera's, Poisson and Gaussian noise, and the small error with which a noisy frame tells its own black and white
    level. Both crops are in the units of that normalisation, -1 black and +1 white, unclipped.

    Args:
        scenes: for each target frame, (variants + 1, H, W) float32 with black level 0 and white level 1: noise-free
            low-light appearances of the scene (several, as where the depth of the tissue is unknown), and last the
            target itself.
        camera: what to degrade them to.
        crop: side of the square crops in px.
        batch: crops in a step.
        seed: with the step, all there is to the draw.
    """

    def __init__(
        self, scenes: Sequence[np.ndarray], camera: LowLight, crop: int, batch: int = 1, seed: int = 0
    ) -> None:
        self.scenes, self.camera = list(scenes), camera
        self.crop, self.batch, self.seed = crop, batch, seed

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of a step: degraded and clean, both float32 (batch, 1, crop, crop)."""
        rng = np.random.default_rng([self.seed, step])
        pairs = [self._pair(self.scenes[k], rng) for k in rng.integers(len(self.scenes), size=self.batch)]
        both = torch.from_numpy(np.stack(pairs).astype(np.float32))  # (batch, 2, crop, crop)
        return both[:, :1], both[:, 1:]

    def _pair(self, scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a degraded crop and its clean one, (2, crop, crop)."""
        crops = random_crop(scene[[rng.integers(len(scene) - 1), -1]], self.crop, rng)
        scale = np.exp(rng.uniform(np.log(self.camera.darkest_dn), np.log(self.camera.brightest_dn)))
        signal_dn = scale * crops
        signal_dn[0] = self._expose(signal_dn[0], rng)
        black = -rng.uniform(0, PERCENTILE_ERROR) * self.camera.read_noise_dn
        white = scale * (1 + rng.uniform(0, SCALE_ERROR))
        return (signal_dn - black) * (2 / (white - black)) - 1

    def _expose(self, signal_dn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add the camera's noise to a crop in DN."""
        gain = self.camera.gain_e_per_dn * rng.uniform(1 - GAIN_SPREAD, 1 + GAIN_SPREAD)
        read = self.camera.read_noise_dn * rng.uniform(1 - READ_SPREAD, 1 + READ_SPREAD)
        light = np.clip(signal_dn, 0, None)
        noise = rng.poisson(gain * light) / gain - light + rng.normal(0, read, signal_dn.shape)
        rows, columns = signal_dn.shape
        noise += rng.uniform(*ROW_SD_DN) * drift(rows, ROW_LENGTH, rng)[:, None]
        return signal_dn + noise + rng.normal(0, rng.uniform(*COLUMN_SD_DN), columns)


def drift(count: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return an offset that wanders from row to row, (count,): SD 1, correlation exp(-distance / length).

    The camera reads row after row, and its offset drifts meanwhile: bands across the frame, new in every frame,
    which no method that averages neighbours can tell from the scene.
    """
    kept = np.exp(-1 / length)
    steps = rng.normal(0, np.sqrt(1 - kept**2), count)
    steps[0] = rng.normal()
    return lfilter([1.0], [1.0, -kept], steps)
