"""Raw pixels without a header: the caller says what they are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nircore.data.stack import Stack, of_array
from nircore.errors import NircoreError

#: Of the files in a folder that count as raw, once it is said what they are.
SUFFIXES = (".raw", ".bin", ".dat", ".img")


@dataclass(frozen=True)
class Raw:
    """What raw files hold; plain values, so that it travels to other machines and into the record.

    Attributes:
        shape: (H, W), or (N, H, W); of (H, W) as many as the file holds.
        dtype: pixel type as numpy names it, such as uint16, or >u2 for big-endian.
        offset: bytes before the first pixel.
    """

    shape: tuple[int, ...]
    dtype: str
    offset: int = 0

    @classmethod
    def parsed(cls, shape: str, dtype: str, offset: int = 0) -> "Raw | None":
        """Return what a command line says of raw files; None where it says nothing.

        Raises:
            NircoreError: half of it is missing, or means nothing.
        """
        if not shape and not dtype and not offset:
            return None
        if not shape or not dtype:
            raise NircoreError("Raw files need both --shape H,W (or N,H,W) and --dtype, such as uint16.")
        if not re.fullmatch(r"\d+([,x]\d+){1,2}", shape):
            raise NircoreError(f"--shape {shape} means nothing: give H,W or N,H,W, such as 512,640.")
        try:
            known = np.dtype(dtype).kind in "uif"
        except TypeError:
            known = False
        if not known or offset < 0:
            what = f"--offset {offset}" if known else f"--dtype {dtype}"
            raise NircoreError(f"{what} means nothing: give a type such as uint16 or >u2, and bytes from 0.")
        return cls(tuple(map(int, re.split("[,x]", shape))), dtype, offset)


@contextmanager
def opened(path: Path, raw: Raw) -> Iterator[Stack]:
    """Describe the frames of a raw file, mapped, not loaded."""
    dtype, size = np.dtype(raw.dtype), path.stat().st_size - raw.offset
    frame = int(np.prod(raw.shape[-2:], dtype=object)) * dtype.itemsize
    many = len(raw.shape) == 3
    count = raw.shape[0] if many else max(1, size // frame) if frame else 0
    if not frame or size != count * frame:
        raise NircoreError(
            f"{path} has {size} bytes after the first {raw.offset}, and {count} frames of "
            f"{' x '.join(map(str, raw.shape[-2:]))} {dtype.name} take {count * frame}: check --shape, --dtype "
            "and --offset."
        )
    shape = (count, *raw.shape[-2:]) if many or count > 1 else raw.shape
    array = np.memmap(path, dtype, "r", raw.offset, shape)
    yield of_array(path, array)
