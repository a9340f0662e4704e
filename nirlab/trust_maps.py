"""Trust maps of a result, in `trust/`: for each frame the half-width in DN of the interval around each pixel."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore.files import make_folder
from nircore.inference import trust
from nircore.inference.conformal import Calibration
from nirlab.movie import Movie
from nirlab.partial import Partial

BIG = 2**30  # bytes of maps from which on the file is a BigTIFF


def make(
    place: Path, movie: Movie, of: dict[str, Any], calibration: Calibration, work: Path, progress: Callable[[], Any]
) -> None:
    """Make the trust maps of a file, 32-bit TIFF, unless they are there: eight passes of the network a frame.

    Args:
        place: of the TIFF.
        movie: the source, which is open.
        of: the identity of the result.
        calibration: what the maps are scaled with.
        work: folder for the maps that are done.
        progress: called after each map.

    Raises:
        OSError: the disk does not take what is written.
    """
    identity = {"of": of, "by": dataclasses.asdict(calibration)}
    text = json.dumps(identity, sort_keys=True, default=str)
    note = f"nircore trust map {hashlib.sha256(text.encode()).hexdigest()}"
    if _there(place, note):
        return
    maps = Partial(work, "trust", {"note": note}, movie.shape, np.float32)
    maps.make(lambda page: (_half_width(movie, page, calibration), {}), progress)
    _put_together(maps, work / "trust.tif", note)
    make_folder(place.parent)
    os.replace(work / "trust.tif", place)


def _there(place: Path, note: str) -> bool:
    try:
        with tifffile.TiffFile(place) as file:
            return file.pages.first.description == note
    except (OSError, ValueError, tifffile.TiffFileError):
        return False


def _half_width(movie: Movie, page: int, calibration: Calibration) -> np.ndarray:
    signal = movie.signal(page)
    if np.ptp(signal) == 0:  # a blank frame passed through: nothing was done that could be wrong
        return np.zeros(signal.shape, np.float32)
    return trust.trust_map(movie.enhancer.generator, signal, calibration).half_width


def _put_together(maps: Partial, target: Path, note: str) -> None:
    with tifffile.TiffWriter(target, bigtiff=maps.count * maps.bytes > BIG) as writer:
        for page, half_width in enumerate(maps.frames()):
            writer.write(
                half_width, photometric="minisblack", compression="zlib", metadata=None, software=False,
                description=None if page else note,
            )  # fmt: skip
    with open(target, "rb") as file:
        os.fsync(file.fileno())
