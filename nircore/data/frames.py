"""Camera frames in and out, on the linear scale of the detector: TIFF, PNG and npy.

Whatever the container, a frame comes in as (H, W) float32 in detector units and goes out with the size,
the bit depth and the scale it came with. The package `nirlab` reads more kinds of files, and checks more.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from nircore.data.plain import READERS, Opened, opened
from nircore.errors import NircoreError
from nircore.files import atomic

WRITABLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame in linear detector units, with what its file tells about it.

    Attributes:
        pixels: (H, W) float32, in DN; integers above 2**24 are rounded to float32's precision.
        dtype: the pixel type of the file, in native byte order: the type to write an enhanced frame in.
        exposure_s: exposure in seconds, from the file's metadata or a name like `_0020ms`, else None.
        filter: emission filter, from the file's metadata or a name like `_BP1150`, else None.
        source: the file it came from.
        pages: how many frames that file holds.
    """

    pixels: np.ndarray
    dtype: np.dtype
    exposure_s: float | None
    filter: str | None
    source: str
    pages: int = 1


def read_frame(path: Path | str, page: int = 0, opened: Opened = opened) -> Frame:
    """Read one frame of a TIFF, PNG or npy file.

    Args:
        path: TIFF may be OME, ImageJ, multi-page, big-endian or compressed; npy holds (..., H, W).
        page: which frame of a file that holds several, from 0.
        opened: opens the file; `nirlab.formats.containers.opened` knows more kinds.

    Raises:
        NircoreError: the file is missing, empty, unreadable, of an unknown kind, in colour, smaller than
            16 pixels on a side, absurdly large, constant, or holds NaN or infinite pixels.
    """
    with opened(path) as stack:
        if not 0 <= page < stack.pages:
            raise NircoreError(f"{path} holds {stack.pages} page(s), so page={page} must be 0 to {stack.pages - 1}.")
        pixels = stack.frame(page)
        check_pixels(path, pixels, None if stack.pages == 1 else page)
    return Frame(
        pixels=pixels,
        dtype=stack.dtype,
        exposure_s=exposure_in(path) if stack.exposures_s is None else stack.exposures_s[page],
        filter=(stack.filters and stack.filters[page]) or filter_in(path),
        source=str(path),
        pages=stack.pages,
    )


_EXPOSURE = re.compile(r"(?:^|[_\- ])(\d+(?:\.\d+)?)ms(?![A-Za-z0-9])")
_EXPOSED = r"exp|exposure|exp(?:osure)?time|texp|shutter|integration|tint"
_OTHER = r"t|dt|time|interval|every|delay|wait|period|lag|after|at"
_TIME = re.compile(
    rf"(?:(?<![A-Za-z])(?:({_EXPOSED})|({_OTHER}))([_\- =]?)|(?<![A-Za-z0-9.]))"
    r"(\d+(?:\.\d+)?) ?(ms|us|\u00b5s|\u03bcs|s)(?![A-Za-z0-9])",
    re.I,
)
_UNITS = {"ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "s": 1.0}
_FILTER = re.compile(r"(?:^|[_\- ])([BLS]P\d{3,4})(?![A-Za-z0-9])")


def exposure_in(path: Path | str) -> float | None:
    """Return the exposure in seconds that a file name states, if it does, and clearly: of two times, one is named so.

    >>> exposure_in("mouse_every500ms_exp16ms.tif")
    0.016
    >>> exposure_in("F1-2_BP1150_0020ms.tif")
    0.02
    """
    named, bare, unclear = set(), set(), False
    for label, other, gap, number, unit in _TIME.findall(Path(path).stem):
        unclear |= bool(other and gap and bare)  # the word may speak of the time before it
        if not other:
            (named if label else bare).add(round(float(number) * _UNITS[unit.lower()], 9))
    told = named or (set() if unclear else bare)
    return told.pop() if len(told) == 1 else None


def filter_in(path: Path | str) -> str | None:
    """Return the band-, long- or short-pass filter that a file name states, if it does.

    >>> filter_in("F1-2_BP1150_0020ms.tif")
    'BP1150'
    """
    found = _FILTER.search(Path(path).stem)
    return found[1] if found else None


def without_exposure(stem: str) -> str:
    """Return a file stem without its exposure: what the frames of one scene have in common.

    >>> without_exposure("F1-2_BP1150_0020ms")
    'F1-2_BP1150'
    """
    return _EXPOSURE.sub("", stem)


def without_filter(stem: str) -> str:
    """Return a file stem without its filter."""
    return _FILTER.sub("", stem)


def check_pixels(path: Path | str, pixels: np.ndarray, page: int | None = None) -> None:
    """Refuse pixels (H, W) that are not finite, or all the same; `page` is their number in a movie, from 0."""
    name = path if page is None else f"{path}, frame {page},"
    bad = pixels.size - int(np.isfinite(pixels).sum())
    if bad:
        raise NircoreError(f"{name} has {bad} NaN or infinite pixels: repair them, or leave the frame out.")
    if pixels.min() == pixels.max():
        value = pixels.flat[0]
        if page is not None:  # the file is as it should be: cameras write blank frames
            raise NircoreError(f"{name} is blank (every pixel is {value:g}): choose another frame of this movie.")
        raise NircoreError(f"{name} is constant (every pixel is {value:g}): export it again or leave it out.")


def write_frame(path: Path | str, pixels: np.ndarray, dtype: np.dtype | type | str) -> int:
    """Write (H, W) pixels in detector units as TIFF, PNG or npy, whole or not at all.

    For an integer `dtype` values are rounded to the nearest integer; for any they are clipped to its range
    and never wrap.

    Returns:
        How many pixels had to be clipped.

    Raises:
        NircoreError: an unknown suffix, a type the container cannot hold, pixels that are not 2-D and finite,
            or a place that cannot be written.
    """
    path, dtype, pixels = Path(path), np.dtype(dtype), np.asarray(pixels, dtype=np.float64)
    _check_writable(path, pixels, dtype)
    array, clipped = quantised(pixels, dtype)
    with atomic(path) as temporary:
        if path.suffix.lower() == ".png":
            from PIL import Image

            Image.fromarray(array).save(temporary)
        elif path.suffix.lower() == ".npy":
            np.save(temporary, array, allow_pickle=False)
        else:
            tifffile.imwrite(temporary, array, photometric="minisblack", compression="zlib", metadata=None)
    return clipped


def quantised(pixels: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Return finite pixels as `dtype` (integers rounded; clipped, never wrapped), and how many were clipped."""
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    exact = pixels if dtype.kind != "f" and dtype.itemsize <= 2 else pixels.astype(np.float64)  # float32 holds these
    exact = exact if dtype.kind == "f" else np.rint(exact)
    inside = np.clip(exact, low, high)
    if dtype.kind != "f" and dtype.itemsize == 8:  # float64 has no number at the top of 64-bit integers
        inside = np.minimum(inside, np.nextafter(high, 0))
    return inside.astype(dtype), int(np.count_nonzero((exact < low) | (exact > high)))


def _check_writable(path: Path, pixels: np.ndarray, dtype: np.dtype) -> None:
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise NircoreError(f"{path} cannot be written as {suffix!r}: use .tif, .png or .npy.")
    if dtype.name not in (WRITABLE if suffix != ".png" else ("uint8", "uint16")):
        raise NircoreError(f"{path} cannot hold pixels of type {dtype}: use uint8, uint16 or, in a .tif, float32.")
    if pixels.ndim != 2 or not np.isfinite(pixels).all():
        raise NircoreError(f"{path} was not written: hand over one (H, W) array of finite numbers.")


def list_frames(folder: Path | str) -> list[Path]:
    """Return the frames of a folder and its subfolders, sorted, without hidden and half-written files.

    Links are followed, but not in circles.

    Raises:
        NircoreError: the folder is missing, is a file, holds no frame, a link to nothing, or a folder that cannot be
            opened.
    """
    if not os.path.exists(folder):
        raise NircoreError(f"The folder {folder} does not exist: check the path.")
    if not os.path.isdir(folder):
        raise NircoreError(f"{folder} is not a folder: name the folder that holds the frames.")
    found, known = [], set()
    for here, folders, names in os.walk(folder, onerror=_closed, followlinks=True):
        known.add(os.path.realpath(here))
        shown = [name for name in sorted(folders) if not name.startswith(".")]
        folders[:] = [name for name in shown if os.path.realpath(os.path.join(here, name)) not in known]
        found += [Path(here, name) for name in names if not name.startswith(".")]
    found = sorted(path for path in found if path.suffix.lower() in READERS)
    if lost := [path for path in found if not path.exists()]:
        raise NircoreError(f"{lost[0]} is a link to nothing: fetch what it stands for.")
    if not found:
        raise NircoreError(f"The folder {folder} holds no frames: put {', '.join(READERS)} files there.")
    return found


def _closed(error: OSError) -> None:
    raise NircoreError(f"{error.filename} cannot be looked through ({error.strerror}): ask for permission.")


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal: a frame's identity.

    Raises:
        NircoreError: the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NircoreError(f"{path} cannot be read ({error.strerror}): check that it is there.") from error
