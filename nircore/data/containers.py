"""What a camera file claims to hold - TIFF, PNG, HDF5, npy - checked before any pixel is allocated."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import imageio.v3 as iio
import numpy as np
import tifffile

from nircore.errors import NircoreError

MIN_SIDE = 16  # pixels: the smallest frame the generator takes
MAX_PIXELS = 2**26  # 8192 x 8192: far above any InGaAs sensor, and small enough to allocate
DATASET = "Cube/Images"  # where the cameras of the published SWIR set keep their frames in HDF5


class Image(NamedTuple):
    """A frame whose header has been read and whose pixels have not.

    Attributes:
        shape: (H, W) in pixels.
        dtype: pixel type as stored.
        pages: frames in the file.
        read: returns the (H, W) pixels; valid only while the file is open.
        exposure_s: exposure in seconds, if the header states one.
        filter: emission filter, if the header states one.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    pages: int
    read: Callable[[], np.ndarray]
    exposure_s: float | None = None
    filter: str | None = None


@contextmanager
def opened(path: Path | str, page: int = 0) -> Iterator[Image]:
    """Open one frame of a file and check its header; whatever a decoder then raises becomes one sentence.

    Raises:
        NircoreError: missing, empty, unreadable, of an unknown kind, in colour, under 16 pixels on a side,
            or of a size that cannot be true.
    """
    path = Path(path)
    try:
        _check_file(path)
        with CONTAINERS[path.suffix.lower()](path, page) as image:
            _check_header(path, image)
            yield image
    except NircoreError:
        raise
    except Exception as error:  # each decoder has its own exceptions for a damaged file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NircoreError(
            f"{path} cannot be read ({reason}): it is damaged or truncated, so copy or export it again."
        ) from error


@contextmanager
def _tiff(path: Path, page: int) -> Iterator[Image]:
    with tifffile.TiffFile(path) as file:
        _check_page(path, page, len(file.pages))
        image = file.pages[page]
        if image.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise _colour(path, "a colour palette")
        if image.samplesperpixel > 1:
            raise _colour(path, f"{image.samplesperpixel} colour channels")

        def read() -> np.ndarray:
            # tifffile fills a strip that was never written with zeros: such a file is not whole.
            strips = list(zip(image.dataoffsets, image.databytecounts, strict=True))
            size = path.stat().st_size
            if any(length == 0 or start + length > size for start, length in strips):
                raise ValueError("part of its pixels is missing")
            return image.asarray()

        yield Image(image.shape, np.dtype(image.dtype or object), len(file.pages), read)


@contextmanager
def _png(path: Path, page: int) -> Iterator[Image]:
    with open(path, "rb") as file:
        header = file.read(26)
    if header[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG file")
    width, height, depth, colour = struct.unpack(">IIBB", header[16:])
    colours = {2: "3 colour channels", 3: "a colour palette", 4: "2 colour channels", 6: "4 colour channels"}
    if colour in colours:
        raise _colour(path, colours[colour])
    if depth not in (8, 16):
        raise NircoreError(f"{path} has {depth} bit(s) a pixel: export it with 8 or 16.")
    _check_page(path, page, 1)
    dtype = np.dtype(f"uint{depth}")
    yield Image((height, width), dtype, 1, lambda: iio.imread(path, plugin="pillow", index=0))


@contextmanager
def _hdf5(path: Path, page: int) -> Iterator[Image]:
    with h5py.File(path, "r") as file:
        images = file.get(DATASET)
        if not isinstance(images, h5py.Dataset):
            raise NircoreError(f"{path} has no dataset {DATASET}: store its frames there, or export a TIFF.")
        image = _stacked(path, images, page)
        exposures, gratings = file.get("Cube/TimeExposure"), file.get("Cube/GratingID")
        if exposures is not None and exposures.shape == (image.pages,):
            image = image._replace(exposure_s=float(exposures[page]))
        if gratings is not None and gratings.shape == (image.pages,):
            grating = file.get(f"Cube/Info/Grating/{gratings[page]}")
            name = None if grating is None else grating.attrs.get("Name")
            image = image._replace(filter=None if name is None else np.atleast_1d(name)[0].decode())
        yield image


@contextmanager
def _npy(path: Path, page: int) -> Iterator[Image]:
    # Mapped, not loaded: a header that claims more than the file holds fails before memory is asked for,
    # and pickled objects cannot be mapped at all.
    yield _stacked(path, np.lib.format.open_memmap(path, mode="r"), page)


CONTAINERS = {".tif": _tiff, ".tiff": _tiff, ".png": _png, ".h5": _hdf5, ".hdf5": _hdf5, ".npy": _npy}


def _stacked(path: Path, array: h5py.Dataset | np.ndarray, page: int) -> Image:
    """One frame of an (H, W) or (N, H, W) array that is still on disk."""
    if array.ndim == 3 and array.shape[-1] in (3, 4):
        raise _colour(path, f"{array.shape[-1]} colour channels")
    if array.ndim not in (2, 3):
        raise NircoreError(f"{path} holds an array of shape {array.shape}: store (H, W) or (N, H, W).")
    pages = array.shape[0] if array.ndim == 3 else 1
    _check_page(path, page, pages)
    index = page if array.ndim == 3 else ()
    return Image(array.shape[-2:], array.dtype, pages, lambda: array[index])


def _colour(path: Path, what: str) -> NircoreError:
    return NircoreError(f"{path} has {what}; NIR-II frames have one: export as grayscale.")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise NircoreError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise NircoreError(f"{path} is not a file: name one frame.")
    if path.suffix.lower() not in CONTAINERS:
        known = ", ".join(CONTAINERS)
        raise NircoreError(f"{path} is of an unknown kind {path.suffix!r}: export it as one of {known}.")
    if path.stat().st_size == 0:
        raise NircoreError(f"{path} is empty (0 bytes): copy or export it again.")


def _check_page(path: Path, page: int, pages: int) -> None:
    if pages == 0:
        raise NircoreError(f"{path} holds no frame: it is damaged or empty, so copy or export it again.")
    if not 0 <= page < pages:
        raise NircoreError(f"{path} holds {pages} page(s), so page={page} must be 0 to {pages - 1}.")


def _check_header(path: Path, image: Image) -> None:
    if len(image.shape) != 2:
        raise NircoreError(f"{path} holds a page of shape {image.shape}: export single (H, W) frames.")
    height, width = image.shape
    if height * width > MAX_PIXELS:
        raise NircoreError(
            f"{path} claims {height} x {width} pixels, above the limit of {MAX_PIXELS:,}: "
            "its header is damaged, or the frame must be cut into smaller ones."
        )
    if min(height, width) < MIN_SIDE:
        raise NircoreError(f"{path} is {height} x {width} pixels: export it with at least {MIN_SIDE} on a side.")
    if image.dtype.kind not in "uif":
        raise NircoreError(f"{path} holds pixels of type {image.dtype}: export integers or real numbers.")
