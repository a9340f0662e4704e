"""What a camera file claims to hold - TIFF, PNG, HDF5, npy, zarr - checked before any pixel is allocated."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from errno import (
    EACCES,
    EAGAIN,
    EBUSY,
    EIO,
    ELOOP,
    EMFILE,
    ENAMETOOLONG,
    ENFILE,
    ENODEV,
    ENOENT,
    ENOMEM,
    ENOTCONN,
    EPERM,
    ESTALE,
    ETIMEDOUT,
    ETXTBSY,
)  # fmt: skip
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nirlab.formats import cameras, fits, hdf5, npy, ome_tiff, ome_zarr, png, raw, spe, tiff, tiff_write
from nircore.data.stack import Stack
from nircore.errors import NircoreError

MIN_SIDE = 16  # pixels: the smallest frame the generator takes
MAX_PIXELS = 2**26  # 8192 x 8192: far above any InGaAs sensor, and small enough to allocate
MAX_PAGES = 2**24  # frames: twelve days at 16 frames per second


class Container(NamedTuple):
    """A kind of file: how to open one, and how to write one like it.

    Attributes:
        opened: yields the Stack of a path.
        write: takes source, target, the source's Stack, an iterator of pages and a note; returns what of the source
            could not be kept, in words.
        check: takes source and its Stack; raises NircoreError if `write` would fail.
        suffix: of the result, where it is of another kind than the source.
    """

    opened: Callable[[Path], AbstractContextManager[Stack]]
    write: Callable[[Path, Path, Stack, Iterator[np.ndarray], str], list[str]]
    check: Callable[[Path, Stack], None] = lambda source, stack: None
    suffix: str = ""


_TIFF = Container(tiff.opened, tiff_write.write, tiff_write.check)
_HDF5 = Container(hdf5.opened, hdf5.write)
_ZARR = Container(ome_zarr.opened, ome_zarr.write)
CONTAINERS = {
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".stk": _TIFF,
    ".png": Container(png.opened, png.write),
    ".h5": _HDF5,
    ".hdf5": _HDF5,
    ".npy": Container(npy.opened, npy.write),
    ".zarr": _ZARR,
}
#: Further names of TIFF files that cameras and microscopes use.
CONTAINERS |= dict.fromkeys((".btf", ".tf2", ".tf8"), _TIFF)


def _read_only(opened: Callable[[Path], AbstractContextManager[Stack]]) -> Container:
    return Container(opened, ome_tiff.write, ome_tiff.check, ome_tiff.SUFFIX)


#: What cameras write themselves, read through packages of the extra `cameras`.
CONTAINERS |= dict.fromkeys((".fits", ".fit", ".fts"), _read_only(fits.opened))
CONTAINERS |= {".spe": _read_only(spe.opened), ".sif": _read_only(cameras.sif)}
CONTAINERS |= {".nd2": _read_only(cameras.nd2), ".dcimg": _read_only(cameras.dcimg)}


#: The first bytes of files that stand in for a frame whose content was not fetched, and how to fetch it.
STAND_INS = {
    b"version https://git-lfs": "a Git LFS pointer, not the frame: run git lfs pull",
    b"/annex/objects/": "a git-annex pointer, not the frame: run git annex get",
}


def container(path: Path, said: raw.Raw | None = None) -> Container:
    """Return the container of a path: by its suffix, or for a folder by what is in it.

    Args:
        path: a file or a folder store.
        said: what files of no known kind hold, if somebody says it.

    Raises:
        NircoreError: of an unknown kind.
    """
    suffix = path.suffix.lower()
    if path.is_dir() and (suffix == ".zarr" or ome_zarr.is_store(path)):
        return _ZARR
    if said is not None and suffix not in CONTAINERS:
        return _read_only(partial(raw.opened, raw=said))
    if suffix not in CONTAINERS or suffix == ".zarr":
        known = ", ".join(CONTAINERS)
        raise NircoreError(
            f"{path} is of an unknown kind {path.suffix!r}: export it as one of {known}, or say what raw pixels it "
            "holds with --shape and --dtype."
        )
    return CONTAINERS[suffix]


#: What a decoder says that has nothing to do with damage, and what helps.
TOLD = {
    "Python objects in dtype": "holds Python objects (pickle), which are not loaded: save plain numbers",
    "allow_pickle": "holds Python objects (pickle), which are not loaded: save plain numbers",
    "requires the 'imagecodecs' package": "is compressed in a way not installed here ({}): pip install imagecodecs",
    "codec not available": "is compressed in a way that is not installed ({}): save it with another compression",
    "Unknown codec": "is compressed in a way that is not installed ({}): save it with another compression",
    "required filter": "is compressed with an HDF5 filter that is not installed ({}): pip install hdf5plugin",
    "Permission denied": "may not be read (Permission denied): ask its owner for permission",
}
#: What the system says, by its number, and what helps.
REFUSED = {
    (EACCES, EPERM): "may not be read ({}): ask its owner for permission",
    (EIO, ENOENT, ESTALE, ETIMEDOUT, ENOTCONN, ENODEV): "cannot be read ({}): check the disk or the share it is on",
    (EMFILE, ENFILE): "cannot be opened ({}): close other programs, or raise the limit of open files",
    (ENOMEM,): "needs more memory than there is ({}): cut it into smaller frames",
    (EAGAIN, EBUSY, ETXTBSY): "is open in another program ({}): close it there, then run this again",
    (ELOOP,): "is a link that leads back to itself ({}): put the file itself there",
    (ENAMETOOLONG,): "cannot be opened ({}): choose a shorter name",
}


@contextmanager
def opened(path: Path | str, said: raw.Raw | None = None) -> Iterator[Stack]:
    """Open a file and check its header; whatever a decoder raises, then or later, becomes one sentence.

    Args:
        path: a file or a folder store.
        said: what files of no known kind hold, if somebody says it.

    Raises:
        NircoreError: missing, empty, unreadable, of an unknown kind, in colour, under 16 pixels on a side, of a size
            that cannot be true, or less than its header promises.
    """
    path = Path(path)
    try:
        _check_file(path, said)
        with container(path, said).opened(path) as stack:
            _check_header(path, stack)
            sys.audit("open", str(path), "rb", 0)  # as Python's own open does: some readers open it below Python
            yield stack
    except NircoreError:
        raise
    except MemoryError as error:
        raise NircoreError(f"{path} needs more memory than there is: cut it into smaller frames.") from error
    except ImportError as error:
        raise NircoreError(_without(path, error)) from error
    except Exception as error:  # each decoder has its own exceptions for a damaged file
        raise NircoreError(_unreadable(path, error)) from error


def _without(path: Path, error: ImportError) -> str:
    """Return one sentence on a package that is not installed."""
    extra = container(path).suffix and path.suffix.lower() in CONTAINERS
    way_out = "pip install 'nircore[cameras]'" if extra else "pip install it"
    return f"{path} cannot be read without the package {error.name}: {way_out}."


def _unreadable(path: Path, error: Exception) -> str:
    """Return one sentence on what a decoder or the system says of a file."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if "unable to lock file" in reason or "already open for write" in reason:
        return f"{path} is open in another program: close it there, then run this again."
    for what, words in TOLD.items():
        if what in reason:
            return f"{path} {words.format(reason)}."
    codes = error.errno if isinstance(error, OSError) else None
    for known, words in REFUSED.items():
        if codes in known:
            return f"{path} {words.format(os.strerror(codes))}."
    return f"{path} cannot be read ({reason}): it is damaged or truncated, so copy or export it again."


def check_page(path: Path | str, stack: Stack, page: int) -> None:
    """Refuse a page that a file does not have."""
    if not 0 <= page < stack.pages:
        raise NircoreError(f"{path} holds {stack.pages} page(s), so page={page} must be 0 to {stack.pages - 1}.")


def is_frames(path: Path) -> bool:
    """Say whether a path is of a kind that holds frames: a file, or for zarr a folder."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return suffix == ".zarr" or ome_zarr.is_store(path)
    return suffix in CONTAINERS and suffix != ".zarr" and path.is_file()


def _check_file(path: Path, said: raw.Raw | None = None) -> None:
    if path.is_symlink() and not path.exists():
        raise NircoreError(f"{path} is a link to nothing ({os.readlink(path)}): fetch what it stands for.")
    if not path.exists():
        raise NircoreError(f"{path} does not exist: check the path.")
    if is_frames(path):
        if path.is_file():
            _check_content(path)
        return
    if not path.is_file():
        raise NircoreError(f"{path} is not a file: name one frame.")
    container(path, said)
    _check_content(path)


def _check_content(path: Path) -> None:
    with open(path, "rb") as file:
        first = file.read(24)
    if not first:
        raise NircoreError(f"{path} is empty (0 bytes): copy or export it again.")
    for mark, words in STAND_INS.items():
        if first.startswith(mark):
            raise NircoreError(f"{path} is {words}.")


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
    if stack.missing:
        raise NircoreError(
            f"{path} cannot be read whole ({stack.missing}): it is truncated or incomplete; copy or export it again."
        )
