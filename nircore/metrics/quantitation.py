"""Can one still measure on the frame: contrast of a region, width of a vessel, linearity in concentration.

Frames (H, W) are in DN *above the dark*: a pedestal left in makes every ratio meaningless. Masks are (H, W), bool.
The choice of background moves these numbers several-fold, so there is one rule here, `background_ring`, and every
function takes the background as an explicit mask.
All raise `NircoreError` for frames or masks of a wrong kind or shape, masks without a pixel, and masks that overlap.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import distance_transform_edt
from scipy.signal import peak_widths
from scipy.stats import linregress

from nircore.errors import NircoreError
from nircore.metrics.checks import check_image, check_mask, check_same_shape, ratio

GAP, WIDTH = 3.0, 6.0  # px


def background_ring(
    signal: ArrayLike, inside: ArrayLike | None = None, gap: float = GAP, width: float = WIDTH
) -> np.ndarray:
    """Return the background that belongs to a signal mask: a ring around it, (H, W) bool.

    Pixels whose nearest signal pixel is more than `gap` and at most `gap + width` px away (between centres), limited
    to `inside` (the body) where given. The gap keeps the blurred edge of the signal out. With many signals, such as
    a vessel tree, the ring goes round all of them and never through one.

    Raises:
        NircoreError: a negative gap, a width not above 0, no pixel left, or as in the module's docstring.

    >>> signal = np.zeros((1, 9), dtype=bool)
    >>> signal[0, 0] = True
    >>> background_ring(signal, gap=2, width=3).astype(int)
    array([[0, 0, 0, 1, 1, 1, 0, 0, 0]])
    """
    signal = check_mask(signal, "signal", empty=False)
    if not (gap >= 0 and width > 0):
        raise NircoreError(f"gap={gap} must be 0 px or more and width={width} above 0 px.")
    distance = distance_transform_edt(~signal)
    ring = (distance > gap) & (distance <= gap + width)
    if inside is not None:
        inside = check_mask(inside, "inside")
        check_same_shape(signal, inside, "inside")
        ring &= inside
    if not ring.any():
        raise NircoreError("no background is left around signal: lower gap, raise width, or widen inside.")
    return ring


def _regions(image: ArrayLike, **regions: ArrayLike) -> list[np.ndarray]:
    """Return the pixel values in two regions, after checking that frame and regions belong together."""
    image, masks = check_image(image), {}
    for name, mask in regions.items():
        masks[name] = check_mask(mask, name, empty=False)
        check_same_shape(image, masks[name], name)
    if np.all([*masks.values()], axis=0).any():
        raise NircoreError(f"{' and '.join(masks)} overlap: a pixel can belong to one of them only.")
    return [image[mask] for mask in masks.values()]


def sbr(image: ArrayLike, signal: ArrayLike, background: ArrayLike) -> float:
    """Return the signal-to-background ratio: mean in the signal / mean in the background, dimensionless.

    Of a tumour over healthy tissue that is named by anatomy it is the tumour-to-normal-tissue ratio.
    The camera's gain cancels, an offset does not. NaN where the background's mean is 0 or below: a ratio to nothing
    is no measurement.

    >>> sbr([[6.0, 2.0]], [[True, False]], [[False, True]])
    3.0
    """
    values, below = _regions(image, signal=signal, background=background)
    return float(values.mean() / below.mean()) if below.mean() > 0 else math.nan


def cnr(image: ArrayLike, signal: ArrayLike, background: ArrayLike) -> float:
    """Return the contrast-to-noise ratio: (mean signal - mean background) / SD of the background, dimensionless.

    Neither gain nor offset matter. The SD (population, n) holds noise *and* texture of the background, and a
    denoiser raises the ratio by smoothing alone. Infinite, with the sign of the contrast, over an even background;
    NaN without contrast on one.
    """
    values, around = _regions(image, signal=signal, background=background)
    return ratio(values.mean() - around.mean(), around.std())


class Line(NamedTuple):
    """y = slope x + intercept, and R2 = 1 - residual / total sum of squares (NaN when y is constant)."""

    slope: float
    intercept: float
    r2: float


def linearity(x: ArrayLike, y: ArrayLike) -> Line:
    """Fit a line through measured values y (n,) against known ones x (n,) by least squares.

    Raises:
        NircoreError: fewer than three points (two always lie on a line), lengths that differ, values that are not
            finite, or x all equal.

    >>> linearity([0, 1, 2], [1, 3, 5])
    Line(slope=2.0, intercept=1.0, r2=1.0)
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size < 3:
        raise NircoreError(f"x and y have shapes {x.shape} and {y.shape}: pass three or more pairs of values.")
    if not np.isfinite([x, y]).all() or np.ptp(x) == 0:
        raise NircoreError("x and y must be finite and x must vary: without a sweep there is no slope.")
    fit = linregress(x, y)
    return Line(float(fit.slope), float(fit.intercept), float(fit.rvalue**2) if np.ptp(y) > 0 else math.nan)


def fwhm(profile: ArrayLike, spacing: float = 1.0) -> float:
    """Return the full width at half maximum of a line profile (n,), in the units of `spacing` between samples.

    Half way between the profile's lowest and highest sample; the two crossings nearest to the highest one, by
    linear interpolation. No fit: noise on the profile narrows the width, so average several profiles.

    Raises:
        NircoreError: not a finite 1-D profile of three or more samples, a spacing not above 0, or a peak that
            does not fall to half on both sides.

    >>> fwhm([0, 0, 2, 4, 2, 0, 0], spacing=0.1)
    0.2
    """
    profile = np.asarray(profile, dtype=np.float64)
    if profile.ndim != 1 or profile.size < 3 or not np.isfinite(profile).all():
        raise NircoreError(f"profile has shape {profile.shape}: pass three or more finite samples along a line.")
    if not 0 < spacing < math.inf:
        raise NircoreError(f"spacing={spacing} must be a finite distance above 0.")
    peak, height, last = int(profile.argmax()), float(np.ptp(profile)), profile.size - 1
    half = profile.max() - height / 2
    if height == 0 or max(profile[: peak + 1].min(), profile[peak:].min()) > half:
        raise NircoreError("the profile does not fall to half its height on both sides: take a longer line.")
    # scipy measures from a peak's prominence; here the height is that over the whole line's lowest sample.
    above = np.array([height]), np.array([0], dtype=np.intp), np.array([last], dtype=np.intp)
    return float(peak_widths(profile, [peak], rel_height=0.5, prominence_data=above)[0][0] * spacing)
