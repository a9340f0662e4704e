"""Trust maps of a result, in `trust/`: for each frame the half-width in DN of the interval around each pixel."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore.files import atomic
from nircore.inference import trust
from nircore.inference.conformal import Calibration
from nirlab.formats.tiff_write import CLASSIC_LIMIT
from nirlab.movie import Movie
from nirlab.partial import Partial


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
        NircoreError, OSError: the disk does not take what is written.
    """
    identity = {"of": of, "by": dataclasses.asdict(calibration)}
    text = json.dumps(identity, sort_keys=True, default=str)
    note = f"nircore trust map {hashlib.sha256(text.encode()).hexdigest()}"
    if _there(place, note):
        return
    maps = Partial(work, "trust", {"note": note}, movie.shape, np.float32)
    maps.make(lambda page: (_half_width(movie, page, calibration), {}), progress)
    big = maps.count * maps.bytes > CLASSIC_LIMIT
    with atomic(place) as temporary, tifffile.TiffWriter(temporary, bigtiff=big) as writer:
        for page, half_width in enumerate(maps.frames()):
            writer.write(
                half_width, photometric="minisblack", compression="zlib", metadata=None, software=False,
                description=None if page else note,
            )  # fmt: skip


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
