"""What every metric asks of the frames, masks and ranges that it is given, and how it divides."""

import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from nircore.errors import NircoreError


def ratio(numerator: float, denominator: float) -> float:
    """Divide; anything over zero is infinite with its sign, and nothing over nothing is undefined (NaN)."""
    if denominator == 0:
        return math.copysign(math.inf, numerator) if numerator else math.nan
    return float(numerator / denominator)


def check_image(image: ArrayLike, name: str = "image") -> np.ndarray:
    """Return the frame (H, W) as float64, or raise `NircoreError` naming what is wrong with it."""
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0:
        raise NircoreError(f"{name} has shape {image.shape}: a metric takes one frame (H, W) at a time.")
    if image.dtype.kind not in "buif":
        raise NircoreError(f"{name} has dtype {image.dtype}: convert it to integers or real floats.")
    image = image.astype(np.float64)
    if bad := int((~np.isfinite(image)).sum()):
        raise NircoreError(f"{name} holds {bad} NaN or infinite pixels: repair them before measuring.")
    return image


def check_data_range(data_range: float) -> float:
    """Return `data_range` as a float, or raise `NircoreError` unless it is a finite number above 0."""
    if not (isinstance(data_range, Real) and math.isfinite(data_range) and data_range > 0):
        raise NircoreError(f"data_range={data_range!r} must be a finite number above 0, e.g. 255 for 8 bits.")
    return float(data_range)


def check_pair(image: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both frames as float64 of one shape."""
    image, truth = check_image(image), check_image(truth, "truth")
    check_same_shape(image, truth, "truth")
    return image, truth


def check_same_shape(first: np.ndarray, second: np.ndarray, name: str) -> None:
    """Refuse two arrays that do not belong together."""
    if first.shape != second.shape:
        raise NircoreError(f"{name} has shape {second.shape}, not {first.shape}: compare equal sizes.")


def check_mask(mask: ArrayLike, name: str = "mask", empty: bool = True) -> np.ndarray:
    """Return the mask (H, W) bool, or raise `NircoreError` naming what is wrong; `empty`: it may mark no pixel."""
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim != 2 or mask.size == 0:
        raise NircoreError(f"{name} has dtype {mask.dtype} and shape {mask.shape}: pass booleans (H, W).")
    if not empty and not mask.any():
        raise NircoreError(f"{name} marks no pixel: there is nothing to measure.")
    return mask


def check_valid(valid: ArrayLike | None, image: np.ndarray) -> np.ndarray:
    """Return the mask of the pixels of `image` that count, one at least; all of them when none is given."""
    if valid is None:
        return np.ones(image.shape, dtype=bool)
    valid = check_mask(valid, "valid", empty=False)
    check_same_shape(image, valid, "valid")
    return valid
