"""Frames as pixels: (H, W) in detector units to RGB and PNG in milliseconds, without a figure around them."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from PIL import Image

Window = tuple[float, float]
SHOWN = (0.5, 99.8)  # percentiles of the pixels that grey levels span: a hot pixel does not set them
NO_NUMBER = 128  # what a pixel without a number looks like


def bytes_of(image: np.ndarray, levels: Window) -> np.ndarray:
    """Map (H, W) linearly from (black, white) to 0..255 uint8; beyond is clipped, NaN is mid-grey."""
    low, high = levels
    span = high - low if high > low else 1.0
    values = (np.asarray(image, dtype=np.float32) - np.float32(low)) * np.float32(255 / span)
    values = np.nan_to_num(values, copy=False, nan=NO_NUMBER, posinf=255, neginf=0)
    return np.clip(np.rint(values, out=values), 0, 255).astype(np.uint8)


def grey_levels(images: Sequence[np.ndarray]) -> Window:
    """Return the (black, white) levels that all `images` share: percentiles of their finite pixels."""
    finite = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(finite, SHOWN)
    return float(low), float(high if high > low else low + 1)


def table(name: str) -> np.ndarray:
    """Return a colour map as (256, 3) uint8."""
    return (colormaps[name](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    """Encode (H, W) or (H, W, 3) uint8, as small as it goes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def data_uri(data: bytes) -> str:
    """Return PNG bytes as an address that a page carries within itself."""
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def thumbnail(picture: np.ndarray, longest: int = 160) -> np.ndarray:
    """Return a picture uint8 no larger than `longest` px, averaged down, never up."""
    image = Image.fromarray(picture)
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(image)
