"""TIFF written like another one: layout, compression and every tag that the writer can carry over."""

import json
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nirlab.formats.tiff import is_white_low

LOSSLESS = {"NONE", "LZW", "PACKBITS", "DEFLATE", "ADOBE_DEFLATE", "ZSTD", "LZMA"}
#: Tags that say how pixels are laid out, which the writer sets itself; every other tag is carried over.
LAYOUT = {*range(254, 260), 262, 263, 266, 273, *range(277, 280), 282, 283, 284, 296, 305, 317}
LAYOUT |= {322, 323, 324, 325, 338, 339}
#: Tags that point to other places of the file, or describe pixels that are no more: not carried over, but listed.
DROPPED = {
    280: "MinSampleValue", 281: "MaxSampleValue", 288: "FreeOffsets", 289: "FreeByteCounts", 320: "ColorMap",
    330: "SubIFDs", 333: "InkNames", 340: "SMinSampleValue", 341: "SMaxSampleValue", 347: "JPEGTables",
    34665: "Exif", 34853: "GPS", 40965: "interoperability",
    33628: "MetaMorph UIC1", 33629: "MetaMorph UIC2", 33630: "MetaMorph UIC3", 33631: "MetaMorph UIC4",
} | dict.fromkeys((*range(512, 522), *range(529, 533)), "JPEG layout")  # fmt: skip
IFDS = (13, 18)  # types of tags that point to other headers
UNITS = (1, 2, 3)  # what the writer takes for a ResolutionUnit
CLASSIC_LIMIT = 2**32 - 2**25  # bytes: beyond it a file must be BigTIFF


def write(stack: Stack, source: Path, target: Path, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write pages (already of the stack's dtype) with the layout, compression and tags that `source` has.

    Descriptions (OME-XML, ImageJ) are copied byte for byte, page by page. A compression that loses something becomes
    deflate. `note` goes into the Software tag of the first page, before what stood there.

    Returns:
        What `source` has and `target` has not, in words.
    """
    height, width = stack.shape
    total, file = stack.pages * height * width * stack.dtype.itemsize, stack.file
    lost: dict[str, None] = dict.fromkeys(_in_front(file))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tifffile's remarks on tags that are copied as they are
        big = file.is_bigtiff or total > CLASSIC_LIMIT
        if big and not file.is_bigtiff:
            lost["a classic header (the result is a BigTIFF)"] = None
        with tifffile.TiffWriter(target, bigtiff=big, byteorder=file.byteorder) as writer:
            for index, pixels in enumerate(pages):
                page, own = file.pages[min(index, len(file.pages) - 1)], index < len(file.pages)
                stored = np.iinfo(stack.dtype).max - pixels if stack.white_is_low else pixels
                writer.write(stored, **_options(page, first=index == 0, own=own, note=note))
                lost |= dict.fromkeys(not_kept(page) if own else ())
    return list(lost)


def check(source: Path, stack: Stack) -> None:
    """Write the first and the last page to memory, so that what the writer refuses is known before computing.

    Raises:
        NircoreError: the writer refuses a page's layout or tags.
    """
    file = stack.file
    for index in sorted({0, len(file.pages) - 1}):
        try:
            options = {"bigtiff": file.is_bigtiff, "byteorder": file.byteorder}
            with warnings.catch_warnings(), tifffile.TiffWriter(BytesIO(), **options) as writer:
                warnings.simplefilter("ignore")
                blank = np.zeros(stack.shape, stack.dtype)
                writer.write(blank, **_options(file.pages[index], first=index == 0, own=True, note="note"))
        except Exception as error:  # tifffile and its codecs have an exception each
            raise NircoreError(
                f"{source}, page {index}, cannot be written like it is read ({error}): export it as a plain TIFF."
            ) from error


def _in_front(file: Any) -> Iterator[str]:
    """Yield what a program has put between the header and the pages, or behind them, which no page leads to."""
    if file.is_micromanager:
        yield "Micro-Manager's summary, index map and comments"
    if file.is_scanimage:
        yield "ScanImage's blocks of metadata in front of the pages"


def not_kept(page: Any) -> Iterator[str]:
    """Yield what of a page the writer cannot carry over, in words."""
    if 262 not in page.tags:
        yield "no PhotometricInterpretation (black was taken as 0, and is now said to be)"
    if getattr(page.compression, "name", "") not in LOSSLESS:
        yield f"compression {getattr(page.compression, 'name', page.compression)} (now deflate)"
    if page.is_tiled and _tile(page) is None:
        yield f"tiles of {page.tilelength} x {page.tilewidth} (now strips)"
    if page.bitspersample != page.dtype.itemsize * 8:
        yield f"{page.bitspersample} bits a pixel (now {page.dtype.itemsize * 8})"
    for code, name in DROPPED.items():
        if code in page.tags:
            yield name
    for tag in page.tags:
        if tag.dtype in IFDS and tag.code not in DROPPED:
            yield f"the headers that tag {tag.code} points to"
    if 282 in page.tags and 283 in page.tags and _has_odd_resolution(page):
        yield "a resolution that means nothing"
    if page.tags.get(270, index=1) is not None:
        yield "a second ImageDescription"


def _tile(page: Any) -> tuple[int, ...] | None:
    """Return a page's tile where the writer takes it: multiples of 16."""
    fits = page.is_tiled and page.tilewidth % 16 == page.tilelength % 16 == 0 and page.tilewidth and page.tilelength
    return (page.tilelength, page.tilewidth) if fits else None


def _options(page: Any, first: bool, own: bool, note: str) -> dict[str, Any]:
    """Return how to write a page so that it is like `page`, down to the tags if it is its `own`."""
    lossless = getattr(page.compression, "name", "") in LOSSLESS
    options: dict[str, Any] = {
        "photometric": "miniswhite" if is_white_low(page) else "minisblack",
        "compression": page.compression if lossless else "zlib",
        "predictor": page.predictor if lossless and page.predictor != 1 else None,
        "metadata": None,
        "software": False,
    }
    if lossless and (tile := _tile(page)):
        options["tile"] = tile
    elif not page.is_tiled and page.rowsperstrip and page.rowsperstrip < page.imagelength:
        options["rowsperstrip"] = page.rowsperstrip
    if not own:
        return options
    before = b"" if page.tags.get(305) is None else _bytes(page.tags[305]).rstrip(b"\0")
    if first:
        options["software"] = note.encode() + (b"; " + before if before else b"")
    elif before:
        options["software"] = before
    if 270 in page.tags:
        options["description"] = _description(page.tags[270])
    if 282 in page.tags and 283 in page.tags and not _has_odd_resolution(page):
        options["resolution"] = page.tags[282].value, page.tags[283].value
        options["resolutionunit"] = page.tags.valueof(296, 2)
    left_out = LAYOUT | DROPPED.keys() | {270}
    options["extratags"] = [_raw(tag) for tag in page.tags if tag.code not in left_out and tag.dtype not in IFDS]
    return options


def _has_odd_resolution(page: Any) -> bool:
    """Say whether the writer would not take a page's resolution: a denominator of 0, a unit of no standard."""
    values = [page.tags[code].value for code in (282, 283)]
    even = all(isinstance(value, tuple) and value[1] for value in values)
    return not even or page.tags.valueof(296, 2) not in UNITS


def _description(tag: Any) -> bytes:
    """Return a description as the file has it; the writer's own kind, which it renews, ends at its first NUL.

    What only begins like it stays whole: cut off, it would be taken for one that is damaged.
    """
    text = _bytes(tag)
    own = text.split(b"\0")[0]
    try:
        return own if own.startswith(b'{"shape":') and json.loads(own) else text
    except ValueError:  # neither JSON nor text
        return text


def _bytes(tag: Any) -> bytes:
    """Return a tag's value as it stands in the file."""
    file = tag.parent.filehandle
    file.seek(tag.valueoffset)
    return file.read(tag.valuebytecount)


def _raw(tag: Any) -> tuple[int, int, int, Any, bool]:
    """Return a tag as the writer takes it, its value in the bytes of the file where that is all there is to it."""
    value = tag.value
    if tag.dtype.name in ("BYTE", "ASCII", "UNDEFINED") or not isinstance(value, (int, float, tuple)):
        value = _bytes(tag)
    return tag.code, int(tag.dtype), tag.count, value, True
