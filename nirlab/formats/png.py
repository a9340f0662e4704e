"""PNG in and out: one gray frame of 8 or 16 bits, with its text, resolution and the other chunks beside it."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import PngInfo

from nircore.data import plain
from nircore.data.stack import Stack

# The library refuses a text of 1 MB, such as a program's settings or a colour profile, for fear of a bomb.
PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = 2**26, 2**28
PIXELS = (b"IHDR", b"IDAT", b"IEND", b"pHYs", b"eXIf", b"iCCP")  # written by the library itself
CARRIED = (b"cHRM", b"cICP", b"gAMA", b"sBIT", b"sRGB", b"tIME", b"sPLT", b"iTXt", b"tEXt", b"zTXt", b"bKGD", b"hIST")


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frame of a PNG file from its chunks, whose pixels are not read yet."""
    with plain.png(path) as stack:
        yield stack._replace(missing=_missing(path))


def _chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk that is whole, without the pixels' content."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            content = b"" if name == b"IDAT" else file.read(length)
            if name == b"IDAT":
                file.seek(length, 1)
            elif len(content) < length:
                return
            if len(file.read(4)) < 4:
                return
            yield name, content
            if name == b"IEND":
                return


def _missing(path: Path) -> str:
    """Return what a PNG file lacks: its end, or the further frames of an animation, which are not read."""
    chunks = list(_chunks(path))
    for name, content in chunks:
        if name == b"acTL" and len(content) == 8 and (frames := struct.unpack(">I", content[:4])[0]) > 1:
            return f"it is an animation of {frames} frames, of which one can be read"
    return "" if chunks and chunks[-1][0] == b"IEND" else "its end is not there"


def write(stack: Stack, source: Path, target: Path, pages: Iterator[np.ndarray], note: str) -> list[str]:
    """Write the frame with the chunks of `source` as they are, and `note` under "Software".

    Returns:
        What `source` has and `target` has not, in words.
    """
    with Image.open(source) as image:
        image.load()
        said, more = dict(getattr(image, "text", {})), dict(image.info)
    info, lost = PngInfo(), ["interlacing"] if more.get("interlace") else []
    for name, content in _chunks(source):
        if name in PIXELS or content.startswith(b"Software\0"):
            continue
        if name in CARRIED or name[1:2].islower():
            info.add(name, content)
        else:
            lost.append(f"chunk {name.decode(errors='replace')}")
    info.add_text("Software", "; ".join(filter(None, (note, said.get("Software")))))
    options = {key: more[key] for key in ("dpi", "exif", "icc_profile") if more.get(key)}
    if "dpi" not in options and any(name == b"pHYs" for name, _ in _chunks(source)):
        lost.append("the ratio of pixel sides")
    (pixels,) = pages
    Image.fromarray(pixels).save(target, format="png", pnginfo=info, **options)
    return lost
