"""Whether a TIFF holds all that it announces: pages, OME's planes, ImageJ's images, MetaMorph's planes, its bytes."""

import json
import mmap
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

UIC2 = 33629  # MetaMorph: one entry for each plane behind the single header
PRIVATE = 32768  # codes from here on are a vendor's, whose types a reader need not know
SLACK = 16  # a file of one frame has at most so small a share of it beside the frame, or is looked at closely
POINTERS = (330, 34665, 34853, 40965)  # SubIFDs, Exif, GPS, interoperability: bytes that no page accounts for


def hidden_pages(file: tifffile.TiffFile, page: Any) -> int:
    """Return how many frames stand behind a single header: MetaMorph does so, and ImageJ above 4 GB."""
    if UIC2 in page.tags:
        return page.tags[UIC2].count
    if page.is_imagej:
        return _imagej(file)
    if page.is_shaped and (shaped := _shape(page)) and shaped.get("truncated"):
        return _frames(shaped, page)
    return 1


def missing(path: Path, file: tifffile.TiffFile, first: Any, count: int) -> str:
    """Return what a file of `count` frames announces and lacks, in words; "" where it is complete."""
    if UIC2 in first.tags and first.tags[UIC2].count > count:
        return f"MetaMorph promises {first.tags[UIC2].count} planes, and {count} are there"
    pixels = sum(first.databytecounts)
    if count == 1 and path.stat().st_size - pixels > pixels / SLACK:  # the way to a second page may be lost
        if lost := [code for code in _codes(file, first) if code < PRIVATE and code not in first.tags]:
            return f"{len(lost)} of the entries in its header mean nothing"
    if _next_page(file):
        return f"page {len(file.pages)} is announced and lies beyond the end of the file"
    announced, who = _announced(path, file, first)
    if announced > count:
        return f"{who} promises {announced} frames, and {count} are there"
    if announced < 0:
        return f"{who} cannot be read, so nobody knows how many frames belong here"
    orphaned = len(file.pages) == count and _orphaned(path, file, first, count)
    return "a page stands in it that no other page leads to" if orphaned else ""


def _codes(file: tifffile.TiffFile, page: Any) -> list[int]:
    """Return the codes of all entries of a page's header; the file stands behind them then."""
    tiff, handle = file.tiff, file.filehandle
    handle.seek(page.offset)
    count = struct.unpack(tiff.tagnoformat, handle.read(tiff.tagnosize))[0]
    content = handle.read(count * tiff.tagsize)
    return [code for code, _ in struct.iter_unpack(f"{file.byteorder}H{tiff.tagsize - 2}s", content)]


def _next_page(file: tifffile.TiffFile) -> int:
    """Return where the header of the page after the last would stand: 0 where the chain ends as it should."""
    _codes(file, file.pages[len(file.pages) - 1])
    end = file.filehandle.read(file.tiff.offsetsize)
    return struct.unpack(file.tiff.offsetformat, end)[0] if len(end) == file.tiff.offsetsize else 1


def _announced(path: Path, file: tifffile.TiffFile, first: Any) -> tuple[int, str]:
    """Return the number of frames that a description states, and whose it is; 0 where none does, -1 for garbage."""
    if first.is_ome:
        return _ome(path, first.description), "its OME-XML"
    if first.is_imagej:
        return _imagej(file), "its ImageJ description"
    if first.is_shaped:
        shaped = _shape(first)
        return (_frames(shaped, first) if shaped else -1), "its shape"
    return 0, ""


def _imagej(file: tifffile.TiffFile) -> int:
    said = file.imagej_metadata or {}
    axes = [said.get(name, 1) for name in ("channels", "slices", "frames")]
    whole = [value if isinstance(value, int) else 1 for value in (*axes, said.get("images", 1))]
    return max(whole[0] * whole[1] * whole[2], whole[3])


def _shape(page: Any) -> dict[str, Any]:
    """Return tifffile's own description of a series, {} where it is damaged."""
    try:
        found = tifffile.tifffile.shaped_description_metadata(page.shaped_description)
        return found if all(isinstance(length, int) for length in found["shape"]) else {}
    except (ValueError, KeyError, TypeError, json.JSONDecodeError):
        return {}


def _frames(shaped: dict[str, Any], page: Any) -> int:
    return int(np.prod(shaped["shape"], dtype=object)) // int(np.prod(page.shape, dtype=object))


def _ome(path: Path, text: str) -> int:
    """Return how many planes an OME-XML has in this file: all, unless it spreads them over several files."""
    try:
        root = ElementTree.fromstring(text)
        return sum(_planes(path, root, pixels) for pixels in root.iterfind(".//{*}Pixels"))
    except (ElementTree.ParseError, ValueError, KeyError):
        return -1


def _planes(path: Path, root: ElementTree.Element, pixels: ElementTree.Element) -> int:
    parts = [(block, block.find("{*}UUID")) for block in pixels.iterfind("{*}TiffData")]
    named = [part for _, part in parts if part is not None]
    names, uuids = {part.get("FileName") for part in named}, {(part.text or "").strip() for part in named}
    if names <= {None, path.name} or len(names) == 1 and root.get("UUID") in uuids:
        return int(np.prod([int(pixels.attrib[f"Size{axis}"]) for axis in "ZCT"], dtype=object))
    own = [block for block, part in parts if part is not None and _is_own(path, root, part)]
    return sum(int(block.get("PlaneCount", 1)) for block in own)


def _is_own(path: Path, root: ElementTree.Element, part: ElementTree.Element) -> bool:
    known = root.get("UUID")
    return part.text.strip() == known if known and part.text else part.get("FileName") == path.name


def _orphaned(path: Path, file: tifffile.TiffFile, first: Any, count: int) -> bool:
    """Say whether a page header stands between the pages that no other page leads to: the chain of pages is damaged.

    Bytes that belong to no page are lawful: frames that begin on a block of the disk, a program's notes, an index. A
    page header is known by its entry on the width, which is that of the first page to the byte. The value of a tag
    may hold such bytes too: it belongs to its page.
    """
    size = path.stat().st_size
    if 256 not in first.tags or first.compression == 1 and size - count * first.nbytes < first.nbytes:
        return False
    pages = [file.pages[index] for index in range(count)]
    if any(code in page.tags for page in pages for code in POINTERS):
        return False
    known = {page.tags[256].offset for page in pages if 256 in page.tags}
    pixels = sorted(
        (at, at + long) for page in pages for at, long in zip(page.dataoffsets, page.databytecounts, strict=True)
    )
    taken = sorted([*pixels, *_values(pages, pixels)])
    with open(path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        mark = content[first.tags[256].offset : first.tags[256].offset + file.tiff.tagsize]
        start = 0
        for begin, end in [*taken, (size, size)]:
            place = content.find(mark, start, max(begin, start))
            while place >= 0:
                if place not in known:
                    return True
                place = content.find(mark, place + 1, begin)
            start = max(start, end)
    return False


def _values(pages: list[Any], pixels: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield where the values of tags begin and end, without those that run over pixels: their length is damaged."""
    for tag in (tag for page in pages for tag in page.tags):
        begin, end = tag.valueoffset, tag.valueoffset + tag.valuebytecount
        before = bisect_left(pixels, (end, 0))
        if not before or pixels[before - 1][1] <= begin:
            yield begin, end
