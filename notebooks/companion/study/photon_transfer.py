"""What a camera is, read off a still scene at several exposures: gain, read noise, and where its response bends.

Two exposures of one scene differ, once brought to each other by a straight line, by noise alone: sensitivity that
varies from pixel to pixel cancels. Its variance over the signal is the photon-transfer curve (Janesick, Photon
Transfer, SPIE 2007), whose slope is 1 / gain and whose start is the read noise.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.optimize import least_squares

from companion.study import exposures
from nircore.data.noise import patches

SMOOTH = 3.0  # px: in which two exposures are compared
STRAIGHT = (300.0, 1200.0)  # DN: where the response is taken for straight, and the true exposure times are found
BENT = 0.02  # share by which a response may be off its straight line
FEWEST = 0.01  # share of the pixels without which two exposures say nothing
SCATTER = 0.12  # relative SD of a patch's variance: that of 256 pixels, from second differences
LEVELS = 40  # points of the response curve

Series = Mapping[float, np.ndarray]  # exposure in s -> signal (H, W) in DN above the dark


class Transfer(NamedTuple):
    """Gain in electrons per DN and read noise in DN, each with its standard error."""

    gain_e_per_dn: float
    gain_error: float
    read_noise_dn: float
    read_noise_error: float


def load(root: Path | str, kind: str) -> dict[float, np.ndarray]:
    """Return a series of the SWIR_HDR set ("reflectance", "checker") as far as there are darks for it."""
    return {t: signal for t, (signal, _) in exposures.series(root, kind).items()}


def points(series: Series) -> pd.DataFrame:
    """Return the photon-transfer points of all neighbouring exposures: one for each whole patch of 16 x 16 px.

    Columns: exposure_s, the longer one; `share`, s, by which its partner was multiplied; `level_dn`, m2 + s^2 m1, the
    signals that add up to the variance; `variance_dn2`, that of the difference x2 - s x1 - offset. The model is
    variance = level / gain + (1 + s^2) read_noise^2. Patches brighter than STRAIGHT do not count: a response that
    bends takes noise away. `series` are exposures of one still scene.
    """
    found = []
    for short, long in pairwise(sorted(series)):
        first, second = (gaussian_filter(series[t].astype(np.float64), SMOOTH) for t in (short, long))
        use = (second < STRAIGHT[1]) & (second > 0)
        if use.mean() < FEWEST:
            continue
        share, offset = np.polyfit(first[use], second[use], 1)
        if abs(share * short / long - 1) > BENT:
            continue
        variance = patches(series[long] - share * series[short] - offset)[1]
        low, high = patches(first)[0], patches(second)[0]
        about = {"exposure_s": long, "share": share, "level_dn": high + share**2 * low, "variance_dn2": variance}
        found.append(pd.DataFrame(about)[high < STRAIGHT[1]])
    return pd.concat(found, ignore_index=True)


def transfer(table: pd.DataFrame, common: bool = False) -> Transfer:
    """Fit gain and noise of the dark to `points`, robustly (Cauchy loss in units of the fitted variance).

    The noise of the dark is each exposure pair's own, for dark current adds to it; what is returned is that of the
    shortest. With `common` it is one, and the gain then rests on differences between exposures as well: closer, and
    off by whatever else grows with exposure.
    """
    level, share, variance = (table[name].to_numpy() for name in ("level_dn", "share", "variance_dn2"))
    pair = np.zeros(len(table), dtype=int) if common else np.unique(table["exposure_s"], return_inverse=True)[1]

    def residual(parameters: np.ndarray) -> np.ndarray:
        model = parameters[0] * level + (1 + share**2) * parameters[1:][pair] ** 2
        return (variance - model) / (SCATTER * np.maximum(model, 1e-6))

    start = [0.5, *np.full(pair.max() + 1, np.sqrt(np.percentile(variance / (1 + share**2), 10)))]
    fit = least_squares(residual, start, loss="cauchy")
    slope_error, read_error = np.sqrt(np.diag(np.linalg.inv(fit.jac.T @ fit.jac)))[:2]
    slope, read = fit.x[:2]
    return Transfer(float(1 / slope), float(slope_error / slope**2), float(abs(read)), float(read_error))


def response(series: Series) -> pd.DataFrame:
    """Return how the signal follows the light: `expected_dn`, `measured_dn` (medians of pixels) and their `ratio`.

    A pixel's light is that of the longest exposure that is straight everywhere; the exposures' true lengths are
    found where both signals lie within STRAIGHT, for a shutter is late by a fixed time.
    """
    smooth = {t: gaussian_filter(signal.astype(np.float64), SMOOTH) for t, signal in sorted(series.items())}
    base = max(t for t, signal in smooth.items() if np.quantile(signal, 0.999) < STRAIGHT[1])
    scales = _scales(smooth, base)
    level = np.concatenate([(smooth[base] * scales[t])[::4, ::4].ravel() for t in smooth])
    shown = np.concatenate([signal[::4, ::4].ravel() for signal in smooth.values()])
    table = pd.DataFrame({"expected_dn": level, "measured_dn": shown})[level > STRAIGHT[0]]
    edges = np.geomspace(STRAIGHT[0], level.max(), LEVELS + 1)
    binned = table.groupby(pd.cut(table["expected_dn"], edges, labels=False)).median().dropna()
    return binned.assign(ratio=binned["measured_dn"] / binned["expected_dn"]).reset_index(drop=True)


def _scales(smooth: Series, base: float) -> dict[float, float]:
    """Return by how much each exposure is brighter than `base`, from a common delay of the shutter."""
    late, light = [], smooth[base]
    for t, signal in smooth.items():
        use = (signal > STRAIGHT[0]) & (signal < STRAIGHT[1]) & (light > STRAIGHT[0])
        if t != base and use.any():
            ratio = float(np.median(signal[use] / light[use]))
            late.append((ratio * base - t) / (ratio - 1))
    delay = float(np.median(late)) if late else 0.0
    return {t: (t - delay) / (base - delay) for t in smooth}


def straight_to(curve: pd.DataFrame) -> float:
    """Return the signal in DN up to which a `response` stays within BENT of its straight line."""
    off = (curve["ratio"] - 1).abs() > BENT
    first = off.to_numpy().argmax() if off.any() else len(curve)
    return float(curve["measured_dn"].iloc[:first].max())
