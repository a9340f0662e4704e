"""TIFF read: OME, ImageJ, BigTIFF, multi-page, big-endian, compressed, and whether all of it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from nircore.data.plain import first_page, read_page
from nircore.data.stack import Layout, Stack
from nircore.errors import NircoreError
from nirlab.formats.tiff_complete import hidden_pages, missing

MANAGER = 51123  # the tag in which Micro-Manager says all of a frame
SECONDS = {"s": 1.0, "ms": 1e-3, "\u00b5s": 1e-6, "us": 1e-6, "ns": 1e-9, "min": 60.0}


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a TIFF: one for each page, or for each image of an ImageJ stack behind one header."""
    with tifffile.TiffFile(path) as file:
        pages = file.pages
        pages.useframes, pages.cache = False, False  # each page speaks for itself, and none is kept
        first = first_page(path, file)
        if len(first.shape) != 2:
            raise NircoreError(f"{path} holds a page of shape {first.shape}: export single (H, W) frames.")
        yield _stack(path, file, first)


def _stack(path: Path, file: tifffile.TiffFile, first: Any) -> Stack:
    dtype = np.dtype(first.dtype or object).newbyteorder("=")
    count, size = len(file.pages), path.stat().st_size

    def read(index: int) -> np.ndarray:
        """Return a page of its own."""
        return read_page(path, file.pages[index], first, size)

    if count == 1 and (hidden := hidden_pages(file, first)) > 1:
        count, read = hidden, _contiguous_reader(path, file, first, hidden)
    white_is_low = is_white_low(first)
    if white_is_low and dtype.kind != "u":
        raise NircoreError(f"{path} stores white as low {dtype} numbers: export it with black as 0 (MINISBLACK).")
    top = dtype.type(2**first.bitspersample - 1) if white_is_low else None
    return Stack(
        first.shape if count == 1 else (count, *first.shape),
        dtype,
        count,
        (lambda page: top - read(page)) if white_is_low else read,
        white_is_low=white_is_low,
        missing=missing(path, file, first, count),
        exposures_s=_exposures(file, first, count),
        layout=lambda: _layout(path, file, first, count),
        file=file,
    )


def _exposures(file: tifffile.TiffFile, first: Any, count: int) -> tuple[float, ...] | None:
    """Return the exposure of each page in seconds, where Micro-Manager or OME states it of all."""
    if MANAGER in first.tags and len(file.pages) == count:
        said = [file.pages[page].tags.valueof(MANAGER) for page in range(count)]
        told = [float(one.get("Exposure-ms") or 0) / 1000 if isinstance(one, dict) else 0.0 for one in said]
    elif first.is_ome:
        root = ElementTree.fromstring(first.description)
        pixels = root.findall(".//{*}Pixels")
        planes = list(pixels[0].iterfind("{*}Plane")) if len(pixels) == 1 else []
        order = [f"The{axis}" for axis in reversed(pixels[0].get("DimensionOrder", "XYZCT")[2:])] if planes else []
        planes.sort(key=lambda plane: [int(plane.get(axis, 0)) for axis in order])
        told = [
            float(one.get("ExposureTime", 0)) * SECONDS.get(one.get("ExposureTimeUnit", "s"), 0) for one in planes
        ]
    else:
        return None
    told = told * count if len(set(told)) == 1 and len(told) != count else told
    return tuple(round(one, 12) for one in told) if len(told) == count and min(told, default=0) > 0 else None


def _layout(path: Path, file: tifffile.TiffFile, first: Any, count: int) -> Layout:
    """Return the axes along which the pages run: ImageJ's, OME's or tifffile's own; else one without a name."""
    if first.is_imagej:
        said = file.imagej_metadata or {}
        grid = tuple(int(said.get(name, 1)) for name in ("frames", "slices", "channels"))
        alone = grid[0] == grid[2] == 1  # ImageJ calls any plain stack slices
        if int(np.prod(grid)) == count and not alone:
            return ("t", "z", "c"), grid
    elif first.is_ome or first.is_shaped:
        with tifffile.TiffFile(path) as again:  # series are read in another mode than single pages
            if any(len(one.axes) > 2 for one in again.series):
                return _series_layout(again.series, count)
    return ("",), (count,)


def _series_layout(series: Any, count: int) -> Layout:
    """Return the axes of the one series of a file, none where its pages do not stand in their order."""
    names, grid = series[0].axes[:-2].lower(), tuple(series[0].shape[:-2])
    order = [page.index for page in series[0].pages if page is not None]
    if len(series) > 1 or int(np.prod(grid)) != count or order not in ([0], list(range(count))):
        return ("?",), (count,)
    return tuple(name if name in "tzc" else "" for name in names), grid


def is_white_low(page: Any) -> bool:
    """Say whether a page keeps light as low numbers; one that does not say counts as black is 0, as for libtiff."""
    return 262 in page.tags and page.photometric == tifffile.PHOTOMETRIC.MINISWHITE


def _contiguous_reader(path: Path, file: tifffile.TiffFile, page: Any, count: int) -> Any:
    start = page.dataoffsets[0]
    if page.compression != 1 or start + count * page.nbytes > path.stat().st_size:
        raise NircoreError(
            f"{path} is not whole: its header promises {count} frames, and not all of them are there; copy it again."
        )
    dtype = np.dtype(page.dtype).newbyteorder(file.byteorder)

    def read(index: int) -> np.ndarray:
        """Return a frame (H, W)."""
        with open(path, "rb") as raw:
            raw.seek(start + index * page.nbytes)
            return np.frombuffer(raw.read(page.nbytes), dtype).reshape(page.shape).astype(dtype.newbyteorder("="))

    return read
