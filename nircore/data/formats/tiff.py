"""TIFF in and out: OME, ImageJ, BigTIFF, multi-page, big-endian, compressed; the tags go with the pixels."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore.data.formats.stack import Stack, colour
from nircore.errors import NircoreError

# Its remarks on damaged tags would stand between our lines, where nobody has asked for its log.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

LOSSLESS = {"NONE", "LZW", "PACKBITS", "DEFLATE", "ADOBE_DEFLATE", "ZSTD", "LZMA"}
#: Tags that say how pixels are laid out, which the writer sets itself; every other tag is carried over.
LAYOUT = {*range(254, 260), 262, 263, 266, 270, 273, *range(277, 285), 288, 289, 296, 305, 317, 320}
LAYOUT |= {322, 323, 324, 325, 330, 333, 338, 339, 347, *range(512, 522), *range(529, 533)}
CLASSIC_LIMIT = 2**32 - 2**25  # bytes: beyond it a file must be BigTIFF


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a TIFF: one for each page, or for each image of an ImageJ stack behind one header."""
    with tifffile.TiffFile(path) as file:
        pages = file.pages
        pages.useframes, pages.cache = False, False  # each page speaks for itself, and none is kept
        if not len(pages):
            yield Stack((1, 1), np.dtype("uint8"), 0, lambda page: np.zeros((1, 1)))
            return
        first = pages[0]
        _refuse_colour(path, first)
        if len(first.shape) != 2:
            raise NircoreError(f"{path} holds a page of shape {first.shape}: export single (H, W) frames.")
        dtype = np.dtype(first.dtype or object).newbyteorder("=")
        stored, read = (len(pages), *first.shape), _page_reader(path, file, first)
        if len(pages) == 1 and (count := _hidden_pages(file, first)) > 1:
            stored, read = (count, *first.shape), _contiguous_reader(path, file, first, count)
        elif len(pages) == 1:
            stored = first.shape
        white_is_low = first.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        if white_is_low and dtype.kind != "u":
            raise NircoreError(f"{path} stores white as low {dtype} numbers: export it with black as 0 (MINISBLACK).")
        top = dtype.type(2**first.bitspersample - 1) if white_is_low else None
        count = stored[0] if len(stored) == 3 else 1
        yield Stack(
            stored,
            dtype,
            count,
            (lambda page: top - read(page)) if white_is_low else read,
            white_is_low=white_is_low,
        )


def _refuse_colour(path: Path, page: Any) -> None:
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise colour(path, "a colour palette")
    if page.samplesperpixel > 1:
        raise colour(path, f"{page.samplesperpixel} colour channels")


def _page_reader(path: Path, file: tifffile.TiffFile, first: Any) -> Any:
    size = path.stat().st_size

    def read(index: int) -> np.ndarray:
        page = file.pages[index]
        if (page.shape, page.dtype, page.photometric) != (first.shape, first.dtype, first.photometric):
            raise NircoreError(
                f"{path} mixes pages: page {index} is {page.shape} {page.dtype}, page 0 is {first.shape} "
                f"{first.dtype}: save frames of one kind in a file."
            )
        # tifffile fills a strip that was never written with zeros: such a file is not whole.
        strips = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(length == 0 or start + length > size for start, length in strips):
            raise ValueError("part of its pixels is missing")
        return page.asarray()

    return read


def _hidden_pages(file: tifffile.TiffFile, page: Any) -> int:
    """Return how many frames stand behind a single header: ImageJ writes stacks above 4 GB that way."""
    if page.is_imagej:
        return int((file.imagej_metadata or {}).get("images", 1))
    if page.is_shaped and (shaped := file.shaped_metadata) and shaped[0].get("truncated"):
        return int(np.prod(shaped[0]["shape"], dtype=np.int64)) // int(np.prod(page.shape, dtype=np.int64))
    return 1


def _contiguous_reader(path: Path, file: tifffile.TiffFile, page: Any, count: int) -> Any:
    frame_bytes = int(np.prod(page.shape, dtype=np.int64)) * page.dtype.itemsize
    start = page.dataoffsets[0]
    if page.compression != 1 or start + count * frame_bytes > path.stat().st_size:
        raise ValueError(f"its header promises {count} frames, and not all of them are there")
    dtype = np.dtype(page.dtype).newbyteorder(file.byteorder)

    def read(index: int) -> np.ndarray:
        with open(path, "rb") as raw:
            raw.seek(start + index * frame_bytes)
            return np.frombuffer(raw.read(frame_bytes), dtype).reshape(page.shape).astype(dtype.newbyteorder("="))

    return read


def write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    """Write pages (already of the stack's dtype) with the layout, compression and tags that `source` has.

    Descriptions (OME-XML, ImageJ) are copied word for word, page by page. A compression that loses something becomes
    deflate. `note` goes into the Software tag of the first page, before what stood there.
    """
    height, width = stack.shape
    total = stack.pages * height * width * stack.dtype.itemsize
    with tifffile.TiffFile(source) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tifffile's remarks on tags that are copied as they are
        file.pages.useframes, file.pages.cache = False, False
        big = file.is_bigtiff or total > CLASSIC_LIMIT
        with tifffile.TiffWriter(target, bigtiff=big, byteorder=file.byteorder) as writer:
            for index, pixels in enumerate(pages):
                page = file.pages[min(index, len(file.pages) - 1)]
                options = _options(page, first=index == 0, own=index < len(file.pages), note=note)
                top = pixels.dtype.type(2**page.bitspersample - 1) if stack.white_is_low else None
                writer.write(pixels if top is None else top - pixels, **options)


def _options(page: Any, first: bool, own: bool, note: str) -> dict[str, Any]:
    """Return how to write a page so that it is like `page`, down to the tags if it is its `own`."""
    lossless = getattr(page.compression, "name", "") in LOSSLESS
    options: dict[str, Any] = {
        "photometric": "miniswhite" if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE else "minisblack",
        "compression": page.compression if lossless else "zlib",
        "predictor": page.predictor if lossless and page.predictor != 1 else None,
        "metadata": None,
        "software": False,
    }
    if page.is_tiled and lossless:
        options["tile"] = page.tile
    elif page.rowsperstrip and page.rowsperstrip < page.imagelength:
        options["rowsperstrip"] = page.rowsperstrip
    if not own:
        return options
    before = page.tags.get(305)
    if first:
        options["software"] = _encoded(note if before is None else f"{note}; {before.value}")
    elif before is not None:
        options["software"] = _encoded(before.value)
    description = page.tags.get(270)
    if description is not None:
        options["description"] = description.value if isinstance(description.value, (str, bytes)) else None
        options["description"] = _encoded(options["description"])
    if 282 in page.tags and 283 in page.tags:
        options["resolution"] = page.tags[282].value, page.tags[283].value
        options["resolutionunit"] = page.resolutionunit
    options["extratags"] = [_raw(tag) for tag in page.tags if tag.code not in LAYOUT]
    return options


def _encoded(description: str | bytes | None) -> bytes | None:
    return description.encode("utf-8") if isinstance(description, str) else description


def _raw(tag: Any) -> tuple[int, int, int, Any, bool]:
    """Return a tag as the writer takes it, its value in the bytes of the file where that is all there is to it."""
    value = tag.value
    if tag.dtype.name in ("BYTE", "ASCII", "UNDEFINED") or not isinstance(value, (int, float, tuple)):
        file = tag.parent.filehandle
        file.seek(tag.valueoffset)
        value = file.read(tag.valuebytecount)
    return tag.code, int(tag.dtype), tag.count, value, True
