"""PNG in and out: one gray frame of 8 or 16 bits, with its text chunks and resolution."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nircore.data.formats.stack import Stack, colour
from nircore.errors import NircoreError

COLOURS = {2: "3 colour channels", 3: "a colour palette", 4: "2 colour channels", 6: "4 colour channels"}


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frame of a PNG file from its first 26 bytes."""
    with open(path, "rb") as file:
        header = file.read(26)
    if header[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG file")
    width, height, depth, kind = struct.unpack(">IIBB", header[16:])
    if kind in COLOURS:
        raise colour(path, COLOURS[kind])
    if depth not in (8, 16):
        raise NircoreError(f"{path} has {depth} bit(s) a pixel: export it with 8 or 16.")

    def read(page: int) -> np.ndarray:
        return iio.imread(path, plugin="pillow", index=page)

    yield Stack((height, width), np.dtype(f"uint{depth}"), 1, read)


def write(source: Path, target: Path, stack: Stack, pages: Iterator[np.ndarray], note: str) -> None:
    """Write the frame with the text and the resolution of `source`, and `note` under "Software"."""
    with Image.open(source) as image:
        said, dpi = dict(getattr(image, "text", {})), image.info.get("dpi")
    info = PngInfo()
    for key, text in said.items():
        if key != "Software":
            info.add_itxt(key, text)
    info.add_text("Software", "; ".join(filter(None, (note, said.get("Software")))))
    (pixels,) = pages
    Image.fromarray(pixels).save(target, format="png", pnginfo=info, **({"dpi": dpi} if dpi else {}))
