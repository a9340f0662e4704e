"""Plain readers of TIFF, PNG and npy: each describes frames that are still on disk."""

import logging
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import tifffile

from nircore.data import stack
from nircore.data.stack import Stack, colour, of_array
from nircore.errors import NircoreError

Opened = Callable[[Path | str], AbstractContextManager[Stack]]

# tifffile's remarks on damaged tags would stand between our lines, where nobody has asked for its log.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

COLOURS = {2: "3 colour channels", 3: "a colour palette", 4: "2 colour channels", 6: "4 colour channels"}  # of a PNG


@contextmanager
def tiff(path: Path) -> Iterator[Stack]:
    """Describe the frames of a TIFF file, one a page."""
    with tifffile.TiffFile(path) as file:
        first, count, size = first_page(path, file), len(file.pages), path.stat().st_size
        if len(first.shape) != 2 or first.photometric == tifffile.PHOTOMETRIC.MINISWHITE and 262 in first.tags:
            raise NircoreError(f"{path} holds pages of shape {first.shape}, or white as 0: export plain frames.")
        promised = (file.imagej_metadata or {}).get("images", 1) if first.is_imagej else 1

        def read(index: int) -> np.ndarray:
            """Return a page (H, W)."""
            return read_page(path, file.pages[index], first, size)

        dtype = np.dtype(first.dtype or object).newbyteorder("=")
        missing = f"ImageJ promises {promised} frames, and {count} are there" if promised > count else ""
        yield Stack(first.shape if count == 1 else (count, *first.shape), dtype, count, read, missing=missing)


def first_page(path: Path, file: tifffile.TiffFile) -> tifffile.TiffPage:
    """Return the first page of a TIFF file; refuse, with a `NircoreError`, a file without one, or one in colour."""
    if not len(file.pages):
        raise stack.nothing(path)
    page = file.pages[0]
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise colour(path, "a colour palette")
    if page.samplesperpixel > 1:
        raise colour(path, f"{page.samplesperpixel} colour channels")
    return page


def read_page(path: Path, page: tifffile.TiffPage, first: tifffile.TiffPage, size: int) -> np.ndarray:
    """Return the pixels (H, W) of a page of a TIFF of `size` bytes, which has to be of the first page's kind."""
    seen = ["not said" if 262 not in one.tags else one.photometric.name for one in (page, first)]
    kinds = [(one.shape, one.dtype, one.bitspersample, black) for one, black in zip((page, first), seen, strict=True)]
    if kinds[0] != kinds[1]:
        kind = f"page {page.index} is {page.shape} {page.dtype}, page 0 is {first.shape} {first.dtype}"
        kind += f", photometric {seen[0]} and {seen[1]}" if seen[0] != seen[1] else ""
        raise NircoreError(f"{path} mixes pages: {kind}; save frames of one kind in a file.")
    # tifffile fills a strip that was never written with zeros: such a file is not whole.
    strips = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(length == 0 or start + length > size for start, length in strips):
        raise ValueError("part of its pixels is missing")
    return page.asarray()


@contextmanager
def png(path: Path) -> Iterator[Stack]:
    """Describe the frame of a PNG file, gray with 8 or 16 bits; its pixels are not read yet."""
    with open(path, "rb") as file:
        header = file.read(26)
        file.seek(max(-12, -file.seek(0, os.SEEK_END)), os.SEEK_END)
        end = file.read()
    if header[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG file")
    width, height, depth, kind = struct.unpack(">IIBB", header[16:])
    if kind in COLOURS:
        raise colour(path, COLOURS[kind])
    if depth not in (8, 16):
        raise NircoreError(f"{path} has {depth} bit(s) a pixel: export it with 8 or 16.")

    def read(page: int) -> np.ndarray:
        """Return the frame (H, W)."""
        from PIL import Image

        with Image.open(path) as image:
            return np.array(image).astype(f"uint{depth}", copy=False)

    missing = "" if b"IEND" in end else "its end is not there"
    yield Stack((height, width), np.dtype(f"uint{depth}"), 1, read, missing=missing)


@contextmanager
def npy(path: Path) -> Iterator[Stack]:
    """Describe the frames of a npy file, mapped, not loaded.

    A header that claims more than the file holds fails before memory is asked for, and pickled objects cannot be
    mapped at all.
    """
    array = np.lib.format.open_memmap(path, mode="r")
    left = path.stat().st_size - array.offset - array.nbytes
    yield of_array(path, array)._replace(missing=f"{left} bytes follow the array that is described" if left else "")


READERS = {".tif": tiff, ".tiff": tiff, ".png": png, ".npy": npy}


@contextmanager
def opened(path: Path | str) -> Iterator[Stack]:
    """Open a TIFF, PNG or npy file and check its header.

    Raises:
        NircoreError: the file is missing, empty, unreadable, of an unknown kind, in colour, smaller than 16 pixels on
            a side, absurdly large, or cut.
    """
    path = Path(path)
    stack.check_file(path)
    if path.suffix.lower() not in READERS:
        raise NircoreError(f"{path} is of an unknown kind {path.suffix!r}: export it as {', '.join(READERS)}.")
    with stack.opened(path, READERS[path.suffix.lower()]) as found:
        yield found
