"""Detail of two sizes: how much of the truth's an image keeps, and how much of what it shows is there.

PSNR is ruled by what is bright and large. A biologist asks for vessels: detail some pixels wide.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter, minimum_filter

from nircore.errors import NircoreError
from nircore.metrics.checks import check_pair, check_valid

#: Width in px -> sigmas of the two Gaussians whose difference holds detail of that width.
BANDS = {"fine": (1.0, 3.0), "coarse": (3.0, 8.0)}
STRONGEST = 0.1  # share of the valid pixels that counts: where there is most detail
REACH = 2.0  # sigmas of the wider Gaussian: nearer to an invalid pixel, a band holds what is not there


def band(image: ArrayLike, width: str) -> np.ndarray:
    """Return the detail of one of BANDS, (H, W) float64 in the unit of `image` (H, W): a difference of Gaussians."""
    narrow, wide = BANDS[width]
    image = np.asarray(image, dtype=np.float64)
    return gaussian_filter(image, narrow) - gaussian_filter(image, wide)


def detail(image: ArrayLike, truth: ArrayLike, width: str, valid: ArrayLike | None = None) -> dict[str, float]:
    """Compare an image (H, W), brought to the truth's scale, with the truth (H, W) in one of BANDS.

    Returns:
        `kept`: slope of the image's detail over the truth's (through 0) where the truth's is strongest, 1 where all
        is kept, 0 where it is gone. `real`: correlation of the two where either's is strongest, so that what is
        invented counts as well, in [-1, 1]. NaN where truth or image holds no detail.
        Noise in the truth lowers both, for every image alike.

    Raises:
        NircoreError: as `with_truth.score`, an unknown width, or no valid pixel that is far enough from the others.

    >>> truth = np.sin(np.arange(400.0).reshape(20, 20))
    >>> round(detail(truth / 2, truth, "fine")["kept"], 6), round(detail(-truth, truth, "fine")["real"], 6)
    (0.5, -1.0)
    """
    if width not in BANDS:
        raise NircoreError(f"width={width!r} is unknown: choose one of {', '.join(BANDS)}.")
    image, truth = check_pair(image, truth)
    reach = round(REACH * BANDS[width][1])
    inside = minimum_filter(check_valid(valid, image), 2 * reach + 1, mode="nearest")
    if not inside.any():
        raise NircoreError(f"valid leaves no pixel {reach} px from an invalid one: relax the rule that made it.")
    shown, there = band(image, width)[inside], band(truth, width)[inside]
    strong, either = _strongest(there), _strongest(there) | _strongest(shown)
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = float(shown[strong] @ there[strong] / (there[strong] @ there[strong]))
        real = float(np.corrcoef(shown[either], there[either])[0, 1])
    return {"kept": kept, "real": real}


def _strongest(values: np.ndarray) -> np.ndarray:
    """Return where values (n,) are among the STRONGEST in size."""
    size = np.abs(values)
    return size >= np.quantile(size, 1 - STRONGEST)
