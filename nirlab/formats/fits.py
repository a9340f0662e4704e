"""FITS: one image or cube, or one frame in each extension."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.stack import Stack, of_array
from nircore.errors import NircoreError

BLOCK = 2880  # bytes, of which every part of a file is a multiple
EXPOSURES = ("EXPTIME", "EXPOSURE")  # seconds, by the dictionaries of FITS keywords, where no comment has a unit
UNITS = {"ms": 1e-3, "msec": 1e-3, "milliseconds": 1e-3, "us": 1e-6, "usec": 1e-6, "microseconds": 1e-6}
BESIDE = re.compile(r"MASK|BPM|DQ|QUAL|ERR|VAR|UNC|WEIGHT|WHT|FLAG|BAD|CONF|SEG|LABEL|BKG|DARK|FLAT", re.I)
FROM_BELOW = "the rows are in the file's order, which FITS counts from below: upside down as Fiji and DS9 show it"


class _Images:
    """The images of a file as one array that is read frame by frame, its numbers scaled as the header says."""

    def __init__(self, hdus: list[Any]) -> None:
        self.hdus, one = hdus, tuple(map(int, hdus[0].shape))
        self.shape = one if len(hdus) == 1 else (len(hdus), *one)
        self.ndim = len(self.shape)
        self.dtype = self[(0,) * (self.ndim - 2)].dtype

    def __getitem__(self, index: Any) -> np.ndarray:
        place = tuple(map(int, index)) if self.ndim > 2 and index != () else ()
        hdu = self.hdus[place[0] if len(self.hdus) > 1 else 0]
        inside = place[1:] if len(self.hdus) > 1 else place
        return np.asarray(hdu.section[(*inside, slice(None), slice(None))])


@contextmanager
def opened(path: Path) -> Iterator[Stack]:
    """Describe the frames of a FITS file; BSCALE and BZERO are applied."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its remarks on a file that is cut: said below
        with fits.open(path, memmap=False) as file:  # sections are read one by one all the same
            hdus = [hdu for hdu in file if getattr(hdu, "is_image", False) and len(hdu.shape) >= 2]
            hdus, said = _frames(hdus)
            if not hdus or len({(hdu.shape, len(hdu.shape) == 2 or len(hdus) == 1) for hdu in hdus}) > 1:
                raise NircoreError(
                    f"{path} holds {len(hdus)} images of different kinds: save its frames in one cube."
                )
            if len(hdus) > 1 and len(hdus[0].shape) > 2:
                raise NircoreError(f"{path} holds {len(hdus)} cubes: save each in a file of its own.")
            if (lacking := max(map(_end, hdus)) - path.stat().st_size) > 0:
                raise ValueError(f"{lacking} bytes of its frames are not there")
            stack = of_array(path, _Images(hdus))
            if hdus[0].header.get("ROWORDER", "").upper() != "TOP-DOWN":
                said.append(FROM_BELOW)
            yield stack._replace(exposures_s=_exposures(file, hdus, stack.pages), said=tuple(said))


def _frames(hdus: list[Any]) -> tuple[list[Any], list[str]]:
    """Return the images that are frames, and what is to be said of those that stand beside them: masks, errors."""
    kept = [hdu for hdu in hdus if not BESIDE.search(hdu.name) and hdu.header["BITPIX"] == hdus[0].header["BITPIX"]]
    left = [hdu.name or "without a name" for hdu in hdus if hdu not in kept]
    return (kept, [f"the extension {name} is no frame" for name in left]) if kept else (hdus, [])


def _end(hdu: Any) -> int:
    """Return the least size of a file that holds an image whole: the blanks up to the next block may be missing."""
    place = hdu.fileinfo()
    compressed = hasattr(hdu, "compressed_data")
    return place["datLoc"] + (place["datSpan"] - BLOCK + 1 if compressed else hdu.size)


def _exposures(file: Any, hdus: list[Any], pages: int) -> tuple[float, ...] | None:
    """Return the exposure of each page in seconds, None where the headers do not state it."""
    each = [_exposure(hdu.header) or _exposure(file[0].header) for hdu in hdus]
    if None in each:
        return None
    return tuple(each) if len(each) == pages else (each[0],) * pages


def _exposure(header: Any) -> float | None:
    for name in EXPOSURES:
        words = re.findall(r"[a-z]+", header.comments[name].lower()) if name in header else []
        try:
            told = float(header[name]) * next((UNITS[word] for word in words if word in UNITS), 1.0)
        except (KeyError, TypeError, ValueError):
            continue
        if told > 0:
            return round(told, 12)
    return None
