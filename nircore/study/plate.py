"""A plate of 24 wells of ICG in falling concentration: is the output linear, also beside what is bright.

The plate of the SWIR_HDR set, 6 x 4 wells, the first column up to forty times as bright as the others. A well's value
is its mean above the plate's empty part, and its truth that value in the merged long exposures of the same scene.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from nircore.data import references, swir_hdr
from nircore.data.frames import read_frame
from nircore.errors import NircoreError

ROWS, COLUMNS = (127, 209, 291, 373, 454, 535), (138, 220, 300, 382)  # px: the wells' centres [measured]
WELL = 24.0  # px from the centre: the well's inside
EMPTY = np.s_[120:560, 430:500]  # right of the wells; between them is what every smoothing smears a little light
DIM_DN = 30.0  # the last well of the first column, and all of the others, are dimmer
LOW_S = 0.02


def exposures(root: Path | str) -> dict[float, Path]:
    """Return exposure in s -> frame of the plate.

    Raises:
        NircoreError: the set under `root` has no plate.
    """
    found = {int(re.search(r"_(\d+)ms", path.name)[1]) / 1e3: path for path in Path(root).glob("plate/*ms.tif")}
    if not found:
        raise NircoreError(f"{root} has no folder plate/ with frames like plate_00020ms.tif: fetch the whole set.")
    return dict(sorted(found.items()))


def load(root: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Return the 20 ms frame (H, W) in DN above the dark, and the merged reference at its exposure."""
    darks = swir_hdr.darks(root)
    signals = {}
    for exposure_s, path in exposures(root).items():
        if exposure_s <= max(darks.exposures_s):
            signal = swir_hdr.load(path, exposure_s, darks)
            signals[exposure_s] = signal, swir_hdr.valid(read_frame(path).pixels)
    return signals[LOW_S][0], references.merged(signals, LOW_S)[0]


def wells(image: np.ndarray) -> np.ndarray:
    """Return each well's mean above the empty part, (24,) in the unit of the frame (H, W), column by column."""
    y, x = np.indices(image.shape)
    places = [(row, column) for column in COLUMNS for row in ROWS]
    inside = [image[np.hypot(y - row, x - column) <= WELL].mean(dtype=np.float64) for row, column in places]
    return np.array(inside) - image[EMPTY].mean(dtype=np.float64)


def compare(images: Mapping[str, np.ndarray], reference: np.ndarray) -> pd.DataFrame:
    """Compare the dim wells of some frames (H, W) with the reference's.

    Returns:
        `method`; `slope` of value over truth (least squares with an offset); `rms_dn`, root mean square distance in
        DN from that line; `r2`, squared correlation; `brightest_dn`, the value of the brightest of these wells, and
        `truth_dn`, its truth.
    """
    all_wells, rows = wells(reference), []
    dim = all_wells < DIM_DN
    dim[:5] = False  # bent or saturated in the long exposures
    truth = all_wells[dim]
    for name, image in images.items():
        values = wells(image)[dim]
        slope, offset = np.polyfit(truth, values, 1)
        rms = float(np.sqrt(np.mean((values - slope * truth - offset) ** 2)))
        r2 = float(np.corrcoef(truth, values)[0, 1] ** 2)
        rows.append({"method": name, "slope": float(slope), "rms_dn": rms, "r2": r2, "brightest_dn": values[0]})
    return pd.DataFrame(rows).assign(truth_dn=float(truth[0]))
