"""How wide vessels look: profiles across them, at places that the truth chooses, the same for every image."""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.morphology import skeletonize

from nircore.errors import NircoreError
from nircore.metrics.quantitation import fwhm

REACH, ALONG, STEP = 12.0, 3, 0.5  # px: half the profile's length, profiles averaged to both sides, sampling
CENTRE = 4.0  # px: a vessel's peak lies no farther from the middle of its profile
MOST = 40  # places


class Crossing(NamedTuple):
    """A place on a vessel.

    Attributes:
        row, column: in px.
        across_row, across_column: the unit vector across the vessel.
        reach: px, half the length of the profile.
        true_px: the truth's width.
    """

    row: float
    column: float
    across_row: float
    across_column: float
    reach: float
    true_px: float = math.nan


def crossings(truth: np.ndarray, vessels: np.ndarray, sigma: float = 2.0, reach: float = REACH) -> list[Crossing]:
    """Choose places on the centre-lines of `vessels` (H, W) where the truth's profile is one clear peak.

    The direction across is the axis of strongest downward curvature (the Hessian's first eigenvector) after Gaussian
    smoothing by `sigma` px. Places are at least `reach` px apart and from the borders, the most contrasted first.
    """
    smooth = gaussian_filter(truth.astype(np.float64), sigma)
    row_row, column_column = (np.gradient(np.gradient(smooth, axis=k), axis=k) for k in (0, 1))
    mixed = np.gradient(np.gradient(smooth, axis=0), axis=1)
    angle = 0.5 * np.arctan2(2 * mixed, row_row - column_column)  # of one eigenvector; the other is across it
    curvature = (row_row + column_column) / 2 + np.hypot((row_row - column_column) / 2, mixed)
    least = row_row + column_column - curvature
    lines = skeletonize(vessels)
    margin = math.ceil(reach) + ALONG
    lines[:margin], lines[-margin:], lines[:, :margin], lines[:, -margin:] = False, False, False, False
    rows, columns = np.nonzero(lines & (least < 0))
    chosen: list[Crossing] = []
    for k in np.argsort(least[rows, columns], kind="stable"):
        row, column = int(rows[k]), int(columns[k])
        if all(math.hypot(row - one.row, column - one.column) >= reach for one in chosen):
            turned = angle[row, column] + math.pi / 2  # the eigenvector of the smaller, negative eigenvalue
            one = Crossing(row, column, math.cos(turned), math.sin(turned), reach)
            one = one._replace(true_px=width(truth, one))
            if not math.isnan(one.true_px):
                chosen.append(one)
        if len(chosen) == MOST:
            break
    return chosen


def profile(image: np.ndarray, one: Crossing) -> np.ndarray:
    """Return the profile across a vessel, averaged over 2 ALONG + 1 lines beside each other, every STEP px."""
    places = np.arange(-one.reach, one.reach + STEP / 2, STEP)
    beside = np.arange(-ALONG, ALONG + 1)[:, None]
    rows = one.row + places * one.across_row - beside * one.across_column
    columns = one.column + places * one.across_column + beside * one.across_row
    return map_coordinates(image.astype(np.float64), [rows, columns], order=1, mode="nearest").mean(axis=0)


def width(image: np.ndarray, one: Crossing) -> float:
    """Return the full width at half maximum in px (`quantitation.fwhm`) of the peak at a place.

    NaN where the profile has no such peak, or its highest one lies farther than CENTRE px from the place: that is
    another vessel, or what is left beside one that was erased.
    """
    line = profile(image, one)
    if abs(int(line.argmax()) - len(line) // 2) * STEP > CENTRE:
        return math.nan
    try:
        return fwhm(line, STEP)
    except NircoreError:
        return math.nan


class Relative(NamedTuple):
    """The median of width in the image / width in the truth, and the share of the places where it was measured."""

    width: float
    measured: float


def relative_width(image: np.ndarray, places: list[Crossing]) -> Relative:
    """Compare widths with the truth's: 1 is right; NaN where nothing can be measured, or where there is no place.

    Offset and gain of the image do not matter. An image in which few places show a peak is judged by those few, the
    clearest ones, so the share that was measured belongs beside the median.
    """
    ratios = np.array([width(image, one) / one.true_px for one in places])
    known = ratios[np.isfinite(ratios)]
    if not known.size:
        return Relative(math.nan, 0.0 if places else math.nan)
    return Relative(float(np.median(known)), known.size / len(places))
