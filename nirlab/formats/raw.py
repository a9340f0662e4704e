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
#: Pixels that share bytes, as GenICam names them: bits of each; those of GigE Vision hold their low bits together.
PACKED = {"mono10p": 10, "mono12p": 12, "mono10packed": 10, "mono12packed": 12}


@dataclass(frozen=True)
class Raw:
    """What raw files hold; plain values, so that it travels to other machines and into the record.

    Attributes:
        shape: (H, W), or (N, H, W); of (H, W) as many as the file holds.
        dtype: pixel type as numpy names it, such as uint16, or >u2 for big-endian; or one of PACKED.
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
            known = dtype.lower() in PACKED or np.dtype(dtype).kind in "uif"
        except TypeError:
            known = False
        if not known or offset < 0:
            what = f"--offset {offset}" if known else f"--dtype {dtype}"
            raise NircoreError(f"{what} means nothing: give a type such as uint16, >u2 or mono12p, and bytes from 0.")
        return cls(tuple(map(int, re.split("[,x]", shape))), dtype, offset)


@contextmanager
def opened(path: Path, raw: Raw) -> Iterator[Stack]:
    """Describe the frames of a raw file, mapped, not loaded."""
    packed, size = raw.dtype.lower() in PACKED, path.stat().st_size - raw.offset
    dtype, pixels = np.dtype("u2" if packed else raw.dtype), int(np.prod(raw.shape[-2:], dtype=object))
    frame = _packed_bytes(pixels, raw.dtype) if packed else pixels * dtype.itemsize
    many = len(raw.shape) == 3
    count = raw.shape[0] if many else max(1, size // frame) if frame else 0
    if not frame or size != count * frame:
        raise NircoreError(
            f"{path} has {size} bytes after the first {raw.offset}, and {count} frames of "
            f"{' x '.join(map(str, raw.shape[-2:]))} {raw.dtype} take {count * frame}: check --shape, --dtype "
            "and --offset."
        )
    shape = (count, *raw.shape[-2:]) if many or count > 1 else raw.shape
    if packed:
        bytes_ = np.memmap(path, "u1", "r", raw.offset, (count, frame))
        layout = (("",), (count,)) if len(shape) == 3 else ((), ())
        yield Stack(shape, dtype, count, lambda page: _unpacked(bytes_[page], raw), layout=lambda: layout)
        return
    array = np.memmap(path, dtype, "r", raw.offset, shape)
    if not many and dtype.itemsize == 2 and dtype.kind == "u" and size % _packed_bytes(pixels, "mono12p") == 0:
        _refuse_packed(path, array.reshape(-1, *raw.shape[-2:])[0], size // _packed_bytes(pixels, "mono12p"))
    yield of_array(path, array)


def _packed_bytes(pixels: int, name: str) -> int:
    bits = PACKED[name.lower()]
    return -(-pixels // 2) * 3 if name.lower().endswith("packed") else -(-pixels * bits // 8)


def _unpacked(content: np.ndarray, raw: Raw) -> np.ndarray:
    """Return the pixels (H, W) uint16 of a frame whose pixels share bytes."""
    bits, pixels = PACKED[raw.dtype.lower()], raw.shape[-2] * raw.shape[-1]
    if raw.dtype.lower().endswith("packed"):
        one, low, two = content.reshape(-1, 3).astype(np.uint16).T
        part = (1 << bits - 8) - 1
        values = np.stack([one << bits - 8 | low & part, two << bits - 8 | low >> 4 & part], axis=1)
    else:
        each = np.unpackbits(content, bitorder="little")[: pixels * bits].reshape(-1, bits)
        values = each.astype(np.uint16) @ (1 << np.arange(bits, dtype=np.uint16))
    return values.ravel()[:pixels].reshape(raw.shape[-2:]).astype(np.uint16)


def _refuse_packed(path: Path, frame: np.ndarray, count: int) -> None:
    """Refuse a frame that is no picture, where its file holds whole frames of pixels that share bytes as well."""
    level = frame.astype(np.float32)
    if level.max() > 4095 and np.diff(level, axis=1).std() > level.std() > 4095:
        raise NircoreError(
            f"{path} is no picture of uint16, and its size is that of {count} frames of 12 bits a pixel as well: say "
            "--dtype mono12p (or mono12packed), or how many frames it holds by --shape N,H,W."
        )
