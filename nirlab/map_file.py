"""The trust maps of one file, eight passes each: made in parts, so that a kill costs a few frames, and made once."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nircore import paths
from nirlab.locks import PARTIAL

PART_BYTES = 2**22  # of maps in a part: three frames of 640 x 512


@dataclass(frozen=True)
class MapFile:
    """A TIFF of half-widths, float32 DN, one page for each frame.

    Attributes:
        place: its path.
        shape: (frames, H, W).
        identity: what the maps depend on; one that is there with the same is done.
    """

    place: Path
    shape: tuple[int, int, int]
    identity: dict[str, Any]

    @property
    def note(self) -> str:
        """What the file says of itself: the hash of its identity."""
        text = json.dumps(self.identity, sort_keys=True, default=str)
        return f"nircore trust map {hashlib.sha256(text.encode()).hexdigest()}"

    @property
    def big(self) -> bool:
        """Whether it may outgrow a classic TIFF: by its pixels, for a folder store has no size of its own."""
        return int(np.prod(self.shape, dtype=np.int64)) * 4 > 2**30

    @property
    def work(self) -> Path:
        """The hidden folder with the parts that are done."""
        return self.place.parent / f"{PARTIAL}{hashlib.sha256(os.fsencode(self.place.name)).hexdigest()[:20]}"

    def there(self) -> bool:
        """Say whether the file is there, made the same way."""
        try:
            with tifffile.TiffFile(self.place) as file:
                return file.pages.first.description == self.note
        except (OSError, ValueError, tifffile.TiffFileError):
            return False

    def read(self, page: int) -> np.ndarray:
        """Return the map of a frame, (H, W) float32 DN."""
        return tifffile.imread(self.place, key=page)

    def make(self, half_widths: Callable[[range], Iterable[np.ndarray]]) -> None:
        """Make what is not there of it.

        Args:
            half_widths: returns the maps (H, W) of some frames.

        Raises:
            NircoreError: the folder cannot be written or the disk is full.
        """
        if not self.there():
            if not (self.work / self._stamp).exists():
                shutil.rmtree(self.work, ignore_errors=True)  # parts of maps that were made otherwise
            paths.write_text(self.work / self._stamp, self.note)
            for which in self._parts():
                if not self._part_file(which).is_file():
                    with paths.atomic(self._part_file(which)) as temporary:
                        np.save(temporary, np.stack(list(half_widths(which))))
            self._put_together()
        shutil.rmtree(self.work, ignore_errors=True)

    @property
    def _stamp(self) -> str:
        return self.note.split()[-1]

    def _parts(self) -> Iterator[range]:
        frames, height, width = self.shape
        size = max(1, PART_BYTES // (height * width * 4))
        return (range(start, min(start + size, frames)) for start in range(0, frames, size))

    def _part_file(self, which: range) -> Path:
        return self.work / f"{which.start:09d}.npy"

    def _put_together(self) -> None:
        temporary = self.work / "whole.tif"
        try:
            with tifffile.TiffWriter(temporary, bigtiff=self.big) as writer:
                for which in self._parts():
                    for page, half_width in enumerate(np.load(self._part_file(which)), which.start):
                        writer.write(
                            half_width, photometric="minisblack", compression="zlib", metadata=None, software=False,
                            description=None if page else self.note,
                        )  # fmt: skip
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, self.place)
        except OSError as error:
            raise paths.cannot_write(self.place, error) from error
