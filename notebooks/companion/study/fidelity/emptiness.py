"""Does nothing stay nothing: frames without structure go in, and what comes out is measured."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from companion.study.fidelity import Denoise
from companion.study.fidelity.animals import see
from companion.study.fidelity.structures import AREA, SMOOTH, pieces
from nircore.data.camera import Sensor
from nircore.errors import NircoreError

BLANK_DN = 50.0  # even light, about that of the skin in a 20 ms frame
NOISE_DN = 11.0  # SD of the pure noise, about the read noise
STRUCTURE_DN = 6.0  # a structure differs by that much: about a faint vessel's contrast at 20 ms


def frames(shape: tuple[int, int], exposure_s: float = 0.02, seed: int = 0) -> dict[str, np.ndarray]:
    """Return frames (H, W) in DN above the dark in which there is nothing to see.

    dark: the shutter closed; blank: even light of BLANK_DN; noise: Gaussian, about 0, without a camera; constant:
    the same number everywhere.
    """
    rngs = [np.random.default_rng([seed, k]) for k in range(3)]
    even = np.full(shape, BLANK_DN * Sensor().gain_e_per_dn / exposure_s)
    return {
        "dark": see(np.zeros(shape), exposure_s, rngs[0]),
        "blank": see(even, exposure_s, rngs[1]),
        "noise": rngs[2].normal(0, NOISE_DN, shape).astype(np.float32),
        "constant": np.full(shape, BLANK_DN, dtype=np.float32),
    }


def measure(image: np.ndarray, noise_dn: float) -> dict[str, float]:
    """Measure an output (H, W) in DN, given the SD of its input's noise.

    Returns:
        sd and excursion (99.9th percentile of |pixel - median|), both over the input's noise SD: 1 and 3.3 for
        white noise left as it is, 0 for a flat frame. structures: connected pieces of AREA px or more that, after
        smoothing by SMOOTH px, differ from the median by more than STRUCTURE_DN: an absolute limit, for a rule that
        splits a frame by its own histogram finds something in every frame.
    """
    image = image.astype(np.float64)
    excursion = np.percentile(np.abs(image - np.median(image)), 99.9)
    smooth = gaussian_filter(image, SMOOTH)
    return {
        "sd": float(image.std() / noise_dn),
        "excursion": float(excursion / noise_dn),
        "structures": pieces(np.abs(smooth - np.median(smooth)) > STRUCTURE_DN, AREA),
    }


def emptiness(denoisers: Mapping[str, Denoise], empty: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Run every denoiser on every empty frame.

    Returns:
        frame, denoiser, noise_dn (SD of the input), sd, excursion, structures, and note: why a denoiser refused the
        frame, if it did. For a frame without noise, sd and excursion are in DN.
    """
    rows = []
    for name, frame in empty.items():
        noise_dn = float(frame.std(dtype=np.float64))
        for method, denoise in denoisers.items():
            row = {"frame": name, "denoiser": method, "noise_dn": noise_dn}
            try:
                row |= measure(denoise(frame), noise_dn or 1.0) | {"note": ""}
            except NircoreError as error:
                row |= {"sd": np.nan, "excursion": np.nan, "structures": np.nan, "note": str(error)}
            rows.append(row)
    return pd.DataFrame(rows)
