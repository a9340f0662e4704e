"""Are the vessels there: overlap of masks, overlap of their centre-lines, and one rule that draws the masks.

Masks are (H, W), bool. All functions raise `NircoreError` for masks that are not boolean, not 2-D, empty, or of
different shapes. Two masks without a pixel agree perfectly (1); one without and one with have nothing in common (0).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from skimage.filters import apply_hysteresis_threshold, sato, threshold_otsu
from skimage.morphology import skeletonize

from nircore.errors import NircoreError
from nircore.metrics.checks import check_image, check_mask, check_same_shape

SIGMAS = (1.0, 2.0, 3.0)  # px: radii of the vessels looked for
WEAK = 0.5  # share of Otsu's threshold that is enough for a pixel connected to one above it


def _check_masks(mask: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both masks, of one shape."""
    mask, truth = check_mask(mask), check_mask(truth, "truth")
    check_same_shape(mask, truth, "truth")
    return mask, truth


def _share(part: int, whole: int) -> float:
    """Return part / whole; nothing out of nothing is 1."""
    return float(part / whole) if whole else 1.0


def dice(mask: ArrayLike, truth: ArrayLike) -> float:
    """Return the Dice coefficient 2 |A and B| / (|A| + |B|), in [0, 1], symmetric.

    Source: L. R. Dice, Ecology 26 (1945) 297.

    >>> dice([[True, True, False]], [[False, True, False]])
    0.6666666666666666
    """
    mask, truth = _check_masks(mask, truth)
    return _share(2 * (mask & truth).sum(), mask.sum() + truth.sum())


def cl_dice(mask: ArrayLike, truth: ArrayLike) -> float:
    """Return the centre-line Dice, in [0, 1], symmetric: is the same tree drawn, whatever its thickness?

    Harmonic mean of precision, the share of the mask's skeleton inside the truth, and sensitivity, the share of
    the truth's skeleton inside the mask. Source: S. Shit et al., CVPR 2021, 16560, equations 1-2.

    >>> vessel = np.zeros((9, 9), dtype=bool)
    >>> vessel[3:6] = True
    >>> cl_dice(vessel, vessel)
    1.0
    """
    mask, truth = _check_masks(mask, truth)
    if mask.any() != truth.any():
        return 0.0
    line, true_line = skeletonize(mask), skeletonize(truth)
    precision = _share((line & truth).sum(), line.sum())
    sensitivity = _share((true_line & mask).sum(), true_line.sum())
    return _share(2 * precision * sensitivity, precision + sensitivity) if precision + sensitivity else 0.0


def vessel_mask(image: ArrayLike, sigmas: Sequence[float] = SIGMAS) -> np.ndarray:
    """Draw the vessels of a frame (H, W): a bool mask, by one rule for every method.

    1. Bright ridges by Sato's filter, the strongest response over `sigmas` (px).
       Source: Y. Sato et al., Med. Image Anal. 2 (1998) 143.
    2. Pixels above Otsu's threshold of the frame's own response, and those above half of it connected to them.

    Offset and scale of the frame do not change the mask, so no method gains by being brighter; nothing is tuned to
    a method. A frame is always split in two, hence one of pure noise gives noise: read an overlap with a truth, not
    the mask's area. A frame without ridges gives an empty mask.
    Vessels too deep to be seen are in no frame, and the mask is wider than a thin vessel: to judge a method, compare
    its mask with that of the *clean* frame; even the clean frame's has a Dice of only 0.4 with the phantom's anatomy.

    Raises:
        NircoreError: no sigma, or one not above 0, or a frame that is not 2-D, finite and real.
    """
    image = check_image(image)
    if not len(sigmas) or min(sigmas) <= 0:
        raise NircoreError(f"sigmas={tuple(sigmas)} must be one or more vessel radii above 0 px.")
    ridges = sato(image - image.mean(), sigmas=sigmas, black_ridges=False, mode="reflect")
    if ridges.max() <= 1e-9 * np.abs(image).max():  # what rounding leaves of a flat frame
        return np.zeros(image.shape, dtype=bool)
    strong = threshold_otsu(ridges)
    return apply_hysteresis_threshold(ridges, WEAK * strong, strong)
