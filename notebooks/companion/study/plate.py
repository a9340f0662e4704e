"""A plate of 24 wells of ICG in falling concentration: is the output linear, and how faint a well is found.

The plate of the SWIR_HDR set, 6 x 4 wells, the first column up to forty times as bright as the others. A well's value
is its mean above the plate's empty part, and its truth that value in the merged long exposures of the same scene.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import linregress, norm, t

from companion.study import exposures
from nircore.metrics.summary import interval

ROWS, COLUMNS = (127, 209, 291, 373, 454, 535), (138, 220, 300, 382)  # px: the wells' centres [measured]
PLACES = [(row, column) for column in COLUMNS for row in ROWS]
WELL = 24.0  # px from the centre: the well's inside
EMPTY = np.s_[120:560, 430:500]  # right of the wells; between them is what every smoothing smears a little light
SPOT = 8.0  # px from the centre: what is to be found is a spot of this radius
STEP = 20  # px between the places of the empty part where a spot is looked for in vain
FALSE_ALARMS = 0.01  # share of empty places whose value is above the threshold
DIM_DN = 30.0  # the last well of the first column, and all of the others, are dimmer
FAINT_DN = 3.0  # wells below hold no more light than a quarter of the noise of a pixel
PARTS = 8  # sectors of a well, whose means tell how sure its value is
OFF = 0.05  # share of its truth by which the raw frame may surely differ before the truth does not count as known
LOW_S = 0.02


class Truth(NamedTuple):
    """What is known of the wells before any method is looked at, from the raw frame and the reference alone.

    Attributes:
        dn: the wells' values in the reference, (24,), NaN where the truth is not known.
        offset_dn: by how much the raw frame's wells lie above the reference's, which is no method's doing.
        raw_dn: the wells' values in the raw frame, (24,).
    """

    dn: np.ndarray
    offset_dn: float
    raw_dn: np.ndarray


def load(root: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Return the 20 ms frame (H, W) in DN above the dark, and its merged reference, NaN where that is not known."""
    signals = exposures.series(root, "plate")
    reference, known = exposures.merged(signals, LOW_S)
    return signals[LOW_S][0], np.where(known, reference, np.nan)


def wells(image: np.ndarray, radius: float = WELL) -> np.ndarray:
    """Return each well's mean above the empty part, (24,) in the unit of the frame (H, W), column by column."""
    return _means(image, PLACES, radius) - image[EMPTY].mean(dtype=np.float64)


def parts(image: np.ndarray) -> np.ndarray:
    """Return the mean above the empty part of each of the PARTS sectors of each well, (24, PARTS)."""
    y, x = np.indices(image.shape)
    found = np.empty((len(PLACES), PARTS))
    for well, (row, column) in enumerate(PLACES):
        inside = np.hypot(y - row, x - column) <= WELL
        turn = (np.arctan2(y - row, x - column)[inside] / (2 * np.pi)) % 1  # 0 to 1 around the centre
        sector = np.minimum((PARTS * turn).astype(int), PARTS - 1)
        found[well] = np.bincount(sector, image[inside], PARTS) / np.bincount(sector, minlength=PARTS)
    return found - image[EMPTY].mean(dtype=np.float64)


def _means(image: np.ndarray, places: Sequence[tuple[int, int]], radius: float) -> np.ndarray:
    """Return the mean of a frame (H, W) within `radius` px of each place (row, column)."""
    y, x = np.indices(image.shape)
    return np.array([image[np.hypot(y - row, x - column) <= radius].mean(dtype=np.float64) for row, column in places])


def truth(raw: np.ndarray, reference: np.ndarray) -> Truth:
    """Tell the wells' truth and the offset from the raw frame and the reference (H, W), both in DN.

    The offset is the median difference over the wells below FAINT_DN, where a wrong scale counts for nothing. The
    empty part cannot tell it: values are taken above it, so that it has none. A truth is not known where the
    reference is not, nor where the raw frame, without the offset, is off by more than the share OFF of it, and by
    more than the interval over the well's PARTS explains.
    """
    every, between = wells(reference), parts(raw) - parts(reference)
    offset = float(np.median((wells(raw) - every)[every < FAINT_DN]))
    centre, half = np.array([interval(difference) for difference in between]).T
    known = np.abs(centre - offset) - half <= OFF * np.abs(every)  # False where NaN
    return Truth(np.where(known, every, np.nan), offset, wells(raw))


def threshold(image: np.ndarray) -> float:
    """Return the value above the empty part, in the unit of the frame (H, W), that FALSE_ALARMS of empty spots pass.

    Normal quantile of the spread of the spots' means, for there are too few empty places to count one in a hundred.
    """
    rows, columns = (range(part.start + STEP // 2, part.stop, STEP) for part in EMPTY)
    empty = _means(image, [(row, column) for row in rows for column in columns], SPOT)
    return float(norm.ppf(1 - FALSE_ALARMS) * empty.std(ddof=1))


def limit(image: np.ndarray, known: np.ndarray) -> float:
    """Return the truth in DN of the faintest well found: it and all brighter ones are above `threshold`; else NaN.

    Wells are compared with empty places of the same frame, so no offset is taken out: a method that returns a flat
    frame would find every well by it.

    Args:
        image: (H, W) in DN.
        known: the wells' values in the reference, (n,), NaN where it is not known.
    """
    found, limit_dn = wells(image, SPOT) > threshold(image), np.nan
    for well in np.argsort(-known)[: np.isfinite(known).sum()]:
        if not found[well]:
            break
        limit_dn = known[well]
    return float(limit_dn)


def faint_kept(values: np.ndarray, raw: np.ndarray) -> tuple[float, float, float]:
    """Return the share of the light of the raw frame's faint wells that a method keeps, and its 95 % interval.

    The sum of the wells' values over their sum in the raw frame, (n,) both, above the empty part of their own frame:
    0 for a method that erases all, 1 for one that keeps all. The offset is in both sums. The interval is Student's
    over the wells, of a ratio (Cochran, Sampling Techniques, 1977, 6.3).
    """
    share, n = float(values.sum() / raw.sum()), len(raw)
    error = np.sqrt(np.sum((values - share * raw) ** 2) / (n * (n - 1))) / abs(raw.mean())
    half = float(t.ppf(0.975, n - 1) * error)
    return share, share - half, share + half


def compare(images: Mapping[str, np.ndarray], reference: np.ndarray) -> pd.DataFrame:
    """Compare the dim wells of some frames (H, W), the raw one first, with the reference's.

    Returns:
        `method`; `slope` of value over truth (least squares with an offset); `rms_dn`, root mean square distance in
        DN of value from truth, without `offset_dn` (`truth`), which is the same for all; `r2`, squared correlation;
        `limit_dn`, the truth of the faintest well found (`limit`); `faint_kept`, `faint_low`, `faint_high`, the share
        of the faint wells' light that is kept (`faint_kept`); `brightest_dn`, the value of the brightest of these
        wells, without the offset, and `truth_dn`, its truth.
    """
    known, rows = truth(next(iter(images.values())), reference), []
    dim, faint = known.dn < DIM_DN, known.dn < FAINT_DN
    expected = known.dn[dim]
    for name, image in images.items():
        values = wells(image)
        line, shown = linregress(expected, values[dim]), values[dim] - known.offset_dn
        row = {"method": name, "slope": line.slope, "rms_dn": float(np.sqrt(np.mean((shown - expected) ** 2)))}
        row |= {"r2": line.rvalue**2, "limit_dn": limit(image, known.dn)}
        kept = faint_kept(values[faint], known.raw_dn[faint])
        row |= dict(zip(("faint_kept", "faint_low", "faint_high"), kept, strict=True))
        rows.append(row | {"brightest_dn": shown[expected.argmax()]})
    return pd.DataFrame(rows).assign(truth_dn=float(expected.max()), offset_dn=known.offset_dn)


def each_well(images: Mapping[str, np.ndarray], reference: np.ndarray) -> pd.DataFrame:
    """Return what the figure shows: a row for every method, the raw frame first, and well whose truth is known.

    Returns:
        `method`, `well`, `truth_dn`, and `value_dn` without the offset, with its 95 % interval `low_dn` to `high_dn`
        over the PARTS of the well. Smoothing makes neighbouring parts alike, so after it the interval is too narrow.
        A well that is erased reads minus the offset, and not 0: it then is as bright as the empty part.
    """
    known, tables = truth(next(iter(images.values())), reference), []
    numbers = np.flatnonzero(np.isfinite(known.dn))
    for name, image in images.items():
        value, half = np.array([interval(part) for part in parts(image)[numbers] - known.offset_dn]).T
        about = {"method": name, "well": numbers, "truth_dn": known.dn[numbers], "value_dn": value}
        tables.append(pd.DataFrame(about | {"low_dn": value - half, "high_dn": value + half}))
    return pd.concat(tables, ignore_index=True)
