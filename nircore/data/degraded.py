"""Target crops and what the low-light camera would have made of them: pairs that nobody had to measure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter
from torch import Tensor

from nircore.data import dead_leaves
from nircore.data.crops import Crops, random_crop
from nircore.data.dead_leaves import log_uniform
from nircore.data.outliers import outliers, replaced
from nircore.data.stabilise import Stabilisation

GAIN_ERROR, READ_ERROR = 0.12, 0.04  # shares (SD): how well one frame tells its gain and its read noise
BLACK_ERROR = 0.4  # of the read noise: so far below the truth may a noisy frame's own black level lie
ROW_SD, ROW_LENGTH = 0.1, 10.0  # of the read noise, at most; rows over which it lasts [measured: .06 on SWIR_HDR]
COLUMN_SD = 0.067  # of the read noise, at most [measured: .04 is left of the columns' pattern above the dark]
TAIL_SHARE, TAIL_SD = 4e-4, 5.0  # of the pixels; read noises: what is beyond normal noise [measured]
OTHER_CAMERAS, GAINS = 0.3, (0.15, 2.0)  # share of crops as cameras of another gain see them; times the gain
ZOOMED, ZOOM = 0.5, (0.75, 2.5)  # share of crops; sides in crops that become one: sharper optics than the targets'
TONED, TONE = 0.3, (0.8, 1.4)  # share of crops; exponent of the scene's brightness
DARK_TOO, BRIGHT = 0.35, 0.15  # share of crops cut anywhere; others show a place that bright, white level 1
GLOWING, GLOWS = 0.5, (1, 4)  # share of crops with dim things that no target shows; how many
GLOW_SD, GLOW_PX, EDGE_PX = (0.1, 3.0), (4.0, 60.0), (0.7, 12.0)  # read noises; radius; softness of its edge
TRIES = 20  # of finding one: a scene may be dark nearly everywhere
LEAVES, LEAF_SIZE = 400, 256  # dead-leaves images that crops are cut from, and their side in px
COLOUR_PX, ONE_WAY = (0.3, 1.0), 0.2  # sigma of the blur that colours noise; share that is blurred along one axis
COLOUR_ERROR = (0.06, 0.06)  # by how much less than it is coloured noise is told (mean and SD of the logarithm)
COUNT_E, COUNT_READ_E = (0.3, 30.0), (0.05, 1.0)  # where photons are counted: electrons at white; read noise
LINES = 3  # filled lines of a crop, at most


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


@dataclass(frozen=True)
class Mixture:
    """What a network is shown that is to know any content and any camera: shares of the crops.

    Attributes:
        leaves: cut from images of dead leaves (`nircore.data.dead_leaves`).
        coloured: with noise that goes on from pixel to pixel, as resizing leaves it.
        counted: of cameras that count few photons.
        clipped: cut off at black.
        lined: with rows or columns filled in from those beside them.
    """

    leaves: float = 0.35
    coloured: float = 0.15
    counted: float = 0.04
    clipped: float = 0.06
    lined: float = 0.1


class DegradedCrops(Crops):
    """Degraded target crops beside the clean ones.

    Every crop is given a brightness drawn log-uniformly from the range; Poisson and Gaussian noise with the tails and
    bands of a real sensor; and the small errors with which a noisy frame tells its gain, read noise and black level.
    Outliers are taken out as `nircore.inference` does. Both crops are on the scale of `Stabilisation`: the degraded
    one with noise of one size, the clean one as what such frames average to.

    Args:
        scenes: for each target frame, (variants + 1, H, W) float32 with black level 0 and white level 1: noise-free
            low-light appearances of the scene (several, as where the depth of the tissue is unknown), and last the
            target itself.
        camera: what to degrade them to.
        mixture: what is mixed in for any content and any camera; None: nothing.
    """

    def __init__(
        self,
        scenes: Sequence[np.ndarray],
        camera: LowLight,
        crop: int,
        batch: int = 1,
        seed: int = 0,
        mixture: Mixture | None = None,
    ) -> None:
        super().__init__(crop, batch, seed)
        self.scenes, self.camera, self.mixture = list(scenes), camera, mixture

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Return degraded and clean crops of a step, both float32 (batch, 1, crop, crop)."""
        rng = np.random.default_rng([self.seed, step])
        pairs = [self._pair(self.scenes[k], rng) for k in rng.integers(len(self.scenes), size=self.batch)]
        both = torch.from_numpy(np.stack(pairs).astype(np.float32))  # (batch, 2, crop, crop)
        return both[:, :1], both[:, 1:]

    def _pair(self, scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a degraded crop and its clean one, (2, crop, crop)."""
        if self.mixture and rng.random() < self.mixture.leaves:
            leaf = dead_leaves.drawn(int(rng.integers(LEAVES)), LEAF_SIZE)
            scene = np.stack([leaf, leaf])
        crops = zoomed(scene[[rng.integers(len(scene) - 1), -1]], self.crop, rng)
        if rng.random() < TONED:
            crops = np.sign(crops) * np.abs(crops) ** rng.uniform(*TONE)
        camera = self._camera(rng)
        gain, read = camera.gain_e_per_dn, camera.read_noise_dn
        shown, target = crops * log_uniform(rng, camera.darkest_dn, camera.brightest_dn)
        if rng.random() < OTHER_CAMERAS and camera is self.camera:
            gain *= log_uniform(rng, *GAINS)
        if rng.random() < GLOWING:
            glow = read * glows(self.crop, rng)
            shown, target = shown + glow, target + glow
        fit = Stabilisation(-rng.uniform(0, BLACK_ERROR) * read, gain, read)
        noisy = expose(shown, gain * np.exp(rng.normal(0, GAIN_ERROR)), read * np.exp(rng.normal(0, READ_ERROR)), rng)
        if self.mixture:
            noisy = spoilt(noisy, shown, self.mixture, rng)
        return np.stack([fit.apply(replaced(noisy, outliers(noisy))), fit.clean(target)])

    def _camera(self, rng: np.random.Generator) -> LowLight:
        """Return the camera of a crop: the one that was given, or one that counts photons."""
        if not self.mixture or rng.random() > self.mixture.counted:
            return self.camera
        return LowLight(1.0, log_uniform(rng, *COUNT_READ_E), *COUNT_E)


def spoilt(noisy: np.ndarray, light: np.ndarray, shares: Mixture, rng: np.random.Generator) -> np.ndarray:
    """Return a noisy crop (H, W) as what stands between a sensor and a file may leave it: coloured, clipped, filled.

    Coloured noise keeps its SD. The clean crop `light` is no sharper for it: resizing and interpolation blur a scene
    that the optics has blurred already far less than noise.
    """
    if rng.random() < shares.coloured:
        along = (0, 1) if rng.random() > ONE_WAY else (int(rng.integers(2)),)
        noise = coloured(noisy - light, log_uniform(rng, *COLOUR_PX), along)
        noisy = light + noise * np.exp(rng.normal(*COLOUR_ERROR))
    if rng.random() < shares.clipped:
        noisy = np.maximum(noisy, 0)
    if rng.random() < shares.lined:
        noisy = noisy.copy()
        for k in rng.integers(1, len(noisy) - 1, rng.integers(1, LINES + 1)):
            across = noisy if rng.random() < 0.5 else noisy.T
            across[k] = (across[k - 1] + across[k + 1]) / 2
    return noisy


def coloured(noise: np.ndarray, sigma: float, along: tuple[int, ...] = (0, 1)) -> np.ndarray:
    """Blur noise (H, W) by sigma px along some axes, and keep its SD."""
    point = np.zeros((31,) * len(along))
    point[(15,) * len(along)] = 1
    return gaussian_filter(noise, sigma, axes=along) / np.sqrt(np.square(gaussian_filter(point, sigma)).sum())


def zoomed(scene: np.ndarray, crop: int, rng: np.random.Generator) -> np.ndarray:
    """Cut a square out of a scene (n, H, W), turned and zoomed, mostly where there is light: (n, crop, crop)."""
    side = round(crop * log_uniform(rng, *ZOOM)) if rng.random() < ZOOMED else crop
    side, anywhere = min(side, *scene.shape[-2:]), rng.random() < DARK_TOO
    for _ in range(TRIES):
        square = random_crop(scene, side, rng)
        if anywhere or square[-1].max() > BRIGHT:
            break
    if side == crop:
        return square
    image = torch.from_numpy(np.ascontiguousarray(square))[None]
    return F.interpolate(image, size=(crop, crop), mode="bilinear", antialias=True)[0].numpy()


def glows(crop: int, rng: np.random.Generator) -> np.ndarray:
    """Return dim discs at random places, (crop, crop) in read noises.

    Targets of a few animals hold hardly anything that is wide and fainter than the noise; a network that never saw it
    takes it for background. What is faint has to keep its contrast, well for well.
    """
    y, x = np.indices((crop, crop), dtype=np.float32)
    total = np.zeros((crop, crop), dtype=np.float32)
    for _ in range(rng.integers(*GLOWS)):
        size, radius, edge = (log_uniform(rng, *span) for span in (GLOW_SD, GLOW_PX, EDGE_PX))
        row, column = rng.uniform(-0.2 * crop, 1.2 * crop, 2)
        squeezed = np.hypot(y - row, (x - column) * rng.uniform(0.5, 2))
        total += size / (1 + np.exp(np.clip((squeezed - radius) / edge, -30, 30)))
    return total


def expose(light_dn: np.ndarray, gain: float, read_dn: float, rng: np.random.Generator) -> np.ndarray:
    """Return what a camera of that gain (e-/DN) and read noise (DN) makes of light (H, W) in DN: (H, W) in DN."""
    shape, light = light_dn.shape, np.clip(light_dn, 0, None)
    noise = rng.poisson(gain * light) / gain - light + rng.normal(0, read_dn, shape)
    tail = rng.random(shape) < TAIL_SHARE
    noise[tail] += rng.normal(0, TAIL_SD * read_dn, int(tail.sum()))
    noise += rng.uniform(0, ROW_SD) * read_dn * drift(shape[0], ROW_LENGTH, rng)[:, None]
    return light_dn + noise + rng.normal(0, rng.uniform(0, COLUMN_SD) * read_dn, shape[1])


def drift(count: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return an offset that wanders from row to row, (count,): SD 1, correlation exp(-distance / length).

    The camera reads row after row, and its offset drifts meanwhile: bands across the frame, new in every frame,
    which no method that averages neighbours can tell from the scene.
    """
    kept = np.exp(-1 / length)
    steps = rng.normal(0, np.sqrt(1 - kept**2), count)
    steps[0] = rng.normal()
    return lfilter([1.0], [1.0, -kept], steps)
