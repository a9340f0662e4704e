"""OME-TIFF out: where the results of cameras' own formats go, which are read and never written."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from nircore.data.stack import Stack
from nircore.errors import NircoreError

SUFFIX = ".ome.tif"
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
LIMIT = 2**32 - 2**25  # bytes: beyond it a file must be BigTIFF
AXES = "TZC"  # what OME knows besides Y and X


def said(package: str) -> tuple[str, ...]:
    """Return what the line and the record say of a file that a package has read."""
    return (f"read with {package}, so the result is an OME-TIFF",)


def check(source: Path, stack: Stack) -> None:
    """Refuse a type of pixels that OME has no name for.

    Raises:
        NircoreError: so it is.
    """
    if stack.dtype.name not in TYPES:
        known = ", ".join(TYPES)
        raise NircoreError(
            f"{source} holds {stack.dtype}, which OME-TIFF has no name for: export it as one of {known}."
        )


def write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write pages as one OME-TIFF with the axes and exposures of the source.

    Returns:
        What `source` has and `target` has not, in words.
    """
    axes, grid = _axes(stack)
    metadata = {"axes": f"{axes}YX"}
    if stack.exposures_s:
        plane = {"ExposureTime": list(stack.exposures_s), "ExposureTimeUnit": ["s"] * stack.pages}
        metadata["Plane"] = plane
    size = stack.pages * stack.shape[0] * stack.shape[1] * stack.dtype.itemsize
    with tifffile.TiffWriter(target, ome=True, bigtiff=size > LIMIT) as writer:
        writer.write(
            pages, shape=(*grid, *stack.shape), dtype=stack.dtype, photometric="minisblack", compression="zlib",
            metadata=metadata, software=note,
        )  # fmt: skip
    return [f"all that a {source.suffix or 'raw'} file says besides frames and exposures"]


def _axes(stack: Stack) -> tuple[str, tuple[int, ...]]:
    """Return OME's names and the lengths of the axes before (H, W); what it has no name for runs along T."""
    names, grid = stack.layout()
    names = tuple(name.upper() for name in names)
    if len(names) == len(set(names)) and set(names) <= set(AXES) and int(np.prod(grid)) == stack.pages:
        return "".join(names), tuple(grid)
    return ("T", (stack.pages,)) if stack.pages > 1 else ("", ())
