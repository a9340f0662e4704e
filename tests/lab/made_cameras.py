"""Files as cameras write them, made byte by byte from the formats' descriptions."""

import struct
from pathlib import Path

import numpy as np

HEADER = 4100  # bytes of a SPE header
OLD_TYPES = {"float32": 0, "int32": 1, "int16": 2, "uint16": 3}
NAMES = {"uint16": "MonochromeUnsigned16", "uint32": "MonochromeUnsigned32", "float32": "MonochromeFloating32"}


def spe2(path: Path, stack: np.ndarray, exposure_s: float = 0.02, regions: int = 1) -> Path:
    """WinView's: the header says all, and the frames follow each other."""
    header = bytearray(HEADER)
    count, height, width = stack.shape
    struct.pack_into("<f", header, 10, exposure_s)
    struct.pack_into("<H", header, 42, width)
    struct.pack_into("<h", header, 108, OLD_TYPES[stack.dtype.name])
    struct.pack_into("<H", header, 656, height)
    struct.pack_into("<i", header, 1446, count)
    struct.pack_into("<h", header, 1510, regions)
    struct.pack_into("<6H", header, 1512, 1, width, 1, 1, height, 1)
    struct.pack_into("<f", header, 1992, 2.5)
    path.write_bytes(header + stack.astype(stack.dtype.newbyteorder("<")).tobytes())
    return path


def spe3(path: Path, stack: np.ndarray, exposure_ms: float | None = 20, stamps: int = 24, regions: int = 1) -> Path:
    """LightField's: a footer in XML, and time stamps after each frame."""
    count, height, width = stack.shape
    size = height * width * stack.dtype.itemsize
    region = (
        f'<DataBlock type="Region" count="1" width="{width}" height="{height}" size="{size}" stride="{size}" '
        'calibrations="2" />'
    )
    time = "" if exposure_ms is None else (
        '<DataHistories><DataHistory><Origin><Experiment xmlns="http://www.princetoninstruments.com/experiment/2009">'
        '<Devices><Cameras><Camera><ShutterTiming>'
        f'<ExposureTime type="Double">{exposure_ms}</ExposureTime></ShutterTiming></Camera></Cameras></Devices>'
        "</Experiment></Origin></DataHistory></DataHistories>"
    )  # fmt: skip
    footer = (
        '<SpeFormat version="3.0" xmlns="http://www.princetoninstruments.com/spe/2009"><DataFormat>'
        f'<DataBlock type="Frame" count="{count}" pixelFormat="{NAMES[stack.dtype.name]}" size="{size}" '
        f'stride="{size + stamps}" metaFormat="1">{region * regions}</DataBlock></DataFormat>{time}</SpeFormat>'
    )
    header = bytearray(HEADER)
    frames = b"".join(frame.astype(stack.dtype.newbyteorder("<")).tobytes() + b"\xff" * stamps for frame in stack)
    struct.pack_into("<Q", header, 678, HEADER + len(frames))
    struct.pack_into("<f", header, 1992, 3.0)
    path.write_bytes(header + frames + footer.encode())
    return path


def sif(path: Path, stack: np.ndarray, exposure_s: float = 0.02) -> Path:
    """Andor's, of version 65559: lines of text, then 32-bit floats."""
    count, height, width = stack.shape
    zeros = " ".join(["0"] * 16)
    lines = [
        "Andor Technology Multi-Channel File", "65538 1",
        f"65559 0 0 1 1540956289 -80 {' ' * 9} 0 {exposure_s} 0.1 0.1 1 \0 0.1 1e-06 0 1 1 0 0 1e-06 {zeros} 0 0",
        "DU", f"{width} {height} 4", "a.sf ",
        "65538 1", " ", "65538 " + "\x01 \x02 \x03 \x04 0.1 0.1",
        *["0"] * 8, "0 spectrograph", "65539 \x01 \0", "0 1 0 0", "0 1 0 0", "0", "422", "13", "13",
    ]  # fmt: skip
    text = "\n".join(lines) + "\n" + "12\nPixel number6\nCounts12\nPixel number"
    text += f"65541 1 {height} {width} 1 {count} 1 {count * height * width} {height * width}\n"
    text += f"65538 1 {height} {width} 1 1 1 0\n" + "0\n" * count
    path.write_bytes(text.encode("latin-1") + stack.astype("<f4").tobytes())
    return path


def dcimg(path: Path, stack: np.ndarray) -> Path:
    """Hamamatsu's newer one: after each frame its number, its time and four of its pixels."""
    count, height, width = stack.shape
    frame, start, session = height * width * 2, 1024, 128
    data = bytearray(session + start)
    struct.pack_into("<8sI", data, 0, b"DCIMG", 0x1000000)
    struct.pack_into("<4I", data, 0x20, 1, count, session, 0)
    struct.pack_into("<Q", data, session, start + count * (frame + 32))
    struct.pack_into("<8I", data, session + 60, count, 2, 0, width, height, 2 * width, frame, 0)
    struct.pack_into("<Q", data, session + 96, start)
    struct.pack_into("<4H", data, session + 712, 0, width, 0, height)
    for number, pixels in enumerate(stack):
        footer = struct.pack("<3I", number, 0, 0) + pixels[0, :4].astype("<u2").tobytes() + bytes(12)
        data += pixels.astype("<u2").tobytes() + footer
    path.write_bytes(data)
    return path
