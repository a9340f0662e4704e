"""What every container is to the rest of the package: pages of one size, read one at a time; how one is opened."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nircore.errors import NircoreError

#: Names of the axes before (H, W), "" where nobody says, and how long each is.
Layout = tuple[tuple[str, ...], tuple[int, ...]]

MIN_SIDE = 16  # pixels: the smallest frame the generator takes
MAX_PIXELS = 2**26  # 8192 x 8192: far above any InGaAs sensor, and small enough to allocate
MAX_PAGES = 2**24  # frames: twelve days at 16 frames per second


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

    def frame(self, page: int) -> np.ndarray:
        """Return a page's pixels (H, W) as float32; a number beyond its range becomes infinite."""
        with np.errstate(over="ignore"):
            return np.array(self.read(page), dtype=np.float32, order="C")


def colour(path: Path, what: str) -> NircoreError:
    """Return the error that refuses a colour frame."""
    return NircoreError(f"{path} has {what}; NIR-II frames have one: export as grayscale.")


def nothing(path: Path) -> NircoreError:
    """Return the error that refuses a file without a frame."""
    return NircoreError(f"{path} holds no frame: it is damaged or empty, so copy or export it again.")


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
    named = [str(name or "").lower() for name in names[:-2]] if len(names) == array.ndim else [""] * len(leading)
    dtype = np.dtype(array.dtype).newbyteorder("=")

    def read(page: int) -> np.ndarray:
        """Return a page (H, W)."""
        return np.asarray(array[np.unravel_index(page, leading)] if leading else array[()]).astype(dtype)

    pages = int(np.prod(leading, dtype=np.int64))
    return Stack(tuple(map(int, array.shape)), dtype, pages, read, layout=lambda: (tuple(named), leading))


def check_file(path: Path) -> None:
    """Refuse, with a `NircoreError`, a path that leads to no file, or to one of 0 bytes."""
    if not path.exists():
        raise NircoreError(f"{path} does not exist: check the path.")
    if not path.is_file():
        raise NircoreError(f"{path} is not a file: name one frame.")
    if not path.stat().st_size:
        raise NircoreError(f"{path} is empty (0 bytes): copy or export it again.")


def check_header(path: Path, stack: Stack) -> None:
    """Refuse, with a `NircoreError`, a header that cannot be true, frames that no network takes, a file not whole."""
    if not 0 < stack.pages:
        raise nothing(path)
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
    if stack.missing:
        raise NircoreError(
            f"{path} cannot be read whole ({stack.missing}): it is truncated or incomplete; copy or export it again."
        )


def reason(path: Path, error: Exception) -> str:
    """Say in one sentence why a file cannot be read: the system's reason, or the first line of the decoder's."""
    if isinstance(error, OSError) and error.errno:
        return f"{path} cannot be read ({error.strerror}): check the file, its permissions and its disk."
    words = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"{path} cannot be read ({words}): it is damaged, truncated or of another kind; copy or export it again."


@contextmanager
def in_one_sentence(path: Path, sentence: Callable[[Path, Exception], str] = reason) -> Iterator[None]:
    """Turn whatever a decoder or the system says of a file into a NircoreError of one sentence."""
    try:
        yield
    except NircoreError:
        raise
    except Exception as error:  # each decoder has its own exceptions for a damaged file
        raise NircoreError(sentence(path, error)) from error


@contextmanager
def opened(
    path: Path,
    reader: Callable[[Path], AbstractContextManager[Stack]],
    sentence: Callable[[Path, Exception], str] = reason,
) -> Iterator[Stack]:
    """Open a file with a reader and check its header; whatever the reader raises, then or later, is one sentence.

    What is raised in the body of the `with` statement is not touched: it may have nothing to do with the file.

    Args:
        path: the file.
        reader: describes the frames of such a file.
        sentence: says why a file cannot be read, given what was raised.

    Raises:
        NircoreError: the file cannot be read, or its header is refused by `check_header`.
    """
    guarded = in_one_sentence(path, sentence)  # a decorator as well
    with ExitStack() as files:
        with in_one_sentence(path, sentence):
            stack = files.enter_context(reader(path))
            check_header(path, stack)
        yield stack._replace(read=guarded(stack.read), layout=guarded(stack.layout))
