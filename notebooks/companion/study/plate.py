"""A plate of 24 wells of ICG in falling concentration: is the output linear, and how faint a well is found.

The plate of the SWIR_HDR set, 6 x 4 wells, the first column up to forty times as bright as the others. A well's value
is its mean above the plate's empty part, and its truth that value in the merged long exposures of the same scene.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import linregress, norm

from companion.study import exposures
from nircore.data import swir_hdr
from nircore.data.frames import read_frame

ROWS, COLUMNS = (127, 209, 291, 373, 454, 535), (138, 220, 300, 382)  # px: the wells' centres [measured]
WELL = 24.0  # px from the centre: the well's inside
EMPTY = np.s_[120:560, 430:500]  # right of the wells; between them is what every smoothing smears a little light
SPOT = 8.0  # px from the centre: what is to be found is a spot of this radius
STEP = 20  # px between the places of the empty part where a spot is looked for in vain
FALSE_ALARMS = 0.01  # share of empty places whose value is above the threshold
DIM_DN = 30.0  # the last well of the first column, and all of the others, are dimmer
KNOWN = np.arange(len(ROWS) * len(COLUMNS)) >= 3  # the first wells are bent or saturated in the long exposures
LOW_S = 0.02


def load(root: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Return the 20 ms frame (H, W) in DN above the dark, and the merged reference at its exposure."""
    darks = swir_hdr.darks(root)
    signals = {}
    for exposure_s, path in exposures.series(root, "plate").items():
        if exposure_s <= max(darks.exposures_s):
            signal = swir_hdr.load(path, exposure_s, darks)
            signals[exposure_s] = signal, swir_hdr.valid(read_frame(path).pixels)
    return signals[LOW_S][0], exposures.merged(signals, LOW_S)[0]


def wells(image: np.ndarray, radius: float = WELL) -> np.ndarray:
    """Return each well's mean above the empty part, (24,) in the unit of the frame (H, W), column by column."""
    places = [(row, column) for column in COLUMNS for row in ROWS]
    return _means(image, places, radius) - image[EMPTY].mean(dtype=np.float64)


def _means(image: np.ndarray, places: Sequence[tuple[int, int]], radius: float) -> np.ndarray:
    """Return the mean of a frame (H, W) within `radius` px of each place (row, column)."""
    y, x = np.indices(image.shape)
    return np.array([image[np.hypot(y - row, x - column) <= radius].mean(dtype=np.float64) for row, column in places])


def threshold(image: np.ndarray) -> float:
    """Return the value above the empty part, in the unit of the frame (H, W), that FALSE_ALARMS of empty spots pass.

    Normal quantile of the spread of the spots' means, for there are too few empty places to count one in a hundred.
    """
    rows, columns = (range(part.start + STEP // 2, part.stop, STEP) for part in EMPTY)
    empty = _means(image, [(row, column) for row in rows for column in columns], SPOT)
    return float(norm.ppf(1 - FALSE_ALARMS) * empty.std(ddof=1))


def limit(image: np.ndarray, truth: np.ndarray) -> float:
    """Return the truth in DN of the faintest well found: it and all brighter ones are above `threshold`; else NaN.

    Args:
        image: (H, W) in DN.
        truth: the wells' values in the reference, (n,), NaN where it is not known.
    """
    found, limit_dn = wells(image, SPOT) > threshold(image), np.nan
    for well in np.argsort(-truth)[: np.isfinite(truth).sum()]:
        if not found[well]:
            break
        limit_dn = truth[well]
    return float(limit_dn)


def compare(images: Mapping[str, np.ndarray], reference: np.ndarray) -> pd.DataFrame:
    """Compare the dim wells of some frames (H, W) with the reference's.

    Returns:
        `method`; `slope` of value over truth (least squares with an offset); `rms_dn`, root mean square distance in
        DN from that line; `r2`, squared correlation; `limit_dn`, the truth of the faintest well found (`limit`);
        `brightest_dn`, the value of the brightest of these wells, and `truth_dn`, its truth.
    """
    every, rows = np.where(KNOWN, wells(reference), np.nan), []
    dim = every < DIM_DN
    truth = every[dim]
    for name, image in images.items():
        values = wells(image)[dim]
        line = linregress(truth, values)
        rms = float(np.sqrt(np.mean((values - line.slope * truth - line.intercept) ** 2)))
        row = {"method": name, "slope": line.slope, "rms_dn": rms, "r2": line.rvalue**2}
        rows.append(row | {"limit_dn": limit(image, every), "brightest_dn": values[0]})
    return pd.DataFrame(rows).assign(truth_dn=float(truth[0]))


def each_well(images: Mapping[str, np.ndarray], reference: np.ndarray) -> pd.DataFrame:
    """Return `method`, `well`, `truth_dn` and `value_dn` of every well that has a truth: what the figure shows."""
    truth, parts = wells(reference)[KNOWN], []
    for name, image in images.items():
        about = {"method": name, "well": np.flatnonzero(KNOWN), "truth_dn": truth}
        parts.append(pd.DataFrame(about | {"value_dn": wells(image)[KNOWN]}))
    return pd.concat(parts, ignore_index=True)
