"""What a camera file claims to hold - TIFF, PNG, HDF5, npy, zarr - checked before any pixel is allocated."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nircore.data.formats import arrays, png, tiff
from nircore.data.formats.stack import Stack
from nircore.errors import NircoreError

MIN_SIDE = 16  # pixels: the smallest frame the generator takes
MAX_PIXELS = 2**26  # 8192 x 8192: far above any InGaAs sensor, and small enough to allocate
MAX_PAGES = 2**24  # frames: twelve days at 16 frames per second


class Container(NamedTuple):
    """A kind of file: how to open one, and how to write one like it.

    Attributes:
        opened: yields the Stack of a path.
        write: takes source, target, the source's Stack, an iterator of pages and a note.
    """

    opened: Callable[[Path], AbstractContextManager[Stack]]
    write: Callable[[Path, Path, Stack, Iterator[np.ndarray], str], None]


_TIFF = Container(tiff.opened, tiff.write)
_HDF5 = Container(arrays.hdf5_opened, arrays.hdf5_write)
CONTAINERS = {
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".png": Container(png.opened, png.write),
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".npy": Container(arrays.npy_opened, arrays.npy_write),
    ".zarr": Container(arrays.zarr_opened, arrays.zarr_write),
}
#: Further names of TIFF files that cameras and microscopes use.
CONTAINERS |= dict.fromkeys((".btf", ".tf2", ".tf8"), _TIFF)


@contextmanager
def opened(path: Path | str) -> Iterator[Stack]:
    """Open a file and check its header; whatever a decoder raises, then or later, becomes one sentence.

    Raises:
        NircoreError: missing, empty, unreadable, of an unknown kind, in colour, under 16 pixels on a side,
            or of a size that cannot be true.
    """
    path = Path(path)
    try:
        _check_file(path)
        with CONTAINERS[path.suffix.lower()].opened(path) as stack:
            _check_header(path, stack)
            yield stack
    except NircoreError:
        raise
    except MemoryError as error:
        raise NircoreError(f"{path} needs more memory than there is: cut it into smaller frames.") from error
    except ImportError as error:
        raise NircoreError(f"{path} cannot be read without the package {error.name}: pip install it.") from error
    except Exception as error:  # each decoder has its own exceptions for a damaged file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NircoreError(
            f"{path} cannot be read ({reason}): it is damaged or truncated, so copy or export it again."
        ) from error


def check_page(path: Path | str, stack: Stack, page: int) -> None:
    """Refuse a page that a file does not have."""
    if not 0 <= page < stack.pages:
        raise NircoreError(f"{path} holds {stack.pages} page(s), so page={page} must be 0 to {stack.pages - 1}.")


def is_frames(path: Path) -> bool:
    """Say whether a path is of a kind that holds frames: a file, or for zarr a folder."""
    suffix = path.suffix.lower()
    return suffix in CONTAINERS and (path.is_dir() if suffix == ".zarr" else path.is_file())


def _check_file(path: Path) -> None:
    if not path.exists():
        raise NircoreError(f"{path} does not exist: check the path.")
    suffix = path.suffix.lower()
    if suffix == ".zarr" and path.is_dir():
        return
    if not path.is_file():
        raise NircoreError(f"{path} is not a file: name one frame.")
    if suffix not in CONTAINERS or suffix == ".zarr":
        known = ", ".join(CONTAINERS)
        raise NircoreError(f"{path} is of an unknown kind {path.suffix!r}: export it as one of {known}.")
    if path.stat().st_size == 0:
        raise NircoreError(f"{path} is empty (0 bytes): copy or export it again.")


def _check_header(path: Path, stack: Stack) -> None:
    if not 0 < stack.pages:
        raise NircoreError(f"{path} holds no frame: it is damaged or empty, so copy or export it again.")
    height, width = stack.shape
    if height * width > MAX_PIXELS or stack.pages > MAX_PAGES:
        raise NircoreError(
            f"{path} claims {height} x {width} pixels (x {stack.pages} pages), above the limit of {MAX_PIXELS:,} "
            f"(x {MAX_PAGES:,}): its header is damaged, or the frame must be cut into smaller ones."
        )
    if min(height, width) < MIN_SIDE:
        raise NircoreError(f"{path} is {height} x {width} pixels: export it with at least {MIN_SIDE} on a side.")
    if stack.dtype.kind not in "uif":
        raise NircoreError(f"{path} holds pixels of type {stack.dtype}: export integers or real numbers.")
