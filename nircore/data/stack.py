"""What every container is to the rest of the package: pages of one size, read one at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nircore.errors import NircoreError

#: Names of the axes before (H, W), "" where nobody says, and how long each is.
Layout = tuple[tuple[str, ...], tuple[int, ...]]


class Stack(NamedTuple):
    """Frames whose header has been read and whose pixels have not.

    Attributes:
        stored: shape of the whole array as the file has it, (H, W) last.
        dtype: pixel type, in native byte order.
        pages: how many frames that is.
        read: takes a page from 0 and returns its (H, W) pixels; valid only while the file is open.
        exposures_s: exposure of each page in seconds, if the header states them.
        filters: emission filter of each page, if the header states them.
        white_is_low: the file keeps light as low numbers (TIFF's MINISWHITE); `read` has turned it round.
        missing: what the file promises and does not hold, in words; "" where it is complete.
        layout: returns names and lengths of the axes that the pages run along, slowest first; while it is open.
        file: what the reader has open, for the writer of the same kind to take the metadata from.
        said: what the user must know about how the file was read, in words.
    """

    stored: tuple[int, ...]
    dtype: np.dtype
    pages: int
    read: Callable[[int], np.ndarray]
    exposures_s: tuple[float, ...] | None = None
    filters: tuple[str | None, ...] | None = None
    white_is_low: bool = False
    missing: str = ""
    layout: Callable[[], Layout] = lambda: ((), ())
    file: Any = None
    said: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) of a page in pixels."""
        return self.stored[-2:]


def colour(path: Path, what: str) -> NircoreError:
    """Return the error that refuses a colour frame."""
    return NircoreError(f"{path} has {what}; NIR-II frames have one: export as grayscale.")


def of_array(path: Path, array: Any, names: tuple[str, ...] = ()) -> Stack:
    """Describe an (H, W), (N, H, W) or (..., H, W) array that is still on disk (npy, HDF5, zarr).

    Args:
        path: the file, for what is said about it.
        array: anything with shape, dtype and indices.
        names: of all its axes, (H, W) included, where the file has them.
    """
    if array.ndim >= 3 and array.shape[-1] in (3, 4):
        raise colour(path, f"{array.shape[-1]} colour channels")
    if array.ndim < 2:
        raise NircoreError(f"{path} holds an array of shape {array.shape}: store (H, W) or (N, H, W).")
    leading = tuple(map(int, array.shape[:-2]))
    pages = int(np.prod(leading, dtype=np.int64))
    named = (
        tuple(str(name or "").lower() for name in names[:-2]) if len(names) == array.ndim else ("",) * len(leading)
    )
    dtype = np.dtype(array.dtype).newbyteorder("=")

    def read(page: int) -> np.ndarray:
        return np.asarray(array[np.unravel_index(page, leading)] if leading else array[()]).astype(dtype)

    return Stack(tuple(map(int, array.shape)), dtype, pages, read, layout=lambda: (named, leading))
