"""Does a method find a faint lesion: hits and false alarms at places that are known, with and without one.

A lesion that even the noisy frame shows tells no method from another. These are so faint that the noise hides part of
them: an observer of the noise-free frame finds all, one of the low-light frame some.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion, gaussian_filter, uniform_filter

from companion.study.fidelity import CLEAN, Denoise, outputs
from companion.study.fidelity.animals import Animal, see
from nircore.data.camera import Sensor, expected_dn

CONTRASTS = (4.0, 8.0)  # DN at the lesion's middle: with 12 DN of noise, about 1 and 2 SDs of what is read off
SIZE, AROUND = 2.0, 21  # px: sigma of the lesion and of the observer; side of the square it is compared with
APART, PLACES = 20, 8  # px between the places; as many of them at most in an animal
FALSE_ALARMS = 0.1  # share of the empty places at which the threshold lets an observer say "lesion"
LEAST_DN = 0.5  # no threshold is lower: on a noise-free frame, rounding alone would be called a lesion
COLUMNS = ["animal", "contrast_dn", "draw", "denoiser", "row", "column", "lesion", "reads_dn"]


def stands_out(image: np.ndarray) -> np.ndarray:
    """Return by how many DN each place stands out of its surroundings, (H, W) float64: what the observer reads.

    The frame smoothed by the lesion's own size, minus its mean over a square of AROUND px.
    """
    image = image.astype(np.float64)
    return gaussian_filter(image, SIZE) - uniform_filter(image, AROUND)


def places(animal: Animal) -> np.ndarray:
    """Return the places (n, 2) of an animal, row and column: where both clean frames are flattest, in the body.

    Flat to LEAST_DN, so that the observer answers to lesion and noise, and not to anatomy.
    """
    clean = [animal.clean(domain, lesion=0) for domain in ("low_light", "target")]
    uneven = np.max([np.abs(stands_out(frame)) for frame in clean], axis=0)
    inside = binary_erosion(animal.anatomy.body, iterations=AROUND // 2)
    uneven[~inside] = np.inf
    chosen: list[tuple[int, int]] = []
    while len(chosen) < PLACES and uneven.min() < LEAST_DN:
        row, column = (int(k) for k in np.unravel_index(int(uneven.argmin()), uneven.shape))
        chosen.append((row, column))
        uneven[max(0, row - APART) : row + APART + 1, max(0, column - APART) : column + APART + 1] = np.inf
    return np.array(chosen, dtype=int).reshape(-1, 2)


def planted(shape: tuple[int, int], where: np.ndarray, contrast_dn: float) -> np.ndarray:
    """Return lesions at places (n, 2): Gaussian spots of SIZE px, `contrast_dn` high, (H, W) DN."""
    spots = np.zeros(shape)
    spots[tuple(where.T)] = contrast_dn * 2 * np.pi * SIZE**2
    return gaussian_filter(spots, SIZE)


def faint(
    denoisers: Mapping[str, Denoise], animals: Sequence[Animal], contrasts: Sequence[float] = CONTRASTS
) -> pd.DataFrame:
    """Read every place of every animal twice per contrast: with a lesion in one frame, without in another.

    Beside the denoisers stands the noise-free frame: the ideal observer.

    Returns:
        animal, contrast_dn, draw (0 or 1: which half of the places bears a lesion), denoiser, row, column, lesion
        (bool), reads_dn (`stands_out` at the place).
    """
    rows = []
    for animal in animals:
        found = places(animal)
        for k, contrast in enumerate(contrasts):
            for draw in (0, 1):
                there = np.arange(len(found)) % 2 == draw
                added = planted(animal.shape, found[there], contrast) * Sensor().gain_e_per_dn / animal.exposure_s
                rate = animal.rate("low_light", lesion=0) + added
                clean = expected_dn(rate, animal.exposure_s)
                frame = see(rate, animal.exposure_s, np.random.default_rng([animal.seed, 2 + 2 * k + draw]))
                about = {"animal": animal.seed, "contrast_dn": contrast, "draw": draw}
                for name, image in outputs(denoisers, frame, {CLEAN: clean}).items():
                    read = {"row": found[:, 0], "column": found[:, 1], "lesion": there}
                    reads = stands_out(image)[tuple(found.T)]
                    rows.append(pd.DataFrame(about | {"denoiser": name} | read | {"reads_dn": reads}))
    return pd.concat(rows, ignore_index=True)[COLUMNS]


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return hits and false alarms of each denoiser at each contrast.

    The threshold lets FALSE_ALARMS of the empty places pass, as read by the same denoiser in *all other* frames; the
    frame that is judged has no part in it, so its false alarms are measured and not given.

    Returns:
        contrast_dn, denoiser; hits and false_alarms, shares of the places with and without a lesion; frames, and
        with_lesion and without, the numbers of places.
    """
    rows = []
    for (contrast, name), own in table.groupby(["contrast_dn", "denoiser"], sort=False):
        frames = [part.index for _, part in own.groupby(["animal", "draw"], sort=False)]
        said = pd.concat([_said(own, frame) for frame in frames])
        lesion = own.loc[said.index, "lesion"]
        rows.append(
            {"contrast_dn": contrast, "denoiser": name, "hits": said[lesion].mean(),
             "false_alarms": said[~lesion].mean(), "frames": len(frames),
             "with_lesion": int(lesion.sum()), "without": int((~lesion).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _said(own: pd.DataFrame, frame: pd.Index) -> pd.Series:
    """Return at which places of a frame the observer says "lesion"."""
    others = own.drop(index=frame)
    empty = others.loc[~others["lesion"], "reads_dn"]
    threshold = max(float(np.quantile(empty, 1 - FALSE_ALARMS)), LEAST_DN) if len(empty) else np.inf
    return own.loc[frame, "reads_dn"] > threshold
