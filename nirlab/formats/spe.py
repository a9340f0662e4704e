"""Princeton Instruments SPE: version 2 (WinView) and 3 (LightField), with what stands between the frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nircore.data.stack import Stack
from nircore.errors import NircoreError

OLD_TYPES = ("float32", "int32", "int16", "uint16", None, "float64", "uint8", None, "uint32")


class Layout(NamedTuple):
    """Where the frames of a file are: `stride` bytes lie between the beginnings of two, up to byte `end`."""

    count: int
    shape: tuple[int, int]
    dtype: np.dtype
    stride: int
    end: int
    exposure_s: float | None


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a SPE file from its header, and of version 3 its footer."""
    from spexread.structdef import HEADERSIZE, SPEInfoHeader

    header, size = SPEInfoHeader(), path.stat().st_size
    with open(path, "rb") as file:
        if file.readinto(header) < HEADERSIZE:
            raise ValueError("its header is cut")
    found = _new(path, header.XMLOffset) if header.file_header_ver >= 3 else _old(path, header, size)
    lacking = HEADERSIZE + found.count * found.stride - found.end
    pixels = found.shape[0] * found.shape[1]

    def read(page: int) -> np.ndarray:
        """Return a page (H, W)."""
        place = HEADERSIZE + page * found.stride
        return np.fromfile(path, found.dtype, pixels, offset=place).reshape(found.shape)

    grid = (found.count,) if found.count != 1 else ()
    yield Stack(
        (*grid, *found.shape), found.dtype.newbyteorder("="), found.count, read,
        exposures_s=(found.exposure_s,) * found.count if found.exposure_s else None,
        missing=f"{lacking} bytes of its {found.count} frames are not there" if lacking > 0 else "",
        layout=lambda: (("t",) * len(grid), grid),
    )  # fmt: skip


def _old(path: Path, header: object, size: int) -> Layout:
    """Read the header of version 2, whose frames follow each other without a gap."""
    if header.NumROI > 1:
        raise _regions(path, header.NumROI)
    name = OLD_TYPES[header.datatype] if 0 <= header.datatype < len(OLD_TYPES) else None
    if name is None:
        raise ValueError(f"its datatype is {header.datatype}")
    dtype, shape = np.dtype(name).newbyteorder("<"), (int(header.ydim), int(header.xdim))
    stride = shape[0] * shape[1] * dtype.itemsize
    exposure = float(f"{header.exp_sec:.6g}")  # kept in float32
    count = int(header.NumFrames)
    if stride and size - 4100 >= (count + 1) * stride:
        raise NircoreError(
            f"{path} counts {count} frames and holds {(size - 4100) // stride}: it was not closed; export it again."
        )
    return Layout(count, shape, dtype, stride, size, exposure if 0 < exposure < 1e6 else None)


def _new(path: Path, offset: int) -> Layout:
    """Read the footer of version 3; each frame may be followed by time stamps, which its stride counts."""
    from lxml import etree
    from spexread.data_models import FrameType

    if not 4100 <= offset < path.stat().st_size:
        raise NircoreError(
            f"{path} has no footer, which LightField writes at the end of a run: the run broke off. Export it there, "
            "or call a copy .raw, and read its pixels with --shape, --dtype and --offset 4100."
        )
    with open(path, "rb") as file:
        file.seek(offset)
        root = etree.fromstring(file.read(), etree.XMLParser(resolve_entities=False, huge_tree=True))
    frames = FrameType.from_xml(root)
    if len(frames.ROIs) != 1:
        raise _regions(path, len(frames.ROIs))
    region = frames.ROIs[0]
    told = root.xpath("//*[local-name()='ShutterTiming']/*[local-name()='ExposureTime']/text()")
    exposure = float(told[0]) / 1000 if told else None
    dtype = np.dtype(frames.pixelFormat).newbyteorder("<")
    return Layout(frames.count, (region.height, region.width), dtype, frames.stride, offset, exposure)


def _regions(path: Path, count: int) -> NircoreError:
    return NircoreError(f"{path} holds {count} regions of the sensor: export the one with the picture as TIFF.")
