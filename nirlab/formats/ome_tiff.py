"""OME-TIFF out: where the results of all files go whose kind is read and never written."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from nircore.data.stack import Stack
from nircore.errors import NircoreError
from nirlab.formats.tiff_write import CLASSIC_LIMIT

SUFFIX = ".ome.tif"
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
BARE = (".npy", ".raw", ".bin", ".dat", ".img")  # kinds of files that hold pixels alone
AXES = "TZC"  # what OME knows besides Y and X


def check(source: Path, stack: Stack) -> None:
    """Refuse, with a `NircoreError`, a type of pixels that OME has no name for."""
    if stack.dtype.name not in TYPES:
        known = ", ".join(TYPES)
        raise NircoreError(
            f"{source} holds {stack.dtype}, which OME-TIFF has no name for: export it as one of {known}."
        )


def write(stack: Stack, source: Path, target: Path, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write pages as one OME-TIFF with the axes and exposures of the source.

    Returns:
        What `source` has and `target` has not, in words.
    """
    axes, grid = _axes(stack)
    metadata = {"axes": f"{axes}YX"}
    if stack.exposures_s:
        seconds = list(stack.exposures_s)
        metadata["Plane"] = {"ExposureTime": seconds, "ExposureTimeUnit": ["s"] * stack.pages}
    size = stack.pages * stack.shape[0] * stack.shape[1] * stack.dtype.itemsize
    with tifffile.TiffWriter(target, ome=True, bigtiff=size > CLASSIC_LIMIT) as writer:
        writer.write(
            pages, shape=(*grid, *stack.shape), dtype=stack.dtype, photometric="minisblack", compression="zlib",
            metadata=metadata, software=note,
        )  # fmt: skip
    lost = [] if source.suffix.lower() in BARE else [f"all that {source.name} says besides frames and exposures"]
    if len(grid) < len(stack.stored) - 2:
        lost.append(f"the axes {' x '.join(map(str, stack.stored[:-2]))} (the frames follow each other along T)")
    return lost


def _axes(stack: Stack) -> tuple[str, tuple[int, ...]]:
    """Return OME's names and the lengths of the axes before (H, W); what it has no name for runs along T."""
    names, grid = stack.layout()
    names = tuple(name.upper() for name in names)
    if len(names) == len(set(names)) and set(names) <= set(AXES) and int(np.prod(grid)) == stack.pages:
        return "".join(names), tuple(grid)
    return ("T", (stack.pages,)) if stack.pages > 1 else ("", ())
